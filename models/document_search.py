"""Advanced search of manual T: what narrows a list of documents.

Words are looked for in the index of messages, so that it takes as long with a million
documents as with a hundred; what never went out has no message, and is few.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, false, func, or_, select, true, union_all
from sqlalchemy.orm import Session

from models.case import Case
from models.contact import Contact
from models.message import Message
from models.oficio import DocumentType, Flow, Oficio
from models.person import Account, Person
from models.search import find_messages, folded, words_of
from models.tag import case_tag
from models.workflow import NEVER_SENT

# Words that more messages have are in so many subjects that the list itself soon comes to some.
MOST, BATCH = 3_000, 1_000
# As folios and people write numbers.
_WIDTHS = (4, 6)


@dataclass(frozen=True, slots=True)
class Sought:
    """Advanced search of manual T; what is empty does not matter."""

    folio: str = ""
    subject: str = ""
    sender: str = ""
    dependencia_id: int | None = None
    approved_by: str = ""
    since: datetime | None = None
    until: datetime | None = None
    document_type: DocumentType | None = None
    administration_id: int | None = None
    tag_id: int | None = None


def narrowing(session: Session, sought: Sought) -> list[ColumnElement[bool]]:
    """Conditions on `Oficio`."""
    found: list[ColumnElement[bool]] = []
    if sought.document_type is not None:
        found.append(Oficio.document_type == sought.document_type)
    if sought.administration_id is not None:
        found.append(Oficio.administration_id == sought.administration_id)
    if sought.tag_id is not None:
        found.append(exists().where(case_tag.c.case_id == Oficio.id, case_tag.c.tag_id == sought.tag_id))
    if sought.dependencia_id is not None:
        found.append(Case.dependencia_id == sought.dependencia_id)
    if sought.folio:
        found += [_among(session, _as_written(sought.folio)), _has_folio(sought.folio)]
    if sought.subject:
        found.append(_among(session, [sought.subject]))
        found += [folded(Case.subject).contains(word, autoescape=True) for word in words_of(sought.subject)]
    if sought.sender:
        found.append(_is_from(session, sought.sender))
    if sought.approved_by:
        found += [Oficio.approved_at.is_not(None), Oficio.issuer_id.in_(_named(sought.approved_by))]
    # A day of approval; of what was not approved, of its beginning.
    when = func.coalesce(Oficio.approved_at, Case.created_at)
    if sought.since is not None:
        found.append(when >= sought.since)
    if sought.until is not None:
        found.append(when < sought.until)
    return found


def _has_folio(folio: str) -> ColumnElement[bool]:
    return or_(
        Case.folio.icontains(folio, autoescape=True), Oficio.sender_number.icontains(folio, autoescape=True)
    )


def _as_written(folio: str) -> list[str]:
    """A number alone is also looked for with the zeros before it."""
    folio = folio.strip()
    return [folio, *(folio.zfill(width) for width in _WIDTHS)] if folio.isdecimal() else [folio]


def _is_from(session: Session, name: str) -> ColumnElement[bool]:
    """Written or signed by somebody of that name, or sent to us by one."""
    writers = _named(name)
    outside = exists().where(
        Contact.id == Case.requester_id, *(folded(Contact.name).contains(one) for one in words_of(name))
    )
    return _any_of(
        Oficio.author_id.in_(writers),
        and_(Oficio.approved_at.is_not(None), Oficio.issuer_id.in_(writers)),
        and_(Oficio.flow == Flow.RECEIVED, _among(session, [name]), outside),
    )


def _named(words: str) -> Select[Any]:
    query = select(Account.id).join(Person, Person.id == Account.person_id)
    return query.where(*(folded(Person.name).contains(word) for word in words_of(words)))


def _among(session: Session, queries: Iterable[str]) -> ColumnElement[bool]:
    """Documents with a message that has all words of one of *queries*, and those that never went out."""
    found: set[int] = set()
    for query in dict.fromkeys(queries):
        if not words_of(query):
            return false()
        some = _documents(session, query)
        if some is None:
            return true()
        found |= some
    return _any_of(Case.id.in_(found), Case.state.in_(NEVER_SENT))


def _any_of(*parts: ColumnElement[bool]) -> ColumnElement[bool]:
    """Each part is found by an index of its own; of an OR between them the database reads everything."""
    return Oficio.id.in_(union_all(*[select(Oficio.id).where(part).correlate(None) for part in parts]))


def _documents(session: Session, query: str) -> set[int] | None:
    """Documents with a message that has the words; None when more than MOST messages have them."""
    found: set[int] = set()
    seen, before = 0, None
    while seen < MOST:
        messages = find_messages(session, query, before=before, limit=BATCH)
        if not messages:
            return found
        of_documents = select(Oficio.id).join(Message, Message.case_id == Oficio.id)
        found.update(session.scalars(of_documents.where(Message.id.in_(messages))))
        seen, before = seen + len(messages), messages[-1]
    return None
