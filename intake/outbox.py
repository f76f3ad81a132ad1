"""The buzón de salida: notices are written with their cause, and delivered after it is committed.

Delivery is at least once: a process killed between the relay's yes and our commit
sends the same notice again, with the same Message-ID. Nothing is ever given up
silently: what cannot be delivered says so, in the words of whoever refused it.
"""

from __future__ import annotations

import base64
import random
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache, partial
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Select, TextClause, bindparam, select, text, update
from sqlalchemy.orm import Session, aliased

from intake.errors import InvalidInput
from intake.office import Office
from intake.wording import speaking
from models.base import now
from models.case import Case
from models.contact import Address
from models.event import record
from models.message import Message, ThreadId
from models.outbox_message import OutboxMessage, OutboxStatus
from models.person import Account
from models.rows import untracked, write_new, write_row
from templates import render

log = structlog.get_logger()

# Waits after the first, second, … refusal for now; the last is repeated until GIVE_UP.
_BACKOFF = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 240))
# With the waits above: refused for now over three days.
GIVE_UP = 21
# While nobody can be reached, ask again this often; it is no fault of any notice.
_DOWN = timedelta(seconds=30)
# A row claimed longer ago than this belonged to a process that died.
LEASE = timedelta(minutes=10)

_WAITING = (OutboxStatus.QUEUED, OutboxStatus.RETRYING, OutboxStatus.SENDING)
# Written out, because SQLite uses a partial index only for the very words of its condition.
IS_WAITING = text("outbox_message.status IN ('queued', 'retrying', 'sending')")


@dataclass(frozen=True, slots=True)
class Delivered:
    """The other side took the notice, but for the recipients it refused, each with its words."""

    remote_id: int | None = None
    # Refused for good.
    refused: Mapping[str, str] = field(default_factory=dict)
    # Refused for now: they are tried again.
    deferred: Mapping[str, str] = field(default_factory=dict)


class NotDelivered(Exception):
    """The other side refused this notice, for now or for good, with these words."""

    def __init__(self, words: str, *, is_permanent: bool = False, retry_after: timedelta | None = None,
                 refused: Mapping[str, str] | None = None) -> None:  # fmt: skip
        super().__init__(words)
        self.words, self.is_permanent, self.retry_after = words, is_permanent, retry_after
        # Recipients that were refused for good one by one.
        self.refused = dict(refused or {})


class ChannelDown(Exception):
    """The other side cannot be reached or does not know us: no notice's fault, all of them wait."""


Send = Callable[[OutboxMessage], Delivered]


def queue(
    session: Session,
    office: Office,
    *,
    kind: str,
    to: Sequence[str],
    subject: str,
    text: str = "",
    html: str = "",
    facts: Mapping[str, Any] | None = None,
    channel: str = "email",
    cc: Sequence[str] = (),
    case: Case | None = None,
    message: Message | None = None,
    from_addr: str = "",
    from_name: str = "",
    reply_to: str = "",
    in_reply_to: str = "",
    references: Sequence[str] = (),
    auto_submitted: str = "",
    chat_options: Mapping[str, Any] | None = None,
) -> OutboxMessage:
    """Write a notice in the caller's transaction; *case* and *message* have their ids.

    *facts*: its words are drawn from them when it is sent, while nobody waits for the register.
    """
    domain = from_addr.rpartition("@")[2].lower() or office.settings.domain
    notice = untracked(
        session,
        OutboxMessage,
        channel=channel,
        kind=kind,
        case_id=case.id if case else None,
        message_id=message.id if message else None,
        to=list(to),
        cc=list(cc),
        from_addr=from_addr,
        from_name=_one_line(from_name),
        reply_to=reply_to,
        subject=_one_line(subject),
        text=_clean(text),
        html=_clean(html),
        facts=_cleaned(facts or {}),
        rfc_message_id=f"{_token()}@{domain}",
        in_reply_to=in_reply_to,
        references=list(references),
        auto_submitted=auto_submitted,
        chat_options=dict(chat_options or {}),
    )
    if session.autoflush:
        # By the object, a flush knows that a new case comes first.
        notice.case = case
    write_new(session, notice)
    if case is not None and channel == "email":
        write_row(session, ThreadId, {"value": notice.rfc_message_id, "case_id": case.id, "is_ours": True})
    if message is not None and channel == "email" and not message.rfc_message_id:
        message.rfc_message_id, message.references = notice.rfc_message_id, list(references)
    return notice


def _token() -> str:
    return base64.b32encode(secrets.token_bytes(10)).decode("ascii").lower()


def _one_line(text: str) -> str:
    """A header's value: one line, without characters that only disturb."""
    return " ".join(_clean(text).split())


def _clean(text: str) -> str:
    # A lone surrogate (from a broken mail quoted back) has no UTF-8 and would block the row for ever.
    return text.encode("utf-8", "replace").decode().replace("\0", "")


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return _clean(value)
    if isinstance(value, Mapping):
        return {name: _cleaned(one) for name, one in value.items()}
    return [_cleaned(one) for one in value] if isinstance(value, list | tuple) else value


