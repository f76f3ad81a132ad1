"""What the case page shows: the newest messages with files and delivery, and the events between them.

A page of the thread is read by key, so that a case with ten thousand messages
opens as fast as one with ten.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import CompoundSelect, Row, Select, bindparam, exists, func, or_, select, union_all
from sqlalchemy.orm import Session, joinedload
from sqlalchemy.orm.attributes import set_committed_value

from admin.formats import as_read
from intake.incoming import Channel
from models.case import Case
from models.chat import MessageRevision
from models.event import Event, of_case
from models.message import Attachment, Direction, Message
from models.outbox_message import OutboxMessage, OutboxStatus
from models.person import Account
from templates import say

PAGE_SIZE = 20
MAX_EVENTS = 100
# Events that a message in the thread already shows.
SHOWN_BY_MESSAGE = ("answer", "answer_and_wait", "answer_and_resolve", "note", "follow_up", "revised")
# Notices that the requester reads; those to staff are told in the history, unless they failed.
TO_REQUESTER = ("acuse", "resolved", "closed", "concluded", "cancelled", "reopened")
_HOW = {
    OutboxStatus.SENT: "ok",
    OutboxStatus.RETRYING: "warn",
    OutboxStatus.FAILED: "bad",
    OutboxStatus.BOUNCED: "bad",
}
# Statements are put together once, which takes longer than the database does. Of who wrote, only the name
# is said.
_MESSAGES = (
    select(
        Message,
        # A few characters more than the reply are only spaces and line ends.
        func.length(Message.text) > func.length(Message.reply_text) + 8,
        Message.html != "",
        exists().where(Attachment.message_id == Message.id),
    )
    .where(Message.case_id == bindparam("case"))
    .options(joinedload(Message.author).lazyload(Account.dependencia))
    .order_by(Message.id.desc())
    .limit(PAGE_SIZE + 1)
)
_EVENTS = (
    select(Event)
    .options(joinedload(Event.account).lazyload(Account.dependencia))
    .order_by(Event.sequence.desc())
    .limit(MAX_EVENTS)
)


# A message; whether it has more text, a formatted original, and files.
_MessageRow = Row[Message, bool, bool, bool]


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a notice: `state` is a label key, `how` its colour, `words` what the server said."""

    kind: str
    state: str
    how: str
    to: Sequence[str]
    words: str


@dataclass(slots=True)
class Entry:
    """One thing of the thread: a message with what belongs to it, an event, or a notice that went out."""

    at: datetime
    message: Message | None = None
    event: Event | None = None
    notice: Delivery | None = None
    deliveries: list[Delivery] = field(default_factory=list)
    # What the message said before its sender edited it, oldest first.
    revisions: list[MessageRevision] = field(default_factory=list)
    # There is more text than `reply_text` (signature, quoted mails), or a formatted original.
    has_more: bool = False
    has_html: bool = False

    @property
    def files(self) -> list[Attachment]:
        """Files to list below the text; pictures inside the formatted text are shown there."""
        found = self.message.attachments if self.message else []
        return [file for file in found if not (file.is_inline and file.content_id and self.has_html)]


@dataclass(frozen=True, slots=True)
class Thread:
    """Entries in the order in which they happened. `older_before`: key of the page before this one."""

    entries: list[Entry]
    older_before: int | None
    newest_id: int
    # The whole bitácora, when it is no longer than a page of it.
    history: Sequence[Event] | None

    @property
    def last_word(self) -> Message | None:
        """The last message on this page that a person sent us."""
        came = [one.message for one in self.entries if one.message and one.message.direction == Direction.IN]
        return max((one for one in came if not one.robot), key=lambda one: one.id, default=None)


