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

from sqlalchemy import ColumnElement, ForeignKey, Index, String, func, literal_column, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from models.base import Base, Id, is_written, now
from models.case import Case
from models.person import Account
from models.rows import write_after_flush

# One lock for the office's own chain on PostgreSQL; SQLite has one writer anyway.
_OFFICE_LOCK = 7_305_021
# In `Session.info`: (case id, hash) of what was recorded in this transaction.
RECORDED = "recorded events"


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


def of_case(case: Case) -> ColumnElement[bool]:
    """A condition on `Event` for the chain of *case*, in the words of the one index that leads there."""
    return literal_column("coalesce(event.case_id, 0)", Event.case_id.type) == case.id


# What the hash covers, in this order.
_CONTENT = ("case_id", "sequence", "at", "action", "account_id", "actor", "data", "previous_hash")
_encode = json.JSONEncoder(sort_keys=True, ensure_ascii=False).encode


def _hash(values: dict[str, Any]) -> str:
    content = [values["at"].isoformat() if name == "at" else values[name] for name in _CONTENT]
    return hashlib.sha256(_encode(content).encode()).hexdigest()


def record(
    session: Session,
    case: Case | None,
    action: str,
    *,
    account: Account | None = None,
    actor: str = "",
    data: dict[str, Any] | None = None,
    at: datetime | None = None,
) -> None:
    """Append an event to the chain of *case* (which has its id) or of the office; the caller commits."""
    if case is None:
        sequence, previous = _office_tail(session)
    else:
        # A case that is not written yet has no defaults.
        sequence, previous = (case.event_count or 0) + 1, case.event_head or ""
    values: dict[str, Any] = {
        "case_id": case.id if case else None,
        "sequence": sequence,
        "at": at or now(),
        "action": action,
        "account_id": account.id if account else None,
        "actor": actor or ("" if account else "system"),
        "data": data or {},
        "previous_hash": previous,
    }
    values["hash"] = _hash(values)
    if case is not None:
        case.event_count, case.event_head = sequence, values["hash"]
    if case is not None:
        # For whoever tells others of it when it is committed (`intake.programs.publishing`).
        session.info.setdefault(RECORDED, []).append((case.id, values["hash"]))
    if case is not None and not (session.autoflush and is_written(case)):
        write_after_flush(session, Event, values)
    else:
        session.add(Event(**values))


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
        content = {name: getattr(event, name) for name in _CONTENT}
        if event.previous_hash != previous or event.hash != _hash(content):
            return f"altered:{number}"
        previous = event.hash
    if count is not None and (number != count or previous != head):
        return f"missing:{number + 1}"
    return None
