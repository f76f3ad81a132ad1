"""Cases as plain values for scripts: `oficialia show` and `oficialia list`. Keys are only ever added."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload, undefer

from intake.running.terminal import USAGE, Failed
from intake.services.service_fields import values_of
from models.case import Case, CaseKind
from models.contact import AddressKind, Contact
from models.dependencia import Dependencia
from models.event import Event, of_case
from models.message import Message
from models.person import Account
from models.service_field import FieldValue
from models.task import Task
from models.ticket import Ticket
from models.turno import Turno
from models.workflow import State

# Rows read at a time, so that a list of a million cases needs the memory of a few.
_PAGE = 500


@dataclass(frozen=True)
class Wanted:
    """Which cases `list_cases` gives; what is None does not matter."""

    state: str | None = None
    kind: CaseKind | None = None
    dependencia_id: int | None = None
    since: datetime | None = None


def want(
    session: Session,
    zone: ZoneInfo,
    *,
    state: str | None = None,
    kind: str | None = None,
    siglas: str | None = None,
    since: datetime | None = None,
) -> Wanted:
    """What the options of `oficialia list` ask for; *since* is local time. Raises Failed."""
    if state and state not in set(State):
        raise Failed("no_state", USAGE, state=state, choices=", ".join(State))
    dependencia = None
    if siglas:
        dependencia = session.scalar(select(Dependencia).where(Dependencia.siglas == siglas))
        if dependencia is None:
            raise Failed("no_dependencia", USAGE, siglas=siglas)
    return Wanted(
        state=state,
        kind=CaseKind(kind) if kind else None,
        dependencia_id=dependencia.id if dependencia else None,
        since=since.replace(tzinfo=zone) if since else None,
    )


def list_cases(session: Session, wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Every case that is *wanted*, oldest first."""
    query = (
        select(Case)
        .options(joinedload(Case.dependencia), joinedload(Case.holder))
        .options(joinedload(Case.requester).selectinload(Contact.addresses))
        .order_by(Case.id)
        .limit(_PAGE)
    )
    if wanted.state:
        query = query.where(Case.state == wanted.state)
    if wanted.kind:
        query = query.where(Case.kind == wanted.kind)
    if wanted.dependencia_id:
        query = query.where(Case.dependencia_id == wanted.dependencia_id)
    if wanted.since:
        query = query.where(Case.created_at >= wanted.since)
    last = 0
    while cases := session.scalars(query.where(Case.id > last)).all():
        for case in cases:
            yield summary(case)
        last = cases[-1].id
        session.expunge_all()


def find_case(session: Session, folio: str) -> Case | None:
    """The case with *folio*, typed in any case."""
    return session.scalar(select(Case).where(Case.folio == folio.strip().upper()))


def summary(case: Case) -> dict[str, Any]:
    """What a list says of a case."""
    return {
        "folio": case.folio,
        "kind": case.kind.value,
        "subject": case.subject,
        "state": case.state,
        "is_open": case.is_open,
        "priority": case.priority.value,
        "channel": case.channel,
        "requester": _requester(case.requester),
        "dependencia": dependencia_named(case.dependencia),
        "holder": account_named(case.holder),
        "created_at": _instant(case.created_at),
        "last_activity_at": _instant(case.last_activity_at),
        "due_at": _instant(case.due_at),
        "is_overdue": case.is_overdue,
    }


def whole_case(session: Session, case: Case) -> dict[str, Any]:
    """All that is known of a case: the summary, its thread, turnos, tasks and history."""
    service = case.service if isinstance(case, Ticket) else None
    return {
        **summary(case),
        "service": service.slug if service else None,
        "routing_reason": case.routing_reason,
        "snoozed_until": _instant(case.snoozed_until),
        "resolved_at": _instant(case.resolved_at),
        "closed_at": _instant(case.closed_at),
        "merged_into": case.merged_into.folio if case.merged_into else None,
        "messages": [_message(each) for each in session.scalars(_messages_of(case))],
        "fields": [_field(each) for each in values_of(session, case)],
        "turnos": [_turno(each) for each in session.scalars(_of(Turno, case))],
        "tasks": [_task(each) for each in session.scalars(_of(Task, case))],
        "events": [describe_event(each) for each in session.scalars(_events_of(case))],
    }


def _messages_of(case: Case) -> Any:
    return (
        select(Message)
        .where(Message.case_id == case.id)
        .options(selectinload(Message.attachments), undefer(Message.text))
        .order_by(Message.id)
    )


def _of(table: type[Turno] | type[Task], case: Case) -> Any:
    return select(table).where(table.case_id == case.id).order_by(table.id)


def _events_of(case: Case) -> Any:
    return select(Event).where(of_case(case)).order_by(Event.sequence)


def _field(value: FieldValue) -> dict[str, Any]:
    return {"label": value.label, "kind": value.kind.value, "value": value.value}


def _message(message: Message) -> dict[str, Any]:
    return {
        "id": message.id,
        "direction": message.direction.value,
        "channel": message.channel,
        "sender": {"name": message.sender_name, "address": message.sender_address},
        "author": account_named(message.author),
        "at": _instant(message.created_at),
        "subject": message.subject,
        "text": message.text,
        "reply_text": message.reply_text,
        "recipients": message.recipients,
        "match_reason": message.match_reason,
        "robot": message.robot,
        "attachments": [
            {
                "filename": file.filename,
                "content_type": file.content_type,
                "size": file.size,
                "sha256": file.sha256,
                "inline": file.is_inline,
                "danger": file.danger,
            }
            for file in message.attachments
        ],
    }


def _turno(turno: Turno) -> dict[str, Any]:
    return {
        "kind": turno.kind.value,
        "state": turno.state.value,
        "from": account_named(turno.from_account),
        "to_dependencia": dependencia_named(turno.to_dependencia),
        "to": account_named(turno.to_account),
        "instruction": turno.instruction,
        "reason": turno.reason,
        "created_at": _instant(turno.created_at),
        "due_at": _instant(turno.due_at),
        "ended_at": _instant(turno.ended_at),
    }


def _task(task: Task) -> dict[str, Any]:
    return {
        "kind": task.kind.value,
        "state": task.state.value,
        "account": account_named(task.account),
        "dependencia": dependencia_named(task.dependencia),
        "role": task.role.value if task.role else None,
        "instruction": task.instruction,
        "created_at": _instant(task.created_at),
        "due_at": _instant(task.due_at),
        "ended_at": _instant(task.ended_at),
    }


def describe_event(event: Event) -> dict[str, Any]:
    """One entry of the bitácora."""
    return {
        "sequence": event.sequence,
        "at": _instant(event.at),
        "action": event.action,
        "account": account_named(event.account),
        "actor": event.actor,
        "data": event.data,
        "hash": event.hash,
    }


def _requester(contact: Contact) -> dict[str, Any]:
    mails = [each.value for each in contact.addresses if each.kind == AddressKind.EMAIL]
    return {"name": contact.name, "addresses": mails}


def dependencia_named(dependencia: Dependencia | None) -> dict[str, str] | None:
    """A dependencia by siglas and name."""
    return {"siglas": dependencia.siglas, "name": dependencia.name} if dependencia else None


def account_named(account: Account | None) -> dict[str, str] | None:
    """An account by person, role and dependencia."""
    if account is None:
        return None
    return {
        "name": account.person.name,
        "role": account.role.value,
        "dependencia": account.dependencia.siglas,
    }


def _instant(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
