"""Joining two cases that are one matter, and splitting one that is two."""

from __future__ import annotations

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from intake.cases import link, step
from intake.contacts import contact_for
from intake.errors import InvalidInput
from intake.messages import remember_ids
from intake.office import Office
from intake.opening import local_year
from models.access import grant, standing
from models.case import Case, CaseAccess, LinkKind, lock
from models.contact import AddressKind
from models.event import record
from models.folio import TICKET_SERIES, draw_folio
from models.message import Direction, Message, ThreadId
from models.person import Account
from models.ticket import Ticket
from models.turno import Turno, TurnoState
from models.workflow import Process, State, Who, first_state


def merge(session: Session, office: Office, case: Case, by: Account, *, into: Case) -> None:
    """Move the thread of *case* into *into*; the folio of *case* leads there from now on."""
    # Always in the same order, so that two clerks who merge the same two never wait for each other.
    for one in sorted((case, into), key=lambda one: one.id):
        lock(session, one)
    if into.id == case.id or not _takes_in(session, into, by):
        raise InvalidInput("merge_target", folio=into.folio)
    step(session, case, by, "merge", data={"into": into.folio})
    case.merged_into_id = into.id
    session.execute(
        update(Message).where(Message.case_id == case.id).values(case_id=into.id, moved_from_id=case.id)
    )
    _move_ids(session, case, into)
    for access in session.scalars(select(CaseAccess).where(CaseAccess.case_id == case.id)):
        grant(session, into, access.dependencia_id, access.account_id)
    session.execute(
        update(Turno)
        .where(Turno.case_id == case.id, Turno.state == TurnoState.OPEN)
        .values(state=TurnoState.DONE)
    )
    into.has_files = into.has_files or case.has_files
    into.is_unanswered = into.is_unanswered or case.is_unanswered
    into.last_activity_at = max(into.last_activity_at, case.last_activity_at)
    record(session, into, "merged_here", account=by, data={"folio": case.folio})


def _takes_in(session: Session, case: Case, by: Account) -> bool:
    """Whether *by* works on *case*, and does not only read it, while it is neither merged nor cancelled."""
    works = bool(standing(session, case, by) - {Who.READER, Who.DIGITIZER})
    return works and case.state not in (State.MERGED, State.CANCELLED, State.DISCARDED)


def _move_ids(session: Session, case: Case, into: Case) -> None:
    for is_ours in (True, False):
        ids = session.scalars(
            select(ThreadId.value).where(ThreadId.case_id == case.id, ThreadId.is_ours.is_(is_ours))
        ).all()
        # Chunks, because remember_ids keeps a mail's first hundred.
        for start in range(0, len(ids), 100):
            remember_ids(session, into, ids[start : start + 100], is_ours=is_ours)
    session.execute(delete(ThreadId).where(ThreadId.case_id == case.id))


def split(session: Session, office: Office, case: Case, by: Account, *, message: Message) -> Ticket:
    """Move one incoming *message* into a new ticket of its sender, linked to *case*."""
    # Another clerk may be splitting the same message.
    lock(session, case)
    session.refresh(message)
    if message.case_id != case.id or message.direction != Direction.IN:
        raise InvalidInput("split_message")
    first = session.scalar(
        select(Message.id)
        .where(Message.case_id == case.id, Message.direction == Direction.IN)
        .order_by(Message.id)
    )
    if first == message.id:
        raise InvalidInput("split_first")
    step(session, case, by, "split", data={"message": message.id})
    requester = case.requester
    if message.channel == "email" and message.sender_address:
        requester = contact_for(session, AddressKind.EMAIL, message.sender_address, message.sender_name)
    ticket = Ticket(
        folio=draw_folio(session, TICKET_SERIES, local_year(office.settings.zone)),
        subject=message.subject or case.subject,
        state=first_state(Process.TICKET),
        channel=message.channel,
        requester=requester,
        dependencia=case.dependencia,
        service=case.service if isinstance(case, Ticket) else None,
        priority=case.priority,
        due_at=case.due_at,
    )
    session.add(ticket)
    session.flush()
    _give(session, case, ticket, by, message)
    return ticket


def _give(session: Session, case: Case, ticket: Ticket, by: Account, message: Message) -> None:
    message.case_id, message.moved_from_id = ticket.id, case.id
    ticket.has_files = bool(message.attachments)
    if message.rfc_message_id:
        # Answers to this mail now belong to the new ticket.
        session.execute(
            delete(ThreadId).where(ThreadId.case_id == case.id, ThreadId.value == message.rfc_message_id)
        )
        remember_ids(session, ticket, (message.rfc_message_id,), is_ours=True)
    for access in session.scalars(select(CaseAccess).where(CaseAccess.case_id == case.id)):
        grant(session, ticket, access.dependencia_id, access.account_id)
    grant(session, ticket, by.dependencia_id, by.id)
    link(session, ticket, case, LinkKind.SPLIT_FROM)
    record(session, ticket, "split_from", account=by, data={"folio": case.folio})
