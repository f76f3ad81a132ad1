"""*Registrar asunto* (manual C): what comes to the counter on paper, by telephone or in person.

Folio, case, sealed acuse and the first task or turno exist together or not at all,
as for mail. The same entry corrects what is registered, until it is turned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake import acuses, turnos
from intake.addresses import is_address, normalise_address
from intake.cases import step
from intake.contacts import contact_for
from intake.counter.discharging import ask_digitizing, ask_discharge
from intake.errors import InvalidInput
from intake.incoming import Channel, IncomingFile, IncomingMessage
from intake.learning.suggestions import subject_of
from intake.memory import contact_at, learn_contact
from intake.office import Office
from intake.opening import Route, local_year, open_case
from intake.services import commitments
from models.access import standing
from models.base import now
from models.case import Case
from models.contact import Address, AddressKind, Contact, contact_key
from models.dependencia import Dependencia
from models.folio import RECEPTION_SERIES, draw_folio
from models.letterhead import find_administration
from models.message import Direction, Message
from models.oficio import DocumentType, Flow, Oficio
from models.person import Account, Role
from models.proposal import Proposal
from models.search import index_message
from models.workflow import NotAllowed, Process, State, first_state, get_transition
from templates import say

CHANNELS = (Channel.PAPER, Channel.PHONE, Channel.COUNTER)
# *Estado* of manual C: where the matter stands once it is registered.
BEGINNINGS = (State.DIGITIZING, State.DISCHARGING, State.ASSIGNED)
_LENGTHS = {"sender_number": 80, "reference": 120, "topic": 200, "instruction": 2000, "comments": 4000,
            "description": 10_000}  # fmt: skip
_WORDS = tuple(_LENGTHS)
_DATES = ("received_on", "written_on", "answer_required_on")


@dataclass(frozen=True, slots=True)
class Target:
    """To whom it goes: a dependencia as a whole, or one account in it."""

    dependencia: Dependencia
    account: Account | None = None

    def as_row(self) -> dict[str, Any]:
        """As `Oficio.copies` keeps it."""
        return {"dependencia": self.dependencia.id, "account": self.account.id if self.account else None}


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends it: somebody whom we know (*contact*), or who is new."""

    name: str
    institution: str = ""
    post: str = ""
    email: str = ""
    phone: str = ""
    postal_address: str = ""
    federative_state: str = ""
    contact: Contact | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """What manual C asks of an asunto."""

    sender: Sender
    description: str
    received_on: date
    document_type: DocumentType = DocumentType.OFICIO
    sender_number: str = ""
    written_on: date | None = None
    answer_required_on: date | None = None
    instruction: str = ""
    reference: str = ""
    topic: str = ""
    comments: str = ""
    addressee: Target | None = None
    copies: Sequence[Target] = field(default_factory=tuple)


def register(
    session: Session,
    office: Office,
    by: Account,
    entry: Entry,
    *,
    channel: Channel = Channel.PAPER,
    begins: State = State.DIGITIZING,
    files: Sequence[IncomingFile] = (),
    mails_acuse: bool = False,
) -> Oficio:
    """Register what came to the counter, with its sealed acuse. Raises NotAllowed, InvalidInput."""
    if by.role != Role.OFICIALIA:
        raise NotAllowed("register", "")
    if channel not in CHANNELS or begins not in BEGINNINGS:
        raise InvalidInput("choose_one")
    today = now().astimezone(office.settings.zone).date()
    _check(entry, today)
    if begins == State.ASSIGNED and entry.addressee is None:
        raise InvalidInput("registering_no_addressee")
    contact = _sender(session, entry.sender)
    incoming = IncomingMessage(
        channel=channel,
        subject=subject_of(entry.description),
        from_addr=entry.sender.email,
        from_name=contact.name,
        text=entry.description,
        reply_text=entry.description,
        attachments=tuple(files),
        should_auto_respond=mails_acuse,
    )

    def begin(common: dict[str, Any]) -> Oficio:
        oficio = Oficio(
            **common,
            folio=draw_folio(session, RECEPTION_SERIES, local_year(office.settings.zone)),
            state=first_state(Process.RECEIVED),
            flow=Flow.RECEIVED,
            administration=find_administration(session, today),
            **_values(entry),
        )
        session.add(oficio)
        return oficio

    case, message = open_case(
        session, office, incoming, Route(), begin, reason=say("match.registered", account=by.person.name),
        by=by, requester=contact,
    )  # fmt: skip
    assert isinstance(case, Oficio)
    session.flush()
    _index(session, case, message)
    _fix_due(session, office, case)
    _begin(session, office, case, by, entry, begins)
    if mails_acuse:
        acuses.seal_notice(session, office, case, message)
    if acuses.latest(session, case) is None:
        # Printed at the counter, whether or not it goes by mail.
        acuses.issue(session, office, case, message)
    return case


