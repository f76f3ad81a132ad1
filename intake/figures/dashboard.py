"""The tablero de indicadores as one value: figures compared with the period before, and its charts.

The panel, the spreadsheet, the PDF and the report by mail all show this value, so none of them can
say anything else than the others.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from babel.dates import format_date
from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.figures.charts import Chart, Series, bars, columns, most, number, percent, shares
from intake.figures.indicators import AGES, Figures, Open, Period, Reader, Scope
from intake.issued.exports import FORMULA, make_spreadsheet
from intake.issued.pdf import html_to_pdf
from intake.office import Office
from intake.wording import instant
from models.base import now
from models.day_count import NONE
from models.dependencia import Dependencia
from models.service import Service
from templates import language, render, say

# More columns than this become weeks, and more weeks months.
_MOST_COLUMNS = 31
_WEEKS = 8


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure with that of the period before; *change* is a sentence, *is_bad* when it grew worse."""

    name: str
    value: str
    before: str = ""
    is_bad: bool = False


@dataclass(frozen=True, slots=True)
class Dashboard:
    """Everything that is shown for one scope and period."""

    place: str
    period: Period
    compared: Period
    tiles: Sequence[Tile]
    charts: Sequence[Chart]
    is_empty: bool


def period_named(name: str, today: date, since: date | None, until: date | None) -> tuple[Period, Period]:
    """The period *name* so far, and as many days of the one before; own dates when given both."""
    if name == "dates" and since is not None and until is not None:
        until = max(since, min(until, today))
        own = Period(since, until)
        return own, Period(since - timedelta(days=own.days), since - timedelta(days=1))
    if name == "week":
        first = today - timedelta(days=today.weekday())
        before = first - timedelta(days=7)
    elif name == "quarter":
        first = today.replace(month=today.month - (today.month - 1) % 3, day=1)
        before = _months_before(first, 3)
    else:
        first = today.replace(day=1)
        before = _months_before(first, 1)
    # February has no 30th: the part of the period before ends with it.
    so_far = Period(first, today)
    return so_far, Period(before, min(before + timedelta(days=so_far.days - 1), first - timedelta(days=1)))


