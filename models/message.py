"""The thread of a case: messages, their files, and every mail id that leads to it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, BigId, Id, now
from models.case import Case
from models.person import Account


class Direction(StrEnum):
    IN = "in"
    OUT = "out"
    NOTE = "note"


class Message(Base):
    """One mail, chat line, portal entry or internal note."""

    __tablename__ = "message"
    __table_args__ = (Index(None, "case_id", "id"),)

    id: Mapped[Id]
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id", ondelete="CASCADE"))
    direction: Mapped[Direction]
    channel: Mapped[str] = mapped_column(String(16))
    # As the sender gave it; for OUT and NOTE the account that wrote.
    sender_name: Mapped[str] = mapped_column(default="")
    sender_address: Mapped[str] = mapped_column(String(320), default="")
    author_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    created_at: Mapped[datetime] = mapped_column(default=now)
    # The instant the sender claims (Date header), which may be absurd.
    sent_at: Mapped[datetime | None]
    subject: Mapped[str] = mapped_column(default="")
    text: Mapped[str] = mapped_column(default="", deferred=True)
    reply_text: Mapped[str] = mapped_column(default="")
    html: Mapped[str] = mapped_column(default="", deferred=True)
    # [{"address", "name", "role": "to"|"cc"}] of an outgoing message, or the header of an incoming one.
    recipients: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    # Message-ID of the mail without < >, and the ids its References named, oldest first (RFC 5322, 3.6.4).
    rfc_message_id: Mapped[str] = mapped_column(String(512), default="")
    references: Mapped[list[str]] = mapped_column(default=list)
    # Why it was filed here, one sentence in the institution's language.
    match_reason: Mapped[str] = mapped_column(default="")
    # {"spf", "dkim", "dmarc", "arc", "domain", "signature"}; what a clerk is told: "sentence", "warning".
    authentication: Mapped[dict[str, Any]] = mapped_column(default=dict)
    defects: Mapped[list[str]] = mapped_column(default=list)
    # Files that stay in the raw mail: [{"filename", "size", "reason": "too_large"|"case_full"}].
    left_out: Mapped[list[dict[str, Any]]] = mapped_column(default=list, server_default="[]")
    # "auto_reply", "bounce", "read_receipt", "mailing_list" or "" for a person's message.
    robot: Mapped[str] = mapped_column(String(16), default="")
    inbound_mail_id: Mapped[int | None] = mapped_column(BigId, index=True)
    # SHA-256 over what makes a mail itself; unique, so that one mail has one effect
    # even when two workers hold its two copies.
    fingerprint: Mapped[str | None] = mapped_column(String(64), unique=True)
    # Set when the message was moved to another case by a split or merge.
    moved_from_id: Mapped[int | None] = mapped_column(ForeignKey("case.id"))

    case: Mapped[Case] = relationship(foreign_keys=[case_id])
    author: Mapped[Account | None] = relationship()
    attachments: Mapped[list[Attachment]] = relationship(
        back_populates="message", order_by="Attachment.position"
    )


class Blob(Base):
    """Bytes by SHA-256: in `content` when small, else in the store of `OFICIALIA_STORE_URL`."""

    __tablename__ = "blob"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    size: Mapped[int] = mapped_column(BigId)
    content: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)


_UNSCANNED = text("danger = 'unscanned'")


class Attachment(Base):
    """A file of a message."""

    __tablename__ = "attachment"
    __table_args__ = (
        Index("ix_attachment_unscanned", "id", sqlite_where=_UNSCANNED, postgresql_where=_UNSCANNED),
    )

    id: Mapped[Id]
    message_id: Mapped[int] = mapped_column(ForeignKey("message.id", ondelete="CASCADE"), index=True)
    position: Mapped[int] = mapped_column(default=0)
    filename: Mapped[str]
    content_type: Mapped[str] = mapped_column(String(255))
    declared_type: Mapped[str] = mapped_column(String(255), default="")
    size: Mapped[int] = mapped_column(BigId)
    sha256: Mapped[str] = mapped_column(ForeignKey("blob.sha256"), index=True)
    is_inline: Mapped[bool] = mapped_column(default=False)
    content_id: Mapped[str] = mapped_column(default="")
    # Why it is quarantined ("executable", "malware: Eicar", …); such a file is never served.
    danger: Mapped[str] = mapped_column(default="")

    message: Mapped[Message] = relationship(back_populates="attachments")


class ThreadId(Base):
    """A Message-ID that leads to a case: of a mail we have, or an ancestor that never reached us."""

    __tablename__ = "thread_id"

    value: Mapped[str] = mapped_column(String(512), primary_key=True)
    case_id: Mapped[int] = mapped_column(
        ForeignKey("case.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    # False: only seen in somebody's References.
    is_ours: Mapped[bool] = mapped_column(default=True)

    case: Mapped[Case] = relationship()
