"""How instants, sizes and names read in the panel: in the institution's zone and the reader's language."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any

from babel import dates
from flask import Flask, g
from flask_babel import format_date, format_decimal, get_locale, get_timezone

from intake.services.service_fields import words_of
from models.base import now
from templates import say

_ISO = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d[0-9:.]*([+-]\d\d:\d\d|Z))?")


def _reader() -> tuple[str, tzinfo]:
    """The locale and zone of whoever reads the page: a list asks hundreds of times, Flask-Babel long each."""
    if "reader" not in g:
        g.reader = str(get_locale()), get_timezone()
    reader: tuple[str, tzinfo] = g.reader
    return reader


def _local(value: datetime) -> datetime:
    return value.astimezone(_reader()[1])


def _write(value: datetime, pattern: str) -> str:
    """*value* to the minute, as the reader writes it: a list has hundreds of them, the same at every look."""
    locale, zone = _reader()
    return _written(value.replace(second=0, microsecond=0), pattern, locale, str(zone))


@lru_cache(maxsize=8192)
def _written(value: datetime, pattern: str, locale: str, zone: str) -> str:
    return dates.format_datetime(value, pattern, tzinfo=dates.get_timezone(zone), locale=locale)


def moment(value: datetime | None) -> str:
    """Date and time in full, for titles and history."""
    return _write(value, "d MMM y, HH:mm") if value else ""


def day(value: date | None) -> str:
    """A date of the calendar in full."""
    return format_date(value, "d MMM y") if value else ""


def as_read(value: Any) -> Any:
    """What an event recorded: its days and instants are ISO 8601, which people do not read."""
    if not isinstance(value, str) or not _ISO.fullmatch(value):
        return value
    try:
        return moment(datetime.fromisoformat(value)) if "T" in value else day(date.fromisoformat(value))
    except ValueError:
        # Only looks like one.
        return value


def short(value: datetime | None) -> str:
    """As a mail client's list says it: the hour today, *yesterday*, the day this year, else the date."""
    if value is None:
        return ""
    local, today = _local(value), _local(now())
    days = (today.date() - local.date()).days
    if days == 0:
        return _write(value, "HH:mm")
    if days == 1:
        return say("panel.time.yesterday")
    return _write(value, "d MMM" if local.year == today.year else "d MMM y")


def short_full(value: datetime) -> str:
    """Like `short`, with the hour on other days too."""
    hour = _write(value, "HH:mm")
    day = short(value)
    return hour if day == hour else f"{day}, {hour}"


def ago(value: datetime) -> str:
    """How long since *value*, in its largest unit."""
    return say("panel.time.ago", span=span(int((now() - value).total_seconds())))


def span(seconds: int) -> str:
    """A duration in its largest unit, always positive."""
    seconds = abs(seconds)
    for unit, length in (("days", 86_400), ("hours", 3_600)):
        if seconds >= 2 * length:
            return say(f"panel.time.{unit}", number=seconds // length)
    if seconds >= 3_600:
        return say("panel.time.hour")
    return say("panel.time.minutes", number=max(1, seconds // 60))


def due(value: datetime) -> str:
    """A deadline as words: how long it has passed, or when it falls."""
    left = int((value - now()).total_seconds())
    if left < 0:
        return say("panel.time.overdue", span=span(left))
    local, today = _local(value), _local(now())
    days = (local.date() - today.date()).days
    if days == 0:
        return say("panel.time.due_today", time=_write(value, "HH:mm"))
    if days == 1:
        return say("panel.time.due_tomorrow", time=_write(value, "HH:mm"))
    return say("panel.time.due_on", date=_write(value, "d MMM"))


def is_soon(value: datetime) -> bool:
    """Does the deadline fall within a day?"""
    return value - now() < timedelta(days=1)


def local_input(value: datetime | None) -> str:
    """The value of an `<input type="datetime-local">`."""
    return _local(value).strftime("%Y-%m-%dT%H:%M") if value else ""


def size(count: int) -> str:
    """Bytes as people read them."""
    if count < 1000:
        return f"{count} B"
    amount, units = count / 1000, ["GB", "MB", "kB"]
    while amount >= 1000 and len(units) > 1:
        amount, _ = amount / 1000, units.pop()
    return f"{format_decimal(round(amount, 1))} {units[-1]}"


_FILTERS = (moment, day, as_read, short, short_full, ago, span, due, is_soon, local_input, size, words_of)


def init_app(app: Flask) -> None:
    """Make the functions known to templates as filters."""
    for function in _FILTERS:
        app.jinja_env.filters[function.__name__] = function
