"""A hard synthetic set of what people ask: many ways to say it, slang, short texts, typing errors.

The ways that teach and the ways that ask are different ones, so that no phrase is in both.
"""

from __future__ import annotations

import random
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_WAYS = tomllib.loads((Path(__file__).parent / "requests.toml").read_text(encoding="utf-8"))
SERVICES = tuple(_WAYS)
PRIORITIES = {service: str(found["priority"]) for service, found in _WAYS.items()}
_FILL = {
    "hello": ("buenas", "hola", "oigan", "buen día,", "qué tal,", "disculpe,", "", ""),
    "place": (
        "en la calle hidalgo", "por la prepa", "en el centro", "allá en las juntas", "en el segundo piso",
        "junto al mercado", "en presidencia", "por donde vivo", "", "",
    ),
    "when": ("ayer", "el lunes", "hace rato", "antier", "la semana pasada", "hoy temprano"),
}  # fmt: skip
_SHORT = {"que": "q", "por": "x", "porque": "xq", "para": "pa", "favor": "fa", "está": "ta", "también": "tmb"}
_SOUNDS = (("v", "b"), ("b", "v"), ("c", "s"), ("z", "s"), ("ll", "y"), ("h", ""), ("qu", "k"), ("s", "z"))
_ENDS = ("", "", "", " urge", " gracias", " pls", " xfa", "!!", " saludos", " 🙏")


@dataclass(frozen=True, slots=True)
class Request:
    """One text, the service that it is about, and which of the ways to say it this is."""

    text: str
    service: str
    way: str


def requests(*, teaching: bool, number: int, seed: int) -> list[Request]:
    """*number* requests of each service in the ways that teach, or in those that ask."""
    draw = random.Random(seed)
    return [
        Request(_typed(draw, _filled(draw, way)), service, way)
        for service in SERVICES
        for way in (draw.choice(list(ways(service, teaching=teaching))) for _ in range(number))
    ]


def ways(service: str, *, teaching: bool) -> Iterator[str]:
    """Every fourth way asks; the others teach."""
    for number, way in enumerate(_WAYS[service]["ways"]):
        if (number % 4 != 3) is teaching:
            yield way


def _filled(draw: random.Random, way: str) -> str:
    filled = way.format(**{name: draw.choice(values) for name, values in _FILL.items()})
    return " ".join(filled.split()) + draw.choice(_ENDS)


def _typed(draw: random.Random, text: str) -> str:
    """As a thumb types it: about every eighth word has something wrong."""
    words = _cased(draw, text).split()
    return " ".join(_wrong(draw, word) if draw.random() < 0.12 else word for word in words)


def _cased(draw: random.Random, text: str) -> str:
    way = draw.random()
    return text.upper() if way < 0.08 else text.capitalize() if way < 0.4 else text


def _wrong(draw: random.Random, word: str) -> str:
    if short := _SHORT.get(word.lower()):
        return short
    if len(word) < 4:
        return word
    at, kind = draw.randrange(1, len(word) - 1), draw.randrange(4)
    if kind == 0:
        return word[:at] + word[at + 1 :]
    if kind == 1:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    if kind == 2:
        return word[:at] + word[at] + word[at:]
    sound = next(((old, new) for old, new in draw.sample(_SOUNDS, len(_SOUNDS)) if old in word), ("", ""))
    return word.replace(*sound, 1) if sound[0] else word
