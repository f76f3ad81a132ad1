"""Who writes from outside: names, e-mail addresses, Telegram chats, each verified or not."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, String, UniqueConstraint, true
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from models.base import Base, Id, now
from models.search import fold


class AddressKind(StrEnum):
    EMAIL = "email"
    TELEGRAM = "telegram"


class Contact(Base):
    """A requester, sender, citizen or institution."""

    __tablename__ = "contact"

    id: Mapped[Id]
    name: Mapped[str]
    # As a document says who wrote it.
    post: Mapped[str] = mapped_column(default="", server_default="")
    institution: Mapped[str] = mapped_column(default="", server_default="")
    phone: Mapped[str] = mapped_column(String(40), default="", server_default="")
    # Street, number, town and code in lines; the federative state by itself.
    postal_address: Mapped[str] = mapped_column(default="", server_default="")
    federative_state: Mapped[str] = mapped_column(String(60), default="", server_default="")
    # Name and institution without accents, in lower case: clerks type the beginning of it.
    name_key: Mapped[str] = mapped_column(String(200), default="", server_default="", index=True)
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

    @validates("name", "institution")
    def _find_by(self, key: str, value: str) -> str:
        name, institution = (value, self.institution) if key == "name" else (self.name, value)
        self.name_key = contact_key(name or "", institution or "")
        return value

    def __str__(self) -> str:
        return self.name


def contact_key(name: str, institution: str) -> str:
    """By which a sender is looked up: how it was typed, accents and capitals make no difference."""
    return fold(" ".join(f"{name} {institution}".split()))[:200]


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
