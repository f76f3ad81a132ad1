"""A form sent twice (a double click, a reload, back and again) is carried out once.

`take` is written in the transaction of what the form causes. Of two that come at the same moment the
second waits for the first to commit, by the database's own lock, and then reads where that one led.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, exists, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from intake.office import Office
from models.base import now
from models.sent_form import SentForm

# A page may stay open over a weekend.
KEPT = timedelta(days=7)
# For so long, the same words in a form that was drawn anew are rather a mistake than meant.
ALIKE = timedelta(minutes=15)


def take(session: Session, sha256: str) -> str | None:
    """None when the form *sha256* is new; else the address to which it led the first time."""
    taken = _row(session, {"sha256": sha256, "sent_at": now(), "led_to": ""}).on_conflict_do_nothing()
    if session.execute(taken.returning(SentForm.sha256)).first() is not None:
        return None
    return session.scalars(select(SentForm.led_to).where(SentForm.sha256 == sha256)).one()


def was_sent_alike(session: Session, words: str) -> bool:
    """Whether another form with the same *words* (their SHA-256) was carried out a moment ago."""
    alike = exists().where(SentForm.sha256 == words, SentForm.sent_at > now() - ALIKE)
    return bool(session.scalar(select(alike)))


def keep(session: Session, sha256: str, words: str, led_to: str) -> None:
    """Remember where the form that was taken led, and its *words*."""
    session.get_one(SentForm, sha256).led_to = led_to
    row: dict[str, object] = {"sha256": words, "sent_at": now(), "led_to": led_to}
    session.execute(_row(session, row).on_conflict_do_update(index_elements=[SentForm.sha256], set_=row))


def purge(office: Office, at: datetime) -> None:
    """Forget those that nobody sends again."""
    old = SentForm.sent_at < at - KEPT
    with office.database.reading() as session:
        if session.scalar(select(SentForm.sha256).where(old).limit(1)) is None:
            return
    with office.database.writing() as session:
        session.execute(delete(SentForm).where(old))


def _row(session: Session, row: dict[str, object]) -> sqlite.Insert | postgresql.Insert:
    if session.get_bind().dialect.name == "postgresql":
        return postgresql.insert(SentForm).values(row)
    return sqlite.insert(SentForm).values(row)
