"""Whose is each page of a stack: a label starts the pages of its case, and what is in doubt is held. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from models.scan import HeldPage


@dataclass(frozen=True, slots=True)
class Place:
    """The folio to which a page belongs, or why nobody can tell."""

    folio: str = ""
    held: HeldPage | None = None


def split(labels: Sequence[Sequence[str]], *, scanned_for: str = "") -> list[Place]:
    """A place for each page, whose folios are *labels*.

    *scanned_for*: the folio whose papers these are where no label says otherwise. Behind a page
    with two folios nothing is certain until the next label.
    """
    places: list[Place] = []
    current = Place(scanned_for) if scanned_for else Place(held=HeldPage.NO_LABEL)
    for found in labels:
        distinct = set(found)
        if len(distinct) == 1:
            current = Place(distinct.pop())
        elif distinct:
            current = Place(held=HeldPage.AMBIGUOUS)
        places.append(current)
    return places
