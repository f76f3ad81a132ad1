"""An official document: received, internal or sent."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from models.case import Case, CaseKind


class DocumentType(StrEnum):
    OFICIO = "oficio"
    MEMORANDUM = "memorandum"
    CIRCULAR = "circular"
    INVITACION = "invitacion"


class Flow(StrEnum):
    """Received documents (manual C) and issued ones (manual T) have their own states."""

    RECEIVED = "received"
    ISSUED = "issued"


class Oficio(Case):
    """A document of the institution or for it; states in `models.workflow`."""

    __tablename__ = "oficio"
    __mapper_args__ = {"polymorphic_identity": CaseKind.OFICIO}

    id: Mapped[int] = mapped_column(ForeignKey("case.id", ondelete="CASCADE"), primary_key=True)
    flow: Mapped[Flow]
    document_type: Mapped[DocumentType] = mapped_column(default=DocumentType.OFICIO)
    # The number the sender printed on it (número de oficio).
    sender_number: Mapped[str] = mapped_column(String(80), default="", index=True)
    received_on: Mapped[date | None]
    written_on: Mapped[date | None]
    answer_required_on: Mapped[date | None]
