"""Chats with the bot: what was said where, how far a conversation is, and what leads back to a case.

Ids of chats, messages, topics and updates are those of the Bot API.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, BigId, Id, now
from models.case import Case
from models.contact import Contact
from models.dependencia import Dependencia
from models.message import Message
from models.person import Person


class ChatKind(StrEnum):
    PRIVATE = "private"
    GROUP = "group"


class Chat(Base):
    """One chat with the bot, and where its conversation stands."""

    __tablename__ = "chat"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    kind: Mapped[ChatKind] = mapped_column(default=ChatKind.PRIVATE)
    # As Telegram shows it: the person's name, or the group's title.
    name: Mapped[str] = mapped_column(default="")
    username: Mapped[str] = mapped_column(String(64), default="")
    language: Mapped[str] = mapped_column(String(5), default="es")
    # A state of `bots.dialog`, and what it has to remember.
    state: Mapped[str] = mapped_column(String(40), default="idle")
    data: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")
    created_at: Mapped[datetime] = mapped_column(default=now)
    changed_at: Mapped[datetime] = mapped_column(default=now)
    # Who asks from a private chat; its address of kind telegram is this chat's id.
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("contact.id"), index=True)
    # The servidor público who proved to be the one in this private chat.
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    # The dependencia that bound this group; its new cases appear there.
    dependencia_id: Mapped[int | None] = mapped_column(ForeignKey("dependencia.id"), unique=True)
    # A group with topics: each case gets its own.
    is_forum: Mapped[bool] = mapped_column(default=False)
    # The person blocked the bot, or the group threw it out.
    blocked_at: Mapped[datetime | None]

    contact: Mapped[Contact | None] = relationship()
    person: Mapped[Person | None] = relationship()
    dependencia: Mapped[Dependencia | None] = relationship()


class UpdateStatus(StrEnum):
    """received → processed | ignored (flood) | failed (our fault, can be retried)."""

    RECEIVED = "received"
    PROCESSED = "processed"
    IGNORED = "ignored"
    FAILED = "failed"


_WAITING = text("status = 'received'")
_FAILED = text("status = 'failed'")


class ChatUpdate(Base):
    """The spool of the chat door: one Update of the Bot API as it came, and what became of it."""

    __tablename__ = "chat_update"
    __table_args__ = (
        Index("ix_chat_update_waiting", "chat_id", "update_id", sqlite_where=_WAITING,
              postgresql_where=_WAITING),
        Index("ix_chat_update_failed", "received_at", sqlite_where=_FAILED, postgresql_where=_FAILED),
        Index(None, "chat_id", "received_at"),
        Index(None, "received_at"),
    )  # fmt: skip

    # Two bots count their updates independently.
    bot_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    update_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    # 0 when the update is about no chat.
    chat_id: Mapped[int] = mapped_column(BigId, default=0)
    body: Mapped[dict[str, Any]]
    status: Mapped[UpdateStatus] = mapped_column(default=UpdateStatus.RECEIVED)
    # A sentence for a clerk, and the traceback of the last failure.
    reason: Mapped[str] = mapped_column(default="")
    error: Mapped[str] = mapped_column(default="", deferred=True)
    attempts: Mapped[int] = mapped_column(default=0)
    received_at: Mapped[datetime] = mapped_column(default=now)
    processed_at: Mapped[datetime | None]
    case_id: Mapped[int | None] = mapped_column(ForeignKey("case.id"), index=True)


class ChatMessage(Base):
    """A message in a chat that leads to a case: written to us, or sent by the bot."""

    __tablename__ = "chat_message"

    chat_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    # The Bot API's message_id.
    remote_id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=False)
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id", ondelete="CASCADE"), index=True)
    # The message of the thread that it became or delivers, if any.
    message_id: Mapped[int | None] = mapped_column(ForeignKey("message.id", ondelete="CASCADE"), index=True)
    outbox_id: Mapped[int | None] = mapped_column(ForeignKey("outbox_message.id"), index=True)

    case: Mapped[Case] = relationship()
    message: Mapped[Message | None] = relationship()


class ChatTopic(Base):
    """The topic of a case in a group with topics."""

    __tablename__ = "chat_topic"

    chat_id: Mapped[int] = mapped_column(ForeignKey("chat.id", ondelete="CASCADE"), primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id", ondelete="CASCADE"), primary_key=True)
    # The Bot API's message_thread_id.
    topic_id: Mapped[int] = mapped_column(BigId)


class LinkPurpose(StrEnum):
    """What a one-time link does for whoever opens it."""

    CONTACT = "contact"
    PERSON = "person"
    GROUP = "group"
    UPLOAD = "upload"
    DOWNLOAD = "download"
    # Of the portal: the first entry with a proven e-mail, an entry without password, a new password.
    SIGN_UP = "sign_up"
    SIGN_IN = "sign_in"
    RESET = "reset"


class OneTimeLink(Base):
    """A link that works once and not for ever. Only the hash of its token is kept."""

    __tablename__ = "one_time_link"

    token_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    purpose: Mapped[LinkPurpose]
    created_at: Mapped[datetime] = mapped_column(default=now, index=True)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    # What it is about, by purpose: the proven e-mail of a contact, a person, a dependencia, …
    address: Mapped[str] = mapped_column(String(320), default="")
    contact_id: Mapped[int | None] = mapped_column(ForeignKey("contact.id"))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    dependencia_id: Mapped[int | None] = mapped_column(ForeignKey("dependencia.id"))
    case_id: Mapped[int | None] = mapped_column(ForeignKey("case.id", ondelete="CASCADE"))
    attachment_id: Mapped[int | None] = mapped_column(ForeignKey("attachment.id", ondelete="CASCADE"))
    # The chat that asked for it (0: none).
    chat_id: Mapped[int] = mapped_column(BigId, default=0)


class MessageRevision(Base):
    """What a message said before its sender edited it; the message itself shows the newest text."""

    __tablename__ = "message_revision"

    id: Mapped[Id]
    message_id: Mapped[int] = mapped_column(ForeignKey("message.id", ondelete="CASCADE"), index=True)
    text: Mapped[str]
    # When the text that replaced this one arrived.
    replaced_at: Mapped[datetime] = mapped_column(default=now)

    message: Mapped[Message] = relationship()


class Rating(Base):
    """How content the requester was with a closed case: 1 to 5, and words."""

    __tablename__ = "rating"

    case_id: Mapped[int] = mapped_column(ForeignKey("case.id", ondelete="CASCADE"), primary_key=True)
    score: Mapped[int]
    words: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = mapped_column(default=now, index=True)

    case: Mapped[Case] = relationship()
