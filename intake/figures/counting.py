"""Counts the days of `models.day_count`: each day once it has settled, and anew what changed since.

A day is always counted from its cases, by the two indexed ranges of that day, so a count can be
wrong at most until the next round and never drifts. `recount_all` counts everything again. Any
number of workers may count at once.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, delete, func, insert, or_, select
from sqlalchemy.orm import Session

from intake.office import Office
from intake.services import commitments
from models import promise as promises
from models.base import now
from models.case import Case, CaseKind
from models.chat import Rating
from models.commitment import CaseCommitment
from models.day_count import MARGIN, NONE, SETTLES, CountedThrough, DayCount, DayMark, HourCount
from models.oficio import Flow, Oficio
from models.promise import PromiseKind, Standing
from models.suggestion import Outcome, Suggestion
from models.ticket import Ticket
from models.workflow import State

# Days of one transaction, so that nobody waits long for the write lock.
_DAYS = 5
_MARKS = 2_000
# One counter at a time on PostgreSQL; SQLite has one writer anyway.
_LOCK = 7_305_022

_MEASURES = [one.name for one in DayCount.__table__.columns if not one.primary_key]
DONE = (State.RESOLVED, State.CLOSED, State.CONCLUDED)
Place = tuple[int, int, str]
# As plain tables: joined as classes they would bring the table of cases along a second time.
_TICKET, _OFICIO = Ticket.__table__, Oficio.__table__


@dataclass(slots=True)
class Day:
    """All counts of one day."""

    places: defaultdict[Place, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    # By dependencia and hour.
    hours: Counter[tuple[int, int]] = field(default_factory=Counter)


def count_days(office: Office) -> int:
    """Count what has settled and what was marked, a few days per transaction; how many were counted."""
    at, counted = now(), 0
    while batch := _count_some(office, at):
        counted += batch
    return counted


def recount_all(office: Office) -> int:
    """Forget every count and count all days again; how many days that was."""
    with office.database.writing() as session:
        for table in (DayCount, HourCount, CountedThrough):
            session.execute(delete(table))
    return count_days(office)


def last_settled(at: datetime, zone: ZoneInfo) -> date:
    """The newest local day that was over for as long as `SETTLES` at the instant *at*."""
    return (at - SETTLES - MARGIN).astimezone(zone).date() - timedelta(days=1)


def counted_through(session: Session) -> date | None:
    """The last day that is counted; later ones are read from their cases."""
    return session.scalar(select(CountedThrough.day))


def _count_some(office: Office, at: datetime) -> int:
    zone = office.settings.zone
    with office.database.reading() as session:
        # While there is nothing to count, no lock is taken.
        if session.scalar(select(DayMark.id).limit(1)) is None and not _waiting(session, at, zone):
            return 0
    with office.database.writing() as session:
        if not office.database.is_sqlite:
            session.execute(select(func.pg_advisory_xact_lock(_LOCK)))
        through = counted_through(session)
        marks = session.execute(select(DayMark.id, DayMark.at).order_by(DayMark.id).limit(_MARKS)).all()
        marked = Counter(mark.at.astimezone(zone).date() for mark in marks)
        # The rest stays marked. What is not counted yet needs no mark.
        chosen = [day for day, _ in marked.most_common() if through is not None and day <= through][:_DAYS]
        done = [
            mark.id
            for mark in marks
            if (day := mark.at.astimezone(zone).date()) in chosen or through is None or day > through
        ]
        session.execute(delete(DayMark).where(DayMark.id.in_(done)))
        fresh = _waiting(session, at, zone)[: _DAYS - len(chosen)]
        for day in [*chosen, *fresh]:
            _store(session, day, count_day(session, office, day))
        if fresh:
            session.execute(delete(CountedThrough))
            session.add(CountedThrough(id=1, day=fresh[-1]))
        return len(chosen) + len(fresh) or len(done)


def _waiting(session: Session, at: datetime, zone: ZoneInfo) -> list[date]:
    """The first days that have settled and are not counted."""
    through, last = counted_through(session), last_settled(at, zone)
    if through is None:
        oldest = session.scalar(select(Case.created_at).order_by(Case.created_at).limit(1))
        if oldest is None:
            return []
        through = oldest.astimezone(zone).date() - timedelta(days=1)
    return [through + timedelta(days=n) for n in range(1, min((last - through).days, _DAYS) + 1)]


def differing_days(session: Session, office: Office, number: int) -> tuple[int, list[date]]:
    """Count the newest day and others drawn by lot again: how many, and those with other counts than kept.

    What is marked is not asked: it is about to be counted anyway.
    """
    through = counted_through(session)
    zone = office.settings.zone
    marked = {at.astimezone(zone).date() for at in session.scalars(select(DayMark.at).limit(_MARKS))}
    days = session.scalars(select(DayCount.day).distinct().where(DayCount.day != through)).all()
    drawn = random.sample(days, min(number - 1, len(days)))
    chosen = [one for one in (through, *drawn) if one is not None and one not in marked]
    wrong = [day for day in chosen if _kept(session, day) != _plain(count_day(session, office, day))]
    return len(chosen), sorted(wrong)


def _plain(counts: Day) -> dict[tuple[Any, ...], int]:
    """Every number of a day that is not 0, by place and measure or hour."""
    places = {(*place, name): n for place, row in counts.places.items() for name, n in row.items() if n}
    return {**places, **{hour: n for hour, n in counts.hours.items() if n}}


def _kept(session: Session, day: date) -> dict[tuple[Any, ...], int]:
    kept = Day()
    for row in session.scalars(select(DayCount).where(DayCount.day == day)):
        place = kept.places[row.dependencia_id, row.service_id, row.channel]
        place.update({name: getattr(row, name) for name in _MEASURES})
    for hour in session.scalars(select(HourCount).where(HourCount.day == day)):
        kept.hours[hour.dependencia_id, hour.hour] = hour.arrivals
    return _plain(kept)


def _store(session: Session, day: date, counts: Day) -> None:
    session.execute(delete(DayCount).where(DayCount.day == day))
    session.execute(delete(HourCount).where(HourCount.day == day))
    rows = [
        {"day": day, "dependencia_id": place[0], "service_id": place[1], "channel": place[2], **counted}
        for place, counted in counts.places.items()
    ]
    if rows:
        # The rows of one statement have the same columns.
        columns = [column.name for column in DayCount.__table__.columns]
        session.execute(insert(DayCount), [{name: row.get(name, 0) for name in columns} for row in rows])
    if counts.hours:
        session.execute(
            insert(HourCount),
            [
                {"day": day, "dependencia_id": place, "hour": hour, "arrivals": number}
                for (place, hour), number in counts.hours.items()
            ],
        )


def span(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The instants at which the local *day* begins and ends."""
    tomorrow = day + timedelta(days=1)
    return (
        datetime.combine(day, time(), zone).astimezone(UTC),
        datetime.combine(tomorrow, time(), zone).astimezone(UTC),
    )


