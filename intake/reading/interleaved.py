"""Finds answers that an author wrote into the quoted mail itself, as Outlook's users do: “respondo en rojo”.

Pure. Only the author's own announcement makes it look: colours alone say nothing, for
every program paints quotes as it likes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

# An announcement is a sentence, and stands above a quote that somebody can answer line by line.
MAX_ANNOUNCING, MAX_QUOTED = 4_000, 1_000

# What the author does or gives; “responda abajo” asks somebody else to do it.
_ANSWER = (
    r"respond(?:o|í|i|emos|imos|iendo|ido)|contest(?:o|é|amos|ando)|respuestas?|contestaci\w+|coment(?:o|é|amos|"
    r"arios?)|observaci\w+|aclaraci\w+|anot(?:o|é|amos|aci\w+)|correcci\w+|answers|answered|replies|replied|"
    r"responses?|responded|comments|commented|corrections|respostas?|respondi|comentários?|observaç\w+|"
    r"réponses?|réponds|commentaires?|antworten|antworte|kommentare|risposte|rispondo"
)
_COLOURS = {
    "red": "rojo|rojas?|red|vermelho|rouge|rot|rosso",
    "blue": "azul(?:es)?|blue|bleu|blau|blu",
    "green": "verdes?|green|vert|gr[uü]n",
    "purple": "morado|violeta|purple|violet|roxo|lila",
    "orange": "naranja|anaranjado|orange|laranja",
    "": "color(?:es)?|colou?rs?|cor|couleur|negritas?|bold|negrito|gras|fett|may[uú]sculas|caps|capitals|"
    "cursivas?|italics?|amarillo|yellow|resaltad[oa]s?|subrayad[oa]s?",
}
_PLACE = (
    r"abajo|debajo|entre l[ií]neas|intercalad\w+|en l[ií]nea|"
    r"(?:en|sobre) (?:el|su|tu) (?:mismo )?(?:cuerpo|texto|correo|mensaje)|in-?line|below|"
    r"within (?:your|the) (?:text|mail|message)|abaixo|ci-dessous|unten|sotto"
)
_PAINTED = "|".join(_COLOURS.values())
_GAP = r"[^.!?\n]{0,60}?"
_ANNOUNCED = re.compile(
    rf"\b(?:{_ANSWER})\b{_GAP}(?:\b(?:{_PLACE})\b|\b(?:en|in|em|de|con|with)\s(?:the\s|color\s|letras?\s)?"
    rf"(?:{_PAINTED})\b)|\b(?:{_PLACE}|(?:en|in|em)\s(?:color\s)?(?:{_PAINTED}))\b{_GAP}\b(?:{_ANSWER})\b",
    re.IGNORECASE,
)
_NAMED = tuple(
    (name, re.compile(rf"\b(?:{words})\b", re.IGNORECASE)) for name, words in _COLOURS.items() if name
)
_HEX = re.compile(r"#?([0-9a-f]{6}|[0-9a-f]{3})\b", re.IGNORECASE)
_RGB = re.compile(r"rgba?\(\s*(\d{1,3})[\s,]+(\d{1,3})[\s,]+(\d{1,3})", re.IGNORECASE)
_NAMES = {
    "red": (255, 0, 0), "blue": (0, 0, 255), "green": (0, 128, 0), "purple": (128, 0, 128),
    "orange": (255, 165, 0), "darkred": (139, 0, 0), "darkblue": (0, 0, 139), "navy": (0, 0, 128),
    "maroon": (128, 0, 0), "crimson": (220, 20, 60), "lime": (0, 255, 0), "magenta": (255, 0, 255),
}  # fmt: skip


def is_announced(text: str) -> bool:
    """Whether *text*, what stands above the quote, says that the answers are inside it."""
    return bool(_ANNOUNCED.search(text[:MAX_ANNOUNCING]))


def with_answers(above: str, quoted: Sequence[str], colours: Sequence[str]) -> list[str]:
    """The lines of a quote in which *above* announces answers: those of the quoted mail with a `>`.

    Where no colour tells them apart, all lines are given as they are: nothing is lost.
    """
    quoted, colours = quoted[:MAX_QUOTED], colours[:MAX_QUOTED]
    answers = _answers(above, quoted, colours)
    if not answers:
        return list(quoted)
    end = max(answers) + 1
    return [
        text if index in answers or not text.strip() or text.startswith(">") else f"> {text}"
        for index, text in enumerate(quoted[:end])
    ]


def _answers(above: str, quoted: Sequence[str], colours: Sequence[str]) -> set[int]:
    """Indices of the lines in the announced colour; without one, in a colour that most lines have not."""
    painted = [
        colour_of(colour) if text.strip() else "" for text, colour in zip(quoted, colours, strict=True)
    ]
    named = {name for name, words in _NAMED if words.search(above[:MAX_ANNOUNCING])}
    if not named:
        common = Counter(colour for colour, text in zip(painted, quoted, strict=True) if text.strip())
        usual = common.most_common(1)[0][0] if common else ""
        named = {colour for colour in common if colour and colour != usual}
    return {index for index, colour in enumerate(painted) if colour in named}


def colour_of(written: str) -> str:
    """The name of a colour of CSS as people call it; empty for black, grey and what nobody names."""
    written = written.strip().lower()
    red, green, blue = _NAMES.get(written) or _components(written)
    most, least = max(red, green, blue), min(red, green, blue)
    if most - least < 60:
        return ""
    if red == most and blue >= 0.6 * red and green < 0.6 * red:
        return "purple"
    if red == most:
        return "orange" if green > 0.45 * red else "red"
    if green == most:
        return "green"
    return "purple" if red > 0.6 * blue and green < 0.6 * blue else "blue"


def _components(written: str) -> tuple[int, int, int]:
    if found := _RGB.match(written):
        return int(found[1]), int(found[2]), int(found[3])
    if found := _HEX.fullmatch(written):
        digits = found[1] if len(found[1]) == 6 else "".join(2 * digit for digit in found[1])
        return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)
    return 0, 0, 0
