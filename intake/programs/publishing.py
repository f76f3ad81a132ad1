"""Tells programs what happened: what was recorded in a transaction becomes notices of its subscribers.

`publish` runs just before every commit, so that a notice exists exactly when its cause does. A
subscriber is told of a case only what its account may see, and nothing of cases it may not.
"""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import event, inspect, literal_column, select, text
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Mapper, Session, SessionTransaction, object_session

from intake.running.reports import describe_event, summary
from models.access import visible_to
from models.case import Case
from models.event import RECORDED, Event
from models.outbox_message import OutboxMessage
from models.person import Account, Role
from models.webhook import TOPICS, Topic, Webhook

CHANNEL = KIND = "webhook"
# In `Session.info`: case id → its state before this transaction.
_STATES = "states before"
_ACTIVE = select(Webhook).where(text("webhook.disabled_at IS NULL AND webhook.deleted_at IS NULL"))


@event.listens_for(Case, "after_update", propagate=True)
def _remember_state(_mapper: Mapper[Case], _connection: Connection, case: Case) -> None:
    history = inspect(case).attrs.state.history
    session = object_session(case)
    if session is not None and history.deleted:
        session.info.setdefault(_STATES, {}).setdefault(case.id, history.deleted[0])


@event.listens_for(Session, "after_soft_rollback")
def _forget(session: Session, transaction: SessionTransaction) -> None:
    if transaction.parent is None:
        session.info.pop(RECORDED, None)
        session.info.pop(_STATES, None)


def publish(session: Session) -> None:
    """Write into the outbox what subscribers are to be told of this transaction."""
    if session.in_nested_transaction() or RECORDED not in session.info:
        return
    recorded: list[tuple[int, str]] = session.info.pop(RECORDED)
    hooks = session.scalars(_ACTIVE).all()
    if hooks:
        session.flush()
        _tell(session, hooks, recorded, session.info.get(_STATES, {}))
    session.info.pop(_STATES, None)


def _tell(
    session: Session, hooks: Sequence[Webhook], recorded: Iterable[tuple[int, str]], before: dict[int, str]
) -> None:
    ids = {case_id for case_id, _ in recorded}
    hashes = {digest for _, digest in recorded}
    # What a savepoint took back is not there; the words are those of the index.
    of_cases = literal_column("coalesce(event.case_id, 0)", Event.case_id.type).in_(ids)
    found = select(Event).where(of_cases, Event.hash.in_(hashes)).order_by(Event.id)
    events = session.scalars(found).all()
    seen = {hook.account_id: _visible(session, hook.account, ids) for hook in hooks}
    for one in events:
        topic = TOPICS.get(one.action)
        for hook in hooks:
            if topic in hook.events and one.case_id in seen[hook.account_id]:
                assert one.case_id is not None
                _queue(session, hook, topic, session.get_one(Case, one.case_id), one)
    last = {one.case_id: one for one in events}
    for case_id, state in before.items():
        case, cause = session.get(Case, case_id), last.get(case_id)
        if case is None or cause is None or case.state == state:
            continue
        for hook in hooks:
            if Topic.STATE_CHANGED in hook.events and case_id in seen[hook.account_id]:
                _queue(session, hook, Topic.STATE_CHANGED, case, cause, {"from": state, "to": case.state})


def _visible(session: Session, account: Account, ids: Iterable[int]) -> set[int]:
    if not (account.is_active and account.person.is_active) or account.role == Role.ADMINISTRATOR:
        return set()
    return set(session.scalars(select(Case.id).where(Case.id.in_(ids), visible_to(account))))


def _queue(
    session: Session, hook: Webhook, topic: Topic, case: Case, cause: Event,
    more: dict[str, str] | None = None,
) -> None:  # fmt: skip
    data = {**summary(case), **(more or {}), "event": describe_event(cause)}
    session.add(notice_for(hook, topic, cause.at, data, case))


def notice_for(
    hook: Webhook, topic: Topic, at: datetime, data: dict[str, Any], case: Case | None = None
) -> OutboxMessage:
    """The notice that *hook* gets: the body of Standard Webhooks, fixed for all attempts."""
    payload = {"type": topic.value, "timestamp": at.isoformat(), "data": data}
    return OutboxMessage(
        channel=CHANNEL,
        kind=KIND,
        case_id=case.id if case else None,
        webhook_id=hook.id,
        to=[hook.url],
        subject=f"{topic.value} {case.folio}" if case else topic.value,
        text=json.dumps(payload, ensure_ascii=False),
        rfc_message_id=f"msg_{base64.b32encode(secrets.token_bytes(15)).decode('ascii').lower()}",
    )