def correct(session: Session, office: Office, oficio: Oficio, by: Account, entry: Entry) -> None:
    """Write what the counter read on the paper, or in what came by mail, bot or portal."""
    get_transition(oficio, "correct", standing(session, oficio, by))
    _check(entry, max(now().astimezone(office.settings.zone).date(), oficio.received_on or entry.received_on))
    wanted = _values(entry) | {"subject": subject_of(entry.description)}
    changed = {
        name: [_said(getattr(oficio, name)), _said(value)]
        for name, value in wanted.items()
        if getattr(oficio, name) != value
    }
    sender = _sender(session, entry.sender, oficio.requester)
    if sender.id != oficio.requester_id:
        changed["sender"] = [oficio.requester.name, sender.name]
    if changed:
        step(session, oficio, by, "correct", data=changed)
    oficio.requester = sender
    for name, value in wanted.items():
        setattr(oficio, name, value)
    _decide_proposals(session, oficio, by)
    _fix_due(session, office, oficio)
    first = first_message(session, oficio)
    if changed and first is not None:
        _index(session, oficio, first)


def turn(session: Session, office: Office, oficio: Oficio, by: Account, entry: Entry) -> None:
    """*Turnar*: to the addressee for attention, and to those copied for information."""
    if entry.addressee is None:
        raise InvalidInput("registering_no_addressee")
    to = entry.addressee
    turnos.assign(
        session,
        office,
        oficio,
        by,
        dependencia=to.dependencia,
        account=to.account,
        instruction=entry.instruction,
    )
    for one in entry.copies:
        turnos.copy(session, office, oficio, by, dependencia=one.dependencia, account=one.account,
                    instruction=say("registering.for_information"))  # fmt: skip


def first_message(session: Session, case: Case) -> Message | None:
    """What was received, with its files."""
    wanted = select(Message).where(Message.case_id == case.id, Message.direction == Direction.IN)
    return session.scalar(wanted.order_by(Message.id).limit(1))


def target_of(session: Session, row: dict[str, Any]) -> Target | None:
    """What `Target.as_row` kept; None when it is there no more."""
    dependencia = session.get(Dependencia, row.get("dependencia"))
    account = session.get(Account, row["account"]) if row.get("account") else None
    return Target(dependencia, account) if dependencia is not None else None


def _begin(
    session: Session, office: Office, oficio: Oficio, by: Account, entry: Entry, begins: State
) -> None:
    if begins == State.ASSIGNED:
        turn(session, office, oficio, by, entry)
    elif begins == State.DISCHARGING:
        ask_discharge(session, oficio, by)
    else:
        ask_digitizing(session, oficio, by)


