"""What is told about the deadlines of a case: due soon, first answer missed, and the head when it lasts.

Each is told once for a deadline, and again only when the deadline has moved on meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from intake import notices
from intake.correspondence import heads_of
from intake.office import Office
from intake.services import commitments
from intake.wording import moment
from models import promise as promises
from models.case import Case
from models.commitment import PAUSING, CaseCommitment
from models.event import record
from models.outbox_message import OutboxMessage
from models.person import Account
from models.promise import Moments, PromiseKind


def look_at(session: Session, office: Office, case: Case, at: datetime) -> None:
    """Count the deadlines of *case* anew, tell what *at* brings, and set when to look again."""
    row = commitments.recount(session, office, case)
    if row is None:
        return
    row.next_at = None
    if not case.is_open or case.state in PAUSING:
        return
    calendar = commitments.calendar_of(session, office, row.calendar_id)
    pauses = commitments.spans(commitments.pauses_of(session, [case.id]).get(case.id, []))
    ahead: list[datetime] = []
    for promise in commitments.promises_of(row):
        found = promises.moments(promise, calendar, pauses) if promise.done_at is None else None
        if found is None:
            continue
        if promise.kind == PromiseKind.FIRST_ANSWER:
            _tell_answer(session, office, case, row, found, at)
        else:
            _tell_solution(session, office, case, row, found, at)
        ahead += [one for one in (found.warn_at, found.due_at, found.escalate_at) if one > at]
    row.next_at = min(ahead, default=None)


def _tell_answer(
    session: Session, office: Office, case: Case, row: CaseCommitment, found: Moments, at: datetime
) -> None:
    if _is_news(found.warn_at, row.answer_soon_told_at, at):
        row.answer_soon_told_at = at
        if at < found.due_at:
            write_due_soon(session, office, case, PromiseKind.FIRST_ANSWER, found.due_at)
    if found.due_at <= at:
        case.is_overdue = True
    if _is_news(found.due_at, row.answer_overdue_told_at, at):
        row.answer_overdue_told_at = at
        record(session, case, "answer_overdue", actor="clock", data={"due_at": found.due_at.isoformat()})
        notices.tell_staff(session, office, "answer_overdue", _attending(session, case), case,
                   {"due": moment(found.due_at, office.settings.zone)})  # fmt: skip
    if _is_news(found.escalate_at, row.answer_escalated_at, at):
        row.answer_escalated_at = at
        write_escalated(session, office, case, PromiseKind.FIRST_ANSWER, found.due_at)


def _tell_solution(
    session: Session, office: Office, case: Case, row: CaseCommitment, found: Moments, at: datetime
) -> None:
    if _is_news(found.warn_at, row.solution_soon_told_at, at):
        row.solution_soon_told_at = at
        if at < found.due_at:
            write_due_soon(session, office, case, PromiseKind.SOLUTION, found.due_at)
    if found.due_at <= at:
        case.is_overdue = True
    if _is_news(found.due_at, row.solution_overdue_told_at, at):
        row.solution_overdue_told_at = at
        write_overdue(session, office, case)
    if _is_news(found.escalate_at, row.solution_escalated_at, at):
        row.solution_escalated_at = at
        write_escalated(session, office, case, PromiseKind.SOLUTION, found.due_at)


def _is_news(moment_of_it: datetime, told_at: datetime | None, at: datetime) -> bool:
    return moment_of_it <= at and (told_at is None or told_at < moment_of_it)


def write_overdue(session: Session, office: Office, case: Case) -> OutboxMessage | None:
    """Tell whoever attends *case* that its deadline has passed."""
    assert case.due_at is not None
    record(session, case, "overdue", actor="clock", data={"due_at": case.due_at.isoformat()})
    return notices.write_overdue(session, office, case)


def write_due_soon(
    session: Session, office: Office, case: Case, kind: PromiseKind, due_at: datetime
) -> OutboxMessage | None:
    """Tell whoever attends *case* while there is still time."""
    record(session, case, "due_soon", actor="clock", data={"promise": kind, "due_at": due_at.isoformat()})
    values = {"promise": kind.value, "due": moment(due_at, office.settings.zone)}
    return notices.tell_staff(session, office, "due_soon", _attending(session, case), case, values)


def write_escalated(
    session: Session, office: Office, case: Case, kind: PromiseKind, due_at: datetime
) -> OutboxMessage | None:
    """Tell the head that a promise was broken and that nothing has been done about it since."""
    heads = _heads_to_tell(session, case)
    data = {"promise": kind, "to": [head.person.name for head in heads]}
    record(session, case, "escalated", actor="clock", data=data)
    values = {
        "promise": kind.value,
        "due": moment(due_at, office.settings.zone),
        "holder": case.holder.person.name if case.holder else "",
    }
    return notices.tell_staff(session, office, "escalated", heads, case, values)


def _attending(session: Session, case: Case) -> Sequence[Account]:
    return [case.holder] if case.holder is not None else heads_of(session, case.dependencia)


def _heads_to_tell(session: Session, case: Case) -> Sequence[Account]:
    """The heads of the dependencia; those above it when they themselves let it pass."""
    told = {account.id for account in _attending(session, case)}
    place = case.dependencia
    heads: Sequence[Account] = []
    while place is not None:
        heads = heads_of(session, place)
        if any(head.id not in told for head in heads):
            return [head for head in heads if head.id not in told]
        place = place.parent
    return heads
