"""What the case page shows: the newest messages with files and delivery, and the events between them.

A page of the thread is read by key, so that a case with ten thousand messages
opens as fast as one with ten.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from admin.formats import as_read
from intake.incoming import Channel
from intake.services.service_fields import values_of
from models.case import Case, CaseLink
from models.catalogue import CatalogueVersion
from models.chat import MessageRevision, Rating
from models.event import Event, of_case
from models.message import Attachment, Message
from models.outbox_message import OutboxMessage, OutboxStatus
from models.person import Account
from models.service_field import FieldValue
from models.tag import Tag, case_tag
from models.ticket import Ticket
from models.turno import Turno, TurnoState
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


def read_thread(session: Session, case: Case, *, before: int | None = None) -> Thread:
    """The newest page of the thread, or the one older than message *before*."""
    # A few characters more than the reply are only spaces and line ends.
    has_more = func.length(Message.text) > func.length(Message.reply_text) + 8
    query = (
        select(Message, has_more, Message.html != "")
        .where(Message.case_id == case.id)
        .options(selectinload(Message.attachments), joinedload(Message.author))
        .order_by(Message.id.desc())
        .limit(PAGE_SIZE + 1)
    )
    rows = session.execute(query.where(Message.id < before) if before else query).all()
    has_older, rows = len(rows) > PAGE_SIZE, rows[:PAGE_SIZE]
    entries = _message_entries(session, rows)
    # The oldest page also has what happened before its first message; the newest, what happened since.
    since = rows[-1][0].created_at if has_older else None
    until = _instant_of(session, before) if before else None
    entries += [Entry(event.at, event=event) for event in _events(session, case, since, until)]
    entries += _notices(session, case, since, until)
    entries.sort(key=lambda entry: (entry.at, entry.message.id if entry.message else 0))
    newest = newest_id(session, case) if before or not rows else rows[0][0].id
    return Thread(entries, rows[-1][0].id if has_older else None, newest)


def newest_id(session: Session, case: Case) -> int:
    """The id of the case's last message; 0 when it has none."""
    newest = select(Message.id).where(Message.case_id == case.id).order_by(Message.id.desc()).limit(1)
    return session.scalar(newest) or 0


def _instant_of(session: Session, message_id: int) -> datetime | None:
    return session.scalar(select(Message.created_at).where(Message.id == message_id))


def _message_entries(session: Session, rows: Sequence[Row[Message, bool, bool]]) -> list[Entry]:
    ids = [message.id for message, _, _ in rows]
    # Only a chat lets its writer edit what was sent.
    editable = [message.id for message, _, _ in rows if message.channel == Channel.TELEGRAM]
    deliveries, revisions = _deliveries(session, ids), _revisions(session, editable) if editable else {}
    return [
        Entry(message.created_at, message, deliveries=deliveries.get(message.id, []),
              revisions=revisions.get(message.id, []), has_more=has_more, has_html=has_html)
        for message, has_more, has_html in rows
    ]  # fmt: skip


def _revisions(session: Session, message_ids: Sequence[int]) -> dict[int, list[MessageRevision]]:
    query = select(MessageRevision).where(MessageRevision.message_id.in_(message_ids))
    found: dict[int, list[MessageRevision]] = {}
    for revision in session.scalars(query.order_by(MessageRevision.id)):
        found.setdefault(revision.message_id, []).append(revision)
    return found


def _deliveries(session: Session, message_ids: Sequence[int]) -> dict[int, list[Delivery]]:
    query = select(OutboxMessage).where(OutboxMessage.message_id.in_(message_ids)).order_by(OutboxMessage.id)
    found: dict[int, list[Delivery]] = {}
    for notice in session.scalars(query):
        assert notice.message_id is not None
        found.setdefault(notice.message_id, []).append(_delivery(notice))
    return found


def _delivery(notice: OutboxMessage) -> Delivery:
    return Delivery(
        notice.kind,
        f"panel.delivery.{notice.status.value}",
        _HOW.get(notice.status, ""),
        # A chat has no name that tells a clerk anything.
        [say("panel.channel.telegram")] if notice.channel == "telegram" else [*notice.to, *notice.cc],
        notice.last_error if notice.status in _HOW else "",
    )


def _notices(session: Session, case: Case, since: datetime | None, until: datetime | None) -> list[Entry]:
    """Notices that are no message of the thread, where they were written."""
    shown = or_(
        OutboxMessage.kind.in_(TO_REQUESTER),
        OutboxMessage.status.in_([OutboxStatus.FAILED, OutboxStatus.BOUNCED]),
    )
    query = (
        select(OutboxMessage)
        .where(OutboxMessage.case_id == case.id, OutboxMessage.message_id.is_(None), shown)
        .order_by(OutboxMessage.id.desc())
        .limit(MAX_EVENTS)
    )
    if since is not None:
        query = query.where(OutboxMessage.created_at >= since)
    if until is not None:
        query = query.where(OutboxMessage.created_at < until)
    return [Entry(notice.created_at, notice=_delivery(notice)) for notice in session.scalars(query)]


def _events(session: Session, case: Case, since: datetime | None, until: datetime | None) -> Sequence[Event]:
    query = (
        select(Event)
        .where(of_case(case), Event.action.not_in(SHOWN_BY_MESSAGE))
        .options(joinedload(Event.account))
        .order_by(Event.sequence.desc())
        .limit(MAX_EVENTS)
    )
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


@dataclass(frozen=True, slots=True)
class Facts:
    """What stands beside the thread."""

    tags: Sequence[str]
    turnos: Sequence[Turno]
    links: Sequence[CaseLink]
    linked_from: Sequence[CaseLink]
    other_cases: int
    rating: Rating | None
    # What the service asked, and the version of the catalogue under which it was opened.
    answers: Sequence[FieldValue]
    catalogue: CatalogueVersion | None


def read_facts(session: Session, case: Case, account: Account) -> Facts:
    """Tags of *account*, open turnos, related cases, and how many more the requester has (up to 100)."""
    tags = session.scalars(
        select(Tag.name)
        .join(case_tag, case_tag.c.tag_id == Tag.id)
        .where(case_tag.c.case_id == case.id, Tag.account_id == account.id)
        .order_by(Tag.name)
    ).all()
    turnos = session.scalars(
        select(Turno)
        .where(Turno.case_id == case.id, Turno.state == TurnoState.OPEN)
        .options(
            joinedload(Turno.from_account), joinedload(Turno.to_account), joinedload(Turno.to_dependencia)
        )
        .order_by(Turno.id.desc())
        .limit(10)
    ).all()
    linked = session.scalars(
        select(CaseLink)
        .where(or_(CaseLink.case_id == case.id, CaseLink.other_id == case.id))
        .options(joinedload(CaseLink.case), joinedload(CaseLink.other))
        .order_by(CaseLink.id)
        .limit(20)
    ).all()
    version = case.catalogue_version_id if isinstance(case, Ticket) else None
    others = select(Case.id).where(Case.requester_id == case.requester_id, Case.id != case.id).limit(100)
    return Facts(
        tags,
        turnos,
        [link for link in linked if link.case_id == case.id],
        [link for link in linked if link.other_id == case.id],
        session.scalar(select(func.count()).select_from(others.subquery())) or 0,
        session.get(Rating, case.id),
        values_of(session, case),
        session.get(CatalogueVersion, version) if version else None,
    )
