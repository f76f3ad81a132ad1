"""The verbs of the archive's catalogue: write a line of the cuadro, say the series of a document type."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.errors import InvalidInput
from models.archive import LEVELS, MAX_YEARS, ArchiveSeries, Disposition, DocumentSeries, Level
from models.event import record
from models.oficio import DocumentType
from models.person import Account


@dataclass(frozen=True, slots=True)
class SeriesFields:
    """A line as it was typed."""

    level: str
    code: str
    name: str
    parent_id: int | None = None
    process_years: int = 0
    concentration_years: int = 0
    is_administrative: bool = True
    is_legal: bool = False
    is_fiscal: bool = False
    disposition: str = Disposition.DESTROY.value
    is_active: bool = True


def save_series(
    session: Session, by: Account | None, found: ArchiveSeries | None, fields: SeriesFields
) -> ArchiveSeries:
    """Write a new line, or *found* anew. Raises InvalidInput.

    The dates of expedientes that are closed already stay as they are.
    """
    code, name = fields.code.strip(), " ".join(fields.name.split())
    if fields.level not in list(Level) or fields.disposition not in list(Disposition):
        raise InvalidInput("choose_one")
    if not code or len(code) > 40 or not name:
        raise InvalidInput("series_name")
    years = fields.process_years, fields.concentration_years
    if not all(0 <= one <= MAX_YEARS for one in years):
        raise InvalidInput("series_years", years=MAX_YEARS)
    taken = session.scalar(select(ArchiveSeries).where(ArchiveSeries.code == code))
    if taken is not None and taken is not found:
        raise InvalidInput("series_taken", code=code)
    level = Level(fields.level)
    parent = _parent(session, level, fields.parent_id)
    row = found or ArchiveSeries(level=level, code=code, name=name)
    row.level, row.code, row.name, row.parent_id = level, code, name, parent.id if parent else None
    row.process_years, row.concentration_years = years
    row.is_administrative, row.is_legal, row.is_fiscal = (
        fields.is_administrative, fields.is_legal, fields.is_fiscal,
    )  # fmt: skip
    row.disposition, row.is_active = Disposition(fields.disposition), fields.is_active
    session.add(row)
    session.flush()
    record(session, None, "archive_series_saved", account=by, data={"name": f"{code} {name}"})
    return row


def _parent(session: Session, level: Level, parent_id: int | None) -> ArchiveSeries | None:
    """The line under which one of *level* stands: of the level just above it, so nothing goes in circles."""
    if level == Level.FONDO:
        return None
    parent = session.get(ArchiveSeries, parent_id) if parent_id else None
    if parent is None or LEVELS.index(parent.level) != LEVELS.index(level) - 1:
        raise InvalidInput("series_parent")
    return parent


def set_type(session: Session, by: Account, kind: DocumentType, series_id: int | None) -> None:
    """Documents of *kind* belong to this series unless somebody says another; None: to none."""
    found = session.get(DocumentSeries, kind)
    series = session.get(ArchiveSeries, series_id) if series_id else None
    if series is not None and not series.holds_expedientes:
        raise InvalidInput("expediente_series", name=str(series))
    if (found.series_id if found else None) == (series.id if series else None):
        return
    if series is None and found is not None:
        session.delete(found)
    elif found is not None and series is not None:
        found.series_id = series.id
    elif series is not None:
        session.add(DocumentSeries(document_type=kind, series_id=series.id))
    data = {"name": f"{kind}: {series.code if series else '-'}"}
    record(session, None, "document_series_set", account=by, data=data)
