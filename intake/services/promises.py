"""How the promises of cases stand, read for lists and for the page of a case; nothing is changed here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session, joinedload

from intake.office import Office
from intake.services.commitments import calendar_of, promises_of, spans
from models.case import Case
from models.commitment import CaseCommitment, CasePause, PauseReason
from models.deadline import BusinessCalendar, working_time
from models.event import Event
from models.promise import Clock, Promise, PromiseKind, read_clock
from models.service import Service
from models.ticket import Ticket

# A deadline without a promise warns as one of months does: one working day before.
_LONG_AGO = timedelta(days=60)
# What begins to wait for the requester: a clerk's answer, or the desk's own question.
_ASKING = ("answer_and_wait", "ask_missing")

_PROMISED = (
    select(Case.id, CaseCommitment, CasePause)
    .outerjoin(CaseCommitment, CaseCommitment.case_id == Case.id)
    .outerjoin(CasePause, CasePause.case_id == Case.id)
    .where(Case.id.in_(bindparam("ids", expanding=True)))
    .order_by(CasePause.id)
    # Pauses are written beside the session by the listeners of `models.commitment`.
    .execution_options(populate_existing=True)
)


class Listed(Protocol):
    """What of a case is needed: a row of a list has it, and so has the case itself."""

    @property
    def id(self) -> int: ...
    @property
    def is_open(self) -> bool: ...
    @property
    def due_at(self) -> datetime | None: ...


@dataclass(frozen=True, slots=True)
class CaseClocks:
    """The clocks of one case, the first answer's before the solution's, and how long a day is in it."""

    clocks: tuple[Clock, ...]
    usual_day: timedelta


@dataclass(frozen=True, slots=True)
class Paused:
    """One pause of a case: why, who asked for what, from when to when, and how much working time it was."""

    reason: PauseReason
    by: str
    # What the service asks and the requester did not say, when the desk itself asked.
    missing: Sequence[str]
    started_at: datetime
    ended_at: datetime | None
    length: timedelta


@dataclass(frozen=True, slots=True)
class CasePromises:
    """Everything the page of a case says about what was promised."""

    clocks: CaseClocks
    pauses: Sequence[Paused]
    # The range in which a date is still to be agreed, or None.
    to_agree: tuple[date, date] | None
    agreed_on: date | None
    # Minutes for each piece, its name, and how many were asked for (None: nobody knows yet).
    units: tuple[int, str, int | None] | None


class Promises:
    """What was promised for some cases, read at once: for a list, and for the case beside it."""

    def __init__(self, session: Session, office: Office, case_ids: Iterable[int]) -> None:
        self._session, self._office = session, office
        self._commitments: dict[int, CaseCommitment] = {}
        self._pauses: dict[int, list[CasePause]] = {}
        self._calendars: dict[int | None, BusinessCalendar] = {}
        ids = list(dict.fromkeys(case_ids))
        for number, commitment, pause in session.execute(_PROMISED, {"ids": ids}) if ids else ():
            if commitment is not None:
                self._commitments[number] = commitment
            if pause is not None:
                self._pauses.setdefault(number, []).append(pause)

    def clocks_of(self, rows: Sequence[Listed], at: datetime) -> dict[int, CaseClocks]:
        """The clocks of the open ones among *rows* at the instant *at*, by the id of the case."""
        found = {}
        for row in rows:
            if not row.is_open:
                continue
            calendar = self._calendar_of(row.id)
            clocks = _clocks(row, self._commitments.get(row.id), self._pauses.get(row.id, ()), calendar, at)
            if clocks:
                found[row.id] = CaseClocks(clocks, calendar.usual_day)
        return found

    def of_case(self, case: Case, at: datetime) -> CasePromises:
        """All about *case*, also when it has ended."""
        row, pauses = self._commitments.get(case.id), self._pauses.get(case.id, ())
        calendar = self._calendar_of(case.id)
        clocks = CaseClocks(_clocks(case, row, pauses, calendar, at), calendar.usual_day)
        to_agree, agreed_on = None, None
        if row is not None and row.agreed_due_at is not None:
            is_agreed = row.agreed_at != row.counts_from
            agreed_on = row.agreed_due_at.astimezone(calendar.zone).date() if is_agreed else None
            if not is_agreed and case.is_open and row.earliest_on and row.latest_on:
                today = calendar.working_day_from(at.astimezone(calendar.zone).date())
                to_agree = (max(today, row.earliest_on), max(today, row.latest_on))
        paused = _paused(self._session, case, pauses, calendar, at)
        return CasePromises(clocks, paused, to_agree, agreed_on, _units(case))

    def _calendar_of(self, case_id: int) -> BusinessCalendar:
        row = self._commitments.get(case_id)
        number = row.calendar_id if row else None
        if number not in self._calendars:
            # Put together once for all cases that have it.
            self._calendars[number] = calendar_of(self._session, self._office, number)
        return self._calendars[number]


def _clocks(
    case: Listed, row: CaseCommitment | None, pauses: Sequence[CasePause], calendar: BusinessCalendar,
    at: datetime,
) -> tuple[Clock, ...]:  # fmt: skip
    if row is not None:
        return tuple(read_clock(one, calendar, at, spans(pauses)) for one in promises_of(row))
    if case.due_at is None or not case.is_open:
        return ()
    # Somebody set a deadline and nothing was promised: only a pause that still lasts matters.
    lasting = [one for one in pauses if one.ended_at is None]
    since = min([at, case.due_at, *(one.started_at for one in lasting)]) - _LONG_AGO
    promise = Promise(PromiseKind.SOLUTION, since, agreed_at=since, agreed_due_at=case.due_at)
    return (read_clock(promise, calendar, at, spans(lasting)),)


def _paused(
    session: Session, case: Case, pauses: Sequence[CasePause], calendar: BusinessCalendar, at: datetime
) -> list[Paused]:
    if not pauses:
        return []
    asked = session.scalars(
        select(Event)
        .where(Event.case_id == case.id, Event.action.in_(_ASKING))
        .options(joinedload(Event.account))
        .order_by(Event.sequence)
    ).all()
    found = []
    for pause in pauses:
        before = [event for event in asked if event.at <= pause.started_at]
        last = before[-1] if before and pause.reason == PauseReason.REQUESTER else None
        length = working_time(pause.started_at, pause.ended_at or at, calendar)
        by = last.account.person.name if last and last.account else ""
        labels = last.data.get("labels", []) if last else []
        found.append(Paused(pause.reason, by, labels, pause.started_at, pause.ended_at, length))
    return found


def _units(case: Case) -> tuple[int, str, int | None] | None:
    service: Service | None = case.service if isinstance(case, Ticket) else None
    if service is None or service.unit_minutes is None:
        return None
    assert isinstance(case, Ticket)
    return service.unit_minutes, service.unit_name, case.quantity
