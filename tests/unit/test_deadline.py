"""Working time is counted from Monday to Friday, 09:00 to 15:00, without holidays, in the office's zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.deadline import BusinessCalendar, add_working_minutes, working_minutes_between

ZONE = ZoneInfo("America/Mexico_City")
# Revolution Day of 2026, a Monday.
HOLIDAY = date(2026, 11, 16)
CALENDAR = BusinessCalendar(holidays=frozenset({HOLIDAY}))
DAY = 6 * 60

_BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
instants = st.integers(0, 2 * 365 * 24 * 3600).map(lambda seconds: _BEGINNING + timedelta(seconds=seconds))
minutes = st.integers(0, 40 * DAY)
# Tijuana changes its clocks twice a year; an office may work through that night.
calendars = st.sampled_from(
    [
        CALENDAR,
        BusinessCalendar(
            zone=ZoneInfo("America/Tijuana"), opens=time(0), closes=time(23, 59), weekdays=frozenset(range(7))
        ),
        BusinessCalendar(weekdays=frozenset({5})),
    ]
)


def local(day: int, hour: int, minute: int = 0, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=ZONE)


def test_an_hour_asked_in_the_morning_is_due_the_same_morning() -> None:
    assert add_working_minutes(local(18, 10), 60, CALENDAR) == local(18, 11)


def test_what_ends_with_the_day_ends_at_closing() -> None:
    assert add_working_minutes(local(18, 9), DAY, CALENDAR) == local(18, 15)


def test_what_is_left_at_closing_goes_on_the_next_morning() -> None:
    assert add_working_minutes(local(18, 14, 30), 60, CALENDAR) == local(19, 9, 30)


def test_a_request_of_friday_night_begins_on_monday() -> None:
    assert add_working_minutes(local(6, 22), 30, CALENDAR) == local(9, 9, 30)


def test_weekend_and_holiday_do_not_count() -> None:
    assert add_working_minutes(local(13, 14), 2 * 60, CALENDAR) == local(17, 10)


def test_no_minutes_at_all_are_now_or_the_next_opening() -> None:
    assert add_working_minutes(local(18, 10), 0, CALENDAR) == local(18, 10)
    assert add_working_minutes(local(18, 15), 0, CALENDAR) == local(18, 15)
    assert add_working_minutes(local(18, 16), 0, CALENDAR) == local(19, 9)


def test_a_week_of_working_time_is_five_days() -> None:
    assert add_working_minutes(local(2, 9), 5 * DAY, CALENDAR) == local(6, 15)


def test_a_deadline_in_the_past_is_refused() -> None:
    with pytest.raises(ValueError, match="ahead"):
        add_working_minutes(local(18, 9), -1, CALENDAR)


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="naive"):
        add_working_minutes(datetime(2026, 11, 18, 9), 1, CALENDAR)  # noqa: DTZ001


def test_an_office_that_never_opens_is_refused() -> None:
    with pytest.raises(ValueError, match="never opens"):
        BusinessCalendar(weekdays=frozenset())


@given(instants, minutes, calendars)
def test_as_many_minutes_pass_as_were_promised(
    start: datetime, count: int, calendar: BusinessCalendar
) -> None:
    assert working_minutes_between(start, add_working_minutes(start, count, calendar), calendar) == count


@given(instants, minutes, calendars)
def test_a_deadline_falls_into_working_hours(start: datetime, count: int, calendar: BusinessCalendar) -> None:
    due = add_working_minutes(start, count, calendar).astimezone(calendar.zone)
    assert calendar.is_working_day(due.date())
    assert calendar.opens <= due.time() <= calendar.closes
    assert due >= start


@given(instants, minutes, minutes, calendars)
def test_who_promises_more_time_is_never_due_earlier(
    start: datetime, fewer: int, more: int, calendar: BusinessCalendar
) -> None:
    fewer, more = sorted((fewer, more))
    assert add_working_minutes(start, fewer, calendar) <= add_working_minutes(start, more, calendar)


@given(instants, st.integers(1, 20 * DAY), st.integers(0, 20 * DAY), calendars)
def test_two_promises_in_a_row_are_one_promise(
    start: datetime, first: int, second: int, calendar: BusinessCalendar
) -> None:
    in_two = add_working_minutes(add_working_minutes(start, first, calendar), second, calendar)
    assert in_two == add_working_minutes(start, first + second, calendar)


@given(instants, instants, calendars)
def test_time_back_is_negative_time(one: datetime, other: datetime, calendar: BusinessCalendar) -> None:
    forward = working_minutes_between(one, other, calendar)
    assert forward == -working_minutes_between(other, one, calendar)
    assert abs(forward) <= abs(other - one) / timedelta(minutes=1)
