"""Links that work once and not for ever: to prove an e-mail, to bind a chat, to upload or to fetch a file.

Only the SHA-256 of a token is kept, so neither a copy of the database nor the time that a look-up
takes says anything about a token that works.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from sqlalchemy import ColumnElement, select, true, update
from sqlalchemy.orm import Session

from intake.office import Office
from models.base import now
from models.case import Case
from models.chat import Chat, LinkPurpose, OneTimeLink
from models.message import Attachment

_UPLOAD, _DOWNLOAD = timedelta(hours=24), timedelta(days=7)


def mint(
    session: Session,
    purpose: LinkPurpose,
    *,
    lifetime: timedelta,
    address: str = "",
    contact_id: int | None = None,
    person_id: int | None = None,
    dependencia_id: int | None = None,
    case_id: int | None = None,
    attachment_id: int | None = None,
    chat_id: int = 0,
) -> str:
    """A new token of 43 characters, fit for a path and for `t.me/bot?start=`; it is not kept."""
    token = secrets.token_urlsafe(32)
    session.add(
        OneTimeLink(
            token_sha256=_digest(token), purpose=purpose, expires_at=now() + lifetime, address=address,
            contact_id=contact_id, person_id=person_id, dependencia_id=dependencia_id, case_id=case_id,
            attachment_id=attachment_id, chat_id=chat_id,
        )
    )  # fmt: skip
    session.flush()
    return token


def peek(session: Session, token: str, purpose: LinkPurpose | None = None) -> OneTimeLink | None:
    """What the token would do, while it works. Programs that preview links spend nothing with it."""
    return session.scalar(select(OneTimeLink).where(*_works(token, purpose)))


def spend(session: Session, token: str, purpose: LinkPurpose) -> OneTimeLink | None:
    """Use the token; None when it is unknown, expired, spent, or of another purpose.

    Of two who spend it at the same moment one gets None. A rollback gives it back.
    """
    # One statement: the second waits for the first to commit, and then finds it used.
    spent = update(OneTimeLink).where(*_works(token, purpose)).values(used_at=now())
    found = session.execute(spent.returning(OneTimeLink.token_sha256)).scalar()
    return session.get_one(OneTimeLink, found, populate_existing=True) if found else None


def _works(token: str, purpose: LinkPurpose | None) -> tuple[ColumnElement[bool], ...]:
    return (
        OneTimeLink.token_sha256 == _digest(token),
        OneTimeLink.purpose == purpose if purpose else true(),
        OneTimeLink.used_at.is_(None),
        OneTimeLink.expires_at > now(),
    )


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def upload_link(session: Session, office: Office, chat: Chat, case: Case | None) -> str:
    """Where the person in *chat* may upload files for *case*, or for the request they are writing."""
    case_id = case.id if case else None
    token = mint(session, LinkPurpose.UPLOAD, lifetime=_UPLOAD, chat_id=chat.id, case_id=case_id)
    return f"{office.settings.base_url.rstrip('/')}/subir/{token}"


def download_link(session: Session, office: Office, attachment: Attachment) -> str:
    """Where the requester fetches a file too large for the chat, for a week, as often as it takes."""
    session.flush()
    token = mint(session, LinkPurpose.DOWNLOAD, lifetime=_DOWNLOAD, attachment_id=attachment.id)
    return f"{office.settings.base_url.rstrip('/')}/bajar/{token}"
