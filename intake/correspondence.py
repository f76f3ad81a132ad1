"""How the office writes about a case: from which address, to whom, and under which mail of the thread."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from intake.addresses import split_plus
from intake.incoming import Channel
from intake.memory import acuses_to, mailbox_at, recipient_of
from intake.office import Office
from intake.outbox import queue
from intake.reply_address import sign
from models.case import Case
from models.contact import AddressKind, Contact
from models.dependencia import Dependencia
from models.inbound_mail import InboundMail
from models.mailbox import Mailbox, MailboxPurpose
from models.message import Direction, Message
from models.oficio import Flow, Oficio
from models.outbox_message import OutboxMessage
from models.person import Account, Role
from models.ticket import Ticket
from templates import language, render

# An answer to a scanner's address would be taken for a scan.
_WRITING = (
    select(Mailbox).where(Mailbox.is_active, Mailbox.purpose == MailboxPurpose.CASES).order_by(Mailbox.id)
)
# Notices to the requester that are no message of the thread; their ids belong into References too.
_TOLD = ("acuse", "resolved", "concluded", "closed", "reopened", "cancelled")
# The first id is the root that mail clients group by, the last ones survive a lost mail (RFC 5322, 3.6.4).
MAX_REFERENCES = 20
# RFC 3834, 2: what answers such an address talks to a machine.
_ROBOT = re.compile(
    r"(mailer-daemon|postmaster|nobody|(no|do-?not)[-_.]?(reply|respond\w*|contest\w*|respuesta)"
    r"|bounces?|rebotes?|listserv|majordomo|owner-.*|.*-(request|owner|bounces?))([-_.+=].*)?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Letterhead:
    """Who a mail comes from, and where its answer goes."""

    address: str
    name: str
    reply_to: str


@dataclass(frozen=True, slots=True)
class Thread:
    """The ids (RFC 5322, 3.6.4) that put a mail under the ones before it."""

    in_reply_to: str = ""
    references: tuple[str, ...] = ()


def letterhead(session: Session, office: Office, case: Case, message: Message | None = None) -> Letterhead:
    """The mailbox the requester wrote to, so a conversation keeps one address; replies reach the case.

    A document that we issue comes from who issues it.
    """
    mailbox = _mailbox_of(session, case, message)
    if mailbox is None:
        return unbound_letterhead(session, office)
    return Letterhead(
        mailbox.address,
        f"{mailbox.name or mailbox.address} · {office.settings.institution}",
        sign(office, mailbox.address, case.folio),
    )


def unbound_letterhead(session: Session, office: Office) -> Letterhead:
    """For mail that is about no case."""
    mailbox = session.scalar(_WRITING)
    address = mailbox.address if mailbox else f"oficialia@{office.settings.domain}"
    return Letterhead(address, office.settings.institution, "")


def _mailbox_of(session: Session, case: Case, message: Message | None) -> Mailbox | None:
    is_issued = isinstance(case, Oficio) and case.flow == Flow.ISSUED
    if not is_issued and (written_to := _written_to(session, case, message)):
        return written_to
    of_service = None
    if isinstance(case, Ticket) and case.service_id is not None:
        of_service = session.scalar(_WRITING.where(Mailbox.service_id == case.service_id))
    return of_service or _nearest(session, case.dependencia) or session.scalar(_WRITING)


def _written_to(session: Session, case: Case, message: Message | None) -> Mailbox | None:
    if message is not None and message.inbound_mail_id is not None:
        recipient = recipient_of(session, message.inbound_mail_id)
    else:
        of_case = select(InboundMail.envelope_to).where(InboundMail.case_id == case.id)
        recipient = session.scalar(of_case.order_by(InboundMail.id).limit(1)) or ""
    mailbox = mailbox_at(session, split_plus(recipient)[0])
    writes = mailbox is not None and mailbox.is_active and mailbox.purpose == MailboxPurpose.CASES
    return mailbox if writes else None


def _nearest(session: Session, dependencia: Dependencia | None) -> Mailbox | None:
    """Bound to *dependencia*, or to the nearest above it that has one."""
    lineage = dependencia.lineage if dependencia else []
    bound = session.scalars(_WRITING.where(Mailbox.dependencia_id.in_(lineage))).all()
    return max(bound, key=lambda one: lineage.index(one.dependencia_id or 0), default=None)


def under(message: Message) -> Thread:
    """Right under *message*."""
    if not message.rfc_message_id:
        return Thread()
    return Thread(message.rfc_message_id, _shortened([*message.references, message.rfc_message_id]))


def thread_of(session: Session, case: Case) -> Thread:
    """Under the last mail of the requester, after every id of the thread that came before it.

    Not all clients send References; with ours, theirs too stay in one thread.
    """
    is_mail = (Message.case_id == case.id, Message.rfc_message_id != "", Message.direction != Direction.NOTE)
    columns = (Message.created_at, Message.direction, Message.rfc_message_id, Message.references)
    rows = session.execute(
        select(*columns).where(*is_mail).order_by(Message.id.desc()).limit(MAX_REFERENCES)
    ).all()
    told = session.execute(
        select(OutboxMessage.created_at, OutboxMessage.rfc_message_id)
        .where(OutboxMessage.case_id == case.id, OutboxMessage.kind.in_(_TOLD))
        .order_by(OutboxMessage.id.desc())
        .limit(MAX_REFERENCES)
    ).all()
    root = session.scalar(select(Message.references).where(*is_mail).order_by(Message.id).limit(1))
    known = sorted([(row[0], row[2]) for row in rows] + [(row[0], row[1]) for row in told])
    ids = list(dict.fromkeys([*(root or []), *(value for _, value in known)]))
    received = [row.rfc_message_id for row in rows if row.direction == Direction.IN]
    if received:
        # Our own later ones are siblings of this mail, no ancestors.
        ids = ids[: ids.index(received[0]) + 1]
    return Thread(ids[-1] if ids else "", _shortened(ids))


def _shortened(ids: list[str]) -> tuple[str, ...]:
    distinct = list(dict.fromkeys(ids))
    if len(distinct) <= MAX_REFERENCES:
        return tuple(distinct)
    return (distinct[0], *distinct[-(MAX_REFERENCES - 1) :])


def requester_address(case: Case) -> str:
    """Where the requester reads mail; empty when we know of no such address that works."""
    return _address_of(case.requester, AddressKind.EMAIL)


def telegram_chat(case: Case) -> str:
    """The requester's chat; empty when there is none."""
    return _address_of(case.requester, AddressKind.TELEGRAM)


