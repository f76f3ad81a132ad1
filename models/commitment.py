"""What is promised by priority, what that came to for a case, and when a case's clock stood still.

Answers, ends and pauses are written here no matter who changes the case: every message that
leaves and every change of state passes through these listeners. Whoever has a calendar at
hand counts anew from them (`intake.services.commitments`), at the latest the clock: `next_at` is set.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import (
    Connection,
    Date,
    ForeignKey,
    Index,
    event,
    func,
    insert,
    inspect,
    text,
    update,
)
from sqlalchemy.orm import Mapped, Mapper, mapped_column, relationship

from models.base import Base, Id, now
from models.case import Case, Priority
from models.message import Direction, Message
from models.service import Service


class Commitment(Base):
    """Other minutes of a service for one priority; None: those of the service."""

    __tablename__ = "commitment"

    service_id: Mapped[int] = mapped_column(ForeignKey("service.id", ondelete="CASCADE"), primary_key=True)
    priority: Mapped[Priority] = mapped_column(primary_key=True)
    first_answer_minutes: Mapped[int | None]
    solution_minutes: Mapped[int | None]

    service: Mapped[Service] = relationship(back_populates="commitments")


_TO_LOOK_AT = text("next_at IS NOT NULL")


class CaseCommitment(Base):
    """What was promised for one case, when it was kept, and what was told about it.

    The minutes are those of the day it was promised: a catalogue that changes breaks no promise.
    """

    __tablename__ = "case_commitment"
    __table_args__ = (
        Index("ix_case_commitment_next", "next_at", sqlite_where=_TO_LOOK_AT, postgresql_where=_TO_LOOK_AT),
    )

    case_id: Mapped[int] = mapped_column(ForeignKey("case.id", ondelete="CASCADE"), primary_key=True)
    counts_from: Mapped[datetime] = mapped_column(default=now)
    calendar_id: Mapped[int | None] = mapped_column(ForeignKey("calendar.id"))
    answer_minutes: Mapped[int | None]
    solution_minutes: Mapped[int | None]
    # What may be agreed, when a range was promised (manual O: 1 week to 3 months).
    earliest_on: Mapped[date | None] = mapped_column(Date)
    latest_on: Mapped[date | None] = mapped_column(Date)
    # The instant that takes the place of the minutes, and since when.
    agreed_at: Mapped[datetime | None]
    agreed_due_at: Mapped[datetime | None]
    answer_due_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    solved_at: Mapped[datetime | None]
    # When each was told last; a deadline that moved on is told again.
    answer_soon_told_at: Mapped[datetime | None]
    answer_overdue_told_at: Mapped[datetime | None]
    answer_escalated_at: Mapped[datetime | None]
    solution_soon_told_at: Mapped[datetime | None]
    solution_overdue_told_at: Mapped[datetime | None]
    solution_escalated_at: Mapped[datetime | None]
    # When the clock looks at it again; None while there is nothing to wait for.
    next_at: Mapped[datetime | None]

    case: Mapped[Case] = relationship()


class PauseReason(StrEnum):
    # The requester owes an answer.
    REQUESTER = "requester"
    # It was held to be done, and was opened again.
    DONE = "done"


# The time in these states is not the office's to answer for.
PAUSING: dict[str, PauseReason] = {
    "waiting": PauseReason.REQUESTER,
    "resolved": PauseReason.DONE,
    "closed": PauseReason.DONE,
    "answered": PauseReason.DONE,
    "signed": PauseReason.DONE,
    "concluded": PauseReason.DONE,
}


class CasePause(Base):
    """A time in which the clock of a case stood still, and why; `ended_at` null: it still does."""

    __tablename__ = "case_pause"
    __table_args__ = (Index(None, "case_id", "id"),)

    id: Mapped[Id]
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id", ondelete="CASCADE"))
    reason: Mapped[PauseReason]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    case: Mapped[Case] = relationship()


@event.listens_for(Case, "after_update", propagate=True)
def _follow_state(_mapper: Mapper[Case], connection: Connection, case: Case) -> None:
    attributes = inspect(case).attrs
    if attributes.priority.history.has_changes():
        _look_again(connection, case)
    history = attributes.state.history
    if not history.has_changes():
        return
    before = PAUSING.get(history.deleted[0]) if history.deleted else None
    after, at = PAUSING.get(case.state), now()
    own = CaseCommitment.case_id == case.id
    if before is not after:
        still = CasePause.case_id == case.id, CasePause.ended_at.is_(None)
        connection.execute(update(CasePause).where(*still).values(ended_at=at))
        if after is not None:
            row = {"case_id": case.id, "reason": after, "started_at": at}
            connection.execute(insert(CasePause).values(row))
    if not case.is_open:
        ended = {"solved_at": at, "answered_at": func.coalesce(CaseCommitment.answered_at, at)}
        connection.execute(update(CaseCommitment).where(own).values(**ended, next_at=None))
    elif after is not None:
        connection.execute(update(CaseCommitment).where(own).values(next_at=None))
    else:
        connection.execute(update(CaseCommitment).where(own).values(solved_at=None))
        _look_again(connection, case)


def _look_again(connection: Connection, case: Case) -> None:
    if case.is_open:
        own = update(CaseCommitment).where(CaseCommitment.case_id == case.id)
        connection.execute(own.values(next_at=now()))


@event.listens_for(Message, "after_insert")
def _follow_answers(_mapper: Mapper[Message], connection: Connection, message: Message) -> None:
    if message.direction == Direction.OUT:
        unanswered = CaseCommitment.case_id == message.case_id, CaseCommitment.answered_at.is_(None)
        answered = update(CaseCommitment).where(*unanswered)
        connection.execute(answered.values(answered_at=message.created_at))
