"""When the office attends: calendars with their hours, and days off. Here they become a `BusinessCalendar`.

Federal holidays come from the library `holidays` (Ley Federal del Trabajo, article 74); what else an
institution does not work (Holy Week, local elections) are its own days off.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from sqlalchemy import Date, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, Id
from models.deadline import OFFICE_WEEK, BusinessCalendar, Span, Week

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
# A longer one would be a typing error, and would let no promise ever fall due.
MAX_DAYS_OFF = 366
_SPAN = re.compile(r"(\d{1,2}):(\d\d)\s*[-–]\s*(\d{1,2}):(\d\d)")


class Calendar(Base):
    """Hours of a week; the active one with the lowest id is the institution's, a service may have another.

    Each day reads `09:00-15:00` or `09:00-14:00, 16:00-18:00`; empty: closed.
    """

    __tablename__ = "calendar"

    id: Mapped[Id]
    name: Mapped[str]
    # Empty: that of the institution (OFICIALIA_TIMEZONE).
    zone: Mapped[str] = mapped_column(String(64), default="")
    monday: Mapped[str] = mapped_column(String(80), default="09:00-15:00")
    tuesday: Mapped[str] = mapped_column(String(80), default="09:00-15:00")
    wednesday: Mapped[str] = mapped_column(String(80), default="09:00-15:00")
    thursday: Mapped[str] = mapped_column(String(80), default="09:00-15:00")
    friday: Mapped[str] = mapped_column(String(80), default="09:00-15:00")
    saturday: Mapped[str] = mapped_column(String(80), default="")
    sunday: Mapped[str] = mapped_column(String(80), default="")
    # Whoever guards or rescues works on holidays too.
    keeps_holidays: Mapped[bool] = mapped_column(default=True)
    is_active: Mapped[bool] = mapped_column(default=True)

    @property
    def week(self) -> Week:
        return tuple(read_hours(getattr(self, name)) for name in WEEKDAYS)

    def __str__(self) -> str:
        return self.name


class DayOff(Base):
    """Days on which nobody attends, from `starts_on` to `ends_on`, in one calendar or (None) in all."""

    __tablename__ = "day_off"

    id: Mapped[Id]
    name: Mapped[str]
    starts_on: Mapped[date] = mapped_column(Date)
    ends_on: Mapped[date] = mapped_column(Date)
    calendar_id: Mapped[int | None] = mapped_column(ForeignKey("calendar.id"), index=True)
    is_active: Mapped[bool] = mapped_column(default=True)

    calendar: Mapped[Calendar | None] = relationship()

    def __str__(self) -> str:
        return self.name


def read_hours(text: str) -> tuple[Span, ...]:
    """The stretches that *text* writes, in order. ValueError: not understood, or they overlap."""
    found: list[Span] = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        match = _SPAN.fullmatch(part)
        if match is None:
            raise ValueError(part)
        hours = [int(number) for number in match.groups()]
        opens, closes = hours[0] * 60 + hours[1], hours[2] * 60 + hours[3]
        if max(hours[1], hours[3]) > 59 or not (found[-1][1] if found else 0) <= opens < closes <= 1440:
            raise ValueError(part)
        found.append((opens, closes))
    return tuple(found)


def write_hours(spans: Iterable[Span]) -> str:
    """*spans* as `read_hours` reads them."""
    return ", ".join(
        f"{opens // 60:02}:{opens % 60:02}-{closes // 60:02}:{closes % 60:02}" for opens, closes in spans
    )


@lru_cache(maxsize=128)
def federal_holidays(year: int) -> frozenset[date]:
    """The obligatory days of rest of Mexico in *year*."""
    # Loaded when the first date is asked for: it is more than most programs do.
    import holidays

    return frozenset(holidays.country_holidays("MX", years=year))


@dataclass(frozen=True, slots=True)
class Closed:
    """The days off of a calendar: asked one by one, so that no year has to be foreseen."""

    own: frozenset[date] = frozenset()
    keeps_holidays: bool = True

    def __contains__(self, day: object) -> bool:
        if not isinstance(day, date):
            return False
        return day in self.own or (self.keeps_holidays and day in federal_holidays(day.year))


def business_calendar(
    calendar: Calendar | None, days_off: Iterable[DayOff], zone: ZoneInfo
) -> BusinessCalendar:
    """What *calendar* (None: manual O's hours) and *days_off* say; *zone* is the institution's."""
    own = frozenset(
        one.starts_on + timedelta(days=number)
        for one in days_off
        if one.is_active and one.calendar_id in (None, calendar.id if calendar else None)
        for number in range(min((one.ends_on - one.starts_on).days + 1, MAX_DAYS_OFF))
    )
    if calendar is None:
        return BusinessCalendar(zone, OFFICE_WEEK, Closed(own))
    where = ZoneInfo(calendar.zone) if calendar.zone else zone
    return BusinessCalendar(where, calendar.week, Closed(own, calendar.keeps_holidays))
