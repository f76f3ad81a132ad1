"""By when a case is promised: what its service says, what was agreed for it, and what pauses did to that.

Everything is counted anew from what happened, on the calendar of the service; `Case.due_at` and
`CaseCommitment.answer_due_at` keep the result for lists and for `intake.clock`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from intake import memory
from intake.errors import InvalidInput
from intake.office import Office
from models import promise as promises
from models.base import is_written, now
from models.calendar import business_calendar
from models.case import Case
from models.commitment import CaseCommitment, CasePause
from models.deadline import BusinessCalendar, Pause, Term
from models.promise import Promise, PromiseKind
from models.rows import add_new
from models.service import Service
from models.ticket import Ticket

# Who types a date and an hour types no seconds.
_SAME = timedelta(minutes=1)
# A year with one digit too many, or too few, would promise a case for centuries.
MOST_YEARS = 10


def calendar_of(session: Session, office: Office, calendar_id: int | None = None) -> BusinessCalendar:
    """The calendar with that id, else the institution's: its hours, without holidays and days off."""
    calendars, days_off = memory.office_hours(session)
    chosen = next((one for one in calendars if one.id == calendar_id and one.is_active), None)
    chosen = chosen or next((one for one in calendars if one.is_active), None)
    return business_calendar(chosen, days_off, office.settings.zone)


def promise(session: Session, office: Office, case: Case, service: Service | None) -> None:
    """Write what *service* promises for *case*, counted from its beginning; what was agreed is off."""
    row = _find(session, case)
    case.due_at = None
    if row is None:
        if service is None or not _promises(service):
            return
        row = _begin(session, case)
    row.agreed_at = row.agreed_due_at = row.earliest_on = row.latest_on = None
    row.calendar_id = service.calendar_id if service else None
    _set_minutes(row, case, service)
    calendar = calendar_of(session, office, row.calendar_id)
    terms = _range_of(service)
    if terms is not None:
        asked_on = case.created_at.astimezone(calendar.zone).date()
        row.earliest_on, row.latest_on = promises.agreeable(asked_on, *terms, calendar)
        # Until a date is agreed, the last one of the range is what was promised.
        row.agreed_at, row.agreed_due_at = row.counts_from, calendar.closing_of(row.latest_on)
    _count(session, case, row, calendar)


def promise_again(session: Session, office: Office, case: Case) -> None:
    """Priority or quantity changed: other minutes, from the same beginning. What was agreed stays."""
    row = _find(session, case)
    service = case.service if isinstance(case, Ticket) else None
    if row is None or service is None:
        return
    _set_minutes(row, case, service)
    _count(session, case, row, calendar_of(session, office, row.calendar_id))


def fix_due(session: Session, office: Office, case: Case, due_at: datetime) -> None:
    """Somebody who hands the case on says by when; the same instant again changes nothing."""
    _check_year(due_at.date())
    if case.due_at is not None and abs(due_at - case.due_at) < _SAME:
        return
    row = _find(session, case)
    if row is None:
        row = _begin(session, case)
    row.agreed_at, row.agreed_due_at = now(), due_at
    case.due_at, case.is_overdue = due_at, False
    _count(session, case, row, calendar_of(session, office, row.calendar_id))


def _check_year(on: date) -> None:
    if abs(on.year - now().year) > MOST_YEARS:
        raise InvalidInput("year_far", year=str(on.year))


def agree_on(session: Session, office: Office, case: Case, on: date) -> None:
    """The project is promised until closing on *on*, which must be a working day of the promised range."""
    _check_year(on)
    row = _find(session, case)
    if row is None:
        row = _begin(session, case)
    calendar = calendar_of(session, office, row.calendar_id)
    today = now().astimezone(calendar.zone).date()
    earliest = max(today, row.earliest_on or today)
    latest = row.latest_on
    if on < earliest or (latest is not None and on > max(latest, earliest)):
        if latest is None:
            raise InvalidInput("agreed_past")
        raise InvalidInput("agreed_range", earliest=str(earliest), latest=str(latest))
    if not calendar.is_working_day(on):
        raise InvalidInput("agreed_day_off", next=str(calendar.working_day_from(on)))
    row.agreed_at, row.agreed_due_at = now(), calendar.closing_of(on)
    case.is_overdue = False
    _count(session, case, row, calendar)


