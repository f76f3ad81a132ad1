"""Draws the table of `bots.dialog` as a Mermaid state diagram, for `bots/README.md`. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from bots.dialog import ANY, TABLE
from bots.dialog_cases import MAINLAND
from bots.dialog_draft import ONWARD
from bots.dialog_terms import State

# Sets of states that many rows lead to, drawn as one place: every state, where an aside began, and
# the question about the first part of a draft that is missing.
_PLACES = {"any": ANY, "back": MAINLAND, "missing": ONWARD}


def drawing() -> str:
    """One arrow from place to place, with all that leads along it."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for row in TABLE:
        for source in _drawn(row.sources):
            for target in _drawn(row.targets) if row.targets else [source]:
                arrows.setdefault((source, target), []).append(row.on)
    lines = ["stateDiagram-v2", f"    [*] --> {State.IDLE}", "    state missing <<choice>>"]
    for (source, target), causes in arrows.items():
        # A colon ends the head of an arrow's label in Mermaid.
        lines.append(f"    {source} --> {target}: {', '.join(causes).replace(':', ' ')}")
    lines += [f"    missing --> {state}" for state in State if state in ONWARD]
    return "\n".join(lines)


def _drawn(states: frozenset[State]) -> Iterator[str]:
    for name, place in _PLACES.items():
        if place <= states:
            yield name
            states -= place
    yield from sorted(states)
