"""The spool of the chat door: what Telegram hands out is committed here before it is confirmed there.

Each Update is kept once, by the bot's and its own number, and waits until it is processed;
one that fails is kept with its traceback, shown on *Puertas* and can be retried.
"""

from __future__ import annotations

import hashlib
import hmac
import traceback
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import bindparam, delete, func, select, text, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from intake.chat import chat_notices
from intake.errors import InvalidInput
from intake.office import Office
from intake.wording import speaking
from models.base import now
from models.case import Case
from models.chat import ChatUpdate, OneTimeLink, UpdateStatus
from models.event import record
from models.mailbox import Door
from models.person import Account, Role
from models.rows import insert_missing
from templates import say

log = structlog.get_logger()

DOOR = "telegram"
# Written out, because SQLite uses a partial index only for the very words of its condition.
IS_WAITING = text("chat_update.status = 'received'")
IS_FAILED = text("chat_update.status = 'failed'")
# People edit for 48 hours (Bot API), and a revision finds here what a message said before.
KEPT = timedelta(days=30)
# A group is many people.
_GROUP_FACTOR = 10
_MINUTE = timedelta(minutes=1)
_PURGED_AT_ONCE = 500

# Built once: putting a statement together takes longer than SQLite does to answer it.
_COUNTED = (
    select(ChatUpdate.chat_id)
    .where(ChatUpdate.bot_id == bindparam("bot"),
           ChatUpdate.chat_id.in_(bindparam("chats", expanding=True)),
           ChatUpdate.received_at > bindparam("since"))
    .group_by(ChatUpdate.chat_id)
    .having(func.count() > bindparam("limit"))
)  # fmt: skip
_WAITING = (
    select(ChatUpdate.chat_id, ChatUpdate.body)
    # Not by the key, which SQLite would take: that is every update of the last weeks.
    .where(ChatUpdate.bot_id + 0 == bindparam("bot"), IS_WAITING)
    .order_by(ChatUpdate.update_id)
    .limit(bindparam("limit"))
)
_TAKEN = (
    select(ChatUpdate)
    .where(ChatUpdate.bot_id == bindparam("bot"),
           ChatUpdate.update_id.in_(bindparam("updates", expanding=True)),
           ChatUpdate.status == UpdateStatus.RECEIVED)
    .order_by(ChatUpdate.update_id)
    .with_for_update(skip_locked=True)
)  # fmt: skip


def store(office: Office, bot_id: int, updates: Sequence[dict[str, Any]]) -> int:
    """Commit *updates* (Update objects of the Bot API); returns how many were new.

    More than `telegram_updates_per_minute` of one chat are kept as ignored, and the person is told once.
    """
    if not updates:
        return 0
    with office.database.writing() as session, speaking(office.settings.language):
        fresh = _insert(session, bot_id, updates)
        # What waited at Telegram while nobody asked for it was not sent at once.
        counts = Counter(chat_of(body) for body in fresh if _age(body) < _MINUTE)
        for chat_id in _busy(session, office, bot_id, counts):
            _calm(session, office, bot_id, chat_id, counts[chat_id])
    return len(fresh)


