"""How instants, sizes, names and quotes read in mail: in the office's zone and the reader's language."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime, get_timezone_location

from templates import LANGUAGES, language, say

_LOCALES = {"es": "es_MX", "en": "en"}
MAX_SUBJECT = 200
_PREFIX = re.compile(r"^\s*(?:(?:re|rv|fw|fwd|enc|res|aw|tr|sv)\s*(?:\[\d+\])?\s*:\s*)+", re.IGNORECASE)
# A quote reminds the reader; whoever wants all of it has it in the thread.
_QUOTED_LINES, _QUOTED_CHARACTERS = 12, 900


@contextmanager
def speaking(code: str) -> Iterator[None]:
    """Say everything inside the block in language *code*, if we know it."""
    before = language.set(code if code in LANGUAGES else "es")
    try:
        yield
    finally:
        language.reset(before)


def instant(at: datetime, zone: ZoneInfo) -> str:
    """`viernes 20 de noviembre de 2026, 13:45 h (hora de Ciudad de México)`."""
    return say("mail.instant", moment=moment(at, zone), place=_place(zone, _LOCALES[language.get()]))


@cache
def _place(zone: ZoneInfo, locale: str) -> str:
    return get_timezone_location(zone, locale=locale, return_city=True)


def moment(at: datetime, zone: ZoneInfo) -> str:
    """Day and hour without the zone, for readers who are in it."""
    # The pattern is CLDR's, in the labels, because each language orders a date in its own way.
    return _formatted(at.replace(second=0, microsecond=0), say("mail.moment"), zone, _LOCALES[language.get()])


def day(on: date) -> str:
    """`20 nov 2026`, for lists and tables."""
    return format_date(on, "d MMM y", locale=_LOCALES[language.get()])


# Mails that come together are answered in one minute.
@lru_cache(32)
def _formatted(minute: datetime, pattern: str, zone: ZoneInfo, locale: str) -> str:
    return format_datetime(minute, pattern, tzinfo=zone, locale=locale)


def size(count: int) -> str:
    """`245 KB`, `1.2 MB`."""
    if count < 1000:
        return f"{count} B"
    if count < 1_000_000:
        return f"{round(count / 1000)} KB"
    return f"{count / 1_000_000:.1f} MB"


def plain_name(name: str, address: str) -> str:
    """*name* to greet with; empty when it is no name, or so strange that we would spread an advertisement."""
    name = " ".join(name.split())
    is_strange = any(sign in name.lower() for sign in ("@", "/", "www.", "http", "<"))
    return "" if is_strange or len(name) > 80 or name.lower() == address.lower() else name


def paragraphs(text: str) -> list[list[str]]:
    """*text* as paragraphs of lines, which HTML mail needs: Outlook ignores `white-space`."""
    found: list[list[str]] = [[]]
    for line in text.strip().splitlines():
        if line.strip():
            found[-1].append(line.rstrip())
        elif found[-1]:
            found.append([])
    return [lines for lines in found if lines]


def beginning(text: str) -> str:
    """The first lines of *text*, with an ellipsis when there were more."""
    lines = text.strip().splitlines()
    short = "\n".join(lines[:_QUOTED_LINES])[:_QUOTED_CHARACTERS].rstrip()
    return short if short == text.strip() else f"{short} …"


def thread_subject(subject: str, folio: str) -> str:
    """One subject for all mail of a case, by which some clients group: `Re: what was asked [folio]`."""
    plain = _PREFIX.sub("", " ".join(subject.split()))[:MAX_SUBJECT].strip() or say("mail.no_subject")
    return f"Re: {plain} [{folio}]" if folio and f"[{folio}]" not in plain else f"Re: {plain}"