def read_thread(session: Session, case: Case, *, before: int | None = None) -> Thread:
    """The newest page of the thread, or the one older than message *before*."""
    query = _MESSAGES.where(Message.id < before) if before else _MESSAGES
    rows = session.execute(query, {"case": case.id}).all()
    has_older, rows = len(rows) > PAGE_SIZE, rows[:PAGE_SIZE]
    _give_files(session, rows)
    # The oldest page also has what happened before its first message; the newest, what happened since.
    since = rows[-1][0].created_at if has_older else None
    until = _instant_of(session, before) if before else None
    notices = _read_notices(session, case, [row[0].id for row in rows], since, until)
    entries = _message_entries(session, rows, notices)
    history = whole_history(session, case)
    events = _events(session, case, since, until) if history is None else _shown(history, since, until)
    entries += [Entry(event.at, event=event) for event in events]
    entries += [
        Entry(one.created_at, notice=_delivery(one)) for one in reversed(notices) if one.message_id is None
    ]
    entries.sort(key=lambda entry: (entry.at, entry.message.id if entry.message else 0))
    newest = newest_id(session, case) if before or not rows else rows[0][0].id
    return Thread(entries, rows[-1][0].id if has_older else None, newest, history)


def _give_files(session: Session, rows: Sequence[_MessageRow]) -> None:
    """Put its files into each message: asked for only when there are any, and for all at once."""
    having = [message.id for message, *_, has_files in rows if has_files]
    found: dict[int, list[Attachment]] = {}
    if having:
        files = select(Attachment).where(Attachment.message_id.in_(having)).order_by(Attachment.position)
        for file in session.scalars(files):
            found.setdefault(file.message_id, []).append(file)
    for message, *_ in rows:
        set_committed_value(message, "attachments", found.get(message.id, []))


def newest_id(session: Session, case: Case) -> int:
    """The id of the case's last message; 0 when it has none."""
    newest = select(Message.id).where(Message.case_id == case.id).order_by(Message.id.desc()).limit(1)
    return session.scalar(newest) or 0


def _instant_of(session: Session, message_id: int) -> datetime | None:
    return session.scalar(select(Message.created_at).where(Message.id == message_id))


def _message_entries(
    session: Session, rows: Sequence[_MessageRow], notices: Sequence[_Notice]
) -> list[Entry]:
    # Only a chat lets its writer edit what was sent.
    editable = [message.id for message, *_ in rows if message.channel == Channel.TELEGRAM]
    revisions = _revisions(session, editable) if editable else {}
    deliveries: dict[int | None, list[Delivery]] = {}
    for notice in notices:
        deliveries.setdefault(notice.message_id, []).append(_delivery(notice))
    return [
        Entry(message.created_at, message, deliveries=deliveries.get(message.id, []),
              revisions=revisions.get(message.id, []), has_more=has_more, has_html=has_html)
        for message, has_more, has_html, _ in rows
    ]  # fmt: skip


def _revisions(session: Session, message_ids: Sequence[int]) -> dict[int, list[MessageRevision]]:
    query = select(MessageRevision).where(MessageRevision.message_id.in_(message_ids))
    found: dict[int, list[MessageRevision]] = {}
    for revision in session.scalars(query.order_by(MessageRevision.id)):
        found.setdefault(revision.message_id, []).append(revision)
    return found


class _Notice(NamedTuple):
    """Of a notice, what the thread says of it."""

    message_id: int | None
    created_at: datetime
    kind: str
    status: OutboxStatus
    channel: str
    to: list[str]
    cc: list[str]
    last_error: str


_NOTICE = [getattr(OutboxMessage, name) for name in ("id", *_Notice._fields)]
_ALONE = (
    select(*_NOTICE)
    .where(
        OutboxMessage.case_id == bindparam("case"),
        OutboxMessage.message_id.is_(None),
        or_(
            OutboxMessage.kind.in_(TO_REQUESTER),
            OutboxMessage.status.in_([OutboxStatus.FAILED, OutboxStatus.BOUNCED]),
        ),
    )
    .order_by(OutboxMessage.id.desc())
    .limit(MAX_EVENTS)
)
_DELIVERING = select(*_NOTICE).where(OutboxMessage.message_id.in_(bindparam("messages", expanding=True)))


