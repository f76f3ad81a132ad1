"""What a clerk should see while registering: whom the sender may be, what may be registered already.

Only reads. Nothing is decided by it: the clerk does.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, joinedload, selectinload

from models.access import visible_to
from models.case import Case
from models.contact import Contact, contact_key
from models.message import Message
from models.oficio import Flow, Oficio, number_key
from models.person import Account
from models.search import find_messages, fold

MAX_SENDERS = 8
MAX_DUPLICATES = 5
MAX_PREVIOUS = 6
# Among so many registrations of one sender the same matter is looked for.
_RECENT = 100
_WORD = re.compile(r"\w{3,}")
# Of the words of two descriptions, how many both have.
_ALIKE = 0.6


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A registered document that may be the same; `is_number`: it bears the same number."""

    oficio: Oficio
    is_number: bool


def find_senders(session: Session, typed: str) -> Sequence[Contact]:
    """Contacts that are called as *typed* begins, or whose names have its words; the nearest first."""
    key = contact_key(typed, "")
    if len(key) < 2:
        return []
    wanted = select(Contact).where(Contact.name_key >= key, Contact.name_key < key + "\U0010ffff")
    begin = session.scalars(
        wanted.order_by(Contact.name_key).limit(MAX_SENDERS).options(selectinload(Contact.addresses))
    ).all()
    found = {one.id: one for one in begin if one.name_key.startswith(key)}
    if len(found) < MAX_SENDERS:
        found |= {one.id: one for one in _by_words(session, key)}
    return list(found.values())[:MAX_SENDERS]


def _by_words(session: Session, key: str) -> list[Contact]:
    """Whoever wrote what is found by these words, if the words are in the name and not in the text."""
    messages = find_messages(session, key, limit=200)
    cases = select(Message.case_id).where(Message.id.in_(messages))
    ids = select(Case.requester_id).where(Case.id.in_(cases))
    contacts = session.scalars(
        select(Contact).where(Contact.id.in_(ids)).limit(200).options(selectinload(Contact.addresses))
    )
    words = key.split()
    return [one for one in contacts if _has_words(one, words)]


def _has_words(contact: Contact, words: list[str]) -> bool:
    own = [*contact.name_key.split(), *(one.value for one in contact.addresses)]
    return all(any(part.startswith(word) for part in own) for word in words)


def find_duplicates(
    session: Session,
    by: Account,
    *,
    sender_number: str = "",
    contact: Contact | None = None,
    description: str = "",
    but: int | None = None,
) -> list[Duplicate]:
    """Registered documents with the same sender's number, or of the same sender about the same."""
    found: dict[int, Duplicate] = {}
    if key := number_key(sender_number):
        same = _received(by).where(Oficio.sender_number_key == key).order_by(Oficio.id.desc())
        numbered = session.scalars(same.limit(4 * MAX_DUPLICATES)).all()
        # Two senders may count alike; who has the same name comes first.
        numbered = sorted(numbered, key=lambda one: contact is None or one.requester_id != contact.id)
        found = {one.id: Duplicate(one, is_number=True) for one in numbered[:MAX_DUPLICATES]}
    words = _words(description)
    if contact is not None and len(words) > 1:
        for one in session.scalars(_of_sender(by, contact).limit(_RECENT)):
            if one.id not in found and _are_alike(words, _words(f"{one.subject} {one.description}")):
                found[one.id] = Duplicate(one, is_number=False)
    return [one for one in found.values() if one.oficio.id != but][:MAX_DUPLICATES]


def previous_of(session: Session, by: Account, contact: Contact, *, but: int | None = None) -> list[Oficio]:
    """What the sender sent before, the newest first (Orfeo, Quipux: *antecedentes*)."""
    rows = session.scalars(_of_sender(by, contact).limit(MAX_PREVIOUS + 1)).all()
    return [one for one in rows if one.id != but][:MAX_PREVIOUS]


def topics(session: Session, typed: str) -> Sequence[str]:
    """Topics that were given before and begin as *typed*."""
    if not typed.strip():
        return []
    begin = typed.strip()
    wanted = select(Oficio.topic).where(Oficio.topic >= begin, Oficio.topic < begin + "\U0010ffff")
    return session.scalars(wanted.distinct().order_by(Oficio.topic).limit(MAX_SENDERS)).all()


def _received(by: Account) -> Select[Oficio]:
    return (
        select(Oficio)
        .where(Oficio.flow == Flow.RECEIVED, visible_to(by))
        .options(joinedload(Oficio.requester))
    )


def _of_sender(by: Account, contact: Contact) -> Select[Oficio]:
    return (
        _received(by)
        .where(Oficio.requester_id == contact.id)
        .order_by(Oficio.last_activity_at.desc(), Case.id.desc())
    )


def _words(text: str) -> set[str]:
    return set(_WORD.findall(fold(text)))


def _are_alike(typed: set[str], known: set[str]) -> bool:
    """Are most of the words typed so far in what is known? Whoever types has not written all of them yet."""
    return len(typed & known) >= _ALIKE * len(typed)
