"""What the messages of one transaction ask again and again, asked of the database once.

`remember` begins it, for a session that decides about a few messages and is then thrown
away. In every other session nothing is remembered and each question is a query.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import Row, Select, bindparam, event, func, or_, select
from sqlalchemy.orm import Session, contains_eager, joinedload, selectin_polymorphic

from models.base import is_written, now
from models.calendar import Calendar, DayOff
from models.case import Case, lock_all
from models.chat import Chat
from models.contact import Address, AddressKind, Contact
from models.inbound_mail import InboundMail
from models.mailbox import Mailbox
from models.message import Message, ThreadId
from models.oficio import Oficio
from models.outbox_message import OutboxMessage
from models.person import Person
from models.routing_rule import RoutingRule
from models.ticket import Ticket

_MEMORY = "memory of a batch"

# Built once: putting a statement together takes longer than SQLite does to answer it.
_IS_THEIRS = (
    Address.kind == bindparam("kind"),
    Address.value.in_(bindparam("values", expanding=True)),
)
_WHO = select(Address.value, Address.contact_id).where(*_IS_THEIRS)
_CONTACTS = (
    select(Contact)
    .join(Contact.addresses)
    .where(Contact.id.in_(select(Address.contact_id).where(*_IS_THEIRS)))
    .order_by(Address.id)
    .options(contains_eager(Contact.addresses))
)
_PEOPLE = select(Person).where(Person.email.in_(bindparam("emails", expanding=True)), Person.is_active)

_GROUPS = select(Chat).where(Chat.dependencia_id.is_not(None), Chat.blocked_at.is_(None))
# How many acuses each requester got since an instant, by the address they came from.
_ACUSES = (
    select(Case.requester_id, OutboxMessage.from_addr, func.count(OutboxMessage.id))
    .join(Case, Case.id == OutboxMessage.case_id)
    .where(
        Case.requester_id.in_(bindparam("requesters", expanding=True)),
        Case.last_activity_at >= bindparam("since"),
        OutboxMessage.kind == "acuse",
        OutboxMessage.created_at >= bindparam("since"),
    )
    .group_by(Case.requester_id, OutboxMessage.from_addr)
)
# The newest cases of requesters, by the address they wrote from; more than these are asked for one by one.
_RECENT = (
    select(Address.value, Case.id, Case.subject)
    .join(Case, Case.requester_id == Address.contact_id)
    .where(
        Address.kind == AddressKind.EMAIL,
        Address.value.in_(bindparam("addresses", expanding=True)),
        Case.merged_into_id.is_(None),
        Case.last_activity_at > bindparam("since"),
    )
    .order_by(Case.last_activity_at.desc())
    .limit(bindparam("most"))
)
_MOST_RECENT, _MOST_REMEMBERED = 20, 800
# The same person, the same subject, within these days: proposed to a clerk, never joined silently.
CONTINUATION_DAYS = 14
_THREADS = select(ThreadId.value, ThreadId.is_ours, ThreadId.case_id).where(
    ThreadId.value.in_(bindparam("ids", expanding=True))
)
# Each with the columns of its kind, for a mail that leads to it is going to change it.
_LED_TO = (
    select(Case)
    .where(
        or_(
            Case.id.in_(bindparam("cases", expanding=True)),
            Case.folio.in_(bindparam("folios", expanding=True)),
        )
    )
    .options(selectin_polymorphic(Case, [Ticket, Oficio]))
)
_WITH_FOLIO = select(Case).where(Case.folio == bindparam("folio"))
_FILED = select(Message.fingerprint, Message.case_id).where(
    Message.fingerprint.in_(bindparam("fingerprints", expanding=True))
)


ThreadRow = Row[str, bool, int]


@dataclass(slots=True)
class _Memory:
    # Senders, fingerprints, ids and folios of what was decided, and no query finds yet.
    unwritten: set[str] = field(default_factory=set)
    mailboxes: dict[str, Mailbox] | None = None
    recipients: Mapping[int, str] = field(default_factory=dict)
    rules: Sequence[RoutingRule] | None = None
    contacts: dict[tuple[AddressKind, str], Contact | None] = field(default_factory=dict)
    people: dict[str, Person | None] = field(default_factory=dict)
    filed: dict[str, int | None] = field(default_factory=dict)
    threads: dict[str, list[ThreadRow]] = field(default_factory=dict)
    cases: dict[str, Case | None] = field(default_factory=dict)
    acuses: dict[int, dict[str, int]] = field(default_factory=dict)
    recent: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    groups: dict[int, Chat] | None = None
    hours: tuple[Sequence[Calendar], Sequence[DayOff]] | None = None


def remember(
    session: Session, senders: Collection[str] = (), recipients: Mapping[int, str] | None = None
) -> None:
    """From now on, to the end of *session* or until something in it is undone, nothing is asked twice.

    *recipients*: to which address of ours each mail came. Who *senders* are is asked at once, and with
    them what every mail asks. None of it is wrong for a mail that might as well have come a moment
    earlier; what would be is asked by `catch_up`.
    """
    memory = session.info[_MEMORY] = _Memory(recipients=recipients or {})
    if not senders:
        return
    people = session.scalars(_PEOPLE, {"emails": list(senders)}).all()
    memory.people = dict.fromkeys(senders) | {person.email or "": person for person in people}
    _meet(session, memory, senders)
    active_rules(session)
    office_hours(session)
    mailbox_at(session, "")
    group_of(session, 0)


def _meet(session: Session, memory: _Memory, senders: Collection[str]) -> None:
    known = _find_contacts(session, AddressKind.EMAIL, senders)
    memory.contacts = {(AddressKind.EMAIL, sender): known.get(sender) for sender in senders}


def catch_up(session: Session, fingerprints: Collection[str], leads: Collection[str]) -> None:
    """Ask at once what another writer may have made of the same mails and senders, until our turn came.

    The cases that *leads* lead to are locked.
    """
    memory = _memory(session)
    assert memory is not None
    met = {value: contact.id for (_, value), contact in memory.contacts.items() if contact is not None}
    senders = [value for _, value in memory.contacts]
    rows = session.execute(_WHO, {"kind": AddressKind.EMAIL, "values": senders})
    known = {row.value: row.contact_id for row in rows}
    if known != met:
        _meet(session, memory, senders)
    filed = session.execute(_FILED, {"fingerprints": list(fingerprints)})
    memory.filed = dict.fromkeys(fingerprints) | {row.fingerprint: row.case_id for row in filed}
    memory.acuses = _count_acuses(session, set(known.values())) if known else {}
    memory.recent = _find_recent(session, known)
    _follow(session, memory, leads)


def _follow(session: Session, memory: _Memory, leads: Collection[str]) -> None:
    memory.threads, memory.cases = {lead: [] for lead in leads}, dict.fromkeys(leads)
    if not leads:
        return
    rows = session.execute(_THREADS, {"ids": list(leads)}).all()
    for row in rows:
        memory.threads[row.value].append(row)
    wanted = {"cases": {row.case_id for row in rows}, "folios": leads}
    memory.cases |= {case.folio: case for case in lock_all(session, _LED_TO.params(wanted))}


def threads_of(session: Session, ids: Sequence[str]) -> list[ThreadRow]:
    """The cases that these ids lead to: `value`, `is_ours`, `case_id`."""
    memory = _settled(session, ids)
    if memory is not None and memory.threads.keys() >= set(ids):
        return [row for value in ids for row in memory.threads[value]]
    return list(session.execute(_THREADS, {"ids": list(ids)}))


def case_with(session: Session, folio: str) -> Case | None:
    """The case with this folio."""
    memory = _settled(session, [folio])
    if memory is not None and folio in memory.cases:
        return memory.cases[folio]
    return session.scalar(_WITH_FOLIO, {"folio": folio})


def _find_contacts(session: Session, kind: AddressKind, values: Collection[str]) -> dict[str, Contact]:
    """The contacts that have these addresses, with all of theirs, by address."""
    found = session.scalars(_CONTACTS, {"kind": kind, "values": list(values)}).unique().all()
    return {
        address.value: contact
        for contact in found
        for address in contact.addresses
        if address.kind == kind and address.value in values
    }


def _find_recent(session: Session, addresses: Collection[str]) -> dict[str, list[tuple[int, str]]]:
    """(case, subject) of what each requester asked lately, newest first; nothing when it is too much."""
    rows = _ask_recent(session, addresses, _MOST_REMEMBERED) if addresses else []
    if len(rows) == _MOST_REMEMBERED:
        return {}
    found: dict[str, list[tuple[int, str]]] = {address: [] for address in addresses}
    for address, case_id, subject in rows:
        found[address].append((case_id, subject))
    return {address: cases[:_MOST_RECENT] for address, cases in found.items()}


def recent_subjects(session: Session, address: str) -> Sequence[tuple[int, str]]:
    """(case, subject) of the requester's latest cases, newest first."""
    memory = _settled(session, [address])
    if memory is not None and address in memory.recent:
        return memory.recent[address]
    return [(case_id, subject) for _, case_id, subject in _ask_recent(session, [address], _MOST_RECENT)]


