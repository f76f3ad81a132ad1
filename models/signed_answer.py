"""The answer to a received document, as the PDF that its responsible signs with e.firma (manual C)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, Id, now
from models.message import Message
from models.oficio import Oficio
from models.person import Account


class SignedAnswer(Base):
    """One answer: it waits for its signature while `signed_at` is null, and then goes to the sender."""

    __tablename__ = "signed_answer"
    __table_args__ = (Index(None, "oficio_id", "id"),)

    id: Mapped[Id]
    oficio_id: Mapped[int] = mapped_column(ForeignKey("oficio.id", ondelete="CASCADE"))
    message_id: Mapped[int] = mapped_column(ForeignKey("message.id", ondelete="CASCADE"), index=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    created_at: Mapped[datetime] = mapped_column(default=now)
    # Of the file as it is: rendered first, then signed.
    pdf_sha256: Mapped[str] = mapped_column(ForeignKey("blob.sha256"), index=True)
    verification_code: Mapped[str] = mapped_column(String(40), unique=True)
    # Where it will be mailed once it is signed: {"to": […], "cc": […]}.
    mail: Mapped[dict[str, Any]] = mapped_column(default=dict)
    signed_at: Mapped[datetime | None]
    # Of the certificate, as in `Signature`.
    serial: Mapped[str] = mapped_column(String(80), default="")
    subject: Mapped[str] = mapped_column(default="")
    issuer: Mapped[str] = mapped_column(default="")
    level: Mapped[str] = mapped_column(String(8), default="")

    oficio: Mapped[Oficio] = relationship()
    message: Mapped[Message] = relationship()
    account: Mapped[Account] = relationship()
