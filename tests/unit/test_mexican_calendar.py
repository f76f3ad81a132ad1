"""Thirty dates counted by hand, with the calendar on the wall: holidays, Holy Week, year ends, time zones."""

from __future__ import annotations

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from models.calendar import (
    WEEKDAYS,
    Calendar,
    Closed,
    DayOff,
    business_calendar,
    federal_holidays,
    read_hours,
    write_hours,
)
from models.deadline import BusinessCalendar, add_working_minutes, same_hours

MEXICO = ZoneInfo("America/Mexico_City")
CANCUN, HERMOSILLO, TIJUANA = (ZoneInfo(f"America/{name}") for name in ("Cancun", "Hermosillo", "Tijuana"))
# Holy Week of 2026 and 2027, and the days between the years: what most municipalities close besides.
DAYS_OFF = [
    DayOff(name="Semana Santa", starts_on=date(2026, 3, 30), ends_on=date(2026, 4, 3), is_active=True),
    DayOff(name="Semana Santa", starts_on=date(2027, 3, 22), ends_on=date(2027, 3, 26), is_active=True),
    DayOff(name="Fin de año", starts_on=date(2026, 12, 21), ends_on=date(2027, 1, 5), is_active=True),
    DayOff(name="Suspendidas", starts_on=date(2026, 11, 23), ends_on=date(2026, 11, 24), is_active=False),
]
HALL = business_calendar(None, DAYS_OFF, MEXICO)
# Nine to six, with no days off but the federal ones.
BANK = BusinessCalendar(MEXICO, same_hours(range(5), time(9), time(18)), Closed())
DAY, LONG = 6 * 60, 9 * 60


def at(text: str, zone: ZoneInfo = MEXICO) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=zone)


def calendar_in(zone: ZoneInfo) -> BusinessCalendar:
    return BusinessCalendar(zone, BANK.week, Closed())


# asked, working minutes, due, calendar: what makes it hard
BY_HAND = [
    # Friday 17:59: one minute left that week.
    ("2026-11-20 17:59", 1, "2026-11-20 18:00", BANK),
    ("2026-11-20 17:59", 2, "2026-11-23 09:01", BANK),
    ("2026-11-20 18:00", 60, "2026-11-23 10:00", BANK),
    # Third Monday of November: the weekend has three days.
    ("2026-11-13 17:30", 60, "2026-11-17 09:30", BANK),
    ("2024-11-15 14:00", 120, "2024-11-19 10:00", HALL),
    # First Monday of February (the 5th itself is a working day in 2026).
    ("2026-01-30 14:30", 60, "2026-02-03 09:30", HALL),
    ("2026-02-05 09:00", DAY, "2026-02-05 15:00", HALL),
    ("2027-01-29 15:00", DAY, "2027-02-02 15:00", HALL),
    # Third Monday of March (the 21st, Juárez's birthday itself, is a Saturday in 2026).
    ("2026-03-13 12:00", 2 * DAY, "2026-03-18 12:00", HALL),
    ("2026-03-20 14:59", 2, "2026-03-23 09:01", HALL),
    # Holy Week: set as own days off; without them the bank works on Good Friday.
    ("2026-03-27 14:00", 2 * 60, "2026-04-06 10:00", HALL),
    ("2026-04-01 10:00", 30, "2026-04-06 09:30", HALL),
    ("2026-04-03 10:00", 30, "2026-04-03 10:30", BANK),
    ("2027-03-19 09:00", 2 * DAY, "2027-03-29 15:00", HALL),
    # Holy Week and the Monday of Juárez one after the other: 15 and 22 to 26 March 2027.
    ("2027-03-12 14:00", 5 * DAY, "2027-03-29 14:00", HALL),
    # 1 May: a Friday in 2026, a Saturday in 2027, which moves nothing.
    ("2026-04-30 14:30", 60, "2026-05-04 09:30", HALL),
    ("2027-04-30 14:30", 60, "2027-05-03 09:30", HALL),
    # 16 September: a Wednesday in 2026, a Thursday in 2027. The 15th is worked.
    ("2026-09-15 14:00", 120, "2026-09-17 10:00", HALL),
    ("2026-09-16 10:00", 1, "2026-09-17 09:01", HALL),
    ("2027-09-15 17:59", 2, "2027-09-17 09:01", BANK),
    # 1 October of the years in which the President takes office: 2024 and 2030, not 2026.
    ("2024-09-30 14:00", 120, "2024-10-02 10:00", HALL),
    ("2030-09-30 17:00", 120, "2030-10-02 10:00", BANK),
    ("2026-09-30 14:00", 120, "2026-10-01 10:00", HALL),
    # Until 2018 it was 1 December.
    ("2018-11-30 17:00", 120, "2018-12-03 10:00", BANK),
    # 25 December and 1 January without further days off.
    ("2026-12-24 17:00", 120, "2026-12-28 10:00", BANK),
    ("2026-12-31 17:00", 120, "2027-01-04 10:00", BANK),
    ("2025-12-24 09:00", 2 * LONG, "2025-12-26 18:00", BANK),
    # The end of a year with the office closed from 21 December to 5 January.
    ("2026-12-18 14:00", 120, "2027-01-06 10:00", HALL),
    # A leap day.
    ("2028-02-28 15:00", DAY, "2028-02-29 15:00", HALL),
    # Five minutes for each of 14 credentials, asked ten minutes before closing.
    ("2026-11-19 14:50", 14 * 5, "2026-11-20 10:00", HALL),
]


