"""Who signs a document, and with what it was signed."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, Id
from models.oficio import Oficio
from models.person import Account


class SignatureKind(StrEnum):
    # The institution's own key: an advanced signature without e.firma.
    SEAL = "seal"
    EFIRMA = "efirma"


class Signature(Base):
    """A signature of a document: wanted while `signed_at` is null, and made afterwards."""

    __tablename__ = "signature"
    __table_args__ = (Index(None, "oficio_id", "position"), Index(None, "account_id"))

    id: Mapped[Id]
    oficio_id: Mapped[int] = mapped_column(ForeignKey("oficio.id", ondelete="CASCADE"))
    position: Mapped[int] = mapped_column(default=0)
    kind: Mapped[SignatureKind]
    # Null: the institution itself.
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    signed_at: Mapped[datetime | None]
    # Of the certificate: the serial number as SAT writes it, and the names of subject and issuer.
    serial: Mapped[str] = mapped_column(String(80), default="")
    subject: Mapped[str] = mapped_column(default="")
    issuer: Mapped[str] = mapped_column(default="")
    # What ETSI EN 319 142-1 calls it: B-B, B-T (with a timestamp) or B-LT (with revocation data).
    level: Mapped[str] = mapped_column(String(8), default="")

    oficio: Mapped[Oficio] = relationship()
    account: Mapped[Account | None] = relationship()
