"""The verbs of received documents: register one that came by mail."""

from __future__ import annotations

from sqlalchemy.orm import Session

from intake.incoming import IncomingMessage
from intake.office import Office
from intake.opening import Route, local_year, open_case
from models.base import now
from models.contact import Contact
from models.folio import RECEPTION_SERIES, draw_folio
from models.inbound_mail import InboundMail
from models.message import Message
from models.oficio import Flow, Oficio
from models.person import Account
from models.workflow import Process, first_state
from templates import say


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
    """Register an oficio that arrived electronically; it skips digitizing (domain.md, "States")."""
    zone = office.settings.zone

    def begin(subject: str, requester: Contact) -> Oficio:
        return Oficio(
            folio=draw_folio(session, RECEPTION_SERIES, local_year(zone)),
            subject=subject,
            state=first_state(Process.RECEIVED),
            flow=Flow.RECEIVED,
            received_on=now().astimezone(zone).date(),
            written_on=incoming.date.astimezone(zone).date() if incoming.date else None,
            requester=requester,
        )

    case, message = open_case(
        session, office, incoming, to, begin, reason=reason or say("match.new"), inbound=inbound, by=by
    )
    assert isinstance(case, Oficio)
    return case, message
