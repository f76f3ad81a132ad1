"""A form sent twice (a double click, a reload, back and again) is carried out once.

`take` is written in the transaction of what the form causes. Of two that come at the same moment the
second waits for the first to commit, by the database's own lock, and then reads where that one led.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from intake.office import Office
from models.base import now
from models.sent_form import SentForm

# A page may stay open over a weekend.
KEPT = timedelta(days=7)


def take(session: Session, sha256: str) -> str | None:
    """None when this form is new; else the address to which it led the first time."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    row = {"sha256": sha256, "sent_at": now(), "led_to": ""}
    taken = dialect.insert(SentForm).values(row).on_conflict_do_nothing().returning(SentForm.sha256)
    if session.execute(taken).first() is not None:
        return None
    return session.scalars(select(SentForm.led_to).where(SentForm.sha256 == sha256)).one()


def keep(session: Session, sha256: str, led_to: str) -> None:
    """Remember where the form that was taken led."""
    session.get_one(SentForm, sha256).led_to = led_to


def purge(office: Office, at: datetime) -> None:
    """Forget those that nobody sends again."""
    old = SentForm.sent_at < at - KEPT
    with office.database.reading() as session:
        if session.scalar(select(SentForm.sha256).where(old).limit(1)) is None:
            return
    with office.database.writing() as session:
        session.execute(delete(SentForm).where(old))