def _address_of(contact: Contact, kind: AddressKind) -> str:
    return next((one.value for one in contact.addresses if one.kind == kind and one.failed_at is None), "")


def _wanted(contact: Contact) -> dict[str, AddressKind]:
    """The working addresses at which *contact* wants to be told; all that work when those wanted do not."""
    working = {one.value: one.kind for one in contact.addresses if one.failed_at is None}
    is_on = {AddressKind.EMAIL: contact.tells_email, AddressKind.TELEGRAM: contact.tells_chat}
    # Somebody new is not written yet and has no defaults.
    return {value: kind for value, kind in working.items() if is_on[kind] is not False} or working


def preferred(contact: Contact) -> str:
    """Where *contact* wants to be told of what they ask in the portal: by mail, or in chat if not by mail."""
    wanted = _wanted(contact)
    mails = [value for value, kind in wanted.items() if kind == AddressKind.EMAIL]
    return next(iter([*mails, *wanted]), "")


def way_to(session: Session, case: Case) -> tuple[Channel, str]:
    """How the requester is told: the channel and address they wrote from last, while it works.

    The address is empty when we know of none that does.
    """
    working = _wanted(case.requester)
    last = session.scalar(
        select(Message.sender_address)
        .where(
            Message.case_id == case.id,
            Message.direction == Direction.IN,
            Message.robot == "",
            Message.sender_address.in_(list(working)),
        )
        .order_by(Message.id.desc())
        .limit(1)
    )
    if last is not None:
        return (Channel.TELEGRAM if working[last] == AddressKind.TELEGRAM else Channel.EMAIL), last
    mail = next((value for value, kind in working.items() if kind == AddressKind.EMAIL), "")
    chat = next((value for value, kind in working.items() if kind == AddressKind.TELEGRAM), "")
    ways = [(Channel.EMAIL, mail), (Channel.TELEGRAM, chat)]
    first, second = ways[::-1] if case.channel == Channel.TELEGRAM else ways
    return first if first[1] else second


def is_answerable(session: Session, address: str) -> bool:
    """False for what no automatic mail may be sent to: nobody, machines and ourselves."""
    local, at, domain = address.partition("@")
    if not at or not local or not domain or _ROBOT.fullmatch(local):
        return False
    return mailbox_at(session, split_plus(address)[0]) is None


def has_had_enough(session: Session, office: Office, case: Case, mailbox: str) -> bool:
    """True when the requester got as many acuses within the hour as may be a person's.

    Fewer from one *mailbox* than from all together: two robots that answer each other are such a pair.
    """
    told, settings = acuses_to(session, case.requester), office.settings
    return (
        sum(told.values()) >= settings.acuse_per_hour or told.get(mailbox, 0) >= settings.acuse_per_hour_pair
    )


def staff_address(account: Account) -> str:
    """Where *account*'s person reads mail; empty when the directory has no address."""
    return (account.person.email or "").lower() if account.is_active and account.person.is_active else ""


def heads_of(session: Session, dependencia: Dependencia | None) -> Sequence[Account]:
    """The heads of *dependencia*, or of the nearest one above that has any who can be told."""
    while dependencia is not None:
        heads = accounts_of(session, Account.role == Role.HEAD, Account.dependencia_id == dependencia.id)
        if addresses_of(heads):
            return heads
        dependencia = dependencia.parent
    return []


def accounts_of(session: Session, *which: ColumnElement[bool]) -> Sequence[Account]:
    """At most ten active accounts."""
    wanted = select(Account).where(Account.is_active, *which)
    return session.scalars(wanted.order_by(Account.id).limit(10)).all()


def addresses_of(accounts: Iterable[Account]) -> list[str]:
    """Where these accounts' people read mail."""
    return list(dict.fromkeys(filter(None, map(staff_address, accounts))))


def write_mail(
    session: Session,
    office: Office,
    kind: str,
    to: list[str],
    values: dict[str, Any],
    head: Letterhead,
    thread: Thread,
    case: Case | None,
    auto_submitted: str,
    *,
    cc: list[str] | None = None,
    message: Message | None = None,
) -> OutboxMessage:
    """Queue a mail of *kind*, whose subject, text and page are in `templates/email/<kind>/`."""
    subject = render(f"email/{kind}/subject.txt", **values)
    return queue(
        session,
        office,
        kind=kind,
        to=to,
        cc=cc or [],
        subject=subject,
        facts={**values, "language": language.get(), "title": subject},
        case=case,
        message=message,
        from_addr=head.address,
        from_name=head.name,
        reply_to=head.reply_to,
        in_reply_to=thread.in_reply_to,
        references=thread.references,
        auto_submitted=auto_submitted,
    )
