"""Webhooks: who is called, and the calls themselves, signed as Standard Webhooks 1.0 says.

What `intake.programs.publishing` queued is delivered at least once, with the id of the notice, so that
the other side knows a second one. Who fails for days is disabled, and its owner told.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from intake import outbox
from intake.errors import InvalidInput
from intake.office import Office
from intake.outbox import Delivered, NotDelivered
from intake.programs import outward
from intake.programs.publishing import CHANNEL, notice_for
from intake.programs.webhook_notices import write_disabled
from models.base import now
from models.event import record
from models.outbox_message import OutboxMessage, OutboxStatus
from models.person import Account
from models.webhook import Topic, Webhook
from templates import say

log = structlog.get_logger()

MAX_PER_ACCOUNT = 20
# How long the other notices of a subscriber that fails are left alone.
_HELD_BACK = timedelta(minutes=1)
_GONE = 410
SUBSCRIBABLE = tuple(one for one in Topic if one is not Topic.PING)


def subscribe(
    session: Session, office: Office, by: Account, *, url: str, events: Sequence[str]
) -> tuple[Webhook, str]:
    """A new subscription for the eyes of *by*, and its secret."""
    wanted = list(dict.fromkeys(events))
    if not wanted or not set(wanted) <= set(SUBSCRIBABLE):
        raise InvalidInput("webhook_events")
    url = url.strip()
    outward.check_address(url, outward.networks_of(office.settings.webhook_networks))
    own = select(func.count(Webhook.id)).where(Webhook.account_id == by.id, Webhook.deleted_at.is_(None))
    if (session.scalar(own) or 0) >= MAX_PER_ACCOUNT:
        raise InvalidInput("webhook_too_many", limit=MAX_PER_ACCOUNT)
    hook = Webhook(account_id=by.id, url=url, events=wanted, salt=secrets.token_hex(16))
    session.add(hook)
    session.flush()
    record(session, None, "webhook_made", account=by, data={"name": url})
    return hook, secret_of(office, hook)


def of_account(session: Session, account: Account) -> Sequence[Webhook]:
    """The subscriptions of *account*, oldest first."""
    mine = select(Webhook).where(Webhook.account_id == account.id, Webhook.deleted_at.is_(None))
    return session.scalars(mine.order_by(Webhook.id)).all()


def find(session: Session, account: Account, number: int) -> Webhook | None:
    """One of *account*'s own."""
    hook = session.get(Webhook, number) if number < 2**63 else None
    return hook if hook and hook.account_id == account.id and hook.deleted_at is None else None


def delete(session: Session, by: Account, hook: Webhook) -> None:
    """Never call it again; what waits for it is cancelled."""
    hook.deleted_at = now()
    _cancel_waiting(session, hook)
    record(session, None, "webhook_deleted", account=by, data={"name": hook.url})


def enable(session: Session, office: Office, by: Account, hook: Webhook) -> None:
    """Call it again after it was disabled."""
    outward.check_address(hook.url, outward.networks_of(office.settings.webhook_networks))
    hook.disabled_at = hook.failing_since = None
    record(session, None, "webhook_enabled", account=by, data={"name": hook.url})


def ping(session: Session, hook: Webhook) -> OutboxMessage:
    """Queue a notice that says nothing, to try the way."""
    if hook.disabled_at is not None:
        raise InvalidInput("webhook_disabled")
    notice = notice_for(hook, Topic.PING, now(), {"webhook": hook.id})
    session.add(notice)
    session.flush()
    return notice


def secret_of(office: Office, hook: Webhook) -> str:
    """`whsec_…`, with which the other side proves that a call is ours."""
    return f"whsec_{base64.b64encode(_key(office, hook)).decode('ascii')}"


def _key(office: Office, hook: Webhook) -> bytes:
    return hmac.digest(office.settings.secret, f"webhook secret {hook.salt}".encode(), hashlib.sha256)


def sign(key: bytes, identifier: str, at: int, body: bytes) -> str:
    """The header `webhook-signature`."""
    signed = f"{identifier}.{at}.".encode() + body
    return f"v1,{base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode('ascii')}"


def deliver(office: Office, *, limit: int = 100) -> int:
    """Call whoever is to be told by now; returns how many calls."""
    return outbox.deliver_due(office, CHANNEL, partial(_call, office), limit=limit)


def _call(office: Office, notice: OutboxMessage) -> Delivered:
    with office.database.reading() as session:
        hook = session.get(Webhook, notice.webhook_id or 0)
        if hook is None or not (hook.is_active and hook.account.is_active and hook.account.person.is_active):
            raise NotDelivered(say("api.webhook.gone"), is_permanent=True)
        key = _key(office, hook)
    body, at = notice.text.encode(), int(now().timestamp())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Oficialia-Webhooks/1",
        "webhook-id": notice.rfc_message_id,
        "webhook-timestamp": str(at),
        "webhook-signature": sign(key, notice.rfc_message_id, at, body),
    }
    try:
        networks = outward.networks_of(office.settings.webhook_networks)
        answer = outward.post(hook.url, headers, body, networks)
    except (outward.NotReached, InvalidInput) as error:
        _fail(office, hook.id, str(error))
        raise NotDelivered(str(error)) from error
    if 200 <= answer.status < 300:
        _succeed(office, hook)
        return Delivered()
    words = f"HTTP {answer.status} {answer.words}"[:500]
    _fail(office, hook.id, words, is_gone=answer.status == _GONE)
    wait = timedelta(seconds=answer.retry_after) if answer.retry_after else None
    raise NotDelivered(words, is_permanent=answer.status == _GONE, retry_after=wait)


def _succeed(office: Office, hook: Webhook) -> None:
    at = now()
    if hook.failing_since is None and hook.last_delivered_at and at - hook.last_delivered_at < _HELD_BACK:
        # Not a write for each of a hundred calls.
        return
    with office.database.writing() as session:
        row = session.get_one(Webhook, hook.id, with_for_update=True)
        if row.failing_since is not None:
            # It is there again: what was held back need not wait.
            _postpone(session, row, at)
        row.last_delivered_at, row.failing_since, row.last_error = at, None, ""


def _fail(office: Office, number: int, words: str, *, is_gone: bool = False) -> None:
    at = now()
    with office.database.writing() as session:
        row = session.get_one(Webhook, number, with_for_update=True)
        row.failing_since, row.last_error = row.failing_since or at, words.replace("\0", "")[:500]
        # One address that answers nobody must not take the time of the others.
        _postpone(session, row, at + _HELD_BACK)
        too_long = at - row.failing_since >= timedelta(days=office.settings.webhook_give_up_days)
        if row.is_active and (too_long or is_gone):
            row.disabled_at = at
            _cancel_waiting(session, row)
            record(session, None, "webhook_disabled", data={"name": row.url, "words": row.last_error})
            write_disabled(session, office, row)
            log.warning("webhook disabled", webhook=number, words=words)


def _waiting(hook: Webhook) -> list[ColumnElement[bool]]:
    statuses = (OutboxStatus.QUEUED, OutboxStatus.RETRYING)
    return [
        OutboxMessage.channel == CHANNEL, OutboxMessage.webhook_id == hook.id,
        OutboxMessage.status.in_(statuses),
    ]  # fmt: skip


def _postpone(session: Session, hook: Webhook, until: datetime) -> None:
    session.execute(update(OutboxMessage).where(*_waiting(hook)).values(next_attempt_at=until))


def _cancel_waiting(session: Session, hook: Webhook) -> None:
    session.execute(update(OutboxMessage).where(*_waiting(hook)).values(status=OutboxStatus.CANCELLED))