@pytest.mark.parametrize(("asked", "minutes", "due", "calendar"), BY_HAND)
def test_a_date_counted_by_hand(asked: str, minutes: int, due: str, calendar: BusinessCalendar) -> None:
    assert add_working_minutes(at(asked), minutes, calendar) == at(due)


def test_the_table_has_thirty_dates() -> None:
    assert len({(asked, due) for asked, _, due, _ in BY_HAND}) == 30


@pytest.mark.parametrize(
    ("zone", "asked", "due"),
    [
        # On 8 March 2026 Tijuana changes its clocks with California, Cancún and Hermosillo never do.
        (TIJUANA, "2026-03-06 17:00", "2026-03-09 10:00"),
        (CANCUN, "2026-03-06 17:00", "2026-03-09 10:00"),
        (HERMOSILLO, "2026-03-06 17:00", "2026-03-09 10:00"),
        (TIJUANA, "2026-10-30 17:00", "2026-11-02 10:00"),
    ],
)
def test_in_every_zone_the_clock_on_the_wall_counts(zone: ZoneInfo, asked: str, due: str) -> None:
    assert add_working_minutes(at(asked, zone), 120, calendar_in(zone)) == at(due, zone)


def test_the_same_instant_is_another_hour_elsewhere() -> None:
    # 17:30 in Mexico City: an hour later Cancún has closed, Hermosillo has another hour and a half.
    asked = at("2026-07-15 17:30")
    assert add_working_minutes(asked, 60, calendar_in(CANCUN)) == at("2026-07-16 10:00", CANCUN)
    assert add_working_minutes(asked, 60, calendar_in(HERMOSILLO)) == at("2026-07-15 17:30", HERMOSILLO)
    assert add_working_minutes(asked, 60, BANK) == at("2026-07-16 09:30")


@pytest.mark.parametrize(
    ("year", "days"),
    [
        (2026, "01-01 02-02 03-16 05-01 09-16 11-16 12-25"),
        (2030, "01-01 02-04 03-18 05-01 09-16 10-01 11-18 12-25"),
    ],
)
def test_the_obligatory_days_of_rest_are_those_of_the_law(year: int, days: str) -> None:
    assert sorted(f"{day:%m-%d}" for day in federal_holidays(year)) == days.split()


def test_a_guard_that_keeps_no_holidays_works_on_christmas() -> None:
    hours = dict.fromkeys(WEEKDAYS, "00:00-24:00")
    guard = Calendar(id=2, name="Guardia", zone="", keeps_holidays=False, **hours)
    calendar = business_calendar(guard, DAYS_OFF[:1], MEXICO)
    assert add_working_minutes(at("2026-12-25 03:00"), 30, calendar) == at("2026-12-25 03:30")
    # Days off of all calendars are the guard's too.
    assert not calendar.is_working_day(date(2026, 4, 1))


def test_days_off_of_one_calendar_are_not_those_of_another() -> None:
    own = DayOff(name="Feria", starts_on=date(2026, 9, 18), ends_on=date(2026, 9, 18), calendar_id=7,
                 is_active=True)  # fmt: skip
    assert business_calendar(None, [own], MEXICO).is_working_day(own.starts_on)
    hours = dict.fromkeys(WEEKDAYS, "09:00-15:00")
    fair = Calendar(id=7, name="Feria", zone="America/Cancun", keeps_holidays=True, **hours)
    calendar = business_calendar(fair, [own], MEXICO)
    assert not calendar.is_working_day(own.starts_on) and calendar.zone == CANCUN


@pytest.mark.parametrize(
    ("text", "again"),
    [
        ("09:00-15:00", "09:00-15:00"),
        (" 9:00 – 14:00 ,16:00-18:00", "09:00-14:00, 16:00-18:00"),
        ("00:00-24:00", "00:00-24:00"),
        ("", ""),
    ],
)
def test_hours_are_read_as_people_write_them(text: str, again: str) -> None:
    assert write_hours(read_hours(text)) == again


@pytest.mark.parametrize(
    "text", ["9-15", "15:00-09:00", "09:00-14:00, 13:00-18:00", "09:60-10:00", "09:00-25:00", "siempre"]
)
def test_hours_that_make_no_sense_are_not_read(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the part that was not understood is its message
        read_hours(text)
