"""Folios: gapless numbers per series and year, drawn inside the caller's transaction."""

from __future__ import annotations

from typing import Any

from sqlalchemy import String, event, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base
from models.rows import insert_missing

TICKET_SERIES = "T"
RECEPTION_SERIES = "OP"
# What a document is called until it has a number of its own (borrador).
DRAFT_SERIES = "B"
_DRAWN = "series of which this transaction draws"


class FolioSeries(Base):
    """The last number given in a series and year."""

    __tablename__ = "folio_series"

    series: Mapped[str] = mapped_column(String(40), primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True)
    last_number: Mapped[int]


def draw_folio(session: Session, series: str, year: int) -> str:
    """Take the next folio of *series*: `T-2026-000123`, `OP-2026-000123`.

    If the caller rolls back, the number goes back too, so a series has no gaps.
    """
    return f"{series}-{year}-{draw_number(session, series, year):06d}"


def draw_number(session: Session, series: str, year: int) -> int:
    """Take the next number of *series* in *year*, starting at 1."""
    drawn: dict[tuple[str, int], FolioSeries] = session.info.setdefault(_DRAWN, {})
    row = drawn.get((series, year))
    if row is None:
        # Two clerks at the same moment would get the same number: the second waits here for the first.
        new = {"series": series, "year": year, "last_number": 0}
        session.connection().execute(insert_missing(session, FolioSeries), new)
        row = session.get_one(FolioSeries, (series, year), with_for_update=True, populate_existing=True)
        drawn[series, year] = row
    row.last_number += 1
    return row.last_number


@event.listens_for(Session, "after_commit")
@event.listens_for(Session, "after_soft_rollback")
def _forget(session: Session, *_: Any) -> None:
    session.info.pop(_DRAWN, None)


def last_number(session: Session, series: str, year: int) -> int:
    """The highest number given so far; 0 when none."""
    number = session.scalar(
        select(FolioSeries.last_number).where(FolioSeries.series == series, FolioSeries.year == year)
    )
    return number or 0
