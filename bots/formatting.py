"""Text as Telegram takes it: its own small HTML, counted and split as the Bot API counts.

Pure. Lengths are UTF-16 units after entities are parsed ("Formatting options" of the
Bot API); a part never ends inside a word, a tag or an entity, and reads as the whole did.
"""

from __future__ import annotations

import html
import re
from typing import NamedTuple

MESSAGE, CAPTION = 4096, 1024

# A tag, an entity, or one character.
_ATOM = re.compile(
    r"<(?P<close>/?)(?P<tag>[a-zA-Z][a-zA-Z0-9-]*)[^<>]*>|&(?:#\d+|#[xX][0-9a-fA-F]+|lt|gt|amp|quot);|.",
    re.DOTALL,
)


class _Atom(NamedTuple):
    raw: str
    # What is seen of it; nothing of a tag.
    seen: str
    tag: str = ""
    is_close: bool = False

    @property
    def units(self) -> int:
        return length(self.seen)

    @property
    def is_space(self) -> bool:
        return self.seen.isspace()


def length(text: str) -> int:
    """UTF-16 units of plain text, which is how Telegram counts."""
    return len(text) + sum(character > "\uffff" for character in text)


def escape(text: str) -> str:
    """Plain text as Telegram's HTML."""
    return html.escape(text, quote=False)


def plain(text: str) -> str:
    """What a person sees of Telegram's HTML."""
    return "".join(atom.seen for atom in _atoms(text))


def caption(text: str, limit: int = CAPTION) -> str | None:
    """*text* if it may stand under a file, else None: then it goes before the file."""
    return text if length(plain(text).strip()) <= limit else None


def split_html(text: str, limit: int = MESSAGE) -> list[str]:
    """*text* in parts of at most *limit*, broken between paragraphs, lines or words, in this order.

    Formatting that a break cuts is closed in one part and opened again in the next.
    Only a word longer than *limit* is cut. Nothing visible gives no part.
    """
    atoms = _atoms(text)
    parts: list[str] = []
    opened: list[_Atom] = []
    start = 0
    while start < len(atoms):
        end = _end(atoms, start, limit)
        taken = atoms[start:end]
        before = "".join(tag.raw for tag in opened)
        _follow(opened, taken)
        after = "".join(f"</{tag.tag}>" for tag in reversed(opened))
        if any(atom.seen and not atom.is_space for atom in taken):
            parts.append(before + "".join(atom.raw for atom in taken).strip() + after)
        start = end
        while start < len(atoms) and atoms[start].is_space:
            start += 1
    return parts


def _atoms(text: str) -> list[_Atom]:
    found = []
    for match in _ATOM.finditer(text):
        raw, tag = match[0], match["tag"]
        if tag:
            found.append(_Atom(raw, "", tag.lower(), bool(match["close"])))
        else:
            found.append(_Atom(raw, html.unescape(raw) if len(raw) > 1 else raw))
    return found


def _end(atoms: list[_Atom], start: int, limit: int) -> int:
    """Where the part that begins at *start* ends: the index after its last atom."""
    used = 0
    paragraph = line = word = start
    for index in range(start, len(atoms)):
        atom = atoms[index]
        if atom.is_space and used:
            word = index
            if atom.seen == "\n" and used >= limit // 2:
                line = index
                if index + 1 < len(atoms) and atoms[index + 1].seen == "\n":
                    paragraph = index
        used += atom.units
        if used > limit:
            # A tag before the first visible character belongs to what follows.
            return next((place for place in (paragraph, line, word) if place > start), max(index, start + 1))
    return len(atoms)


def _follow(opened: list[_Atom], atoms: list[_Atom]) -> None:
    """Keep in *opened* the tags that are open after *atoms*."""
    for atom in atoms:
        if atom.tag and not atom.is_close:
            opened.append(atom)
        elif atom.tag and opened and opened[-1].tag == atom.tag:
            opened.pop()
