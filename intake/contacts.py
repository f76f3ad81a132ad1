"""Who wrote: finds the contact behind an address, or begins one."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.errors import InvalidInput
from intake.memory import contact_at, learn_contact, person_at
from intake.office import Office
from models.access import standing
from models.base import now
from models.case import Case, lock
from models.contact import Address, AddressKind, Contact
from models.event import record
from models.keys import draw_key
from models.person import Account, Person
from models.workflow import NotAllowed, Who

# To be blocked is felt in the whole office: it is not for every colleague.
DECIDES_SPAM = frozenset({Who.OFICIALIA, Who.HEAD, Who.HOLDER})


def contact_for(session: Session, kind: AddressKind, value: str, name: str) -> Contact:
    """The contact that has this address; a new one with *name* (or the address) when there is none."""
    contact = contact_at(session, kind, value)
    if contact is None:
        person = find_person(session, value) if kind == AddressKind.EMAIL else None
        contact = Contact(
            name=name or (person.name if person else value), person_id=person.id if person else None
        )
        contact.addresses.append(Address(kind=kind, value=value))
        contact.id = draw_key(session, Contact)
        session.add(contact)
        learn_contact(session, kind, value, contact)
    elif name and contact.name == contact.addresses[0].value:
        # The first mail had no display name; this one says who it is.
        contact.name = name
    return contact


def find_person(session: Session, email: str) -> Person | None:
    """The active servidor público with this e-mail."""
    return person_at(session, email.lower())


def find_account_of(session: Session, email: str, dependencia_id: int | None) -> Account | None:
    """An active account of the person with this e-mail, the one in *dependencia_id* first."""
    person = find_person(session, email)
    if person is None:
        return None
    accounts = session.scalars(
        select(Account).where(Account.person_id == person.id, Account.is_active).order_by(Account.id)
    ).all()
    return next(
        (a for a in accounts if a.dependencia_id == dependencia_id), accounts[0] if accounts else None
    )


def block(session: Session, office: Office, case: Case, by: Account) -> Contact:
    """The *spam* button: mail of the requester of *case* is held from now on; the bot refuses their chat."""
    contact = _requester_for(session, case, by, "block_contact")
    if contact.person_id is not None:
        raise InvalidInput("contact_is_staff", name=contact.name)
    if contact.blocked_at is None:
        contact.blocked_at = now()
        record(session, case, "block_contact", account=by, data={"contact": contact.name})
    return contact


def unblock(session: Session, office: Office, case: Case, by: Account) -> Contact:
    """The requester of *case* is heard again; what was held meanwhile waits for a clerk."""
    contact = _requester_for(session, case, by, "unblock_contact")
    if contact.blocked_at is not None:
        contact.blocked_at = None
        record(session, case, "unblock_contact", account=by, data={"contact": contact.name})
    return contact


def spam_action(case: Case, who: Iterable[Who]) -> str:
    """What the *spam* button does now to the requester of *case*; empty when there is none to press."""
    contact = case.requester
    if not DECIDES_SPAM.intersection(who) or not _writes(contact):
        return ""
    if contact.blocked_at is not None:
        return "unblock_contact"
    return "" if contact.person_id is not None else "block_contact"


def _requester_for(session: Session, case: Case, by: Account, action: str) -> Contact:
    """Whoever answers for the case, not only reads it, may decide about its requester."""
    # The bitácora of a case has one writer at a time.
    lock(session, case)
    if not DECIDES_SPAM & standing(session, case, by):
        raise NotAllowed(action, case.state)
    if not _writes(case.requester):
        raise InvalidInput("no_contact_address")
    return case.requester


def _writes(contact: Contact) -> bool:
    return bool(contact.addresses)
