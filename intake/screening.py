"""What must not become a request: loops, duplicates, bounces, auto-replies, receipts, blocked senders.

Each decision says why. Nothing is deleted: what is screened is filed on the case
it is about, or kept as processed mail with its reason.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.incoming import IncomingMessage
from intake.memory import case_of, contact_at, mailbox_at
from intake.office import Office
from intake.reply_address import read_bounce
from models.case import Case
from models.contact import AddressKind
from models.inbound_mail import Outcome
from models.outbox_message import OutboxMessage
from templates import say

_STATUS_TYPE = "message/delivery-status"
_ACTION = re.compile(rb"^Action:[ \t]*([A-Za-z]+)", re.IGNORECASE | re.MULTILINE)
_TOLD = re.compile(rb"^(?:Final|Original)-Recipient:[ \t]*rfc822[ \t]*;[ \t]*<?([^\s<>]+@[^\s<>]+)",
                   re.IGNORECASE | re.MULTILINE)  # fmt: skip
_REPORT = 100_000
# RFC 5321, 6.3 asks for at least 100 before a loop is assumed; real mail has under 30.
MAX_HOPS = 60


@dataclass(frozen=True, slots=True)
class Screened:
    """Why a message is not a request. `held`: a clerk decides."""

    reason: str
    outcome: Outcome | None = None
    held: bool = False
    case: Case | None = None
    # The notice of ours that a bounce or receipt is about.
    notice: OutboxMessage | None = None


def fingerprint(incoming: IncomingMessage) -> str:
    """What makes a mail itself: its id and sender, or without an id all that it says."""
    if incoming.message_id:
        parts = ["id", incoming.message_id, incoming.from_addr]
    else:
        date = incoming.date.isoformat() if incoming.date else ""
        files = [file.sha256 for file in incoming.attachments]
        parts = ["text", incoming.from_addr, date, incoming.subject, incoming.text, *files]
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()


def screen(session: Session, office: Office, incoming: IncomingMessage, recipient: str) -> Screened | None:
    """None for a message that goes on to matching."""
    if loop := _loop(session, office, incoming, recipient):
        return loop
    known = case_of(session, fingerprint(incoming))
    if known is not None:
        case = session.get_one(Case, known)
        return Screened(say("screen.duplicate", folio=case.folio), Outcome.DUPLICATE, case=case)
    if not incoming.is_bounce and _actions(incoming):
        notice = _notice_of(session, office, recipient) or _notice(session, incoming)
        return Screened(say("screen.delivery_report"), Outcome.AUTO_REPLY, notice=notice)
    if robot := _robot(session, office, incoming, recipient):
        return robot
    if not incoming.from_addr:
        return Screened(say("screen.no_sender"), held=True)
    contact = contact_at(session, AddressKind.EMAIL, incoming.from_addr)
    if contact is not None and contact.blocked_at is not None:
        return Screened(say("screen.blocked", sender=incoming.from_addr), held=True)
    if incoming.spam:
        return Screened(say("trust.spam", header=incoming.spam), held=True)
    return None


def _loop(session: Session, office: Office, incoming: IncomingMessage, recipient: str) -> Screened | None:
    # Ours end in the domain of one of our addresses; most mail needs no look at the outbox.
    ours = (office.settings.domain, recipient.rpartition("@")[2])
    if incoming.message_id.endswith(ours) and session.scalar(
        select(OutboxMessage.id).where(OutboxMessage.rfc_message_id == incoming.message_id)
    ):
        return Screened(say("screen.own_mail"), Outcome.LOOP)
    if incoming.hops > MAX_HOPS:
        return Screened(say("screen.hops", hops=incoming.hops), Outcome.LOOP)
    local, _, domain = incoming.from_addr.partition("@")
    own = f"{local.partition('+')[0]}@{domain}"
    if incoming.from_addr and mailbox_at(session, own) is not None:
        return Screened(say("screen.own_address", address=incoming.from_addr), Outcome.LOOP)
    return None


def delivered_to(incoming: IncomingMessage) -> set[str]:
    """In whose mailboxes the mail is, as a report says (RFC 3464, 2.3.3); empty when it is no such report."""
    if incoming.is_bounce or _actions(incoming) != {"delivered"}:
        return set()
    return _in_reports(incoming, _TOLD)


def _actions(incoming: IncomingMessage) -> set[str]:
    return _in_reports(incoming, _ACTION)


def _in_reports(incoming: IncomingMessage, pattern: re.Pattern[bytes]) -> set[str]:
    reports = [one.content[:_REPORT] for one in incoming.attachments if one.content_type == _STATUS_TYPE]
    return {
        found.decode("utf-8", "replace").lower() for content in reports for found in pattern.findall(content)
    }


def _notice_of(session: Session, office: Office, recipient: str) -> OutboxMessage | None:
    """The notice for whose bounces we made the address *recipient*."""
    token = read_bounce(office, recipient)
    if token is None:
        return None
    return session.scalar(
        select(OutboxMessage).where(OutboxMessage.rfc_message_id.startswith(token, autoescape=True))
    )


def _robot(session: Session, office: Office, incoming: IncomingMessage, recipient: str) -> Screened | None:
    if incoming.is_bounce:
        return _bounce(session, office, incoming, recipient)
    # Automatic answers go to the same address as bounces (RFC 3834, 4), and are none.
    if incoming.is_read_receipt or incoming.is_auto_reply:
        notice = _notice_of(session, office, recipient) or _notice(session, incoming)
        if incoming.is_read_receipt:
            return Screened(say("screen.read_receipt"), Outcome.READ_RECEIPT, notice=notice)
        return Screened(say("screen.auto_reply"), Outcome.AUTO_REPLY, notice=notice)
    # Nobody else writes there: a bounce in words that we do not know.
    return _bounce(session, office, incoming, recipient) if read_bounce(office, recipient) else None


def _notice(session: Session, incoming: IncomingMessage) -> OutboxMessage | None:
    ids = [value for value in (incoming.in_reply_to, *reversed(incoming.references)) if value]
    if incoming.bounce and incoming.bounce.original_message_id:
        ids.insert(0, incoming.bounce.original_message_id)
    if not ids:
        return None
    return session.scalar(select(OutboxMessage).where(OutboxMessage.rfc_message_id.in_(ids)).limit(1))


def _bounce(session: Session, office: Office, incoming: IncomingMessage, recipient: str) -> Screened:
    notice = _notice_of(session, office, recipient) or _notice(session, incoming)
    bounce = incoming.bounce
    who = ", ".join(bounce.recipients) if bounce and bounce.recipients else say("screen.somebody")
    status = ", ".join(bounce.statuses) if bounce and bounce.statuses else say("screen.no_status")
    return Screened(say("screen.bounce", recipient=who, status=status), Outcome.BOUNCE, notice=notice)
