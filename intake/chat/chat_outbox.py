"""The outbox of the chats: which notices may go now, and what became of those that went.

One transaction settles what was sent and claims what is next, at most one notice of
each chat, in the order they were written. What a dead process had in hand is claimed
again *in doubt*; a question of a conversation that has moved on is never asked.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache

import structlog
from sqlalchemy import ColumnElement, Select, and_, bindparam, func, select, update
from sqlalchemy.orm import Session

from intake import outbox
from intake.attachments import read_file
from intake.chat import chat_notices
from intake.incoming import Channel
from intake.office import Office
from intake.outbox import NotDelivered
from models.base import now
from models.chat import Chat, ChatMessage, ChatTopic, ChatUpdate
from models.contact import Address, AddressKind
from models.outbox_message import OutboxMessage, OutboxStatus
from models.rows import insert_missing

log = structlog.get_logger()

# A notice in hand longer than this, and not renewed, belonged to a process that died.
LEASE = timedelta(seconds=30)
# Rows, and the time, among which the last message of a chat is looked for.
_NEAR = 300
_RECENT = timedelta(days=1)
# Built once: putting a statement together takes longer than SQLite does to answer it.
_CHATS = select(Chat).where(Chat.id.in_(bindparam("ids", expanding=True)))
_SENT = (
    update(OutboxMessage)
    .where(OutboxMessage.id == bindparam("notice"))
    .values(
        status=OutboxStatus.SENT, sent_at=bindparam("at"), attempts=OutboxMessage.attempts + 1,
        settled=OutboxMessage.to, last_error="",
        remote_id=func.coalesce(bindparam("remote"), OutboxMessage.remote_id),
    )
)  # fmt: skip
# Ids of supergroups are at or below it.
_SUPERGROUP = -1_000_000_000_000


@dataclass(frozen=True, slots=True)
class Claimed:
    """A notice that is ours to send now."""

    notice: OutboxMessage
    chat_id: int
    language: str
    # Another attempt may have sent it, or part of it, without living to say so.
    is_in_doubt: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a claimed notice: its message ids, or the words of who refused it, or neither."""

    notice: OutboxMessage
    remote_ids: tuple[int, ...] = ()
    refused: NotDelivered | None = None
    # The chat is gone for us: blocked, or no such chat.
    is_chat_dead: bool = False
    # Not sent, and no one's fault: it goes back, in doubt if a request was under way.
    is_given_back: bool = False
    is_in_doubt: bool = False

    @property
    def is_sent(self) -> bool:
        return self.refused is None and not self.is_given_back


def exchange(
    office: Office, outcomes: Sequence[Outcome], room: int, *, is_told: bool = False
) -> list[Claimed]:
    """Write down *outcomes* and claim up to *room* notices that are due. Raises SQLAlchemyError.

    *is_told*: somebody said that there are some; else nobody waits for us while we look.
    """
    if not outcomes and not is_told:
        with office.database.reading() as session:
            if not room or session.scalar(_due(), {"now": now(), "room": 1}) is None:
                return []
    claimed: list[Claimed] = []
    with office.database.writing() as session:
        _settle_sent(session, [each for each in outcomes if each.is_sent])
        for outcome in outcomes:
            if not outcome.is_sent:
                _settle(session, outcome)
        session.flush()
        while len(claimed) < room:
            rows = session.scalars(_due(), {"now": now(), "room": room - len(claimed)}).all()
            chats = {
                chat.id: chat for chat in session.scalars(_CHATS, {"ids": [int(row.to[0]) for row in rows]})
            }
            found = [each for row in rows if (each := _claim(session, office, row, chats)) is not None]
            claimed += found
            session.flush()
            if len(found) == len(rows):
                # No question was dropped, behind which the next notice of its chat may go.
                break
        for each in claimed:
            session.expunge(each.notice)
    return claimed


