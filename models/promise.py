"""Where a promise stands: time left, due soon, overdue, kept; and when somebody must be told.

Pure: what was promised, when the clock began and stood still, and the calendar come in as values.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from models.deadline import (
    MINUTE,
    BusinessCalendar,
    Pause,
    Term,
    due_after,
    working_time,
)

_NO_TIME = timedelta()
# Told with a quarter of the time left, so that who was promised an hour and who was promised
# a month are both warned in time to act; never more than a working day before.
_SHARE = 4
_SHORTEST_WARNING = 5 * MINUTE


class PromiseKind(StrEnum):
    FIRST_ANSWER = "first_answer"
    SOLUTION = "solution"


class Standing(StrEnum):
    """How a promise stands at an instant."""

    RUNNING = "running"
    SOON = "soon"
    OVERDUE = "overdue"
    PAUSED = "paused"
    KEPT = "kept"
    # Done, but after it was due.
    LATE = "late"


@dataclass(frozen=True, slots=True)
class Promise:
    """One thing promised: *minutes* of working time from *counts_from*, or the agreed instant.

    *agreed_at*: when the instant *agreed_due_at* was agreed; pauses before that are part of it.
    """

    kind: PromiseKind
    counts_from: datetime
    minutes: int = 0
    agreed_at: datetime | None = None
    agreed_due_at: datetime | None = None
    done_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Clock:
    """A promise as people read it. `left` is working time, negative when overdue, what it took when done."""

    kind: PromiseKind
    standing: Standing
    left: timedelta
    # None while the clock stands still: nobody knows when it goes on.
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class Moments:
    """When to warn whoever attends, when the promise is broken, and when its head must know."""

    warn_at: datetime
    due_at: datetime
    escalate_at: datetime


def due_at(promise: Promise, calendar: BusinessCalendar, pauses: Sequence[Pause] = ()) -> datetime | None:
    """When *promise* falls due; None while a pause keeps it open."""
    return _reached(promise, _NO_TIME, calendar, pauses)


def moments(promise: Promise, calendar: BusinessCalendar, pauses: Sequence[Pause] = ()) -> Moments | None:
    """The instants of *promise* that somebody is told about; None while a pause keeps them open."""
    share = _warning(promise, calendar)
    due = _reached(promise, _NO_TIME, calendar, pauses)
    if due is None:
        return None
    warn = _reached(promise, -share, calendar, pauses) or due
    # The same share again, in which it can still be made good before the head hears of it.
    escalate = due_after(due, share, calendar, [one for one in pauses if one[0] > due])
    return None if escalate is None else Moments(min(warn, due), due, escalate)


def read_clock(
    promise: Promise, calendar: BusinessCalendar, at: datetime, pauses: Sequence[Pause] = ()
) -> Clock:
    """How *promise* stands at the instant *at*."""
    due = due_at(promise, calendar, pauses)
    if promise.done_at is not None:
        kept = due is None or promise.done_at <= due
        took = working_time(promise.counts_from, promise.done_at, calendar, pauses)
        return Clock(promise.kind, Standing.KEPT if kept else Standing.LATE, took, due)
    if due is None:
        return Clock(promise.kind, Standing.PAUSED, _left_when_paused(promise, calendar, pauses), None)
    if due <= at:
        return Clock(promise.kind, Standing.OVERDUE, -working_time(due, at, calendar, pauses), due)
    left = working_time(at, due, calendar, pauses)
    is_soon = left <= _warning(promise, calendar)
    return Clock(promise.kind, Standing.SOON if is_soon else Standing.RUNNING, left, due)


def agreeable(asked_on: date, earliest: Term, latest: Term, calendar: BusinessCalendar) -> tuple[date, date]:
    """First and last working day that may be agreed for what is promised as a range (manual O)."""
    first, last = earliest.after(asked_on), latest.after(asked_on)
    return calendar.working_day_from(first), calendar.working_day_from(max(first, last))


def promised_minutes(base: int | None, per_unit: int | None, quantity: int | None) -> int | None:
    """Working minutes for *quantity* pieces (unknown: one) at *per_unit* each, besides *base*.

    None when nothing is promised.
    """
    if per_unit is None:
        return base
    return (base or 0) + per_unit * max(1, quantity or 1)


def _reached(
    promise: Promise, beyond: timedelta, calendar: BusinessCalendar, pauses: Sequence[Pause]
) -> datetime | None:
    """When the working time of *promise*, longer or shorter by *beyond*, has passed."""
    start, counting = promise.counts_from, pauses
    if promise.agreed_at is not None and promise.agreed_due_at is not None:
        start = promise.agreed_at
        # A date that was agreed while the clock stood still counts on from there.
        counting = [one for one in pauses if start <= one[0] < promise.agreed_due_at]
        if not counting and beyond == _NO_TIME:
            # What a person wrote down is kept to the minute, even outside office hours.
            return promise.agreed_due_at
    return due_after(start, max(_NO_TIME, _whole(promise, calendar) + beyond), calendar, counting)


def _warning(promise: Promise, calendar: BusinessCalendar) -> timedelta:
    """How much working time before it is due *promise* is told to be due soon."""
    return max(_SHORTEST_WARNING, min(_whole(promise, calendar) / _SHARE, calendar.usual_day))


def _whole(promise: Promise, calendar: BusinessCalendar) -> timedelta:
    if promise.agreed_at is not None and promise.agreed_due_at is not None:
        return max(_NO_TIME, working_time(promise.agreed_at, promise.agreed_due_at, calendar))
    return promise.minutes * MINUTE


def _left_when_paused(promise: Promise, calendar: BusinessCalendar, pauses: Iterable[Pause]) -> timedelta:
    pauses = list(pauses)
    paused_at = max(begin for begin, end in pauses if end is None)
    start = promise.agreed_at if promise.agreed_due_at and promise.agreed_at else promise.counts_from
    return _whole(promise, calendar) - working_time(start, max(start, paused_at), calendar, pauses)
