"""Expedientes: files that group the cases of one matter, with an index, an opening and a closing."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.archive import ArchiveSeries
from models.base import Base, Id, now
from models.case import Case
from models.dependencia import Dependencia
from models.person import Account


class Expediente(Base):
    """A file of a dependencia in an archive series; nothing of it changes once it is closed."""

    __tablename__ = "expediente"
    __table_args__ = (
        Index(None, "dependencia_id", "id"),
        Index(None, "dependencia_id", "transfer_on"),
        Index(None, "pdf_asked_at"),
    )

    id: Mapped[Id]
    number: Mapped[str] = mapped_column(String(100), unique=True)
    dependencia_id: Mapped[int] = mapped_column(ForeignKey("dependencia.id"))
    series_id: Mapped[int] = mapped_column(ForeignKey("archive_series.id"), index=True)
    title: Mapped[str]
    # Where the paper is: shelf, box, folder.
    place: Mapped[str] = mapped_column(String(120), default="")
    opened_on: Mapped[date]
    opened_by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    closed_on: Mapped[date | None]
    closed_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    # From the series as it was on the day of closing; later changes of the catalogue do not move them.
    transfer_on: Mapped[date | None]
    final_on: Mapped[date | None]
    transferred_on: Mapped[date | None]
    transferred_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    # The PDF of the whole is bound by the worker: asked for, then made or failed.
    pdf_asked_at: Mapped[datetime | None]
    pdf_made_at: Mapped[datetime | None]
    pdf_sha256: Mapped[str | None] = mapped_column(ForeignKey("blob.sha256"), index=True)
    pdf_error: Mapped[str] = mapped_column(default="")

    dependencia: Mapped[Dependencia] = relationship()
    series: Mapped[ArchiveSeries] = relationship()
    opened_by: Mapped[Account] = relationship(foreign_keys=[opened_by_id])
    closed_by: Mapped[Account | None] = relationship(foreign_keys=[closed_by_id])
    entries: Mapped[list[ExpedienteEntry]] = relationship(
        back_populates="expediente", order_by="ExpedienteEntry.position"
    )


class ExpedienteEntry(Base):
    """One line of the index: a case, in its order."""

    __tablename__ = "expediente_entry"
    __table_args__ = (UniqueConstraint("expediente_id", "case_id"),)

    id: Mapped[Id]
    expediente_id: Mapped[int] = mapped_column(ForeignKey("expediente.id"))
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"), index=True)
    position: Mapped[int]
    added_at: Mapped[datetime] = mapped_column(default=now)
    added_by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    # Of the case as printed into the PDF of the whole; null until that was made.
    pages: Mapped[int | None]
    sha256: Mapped[str] = mapped_column(String(64), default="")

    expediente: Mapped[Expediente] = relationship(back_populates="entries")
    case: Mapped[Case] = relationship()
