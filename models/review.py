"""Visto bueno: accounts that must agree to a document before its head approves it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, Id, now
from models.oficio import Oficio
from models.person import Account


class ReviewState(StrEnum):
    ASKED = "asked"
    AGREED = "agreed"
    OBJECTED = "objected"
    # The head approved without it, with a reason.
    OVERRIDDEN = "overridden"


class Review(Base):
    """What one account says of a document; of a text that was changed since, it says nothing any more."""

    __tablename__ = "review"
    __table_args__ = (UniqueConstraint("oficio_id", "account_id"),)

    id: Mapped[Id]
    oficio_id: Mapped[int] = mapped_column(ForeignKey("oficio.id", ondelete="CASCADE"))
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    asked_by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    asked_at: Mapped[datetime] = mapped_column(default=now)
    state: Mapped[ReviewState] = mapped_column(default=ReviewState.ASKED)
    remark: Mapped[str] = mapped_column(default="")
    decided_at: Mapped[datetime | None]
    # Of the text that was read (`intake.issued.reviews.text_hash`).
    text_sha256: Mapped[str] = mapped_column(String(64), default="")

    oficio: Mapped[Oficio] = relationship()
    account: Mapped[Account] = relationship(foreign_keys=[account_id])
    asked_by: Mapped[Account] = relationship(foreign_keys=[asked_by_id])