def _with_delivering(alone: Select[Any]) -> CompoundSelect[Any]:
    return union_all(_DELIVERING, select(*alone.subquery().c))


_NOTICES = _with_delivering(_ALONE)


def _delivery(notice: _Notice) -> Delivery:
    return Delivery(
        notice.kind,
        f"panel.delivery.{notice.status.value}",
        _HOW.get(notice.status, ""),
        # A chat has no name that tells a clerk anything.
        [say("panel.channel.telegram")] if notice.channel == "telegram" else [*notice.to, *notice.cc],
        notice.last_error if notice.status in _HOW else "",
    )


def _read_notices(
    session: Session, case: Case, message_ids: Sequence[int], since: datetime | None, until: datetime | None
) -> list[_Notice]:
    """Those that deliver the messages, and those that are no message of the thread, in one question."""
    alone = _ALONE
    if since is not None:
        alone = alone.where(OutboxMessage.created_at >= since)
    if until is not None:
        alone = alone.where(OutboxMessage.created_at < until)
    query = _NOTICES if alone is _ALONE else _with_delivering(alone)
    found = session.execute(query, {"case": case.id, "messages": message_ids})
    return [_Notice(*values) for _, *values in sorted(found, key=lambda row: row.id)]


def whole_history(session: Session, case: Case) -> Sequence[Event] | None:
    """All events of *case*, the oldest first; None when they are more than one page of them."""
    if case.event_count > MAX_EVENTS:
        return None
    return session.scalars(_EVENTS.where(of_case(case))).all()[::-1]


def _shown(history: Sequence[Event], since: datetime | None, until: datetime | None) -> list[Event]:
    return [
        event
        for event in reversed(history)
        if event.action not in SHOWN_BY_MESSAGE
        and (since is None or event.at >= since)
        and (until is None or event.at < until)
    ]


def _events(session: Session, case: Case, since: datetime | None, until: datetime | None) -> Sequence[Event]:
    query = _EVENTS.where(of_case(case), Event.action.not_in(SHOWN_BY_MESSAGE))
    if since is not None:
        query = query.where(Event.at >= since)
    if until is not None:
        query = query.where(Event.at < until)
    return session.scalars(query).all()


def read_history(
    session: Session, case: Case, *, before: int | None = None
) -> tuple[Sequence[Event], int | None]:
    """A page of the whole bitácora, newest first, and the key of the next page."""
    query = (
        select(Event)
        .where(of_case(case))
        .options(joinedload(Event.account))
        .order_by(Event.sequence.desc())
        .limit(MAX_EVENTS + 1)
    )
    events = session.scalars(query.where(Event.sequence < before) if before else query).all()
    more, events = len(events) > MAX_EVENTS, events[:MAX_EVENTS]
    return events, events[-1].sequence if more else None


def describe(event: Event) -> str:
    """One sentence saying what happened, without who and when."""
    data = event.data or {}
    key = f"panel.event.{event.action}"
    sentence = say(key)
    if sentence == key:
        sentence = say(f"panel.action.{event.action}")
    words = _Words({name: _word(name, value) for name, value in data.items()})
    words["target"] = str(data.get("account") or data.get("dependencia") or "–")
    sentence = sentence.format_map(words)
    # A correction records what stood there and what stands there now; only a text was said by somebody.
    said = [data[name] for name in ("instruction", "reason") if isinstance(data.get(name), str)]
    return " · ".join(filter(None, (sentence, *said)))


class _Words(dict[str, str]):
    """Values for a sentence; what an old event did not record is a dash."""

    def __missing__(self, key: str) -> str:
        return "–"


def _word(key: str, value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(str(as_read(one)) for one in value)
    if key in ("from", "to") and value in ("low", "normal", "high", "urgent"):
        return say(f"panel.priority.{value}")
    return str(as_read(value)) if value not in (None, "") else "–"
