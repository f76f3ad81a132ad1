"""Complaints (mecanismo ante incumplimiento): about a case, to whom the catalogue names, linked to it.

Whoever is complained about never gets one: neither the dependencia that attends nor any below it.
Mail, bot and portal all come here. The caller commits.
"""

from __future__ import annotations

import re

from sqlalchemy.orm import Session

from intake import cases
from intake.correspondence import requester_address
from intake.errors import InvalidInput
from intake.incoming import Channel, IncomingMessage
from intake.office import Office
from intake.opening import Route, route
from intake.tickets import open_ticket
from models.base import now
from models.case import Case, LinkKind, lock
from models.chat import Rating
from models.commitment import CaseCommitment
from models.dependencia import Dependencia
from models.event import record
from models.inbound_mail import InboundMail
from models.message import Message
from models.person import Account
from models.search import fold
from models.ticket import Ticket
from templates import LANGUAGES, labels, say

# Of five stars, as few as these ask for a complaint.
LOW = 2


def is_owed(session: Session, case: Case) -> bool:
    """Whether a complaint is to be offered: a commitment was broken, or the rating is low."""
    rating = session.get(Rating, case.id)
    if rating is not None and rating.score <= LOW:
        return True
    row, moment = session.get(CaseCommitment, case.id), now()
    if row is not None and row.answer_due_at and row.answer_due_at < (row.answered_at or moment):
        return True
    solved = row.solved_at if row is not None else case.resolved_at
    return case.is_overdue or (case.due_at is not None and case.due_at < (solved or moment))


def addressee(session: Session, case: Case) -> Dependencia | None:
    """Whom the catalogue names for complaints about *case*; the one above, if it is the one complained about.

    None when it names nobody, or nobody is above: oficialía de partes then decides.
    """
    service = case.service if isinstance(case, Ticket) else None
    named = service.complaint_to if service is not None else None
    if named is None or not named.is_active:
        return None
    accused = case.dependencia
    if accused is None or not named.path.startswith(accused.path):
        return named
    above = accused.parent
    while above is not None and not above.is_active:
        above = above.parent
    return above


def _route(session: Session, case: Case, incoming: IncomingMessage) -> Route:
    named = addressee(session, case)
    if named is not None:
        return Route(dependencia=named, reason=say("complaint.route", dependencia=named.name))
    by_rule = route(session, incoming, None, None)
    accused = case.dependencia
    is_free = by_rule.dependencia is not None and not (
        accused is not None and by_rule.dependencia.path.startswith(accused.path)
    )
    return by_rule if is_free else Route(reason=say("chat_desk.complaint_route"))


def complain(
    session: Session,
    office: Office,
    case: Case,
    incoming: IncomingMessage,
    *,
    inbound: InboundMail | None = None,
) -> tuple[Ticket, Message]:
    """A new ticket of the requester's about how *case* was attended."""
    lock(session, case)
    to = _route(session, case, incoming)
    ticket, message = open_ticket(
        session, office, incoming, to=to, inbound=inbound, reason=say("match.complaint"),
        requester=case.requester,
    )  # fmt: skip
    session.flush()
    cases.link(session, ticket, case, LinkKind.COMPLAINT_OF)
    record(session, case, "complained", actor="requester", data={"folio": ticket.folio})
    return ticket, message


def take_down(
    session: Session, office: Office, case: Case, by: Account, *, text: str, channel: Channel
) -> Ticket:
    """A clerk writes down what the requester of *case* complains about, who came or called."""
    if not text.strip():
        raise InvalidInput("empty_request")
    incoming = IncomingMessage(
        channel=channel, subject=say("chat_desk.complaint_of", folio=case.folio),
        from_addr=requester_address(case), from_name=case.requester.name, text=text, reply_text=text,
        should_auto_respond=bool(requester_address(case)),
    )  # fmt: skip
    ticket, _ = complain(session, office, case, incoming)
    record(session, ticket, "taken_down", account=by)
    return ticket


def is_complaint(subject: str, case: Case) -> bool:
    """Whether somebody wrote the word into the subject of a reply, and *case* itself is not about one."""
    return bool(_words(subject) & _wanted() - _words(case.subject))


def _wanted() -> set[str]:
    return {fold(labels(code)["complaint.word"]) for code in LANGUAGES}


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", fold(text)))