def _months_before(first: date, months: int) -> date:
    month = first.year * 12 + first.month - 1 - months
    return date(month // 12, month % 12 + 1, 1)


def make_dashboard(
    session: Session, office: Office, scope: Scope, place: str, period: Period, compared: Period
) -> Dashboard:
    """Read and draw, in the current language."""
    reader = Reader(session, office, scope)
    open_now = reader.open_now()
    here = reader.figures(period, open_now.number)
    before = reader.figures(compared, open_now.number)
    learnt = _weeks_of_learning(reader)
    return Dashboard(
        place,
        period,
        compared,
        _tiles(here, before, open_now),
        [one for one in _charts(session, here, before, period, open_now, learnt) if not one.is_empty],
        not (here.totals or before.totals or open_now.number),
    )


def _tiles(here: Figures, before: Figures, open_now: Open) -> list[Tile]:
    def counted(name: str, this: int, that: int, more_is_bad: bool | None = None) -> Tile:
        is_bad = more_is_bad is not None and this != that and (this > that) is more_is_bad
        return Tile(name, number(this), number(that), is_bad)

    def share(name: str, good: Sequence[str], bad: Sequence[str]) -> Tile:
        this, that = (
            (sum(one.totals[key] for key in good), sum(one.totals[key] for key in [*good, *bad]))
            for one in (here, before)
        )
        now_, then = (f"{percent(*one)} %" if one[1] else "—" for one in (this, that))
        is_bad = bool(this[1] and that[1]) and percent(*this) < percent(*that)
        return Tile(name, now_, then, is_bad)

    return [
        counted("arrivals", here.totals["arrivals"], before.totals["arrivals"]),
        counted("finished", here.totals["finished"], before.totals["finished"], False),
        counted("backlog", here.backlog, before.backlog, True),
        Tile("overdue", number(open_now.overdue), "", open_now.overdue > 0),
        share("met", ("answers_kept", "solutions_kept"), ("answers_late", "solutions_late")),
        _rating(here.totals, before.totals),
    ]


def _rating(here: Counter[str], before: Counter[str]) -> Tile:
    this, that = _mean(here), _mean(before)
    said = [f"{one:.1f}" if one else "—" for one in (this, that)]
    return Tile("rating", said[0], said[1], bool(this and that and this < that))


def _mean(totals: Counter[str]) -> float:
    times = {score: totals[f"rated_{score}"] for score in range(1, 6)}
    total = sum(times.values())
    return sum(score * many for score, many in times.items()) / total if total else 0.0


def _charts(
    session: Session, here: Figures, before: Figures, period: Period, open_now: Open,
    learnt: Sequence[tuple[str, int, int]],
) -> list[Chart]:  # fmt: skip
    names = _names(session, Dependencia, {*here.by_dependencia, *before.by_dependencia})
    services = _names(session, Service, {*here.by_service, *before.by_service})
    labels, arrived, finished = _over_time(here, period)
    return [
        columns("flow", _title("flow"), labels,
                [_series("arrivals", arrived), _series("finished", finished)]),
        _ages(open_now),
        _met(here),
        _ratings(here),
        _compared("service", here.by_service, before.by_service, services),
        _compared("dependencia", here.by_dependencia, before.by_dependencia, names),
        _compared("channel", here.by_channel, before.by_channel,
                  {one: say(f"panel.channel.{one}") for one in {*here.by_channel, *before.by_channel}}),
        columns("hour", _title("hour"), [f"{hour}" for hour in range(24)],
                [_series("arrivals", [here.by_hour[hour] for hour in range(24)])]),
        columns(
            "learnt", _title("learnt"), [week for week, _, _ in learnt],
            [Series(say("indicators.series.right"),
                    [percent(right, right + wrong) for _, right, wrong in learnt])],
            unit=" %", top=100,
            note=say("indicators.note.learnt", number=number(sum(a + b for _, a, b in learnt))),
        ),
    ]  # fmt: skip


def _title(name: str) -> str:
    return say(f"indicators.chart.{name}")


def _series(name: str, values: Sequence[int]) -> Series:
    return Series(say(f"indicators.series.{name}"), values)


def _names(session: Session, table: type[Dependencia | Service], ids: set[int]) -> dict[Any, str]:
    found = session.execute(select(table.id, table.name).where(table.id.in_(ids - {NONE})))
    return {NONE: say("indicators.none"), **{row.id: row.name for row in found}}


def _compared(
    name: str, here: Mapping[Any, int], before: Mapping[Any, int], names: Mapping[Any, str]
) -> Chart:
    rows = [
        (names.get(one, say("indicators.none")), (here.get(one, 0), before.get(one, 0)))
        for one in {*here, *before}
    ]
    shown = most([row for row in rows if any(row[1])], say("indicators.others"))
    return bars(name, _title(name), [label for label, _ in shown],
                [_series("this", [values[0] for _, values in shown]),
                 _series("before", [values[1] for _, values in shown])])  # fmt: skip


def _ages(open_now: Open) -> Chart:
    ends = [say("indicators.age.up_to_1"), *(
        say("indicators.age.between", first=first + 1, last=last)
        for first, last in pairwise(AGES)
    ), say("indicators.age.more", days=AGES[-1])]  # fmt: skip
    return columns("ages", _title("ages"), ends, [_series("open", open_now.ages)],
                   note=say("indicators.note.ages"))  # fmt: skip


def _met(here: Figures) -> Chart:
    kinds = ("answers", "solutions")
    return shares(
        "met", _title("met"), [say(f"indicators.met.{kind}") for kind in kinds],
        _series("kept", [here.totals[f"{kind}_kept"] for kind in kinds]),
        _series("late", [here.totals[f"{kind}_late"] for kind in kinds]),
    )  # fmt: skip


def _ratings(here: Figures) -> Chart:
    scores = range(5, 0, -1)
    labels = [f"{'★' * score} {score}" for score in scores]
    return bars("ratings", _title("ratings"), labels,
                [_series("ratings", [here.totals[f"rated_{score}"] for score in scores])])  # fmt: skip


def _over_time(here: Figures, period: Period) -> tuple[list[str], list[int], list[int]]:
    """Arrivals and what was finished by day, by week or by month, whichever still has room."""
    days = [period.since + timedelta(days=n) for n in range(period.days)]
    groups: dict[date, Counter[str]] = {}
    weeks = len(days) > _MOST_COLUMNS
    months = len(days) > _MOST_COLUMNS * 7
    for day in days:
        first = day.replace(day=1) if months else day - timedelta(days=day.weekday()) if weeks else day
        groups.setdefault(first, Counter()).update(here.by_day.get(day, Counter()))
    pattern = "MMM yy" if months else "d MMM"
    labels = [format_date(first, pattern, locale=_locale()) for first in groups]
    return labels, [one["arrivals"] for one in groups.values()], [one["finished"] for one in groups.values()]


def _weeks_of_learning(reader: Reader) -> list[tuple[str, int, int]]:
    """How many proposals were right and wrong in each of the last weeks."""
    monday = reader.today - timedelta(days=reader.today.weekday())
    first = monday - timedelta(weeks=_WEEKS - 1)
    found = reader.learning(Period(first, reader.today))
    weeks: dict[date, Counter[str]] = {first + timedelta(weeks=n): Counter() for n in range(_WEEKS)}
    for day, counted in found.items():
        weeks[day - timedelta(days=day.weekday())].update(counted)
    return [
        (format_date(week, "d MMM", locale=_locale()), counted["accepted"], counted["corrected"])
        for week, counted in weeks.items()
    ]


def _locale() -> str:
    return "es_MX" if language.get() == "es" else "en"


def days_of(period: Period) -> str:
    """`1 nov 2026 – 21 nov 2026`."""
    days = [format_date(day, "d MMM y", locale=_locale()) for day in (period.since, period.until)]
    return days[0] if period.days == 1 else " – ".join(days)


def table_of(found: Dashboard) -> list[tuple[str, str, str, int]]:
    """All charts as one table: chart, row, series and value."""
    return [
        (chart.title, label, series, value)
        for chart in found.charts
        for label, values in chart.rows
        for series, value in zip(chart.series, values, strict=True)
    ]


def _heads() -> list[tuple[str, int]]:
    return [(say("indicators.column.chart"), 34), (say("indicators.column.row"), 44),
            (say("indicators.column.series"), 24), (say("indicators.column.value"), 12)]  # fmt: skip


def as_spreadsheet(office: Office, found: Dashboard) -> bytes:
    """The table as XLSX."""
    return make_spreadsheet(office, say("indicators.sheet"), _heads(), table_of(found))


def as_csv(found: Dashboard) -> bytes:
    """The table as CSV in UTF-8, with the mark by which spreadsheets know that."""
    made = io.StringIO()
    writer = csv.writer(made)
    writer.writerow([title for title, _ in _heads()])
    for *texts, value in table_of(found):
        writer.writerow([*(f"'{one}" if str(one).startswith(FORMULA) else one for one in texts), value])
    return made.getvalue().encode("utf-8-sig")


def as_pdf(office: Office, found: Dashboard) -> bytes:
    """The whole dashboard on paper, each chart with its table."""
    return html_to_pdf(
        render(
            "letters/indicators.html",
            institution=office.settings.institution,
            found=found,
            period=days_of(found.period),
            compared=days_of(found.compared),
            printed_at=instant(now(), office.settings.zone),
        )
    )
