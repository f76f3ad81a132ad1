"""Working time is counted from Monday to Friday, 09:00 to 15:00, without holidays, in the office's zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.deadline import (
    BusinessCalendar,
    Term,
    TermUnit,
    add_working_minutes,
    due_after,
    same_hours,
    working_days_between,
    working_minutes_between,
    working_time,
)

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
        BusinessCalendar(ZoneInfo("America/Tijuana"), same_hours(range(7), time(0), time(23, 59))),
        BusinessCalendar(week=same_hours({5}, time(9), time(15))),
        BusinessCalendar(week=(((0, 1440),),) * 7),
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
        BusinessCalendar(week=((),) * 7)


@given(instants, minutes, calendars)
def test_as_many_minutes_pass_as_were_promised(
    start: datetime, count: int, calendar: BusinessCalendar
) -> None:
    assert working_minutes_between(start, add_working_minutes(start, count, calendar), calendar) == count


@given(instants, minutes, calendars)
def test_a_deadline_falls_into_working_hours(start: datetime, count: int, calendar: BusinessCalendar) -> None:
    due = add_working_minutes(start, count, calendar)
    hours = calendar.hours_of(due.astimezone(calendar.zone).date())
    assert any(opening <= due <= closing for opening, closing in hours)
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


@given(instants, instants, st.lists(st.tuples(instants, instants), max_size=3), calendars)
def test_the_time_of_years_is_that_of_their_days(
    one: datetime, other: datetime, ends: list[tuple[datetime, datetime]], calendar: BusinessCalendar
) -> None:
    start, end = sorted((one, other))
    pauses = [(min(pair), max(pair)) for pair in ends]
    passed, day = timedelta(), start.astimezone(calendar.zone).date()
    while day <= end.astimezone(calendar.zone).date():
        for opening, closing in calendar.hours_of(day):
            # Of this stretch, what lies between the two and in no pause, cut where a pause begins or ends.
            edges = {max(opening, start), min(closing, end)}
            within = {at for pair in pauses for at in pair if min(edges) < at < max(edges)}
            if max(opening, start) < min(closing, end):
                passed += sum(
                    (
                        until - begin
                        for begin, until in pairwise(sorted(edges | within))
                        if not any(paused <= begin and until <= resumed for paused, resumed in pauses)
                    ),
                    timedelta(),
                )
        day += timedelta(days=1)
    assert working_time(start, end, calendar, pauses) == passed


def test_an_office_may_rest_at_noon_and_close_at_another_hour_on_another_day() -> None:
    split: tuple[tuple[int, int], ...] = ((540, 840), (960, 1080))
    calendar = BusinessCalendar(week=(split, split, split, split, ((540, 780),), (), ()))
    # Thursday 13:30: half an hour before noon's rest, the other half after it.
    assert add_working_minutes(local(19, 13, 30), 60, calendar) == local(19, 16, 30)
    assert add_working_minutes(local(19, 17), 2 * 60, calendar) == local(20, 10)
    # Friday 12:59 has one minute left.
    assert add_working_minutes(local(20, 12, 59), 2, calendar) == local(23, 9, 1)


def test_an_office_may_be_open_round_the_clock() -> None:
    guard = BusinessCalendar(week=(((0, 1440),),) * 7)
    assert add_working_minutes(local(21, 23, 30), 60, guard) == local(22, 0, 30)


@pytest.mark.parametrize("span", [(900, 540), (540, 540), (-1, 540), (540, 1441)])
def test_hours_that_make_no_sense_are_refused(span: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="before it closes"):
        BusinessCalendar(week=((span,), (), (), (), (), (), ()))


def test_a_night_with_a_change_of_clocks_has_as_many_hours_as_it_has() -> None:
    # Tijuana goes with California: 2026-03-08 loses the hour from 2 to 3, 2026-11-01 has it twice.
    night = BusinessCalendar(ZoneInfo("America/Tijuana"), same_hours(range(7), time(0), time(6)))
    zone = night.zone
    for day, hours in ((date(2026, 3, 8), 5), (date(2026, 11, 1), 7), (date(2026, 3, 9), 6)):
        begin = datetime.combine(day, time(), zone)
        assert working_minutes_between(begin, begin + timedelta(hours=12), night) == hours * 60


@pytest.mark.parametrize("name", ["America/Mexico_City", "America/Hermosillo", "America/Cancun"])
def test_where_the_clocks_never_change_every_day_is_as_long(name: str) -> None:
    night = BusinessCalendar(ZoneInfo(name), same_hours(range(7), time(0), time(6)))
    for number in range(365):
        begin = datetime.combine(date(2026, 1, 1) + timedelta(days=number), time(), night.zone)
        assert working_minutes_between(begin, begin + timedelta(hours=12), night) == 360


def test_mexico_city_had_summer_time_until_2022() -> None:
    # The same wall clock, one hour apart in UTC: 2022-06-01 was UTC-5, 2023-06-01 is UTC-6.
    assert CALENDAR.hours_of(date(2022, 6, 1))[0][0].hour == 14
    assert CALENDAR.hours_of(date(2023, 6, 1))[0][0].hour == 15


def test_a_pause_adds_its_working_time_and_nights_in_it_nothing() -> None:
    asked, due = local(18, 10), timedelta(hours=2)
    assert due_after(asked, due, CALENDAR, [(local(18, 11), local(18, 14))]) == local(18, 15)
    assert due_after(asked, due, CALENDAR, [(local(18, 11), local(19, 8))]) == local(19, 10)
    # A pause of a night costs nobody any time.
    assert due_after(local(18, 14), due, CALENDAR, [(local(18, 16), local(19, 9))]) == local(19, 10)


def test_while_a_pause_lasts_nobody_knows_when_it_is_due() -> None:
    assert due_after(local(18, 10), timedelta(hours=2), CALENDAR, [(local(18, 11), None)]) is None


def test_what_was_due_before_the_pause_stays_due() -> None:
    late = due_after(local(18, 10), timedelta(hours=1), CALENDAR, [(local(18, 11, 30), None)])
    assert late == local(18, 11)


def test_pauses_that_overlap_count_once() -> None:
    pauses = [(local(18, 12), local(18, 14)), (local(18, 11), local(18, 13))]
    assert due_after(local(18, 10), timedelta(hours=2), CALENDAR, pauses) == local(18, 15)


def test_terms_are_counted_from_the_next_day_as_the_law_has_it() -> None:
    # Friday the 13th; Monday the 16th is a holiday.
    assert working_days_between(date(2026, 11, 13), date(2026, 11, 17), CALENDAR) == 1
    assert working_days_between(date(2026, 11, 13), date(2026, 11, 13), CALENDAR) == 0


@pytest.mark.parametrize(
    ("written", "day", "ends"),
    [
        ("P1W", date(2026, 11, 20), date(2026, 11, 27)),
        ("P3M", date(2026, 11, 20), date(2027, 2, 20)),
        ("P1M", date(2027, 1, 31), date(2027, 2, 28)),
        ("P3M", date(2027, 11, 30), date(2028, 2, 29)),
        ("P10D", date(2026, 12, 25), date(2027, 1, 4)),
    ],
)
def test_a_term_ends_on_the_day_the_calendar_says(written: str, day: date, ends: date) -> None:
    term = Term.parse(written)
    assert term is not None and str(term) == written
    assert term.after(day) == ends


@pytest.mark.parametrize("written", ["", "1W", "P1Y", "P-1W", "PW", "P1000D"])
def test_what_writes_no_term_is_none(written: str) -> None:
    assert Term.parse(written) is None


def test_units_are_those_of_iso_8601() -> None:
    assert [str(Term(1, unit)) for unit in TermUnit] == ["P1D", "P1W", "P1M"]
