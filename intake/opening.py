"""Opens a case from a message: requester, rule, folio, first message, turno, due date, acuse.

Everything in the caller's transaction, so that case, folio, turno and acuse exist
together or not at all. `intake.tickets` and `intake.oficios` say which kind.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from intake import notices
from intake.cases import link
from intake.contacts import contact_for
from intake.incoming import Channel, IncomingMessage
from intake.memory import active_rules
from intake.messages import file_incoming
from intake.office import Office
from intake.routing import choose_rule, facts_of
from intake.senders import trust
from intake.services import commitments
from intake.turnos import hand_over
from models.base import now
from models.case import Case, CaseKind, LinkKind, Priority
from models.contact import AddressKind, Contact
from models.dependencia import Dependencia
from models.event import record
from models.inbound_mail import InboundMail
from models.keys import draw_key
from models.mailbox import Mailbox
from models.message import Message
from models.person import Account
from models.routing_rule import RoutingRule
from models.service import Service
from models.turno import Turno
from models.workflow import State, enter
from templates import say


@dataclass(frozen=True, slots=True)
class Route:
    """Where a new case goes, and why."""

    kind: CaseKind = CaseKind.TICKET
    service: Service | None = None
    dependencia: Dependencia | None = None
    account: Account | None = None
    priority: Priority = Priority.NORMAL
    instruction: str = ""
    reason: str = ""


def route(
    session: Session, incoming: IncomingMessage, mailbox: Mailbox | None, service: Service | None
) -> Route:
    """The first rule that matches, else what the mailbox or the chosen service is bound to."""
    service = service or (mailbox.service if mailbox else None)
    recipient = mailbox.address if mailbox else ""
    rules = active_rules(session)
    facts = facts_of(incoming, recipient, service.slug if service else "") if rules else None
    chosen = choose_rule(rules, facts) if facts else None
    if chosen is not None:
        return _by_rule(*chosen, service, mailbox)
    if service is not None:
        return Route(service=service, dependencia=service.dependencia,
                     reason=say("routing.by_service", service=service.name))  # fmt: skip
    if mailbox is not None and mailbox.dependencia is not None:
        return Route(dependencia=mailbox.dependencia,
                     reason=say("routing.by_mailbox", address=mailbox.address))  # fmt: skip
    return Route(reason=say("routing.nobody"))


def _by_rule(rule: RoutingRule, reason: str, service: Service | None, mailbox: Mailbox | None) -> Route:
    service = rule.service or service
    account = rule.account
    if account is not None and not (account.is_active and account.person.is_active):
        # Who has left is given nothing more; the dependencia is.
        account = None
    dependencia = (
        rule.dependencia
        or (account.dependencia if account else None)
        or (service.dependencia if service else None)
        or (mailbox.dependencia if mailbox else None)
    )
    return Route(rule.case_kind, service, dependencia, account, rule.priority or Priority.NORMAL,
                 rule.instruction, reason)  # fmt: skip


def requester_of(session: Session, incoming: IncomingMessage) -> Contact:
    """Who asks: the sender of the message."""
    kind = AddressKind.TELEGRAM if incoming.channel == Channel.TELEGRAM else AddressKind.EMAIL
    return contact_for(session, kind, incoming.from_addr, incoming.from_name)


def open_case(
    session: Session,
    office: Office,
    incoming: IncomingMessage,
    to: Route,
    begin: Callable[[dict[str, Any]], Case],
    *,
    reason: str,
    inbound: InboundMail | None = None,
    by: Account | None = None,
    requester: Contact | None = None,
) -> tuple[Case, Message]:
    """Open the new case that *begin* adds, of what every case says, and do all that goes with it."""
    contact = requester or requester_of(session, incoming)
    moment = now()
    case = begin({
        "id": draw_key(session, Case),
        "subject": incoming.subject.strip() or say("case.no_subject"),
        "created_at": moment,
        "last_activity_at": moment,
        "channel": incoming.channel,
        "requester": contact,
        "requester_id": contact.id,
        "priority": to.priority,
        "routing_reason": to.reason,
    })  # fmt: skip
    commitments.promise(session, office, case, to.service)
    record(session, case, "open", account=by, actor="" if by else "requester",
           data={"folio": case.folio, "channel": case.channel, "requester": contact.name})  # fmt: skip
    message = file_incoming(session, office, case, incoming, reason=reason, inbound=inbound)
    if to.dependencia is not None:
        _hand_to(session, office, case, to, message)
    if trust.is_denied(incoming.authentication):
        # Whoever has that address did not write: an acuse would be unasked mail to a stranger.
        record(session, case, "acuse_withheld_denied", data={"to": incoming.from_addr})
    elif incoming.should_auto_respond and not incoming.is_mailing_list:
        notices.write_acuse(session, office, case, message)
    return case, message


def _hand_to(session: Session, office: Office, case: Case, to: Route, message: Message) -> None:
    assert to.dependencia is not None
    dependencia = to.account.dependencia if to.account else to.dependencia
    key = hand_over(session, case, None, dependencia=dependencia, account=to.account,
                    instruction=to.instruction, reason=to.reason)  # fmt: skip
    if to.account is not None:
        # What waits for a whole dependencia shows in its trays; a mail for each would be noise.
        enter(case, State.ASSIGNED)
        session.flush()
        notices.write_turno(session, office, session.get_one(Turno, key))
    else:
        notices.write_new_case(session, office, dependencia, case, message)
    record(session, case, "route", actor="rule",
           data={"dependencia": dependencia.name, "account": to.account.person.name if to.account else None,
                 "reason": to.reason})  # fmt: skip


def continue_from(session: Session, case: Case, older: Case, *, closed: bool) -> None:
    """Link a new case to the closed one it continues, or propose to the clerk that it may."""
    kind = LinkKind.CONTINUES if closed else LinkKind.RELATED
    link(session, case, older, kind)
    record(session, case, "continues" if closed else "may_continue", data={"folio": older.folio})


def local_year(zone: ZoneInfo) -> int:
    """The year of a folio drawn now, in the institution's zone."""
    return now().astimezone(zone).year
