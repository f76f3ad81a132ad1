"""What happens because time passes: deadlines missed, snoozes that end, mail nobody processed, old chats.

`sweep` may run in several workers at once and as often as one likes: each effect
is written once. It takes no write lock while there is nothing to do.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from sqlalchemy import ColumnElement, Select, TextClause, exists, func, or_, select, text
from sqlalchemy.orm import Session

from intake import notices, sent_forms
from intake.chat import chat_spool
from intake.counter import digests
from intake.deliveries import dispatch_reminders
from intake.office import Office
from intake.programs import tokens
from intake.services import commitments, plans, reminders
from intake.wording import speaking
from models.base import now
from models.case import Case
from models.commitment import CaseCommitment
from models.event import record
from models.inbound_mail import InboundMail, InboundStatus
from models.outbox_message import OutboxMessage
from models.workflow import State
from templates import say

log = structlog.get_logger()

# Cases of one transaction, so that a sweep after a long stop does not hold up the clerks.
_BATCH = 100
# Accepted mail must become a case within this time.
UNPROCESSED = timedelta(minutes=5)
ALERT_EVERY = timedelta(hours=1)

_Condition = ColumnElement[bool] | TextClause
_Change = Callable[[Session, Office, Case], None]

# Written out, because SQLite uses a partial index only for the very words of its condition.
_IS_OPEN = text('"case".is_open')
_IS_OVERDUE = text('"case".is_overdue')
_RECEIVED = text("inbound_mail.status = 'received'")
_STUCK = text("inbound_mail.status IN ('held', 'failed')")
_ALERTS = text("outbox_message.kind = 'alert'")


def sweep(office: Office, at: datetime) -> None:
    """Write what the time *at* (UTC) brings."""
    _each(office, _cases(Case.snoozed_until <= at), _wake)
    # Before anything is called overdue: a case that waited for its requester has more time now.
    _each(office, _to_look_at(at), lambda session, _, case: reminders.look_at(session, office, case, at))
    in_time = or_(Case.due_at.is_(None), Case.due_at > at)
    _each(office, _cases(_IS_OVERDUE, in_time, ~_owes_first_answer(at)), _relieve)
    # While the requester owes us an answer, the deadline is not ours to keep.
    missed: list[_Condition] = [_IS_OPEN, Case.due_at <= at, ~Case.is_overdue, Case.state != State.WAITING]
    _each(office, _cases(*missed), _miss)
    dispatch_reminders.remind(office, at)
    _alert(office, at)
    digests.send(office, at)
    plans.make_ahead(office, at)
    chat_spool.purge(office, at)
    tokens.purge(office, at)
    sent_forms.purge(office, at)


def _cases(*which: _Condition) -> Select[Case]:
    return select(Case).where(*which).order_by(Case.due_at)


def _to_look_at(at: datetime) -> Select[Case]:
    found = select(Case).join(CaseCommitment, CaseCommitment.case_id == Case.id)
    return found.where(CaseCommitment.next_at <= at).order_by(CaseCommitment.next_at)


def _owes_first_answer(at: datetime) -> ColumnElement[bool]:
    missed = CaseCommitment.answered_at.is_(None), CaseCommitment.answer_due_at <= at
    return exists().where(CaseCommitment.case_id == Case.id, *missed)


def _each(office: Office, which: Select[Case], change: _Change) -> None:
    """Apply *change* to every case that is *which*, a batch per transaction."""
    wanted = which.limit(_BATCH)
    while True:
        with office.database.reading() as session:
            if session.scalar(which.with_only_columns(Case.id).order_by(None).limit(1)) is None:
                return
        with office.database.writing() as session:
            # Somebody works on a locked case right now; the next sweep looks at it again.
            cases = session.scalars(wanted.with_for_update(skip_locked=True, of=Case)).all()
            for case in cases:
                change(session, office, case)
        if len(cases) < _BATCH:
            return


def _wake(session: Session, office: Office, case: Case) -> None:
    # To the top of the trays: for that it was put away.
    case.last_activity_at = case.snoozed_until or case.last_activity_at
    case.snoozed_until = None
    record(session, case, "snooze_ended", actor="clock")


def _relieve(session: Session, office: Office, case: Case) -> None:
    """The deadline was moved: it is no longer missed."""
    case.is_overdue = False


def _miss(session: Session, office: Office, case: Case) -> None:
    # The requester may have answered since the deadlines were last counted.
    row = commitments.recount(session, office, case)
    if case.due_at is None or case.due_at > now():
        return
    case.is_overdue = True
    if row is not None:
        # Its promises are told by `intake.services.reminders`.
        return
    record(session, case, "overdue", actor="clock", data={"due_at": case.due_at.isoformat()})
    # Waiting for the requester lowers the flag; after that the same deadline is not told twice.
    was_told = select(OutboxMessage.id).where(
        OutboxMessage.case_id == case.id,
        OutboxMessage.kind == "overdue",
        OutboxMessage.created_at >= case.due_at,
    )
    if session.scalar(was_told.limit(1)) is None:
        notices.write_overdue(session, office, case)


def _alert(office: Office, at: datetime) -> None:
    """Tell the administrators, at most once an hour, of accepted mail that became nothing."""
    with office.database.reading() as session:
        if not any(_stuck(session, at)):
            return
    with office.database.writing() as session, speaking(office.settings.language):
        # Two workers on PostgreSQL: only one gets this row, and who comes later finds that all was told.
        stuck = select(InboundMail.id).where(or_(_RECEIVED, _STUCK)).order_by(InboundMail.id).limit(1)
        if session.scalar(stuck.with_for_update(skip_locked=True)) is None:
            return
        late, failed = _stuck(session, at)
        if not late and not failed:
            return
        findings = [say("mail.alert.late", count=late)] if late else []
        findings += [say("mail.alert.failed", count=failed)] if failed else []
        log.error("mail needs a hand", late=late, failed=failed)
        notices.write_alert(session, office, findings)


def _stuck(session: Session, at: datetime) -> tuple[int, int]:
    """How much mail waits too long, and how much failed since the last alert; nothing within its hour."""
    last = session.scalar(select(func.max(OutboxMessage.created_at)).where(_ALERTS))
    if last is not None and at - last < ALERT_EVERY:
        return 0, 0
    failed_at = func.coalesce(InboundMail.processed_at, InboundMail.received_at)
    late = _count(_RECEIVED, InboundMail.received_at < at - UNPROCESSED)
    is_new = [failed_at > last] if last else []
    failed = _count(_STUCK, InboundMail.status == InboundStatus.FAILED, *is_new)
    return session.scalar(late) or 0, session.scalar(failed) or 0


def _count(*which: _Condition) -> Select[int]:
    return select(func.count(InboundMail.id)).where(*which)
