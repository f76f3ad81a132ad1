"""Service addresses, the cursors of IMAP folders, and the pulse of each door."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, BigId, Id, now
from models.dependencia import Dependencia
from models.service import Service


class MailboxPurpose(StrEnum):
    """What becomes of mail to an address: a case, or what a scanner sends for the digitizers."""

    CASES = "cases"
    SCANS = "scans"


class Mailbox(Base):
    """An address of ours, bound to a dependencia or a service; `local+anything@domain` reaches it too."""

    __tablename__ = "mailbox"

    id: Mapped[Id]
    # Lower case `local@domain`.
    address: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str]
    dependencia_id: Mapped[int | None] = mapped_column(ForeignKey("dependencia.id"))
    service_id: Mapped[int | None] = mapped_column(ForeignKey("service.id"))
    is_active: Mapped[bool] = mapped_column(default=True)
    purpose: Mapped[MailboxPurpose] = mapped_column(
        default=MailboxPurpose.CASES, server_default=MailboxPurpose.CASES
    )
    # Who may send scans, an address or `@domain` each; others are held.
    senders: Mapped[list[str]] = mapped_column(default=list, server_default="[]")

    dependencia: Mapped[Dependencia | None] = relationship()
    service: Mapped[Service | None] = relationship()

    @property
    def bound_to(self) -> Dependencia | None:
        """The dependencia whose mail this is, directly or through its service."""
        return self.dependencia or (self.service.dependencia if self.service else None)

    def __str__(self) -> str:
        return self.address


class ImapCursor(Base):
    """How far an IMAP folder was read: RFC 9051 UIDVALIDITY and the highest UID stored."""

    __tablename__ = "imap_cursor"

    # `user@host:port/FOLDER`
    source: Mapped[str] = mapped_column(String(255), primary_key=True)
    uidvalidity: Mapped[int] = mapped_column(BigId)
    last_uid: Mapped[int] = mapped_column(BigId, default=0)
    # Up to here the server's mails are marked or moved; a crash before that is made good later.
    marked_uid: Mapped[int] = mapped_column(BigId, default=0)


class Door(Base):
    """The pulse of a door for the page *Puertas*: `smtp`, `imap user@host/INBOX`, `relay`, `telegram`."""

    __tablename__ = "door"

    name: Mapped[str] = mapped_column(String(255), primary_key=True)
    started_at: Mapped[datetime] = mapped_column(default=now)
    last_contact_at: Mapped[datetime | None]
    last_message_at: Mapped[datetime | None]
    # The last failure, empty while all is well.
    error: Mapped[str] = mapped_column(default="")
    error_at: Mapped[datetime | None]
    # What the other side calls us: the bot's user name, without @.
    known_as: Mapped[str] = mapped_column(String(64), default="", server_default="")
