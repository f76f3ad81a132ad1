"""Folios: gapless numbers per series and year, drawn inside the caller's transaction."""

from __future__ import annotations

from functools import cache

from sqlalchemy import Executable, String, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base

TICKET_SERIES = "T"
RECEPTION_SERIES = "OP"
# What a document is called until it has a number of its own (borrador).
DRAFT_SERIES = "B"


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
    statement = _next_number(session.get_bind().dialect.name)
    number: int = session.connection().execute(statement, {"series": series, "year": year}).scalar_one()
    return number


@cache
def _next_number(dialect_name: str) -> Executable:
    # One INSERT … ON CONFLICT DO UPDATE … RETURNING: with read-then-write, two
    # clerks at the same moment would get the same number.
    dialect = postgresql if dialect_name == "postgresql" else sqlite
    statement: Executable = (
        dialect.insert(FolioSeries.__table__)
        .values(series=bindparam("series"), year=bindparam("year"), last_number=1)
        .on_conflict_do_update(
            index_elements=[FolioSeries.series, FolioSeries.year],
            set_={"last_number": FolioSeries.last_number + 1},
        )
        .returning(FolioSeries.last_number)
    )
    return statement


def last_number(session: Session, series: str, year: int) -> int:
    """The highest number given so far; 0 when none."""
    number = session.scalar(
        select(FolioSeries.last_number).where(FolioSeries.series == series, FolioSeries.year == year)
    )
    return number or 0
