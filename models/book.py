"""The entries of the libro de correspondencia: what came in, or went out, in a period, in its order.

A number that was drawn is in the book for ever, also when its document was cancelled.
Only what the accounts may see is in theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from models.case import Case, CaseLink, LinkKind
from models.contact import Contact
from models.dependencia import Dependencia
from models.folders import documents_of, recipients_named
from models.oficio import DocumentType, Flow, Oficio
from models.person import Account


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the book. `other`: who sent it; of an issued document, to whom it went."""

    id: int
    folio: str
    on: date
    document_type: DocumentType
    sender_number: str
    subject: str
    dependencia: str
    state: str
    other: str
    # Of a received one: the folio of the document that answered it.
    answered_with: str = ""


def count_entries(
    session: Session, accounts: Sequence[Account], flow: Flow, since: date, until: date, zone: ZoneInfo
) -> int:
    """How many lines the book of the period has."""
    rule = _rule(accounts, flow, since, until, zone)
    return session.scalar(select(func.count()).select_from(Oficio).where(rule)) or 0


def find_entries(
    session: Session, accounts: Sequence[Account], flow: Flow, since: date, until: date, zone: ZoneInfo
) -> list[Entry]:
    """The lines from *since* to *until*, both included: days in *zone*."""
    day = Oficio.received_on if flow == Flow.RECEIVED else Oficio.approved_at
    rows = session.execute(
        select(
            Oficio.id, Oficio.folio, Oficio.received_on, Oficio.approved_at, Oficio.document_type,
            Oficio.sender_number, Oficio.subject, Oficio.state, Oficio.signatory, Contact.name,
            Dependencia.name,
        )
        .join(Contact, Contact.id == Oficio.requester_id)
        .outerjoin(Dependencia, Dependencia.id == Oficio.dependencia_id)
        .where(_rule(accounts, flow, since, until, zone))
        .order_by(day, Oficio.id)
    ).all()  # fmt: skip
    ids = [row.id for row in rows]
    to = recipients_named(session, ids) if flow == Flow.ISSUED else {}
    answers = _answers(session, ids) if flow == Flow.RECEIVED else {}
    found = []
    for number, folio, received_on, approved_at, kind, theirs, subject, state, signatory, name, area in rows:
        on = received_on or (approved_at.astimezone(zone).date() if approved_at else since)
        other = (
            "; ".join(to.get(number, ()))
            if flow == Flow.ISSUED
            else ", ".join(filter(None, (signatory, name)))
        )
        found.append(
            Entry(number, folio, on, kind, theirs, subject, area or "", state, other, answers.get(number, ""))
        )
    return found


def _rule(
    accounts: Sequence[Account], flow: Flow, since: date, until: date, zone: ZoneInfo
) -> ColumnElement[bool]:
    seen = and_(Oficio.flow == flow, documents_of(accounts))
    if flow == Flow.RECEIVED:
        return and_(seen, Oficio.received_on >= since, Oficio.received_on <= until)
    start = datetime.combine(since, time.min, zone)
    end = datetime.combine(until + timedelta(days=1), time.min, zone)
    return and_(seen, Oficio.number.is_not(None), Oficio.approved_at >= start, Oficio.approved_at < end)


def _answers(session: Session, ids: Sequence[int]) -> dict[int, str]:
    query = (
        select(CaseLink.other_id, Case.folio)
        .join(Oficio, Oficio.id == CaseLink.case_id)
        .where(CaseLink.kind == LinkKind.ANSWERS, CaseLink.other_id.in_(ids), Oficio.sent_at.is_not(None))
        .order_by(CaseLink.id)
    )
    found: dict[int, list[str]] = {}
    for answered, folio in session.execute(query):
        found.setdefault(answered, []).append(folio)
    return {number: ", ".join(folios) for number, folios in found.items()}