@cache
def _due() -> Select[OutboxMessage]:
    mine = (OutboxMessage.channel == Channel.TELEGRAM, outbox.IS_WAITING)
    # A notice that waits holds up the later ones of its chat, whatever case they are about.
    first = select(func.min(OutboxMessage.id)).where(*mine).group_by(OutboxMessage.to).correlate(None)
    return (
        select(OutboxMessage)
        .where(*mine, OutboxMessage.id.in_(first), OutboxMessage.next_attempt_at <= bindparam("now"))
        .order_by(OutboxMessage.id)
        .limit(bindparam("room"))
        .with_for_update(skip_locked=True)
    )


def _claim(session: Session, office: Office, row: OutboxMessage, chats: Mapping[int, Chat]) -> Claimed | None:
    """Take *row*; None when its question is settled already, and it is cancelled."""
    is_in_doubt = row.status == OutboxStatus.SENDING
    chat_id = int(row.to[0])
    chat = chats.get(chat_id)
    if _is_superseded(session, row, chat, is_in_doubt=is_in_doubt):
        row.status = OutboxStatus.CANCELLED
        return None
    row.status, row.next_attempt_at = OutboxStatus.SENDING, now() + LEASE
    return Claimed(row, chat_id, chat.language if chat else office.settings.language, is_in_doubt)


def _is_superseded(session: Session, row: OutboxMessage, chat: Chat | None, *, is_in_doubt: bool) -> bool:
    """Whether the conversation has moved on since *row* asked its question."""
    if "state" not in row.chat_options:
        return False
    if chat is None or chat.state != row.chat_options["state"]:
        return chat is not None
    if not is_in_doubt:
        return False
    # The same question, asked anew after this one may have arrived.
    newer = select(OutboxMessage.chat_options).where(
        OutboxMessage.channel == Channel.TELEGRAM, outbox.IS_WAITING, OutboxMessage.id > row.id,
        OutboxMessage.to == row.to,
    )  # fmt: skip
    return any("state" in options for options in session.scalars(newer))


def last_known(office: Office, notice: OutboxMessage) -> list[int]:
    """After which message ids what came of *notice* may be, for the Bot API cannot list a chat.

    A supergroup counts its messages itself; all other chats of a bot share one count. So: the newest
    id that its chat had before *notice* was written, and the newest that any of those chats had.
    """
    chat_id = int(notice.to[0])
    since = notice.created_at - _RECENT
    arrived = (
        select(ChatUpdate.chat_id, ChatUpdate.body)
        .where(ChatUpdate.received_at.between(since, notice.created_at))
        .order_by(ChatUpdate.received_at.desc())
        .limit(_NEAR)
    )
    sent = select(OutboxMessage.to, OutboxMessage.remote_id).where(
        OutboxMessage.id.between(notice.id - _NEAR, notice.id - 1),
        OutboxMessage.channel == Channel.TELEGRAM,
        OutboxMessage.remote_id.is_not(None),
    )
    with office.database.reading() as session:
        ids = [(chat, _message_id(body)) for chat, body in session.execute(arrived)]
        ids += [(int(to[0]), remote_id or 0) for to, remote_id in session.execute(sent)]
    mine = max((number for chat, number in ids if chat == chat_id), default=0)
    if chat_id <= _SUPERGROUP:
        return [mine] if mine else []
    of_all = max((number for chat, number in ids if chat > _SUPERGROUP), default=0)
    return sorted({mine, of_all} - {0})


def _message_id(body: dict[str, object]) -> int:
    for part in (body, body.get("callback_query")):
        for name in ("message", "edited_message"):
            message = part.get(name) if isinstance(part, dict) else None
            if isinstance(message, dict) and isinstance(message.get("message_id"), int):
                return int(message["message_id"])
    return 0


def _settle(session: Session, outcome: Outcome) -> None:
    notice = outcome.notice
    if outcome.is_given_back:
        # A row that is *sending* and due again is claimed in doubt.
        status = OutboxStatus.SENDING if outcome.is_in_doubt else OutboxStatus.QUEUED
        session.execute(
            update(OutboxMessage)
            .where(OutboxMessage.id == notice.id, OutboxMessage.status == OutboxStatus.SENDING)
            .values(status=status, next_attempt_at=now())
        )
    elif outcome.refused is not None:
        outbox.settle_refused(session, notice, outcome.refused)
        if outcome.is_chat_dead:
            _mark_dead(session, int(notice.to[0]), outcome.refused.words)
    _remember(session, [outcome])


