"""Which case a message belongs to, and why, in a sentence for the clerk.

Order: signed reply address, then any id in References or In-Reply-To that we ever
saw, then a folio in the subject. All three only for a participant of the case;
a stranger is held for a clerk, because a forwarded mail carries all three.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.addresses import normalise_address
from intake.contacts import find_account_of
from intake.incoming import IncomingMessage
from intake.memory import case_with, contact_at, recent_subjects, threads_of
from intake.office import Office
from intake.reply_address import read as read_reply_address
from models.case import Case
from models.contact import AddressKind
from models.message import Message
from models.person import Account
from models.turno import Turno
from templates import say

_FOLIO = re.compile(r"(?<![\w-])(?:T|OP)-\d{4}-\d{6,}(?![\w-])", re.IGNORECASE)
_COMPARED = 500
_SUBJECT_PREFIX = re.compile(r"^\s*(?:(?:re|rv|fw|fwd|enc|res|aw|tr)\s*(?:\[\d+\])?\s*:\s*)+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Match:
    """Where a message belongs. `held`: a clerk decides about `case`. `staff`: who wrote is of the office."""

    case: Case | None = None
    reason: str = ""
    held: bool = False
    staff: Account | None = None
    # A case that this new one may continue.
    proposal: Case | None = None


def match(session: Session, office: Office, incoming: IncomingMessage, recipient: str) -> Match:
    """Find the case of *incoming*, which reached our address *recipient*."""
    # The subject's folio must belong to the sender; a made-up or foreign one proves nothing.
    for find, how in ((_by_reply_address, "reply_address"), (_by_ids, "ids"), (_by_folio, "folio")):
        found = find(session, office, incoming, recipient)
        if found is None:
            continue
        case, is_ours = end_of_merges(session, found[0]), found[1]
        standing = participant(session, case, incoming.from_addr)
        if standing is not None:
            staff = standing if isinstance(standing, Account) else None
            return Match(case, say(f"match.{how}", folio=case.folio), staff=staff)
        if is_ours:
            return Match(
                case, say(f"match.stranger_{how}", folio=case.folio, sender=incoming.from_addr), held=True
            )
    return Match(proposal=_possible_continuation(session, incoming))


def leads(office: Office, incoming: IncomingMessage, recipient: str) -> set[str]:
    """Whatever in a message may lead to a case: ids of its ancestors, and folios."""
    folios = _signed_folios(office, incoming, recipient)
    return {*thread_ids(incoming), *folios, *_subject_folios(incoming)}


def participant(session: Session, case: Case, address: str) -> Account | bool | None:
    """None for a stranger; the account of somebody of the office who was given the case; else True."""
    if not address:
        return None
    contact = contact_at(session, AddressKind.EMAIL, address)
    if contact is not None and contact.id == case.requester_id:
        return True
    account = find_account_of(session, address, case.dependencia_id)
    if account is not None and _was_given(session, case, account):
        return account
    # Another mail of the same transaction may have brought the address in.
    session.flush()
    rows = session.execute(
        select(Message.sender_address, Message.recipients)
        .where(Message.case_id == case.id, Message.robot == "")
        .order_by(Message.id.desc())
        .limit(200)
    )
    for sender, recipients in rows:
        if address == sender or any(address == normalise_address(r.get("address", "")) for r in recipients):
            return True
    return None


def _was_given(session: Session, case: Case, account: Account) -> bool:
    if case.holder_id == account.id or case.dependencia_id == account.dependencia_id:
        return True
    given = select(Turno.id).where(Turno.case_id == case.id, Turno.to_account_id == account.id).limit(1)
    return session.scalar(given) is not None


def end_of_merges(session: Session, case: Case) -> Case:
    """Where the matter of *case* goes on."""
    while case.merged_into_id is not None:
        case = session.get_one(Case, case.merged_into_id)
    return case


def _by_reply_address(
    session: Session, office: Office, incoming: IncomingMessage, recipient: str
) -> tuple[Case, bool] | None:
    for folio in _signed_folios(office, incoming, recipient):
        if case := case_with(session, folio):
            return case, True
    return None


def _signed_folios(office: Office, incoming: IncomingMessage, recipient: str) -> list[str]:
    addresses = [one for one in dict.fromkeys((recipient, *incoming.to, *incoming.cc)) if "+" in one]
    return [folio for address in addresses if (folio := read_reply_address(office, address))]


def _by_ids(
    session: Session, office: Office, incoming: IncomingMessage, recipient: str
) -> tuple[Case, bool] | None:
    wanted = thread_ids(incoming)
    if not wanted:
        return None
    rows = threads_of(session, wanted)
    if not rows:
        return None
    # The nearest ancestor decides. Anybody can write an id that leads elsewhere into a mail of their own:
    # the case in which the sender has written comes first, then the one that had the id first.
    nearest = min(wanted.index(row.value) for row in rows)
    rows = [row for row in rows if row.value == wanted[nearest]]
    if len(rows) > 1:
        wrote = _wrote_in(session, [row.case_id for row in rows], incoming.from_addr)
        rows = sorted(rows, key=lambda row: (row.case_id not in wrote, not row.is_ours, row.case_id))
    return session.get_one(Case, rows[0].case_id), rows[0].is_ours


def _wrote_in(session: Session, case_ids: Sequence[int], address: str) -> set[int]:
    """Those of the cases in whose thread a mail from *address* is."""
    # As in `participant`.
    session.flush()
    found = select(Message.case_id).where(
        Message.case_id.in_(case_ids), Message.sender_address == address, Message.robot == ""
    )
    return set(session.scalars(found))


def _by_folio(
    session: Session, office: Office, incoming: IncomingMessage, recipient: str
) -> tuple[Case, bool] | None:
    for folio in _subject_folios(incoming):
        if case := case_with(session, folio):
            return case, True
    return None


def _subject_folios(incoming: IncomingMessage) -> list[str]:
    return [folio.upper() for folio in _FOLIO.findall(incoming.subject)]


def thread_ids(incoming: IncomingMessage) -> list[str]:
    """Ids of ancestors, nearest first: In-Reply-To, then References from last to first (RFC 5322, 3.6.4)."""
    return clean_ids((incoming.in_reply_to, *reversed(incoming.references)))


def clean_ids(values: Iterable[str]) -> list[str]:
    """Distinct ids that fit the index, in order; at most 100, for some lists send thousands."""
    return [value for value in dict.fromkeys(values) if 0 < len(value) <= 512][:100]


def plain_subject(subject: str) -> str:
    """How the subject begins, without Re:, RV:, Fwd: and case, to compare."""
    return _plain(subject[:_COMPARED])


@lru_cache(maxsize=4096)
def _plain(subject: str) -> str:
    return " ".join(_SUBJECT_PREFIX.sub("", subject).casefold().split())


def _possible_continuation(session: Session, incoming: IncomingMessage) -> Case | None:
    wanted = plain_subject(incoming.subject)
    if len(wanted) < 4 or not incoming.from_addr:
        return None
    if contact_at(session, AddressKind.EMAIL, incoming.from_addr) is None:
        return None
    for case_id, subject in recent_subjects(session, incoming.from_addr):
        if plain_subject(subject) == wanted:
            return session.get(Case, case_id)
    return None


def recent_cases(session: Session, address: str) -> Sequence[Case]:
    """The requester's latest cases of the last days, newest first; what a clerk may attach a mail to."""
    ids = [case_id for case_id, _ in recent_subjects(session, address)]
    found = {case.id: case for case in session.scalars(select(Case).where(Case.id.in_(ids)))}
    return [found[case_id] for case_id in ids]
