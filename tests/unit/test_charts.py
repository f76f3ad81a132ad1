"""Charts: what is drawn where, what stands beside it, and that the table says the same."""

from __future__ import annotations

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.figures.charts import Chart, Series, bars, columns, most, nice_top, percent, shares
from intake.figures.dashboard import period_named
from intake.figures.indicators import Period
from models.scheduled_report import Frequency, next_after, period_before
from templates import environment

DAYS = ["lun", "mar", "mié"]


def test_columns_grow_from_one_line_in_proportion_to_their_values() -> None:
    chart = columns("flow", "Llegaron", DAYS, [Series("Llegaron", [4, 8, 0])])
    first, second, third = chart.marks
    assert second.height == 2 * first.height
    assert third.height == 0
    assert first.y + first.height == second.y + second.height == chart.lines[0]
    assert second.y == chart.lines[-1], "The largest is as high as the scale."
    assert first.x + first.width <= second.x


def test_series_stand_side_by_side_each_with_a_filling_of_its_own() -> None:
    chart = columns("flow", "Flujo", DAYS, [Series("Llegaron", [1, 2, 3]), Series("Salieron", [3, 2, 1])])
    assert [mark.series for mark in chart.marks] == [0, 1] * 3
    assert chart.marks[0].x + chart.marks[0].width == pytest.approx(chart.marks[1].x, abs=0.2)
    drawn = _drawn(chart)
    fillings = set(re.findall(r'<rect class="mark[^>]* fill="([^"]+)"', drawn))
    assert fillings == {"#0a5f63", "url(#stripes-flow)", "url(#key-flow)"}
    assert 'id="stripes-flow"' in drawn


@given(st.lists(st.integers(0, 1_000_000), min_size=1, max_size=40))
def test_nothing_is_drawn_outside_the_picture(values: list[int]) -> None:
    labels = [f"Renglón {number}" for number in range(len(values))]
    for chart in (
        columns("a", "A", labels, [Series("x", values), Series("y", values[::-1])]),
        bars("b", "B", labels, [Series("x", values), Series("y", values[::-1])]),
        shares("c", "C", labels, Series("x", values), Series("y", values[::-1])),
    ):
        for mark in chart.marks:
            assert mark.x >= 0 and mark.y >= 0
            assert mark.x + mark.width <= chart.width + 0.2
            assert mark.y + mark.height <= chart.height + 0.2
        for word in chart.words:
            assert 0 <= word.x <= chart.width and 0 <= word.y <= chart.height
        assert [row[1][0] for row in chart.rows] == values


@given(st.integers(0, 10**9))
def test_the_scale_reaches_the_largest_value_in_four_whole_steps(largest: int) -> None:
    top = nice_top(largest)
    assert max(4, largest) <= top <= max(4, 2 * largest)
    assert top % 4 == 0


def test_the_picture_has_a_name_and_its_table_has_every_number() -> None:
    chart = shares("met", "Cumplidos", ["Solución"], Series("Sí", [2]), Series("No", [1]))
    drawn = _drawn(chart)
    assert 'role="img" aria-labelledby="chart-met"' in drawn
    assert "66 %" in drawn, "A share is never rounded up."
    table = drawn[drawn.index("<table") :]
    assert re.findall(r'<th scope="col"[^>]*>([^<]+)', table)[1:] == ["Sí", "No"]
    assert re.findall(r'<td class="figure">(\d+)', table) == ["2", "1"]


def test_what_does_not_fit_is_one_last_bar() -> None:
    rows = [(f"D{number}", (number, 1)) for number in range(15)]
    shown = most(rows, "Los demás")
    assert [label for label, _ in shown[:2]] == ["D14", "D13"]
    assert shown[-1] == ("Los demás", [sum(range(6)), 6])


def test_a_share_of_nothing_is_nothing() -> None:
    assert percent(0, 0) == 0
    assert columns("x", "X", [], [Series("a", [])]).is_empty


@pytest.mark.parametrize(
    ("name", "here", "before"),
    [
        ("week", ("2026-11-16", "2026-11-18"), ("2026-11-09", "2026-11-11")),
        ("month", ("2026-11-01", "2026-11-18"), ("2026-10-01", "2026-10-18")),
        ("quarter", ("2026-10-01", "2026-11-18"), ("2026-07-01", "2026-08-18")),
    ],
)
def test_a_period_so_far_is_compared_with_as_much_of_the_one_before(
    name: str, here: tuple[str, str], before: tuple[str, str]
) -> None:
    found = period_named(name, date(2026, 11, 18), None, None)
    assert found == (_period(*here), _period(*before))


def test_the_end_of_march_is_compared_with_the_whole_of_february() -> None:
    _, before = period_named("month", date(2027, 3, 31), None, None)
    assert before == _period("2027-02-01", "2027-02-28")


def test_own_dates_are_compared_with_as_many_days_before_them() -> None:
    found = period_named("dates", date(2026, 11, 18), date(2026, 11, 10), date(2026, 12, 24))
    assert found == (_period("2026-11-10", "2026-11-18"), _period("2026-11-01", "2026-11-09"))


@pytest.mark.parametrize(
    ("frequency", "on", "period", "following"),
    [
        (Frequency.DAILY, "2026-11-18", ("2026-11-17", "2026-11-17"), "2026-11-19"),
        (Frequency.WEEKLY, "2026-11-18", ("2026-11-09", "2026-11-15"), "2026-11-23"),
        (Frequency.MONTHLY, "2027-01-01", ("2026-12-01", "2026-12-31"), "2027-02-01"),
    ],
)
def test_a_report_tells_of_the_whole_period_before_its_day(
    frequency: Frequency, on: str, period: tuple[str, str], following: str
) -> None:
    day = date.fromisoformat(on)
    assert Period(*period_before(frequency, day)) == _period(*period)
    assert next_after(frequency, day) == date.fromisoformat(following)


def _period(since: str, until: str) -> Period:
    return Period(date.fromisoformat(since), date.fromisoformat(until))


def _drawn(chart: Chart) -> str:
    source = (
        '{% from "charts.html" import picture, table, legend with context %}'
        "{{ legend(chart) }}{{ picture(chart) }}{{ table(chart) }}"
    )
    return environment().from_string(source).render(chart=chart)
