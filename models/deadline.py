"""Working time: when a promise falls due, how much of it is left, and what pauses do to both.

Pure: the calendar is a value, holidays come in as dates, pauses as pairs of instants. Results are UTC
instants; opening and closing are local times, so a day with a change of clocks is right too.
"""

from __future__ import annotations

import re
from calendar import isleap, monthrange
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from itertools import accumulate
from zoneinfo import ZoneInfo

MONDAY_TO_FRIDAY = frozenset(range(5))
MINUTE = timedelta(minutes=1)
FOREVER = datetime.max.replace(tzinfo=UTC)
_NO_TIME = timedelta()

# Minutes since midnight at which one stretch of a day begins and ends; 1440 is the next midnight.
Span = tuple[int, int]
# The stretches of Monday, of Tuesday, … of Sunday.
Week = tuple[tuple[Span, ...], ...]
# When the clock stood still: from, to; without an end while it still does.
Pause = tuple[datetime, datetime | None]


def same_hours(weekdays: Container[int], opens: time, closes: time) -> Week:
    """A week with the same hours on each of *weekdays* (Monday is 0)."""
    span = (opens.hour * 60 + opens.minute, closes.hour * 60 + closes.minute)
    return tuple((span,) if day in weekdays else () for day in range(7))


# Those of manual O: Monday to Friday from 09:00 to 15:00.
OFFICE_WEEK = same_hours(MONDAY_TO_FRIDAY, time(9), time(15))


@dataclass(frozen=True, slots=True)
class BusinessCalendar:
    """Days and hours in which the office attends; by default those of manual O.

    *holidays* can be hashed, so that what was counted of a calendar is remembered.
    """

    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("America/Mexico_City"))
    week: Week = OFFICE_WEEK
    holidays: Container[date] = frozenset()

    def __post_init__(self) -> None:
        spans = [span for day in self.week for span in day]
        if len(self.week) != 7 or not spans:
            raise ValueError("an office that never opens keeps no promise")
        if any(not 0 <= opens < closes <= 1440 for opens, closes in spans):
            raise ValueError("an office opens before it closes, and both on one day")

    def is_working_day(self, day: date) -> bool:
        """True when the office attends on *day*."""
        return bool(self.week[day.weekday()]) and day not in self.holidays

    def hours_of(self, day: date) -> tuple[tuple[datetime, datetime], ...]:
        """The stretches in which the office attends on *day*, as UTC instants; none on a day off."""
        return _instants(self.zone, self.week[day.weekday()], day) if self.is_working_day(day) else ()

    def working_day_from(self, day: date) -> date:
        """*day*, or the first working day after it."""
        while not self.is_working_day(day):
            day += timedelta(days=1)
        return day

    def working_day_after(self, day: date, count: int) -> date:
        """The working day on which a term of *count* working days ends; *day* itself is none of them."""
        for _ in range(count):
            day = self.working_day_from(day + timedelta(days=1))
        return day

    def closing_of(self, day: date) -> datetime:
        """When the office closes on *day*, or on the first working day after it."""
        return self.hours_of(self.working_day_from(day))[-1][1]

    @property
    def usual_day(self) -> timedelta:
        """The working time of its longest day: what people mean by a working day."""
        return _longest_day(self.week)


@lru_cache(maxsize=512)
def _longest_day(week: Week) -> timedelta:
    return max(sum(closes - opens for opens, closes in day) for day in week) * MINUTE


@lru_cache(maxsize=8192)
def _instants(zone: ZoneInfo, spans: tuple[Span, ...], day: date) -> tuple[tuple[datetime, datetime], ...]:
    midnight = datetime.combine(day, time(), zone)
    # Adding to a local time keeps to the clock on the wall, which is what an office opens by.
    found = (
        ((midnight + opens * MINUTE).astimezone(UTC), (midnight + closes * MINUTE).astimezone(UTC))
        for opens, closes in spans
    )
    # An hour that a change of clocks leaves out is none.
    return tuple((opening, closing) for opening, closing in found if opening < closing)


def due_after(
    start: datetime, promised: timedelta, calendar: BusinessCalendar, pauses: Iterable[Pause] = ()
) -> datetime | None:
    """The instant at which *promised* working time has passed since *start*, not counting *pauses*.

    What ends with the day ends at closing, not at the next opening. No time at all gives
    *start*, or the next moment that counts. None: a pause without end comes first.
    """
    if promised < _NO_TIME:
        raise ValueError("a deadline lies ahead")
    for begin, end in _counting(start, calendar, pauses):
        if promised <= end - begin:
            return begin + promised
        promised -= end - begin
    return None


