"""What the pages of issued documents show: who may read one, its buttons, its recipients and its story."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from flask import Response, abort
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, undefer

from admin import frame
from admin.db import session
from models.access import standing
from models.event import Event, of_case
from models.folders import documents_of, who_acts
from models.oficio import Flow, Oficio
from models.outbox_message import OutboxStatus
from models.person import READERS, Account, Person, Role
from models.recipient import Delivery, Recipient
from models.signature import Signature
from models.workflow import State, allowed_actions

# Who writes documents (intake.issued.drafts).
WRITING = frozenset({Role.WORKER, Role.HEAD, Role.OFICIALIA})
# The browser's own viewer shows it; nothing inside may load or run anything.
PDF_POLICY = "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'self'"
# What is done with one click; the others ask something first.
AT_ONCE = frozenset({"approve", "approve_for_signature"})
ICONS = {
    "approve": "circle-check", "approve_for_signature": "circle-check", "sign": "pencil",
    "return_draft": "arrow-back-up", "discard": "trash", "cancel": "ban", "reassign": "arrow-forward-up",
    "note": "note",
}  # fmt: skip


def get_document(read: Session, document_id: int) -> Oficio:
    """The document, if this account (or one for whom it acts) may see it; else 404."""
    query = (
        select(Oficio)
        .where(Oficio.id == document_id, documents_of(who_acts(read, frame.account())))
        .options(
            joinedload(Oficio.dependencia),
            joinedload(Oficio.author),
            joinedload(Oficio.issuer),
            undefer(Oficio.body_html),
        )
    )
    return read.scalar(query) or abort(404)


def get_issued(read: Session, document_id: int) -> Oficio:
    """The same of a document that the house issues; else 404."""
    found = get_document(read, document_id)
    return found if found.flow == Flow.ISSUED else abort(404)


def buttons(oficio: Oficio, who: Account) -> list[str]:
    """Actions that *who* may use now, in the order of the workflow table."""
    found = dict.fromkeys(row.action for row in allowed_actions(oficio, standing(session(), oficio, who)))
    # The document says which of the two approvals it gets.
    found.pop("approve" if oficio.needs_efirma else "approve_for_signature", None)
    if "approve_for_signature" in found:
        found = {"approve_for_signature": None, **found}
    return [action for action in found if action in ICONS or action == "edit"]


@dataclass(frozen=True, slots=True)
class Arrival:
    """What is known of a document's arrival: `state` is a label key, `how` its colour."""

    recipient: Recipient
    state: str
    how: str
    at: datetime | None = None
    by: str = ""
    words: str = ""


def arrivals(read: Session, oficio: Oficio) -> list[Arrival]:
    """Every recipient, those to whom it was handed on last, with how far the document came."""
    wanted = (
        select(Recipient)
        .where(Recipient.oficio_id == oficio.id)
        .options(joinedload(Recipient.outbox), joinedload(Recipient.read_by))
        .order_by(Recipient.reassigned_by_id.is_not(None), Recipient.position, Recipient.id)
    )
    is_out = oficio.state in (State.SENT, State.CANCELLED)
    return [_arrival(one) if is_out else Arrival(one, "", "") for one in read.scalars(wanted)]


def _arrival(one: Recipient) -> Arrival:
    if one.read_at is not None:
        by = one.read_by.person.name if one.read_by else ""
        return Arrival(one, "read_by" if by else "read", "ok", one.read_at, by)
    notice = one.outbox
    if notice is not None and notice.status in (OutboxStatus.BOUNCED, OutboxStatus.FAILED):
        return Arrival(one, notice.status.value, "bad", notice.sent_at, words=notice.last_error)
    if one.delivered_at is not None:
        return Arrival(one, "delivered", "ok", one.delivered_at)
    if one.delivery == Delivery.DISPATCH:
        return Arrival(one, "dispatch", "")
    if notice is None:
        return Arrival(one, "waiting", "")
    how = "warn" if notice.status == OutboxStatus.RETRYING else ""
    return Arrival(one, notice.status.value, how, notice.sent_at, words=notice.last_error)


def signatures_of(read: Session, oficio: Oficio) -> Sequence[Signature]:
    """Who signs it, in order, made or not yet."""
    wanted = select(Signature).where(Signature.oficio_id == oficio.id).options(joinedload(Signature.account))
    return read.scalars(wanted.order_by(Signature.position, Signature.id)).all()


def remarks_of(read: Session, oficio: Oficio) -> Event | None:
    """Why it was returned, discarded or cancelled: the last of these in its history."""
    wanted = select(Event).where(
        of_case(oficio), Event.action.in_(["return_draft", "discard", "cancel", "submit"])
    )
    last = read.scalar(wanted.order_by(Event.sequence.desc()).limit(1))
    return last if last is not None and last.data.get("reason") else None


def writers(read: Session) -> Sequence[Account]:
    """Accounts to whom a document may go, by name."""
    wanted = (
        select(Account)
        .join(Account.person)
        .where(Account.is_active, Person.is_active, Account.role.in_(READERS))
    )
    return read.scalars(wanted.order_by(Person.name)).unique().all()


def pdf_response(content: bytes, name: str, *, saves: bool = False) -> Response:
    """A PDF to be shown inside a page of ours, or saved."""
    response = Response(content, mimetype="application/pdf")
    kind = "attachment" if saves else "inline"
    response.headers["Content-Disposition"] = f"{kind}; filename*=UTF-8''{quote(name)}"
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["Content-Security-Policy"] = PDF_POLICY
    return response
