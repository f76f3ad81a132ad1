"""How a bench says what it saw: a table on the terminal, and the same figures as JSON in `var/bench/`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

FOLDER = Path("var/bench")


def report(name: str, title: str, figures: Mapping[str, Sequence[float]], unit: str,
           ratios: Mapping[str, float]) -> None:  # fmt: skip
    """Print and keep the runs of each contender and the ratios of their medians."""
    table = Table(title=title)
    for head in ("", "median", "min", "max", "runs"):
        table.add_column(head, justify="left" if not head else "right")
    for contender, runs in figures.items():
        table.add_row(contender, f"{median(runs):,.1f} {unit}", f"{min(runs):,.1f}", f"{max(runs):,.1f}",
                      str(len(runs)))  # fmt: skip
    console = Console()
    console.print(table)
    for what, ratio in ratios.items():
        console.print(f"{what}: {ratio:.2f}")
    FOLDER.mkdir(parents=True, exist_ok=True)
    kept = {"unit": unit, "runs": {key: list(runs) for key, runs in figures.items()}, "ratios": dict(ratios)}
    (FOLDER / f"{name}.json").write_text(json.dumps(kept, indent=1))