def _settle_sent(session: Session, outcomes: Sequence[Outcome]) -> None:
    """What `outbox.settle_delivered` does for one, done for all at once: a notice here has one recipient."""
    if outcomes:
        rows = [
            {"notice": each.notice.id, "remote": max(each.remote_ids, default=None), "at": now()}
            for each in outcomes
        ]
        session.connection().execute(_SENT, rows)
        _remember(session, outcomes)


def _remember(session: Session, outcomes: Sequence[Outcome]) -> None:
    """Let a reply to any part of what was sent lead to its case."""
    rows = [
        {"chat_id": int(notice.to[0]), "remote_id": remote_id, "case_id": notice.case_id,
         "message_id": notice.message_id, "outbox_id": notice.id}
        for outcome in outcomes if (notice := outcome.notice).case_id is not None
        for remote_id in outcome.remote_ids
    ]  # fmt: skip
    if rows:
        session.connection().execute(insert_missing(session, ChatMessage), rows)


def _mark_dead(session: Session, chat_id: int, words: str) -> None:
    session.execute(
        update(Chat).where(Chat.id == chat_id, Chat.blocked_at.is_(None)).values(blocked_at=now())
    )
    session.execute(
        update(Address)
        .where(_is_address_of(chat_id), Address.failed_at.is_(None))
        .values(failed_at=now(), failure=words[:2000])
    )


def mark_reachable(session: Session, chat_id: int) -> None:
    """The person unblocked the bot, or wrote to it: what is told from now on arrives."""
    session.execute(
        update(Chat).where(Chat.id == chat_id, Chat.blocked_at.is_not(None)).values(blocked_at=None)
    )
    session.execute(
        update(Address)
        .where(_is_address_of(chat_id), Address.failed_at.is_not(None))
        .values(failed_at=None, failure="")
    )


def _is_address_of(chat_id: int) -> ColumnElement[bool]:
    return and_(Address.kind == AddressKind.TELEGRAM, Address.value == str(chat_id))


@dataclass(frozen=True, slots=True)
class Enclosure:
    """A file that goes along with a notice."""

    filename: str
    content_type: str
    content: bytes


def open_files(office: Office, notice: OutboxMessage) -> list[Enclosure]:
    """The files that go along with *notice*. Raises StoreFailed."""
    with office.database.reading() as session:
        return [
            Enclosure(file.filename, file.content_type, read_file(session, office, file))
            for file in chat_notices.files_of(session, notice)
        ]


def renew(office: Office, notices: Collection[OutboxMessage]) -> None:
    """These notices are still in hand: nobody else may take them."""
    until, ids = now() + LEASE, [notice.id for notice in notices]
    with office.database.writing() as session:
        session.execute(
            update(OutboxMessage)
            .where(OutboxMessage.id.in_(ids), OutboxMessage.status == OutboxStatus.SENDING)
            .values(next_attempt_at=until)
        )
    for notice in notices:
        notice.next_attempt_at = until


def inherit(office: Office) -> None:
    """Take over at once what an earlier process had in hand; only where no other one can be alive."""
    with office.database.writing() as session:
        session.execute(
            update(OutboxMessage)
            .where(OutboxMessage.channel == Channel.TELEGRAM, OutboxMessage.status == OutboxStatus.SENDING)
            .values(next_attempt_at=now())
        )


def find_topic(office: Office, chat_id: int, case_id: int) -> int | None:
    """The topic of a case in a group, if it has one."""
    with office.database.reading() as session:
        topic = session.get(ChatTopic, (chat_id, case_id))
        return topic.topic_id if topic else None


def keep_topic(office: Office, chat_id: int, case_id: int, topic_id: int | None) -> None:
    """Remember the topic of a case, or None: that it was deleted."""
    with office.database.writing() as session:
        topic = session.get(ChatTopic, (chat_id, case_id))
        if topic is not None and topic_id is None:
            session.delete(topic)
        elif topic is not None and topic_id is not None:
            topic.topic_id = topic_id
        elif topic_id is not None:
            session.add(ChatTopic(chat_id=chat_id, case_id=case_id, topic_id=topic_id))
