"""Working time: when a promise of so many working minutes falls due, and how much of it has passed.

Pure: the calendar is a value, holidays come in as dates. Results are UTC instants;
opening and closing are local times, so a day with a change of clocks is right too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

MONDAY_TO_FRIDAY = frozenset(range(5))


@dataclass(frozen=True, slots=True)
class BusinessCalendar:
    """Days and hours in which the office attends; by default those of manual O."""

    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("America/Mexico_City"))
    opens: time = time(9)
    closes: time = time(15)
    # Monday is 0.
    weekdays: frozenset[int] = MONDAY_TO_FRIDAY
    holidays: frozenset[date] = frozenset()

    def __post_init__(self) -> None:
        if not self.weekdays or self.opens >= self.closes:
            raise ValueError("an office that never opens keeps no promise")

    def is_working_day(self, day: date) -> bool:
        """True when the office attends on *day*."""
        return day.weekday() in self.weekdays and day not in self.holidays

    def hours_of(self, day: date) -> tuple[datetime, datetime]:
        """Opening and closing of *day* as UTC instants, whether or not the office attends."""
        opening = datetime.combine(day, self.opens, self.zone)
        closing = datetime.combine(day, self.closes, self.zone)
        return opening.astimezone(UTC), closing.astimezone(UTC)


def add_working_minutes(start: datetime, minutes: int, calendar: BusinessCalendar) -> datetime:
    """The instant at which *minutes* of working time have passed since *start*.

    What ends with the day ends at closing, not at the next opening. No minutes at
    all give *start*, or the next opening when the office is closed then.
    """
    if minutes < 0:
        raise ValueError("a deadline lies ahead")
    remaining = timedelta(minutes=minutes)
    for opening, closing in _working_hours(start, calendar):
        begin = max(opening, start.astimezone(UTC))
        if begin > closing:
            continue
        if remaining <= closing - begin:
            return begin + remaining
        remaining -= closing - begin
    raise AssertionError("working days never end")


def working_minutes_between(start: datetime, end: datetime, calendar: BusinessCalendar) -> int:
    """Whole minutes of working time from *start* to *end*; negative when *end* comes first."""
    if end < start:
        return -working_minutes_between(end, start, calendar)
    passed = timedelta()
    for opening, closing in _working_hours(start, calendar):
        if opening >= end:
            break
        passed += max(timedelta(), min(closing, end) - max(opening, start))
    return passed // timedelta(minutes=1)


def _working_hours(start: datetime, calendar: BusinessCalendar) -> Iterator[tuple[datetime, datetime]]:
    """Opening and closing of each working day from that of *start* on, without end."""
    if start.tzinfo is None:
        raise ValueError(f"naive datetime {start!r}: instants carry their zone")
    day = start.astimezone(calendar.zone).date()
    while True:
        if calendar.is_working_day(day):
            yield calendar.hours_of(day)
        day += timedelta(days=1)
