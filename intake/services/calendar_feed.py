"""The visits of a technician as iCalendar (RFC 5545), under a secret address that calendar programs poll."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from icalendar import Calendar, Event
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from intake.office import Office
from intake.reply_address import panel_link
from intake.services.plans import visits_between
from models.base import now
from models.person import Account
from models.plan import CalendarFeed
from models.workflow import State
from templates import say

# What a calendar shows: the last months, and all that has been made.
_PAST, _AHEAD = timedelta(days=90), timedelta(days=400)


def give_feed(session: Session, account: Account) -> str:
    """A new secret for *account*; the one before works no longer. It is shown once, and kept as SHA-256."""
    token = secrets.token_urlsafe(24)
    session.execute(delete(CalendarFeed).where(CalendarFeed.account_id == account.id))
    session.add(CalendarFeed(account_id=account.id, token_sha256=_digest(token)))
    return token


def find_account(session: Session, token: str) -> Account | None:
    """Whose calendar *token* opens; nobody's once the account or the person has left."""
    feed = session.scalar(select(CalendarFeed).where(CalendarFeed.token_sha256 == _digest(token)))
    if feed is None or not (feed.account.is_active and feed.account.person.is_active):
        return None
    return feed.account


def draw_feed(session: Session, office: Office, account: Account) -> bytes:
    """The calendar itself: one all-day event per visit that *account* holds."""
    today = now().astimezone(office.settings.zone).date()
    made = Calendar()
    made.add("prodid", "-//Oficialía//visitas//ES")
    made.add("version", "2.0")
    made.add("x-wr-calname", say("plan.feed_name", account=account.person.name))
    for visit in visits_between(session, today - _PAST, today + _AHEAD, technician=account):
        event = Event()
        event.add("uid", f"visit-{visit.id}@{office.settings.domain}")
        event.add("dtstamp", visit.case.last_activity_at)
        event.add("dtstart", visit.due_on)
        event.add("dtend", visit.due_on + timedelta(days=1))
        event.add("summary", f"{visit.case.folio} {visit.equipment}")
        event.add("location", visit.equipment.place or visit.equipment.dependencia.name)
        event.add(
            "description",
            f"{visit.plan.name}\n{visit.equipment.owner_name}\n{panel_link(office, visit.case)}",
        )
        event.add("status", "CANCELLED" if visit.case.state == State.CANCELLED else "CONFIRMED")
        made.add_component(event)
    content: bytes = made.to_ical()
    return content


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