def _insert(session: Session, bot_id: int, updates: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Keep *updates*; returns those that we did not have."""
    rows = {
        body["update_id"]: {
            "bot_id": bot_id, "update_id": body["update_id"], "chat_id": chat_of(body), "body": body,
            "status": UpdateStatus.RECEIVED, "reason": "", "error": "", "attempts": 0, "received_at": now(),
        }
        for body in map(_storable, updates)
    }  # fmt: skip
    new = session.execute(
        insert_missing(session, ChatUpdate).returning(ChatUpdate.update_id), list(rows.values())
    ).scalars()
    return [rows[update_id]["body"] for update_id in new]


def _storable(value: Any) -> Any:
    """*value* without what PostgreSQL's jsonb has no room for: NUL and half surrogate pairs."""
    if isinstance(value, str):
        return value.replace("\0", "").encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {key: _storable(each) for key, each in value.items()}
    return [_storable(each) for each in value] if isinstance(value, list) else value


def _busy(session: Session, office: Office, bot_id: int, chats: Iterable[int]) -> Sequence[int]:
    """Those of *chats* that may have used up their allowance of this minute."""
    values = {"bot": bot_id, "chats": list(set(chats) - {0}), "since": now() - _MINUTE,
              "limit": office.settings.telegram_updates_per_minute}  # fmt: skip
    return session.scalars(_COUNTED, values).all()


def chat_of(body: dict[str, Any]) -> int:
    """The chat that an Update is about; 0 when it is about none."""
    for part in body.values():
        if isinstance(part, dict):
            # A tap (callback_query) carries the message below which the button is.
            chat = part.get("chat") or (part.get("message") or {}).get("chat")
            if isinstance(chat, dict):
                return int(chat["id"])
    return 0


def _age(body: dict[str, Any]) -> timedelta:
    """How long ago it was written; nothing for what does not say, as a tap on a button."""
    for name in ("message", "edited_message"):
        if written := (body.get(name) or {}).get("edit_date") or (body.get(name) or {}).get("date"):
            return now() - datetime.fromtimestamp(written, UTC)
    return timedelta(0)


def _calm(session: Session, office: Office, bot_id: int, chat_id: int, count: int) -> None:
    """Ignore what of the latest *count* updates is beyond the chat's allowance of this minute."""
    limit = office.settings.telegram_updates_per_minute * (1 if chat_id > 0 else _GROUP_FACTOR)
    this_minute = (
        select(ChatUpdate)
        .where(ChatUpdate.bot_id == bot_id, ChatUpdate.chat_id == chat_id,
               ChatUpdate.received_at > now() - _MINUTE)
        .order_by(ChatUpdate.update_id)
    )  # fmt: skip
    rows = session.scalars(this_minute).all()
    ignored = [row for row in rows if row.status == UpdateStatus.IGNORED]
    taken = [row for row in rows if row not in ignored and _age(row.body) < _MINUTE]
    surplus = [row for row in taken[limit:][-count:] if row.status == UpdateStatus.RECEIVED]
    for row in surplus:
        row.status, row.processed_at = UpdateStatus.IGNORED, now()
        row.reason = say("chat_desk.flood")
    if surplus:
        log.warning("chat floods", chat=chat_id, ignored=len(surplus))
    if surplus and not ignored and chat_id > 0:
        chat_notices.tell(session, office, chat_id, "flood", per_minute=limit)


def waiting(office: Office, bot_id: int, *, limit: int = 1000) -> dict[int, list[dict[str, Any]]]:
    """The oldest updates that wait, by chat, oldest first in each."""
    with office.database.reading() as session:
        rows = session.execute(_WAITING, {"bot": bot_id, "limit": limit}).all()
    found: dict[int, list[dict[str, Any]]] = {}
    for chat_id, body in rows:
        found.setdefault(chat_id, []).append(body)
    return found


def take(session: Session, bot_id: int, update_ids: Collection[int]) -> list[ChatUpdate]:
    """Lock those of *update_ids* that still wait, oldest first; what another process has is left out."""
    return list(session.scalars(_TAKEN, {"bot": bot_id, "updates": list(update_ids)}))


def settle(rows: Sequence[ChatUpdate], case: Case | None = None, reason: str = "") -> None:
    """Mark *rows* processed, in the transaction of what they caused."""
    for row in rows:
        row.status, row.processed_at, row.attempts = UpdateStatus.PROCESSED, now(), row.attempts + 1
        row.case_id, row.reason, row.error = case.id if case else None, reason, ""


def fail(office: Office, bot_id: int, update_ids: Collection[int], error: BaseException) -> None:
    """Keep the updates as failed, with the traceback of *error*, in a transaction of its own."""
    log.error("update failed", bot=bot_id, updates=list(update_ids), error=repr(error))
    words = "".join(traceback.format_exception(error))[-20_000:].replace("\0", "")
    with office.database.writing() as session, speaking(office.settings.language):
        for row in take(session, bot_id, update_ids):
            row.status, row.processed_at, row.attempts = UpdateStatus.FAILED, now(), row.attempts + 1
            row.reason, row.error = say("chat_desk.failed", error=type(error).__name__), words


def stuck(session: Session, *, limit: int = 50) -> Sequence[ChatUpdate]:
    """What failed, newest first."""
    failed = select(ChatUpdate).where(IS_FAILED)
    return session.scalars(failed.order_by(ChatUpdate.received_at.desc()).limit(limit)).all()


def retry(session: Session, bot_id: int, update_id: int, by: Account) -> None:
    """Give an update that failed to the bot again, as if it had just arrived."""
    row = session.get(ChatUpdate, (bot_id, update_id), with_for_update=True)
    if by.role not in (Role.OFICIALIA, Role.ADMINISTRATOR) or not by.is_active:
        raise InvalidInput("not_yours")
    if row is None or row.status != UpdateStatus.FAILED:
        raise InvalidInput("update_not_retryable")
    row.status, row.processed_at = UpdateStatus.RECEIVED, None
    record(session, None, "retry_update", account=by, data={"update": update_id})


def purge(office: Office, at: datetime) -> int:
    """Forget what was processed long ago, and links that expired then; returns how many rows."""
    # What a conversation said and led to no case is nobody's business any more; cases keep their thread.
    old = select(ChatUpdate.bot_id, ChatUpdate.update_id).where(
        ChatUpdate.received_at < at - KEPT,
        ChatUpdate.status.in_((UpdateStatus.PROCESSED, UpdateStatus.IGNORED)),
    )
    links = select(OneTimeLink.token_sha256).where(
        OneTimeLink.created_at < at - KEPT, OneTimeLink.expires_at < at - KEPT
    )
    with office.database.reading() as session:
        rows = session.execute(old.limit(_PURGED_AT_ONCE)).all()
        tokens = session.scalars(links.limit(_PURGED_AT_ONCE)).all()
    if rows or tokens:
        with office.database.writing() as session:
            key = tuple_(ChatUpdate.bot_id, ChatUpdate.update_id)
            session.execute(delete(ChatUpdate).where(key.in_([tuple(row) for row in rows])))
            session.execute(delete(OneTimeLink).where(OneTimeLink.token_sha256.in_(tokens)))
    return len(rows) + len(tokens)


def introduce(office: Office, username: str) -> None:
    """Remember the bot's user name, for the links of mail and panel that lead to it."""
    dialect = sqlite if office.database.is_sqlite else postgresql
    with office.database.writing() as session:
        statement = dialect.insert(Door).values(name=DOOR, started_at=now(), known_as=username)
        session.execute(
            statement.on_conflict_do_update(index_elements=[Door.name], set_={"known_as": username})
        )


def bot_username(session: Session) -> str:
    """The user name of the bot, without @; empty when it never ran."""
    return session.scalar(select(Door.known_as).where(Door.name == DOOR)) or ""


def webhook_secret(office: Office) -> str:
    """What Telegram must say in X-Telegram-Bot-Api-Secret-Token."""
    return _derived(office, "webhook secret")


def webhook_path(office: Office) -> str:
    """The path under which the web role takes updates, which only Telegram is told."""
    return f"/telegram/{_derived(office, 'webhook path')[:32]}"


def _derived(office: Office, purpose: str) -> str:
    token = office.settings.telegram_token.get_secret_value()
    # Bound to the bot: with a new token both change.
    return hmac.digest(office.settings.secret, f"{purpose}:{token}".encode(), hashlib.sha256).hex()
