"""Where a promise stands, whatever was asked when, waited for and agreed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.calendar import Closed
from models.deadline import (
    MINUTE,
    BusinessCalendar,
    Pause,
    Term,
    TermUnit,
    due_after,
    same_hours,
    working_time,
)
from models.promise import (
    Promise,
    PromiseKind,
    Standing,
    agreeable,
    due_at,
    moments,
    promised_minutes,
    read_clock,
)

ZONE = ZoneInfo("America/Mexico_City")
HALL = BusinessCalendar(ZONE, holidays=Closed())
SPLIT = ((540, 840), (960, 1140))
CALENDARS = (
    HALL,
    BusinessCalendar(ZONE, (SPLIT, SPLIT, SPLIT, SPLIT, ((480, 780),), ((540, 720),), ()), Closed()),
    # Nights in which the clocks change.
    BusinessCalendar(ZoneInfo("America/Tijuana"), same_hours(range(7), time(0), time(23, 59))),
    BusinessCalendar(ZoneInfo("America/Hermosillo"), same_hours({0, 2, 5}, time(7), time(11)), Closed()),
)
BEGINNING = datetime(2024, 1, 1, tzinfo=UTC)
MINUTES_OF_SEVEN_YEARS = 7 * 365 * 24 * 60
A_WEEK = 7 * 24 * 60


def after(start: datetime, minutes: int) -> datetime:
    return start + minutes * MINUTE


def closed_pauses(start: datetime, numbers: Sequence[int]) -> list[Pause]:
    """Pauses that begin and end at these minutes after *start*; they may overlap."""
    return [
        (after(start, numbers[one]), after(start, numbers[one] + numbers[one + 1]))
        for one in range(0, len(numbers) - 1, 2)
    ]


def must_keep_the_laws(
    begins: int, minutes: int, numbers: tuple[int, ...], calendar: BusinessCalendar
) -> None:
    about = (begins, minutes, numbers, CALENDARS.index(calendar))
    start, promised = after(BEGINNING, begins), minutes * MINUTE
    pauses = closed_pauses(start, numbers)
    due = due_after(start, promised, calendar, pauses)
    assert due is not None and due >= start, about
    # As much working time passes outside the pauses as was promised.
    assert working_time(start, due, calendar, pauses) == promised, about
    # It falls due in office hours, and never within a pause.
    hours = calendar.hours_of(due.astimezone(calendar.zone).date())
    assert any(opening <= due <= closing for opening, closing in hours), about
    assert not any(begin < due < end for begin, end in pauses if end), about
    # A pause never shortens the time, and costs exactly its own working time.
    plain = due_after(start, promised, calendar)
    assert plain is not None and plain <= due, about
    assert working_time(plain, due, calendar) == working_time(start, due, calendar) - promised, about


@settings(max_examples=1_000, deadline=None)
@given(
    st.integers(0, MINUTES_OF_SEVEN_YEARS),
    st.integers(0, 8 * 360),
    st.tuples(*[st.integers(0, A_WEEK)] * 4),
    st.sampled_from(CALENDARS),
)
def test_any_promise_keeps_the_laws_of_working_time(
    begins: int, minutes: int, numbers: tuple[int, ...], calendar: BusinessCalendar
) -> None:
    must_keep_the_laws(begins, minutes, numbers, calendar)


def test_ten_thousand_promises_keep_the_laws_of_working_time() -> None:
    # Hypothesis looks for the edges, above; of so many it would think for ten seconds.
    chance = random.Random(20261121)
    for _ in range(10_000):
        begins, minutes = chance.randint(0, MINUTES_OF_SEVEN_YEARS), chance.randint(0, 8 * 360)
        numbers = tuple(chance.randint(0, A_WEEK) for _ in range(4))
        must_keep_the_laws(begins, minutes, numbers, chance.choice(CALENDARS))


@given(
    st.integers(0, MINUTES_OF_SEVEN_YEARS),
    st.integers(0, 8 * 360),
    st.tuples(*[st.integers(0, A_WEEK)] * 4),
    st.sampled_from(CALENDARS),
)
def test_who_attends_is_warned_before_and_the_head_is_told_after(
    begins: int, minutes: int, numbers: tuple[int, ...], calendar: BusinessCalendar
) -> None:
    promise = Promise(PromiseKind.SOLUTION, after(BEGINNING, begins), minutes)
    pauses = closed_pauses(promise.counts_from, numbers)
    found = moments(promise, calendar, pauses)
    assert found is not None
    assert found.warn_at <= found.due_at < found.escalate_at
    assert found.due_at == due_at(promise, calendar, pauses)
    before = read_clock(promise, calendar, found.warn_at, pauses)
    assert before.standing == (Standing.SOON if found.warn_at < found.due_at else Standing.OVERDUE)
    assert timedelta() <= before.left <= minutes * MINUTE
    assert read_clock(promise, calendar, found.due_at, pauses).standing == Standing.OVERDUE


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, MINUTES_OF_SEVEN_YEARS),
    st.integers(1, 3 * 24 * 60),
    st.lists(st.integers(0, 2 * 24 * 60), max_size=4),
    st.sampled_from(CALENDARS),
)
def test_working_time_is_what_counting_minute_by_minute_gives(
    begins: int, length: int, numbers: list[int], calendar: BusinessCalendar
) -> None:
    start = after(BEGINNING, begins)
    pauses = closed_pauses(start, numbers)
    counted = 0
    for minute in range(length):
        moment = after(start, minute)
        wall = moment.astimezone(calendar.zone)
        of_day = wall.hour * 60 + wall.minute
        is_open = wall.date() not in calendar.holidays and any(
            opens <= of_day < closes for opens, closes in calendar.week[wall.weekday()]
        )
        counted += is_open and not any(begin <= moment < end for begin, end in pauses if end)
    assert working_time(start, after(start, length), calendar, pauses) == counted * MINUTE


def local(day: int, hour: int, minute: int = 0) -> datetime:
    # November 2026: the 16th is a holiday, the 18th a Wednesday, the 20th a Friday.
    return datetime(2026, 11, day, hour, minute, tzinfo=ZONE)


def solution(minutes: int = 120, **more: datetime | None) -> Promise:
    return Promise(PromiseKind.SOLUTION, local(18, 10), minutes, **more)


def test_time_left_is_working_time() -> None:
    clock = read_clock(solution(360), HALL, local(18, 14))
    assert (clock.standing, clock.left, clock.due_at) == (
        Standing.RUNNING, timedelta(hours=2), local(19, 10),
    )  # fmt: skip
    # The night takes none of it.
    assert read_clock(solution(360), HALL, local(18, 23)).left == timedelta(hours=1)


def test_a_quarter_before_it_is_due_it_is_due_soon() -> None:
    assert read_clock(solution(), HALL, local(18, 11, 29)).standing == Standing.RUNNING
    assert read_clock(solution(), HALL, local(18, 11, 30)).standing == Standing.SOON


def test_a_project_of_months_warns_one_working_day_before() -> None:
    found = moments(solution(60 * 360), HALL)
    assert found is not None
    assert working_time(found.warn_at, found.due_at, HALL) == timedelta(hours=6)


def test_what_is_overdue_says_for_how_much_working_time() -> None:
    clock = read_clock(solution(), HALL, local(19, 10))
    assert (clock.standing, clock.left) == (Standing.OVERDUE, -timedelta(hours=4))


def test_while_waiting_for_the_requester_the_time_left_stands_still() -> None:
    for hour in (12, 14, 23):
        clock = read_clock(solution(), HALL, local(19, hour), [(local(18, 11), None)])
        assert (clock.standing, clock.left, clock.due_at) == (Standing.PAUSED, timedelta(hours=1), None)


def test_a_broken_promise_is_not_mended_by_waiting() -> None:
    clock = read_clock(solution(), HALL, local(19, 10), [(local(18, 13), None)])
    assert (clock.standing, clock.left) == (Standing.OVERDUE, -timedelta(hours=1))


def test_what_was_done_in_time_was_kept_and_else_came_late() -> None:
    kept = read_clock(solution(done_at=local(18, 11)), HALL, local(25, 12))
    assert (kept.standing, kept.left) == (Standing.KEPT, timedelta(hours=1))
    assert read_clock(solution(done_at=local(18, 13)), HALL, local(25, 12)).standing == Standing.LATE


def test_an_agreed_date_takes_the_place_of_the_minutes() -> None:
    agreed = solution(agreed_at=local(18, 12), agreed_due_at=local(25, 15))
    assert due_at(agreed, HALL) == local(25, 15)
    # A pause that came before was part of the talk, one that comes after moves the date.
    assert due_at(agreed, HALL, [(local(18, 10), local(18, 11))]) == local(25, 15)
    assert due_at(agreed, HALL, [(local(19, 10), local(19, 12))]) == local(26, 11)


def test_what_a_person_wrote_is_kept_even_at_night() -> None:
    assert due_at(solution(agreed_at=local(18, 12), agreed_due_at=local(19, 22)), HALL) == local(19, 22)


def test_a_week_to_three_months_is_a_range_of_working_days() -> None:
    week, months = Term(1, TermUnit.WEEKS), Term(3, TermUnit.MONTHS)
    # Three months after Friday 20 November is Saturday 20 February.
    assert agreeable(date(2026, 11, 20), week, months, HALL) == (date(2026, 11, 27), date(2027, 2, 22))
    # One week after Monday 9 November is Revolution Day.
    assert agreeable(date(2026, 11, 9), week, months, HALL)[0] == date(2026, 11, 17)


@pytest.mark.parametrize(
    ("base", "per_unit", "quantity", "minutes"),
    [
        (None, 5, 14, 70),
        (None, 5, None, 5),
        (360, 5, 100, 860),
        (360, None, 100, 360),
        (None, None, 3, None),
        (0, 5, 0, 5),
    ],
)
def test_each_piece_has_its_minutes(
    base: int | None, per_unit: int | None, quantity: int | None, minutes: int | None
) -> None:
    assert promised_minutes(base, per_unit, quantity) == minutes
