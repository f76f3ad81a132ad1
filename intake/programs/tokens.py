"""API tokens: made for an account by its own person, shown once, revoked at any time."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from intake.errors import InvalidInput
from intake.office import Office
from models.api_token import ApiToken, IdempotencyKey, Scope
from models.base import now
from models.event import record
from models.person import Account
from models.user import User

# What finds it in a program by mistake published (as GitHub's secret scanning looks for prefixes).
_PREFIX = "ofi_"
MAX_DAYS = 366
MAX_PER_ACCOUNT = 50
# How long the answer to an Idempotency-Key is kept.
KEPT = timedelta(hours=24)
# `last_used_at` is for people; a write for every request is not.
_USE_WRITTEN_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Bearer:
    """Whose request this is."""

    token_id: int
    account_id: int
    name: str
    scopes: frozenset[str]
    expires_at: datetime
    language: str


def make(
    session: Session, by: Account, *, name: str, scopes: Sequence[str], days: int
) -> tuple[ApiToken, str]:
    """A token that acts as *by*, and what to show of it this once."""
    name, wanted = " ".join(name.split())[:80], list(dict.fromkeys(scopes))
    if not name:
        raise InvalidInput("token_name")
    if not wanted or not set(wanted) <= set(Scope):
        raise InvalidInput("token_scopes")
    if not 1 <= days <= MAX_DAYS:
        raise InvalidInput("token_days", limit=MAX_DAYS)
    if len(of_account(session, by)) >= MAX_PER_ACCOUNT:
        raise InvalidInput("token_too_many", limit=MAX_PER_ACCOUNT)
    secret = _PREFIX + secrets.token_urlsafe(32)
    token = ApiToken(
        account_id=by.id,
        name=name,
        token_sha256=_digest(secret),
        hint=secret[:8],
        scopes=wanted,
        expires_at=now() + timedelta(days=days),
    )
    session.add(token)
    session.flush()
    record(session, None, "api_token_made", account=by, data={"name": name})
    return token, secret


def of_account(session: Session, account: Account) -> Sequence[ApiToken]:
    """The tokens of *account* that were not revoked, newest first."""
    own = select(ApiToken).where(ApiToken.account_id == account.id, ApiToken.revoked_at.is_(None))
    return session.scalars(own.order_by(ApiToken.id.desc())).all()


def revoke(session: Session, by: Account, number: int) -> None:
    """It opens nothing from now on."""
    token = session.get(ApiToken, number)
    if token is None or token.account_id != by.id or token.revoked_at is not None:
        raise InvalidInput("choose_one")
    token.revoked_at = now()
    record(session, None, "api_token_revoked", account=by, data={"name": token.name})


def find_bearer(session: Session, secret: str) -> Bearer | None:
    """Whose *secret* is, while token, account, person and login all are in force."""
    token = session.scalar(select(ApiToken).where(ApiToken.token_sha256 == _digest(secret)))
    if token is None or not token.is_valid:
        return None
    account = token.account
    if not (account.is_active and account.person.is_active):
        return None
    user = session.scalar(select(User).where(User.person_id == account.person_id))
    if user is None or not user.active:
        return None
    return Bearer(token.id, account.id, token.name, frozenset(token.scopes), token.expires_at, user.language)


def remember_use(office: Office, bearer: Bearer) -> None:
    """Write when the token was used last, to the minute."""
    at = now()
    own = update(ApiToken).where(ApiToken.id == bearer.token_id)
    stale = ApiToken.last_used_at.is_(None) | (ApiToken.last_used_at < at - _USE_WRITTEN_EVERY)
    with office.database.reading() as session:
        is_stale = session.scalar(select(ApiToken.id).where(ApiToken.id == bearer.token_id, stale))
    if is_stale is not None:
        with office.database.writing() as session:
            session.execute(own.where(stale).values(last_used_at=at))


def purge(office: Office, at: datetime) -> None:
    """Forget the answers that are kept no longer."""
    old = IdempotencyKey.created_at < at - KEPT
    with office.database.reading() as session:
        if session.scalar(select(IdempotencyKey.key).where(old).limit(1)) is None:
            return
    with office.database.writing() as session:
        session.execute(delete(IdempotencyKey).where(old))


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