def count_day(session: Session, office: Office, day: date, where: Sequence[ColumnElement[bool]] = ()) -> Day:
    """The counts of *day* from its cases (of those that are *where*), nothing remembered."""
    begin, end = span(day, office.settings.zone)
    counts = Day()
    wanted = _cases(Case.created_at, Case.is_open, Case.is_overdue).where(
        Case.created_at >= begin, Case.created_at < end, *where
    )
    for *place, created_at, is_open, is_overdue in session.execute(wanted):
        row = counts.places[_key(place)]
        row["arrivals"] += 1
        row["still_open"] += is_open
        row["overdue"] += is_open and is_overdue
        counts.hours[_key(place)[0], created_at.astimezone(office.settings.zone).hour] += 1
    _count_ended(session, office, counts, (begin, end), where)
    rated = _cases(Rating.score).join(Rating, Rating.case_id == Case.id)
    for *place, score in session.execute(
        rated.where(Rating.created_at >= begin, Rating.created_at < end, *where)
    ):
        counts.places[_key(place)][f"rated_{min(5, max(1, score))}"] += 1
    decided = _cases(Suggestion.outcome).join(Suggestion, Suggestion.case_id == Case.id)
    for *place, outcome in session.execute(
        decided.where(Suggestion.decided_at >= begin, Suggestion.decided_at < end, *where)
    ):
        counts.places[_key(place)]["accepted" if outcome == Outcome.ACCEPTED else "corrected"] += 1
    return counts


def _cases(*columns: Any) -> Select[Any]:
    """Place and *columns* of tickets and received documents; what the house issues is no case to attend."""
    mine = or_(Case.kind == CaseKind.TICKET, _OFICIO.c.flow == Flow.RECEIVED)
    chosen = select(Case.dependencia_id, _TICKET.c.service_id, Case.channel, *columns)
    return (
        chosen.select_from(Case)
        .outerjoin(_TICKET, _TICKET.c.id == Case.id)
        .outerjoin(_OFICIO, _OFICIO.c.id == Case.id)
        .where(mine)
    )


def _key(place: Iterable[Any]) -> Place:
    dependencia_id, service_id, channel = place
    return dependencia_id or NONE, service_id or NONE, str(channel)


def _count_ended(
    session: Session,
    office: Office,
    counts: Day,
    between: tuple[datetime, datetime],
    where: Sequence[ColumnElement[bool]],
) -> None:
    wanted = _cases(Case.state, Case.due_at, CaseCommitment).outerjoin(
        CaseCommitment, CaseCommitment.case_id == Case.id
    )
    wanted = wanted.where(Case.ended_at >= between[0], Case.ended_at < between[1], *where)
    found = session.execute(wanted).all()
    # Who was late by the plain deadline may have been in time by the clock, which stood still meanwhile.
    unsure: list[tuple[Place, CaseCommitment]] = []
    for *place, state, due_at, row in found:
        counted = counts.places[_key(place)]
        counted["ended"] += 1
        if state not in DONE:
            continue
        counted["finished"] += 1
        if row is None:
            continue
        if _is_kept(row.answered_at, row.answer_due_at) and _is_kept(row.solved_at, due_at):
            for one in commitments.promises_of(row):
                counted[_NAMES[one.kind, True]] += 1
        else:
            unsure.append((_key(place), row))
    _count_unsure(session, office, counts.places, unsure)


_NAMES = {
    (PromiseKind.FIRST_ANSWER, True): "answers_kept",
    (PromiseKind.FIRST_ANSWER, False): "answers_late",
    (PromiseKind.SOLUTION, True): "solutions_kept",
    (PromiseKind.SOLUTION, False): "solutions_late",
}


def _is_kept(done_at: datetime | None, due_at: datetime | None) -> bool:
    return done_at is not None and due_at is not None and done_at <= due_at


def _count_unsure(
    session: Session,
    office: Office,
    places: Mapping[Place, Counter[str]],
    rows: Sequence[tuple[Place, CaseCommitment]],
) -> None:
    if not rows:
        return
    pauses = commitments.pauses_of(session, [row.case_id for _, row in rows])
    for place, row in rows:
        calendar = commitments.calendar_of(session, office, row.calendar_id)
        stood = commitments.spans(pauses.get(row.case_id, []))
        for one in commitments.promises_of(row):
            clock = promises.read_clock(one, calendar, row.solved_at or now(), stood)
            places[place][_NAMES[one.kind, clock.standing == Standing.KEPT]] += 1
