"""The verbs of tickets: open from a message, register for somebody, change what is promised for it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from intake import notices
from intake.addresses import is_address, normalise_address
from intake.cases import step
from intake.errors import InvalidInput
from intake.incoming import Channel, IncomingFile, IncomingMessage
from intake.office import Office
from intake.opening import Route, local_year, open_case, route
from intake.services import catalogue, commitments, missing_fields, service_fields
from intake.services.service_fields import Answers
from intake.turnos import end_turno, hand_over
from models.case import Case, CaseKind
from models.contact import Contact
from models.folio import TICKET_SERIES, draw_folio
from models.inbound_mail import InboundMail
from models.mailbox import Mailbox
from models.message import Message
from models.person import Account, Role
from models.rows import add_new, untracked
from models.service import Service
from models.ticket import Ticket
from models.workflow import NotAllowed, Process, first_state
from templates import say

# More is a typing error, and would promise years.
MAX_QUANTITY = 100_000


def open_ticket(
    session: Session,
    office: Office,
    incoming: IncomingMessage,
    *,
    mailbox: Mailbox | None = None,
    inbound: InboundMail | None = None,
    service: Service | None = None,
    to: Route | None = None,
    reason: str = "",
    by: Account | None = None,
    requester: Contact | None = None,
) -> tuple[Ticket, Message]:
    """Open a ticket for *incoming* (and *requester*, if known): folio, turno by rule, due date, acuse."""
    to = to or route(session, incoming, mailbox, service)

    def begin(common: dict[str, Any]) -> Ticket:
        # The folio is drawn last before the insert, to hold the series' lock briefly.
        ticket = untracked(
            session,
            Ticket,
            **common,
            kind=CaseKind.TICKET,
            folio=draw_folio(session, TICKET_SERIES, local_year(office.settings.zone)),
            state=first_state(Process.TICKET),
            service=to.service,
            service_id=to.service.id if to.service else None,
            catalogue_version_id=catalogue.newest_id(session),
            is_open=True,
            has_files=False,
            event_count=0,
            event_head="",
        )
        add_new(session, ticket)
        return ticket

    case, message = open_case(
        session, office, incoming, to, begin, reason=reason or say("match.new"), inbound=inbound, by=by,
        requester=requester,
    )  # fmt: skip
    assert isinstance(case, Ticket)
    if incoming.channel == Channel.EMAIL and incoming.should_auto_respond:
        missing_fields.ask(session, office, case)
    return case, message


def register(
    session: Session,
    office: Office,
    by: Account,
    *,
    contact_name: str,
    address: str,
    subject: str,
    text: str,
    service: Service | None = None,
    files: Sequence[IncomingFile] = (),
    contact: Contact | None = None,
    answers: Answers | None = None,
    channel: Channel = Channel.COUNTER,
) -> Ticket:
    """A clerk opens a ticket for somebody who called, came in or wrote elsewhere (*channel*).

    *answers*: to what the service asks. For a *contact* whom we know, *address* is one of theirs: the
    acuse goes there, by mail or in chat.
    """
    if by.role not in (Role.OFICIALIA, Role.HEAD, Role.WORKER):
        raise NotAllowed("register", "")
    known = {one.value for one in contact.addresses} if contact is not None else set()
    address = address if address in known else normalise_address(address)
    if address not in known and (contact is not None or not is_address(address)):
        raise InvalidInput("bad_address", address=address)
    if not subject.strip():
        raise InvalidInput("empty_subject")
    if answers is not None and answers.wrong:
        raise InvalidInput("fields_wrong")
    incoming = IncomingMessage(
        channel=channel,
        subject=subject.strip(),
        from_addr=address,
        from_name=contact.name if contact is not None else contact_name.strip(),
        text=text,
        reply_text=text,
        attachments=(*files, *(answers.files if answers else ())),
    )
    ticket, message = open_ticket(
        session,
        office,
        incoming,
        service=service,
        reason=say("match.registered", account=by.person.name),
        by=by,
        requester=contact,
    )
    if answers is not None:
        session.flush()
        service_fields.keep(session, ticket, answers.given, message)
    return ticket


def change_service(session: Session, office: Office, case: Case, by: Account, *, service: Service) -> None:
    """Another service attends: its dependencia gets the case and its commitment counts from the start."""
    if not isinstance(case, Ticket):
        raise NotAllowed("change_service", case.state)
    before = case.service.name if case.service else None
    step(session, case, by, "change_service", data={"from": before, "to": service.name})
    case.service, case.service_id = service, service.id
    commitments.promise(session, office, case, service)
    if case.dependencia_id != service.dependencia_id:
        end_turno(session, case)
        hand_over(session, case, by, dependencia=service.dependencia, account=None)
        notices.write_new_case(session, office, service.dependencia, case)
    missing_fields.ask(session, office, case)


def agree_date(session: Session, office: Office, case: Case, by: Account, *, on: date) -> None:
    """The requester and we agreed on the day: the solution is promised until closing on *on*."""
    step(session, case, by, "agree_date", data={"date": on.isoformat()})
    commitments.agree_on(session, office, case, on)


def set_quantity(session: Session, office: Office, case: Case, by: Account, *, quantity: int) -> None:
    """How many pieces were asked for, where the service promises minutes for each."""
    if not isinstance(case, Ticket) or case.service is None or case.service.unit_minutes is None:
        raise InvalidInput("nothing_to_count")
    if not 1 <= quantity <= MAX_QUANTITY:
        raise InvalidInput("bad_quantity")
    step(session, case, by, "set_quantity", data={"from": case.quantity, "to": quantity})
    case.quantity = quantity
    commitments.promise_again(session, office, case)