def recount(session: Session, office: Office, case: Case) -> CaseCommitment | None:
    """Count the deadlines of *case* anew; None when nothing was ever promised."""
    session.flush()
    row = _find(session, case)
    if row is not None:
        _count(session, case, row, calendar_of(session, office, row.calendar_id))
    return row


def recount_all(session: Session) -> None:
    """Office hours or days off changed: the clock counts the deadlines of all open cases anew."""
    is_open = CaseCommitment.case_id.in_(select(Case.id).where(Case.is_open))
    session.execute(update(CaseCommitment).where(is_open).values(next_at=now()))


def promises_of(row: CaseCommitment) -> list[Promise]:
    """What *row* promises, as `models.promise` counts it: the first answer before the solution."""
    found = []
    if row.answer_minutes is not None:
        found.append(Promise(PromiseKind.FIRST_ANSWER, row.counts_from, row.answer_minutes,
                             done_at=row.answered_at))  # fmt: skip
    if row.solution_minutes is not None or row.agreed_due_at is not None:
        found.append(Promise(PromiseKind.SOLUTION, row.counts_from, row.solution_minutes or 0, row.agreed_at,
                             row.agreed_due_at, done_at=row.solved_at))  # fmt: skip
    return found


def pauses_of(session: Session, case_ids: Sequence[int]) -> dict[int, list[CasePause]]:
    """The pauses of each of these cases, the oldest first."""
    found: dict[int, list[CasePause]] = {}
    wanted = select(CasePause).where(CasePause.case_id.in_(case_ids)).order_by(CasePause.id)
    # Written beside the session by the listeners of `models.commitment`.
    for pause in session.scalars(wanted.execution_options(populate_existing=True)):
        found.setdefault(pause.case_id, []).append(pause)
    return found


def spans(pauses: Sequence[CasePause]) -> list[Pause]:
    """*pauses* as `models.deadline` counts them."""
    return [(one.started_at, one.ended_at) for one in pauses]


def _find(session: Session, case: Case) -> CaseCommitment | None:
    if not is_written(case):
        # It has no rows yet, and asking would write what is still being put together.
        return None
    wanted = select(CaseCommitment).where(CaseCommitment.case_id == case.id)
    return session.scalar(wanted.execution_options(populate_existing=True))


def _begin(session: Session, case: Case) -> CaseCommitment:
    row = CaseCommitment(case=case, case_id=case.id, counts_from=case.created_at)
    add_new(session, row)
    return row


def _set_minutes(row: CaseCommitment, case: Case, service: Service | None) -> None:
    if service is None:
        row.answer_minutes = row.solution_minutes = None
        return
    answer, solution = service.first_answer_minutes, service.solution_minutes
    for one in service.commitments:
        if one.priority == case.priority:
            answer = answer if one.first_answer_minutes is None else one.first_answer_minutes
            solution = solution if one.solution_minutes is None else one.solution_minutes
    quantity = case.quantity if isinstance(case, Ticket) else None
    row.answer_minutes = answer
    row.solution_minutes = promises.promised_minutes(solution, service.unit_minutes, quantity)


def _count(session: Session, case: Case, row: CaseCommitment, calendar: BusinessCalendar) -> None:
    """Write when the promises of *row* fall due, and when the clock must look at them next."""
    found = pauses_of(session, [case.id]).get(case.id, []) if is_written(case) else []
    pauses, wake = spans(found), []
    solution = None
    for one in promises_of(row):
        due_at = promises.due_at(one, calendar, pauses)
        if due_at is not None and one.done_at is None:
            moments = promises.moments(one, calendar, pauses)
            wake.append(moments.warn_at if moments else due_at)
        if one.kind == PromiseKind.FIRST_ANSWER:
            row.answer_due_at = due_at
        else:
            # While the clock stands still, the deadline of before is what the case keeps.
            solution = due_at or case.due_at
    case.due_at = solution
    row.next_at = min(wake, default=None) if case.is_open is not False else None


def _promises(service: Service) -> bool:
    numbers = (service.first_answer_minutes, service.solution_minutes, service.unit_minutes)
    return (
        any(number is not None for number in numbers)
        or bool(service.commitments)
        or _range_of(service) is not None
    )


def _range_of(service: Service | None) -> tuple[Term, Term] | None:
    if service is None:
        return None
    earliest, latest = Term.parse(service.agreed_from or ""), Term.parse(service.agreed_to or "")
    return (earliest, latest) if earliest and latest else None