def _ask_recent(session: Session, addresses: Collection[str], most: int) -> Sequence[Row[str, int, str]]:
    since = now() - timedelta(days=CONTINUATION_DAYS)
    values = {"addresses": list(addresses), "since": since, "most": most}
    return session.execute(_RECENT, values).all()


def _count_acuses(session: Session, requesters: Collection[int]) -> dict[int, dict[str, int]]:
    values = {"requesters": list(requesters), "since": now() - timedelta(hours=1)}
    found: dict[int, dict[str, int]] = {requester: {} for requester in requesters}
    for requester, from_addr, count in session.execute(_ACUSES, values):
        found[requester][from_addr] = count
    return found


def acuses_to(session: Session, requester: Contact) -> dict[str, int]:
    """How many acuses the requester got within the hour, by the address they came from."""
    memory = _settled(session, (one.value for one in requester.addresses))
    if not is_written(requester):
        # Somebody new, who is written together with this case.
        return {}
    if memory is not None and requester.id in memory.acuses:
        return memory.acuses[requester.id]
    return _count_acuses(session, [requester.id])[requester.id]


@event.listens_for(Session, "after_soft_rollback")
def _forget(session: Session, *_: object) -> None:
    # Contacts that were begun since are no more.
    session.info.pop(_MEMORY, None)


