"""Draws the *diagrama de flujo* of a service as SVG, from lines that anybody can write. Pure.

Each line is a step: «who: what». One with question marks is a decision; what follows a bar is what
happens when the answer is no, and there it ends: «Área: ¿Procede? | Informa el motivo».
"""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import wrap

from markupsafe import Markup, escape

from templates import say

_WIDTH, _CENTRE, _BOX, _ASIDE = 640, 220, 300, 220
_LINE, _GAP, _PAD = 19, 30, 14
_DRAWN = 'fill="none" stroke="currentColor" stroke-width="1.5"'


@dataclass(frozen=True, slots=True)
class Step:
    """One step: who does what; a decision has what happens otherwise."""

    who: str
    what: str
    otherwise: str = ""

    @property
    def is_decision(self) -> bool:
        return "?" in self.what


def read_steps(text: str) -> list[Step]:
    """The steps that *text* writes, line by line."""
    steps = []
    for line in filter(None, map(str.strip, text.splitlines())):
        said, _, otherwise = line.partition("|")
        who, colon, what = said.partition(":")
        steps.append(Step(who.strip(), what.strip(), otherwise.strip()) if colon
                     else Step("", said.strip(), otherwise.strip()))  # fmt: skip
    return steps


def draw(text: str, title: str) -> Markup:
    """An SVG that takes the colour of the text around it; empty when there are no steps."""
    steps = read_steps(text)
    if not steps:
        return Markup("")
    parts, y = [_end(10, say("catalogue.flow.begin"))], 10 + 34
    for step in steps:
        parts.append(_arrow(y))
        drawn, height = _decision(step, y + _GAP) if step.is_decision else _box(step, y + _GAP)
        parts.append(drawn)
        y += _GAP + height
    parts += [_arrow(y), _end(y + _GAP, say("catalogue.flow.end"))]
    height = y + _GAP + 34 + 10
    # Whoever does not see the drawing reads the same as text beside it.
    return Markup(
        f'<svg xmlns="http://www.w3.org/2000/svg" class="flow" viewBox="0 0 {_WIDTH} {height}" '
        f'width="{_WIDTH}" height="{height}" role="img" aria-label="{escape(title)}" '
        f'font-family="sans-serif" font-size="14" fill="currentColor">{"".join(parts)}</svg>'
    )


def _end(y: int, words: str) -> str:
    return (
        f'<rect x="{_CENTRE - 60}" y="{y}" width="120" height="34" rx="17" {_DRAWN}/>'
        f'<text x="{_CENTRE}" y="{y + 22}" text-anchor="middle">{escape(words)}</text>'
    )


def _arrow(y: int, words: str = "") -> str:
    label = f'<text x="{_CENTRE + 8}" y="{y + 17}" font-size="12">{escape(words)}</text>' if words else ""
    return f'<path d="M{_CENTRE} {y}V{y + _GAP - 1}m-5 -7l5 7l5 -7" {_DRAWN}/>{label}'


def _words(x: int, y: int, lines: list[str], *, bold: int) -> str:
    rows = [
        f'<text x="{x}" y="{y + 14 + number * _LINE}" text-anchor="middle"'
        f"{' font-weight=' + chr(34) + 'bold' + chr(34) if number < bold else ''}>"
        f"{escape(line)}</text>"
        for number, line in enumerate(lines)
    ]
    return "".join(rows)


def _box(step: Step, y: int) -> tuple[str, int]:
    who = wrap(step.who, 38)
    lines = who + wrap(step.what, 38)
    height = len(lines) * _LINE + 2 * _PAD - 4
    shape = f'<rect x="{_CENTRE - _BOX // 2}" y="{y}" width="{_BOX}" height="{height}" rx="6" {_DRAWN}/>'
    return shape + _words(_CENTRE, y + _PAD - 2, lines, bold=len(who)), height


def _decision(step: Step, y: int) -> tuple[str, int]:
    who = wrap(step.who, 24)
    lines = who + wrap(step.what, 24)
    height = len(lines) * _LINE + 76
    middle, half = y + height // 2, _BOX // 2 + 40
    shape = (
        f'<path d="M{_CENTRE} {y}L{_CENTRE + half} {middle}L{_CENTRE} {y + height}'
        f'L{_CENTRE - half} {middle}Z" {_DRAWN}/>'
    )
    words = _words(_CENTRE, middle - len(lines) * _LINE // 2 - 1, lines, bold=len(who))
    answer = escape(say("catalogue.flow.yes"))
    yes = f'<text x="{_CENTRE + 8}" y="{y + height + 17}" font-size="12">{answer}</text>'
    return shape + words + yes + (_otherwise(step, middle, _CENTRE + half) if step.otherwise else ""), height


def _otherwise(step: Step, middle: int, x: int) -> str:
    lines = wrap(step.otherwise, 22)
    height = len(lines) * _LINE + 2 * _PAD - 4
    left = _WIDTH - _ASIDE + 4
    return (
        f'<path d="M{x} {middle}H{left - 1}m-7 -5l7 5l-7 5" {_DRAWN}/>'
        f'<text x="{x + 1}" y="{middle - 6}" font-size="12">{escape(say("catalogue.flow.no"))}</text>'
        f'<rect x="{left}" y="{middle - height // 2}" width="{_ASIDE - 14}" height="{height}" rx="17" '
        f"{_DRAWN}/>" + _words(left + (_ASIDE - 14) // 2, middle - height // 2 + _PAD - 2, lines, bold=0)
    )
