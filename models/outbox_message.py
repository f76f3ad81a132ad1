"""Notices written in the transaction of their cause and delivered afterwards (buzón de salida)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, BigId, Id, now
from models.case import Case


class OutboxStatus(StrEnum):
    """queued → sending → sent | retrying | failed | cancelled, then bounced if a DSN says so."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    RETRYING = "retrying"
    FAILED = "failed"
    CANCELLED = "cancelled"
    BOUNCED = "bounced"


_DUE = text("status IN ('queued', 'retrying', 'sending')")


class OutboxMessage(Base):
    """One notice to one set of recipients, complete: what is sent later is what was decided now."""

    __tablename__ = "outbox_message"
    __table_args__ = (
        Index("ix_outbox_message_due", "channel", "next_attempt_at", "id", sqlite_where=_DUE,
              postgresql_where=_DUE),
        Index(None, "status", "id"),
        Index(None, "case_id", "id"),
        # When the administrators were last told of trouble.
        Index("ix_outbox_message_alert", "created_at", sqlite_where=text("kind = 'alert'"),
              postgresql_where=text("kind = 'alert'")),
    )  # fmt: skip

    id: Mapped[Id]
    channel: Mapped[str] = mapped_column(String(16))
    # acuse, answer, assigned, overdue, refusal, …: the folder under templates/email or templates/chat.
    kind: Mapped[str] = mapped_column(String(40))
    status: Mapped[OutboxStatus] = mapped_column(default=OutboxStatus.QUEUED)
    case_id: Mapped[int | None] = mapped_column(ForeignKey("case.id"))
    # The message of the thread that this delivers, if any; its attachments go along.
    message_id: Mapped[int | None] = mapped_column(ForeignKey("message.id"), index=True)
    # E-mail addresses, or Telegram chat ids as text.
    to: Mapped[list[str]] = mapped_column(default=list)
    cc: Mapped[list[str]] = mapped_column(default=list)
    from_addr: Mapped[str] = mapped_column(String(320), default="")
    from_name: Mapped[str] = mapped_column(default="")
    reply_to: Mapped[str] = mapped_column(String(320), default="")
    subject: Mapped[str] = mapped_column(default="")
    text: Mapped[str] = mapped_column(default="")
    html: Mapped[str] = mapped_column(default="")
    # What the templates of its kind say in `text` and `html` as soon as it is sent; then it is empty.
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")
    # Fixed when queued, so that a second delivery of the same notice is recognised. Without < >.
    rfc_message_id: Mapped[str] = mapped_column(String(255), unique=True)
    in_reply_to: Mapped[str] = mapped_column(String(512), default="")
    references: Mapped[list[str]] = mapped_column(default=list)
    # auto-generated, auto-replied or "" (RFC 3834) for a human answer.
    auto_submitted: Mapped[str] = mapped_column(String(24), default="")
    created_at: Mapped[datetime] = mapped_column(default=now)
    next_attempt_at: Mapped[datetime] = mapped_column(default=now)
    attempts: Mapped[int] = mapped_column(default=0)
    sent_at: Mapped[datetime | None]
    # Recipients that need no further attempt, when the relay took the notice for some of them only.
    settled: Mapped[list[str]] = mapped_column(default=list)
    # Last answer of the relay or the Bot API, in its words.
    last_error: Mapped[str] = mapped_column(default="")
    # Only in chat: "buttons" [[{"text", "data"|"url"}]], "reply_to" message_id, "topic" message_thread_id,
    # "edits" message_id of the bot's own message that this one replaces.
    chat_options: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default="{}")
    # The subscription that is called; `to` then says where, and `text` is the body, byte by byte.
    webhook_id: Mapped[int | None] = mapped_column(BigId)
    # Id of the delivered message at the other side (Telegram message_id; the last of several).
    remote_id: Mapped[int | None] = mapped_column(BigId)

    case: Mapped[Case | None] = relationship()