def _check(entry: Entry, today: date) -> None:
    if not entry.description.strip():
        raise InvalidInput("registering_empty")
    for name, length in _LENGTHS.items():
        if len(getattr(entry, name)) > length:
            raise InvalidInput("registering_long", field=say(f"registering.field.{name}"), length=length)
    if entry.received_on > today:
        raise InvalidInput("registering_future")
    if entry.written_on is not None and entry.written_on > entry.received_on:
        raise InvalidInput("registering_written_after")
    if entry.answer_required_on is not None and entry.answer_required_on < entry.received_on:
        raise InvalidInput("registering_answer_before")


def _values(entry: Entry) -> dict[str, Any]:
    """The columns of `Oficio` that *entry* fills."""
    words = {name: getattr(entry, name).strip() for name in _WORDS}
    dates = {name: getattr(entry, name) for name in _DATES}
    to = entry.addressee
    return {
        **words,
        **dates,
        "document_type": entry.document_type,
        "addressee_dependencia_id": to.dependencia.id if to else None,
        "addressee_id": to.account.id if to and to.account else None,
        "copies": [one.as_row() for one in entry.copies],
    }


def _said(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else str(value if value is not None else "")


def _sender(session: Session, sender: Sender, before: Contact | None = None) -> Contact:
    """The contact, with what was typed about it: *before* while it is called so; a new one if need be."""
    name = " ".join(sender.name.split())[:200]
    if not name and sender.contact is None:
        raise InvalidInput("registering_no_sender")
    email = normalise_address(sender.email) if sender.email.strip() else ""
    if email and not is_address(email):
        raise InvalidInput("bad_address", address=sender.email.strip())
    key, contact = contact_key(name, " ".join(sender.institution.split())), sender.contact
    if contact is None and before is not None and before.name_key == key:
        contact = before
    if contact is None and email:
        contact = contact_for(session, AddressKind.EMAIL, email, name)
    elif contact is None:
        contact = _same(session, key) or Contact(name=name)
        session.add(contact)
    elif email and email not in {one.value for one in contact.addresses}:
        _add_address(session, contact, email)
    for part in ("institution", "post", "phone", "postal_address", "federative_state"):
        # What is left empty says nothing about what we know.
        if typed := getattr(sender, part).strip():
            setattr(contact, part, typed[:40] if part == "phone" else typed[:300])
    session.flush()
    return contact


def _same(session: Session, key: str) -> Contact | None:
    """Exactly one contact that is called so, of that institution: the clerk means this one.

    Only of paper: whoever writes to us from an address is called as they like, and would read it.
    """
    wanted = select(Contact).where(Contact.name_key == key, ~Contact.addresses.any())
    found = session.scalars(wanted.limit(2)).all()
    return found[0] if len(found) == 1 else None


def _add_address(session: Session, contact: Contact, email: str) -> None:
    owner = contact_at(session, AddressKind.EMAIL, email)
    if owner is not None:
        raise InvalidInput("registering_address_taken", address=email, name=owner.name)
    contact.addresses.append(Address(kind=AddressKind.EMAIL, value=email))
    learn_contact(session, AddressKind.EMAIL, email, contact)


def _fix_due(session: Session, office: Office, oficio: Oficio) -> None:
    if oficio.answer_required_on is not None:
        calendar = commitments.calendar_of(session, office)
        commitments.fix_due(session, office, oficio, calendar.closing_of(oficio.answer_required_on))


def _decide_proposals(session: Session, oficio: Oficio, by: Account) -> None:
    """What was read in it is decided by what the clerk wrote in its place."""
    waiting = select(Proposal).where(Proposal.oficio_id == oficio.id, Proposal.decided_at.is_(None))
    for one in session.scalars(waiting):
        one.decided_at, one.decided_by_id = now(), by.id
        one.is_confirmed = _said(getattr(oficio, one.field, "")) == one.value


def _index(session: Session, oficio: Oficio, message: Message) -> None:
    """Found by every word of the register, too."""
    words = (oficio.folio, oficio.subject, oficio.sender_number, oficio.reference, oficio.topic,
             oficio.requester.name, oficio.requester.institution, oficio.description)  # fmt: skip
    index_message(session, message.id, words)
