"""The archive of the demo institution: its cuadro de clasificación, and the series of each document type."""

from __future__ import annotations

import tomllib
from typing import Any

from sqlalchemy.orm import Session

from intake.archiving.archive import SeriesFields, save_series
from models.archive import ArchiveSeries, DocumentSeries
from models.oficio import DocumentType
from templates import FOLDER


def install_archive(session: Session) -> None:
    """Write it; the caller commits."""
    plan: dict[str, Any] = tomllib.loads((FOLDER / "demo" / "archive.toml").read_text(encoding="utf-8"))
    made: dict[str, ArchiveSeries] = {}
    for row in plan["series"]:
        under, types = made.get(row.pop("under", "")), row.pop("types", ())
        fields = SeriesFields(**row, parent_id=under.id if under else None)
        series = made[fields.code] = save_series(session, None, None, fields)
        session.add_all(
            DocumentSeries(document_type=DocumentType(kind), series_id=series.id) for kind in types
        )
