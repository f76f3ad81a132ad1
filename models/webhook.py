"""Whom the office calls when something happens: an address of a program, for one account's eyes."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, Id, now
from models.person import Account


class Topic(StrEnum):
    """What a subscriber may ask to be told."""

    OPENED = "case.opened"
    ASSIGNED = "case.assigned"
    FOLLOW_UP = "case.follow_up"
    ANSWERED = "case.answered"
    NOTED = "case.noted"
    STATE_CHANGED = "case.state_changed"
    OVERDUE = "case.overdue"
    RATED = "case.rated"
    # Only when its owner asks for it, to try the way there.
    PING = "ping"


# Of each action in the bitácora, what subscribers are told; of the others nothing.
TOPICS: dict[str, Topic] = {
    "open": Topic.OPENED,
    "assign": Topic.ASSIGNED,
    "route": Topic.ASSIGNED,
    "take": Topic.ASSIGNED,
    "return_turno": Topic.ASSIGNED,
    "follow_up": Topic.FOLLOW_UP,
    "answer": Topic.ANSWERED,
    "answer_and_wait": Topic.ANSWERED,
    "answer_and_resolve": Topic.ANSWERED,
    "note": Topic.NOTED,
    "overdue": Topic.OVERDUE,
    "rated": Topic.RATED,
}

_ACTIVE = text("disabled_at IS NULL AND deleted_at IS NULL")


class Webhook(Base):
    """One subscription. Its secret is made from `salt` and the office's key, so it is not kept."""

    __tablename__ = "webhook"
    __table_args__ = (
        Index("ix_webhook_active", "id", sqlite_where=_ACTIVE, postgresql_where=_ACTIVE),
    )  # fmt: skip

    id: Mapped[Id]
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    url: Mapped[str] = mapped_column(String(2000))
    events: Mapped[list[str]] = mapped_column(default=list)
    salt: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(default=now)
    last_delivered_at: Mapped[datetime | None]
    # The first of the failures since the last success.
    failing_since: Mapped[datetime | None]
    last_error: Mapped[str] = mapped_column(default="")
    disabled_at: Mapped[datetime | None]
    # What was queued for it still names it.
    deleted_at: Mapped[datetime | None]

    account: Mapped[Account] = relationship()

    @property
    def is_active(self) -> bool:
        return self.disabled_at is None and self.deleted_at is None