def words_of(notice: OutboxMessage) -> tuple[str, str]:
    """Its text and its page (HTML), in the language in which it was decided: `templates/email/<kind>/`."""
    if not notice.facts:
        return notice.text, notice.html
    with speaking(notice.facts["language"]):
        text = render(f"email/{notice.kind}/text.txt", **notice.facts)
        return text, render(f"email/{notice.kind}/body.html", **notice.facts)


def deliver_due(office: Office, channel: str, send: Send, *, limit: int = 100) -> int:
    """Hand up to *limit* notices that are due to *send*, one by one; returns how many were handed.

    *send* is called outside any transaction and says Delivered, or raises NotDelivered
    or ChannelDown. Notices of one case to the same person go in the order they were written.
    """
    with office.database.reading() as session:
        if session.scalar(_any_due(), {"channel": channel, "now": now()}) is None:
            return 0
    settle: Callable[[Session], None] | None = None
    for count in range(limit + 1):
        # One transaction keeps the last result and claims the next row, so that a
        # process that is killed leaves one notice in doubt and not a batch.
        with office.database.writing() as session:
            if settle is not None:
                settle(session)
            notice = _claim(session, channel) if count < limit else None
        if notice is None:
            return count
        try:
            settle = _send_one(notice, send)
        except ChannelDown as error:
            log.warning("channel down", channel=channel, words=str(error))
            _postpone(office, notice, str(error))
            return count
    return limit


@cache
def _any_due() -> Select[int]:
    return select(OutboxMessage.id).where(*_conditions()).limit(1)


@cache
def _due() -> Select[OutboxMessage]:
    """The next row to deliver; those of dead processes too, whose lease is `next_attempt_at`."""
    earlier = aliased(OutboxMessage)
    is_behind = (
        select(earlier.id)
        .where(
            earlier.case_id == OutboxMessage.case_id,
            earlier.id < OutboxMessage.id,
            earlier.channel == OutboxMessage.channel,
            earlier.status.in_(_WAITING),
            # Not the whole case: one dead address must not hold up what others are told.
            earlier.to[0].as_string() == OutboxMessage.to[0].as_string(),
        )
        .exists()
    )
    return (
        select(OutboxMessage)
        .where(*_conditions(), ~is_behind)
        .order_by(OutboxMessage.next_attempt_at, OutboxMessage.id)
        .limit(1)
        .with_for_update(skip_locked=True, of=OutboxMessage)
    )


def _conditions() -> list[ColumnElement[bool] | TextClause]:
    return [
        OutboxMessage.channel == bindparam("channel"),
        IS_WAITING,
        OutboxMessage.next_attempt_at <= bindparam("now"),
    ]


def _claim(session: Session, channel: str) -> OutboxMessage | None:
    notice = session.scalar(_due(), {"channel": channel, "now": now()})
    if notice is not None:
        notice.status, notice.next_attempt_at = OutboxStatus.SENDING, now() + LEASE
        session.flush()
        session.expunge(notice)
    return notice


def _send_one(notice: OutboxMessage, send: Send) -> Callable[[Session], None]:
    """Deliver *notice*; returns what to write about it. Raises ChannelDown."""
    try:
        notice.text, notice.html, notice.facts = *words_of(notice), {}
        return partial(settle_delivered, notice=notice, delivered=send(notice))
    except ChannelDown:
        raise
    except NotDelivered as error:
        log.warning("notice not delivered", outbox=notice.id, to=notice.to, words=error.words)
        return partial(settle_refused, notice=notice, error=error)
    except Exception as error:
        # A fault of ours: this notice is kept for another try, and the others go on.
        log.exception("notice failed", outbox=notice.id)
        failure = NotDelivered(f"{type(error).__name__}: {error}")
        return partial(settle_refused, notice=notice, error=failure)


def settle_delivered(session: Session, notice: OutboxMessage, delivered: Delivered) -> None:
    """Write down that the other side took *notice*, which the caller had claimed."""
    row = session.get_one(OutboxMessage, notice.id, with_for_update=True)
    row.attempts += 1
    _keep_words(row, notice)
    row.remote_id = delivered.remote_id or row.remote_id
    # What an earlier attempt was told of recipients settled by it still holds.
    told = [line for line in row.last_error.splitlines() if line.partition(": ")[0] in row.settled]
    row.last_error = "\n".join([*told, _words({**delivered.refused, **delivered.deferred})]).strip()[:2000]
    pending = [address for address in (*row.to, *row.cc) if address in delivered.deferred]
    row.settled = [address for address in (*row.to, *row.cc) if address not in pending]
    _tell_refused(session, row, delivered.refused)
    if pending:
        _wait(session, row, None)
    else:
        row.status, row.sent_at = OutboxStatus.SENT, now()


