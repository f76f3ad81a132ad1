"""On which days a maintenance plan visits."""

from datetime import date

import pytest

from models.plan import Every, Plan, planned_days


@pytest.mark.parametrize(
    ("every", "unit", "starts_on", "wanted"),
    [
        (2, Every.WEEKS, date(2026, 12, 21), [date(2027, 1, 4), date(2027, 1, 18)]),
        (1, Every.MONTHS, date(2026, 10, 31), [date(2027, 1, 31)]),
        (6, Every.MONTHS, date(2025, 7, 15), [date(2027, 1, 15)]),
        (12, Every.MONTHS, date(2027, 2, 1), []),
    ],
)
def test_a_plan_visits_at_its_interval_from_its_first_day(
    every: int, unit: Every, starts_on: date, wanted: list[date]
) -> None:
    plan = Plan(every=every, unit=unit, starts_on=starts_on)
    assert list(planned_days(plan, date(2027, 1, 1), date(2027, 1, 31))) == wanted


def test_what_begins_on_the_31st_falls_on_the_last_day_of_shorter_months() -> None:
    plan = Plan(every=1, unit=Every.MONTHS, starts_on=date(2027, 1, 31))
    days = list(planned_days(plan, date(2027, 1, 1), date(2027, 5, 1)))
    assert days == [date(2027, 1, 31), date(2027, 2, 28), date(2027, 3, 31), date(2027, 4, 30)]
