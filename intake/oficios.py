"""The verbs of received documents: know one, register it, confirm what was read in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from intake import acuses
from intake.addresses import domain_of
from intake.cases import step
from intake.counter.recognition import FILE, SUBJECT, TEXT, Source, read_document, recognise
from intake.errors import InvalidInput
from intake.incoming import IncomingMessage
from intake.office import Office
from intake.opening import Route, local_year, open_case
from intake.services import commitments
from models.base import now
from models.case import CaseKind
from models.folio import RECEPTION_SERIES, draw_folio
from models.inbound_mail import InboundMail
from models.letterhead import find_administration
from models.message import Message
from models.oficio import Flow, Oficio
from models.person import Account
from models.proposal import Proposal
from models.search import index_message
from models.workflow import Process, first_state
from templates import say

_DATES = frozenset({"written_on", "answer_required_on"})
_LENGTHS = {"sender_number": 80, "signatory": 200, "subject": 500}


def as_document(office: Office, incoming: IncomingMessage, to: Route) -> Route:
    """*to* as it is, or to be registered as an oficio, with the sentence why."""
    if to.kind == CaseKind.OFICIO:
        return to
    number = recognise(
        incoming.from_addr, sources_of(incoming), office.settings.institutional_domains.split()
    )
    if number is None:
        return to
    why = say(f"document.recognised.{number.source}", number=number.value, filename=number.filename,
              domain=domain_of(incoming.from_addr))  # fmt: skip
    return replace(to, kind=CaseKind.OFICIO, reason=f"{why} {to.reason}")


def sources_of(incoming: IncomingMessage) -> list[Source]:
    """What can be read of a document that came by mail."""
    found = [Source(SUBJECT, incoming.subject), Source(TEXT, incoming.reply_text or incoming.text)]
    if incoming.first_page:
        found.append(Source(FILE, incoming.first_page, incoming.first_page_of))
    return found


def register_received(
    session: Session,
    office: Office,
    incoming: IncomingMessage,
    *,
    to: Route,
    inbound: InboundMail | None = None,
    reason: str = "",
    by: Account | None = None,
) -> tuple[Oficio, Message]:
    """Register an oficio that arrived electronically; it skips digitizing (domain.md, "States").

    What it says of itself is proposed, and its acuse carries a sealed PDF.
    """
    zone = office.settings.zone

    def begin(common: dict[str, Any]) -> Oficio:
        oficio = Oficio(
            **common,
            folio=draw_folio(session, RECEPTION_SERIES, local_year(zone)),
            state=first_state(Process.RECEIVED),
            flow=Flow.RECEIVED,
            received_on=now().astimezone(zone).date(),
            written_on=incoming.date.astimezone(zone).date() if incoming.date else None,
            administration=find_administration(session, now().astimezone(zone).date()),
        )
        session.add(oficio)
        return oficio

    case, message = open_case(
        session, office, incoming, to, begin, reason=reason or say("match.new"), inbound=inbound, by=by
    )
    assert isinstance(case, Oficio)
    propose(session, office, case, sources_of(incoming))
    acuses.seal_notice(session, office, case, message)
    return case, message


def proposals_of(session: Session, oficio: Oficio) -> Sequence[Proposal]:
    """What waits for a clerk's yes."""
    wanted = select(Proposal).where(Proposal.oficio_id == oficio.id, Proposal.decided_at.is_(None))
    return session.scalars(wanted.order_by(Proposal.id)).all()


def confirm_proposals(
    session: Session,
    office: Office,
    oficio: Oficio,
    by: Account,
    *,
    values: Mapping[str, str] | None = None,
) -> None:
    """Write what was read into the document: all of it, or only *values*, as the clerk corrected them."""
    waiting = proposals_of(session, oficio)
    if not waiting:
        raise InvalidInput("proposal_decided")
    wanted = {one.field: one.value for one in waiting} if values is None else dict(values)
    known = {one.field for one in waiting}
    for field, value in wanted.items():
        if field not in known:
            raise InvalidInput("proposal_decided")
        _check(field, value)
    step(session, oficio, by, "confirm_proposals", data=wanted)
    for one in waiting:
        one.decided_at, one.decided_by_id = now(), by.id
        one.is_confirmed = one.field in wanted
    for field, value in wanted.items():
        setattr(oficio, field, date.fromisoformat(value) if field in _DATES else value.strip())
    _index(session, oficio, wanted)
    if "answer_required_on" in wanted and oficio.answer_required_on is not None:
        calendar = commitments.calendar_of(session, office)
        commitments.fix_due(session, office, oficio, calendar.closing_of(oficio.answer_required_on))


def _index(session: Session, oficio: Oficio, values: Mapping[str, str]) -> None:
    """Found by what the clerk confirmed, too."""
    first = session.scalar(select(func.min(Message.id)).where(Message.case_id == oficio.id))
    if first is not None:
        index_message(session, first, [oficio.folio, *values.values()])


def _check(field: str, value: str) -> None:
    try:
        is_good = (
            bool(date.fromisoformat(value)) if field in _DATES else 0 < len(value.strip()) <= _LENGTHS[field]
        )
    except ValueError:
        is_good = False
    if not is_good:
        raise InvalidInput("proposal_value", value=value)


def propose(session: Session, office: Office, oficio: Oficio, sources: Sequence[Source]) -> None:
    """Keep what *sources* say of *oficio* until a clerk confirms it."""
    zone = office.settings.zone
    received = oficio.received_on or now().astimezone(zone).date()

    calendar = commitments.calendar_of(session, office)
    # The day of reception itself does not count.
    for one in read_document(sources, received, calendar.working_day_after):
        session.add(
            Proposal(
                oficio=oficio,
                oficio_id=oficio.id,
                field=one.field,
                value=one.value,
                source=one.source,
                filename=one.filename,
                quote=one.quote,
            )
        )