def settle_refused(session: Session, notice: OutboxMessage, error: NotDelivered) -> None:
    """Write down that the other side refused *notice*, and when to try again, if ever."""
    row = session.get_one(OutboxMessage, notice.id, with_for_update=True)
    if row.status != OutboxStatus.SENDING or row.next_attempt_at != notice.next_attempt_at:
        # We were so slow that somebody else took the row; its result counts.
        return
    row.attempts += 1
    _keep_words(row, notice)
    row.last_error = _clean(error.words)[:2000]
    _tell_refused(session, row, error.refused)
    if error.is_permanent:
        _fail(session, row)
    else:
        _wait(session, row, error.retry_after)


def _keep_words(row: OutboxMessage, notice: OutboxMessage) -> None:
    """What was handed over stays as it was, whatever the templates say when it is sent again."""
    if row.facts and not notice.facts:
        row.text, row.html, row.facts = notice.text, notice.html, {}


def _wait(session: Session, row: OutboxMessage, retry_after: timedelta | None) -> None:
    if row.attempts >= GIVE_UP:
        _fail(session, row)
        return
    wait = retry_after or _BACKOFF[min(row.attempts, len(_BACKOFF)) - 1] * random.uniform(0.8, 1.2)
    row.status, row.next_attempt_at = OutboxStatus.RETRYING, now() + wait


def _fail(session: Session, row: OutboxMessage) -> None:
    row.status = OutboxStatus.FAILED
    _record(session, row, "notice_failed", {"to": [*row.to, *row.cc], "words": row.last_error})


def _tell_refused(session: Session, row: OutboxMessage, refused: Mapping[str, str]) -> None:
    """Keep on contact and case which recipients exist no more."""
    for address, words in refused.items():
        if _is_dead(words):
            _mark_dead(session, address, words)
    if refused and row.status != OutboxStatus.FAILED:
        _record(session, row, "recipient_refused", {"to": list(refused), "words": _words(refused)})


def _is_dead(words: str) -> bool:
    """True when there is no such mailbox (RFC 3463, 3.2 and 3.3), not when it only dislikes us."""
    return any(f"{code} " in f"{words} " for code in ("5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.2.1"))


def _mark_dead(session: Session, address: str, words: str) -> None:
    """Keep on the contact that this address takes no more mail, so that no answer goes there unseen."""
    session.execute(
        update(Address)
        .where(Address.kind == "email", Address.value == address.lower(), Address.failed_at.is_(None))
        .values(failed_at=now(), failure=_clean(words)[:2000])
    )


def _words(replies: Mapping[str, str]) -> str:
    return _clean("\n".join(f"{address}: {words}" for address, words in replies.items()))[:2000]


def _record(session: Session, row: OutboxMessage, action: str, data: dict[str, str | list[str]]) -> None:
    case = session.get(Case, row.case_id, with_for_update=True) if row.case_id else None
    record(session, case, action, data={"notice": row.kind, **data})


def _postpone(office: Office, notice: OutboxMessage, words: str) -> None:
    """Let *notice* and all that is due wait a little, without counting it against them."""
    later = now() + _DOWN * random.uniform(0.8, 1.2)
    with office.database.writing() as session:
        row = session.get_one(OutboxMessage, notice.id, with_for_update=True)
        if row.status == OutboxStatus.SENDING and row.next_attempt_at == notice.next_attempt_at:
            row.status, row.next_attempt_at, row.last_error = (
                OutboxStatus.RETRYING,
                later,
                _clean(words)[:2000],
            )
        session.flush()
        session.execute(
            update(OutboxMessage)
            .where(
                OutboxMessage.channel == notice.channel,
                OutboxMessage.status.in_((OutboxStatus.QUEUED, OutboxStatus.RETRYING)),
                OutboxMessage.next_attempt_at < later,
            )
            .values(next_attempt_at=later)
        )


def retry(session: Session, message: OutboxMessage, by: Account) -> None:
    """Deliver again at once what failed, waits, bounced or was cancelled."""
    session.refresh(message, with_for_update=True)
    if message.status in (OutboxStatus.SENDING, OutboxStatus.SENT):
        raise InvalidInput("outbox_not_retryable")
    if message.status in (OutboxStatus.BOUNCED, OutboxStatus.CANCELLED):
        message.settled = []
    message.status, message.next_attempt_at, message.attempts = OutboxStatus.QUEUED, now(), 0
    _record_by(session, message, "notice_retry", by)


def cancel(session: Session, message: OutboxMessage, by: Account) -> None:
    """Never deliver what still waits or failed; it stays in the outbox as cancelled."""
    session.refresh(message, with_for_update=True)
    if message.status not in (OutboxStatus.QUEUED, OutboxStatus.RETRYING, OutboxStatus.FAILED):
        raise InvalidInput("outbox_not_cancellable")
    message.status = OutboxStatus.CANCELLED
    _record_by(session, message, "notice_cancel", by)


def _record_by(session: Session, message: OutboxMessage, action: str, by: Account) -> None:
    case = session.get(Case, message.case_id, with_for_update=True) if message.case_id else None
    record(session, case, action, account=by, data={"notice": message.kind, "to": [*message.to, *message.cc]})
