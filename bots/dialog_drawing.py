"""Draws the tables of `bots.dialog` and `bots.staff` as Mermaid diagrams, for `bots/README.md`. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Protocol

from bots import dialog, staff
from bots.dialog_cases import MAINLAND
from bots.dialog_draft import ONWARD
from bots.dialog_terms import State

# Sets of states that many rows lead to, drawn as one place: every state, where an aside began, and
# the question about the first part of a draft that is missing.
_PLACES: dict[str, frozenset[StrEnum]] = {"any": dialog.ANY, "back": MAINLAND, "missing": ONWARD}
_STAFF_PLACES: dict[str, frozenset[StrEnum]] = {"any": staff.ANY}


class _Row(Protocol):
    """A row of either table."""

    @property
    def sources(self) -> Iterable[StrEnum]: ...
    @property
    def targets(self) -> Iterable[StrEnum]: ...
    @property
    def on(self) -> str: ...


def drawing() -> str:
    """The citizen's: one arrow from place to place, with all that leads along it."""
    lines = [*_head(), "    state missing <<choice>>", *_arrows(dialog.TABLE, _PLACES)]
    lines += [f"    missing --> {state}" for state in State if state in ONWARD]
    return "\n".join(lines)


def staff_drawing() -> str:
    """The clerk's, for one person and one case."""
    return "\n".join([*_head(), *_arrows(staff.TABLE, _STAFF_PLACES)])


def _head() -> list[str]:
    return ["stateDiagram-v2", f"    [*] --> {State.IDLE}"]


def _arrows(table: Sequence[_Row], places: Mapping[str, frozenset[StrEnum]]) -> Iterator[str]:
    arrows: dict[tuple[str, str], list[str]] = {}
    for row in table:
        for source in _drawn(row.sources, places):
            for target in _drawn(row.targets, places) if row.targets else [source]:
                arrows.setdefault((source, target), []).append(row.on)
    for (source, target), causes in arrows.items():
        # A colon ends the head of an arrow's label in Mermaid.
        yield f"    {source} --> {target}: {', '.join(causes).replace(':', ' ')}"


def _drawn(states: Iterable[StrEnum], places: Mapping[str, frozenset[StrEnum]]) -> Iterator[str]:
    left = frozenset(states)
    for name, place in places.items():
        if place <= left:
            yield name
            left -= place
    yield from sorted(left)