def working_time(
    start: datetime, end: datetime, calendar: BusinessCalendar, pauses: Iterable[Pause] = ()
) -> timedelta:
    """Working time from *start* to *end* without *pauses*; negative when *end* comes first."""
    if end < start:
        return -working_time(end, start, calendar, pauses)
    start, end = _as_utc(start), _as_utc(end)
    within = ((max(begin, start), min(until, end)) for begin, until in _merged(pauses))
    paused = (_passed(begin, until, calendar) for begin, until in within if begin < until)
    return _passed(start, end, calendar) - sum(paused, _NO_TIME)


def _passed(start: datetime, end: datetime, calendar: BusinessCalendar) -> timedelta:
    """Working time between two UTC instants, the later one last; as quickly for years as for a day."""
    (first, before_start), (last, before_end) = _in_year(start, calendar), _in_year(end, calendar)
    whole_years = (_in_days(calendar, year)[-1] for year in range(first, last))
    return sum(whole_years, before_end - before_start)


def _in_year(at: datetime, calendar: BusinessCalendar) -> tuple[int, timedelta]:
    """The local year of *at*, and the working time in it before *at*."""
    day = at.astimezone(calendar.zone).date()
    passed = _in_days(calendar, day.year)[day.timetuple().tm_yday - 1]
    today = (min(at, closing) - opening for opening, closing in calendar.hours_of(day) if opening < at)
    return day.year, sum(today, passed)


@lru_cache(maxsize=512)
def _in_days(calendar: BusinessCalendar, year: int) -> tuple[timedelta, ...]:
    """The working time of *year* before each of its days, and at last the whole of it."""
    days = (date(year, 1, 1) + timedelta(days=number) for number in range(366 if isleap(year) else 365))
    lengths = (
        sum((closing - opening for opening, closing in calendar.hours_of(day)), _NO_TIME) for day in days
    )
    return tuple(accumulate(lengths, initial=_NO_TIME))


def add_working_minutes(start: datetime, minutes: int, calendar: BusinessCalendar) -> datetime:
    """Like `due_after` for whole minutes and no pause."""
    due_at = due_after(start, minutes * MINUTE, calendar)
    assert due_at is not None
    return due_at


def working_minutes_between(start: datetime, end: datetime, calendar: BusinessCalendar) -> int:
    """Whole minutes of working time from *start* to *end*; negative when *end* comes first."""
    if end < start:
        return -working_minutes_between(end, start, calendar)
    return working_time(start, end, calendar) // MINUTE


def working_days_between(first: date, last: date, calendar: BusinessCalendar) -> int:
    """Working days after *first* until *last*, as laws count terms: the first day is not one of them."""
    return sum(
        calendar.is_working_day(first + timedelta(days=number))
        for number in range(1, (last - first).days + 1)
    )


def _counting(
    start: datetime, calendar: BusinessCalendar, pauses: Iterable[Pause]
) -> Iterator[tuple[datetime, datetime]]:
    """The stretches of time that count, from *start* on; without end unless a pause has none."""
    start, gaps = _as_utc(start), _merged(pauses)
    day = start.astimezone(calendar.zone).date()
    while True:
        for opening, closing in calendar.hours_of(day):
            begin = max(opening, start)
            for paused, resumed in gaps:
                if resumed <= begin or paused >= closing:
                    continue
                if paused > begin:
                    yield begin, paused
                if resumed == FOREVER:
                    return
                begin = resumed
            if begin <= closing:
                yield begin, closing
        day += timedelta(days=1)


def _as_utc(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError(f"naive datetime {at!r}: instants carry their zone")
    return at.astimezone(UTC)


def _merged(pauses: Iterable[Pause]) -> Sequence[tuple[datetime, datetime]]:
    """*pauses* in their order, those that touch or overlap as one."""
    found: list[tuple[datetime, datetime]] = []
    for begin, end in sorted((begin.astimezone(UTC), end or FOREVER) for begin, end in pauses):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin, end))
    return found


class TermUnit(StrEnum):
    """The units of ISO 8601 in which a range is promised."""

    DAYS = "D"
    WEEKS = "W"
    MONTHS = "M"


_TERM = re.compile(r"P(\d{1,3})([DWM])")


@dataclass(frozen=True, slots=True)
class Term:
    """A stretch of calendar time: *1 week*, *3 months* (manual O). Written as ISO 8601 has it: P1W, P3M."""

    count: int
    unit: TermUnit

    @classmethod
    def parse(cls, text: str) -> Term | None:
        """The term that *text* writes; None when it writes none."""
        match = _TERM.fullmatch(text)
        return cls(int(match[1]), TermUnit(match[2])) if match else None

    def __str__(self) -> str:
        return f"P{self.count}{self.unit}"

    def after(self, day: date) -> date:
        """The day on which the term that begins on *day* ends; a month later is at most its last day."""
        if self.unit != TermUnit.MONTHS:
            return day + timedelta(days=self.count * (7 if self.unit == TermUnit.WEEKS else 1))
        years, month = divmod(day.month - 1 + self.count, 12)
        year = day.year + years
        return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
