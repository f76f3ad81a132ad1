"""The verbs that change any case: take, answer, note, resolve, close, reopen, cancel, snooze, tag.

Every verb asks `models.workflow` first, writes one event, and leaves notices in
the outbox; the caller commits. Raises NotAllowed or InvalidInput, and then
nothing was changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, or_, select, update
from sqlalchemy.orm import Session

from intake import notices
from intake.addresses import is_address, normalise_address
from intake.chat import chat_notices
from intake.errors import InvalidInput
from intake.incoming import Channel, IncomingFile, IncomingMessage
from intake.messages import file_incoming, file_outgoing, touch
from intake.office import Office
from intake.services import commitments
from intake.services.service_fields import fill_from_reply
from models.access import grant, standing
from models.base import now
from models.case import Case, CaseLink, LinkKind, Presence, Priority, lock
from models.contact import AddressKind
from models.event import record
from models.inbound_mail import InboundMail
from models.mailbox import Mailbox
from models.message import Direction, Message
from models.person import Account
from models.tag import Tag
from models.task import Task, TaskKind, TaskState
from models.turno import Turno, TurnoState
from models.workflow import State, Transition, Who, ended_tasks, enter, find_transition, get_transition

# Each of several does these for itself; the others still have to.
OWN_TASK = frozenset({"mark_reviewed", "agree", "object"})
# A clerk counts as present this long after the last sign of life.
PRESENT_SECONDS = 45


def step(
    session: Session,
    case: Case,
    by: Account | None,
    action: str,
    *,
    reason: str = "",
    data: dict[str, Any] | None = None,
) -> Transition:
    """Take one row of the workflow table for *by* (None: the requester): state, tasks it ends, event.

    Raises NotAllowed.
    """
    # Two clerks on PostgreSQL: the second waits here and then sees the new state.
    lock(session, case)
    row = get_transition(case, action, standing(session, case, by) if by else {Who.REQUESTER})
    if row.needs_reason and not reason.strip():
        raise InvalidInput("reason_needed")
    _apply(session, case, row, by)
    details = {**(data or {}), **({"reason": reason.strip()} if reason.strip() else {})}
    record(session, case, action, account=by, actor="" if by else "requester", data=details)
    return row


def step_alone(session: Session, case: Case, action: str, data: dict[str, Any]) -> bool:
    """What the system does by itself, if the table has a row for it; False when it has none from here."""
    lock(session, case)
    row = find_transition(case, action, {Who.SYSTEM})
    if row is not None:
        _apply(session, case, row, None)
        record(session, case, action, data=data)
    return row is not None


def _apply(session: Session, case: Case, row: Transition, by: Account | None) -> None:
    before = case.state
    if row.target is not None:
        enter(case, row.target)
    if ended := ended_tasks(row):
        own = [_given_to(by)] if row.action in OWN_TASK and by else []
        open_tasks = select(Task).where(
            Task.case_id == case.id, Task.kind.in_(ended), Task.state == TaskState.OPEN, *own
        )
        for task in session.scalars(open_tasks):
            task.state = TaskState.RETURNED if row.action == "return_turno" else TaskState.DONE
            task.ended_at, task.ended_by_id = now(), by.id if by else None
    if not case.is_open:
        session.execute(
            update(Turno)
            .where(Turno.case_id == case.id, Turno.kind == "attention", Turno.state == TurnoState.OPEN)
            .values(state=TurnoState.DONE, ended_at=now())
        )
    if case.state != before:
        case.resolved_at = now() if case.state in ("resolved", "concluded") else case.resolved_at
        case.closed_at = now() if case.state == "closed" else None
    touch(case)


def _given_to(by: Account) -> ColumnElement[bool]:
    """As in `turnos.mark_reviewed`: to the account itself, or to its dependencia as a whole."""
    return or_(
        Task.account_id == by.id, and_(Task.account_id.is_(None), Task.dependencia_id == by.dependencia_id)
    )


def hold(session: Session, case: Case, account: Account, row: Transition | None = None) -> None:
    """Make *account* the holder, with an open task to attend unless *row*, which was stepped, ended that."""
    case.holder_id, case.dependencia_id = account.id, account.dependencia_id
    grant(session, case, account.dependencia_id, account.id)
    if row is None or row.ends_task != TaskKind.ATTEND:
        session.add(
            Task(case_id=case.id, kind=TaskKind.ATTEND, account_id=account.id,
                 dependencia_id=account.dependencia_id, due_at=case.due_at)
        )  # fmt: skip


def _give_back(session: Session, case: Case) -> None:
    """A case that goes on returns to its holder, or to the tray when the holder is there no more."""
    if case.holder is not None and case.holder.is_active and case.holder.person.is_active:
        hold(session, case, case.holder)
    else:
        case.holder_id = case.holder = None


def take(session: Session, office: Office, case: Case, by: Account, *, told: int = 0) -> None:
    """*by* attends the case from now on. *told*: the chat in which the bot itself says so."""
    step(session, case, by, "take")
    hold(session, case, by)
    chat_notices.write_change(session, office, case, by, "take", told=told)


def answer(
    session: Session,
    office: Office,
    case: Case,
    by: Account,
    *,
    text: str,
    to: Sequence[str],
    cc: Sequence[str] = (),
    files: Sequence[IncomingFile] = (),
    then: str = "answer",
    channel: str = "",
    told: int = 0,
) -> Message:
    """Answer to the chosen recipients. *then*: answer, answer_and_wait or answer_and_resolve.

    *channel* telegram, or nobody chosen and a requester in chat: the answer goes to that chat.
    *told*: the chat in which the bot itself says so.
    """
    if then not in ("answer", "answer_and_wait", "answer_and_resolve"):
        raise InvalidInput("unknown_action", action=then)
    if not text.strip() and not files:
        raise InvalidInput("empty_answer")
    to, cc = ([], []) if channel == Channel.TELEGRAM else (read_addresses(to), read_addresses(cc))
    chat = "" if to or channel == Channel.EMAIL else notices.chat_for(session, case)
    if not to and not chat:
        raise InvalidInput("no_chat" if channel == Channel.TELEGRAM else "no_recipient")
    row = step(session, case, by, then, data={"to": to or [Channel.TELEGRAM], "cc": cc})
    if case.holder_id is None:
        hold(session, case, by, row)
    case.is_unanswered = False
    recipients = [{"address": a, "role": "to"} for a in to or [chat]]
    recipients += [{"address": a, "role": "cc"} for a in cc if to]
    message = file_outgoing(
        session, office, case, by, text=text, direction=Direction.OUT, recipients=recipients, files=files,
        channel=Channel.EMAIL if to else Channel.TELEGRAM,
    )  # fmt: skip
    notices.write_answer(session, office, case, message, to, cc)
    chat_notices.write_change(session, office, case, by, "answer", told=told)
    return message


def read_addresses(values: Sequence[str]) -> list[str]:
    """Each once, as it is kept. Raises InvalidInput."""
    found = []
    for value in values:
        if value.strip():
            address = normalise_address(value)
            if not is_address(address):
                raise InvalidInput("bad_address", address=value.strip())
            found.append(address)
    return list(dict.fromkeys(found))


def default_recipients(
    session: Session, case: Case, last: Message | None = None
) -> tuple[list[str], list[str]]:
    """To: the requester's address, never whoever wrote last. Cc: the others of the last incoming mail.

    *last*: that mail, when the caller has read it already.
    """
    to = [a.value for a in case.requester.addresses if a.kind == AddressKind.EMAIL and a.failed_at is None][
        :1
    ]
    last = last or session.scalar(
        select(Message)
        .where(Message.case_id == case.id, Message.direction == Direction.IN, Message.robot == "")
        .order_by(Message.id.desc())
        .limit(1)
    )
    if last is None:
        return to, []
    everybody = [last.sender_address, *(r["address"] for r in last.recipients)]
    others = [a for a in dict.fromkeys(everybody) if a and a not in to]
    own = set(session.scalars(select(Mailbox.address))) if others else ()
    return to, [a for a in others if _plain(a) not in own]


def _plain(address: str) -> str:
    local, _, domain = address.partition("@")
    return f"{local.partition('+')[0]}@{domain}"


def add_note(
    session: Session,
    office: Office,
    case: Case,
    by: Account,
    *,
    text: str,
    files: Sequence[IncomingFile] = (),
) -> Message:
    """An internal note: never leaves the office."""
    if not text.strip() and not files:
        raise InvalidInput("empty_note")
    step(session, case, by, "note")
    return file_outgoing(
        session, office, case, by, text=text, direction=Direction.NOTE, recipients=[], files=files
    )


def resolve(session: Session, office: Office, case: Case, by: Account) -> None:
    """Say that what was asked is done; the requester is told."""
    step(session, case, by, "resolve")
    notices.write_state(session, office, case, "resolved")
    chat_notices.write_change(session, office, case, by, "resolve")


def conclude(session: Session, office: Office, case: Case, by: Account) -> None:
    """End a received document (manual C)."""
    step(session, case, by, "conclude")
    notices.write_state(session, office, case, "concluded")
    chat_notices.write_change(session, office, case, by, "conclude")


def close(session: Session, office: Office, case: Case, by: Account | None) -> None:
    """End the case, for a clerk or (None) its requester, who is told and may rate how it went."""
    step(session, case, by, "close")
    notices.write_state(session, office, case, "closed")
    chat_notices.write_change(session, office, case, by, "close")


def reopen(session: Session, office: Office, case: Case, by: Account | None, *, is_told: bool = True) -> None:
    """Begin again where it was left, for a clerk or (None) its requester, who is told if *is_told*."""
    step(session, case, by, "reopen")
    case.resolved_at = None
    _give_back(session, case)
    if is_told:
        notices.write_state(session, office, case, "reopened")
    chat_notices.write_change(session, office, case, by, "reopen")


def cancel(
    session: Session, office: Office, case: Case, by: Account | None, *, reason: str, is_told: bool = True
) -> None:
    """End without attending, with the reason that the requester will read, if *is_told*."""
    step(session, case, by, "cancel", reason=reason)
    if is_told:
        notices.write_state(session, office, case, "cancelled", reason.strip())
    chat_notices.write_change(session, office, case, by, "cancel")


def change_priority(session: Session, office: Office, case: Case, by: Account, *, priority: Priority) -> None:
    """Change the priority."""
    step(session, case, by, "change_priority", data={"from": case.priority, "to": priority})
    case.priority = priority
    commitments.promise_again(session, office, case)


def snooze(session: Session, office: Office, case: Case, by: Account, *, until: datetime) -> None:
    """Out of the trays until *until* (agendar); a follow-up wakes it sooner."""
    if until <= now():
        raise InvalidInput("snooze_past")
    step(session, case, by, "snooze", data={"until": until.isoformat()})
    case.snoozed_until = until


def wake(session: Session, office: Office, case: Case, by: Account) -> None:
    """Back into the trays before its time."""
    if case.snoozed_until is None:
        raise InvalidInput("not_snoozed")
    step(session, case, by, "wake")
    case.snoozed_until = None


def follow_up(
    session: Session,
    office: Office,
    case: Case,
    incoming: IncomingMessage,
    *,
    reason: str,
    inbound: InboundMail | None = None,
    staff: Account | None = None,
) -> Message:
    """The requester (or another participant) wrote again; reopens what was resolved or closed."""
    lock(session, case)
    before = case.state
    message = file_incoming(session, office, case, incoming, reason=reason, inbound=inbound, staff=staff)
    if staff is not None:
        # Anybody can write a colleague's address into From; only a confirmed one speaks for the account.
        record(session, case, "note", account=message.author, actor="" if message.author else "system",
               data={"message": message.id, "channel": incoming.channel})  # fmt: skip
        touch(case)
        return message
    if case.state == State.WAITING and case.holder_id is None:
        # The desk itself asked (`intake.services.missing_fields`), before anybody took it.
        step_alone(session, case, "resume", {})
    was_open = case.is_open
    row = get_transition(case, "follow_up", {Who.REQUESTER})
    _apply(session, case, row, None)
    case.is_unanswered, case.snoozed_until = True, None
    if not was_open:
        case.resolved_at = None
        _give_back(session, case)
    record(
        session, case, "follow_up", actor="requester", data={"message": message.id, "reopened": not was_open}
    )
    fill_from_reply(session, case, message)
    if case.state != before:
        commitments.recount(session, office, case)
    notices.write_follow_up(session, office, case, message)
    return message


def can_follow_up(office: Office, case: Case) -> bool:
    """False for a case that was cancelled or ended too long ago: a follow-up then opens a new one."""
    if case.is_open:
        return True
    ended = case.closed_at or case.resolved_at
    if case.state in ("resolved", "closed", "concluded"):
        return ended is None or now() - ended < timedelta(days=office.settings.reopen_days)
    return case.state == "sent"


def link(session: Session, case: Case, other: Case, kind: LinkKind) -> None:
    """Relate *case* to the older *other*."""
    session.add(CaseLink(case=case, other=other, kind=kind))


def add_tag(session: Session, case: Case, by: Account, name: str) -> Tag:
    """Put *by*'s own label on the case."""
    name = " ".join(name.split())[:60]
    if not name:
        raise InvalidInput("empty_tag")
    _must_see(session, case, by)
    tag = session.scalar(select(Tag).where(Tag.account_id == by.id, Tag.name == name))
    if tag is None:
        tag = Tag(account_id=by.id, name=name)
        session.add(tag)
    if case not in tag.cases:
        tag.cases.append(case)
    return tag


def remove_tag(session: Session, case: Case, by: Account, name: str) -> None:
    """Take *by*'s own label off the case."""
    tag = session.scalar(select(Tag).where(Tag.account_id == by.id, Tag.name == name))
    if tag is not None and case in tag.cases:
        tag.cases.remove(case)


def see(session: Session, case: Case, by: Account, is_writing: bool = False) -> list[Presence]:
    """Say that *by* has the case open; returns the others who do right now."""
    _must_see(session, case, by)
    # merge() and not add(): the row is there on every poll but the first.
    session.merge(Presence(case_id=case.id, account_id=by.id, seen_at=now(), is_writing=is_writing))
    recent = now() - timedelta(seconds=PRESENT_SECONDS)
    session.execute(delete(Presence).where(Presence.case_id == case.id, Presence.seen_at < recent))
    return list(
        session.scalars(select(Presence).where(Presence.case_id == case.id, Presence.account_id != by.id))
    )


def _must_see(session: Session, case: Case, by: Account) -> None:
    if not standing(session, case, by):
        raise InvalidInput("not_yours")
