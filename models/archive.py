"""The archive's catalogue: cuadro general de clasificación and catálogo de disposición documental.

Ley General de Archivos, articles 4 and 13: every expediente belongs to a series, and the series says
how long it stays in process and in concentration, what it is worth and what becomes of it. `terms` is pure.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, Id
from models.oficio import DocumentType

# Longer ones are typing errors; what is to be kept for ever has its destination.
MAX_YEARS = 100


class Level(StrEnum):
    """The levels of the cuadro, from the whole institution down."""

    FONDO = "fondo"
    SECCION = "seccion"
    SERIE = "serie"
    SUBSERIE = "subserie"


LEVELS = tuple(Level)


class Disposition(StrEnum):
    """What becomes of an expediente when its terms have passed (destino final)."""

    DESTROY = "destroy"
    HISTORICAL = "historical"
    SAMPLE = "sample"


class ArchiveSeries(Base):
    """A line of the cuadro; only series and subseries have terms and hold expedientes."""

    __tablename__ = "archive_series"

    id: Mapped[Id]
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("archive_series.id"), index=True)
    level: Mapped[Level]
    code: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[str]
    # Vigencia, in years from the closing of the expediente: archivo de trámite, then de concentración.
    process_years: Mapped[int] = mapped_column(default=0)
    concentration_years: Mapped[int] = mapped_column(default=0)
    # Valores documentales.
    is_administrative: Mapped[bool] = mapped_column(default=True)
    is_legal: Mapped[bool] = mapped_column(default=False)
    is_fiscal: Mapped[bool] = mapped_column(default=False)
    disposition: Mapped[Disposition] = mapped_column(default=Disposition.DESTROY)
    is_active: Mapped[bool] = mapped_column(default=True)

    parent: Mapped[ArchiveSeries | None] = relationship(remote_side="ArchiveSeries.id")

    @property
    def holds_expedientes(self) -> bool:
        return self.level in (Level.SERIE, Level.SUBSERIE)

    def __str__(self) -> str:
        return f"{self.code} {self.name}"


class DocumentSeries(Base):
    """The series to which documents of a type belong unless somebody says another."""

    __tablename__ = "document_series"

    document_type: Mapped[DocumentType] = mapped_column(primary_key=True)
    series_id: Mapped[int] = mapped_column(ForeignKey("archive_series.id"))

    series: Mapped[ArchiveSeries] = relationship()


@dataclass(frozen=True, slots=True)
class Terms:
    """Until when an expediente stays where it is: in process, then in concentration."""

    transfer_on: date
    final_on: date


def terms(closed_on: date, process_years: int, concentration_years: int) -> Terms:
    """The dates that follow from the day on which an expediente was closed."""
    return Terms(
        years_after(closed_on, process_years), years_after(closed_on, process_years + concentration_years)
    )


def years_after(day: date, years: int) -> date:
    """The same day *years* later; of 29 February, the last of that month."""
    year = day.year + years
    return day.replace(year=year, day=min(day.day, monthrange(year, day.month)[1]))
