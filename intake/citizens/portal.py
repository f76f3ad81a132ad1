"""The verbs of a requester in the portal: open, follow up, close, reopen, withdraw, rate.

Whoever proved an e-mail sees and changes the cases of that contact, by whatever door they came. The
caller commits; every *no* is a DeskError.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session, selectinload

from intake import cases
from intake.citizens import ratings
from intake.correspondence import preferred
from intake.errors import InvalidInput, Refused
from intake.incoming import Channel, IncomingFile, IncomingMessage
from intake.matching import end_of_merges
from intake.office import Office
from intake.opening import Route, continue_from, route
from intake.services import service_fields
from intake.services.service_fields import Answers
from intake.tickets import open_ticket
from models.case import Case, CaseKind, lock
from models.catalogue import Classification
from models.chat import Rating
from models.contact import Contact
from models.message import Attachment, Direction, Message
from models.oficio import Flow, Oficio
from models.service import Service
from models.ticket import Ticket
from templates import say


@dataclass(frozen=True, slots=True)
class Request:
    """What the form asks (manual R)."""

    subject: str
    text: str
    classification: Classification | None = None
    service: Service | None = None
    files: Sequence[IncomingFile] = ()
    answers: Answers | None = None


def own_cases(contact: Contact) -> ColumnElement[bool]:
    """A condition on `Case`: what *contact* asked; what the institution wrote to them is no request."""
    received = select(Oficio.id).where(Oficio.flow == Flow.RECEIVED)
    return (Case.requester_id == contact.id) & or_(Case.kind == CaseKind.TICKET, Case.id.in_(received))


def find_own(session: Session, contact: Contact, case_id: int) -> Case | None:
    """Where the matter of the contact's case goes on; of somebody else's it says no more than of none."""
    case = session.scalar(select(Case).where(Case.id == case_id, own_cases(contact)))
    if case is None:
        return None
    end = end_of_merges(session, case)
    return end if end.requester_id == contact.id else case


def _own(session: Session, contact: Contact, case: Case) -> Case:
    case = end_of_merges(session, case)
    lock(session, case)
    if case.requester_id != contact.id:
        raise InvalidInput("not_your_case")
    return case


def _incoming(contact: Contact, subject: str, text: str, files: Sequence[IncomingFile]) -> IncomingMessage:
    if contact.blocked_at is not None:
        raise Refused("contact_blocked")
    return IncomingMessage(
        channel=Channel.PORTAL, subject=" ".join(subject.split()), from_addr=preferred(contact),
        from_name=contact.name, text=text.strip(), reply_text=text.strip(), attachments=tuple(files),
    )  # fmt: skip


def open_request(session: Session, office: Office, contact: Contact, asked: Request) -> Ticket:
    """Open a ticket as any door does; the acuse goes where the person wants to be told."""
    if not asked.subject.strip():
        raise InvalidInput("empty_subject")
    if not asked.text.strip():
        raise InvalidInput("empty_description")
    if asked.classification is None and asked.service is None:
        raise InvalidInput("no_classification")
    answers = asked.answers or Answers()
    if answers.wrong:
        raise InvalidInput("fields_wrong")
    incoming = _incoming(contact, asked.subject, asked.text, [*asked.files, *answers.files])
    with session.no_autoflush:
        to = _route(session, incoming, asked)
        ticket, message = open_ticket(session, office, incoming, to=to, reason=say("match.portal_new"),
                                      requester=contact)  # fmt: skip
    ticket.classification = asked.classification.name if asked.classification else ""
    session.flush()
    service_fields.keep(session, ticket, answers.given, message)
    return ticket


def _route(session: Session, incoming: IncomingMessage, asked: Request) -> Route:
    """By the rules and the service as from any door; else to whom the classification names."""
    to = route(session, incoming, None, asked.service)
    area = asked.classification
    if to.dependencia is None and area is not None and area.dependencia is not None:
        reason = say("portal.routing_by_classification", name=area.name)
        return Route(service=to.service, dependencia=area.dependencia, priority=to.priority, reason=reason)
    return to


def follow_up(
    session: Session, office: Office, contact: Contact, case: Case, *, text: str,
    files: Sequence[IncomingFile] = (),
) -> tuple[Case, Message]:  # fmt: skip
    """Add to a case of one's own; reopens it, or opens a linked one when it ended too long ago."""
    if not text.strip() and not files:
        raise InvalidInput("empty_request")
    case = _own(session, contact, case)
    incoming = _incoming(contact, case.subject, text, files)
    if cases.can_follow_up(office, case):
        with session.no_autoflush:
            return case, cases.follow_up(session, office, case, incoming, reason=say("match.portal"))
    older, service = case, case.service if isinstance(case, Ticket) else None
    reason = say("match.new_after_closing", folio=older.folio)
    ticket, message = open_ticket(session, office, incoming, service=service, reason=reason,
                                  requester=contact)  # fmt: skip
    session.flush()
    continue_from(session, ticket, older, closed=True)
    return ticket, message


def close(session: Session, office: Office, contact: Contact, case: Case) -> None:
    """The requester needs no more."""
    cases.close(session, office, _own(session, contact, case), None)


def reopen(session: Session, office: Office, contact: Contact, case: Case) -> None:
    """The requester is not content yet; the page says so, a notice would repeat it."""
    cases.reopen(session, office, _own(session, contact, case), None, is_told=False)


def withdraw(session: Session, office: Office, contact: Contact, case: Case, reason: str) -> None:
    """The requester takes the request back."""
    reason = reason.strip() or say("chat_desk.withdrawn")
    cases.cancel(session, office, _own(session, contact, case), None, reason=reason, is_told=False)


def rate(session: Session, contact: Contact, case: Case, score: int, words: str) -> Rating:
    """How content the requester was."""
    return ratings.rate(session, _own(session, contact, case), score, words)


def thread_of(
    session: Session, contact: Contact, case: Case, *, before: int | None = None, size: int = 30
) -> list[Message]:
    """What the requester may read of *case*, oldest first: what they wrote and what was answered to them.

    At most *size*, the newest or those before the message *before*. Neither notes nor mail with others.
    """
    own = own_addresses(contact)
    wanted = (
        select(Message)
        .where(Message.case_id == case.id, Message.direction != Direction.NOTE, Message.robot == "")
        .options(selectinload(Message.attachments))
        .order_by(Message.id.desc())
        .limit(max(200, size))
    )
    rows = session.scalars(wanted.where(Message.id < before) if before else wanted)
    return [one for one in rows if is_shown(one, own)][:size][::-1]


def own_addresses(contact: Contact) -> frozenset[str]:
    """Under which addresses *contact* writes and is written to."""
    return frozenset(one.value for one in contact.addresses)


def is_shown(message: Message, own: frozenset[str]) -> bool:
    """Whether *message* is between the requester, who has the addresses *own*, and the office."""
    if message.direction == Direction.OUT:
        return any(one.get("address") in own for one in message.recipients)
    return message.direction == Direction.IN and message.sender_address in own


def find_file(session: Session, contact: Contact, attachment_id: int) -> Attachment | None:
    """A file that *contact* may fetch: of a message they may read, and not quarantined."""
    found = session.scalar(
        select(Attachment)
        .join(Message, Message.id == Attachment.message_id)
        .join(Case, Case.id == Message.case_id)
        .where(Attachment.id == attachment_id, own_cases(contact))
    )
    if found is None or found.danger or found.message.robot:
        return None
    return found if is_shown(found.message, own_addresses(contact)) else None
