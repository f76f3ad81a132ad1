"""The bitácora: append-only events, hash-chained per case (and one chain for the office itself).

Each event's hash covers its content and the hash before it; the case keeps the
length and head of its chain. Altering, inserting or removing a row is found by
`find_broken_chain`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, func, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from models.base import Base, Id, now
from models.case import Case
from models.person import Account

# One lock for the office's own chain on PostgreSQL; SQLite has one writer anyway.
_OFFICE_LOCK = 7_305_021


class Event(Base):
    """Something that happened: `action` is an action of the workflow or of administration."""

    __tablename__ = "event"
    __table_args__ = (Index("uq_event_chain", text("coalesce(case_id, 0)"), "sequence", unique=True),)

    id: Mapped[Id]
    case_id: Mapped[int | None] = mapped_column(ForeignKey("case.id"))
    sequence: Mapped[int]
    at: Mapped[datetime]
    action: Mapped[str] = mapped_column(String(40))
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    # Who, when no account did it: "requester", "rule", "clock", "system".
    actor: Mapped[str] = mapped_column(String(24), default="")
    data: Mapped[dict[str, Any]] = mapped_column(default=dict)
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))

    case: Mapped[Case | None] = relationship()
    account: Mapped[Account | None] = relationship()


def _hash(event: Event) -> str:
    content = [
        event.case_id,
        event.sequence,
        event.at.isoformat(),
        event.action,
        event.account_id,
        event.actor,
        event.data,
        event.previous_hash,
    ]
    return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def record(
    session: Session,
    case: Case | None,
    action: str,
    *,
    account: Account | None = None,
    actor: str = "",
    data: dict[str, Any] | None = None,
    at: datetime | None = None,
) -> Event:
    """Append an event to the chain of *case* (which has its id) or of the office; the caller commits."""
    event = Event(
        # Both: the id is part of the hash, and a new case must be written before its events.
        case=case,
        case_id=case.id if case else None,
        at=at or now(),
        action=action,
        data=data or {},
        account_id=account.id if account else None,
        actor=actor or ("" if account else "system"),
    )
    if case is None:
        event.sequence, event.previous_hash = _office_tail(session)
    else:
        # A case that is not written yet has no defaults.
        event.sequence, event.previous_hash = (case.event_count or 0) + 1, case.event_head or ""
    event.hash = _hash(event)
    if case is not None:
        case.event_count, case.event_head = event.sequence, event.hash
    session.add(event)
    return event


def _office_tail(session: Session) -> tuple[int, str]:
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(_OFFICE_LOCK)))
    session.flush()
    last = session.scalar(select(Event).where(Event.case_id.is_(None)).order_by(Event.id.desc()).limit(1))
    return (last.sequence + 1, last.hash) if last else (1, "")


def find_broken_chain(
    events: Iterable[Event], *, count: int | None = None, head: str | None = None
) -> str | None:
    """The first fault of one chain, given in order of sequence: `missing:3`, `altered:2`; None when whole.

    *count* and *head* are the case's, and show a lost tail.
    """
    previous, number = "", 0
    for event in events:
        number += 1
        if event.sequence != number:
            return f"missing:{number}"
        if event.previous_hash != previous or event.hash != _hash(event):
            return f"altered:{number}"
        previous = event.hash
    if count is not None and (number != count or previous != head):
        return f"missing:{number + 1}"
    return None
