"""By when a service is promised: its working minutes on the institution's calendar."""

from __future__ import annotations

from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

from intake.office import Office
from models.deadline import BusinessCalendar, add_working_minutes
from models.service import Service


def calendar_of(office: Office, year: int) -> BusinessCalendar:
    """Working days and hours around *year*, without the public holidays of Mexico."""
    return _calendar(office.settings.zone, year)


@lru_cache(maxsize=8)
def _calendar(zone: ZoneInfo, year: int) -> BusinessCalendar:
    # A promise of three months made in December falls due in the next year.
    days: frozenset[date] = frozenset(holidays.country_holidays("MX", years=range(year - 1, year + 3)))
    return BusinessCalendar(zone=zone, holidays=days)


def solution_due_at(office: Office, service: Service | None, start: datetime) -> datetime | None:
    """When *service*, asked for at *start*, must be done; None when nothing is promised."""
    if service is None or service.solution_minutes is None:
        return None
    calendar = calendar_of(office, start.astimezone(office.settings.zone).year)
    return add_working_minutes(start, service.solution_minutes, calendar)
