"""Registers as an oficio what was taken for a ticket, and the other way: a new folio, the same thread."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from intake import acuses, notices
from intake.attachments import read_file
from intake.counter.recognition import FILE, SUBJECT, TEXT, Source
from intake.errors import InvalidInput
from intake.merging import merge
from intake.office import Office
from intake.oficios import propose
from intake.opening import local_year
from intake.reading.isolation import Reader
from intake.services import catalogue
from intake.turnos import hand_over
from models.access import standing
from models.base import now
from models.case import Case
from models.event import record
from models.folio import RECEPTION_SERIES, TICKET_SERIES, draw_folio
from models.letterhead import find_administration
from models.message import Direction, Message
from models.oficio import Flow, Oficio
from models.person import Account
from models.ticket import Ticket
from models.workflow import Process, first_state, get_transition

# As the mail door reads: a larger file is a scan without words.
_MAX_PDF = 20_000_000


def sources_of(session: Session, office: Office, case: Case) -> list[Source]:
    """What can be read of the first message of *case*. Asks a child, so no transaction should wait for it."""
    message = _first(session, case)
    if message is None:
        return []
    found = [Source(SUBJECT, message.subject), Source(TEXT, message.reply_text or message.text)]
    for file in message.attachments:
        if file.content_type == "application/pdf" and not file.danger and file.size <= _MAX_PDF:
            with Reader() as reader:
                page = reader.first_page(read_file(session, office, file))
            return [*found, Source(FILE, page, file.filename)] if page else found
    return found


def register_ticket(
    session: Session, office: Office, ticket: Case, by: Account, sources: Sequence[Source]
) -> Oficio:
    """An oficio with the thread of *ticket*, whose folio leads there; its sender gets the sealed acuse.

    Raises NotAllowed, as joining two cases does, and InvalidInput when nothing came from outside.
    """
    get_transition(ticket, "merge", standing(session, ticket, by))
    message = _first(session, ticket)
    if not isinstance(ticket, Ticket) or message is None:
        raise InvalidInput("not_an_oficio")
    zone = office.settings.zone
    oficio = Oficio(
        folio=draw_folio(session, RECEPTION_SERIES, local_year(zone)),
        subject=ticket.subject,
        state=first_state(Process.RECEIVED),
        flow=Flow.RECEIVED,
        received_on=message.created_at.astimezone(zone).date(),
        written_on=message.sent_at.astimezone(zone).date() if message.sent_at else None,
        channel=ticket.channel,
        requester=ticket.requester,
        priority=ticket.priority,
        dependencia=ticket.dependencia,
        administration=find_administration(session, now().astimezone(zone).date()),
        last_activity_at=now(),
    )
    session.add(oficio)
    session.flush()
    opened = {"folio": oficio.folio, "channel": oficio.channel, "requester": oficio.requester.name}
    record(session, oficio, "open", account=by, data=opened)
    dependencia, holder = ticket.dependencia, ticket.holder
    merge(session, office, ticket, by, into=oficio)
    session.flush()
    session.refresh(message)
    if dependencia is not None:
        hand_over(session, oficio, by, dependencia=dependencia, account=holder)
    propose(session, office, oficio, sources)
    notices.write_acuse(session, office, oficio, message)
    acuses.seal_notice(session, office, oficio, message)
    return oficio


def turn_into_ticket(session: Session, office: Office, oficio: Oficio, by: Account) -> Ticket:
    """A ticket with the thread of *oficio*, which was a request after all; its folio leads there.

    Whoever sent it is told the new folio. Raises NotAllowed, and InvalidInput when nothing came in.
    """
    get_transition(oficio, "merge", standing(session, oficio, by))
    message = _first(session, oficio)
    if oficio.flow != Flow.RECEIVED or message is None:
        raise InvalidInput("not_a_request")
    ticket = Ticket(
        folio=draw_folio(session, TICKET_SERIES, local_year(office.settings.zone)),
        subject=oficio.subject,
        state=first_state(Process.TICKET),
        channel=oficio.channel,
        requester=oficio.requester,
        priority=oficio.priority,
        dependencia=oficio.dependencia,
        last_activity_at=now(),
        catalogue_version_id=catalogue.newest_id(session),
    )
    session.add(ticket)
    session.flush()
    opened = {"folio": ticket.folio, "channel": ticket.channel, "requester": ticket.requester.name}
    record(session, ticket, "open", account=by, data=opened)
    dependencia, holder = oficio.dependencia, oficio.holder
    merge(session, office, oficio, by, into=ticket)
    session.flush()
    session.refresh(message)
    if dependencia is not None:
        hand_over(session, ticket, by, dependencia=dependencia, account=holder)
    notices.write_acuse(session, office, ticket, message)
    return ticket


def _first(session: Session, case: Case) -> Message | None:
    wanted = select(Message).where(Message.case_id == case.id, Message.direction == Direction.IN)
    return session.scalar(wanted.order_by(Message.id).limit(1).options(undefer(Message.text)))
