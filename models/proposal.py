"""What was read in a received document, for a clerk to confirm."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, Id
from models.oficio import Oficio
from models.person import Account


class Proposal(Base):
    """A value read in a received document, for a clerk to confirm."""

    __tablename__ = "proposal"
    __table_args__ = (Index(None, "oficio_id", "id"),)

    id: Mapped[Id]
    oficio_id: Mapped[int] = mapped_column(ForeignKey("oficio.id", ondelete="CASCADE"))
    # sender_number, written_on, signatory, subject, answer_required_on
    field: Mapped[str] = mapped_column(String(40))
    value: Mapped[str]
    # Where: "subject", "text" or "file" with its name, and the words that said so.
    source: Mapped[str] = mapped_column(String(16))
    filename: Mapped[str] = mapped_column(default="")
    quote: Mapped[str] = mapped_column(default="")
    decided_at: Mapped[datetime | None]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    is_confirmed: Mapped[bool] = mapped_column(default=False)

    oficio: Mapped[Oficio] = relationship()
    decided_by: Mapped[Account | None] = relationship()
