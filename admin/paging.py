"""Pages of a list by its key: no page skips rows, whatever the size of its table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from flask import request
from sqlalchemy import Select
from sqlalchemy.orm import InstrumentedAttribute, Session

from models.base import Base

SIZE = 50

Row = TypeVar("Row", bound=Base)


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """The rows of a page, and the key after which the next one begins (None: this is the last)."""

    rows: Sequence[Row]
    next_key: int | None
    is_first: bool


def newest(
    session: Session, wanted: Select[Row], key: InstrumentedAttribute[int], *, size: int = SIZE
) -> Page[Row]:
    """The page of *wanted*, newest first, that the request asks for with `antes=<key>`."""
    before = request.args.get("antes", type=int)
    if before is not None:
        wanted = wanted.where(key < before)
    rows = session.scalars(wanted.order_by(key.desc()).limit(size + 1)).all()
    return page_of(rows, key, size, is_first=before is None)


def page_of(
    rows: Sequence[Row], key: InstrumentedAttribute[int], size: int = SIZE, *, is_first: bool
) -> Page[Row]:
    """Cut *rows*, of which one more than *size* was asked for."""
    shown = rows[:size]
    return Page(shown, getattr(shown[-1], key.key) if len(rows) > size else None, is_first)
