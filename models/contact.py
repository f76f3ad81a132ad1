"""Who writes from outside: names, e-mail addresses, Telegram chats, each verified or not."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, String, UniqueConstraint, true
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, Id, now


class AddressKind(StrEnum):
    EMAIL = "email"
    TELEGRAM = "telegram"


class Contact(Base):
    """A requester, sender, citizen or institution."""

    __tablename__ = "contact"

    id: Mapped[Id]
    name: Mapped[str]
    language: Mapped[str] = mapped_column(String(5), default="es")
    created_at: Mapped[datetime] = mapped_column(default=now)
    # Set by a clerk with the *spam* button; its mail is held, never deleted.
    blocked_at: Mapped[datetime | None]
    # What the person chose in the portal; a channel that is off is used only when no other works.
    tells_email: Mapped[bool] = mapped_column(default=True, server_default=true())
    tells_chat: Mapped[bool] = mapped_column(default=True, server_default=true())
    # Who they were is forgotten since then; what they asked of the institution is kept.
    erased_at: Mapped[datetime | None]
    # Staff who write by mail are the same human being as in the directory.
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)

    addresses: Mapped[list[Address]] = relationship(back_populates="contact", order_by="Address.id")

    def __str__(self) -> str:
        return self.name


class Address(Base):
    """One way to reach a contact: an e-mail address (lower case) or the id of a Telegram chat."""

    __tablename__ = "address"
    __table_args__ = (UniqueConstraint("kind", "value"),)

    id: Mapped[Id]
    contact_id: Mapped[int] = mapped_column(ForeignKey("contact.id"), index=True)
    kind: Mapped[AddressKind]
    value: Mapped[str] = mapped_column(String(320))
    verified_at: Mapped[datetime | None]
    # A hard bounce, or a chat that blocked the bot; why, in the server's words.
    failed_at: Mapped[datetime | None]
    failure: Mapped[str] = mapped_column(default="")

    contact: Mapped[Contact] = relationship(back_populates="addresses")
