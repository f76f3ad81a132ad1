"""Charts as plain geometry: what to draw where, and the same numbers as a table. Pure.

Drawn as SVG by `templates/charts.html`, for the screen and for paper. Nothing is said by colour
alone: each series has a filling of its own, values are written out, and every chart has its table.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

WIDTH = 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 40, 6, 18, 22
_PLOT = 150
# Of a bar: the line of its name, the bar, and what separates it from the next.
_NAME, _BAR, _GAP = 15, 14, 11
# Columns that still have room for their value above them, and names below that do not touch.
_VALUES, _NAMES = 14, 8
# Bars of one chart; the rest is one bar.
MAX_BARS = 10


@dataclass(frozen=True, slots=True)
class Series:
    """Values under one name; the first is drawn solid, the second striped, the third as an outline."""

    name: str
    values: Sequence[int]


@dataclass(frozen=True, slots=True)
class Mark:
    """A rectangle and what it says when asked."""

    x: float
    y: float
    width: float
    height: float
    series: int
    title: str


@dataclass(frozen=True, slots=True)
class Word:
    """A text at a point; *anchor* as SVG names it."""

    x: float
    y: float
    text: str
    anchor: str = "start"
    is_quiet: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """One picture and its table: *rows* have a name and a value for each series."""

    name: str
    title: str
    series: Sequence[str]
    rows: Sequence[tuple[str, Sequence[int]]]
    height: float
    marks: Sequence[Mark] = ()
    words: Sequence[Word] = ()
    # Heights of the lines behind columns.
    lines: Sequence[float] = ()
    unit: str = ""
    note: str = ""
    width: int = WIDTH
    # Series whose marks stand side by side need a legend.
    has_legend: bool = field(default=False)

    @property
    def is_empty(self) -> bool:
        return not any(any(values) for _, values in self.rows)


def number(value: float) -> str:
    """`12,345`; a thousand is separated as Mexico does."""
    return f"{value:,.0f}"


def nice_top(largest: float) -> int:
    """The least number, not below *largest*, of which a quarter is easily read; at least 4."""
    quarter = max(1.0, largest / 4)
    power: int = 10 ** math.floor(math.log10(quarter))
    step: int = next(step for step in (1, 2, 3, 4, 5, 6, 8, 10) if step * power >= quarter)
    return 4 * step * power


def columns(
    name: str, title: str, labels: Sequence[str], series: Sequence[Series], *, unit: str = "", top: int = 0,
    note: str = "",
) -> Chart:  # fmt: skip
    """Columns from left to right, as time goes; several series side by side."""
    top = top or nice_top(max((value for one in series for value in one.values), default=0))
    plot = WIDTH - _LEFT - _RIGHT
    step = plot / max(1, len(labels))
    width = min(28.0, step * 0.8 / max(1, len(series)))
    base = _TOP + _PLOT
    marks, words = [], []
    has_values = len(labels) * len(series) <= _VALUES
    every = math.ceil(len(labels) / _NAMES) or 1
    for place, label in enumerate(labels):
        middle = _LEFT + step * (place + 0.5)
        left = middle - width * len(series) / 2
        for which, one in enumerate(series):
            value = one.values[place]
            height = _PLOT * value / top
            said = f"{label} · {one.name}: {number(value)}{unit}"
            marks.append(
                Mark(_round(left + which * width), _round(base - height), _round(width), _round(height),
                     which, said)
            )  # fmt: skip
            if has_values and value:
                at = _round(left + (which + 0.5) * width)
                words.append(Word(at, _round(base - height - 4), f"{number(value)}{unit}", "middle"))
        if place % every == 0:
            words.append(Word(_round(middle), base + 15, label, "middle", is_quiet=True))
    lines = [_round(base - _PLOT * part / 4) for part in range(5)]
    for part, line in enumerate(lines):
        words.append(Word(_LEFT - 5, line + 4, f"{number(top * part / 4)}{unit}", "end", is_quiet=True))
    return Chart(
        name, title, [one.name for one in series], _rows(labels, series), base + _BOTTOM, marks, words, lines,
        unit, note, has_legend=len(series) > 1,
    )  # fmt: skip


def bars(name: str, title: str, labels: Sequence[str], series: Sequence[Series], *, note: str = "") -> Chart:
    """Bars below each other, each under its name; a second series is the bar of before, below it."""
    longest = max((value for one in series for value in one.values), default=0) or 1
    # The value stands behind its bar.
    room = WIDTH - 62
    marks, words, at = [], [], 0.0
    for place, label in enumerate(labels):
        words.append(Word(0, at + 11, _cut(label)))
        at += _NAME
        for which, one in enumerate(series):
            value, height = one.values[place], _BAR if which == 0 else _BAR / 2
            width = room * value / longest
            said = f"{label} · {one.name}: {number(value)}"
            marks.append(Mark(0, _round(at), _round(width), height, which, said))
            if which == 0:
                words.append(Word(_round(width + 6), _round(at + height - 2.5), number(value)))
            at += height + 2
        at += _GAP - 2
    return Chart(name, title, [one.name for one in series], _rows(labels, series), max(at, 20), marks, words,
                 note=note, has_legend=len(series) > 1)  # fmt: skip


def shares(
    name: str, title: str, labels: Sequence[str], good: Series, bad: Series, *, note: str = ""
) -> Chart:
    """Whole bars in two parts, with the share of the first written behind the name."""
    marks, words, at = [], [], 0.0
    for place, label in enumerate(labels):
        kept, late = good.values[place], bad.values[place]
        total = kept + late
        share = f"{percent(kept, total)} %" if total else "—"
        words += [Word(0, at + 11, _cut(label)), Word(WIDTH, at + 11, share, "end")]
        at += _NAME
        parts, left = ((kept, good.name), (late, bad.name)), 0.0
        for which, (value, what) in enumerate(parts):
            width = WIDTH * value / total if total else 0.0
            said = f"{label} · {what}: {number(value)}"
            marks.append(Mark(_round(left), _round(at), _round(width), _BAR, which, said))
            left += width
        at += _BAR + _GAP
    series = [good, bad]
    return Chart(name, title, [one.name for one in series], _rows(labels, series), max(at, 20), marks, words,
                 note=note, has_legend=True)  # fmt: skip


def most(rows: Sequence[tuple[str, Sequence[int]]], rest: str) -> list[tuple[str, list[int]]]:
    """The largest *rows* by their first value, and the others together under the name *rest*."""
    ordered = sorted(rows, key=lambda row: (-row[1][0], row[0]))
    if len(ordered) <= MAX_BARS:
        return [(label, list(values)) for label, values in ordered]
    shown, others = ordered[: MAX_BARS - 1], ordered[MAX_BARS - 1 :]
    together = [sum(column) for column in zip(*(values for _, values in others), strict=True)]
    return [*((label, list(values)) for label, values in shown), (rest, together)]


def percent(part: int, whole: int) -> int:
    """The share in per cent, never rounded up to a whole that it is not."""
    return 100 * part // whole if whole else 0


def _rows(labels: Sequence[str], series: Sequence[Series]) -> list[tuple[str, tuple[int, ...]]]:
    return [(label, tuple(one.values[place] for one in series)) for place, label in enumerate(labels)]


def _cut(label: str) -> str:
    return label if len(label) <= 48 else f"{label[:47].rstrip()}…"


def _round(value: float) -> float:
    return round(value, 1)
