"""How a bench says what it saw: a table on the terminal, and the same figures as JSON in `var/bench/`."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

FOLDER = Path("var/bench")


@dataclass(frozen=True, slots=True)
class Budget:
    """A promise of ours and what became of it: *value* is at least, or at most, *limit*."""

    what: str
    value: float
    limit: float
    is_minimum: bool = False

    @property
    def is_kept(self) -> bool:
        return self.value >= self.limit if self.is_minimum else self.value <= self.limit


def at_least(what: str, value: float, limit: float) -> Budget:
    return Budget(what, value, limit, is_minimum=True)


def at_most(what: str, value: float, limit: float) -> Budget:
    return Budget(what, value, limit)


def p95(values: Sequence[float]) -> float:
    """The value that 19 of 20 do not exceed."""
    return sorted(values)[max(0, -(-len(values) * 95 // 100) - 1)]


def smaller(option: str, size: int, full: int) -> str:
    """What a report says of a run at less than the size that its budget is about."""
    return f"Measured with {size:,}; the budget speaks of {full:,}: {option} {full}" if size < full else ""


def report(
    name: str, title: str, figures: Mapping[str, Sequence[float]], unit: str, budgets: Sequence[Budget],
    remark: str = "",
) -> None:  # fmt: skip
    """Print and keep what each contender did in every run, and the budgets drawn from it."""
    table = Table(title=title)
    for head in ("", "median", "p95", "min", "max", "runs"):
        table.add_column(head, justify="left" if not head else "right")
    for contender, runs in figures.items():
        cells = (f"{value:,.2f}" for value in (p95(runs), min(runs), max(runs)))
        table.add_row(escape(contender), f"{median(runs):,.2f} {unit}", *cells, str(len(runs)))
    # In a file or a pipe too, names are not cut.
    console = Console() if sys.stdout.isatty() else Console(width=110)
    console.print(table)
    promises = Table("budget", *(Column(head, justify="right") for head in ("limit", "measured", "")))
    for budget in budgets:
        limit = f"{'≥' if budget.is_minimum else '≤'} {budget.limit:g}"
        verdict = "kept" if budget.is_kept else "[bold]not kept[/bold]"
        promises.add_row(escape(budget.what), limit, f"{budget.value:.2f}", verdict)
    if budgets:
        console.print(promises)
    if remark:
        console.print(escape(remark))
    FOLDER.mkdir(parents=True, exist_ok=True)
    kept = {
        "unit": unit,
        "runs": {contender: list(runs) for contender, runs in figures.items()},
        "remark": remark,
        "budgets": [{**asdict(budget), "is_kept": budget.is_kept} for budget in budgets],
    }
    (FOLDER / f"{name}.json").write_text(json.dumps(kept, indent=1, ensure_ascii=False))
