"""What a clerk decides about mail that is held or failed: attach, make a ticket, retry, discard."""

from __future__ import annotations

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from intake import cases, spool
from intake.errors import Conflict, InvalidInput
from intake.matching import Match
from intake.office import Office
from intake.pipeline import find_mailbox, open_new
from intake.reading.inspection import inspect_again
from intake.screening import fingerprint
from models.access import standing
from models.base import now
from models.case import Case
from models.dependencia import Dependencia
from models.event import record
from models.inbound_mail import InboundMail, InboundStatus, Outcome, Verdict
from models.mailbox import Mailbox
from models.message import Message
from models.person import Account, Role
from models.service import Service
from models.workflow import NotAllowed
from templates import say

UNDECIDED = (InboundStatus.HELD, InboundStatus.FAILED)


def may_decide(session: Session, inbound: InboundMail, account: Account) -> bool:
    """Oficialía de partes decides about all mail; a head about its dependencias' mailboxes."""
    if not account.is_active:
        return False
    if account.role == Role.OFICIALIA:
        return True
    if account.role != Role.HEAD:
        return False
    mailbox = find_mailbox(session, inbound.envelope_to)
    dependencia = mailbox.bound_to if mailbox else None
    return dependencia is not None and dependencia.path.startswith(account.dependencia.path)


def mailboxes_of(session: Session, account: Account) -> list[str]:
    """Addresses whose held mail a head may decide about."""
    below = select(Dependencia.id).where(
        Dependencia.path.startswith(account.dependencia.path, autoescape=True)
    )
    services = select(Service.id).where(Service.dependencia_id.in_(below))
    return list(
        session.scalars(
            select(Mailbox.address).where(
                or_(Mailbox.dependencia_id.in_(below), Mailbox.service_id.in_(services))
            )
        )
    )


def _undecided(session: Session, inbound: InboundMail, by: Account) -> None:
    session.refresh(inbound, with_for_update=True)
    if not may_decide(session, inbound, by):
        raise NotAllowed("decide", inbound.status)
    if inbound.status not in UNDECIDED:
        raise Conflict("already_decided")


def _apply(inbound: InboundMail, verdict: Verdict) -> None:
    inbound.status, inbound.outcome, inbound.reason = verdict.status, verdict.outcome, verdict.reason
    inbound.case, inbound.message_id = verdict.case, verdict.message.id if verdict.message else None


def _decided(
    session: Session, inbound: InboundMail, by: Account, action: str, case: Case | None, reason: str
) -> None:
    inbound.decided_by_id, inbound.processed_at = by.id, now()
    record(session, case, action, account=by, data={"inbound": inbound.id, "reason": reason})


def attach(session: Session, office: Office, inbound: InboundMail, by: Account, *, case: Case) -> Message:
    """File the mail as a follow-up of *case*; its sender is a participant from now on."""
    _undecided(session, inbound, by)
    if not standing(session, case, by):
        raise InvalidInput("not_yours")
    while case.merged_into_id is not None:
        case = session.get_one(Case, case.merged_into_id)
    incoming = inspect_again(office, inbound, spool.read_raw(session, office, inbound))
    _refuse_second(session, fingerprint(incoming))
    reason = say("match.attached", account=by.person.name, reason=inbound.reason)
    message = cases.follow_up(session, office, case, incoming, reason=reason, inbound=inbound)
    _apply(inbound, Verdict.processed(Outcome.FOLLOW_UP, reason, case, message))
    _decided(session, inbound, by, "attach_mail", case, reason)
    return message


def make_ticket(session: Session, office: Office, inbound: InboundMail, by: Account) -> Case:
    """Open a new case from the mail, as if it had matched nothing."""
    _undecided(session, inbound, by)
    incoming = inspect_again(office, inbound, spool.read_raw(session, office, inbound))
    if not incoming.from_addr:
        raise InvalidInput("mail_without_sender")
    _refuse_second(session, fingerprint(incoming))
    mailbox = find_mailbox(session, inbound.envelope_to)
    verdict = open_new(session, office, incoming, inbound, mailbox, Match())
    assert verdict.case is not None
    _apply(inbound, verdict)
    _decided(session, inbound, by, "open_from_mail", verdict.case, verdict.reason)
    return verdict.case


def retry(session: Session, office: Office, inbound: InboundMail, by: Account) -> None:
    """Give the mail to the worker again, as if it had just arrived. Administrators may retry what failed."""
    session.refresh(inbound, with_for_update=True)
    is_repair = by.role == Role.ADMINISTRATOR and by.is_active and inbound.status == InboundStatus.FAILED
    if not is_repair:
        _undecided(session, inbound, by)
    inbound.status, inbound.outcome, inbound.processed_at = InboundStatus.RECEIVED, None, None
    record(session, None, "retry_mail", account=by, data={"inbound": inbound.id})


def discard(session: Session, office: Office, inbound: InboundMail, by: Account, *, reason: str) -> None:
    """Decide that nothing follows from the mail; its raw bytes stay."""
    if not reason.strip():
        raise InvalidInput("reason_needed")
    _undecided(session, inbound, by)
    inbound.status, inbound.reason = InboundStatus.DISCARDED, reason.strip()
    _decided(session, inbound, by, "discard_mail", None, reason.strip())


def _refuse_second(session: Session, mark: str) -> None:
    known = session.scalar(select(Message).where(Message.fingerprint == mark))
    if known is not None:
        raise Conflict("mail_already_filed", folio=session.get_one(Case, known.case_id).folio)
