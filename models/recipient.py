"""To whom a document goes, and what is known of its arrival there."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, Id
from models.dependencia import Dependencia
from models.oficio import Oficio
from models.outbox_message import OutboxMessage
from models.person import Account


class RecipientRole(StrEnum):
    TO = "to"
    # Con copia para (c.c.p.).
    COPY = "copy"


class Delivery(StrEnum):
    INSIDE = "inside"
    MAIL = "mail"
    # By a courier or the post: `Dispatch`.
    DISPATCH = "dispatch"


class Recipient(Base):
    """One line of the recipient block or of the copies."""

    __tablename__ = "recipient"
    __table_args__ = (
        Index(None, "oficio_id", "position"),
        Index(None, "account_id", "oficio_id"),
        Index(None, "dependencia_id", "oficio_id"),
    )

    id: Mapped[Id]
    oficio_id: Mapped[int] = mapped_column(ForeignKey("oficio.id", ondelete="CASCADE"))
    position: Mapped[int] = mapped_column(default=0)
    role: Mapped[RecipientRole] = mapped_column(default=RecipientRole.TO)
    delivery: Mapped[Delivery] = mapped_column(default=Delivery.INSIDE)
    # Inside: an account, or (null) the dependencia, that is its heads.
    dependencia_id: Mapped[int | None] = mapped_column(ForeignKey("dependencia.id"))
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    # As the document names it.
    name: Mapped[str] = mapped_column(default="")
    post: Mapped[str] = mapped_column(default="")
    institution: Mapped[str] = mapped_column(default="")
    # Outside.
    email: Mapped[str] = mapped_column(String(320), default="")
    # Of the link in the mail, by which we learn that it was read.
    token: Mapped[str | None] = mapped_column(String(40), unique=True)
    outbox_id: Mapped[int | None] = mapped_column(ForeignKey("outbox_message.id"), index=True)
    delivered_at: Mapped[datetime | None]
    read_at: Mapped[datetime | None]
    read_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    # Who handed it on to this one (reasignar), and when.
    reassigned_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"), index=True)
    reassigned_at: Mapped[datetime | None]
    instruction: Mapped[str] = mapped_column(default="")

    oficio: Mapped[Oficio] = relationship()
    account: Mapped[Account | None] = relationship(foreign_keys=[account_id])
    dependencia: Mapped[Dependencia | None] = relationship()
    reassigned_by: Mapped[Account | None] = relationship(foreign_keys=[reassigned_by_id])
    read_by: Mapped[Account | None] = relationship(foreign_keys=[read_by_id])
    outbox: Mapped[OutboxMessage | None] = relationship()
