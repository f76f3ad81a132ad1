"""An official document: received, internal or sent. What becomes of it is decided by `intake` verbs."""

from __future__ import annotations

import re
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, false
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from models.base import Base, BigId, Id, now
from models.case import Case, CaseKind
from models.dependencia import Dependencia
from models.letterhead import Administration
from models.person import Account
from models.search import fold

_PART = re.compile(r"[a-z]+|\d+")


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
    # The same without what two people type differently.
    sender_number_key: Mapped[str] = mapped_column(String(80), default="", server_default="", index=True)
    received_on: Mapped[date | None] = mapped_column(index=True)
    written_on: Mapped[date | None]
    answer_required_on: Mapped[date | None]
    # Who signed a received document, as it says itself.
    signatory: Mapped[str] = mapped_column(default="", server_default="")
    # What else manual C asks of a received document. `instruction` and `addressee…` are what it will be
    # turned with, and `copies` ([{"dependencia", "account"}]) who will get a copy.
    reference: Mapped[str] = mapped_column(String(120), default="", server_default="")
    topic: Mapped[str] = mapped_column(String(200), default="", server_default="", index=True)
    description: Mapped[str] = mapped_column(default="", server_default="", deferred=True)
    comments: Mapped[str] = mapped_column(default="", server_default="", deferred=True)
    instruction: Mapped[str] = mapped_column(default="", server_default="")
    addressee_dependencia_id: Mapped[int | None] = mapped_column(ForeignKey("dependencia.id"))
    addressee_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    copies: Mapped[list[dict[str, Any]]] = mapped_column(default=list, server_default="[]")
    author_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    # Whose name stands below the text, and instead of whom (por ausencia). Set at approval.
    issuer_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    absent_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    place: Mapped[str] = mapped_column(default="", server_default="")
    # Cleaned by `intake.issued.rich_text`.
    body_html: Mapped[str] = mapped_column(default="", server_default="", deferred=True)
    # False: the institution's seal is enough.
    needs_efirma: Mapped[bool] = mapped_column(default=False, server_default=false())
    # Drawn at approval and kept for ever, whatever becomes of the document; the folio shows it.
    number: Mapped[int | None]
    approved_at: Mapped[datetime | None] = mapped_column(index=True)
    sent_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
    # Nobody can guess it; leads to the public verification.
    verification_code: Mapped[str | None] = mapped_column(String(40), unique=True)
    pdf_sha256: Mapped[str | None] = mapped_column(ForeignKey("blob.sha256"), index=True)
    administration_id: Mapped[int | None] = mapped_column(ForeignKey("administration.id"))

    author: Mapped[Account | None] = relationship(foreign_keys=[author_id])
    issuer: Mapped[Account | None] = relationship(foreign_keys=[issuer_id])
    absent: Mapped[Account | None] = relationship(foreign_keys=[absent_id])
    administration: Mapped[Administration | None] = relationship()
    addressee_dependencia: Mapped[Dependencia | None] = relationship(foreign_keys=[addressee_dependencia_id])
    addressee: Mapped[Account | None] = relationship(foreign_keys=[addressee_id])

    @validates("sender_number")
    def _find_by(self, _key: str, value: str) -> str:
        self.sender_number_key = number_key(value)
        return value


def number_key(number: str) -> str:
    """*number* as two clerks type it: `DOP/0123-2026`, `dop 123/2026` are one."""
    return " ".join(part.lstrip("0") or "0" for part in _PART.findall(fold(number)))[:80]


# The folders of the panel: by author, and by administration.
Index(None, Oficio.author_id, Oficio.__table__.c.id)
Index(None, Oficio.administration_id, Oficio.__table__.c.id)


class DocumentFile(Base):
    """A file that an issued document carries (adjunto); with it goes into the PDF."""

    __tablename__ = "document_file"

    id: Mapped[Id]
    oficio_id: Mapped[int] = mapped_column(ForeignKey("oficio.id", ondelete="CASCADE"), index=True)
    position: Mapped[int] = mapped_column(default=0)
    filename: Mapped[str]
    content_type: Mapped[str] = mapped_column(String(255))
    size: Mapped[int] = mapped_column(BigId)
    sha256: Mapped[str] = mapped_column(ForeignKey("blob.sha256"))
    created_at: Mapped[datetime] = mapped_column(default=now)

    oficio: Mapped[Oficio] = relationship()


class DraftVersion(Base):
    """What a draft said at a moment: `content` has the fields of `intake.issued.drafts.DraftFields`."""

    __tablename__ = "draft_version"
    __table_args__ = (Index(None, "oficio_id", "id"),)

    id: Mapped[Id]
    oficio_id: Mapped[int] = mapped_column(ForeignKey("oficio.id", ondelete="CASCADE"))
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    saved_at: Mapped[datetime] = mapped_column(default=now)
    content: Mapped[dict[str, Any]] = mapped_column(default=dict)

    account: Mapped[Account] = relationship()
