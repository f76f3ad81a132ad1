"""Logins. A user is a person's (staff) or a contact's (requester), never both."""

from __future__ import annotations

from datetime import datetime

from flask_security.core import UserMixin
from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, Id, now
from models.contact import Contact
from models.person import Account, Person


class User(Base, UserMixin):
    """A login, with the columns Flask-Security asks for.

    `is_active` of the mixin reads `active`.
    """

    __tablename__ = "user"

    id: Mapped[Id]
    email: Mapped[str] = mapped_column(String(254), unique=True)
    # Manual C lets staff log in with a user name.
    username: Mapped[str | None] = mapped_column(String(80), unique=True)
    password: Mapped[str | None] = mapped_column(String(255))
    active: Mapped[bool] = mapped_column(default=True)
    fs_uniquifier: Mapped[str] = mapped_column(String(64), unique=True)
    confirmed_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
    language: Mapped[str] = mapped_column(String(5), default="es")
    # A square picture, checked and drawn anew by us.
    avatar_sha256: Mapped[str | None] = mapped_column(ForeignKey("blob.sha256"))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), unique=True)
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("contact.id"), unique=True)
    # The account in which the person acted last.
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))

    person: Mapped[Person | None] = relationship(lazy="joined")
    contact: Mapped[Contact | None] = relationship()
    account: Mapped[Account | None] = relationship(foreign_keys=[account_id])

    # Flask-Security asks for it; what a login may do comes from its accounts.
    roles = []
