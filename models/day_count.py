"""Counts by day, so that a dashboard over years reads a few thousand rows instead of a million cases.

`intake.figures.counting` fills them for days that are over. They stay right because every change that
could alter a counted day leaves a `DayMark` in its own transaction, whoever makes it; the clock
then counts that day anew from the cases themselves, never by adding or subtracting. A mark is a new
row and not a flag, so that a change nobody sees yet cannot be lost with the mark of another.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import Connection, Date, Index, String, event, insert, inspect, select, text
from sqlalchemy.orm import Mapped, Mapper, mapped_column

from models.base import Base, Id, now
from models.case import Case
from models.chat import Rating
from models.suggestion import Suggestion
from models.ticket import Ticket

# A day is counted once it is over for so long; until then it is read from its cases, and needs no mark.
SETTLES = timedelta(hours=24)
# A transaction that takes longer than this might be missed.
MARGIN = timedelta(minutes=10)
# In place of a dependencia or service that is not known.
NONE = 0

_HAS_OPEN = text("still_open > 0")


class DayCount(Base):
    """What happened on a local day with the cases that are now of this dependencia, service and channel.

    `still_open` and `overdue` count the arrivals of that day that are so today.
    """

    __tablename__ = "day_count"
    __table_args__ = (Index("ix_day_count_open", "day", sqlite_where=_HAS_OPEN, postgresql_where=_HAS_OPEN),)

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    dependencia_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    service_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    channel: Mapped[str] = mapped_column(String(16), primary_key=True)
    arrivals: Mapped[int] = mapped_column(default=0)
    still_open: Mapped[int] = mapped_column(default=0)
    overdue: Mapped[int] = mapped_column(default=0)
    # Left the backlog, for whatever reason; of these, done.
    ended: Mapped[int] = mapped_column(default=0)
    finished: Mapped[int] = mapped_column(default=0)
    # Commitments of what was finished.
    answers_kept: Mapped[int] = mapped_column(default=0)
    answers_late: Mapped[int] = mapped_column(default=0)
    solutions_kept: Mapped[int] = mapped_column(default=0)
    solutions_late: Mapped[int] = mapped_column(default=0)
    rated_1: Mapped[int] = mapped_column(default=0)
    rated_2: Mapped[int] = mapped_column(default=0)
    rated_3: Mapped[int] = mapped_column(default=0)
    rated_4: Mapped[int] = mapped_column(default=0)
    rated_5: Mapped[int] = mapped_column(default=0)
    # Learnt proposals that a clerk agreed with, and those that were wrong.
    accepted: Mapped[int] = mapped_column(default=0)
    corrected: Mapped[int] = mapped_column(default=0)


class HourCount(Base):
    """At which hour of the day cases arrived."""

    __tablename__ = "hour_count"

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    dependencia_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    hour: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    arrivals: Mapped[int] = mapped_column(default=0)


class CountedThrough(Base):
    """One row: the last day that is counted."""

    __tablename__ = "counted_through"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    day: Mapped[date] = mapped_column(Date)
    counted_at: Mapped[datetime] = mapped_column(default=now)


class DayMark(Base):
    """Something changed about what happened at this instant: its day is counted again."""

    __tablename__ = "day_mark"

    id: Mapped[Id]
    at: Mapped[datetime]


# A case that changes so is counted elsewhere.
_COUNTED = ("is_open", "is_overdue", "dependencia_id", "service_id", "channel", "created_at", "ended_at")
_MOVES = frozenset({"dependencia_id", "service_id", "channel"})


@event.listens_for(Case, "before_insert", propagate=True)
@event.listens_for(Case, "before_update", propagate=True)
def _follow_end(_mapper: Mapper[Case], _connection: Connection, case: Case) -> None:
    if case.is_open is False:
        case.ended_at = case.ended_at or now()
    elif case.ended_at is not None:
        case.ended_at = None


@event.listens_for(Case, "after_insert", propagate=True)
def _mark_arrival(_mapper: Mapper[Case], connection: Connection, case: Case) -> None:
    _mark(connection, [case.created_at, case.ended_at])


@event.listens_for(Case, "after_update", propagate=True)
def _mark_change(_mapper: Mapper[Case], connection: Connection, case: Case) -> None:
    attributes = inspect(case).attrs
    names = [name for name in _COUNTED if name != "service_id" or isinstance(case, Ticket)]
    changed = {name for name in names if attributes[name].history.has_changes()}
    if not changed:
        return
    before = [one for name in ("created_at", "ended_at") for one in attributes[name].history.deleted or ()]
    _mark(connection, [case.created_at, case.ended_at, *before])
    if changed & _MOVES:
        rated = select(Rating.created_at).where(Rating.case_id == case.id)
        connection.execute(insert(DayMark).from_select(["at"], rated))
        decided = select(Suggestion.decided_at).where(
            Suggestion.case_id == case.id, Suggestion.decided_at.is_not(None)
        )
        connection.execute(insert(DayMark).from_select(["at"], decided))


@event.listens_for(Rating, "after_insert")
@event.listens_for(Rating, "after_update")
def _mark_rating(_mapper: Mapper[Rating], connection: Connection, rating: Rating) -> None:
    _mark(connection, [rating.created_at, *(inspect(rating).attrs.created_at.history.deleted or ())])


def _mark(connection: Connection, instants: list[datetime | None]) -> None:
    settled = now() - SETTLES
    if old := [{"at": one} for one in instants if one is not None and one < settled]:
        connection.execute(insert(DayMark), old)