def note_decided(session: Session, about: Collection[str]) -> None:
    """What was decided is written before anything is asked that may depend on it.

    *about*: sender and fingerprint of the mail, and the ids and folios that lead to its case from now on.
    """
    memory = _memory(session)
    if memory is not None:
        memory.unwritten.update(about)


def _settled(session: Session, asked: Iterable[str]) -> _Memory | None:
    """What is remembered, once all that was decided is written if one of *asked* was part of it."""
    memory = _memory(session)
    if memory is not None and memory.unwritten and not memory.unwritten.isdisjoint(asked):
        session.flush()
        _forget_told(memory)
    return memory


def _forget_told(memory: _Memory) -> None:
    for one in memory.unwritten:
        contact = memory.contacts.get((AddressKind.EMAIL, one))
        if contact is not None:
            memory.acuses.pop(contact.id, None)
            for address in contact.addresses:
                memory.recent.pop(address.value, None)
        for answers in (memory.filed, memory.threads, memory.cases):
            answers.pop(one, None)
    memory.unwritten.clear()


def case_of(session: Session, fingerprint: str) -> int | None:
    """The case in which a message with this fingerprint is filed."""
    memory = _settled(session, [fingerprint])
    if memory is not None and fingerprint in memory.filed:
        return memory.filed[fingerprint]
    row = session.execute(_FILED, {"fingerprints": [fingerprint]}).first()
    return row.case_id if row else None


def _memory(session: Session) -> _Memory | None:
    found = session.info.get(_MEMORY)
    assert found is None or isinstance(found, _Memory)
    return found


def recipient_of(session: Session, inbound_id: int) -> str:
    """The envelope recipient of a mail: an address of ours; empty when the mail is gone."""
    memory = _memory(session)
    if memory is not None and inbound_id in memory.recipients:
        return memory.recipients[inbound_id]
    inbound = session.get(InboundMail, inbound_id)
    return inbound.envelope_to if inbound else ""


def mailbox_at(session: Session, address: str) -> Mailbox | None:
    """Our mailbox with exactly this address, active or not, with what it is bound to."""
    memory = _memory(session)
    if memory is None:
        return session.scalar(_mailboxes().where(Mailbox.address == address))
    if memory.mailboxes is None:
        memory.mailboxes = {mailbox.address: mailbox for mailbox in session.scalars(_mailboxes())}
    return memory.mailboxes.get(address)


def _mailboxes() -> Select[Mailbox]:
    return select(Mailbox).options(joinedload(Mailbox.service), joinedload(Mailbox.dependencia))


def active_rules(session: Session) -> Sequence[RoutingRule]:
    """The routing rules in force, in their order."""
    memory = _memory(session)
    if memory is not None and memory.rules is not None:
        return memory.rules
    rules = session.scalars(
        select(RoutingRule).where(RoutingRule.is_active).order_by(RoutingRule.position, RoutingRule.id)
    ).all()
    if memory is not None:
        memory.rules = rules
    return rules


def contact_at(session: Session, kind: AddressKind, value: str) -> Contact | None:
    """The contact that has this address."""
    memory = _memory(session)
    if memory is not None and (kind, value) in memory.contacts:
        return memory.contacts[kind, value]
    contact = _find_contacts(session, kind, [value]).get(value)
    if memory is not None:
        memory.contacts[kind, value] = contact
    return contact


def learn_contact(session: Session, kind: AddressKind, value: str, contact: Contact) -> None:
    """*contact* is new in *session*, so no query would find it yet."""
    memory = _memory(session)
    if memory is not None:
        memory.contacts[kind, value] = contact


def person_at(session: Session, email: str) -> Person | None:
    """The active servidor público with this e-mail, in lower case."""
    memory = _memory(session)
    if memory is not None and email in memory.people:
        return memory.people[email]
    return session.scalar(_PEOPLE, {"emails": [email]})


def group_of(session: Session, dependencia_id: int) -> Chat | None:
    """The group in chat that a dependencia bound, while the bot is in it."""
    memory = _memory(session)
    if memory is None:
        return session.scalar(_GROUPS.where(Chat.dependencia_id == dependencia_id))
    if memory.groups is None:
        memory.groups = {chat.dependencia_id or 0: chat for chat in session.scalars(_GROUPS)}
    return memory.groups.get(dependencia_id)


def office_hours(session: Session) -> tuple[Sequence[Calendar], Sequence[DayOff]]:
    """All calendars, the institution's first, and the days off in force."""
    memory = _memory(session)
    if memory is not None and memory.hours is not None:
        return memory.hours
    calendars = session.scalars(select(Calendar).order_by(Calendar.is_active.desc(), Calendar.id)).all()
    found = (calendars, session.scalars(select(DayOff).where(DayOff.is_active)).all())
    if memory is not None:
        memory.hours = found
    return found
