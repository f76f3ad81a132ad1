"""The figures of a dependencia, or of the whole institution, for a period: read from counts by day.

Days that are counted come from `models.day_count`; those of yesterday and today, and any that the
clock has not counted yet, from their cases (`intake.figures.counting.count_day`), so that the figures are
complete at any moment. Counts only: no case is named here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.orm import Session

from intake.figures.counting import count_day, counted_through
from intake.office import Office
from models.base import now
from models.case import Case
from models.day_count import DayCount, HourCount
from models.dependencia import Dependencia

MEASURES = (
    "arrivals", "finished", "ended", "answers_kept", "answers_late", "solutions_kept", "solutions_late",
    "rated_1", "rated_2", "rated_3", "rated_4", "rated_5", "accepted", "corrected",
)  # fmt: skip
# Upper ends, in days, of the ages of what is open; what is older has a group of its own.
AGES = (1, 3, 7, 15, 30, 90)


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose cases: of these dependencias, or of all when None."""

    dependencia_ids: tuple[int, ...] | None = None

    def of_cases(self) -> list[ColumnElement[bool]]:
        return [] if self.dependencia_ids is None else [Case.dependencia_id.in_(self.dependencia_ids)]

    def of(self, table: type[DayCount | HourCount]) -> list[ColumnElement[bool]]:
        return [] if self.dependencia_ids is None else [table.dependencia_id.in_(self.dependencia_ids)]


@dataclass(frozen=True, slots=True)
class Period:
    """Local days, both included."""

    since: date
    until: date

    @property
    def days(self) -> int:
        return (self.until - self.since).days + 1


def below(session: Session, dependencia: Dependencia) -> Scope:
    """*dependencia* and everything under it."""
    rule = Dependencia.path.startswith(dependencia.path, autoescape=True)
    return Scope(tuple(session.scalars(select(Dependencia.id).where(rule).order_by(Dependencia.id))))


@dataclass(slots=True)
class Figures:
    """What happened in a period, and what was open at its end."""

    totals: Counter[str] = field(default_factory=Counter)
    by_day: dict[date, Counter[str]] = field(default_factory=dict)
    by_dependencia: Counter[int] = field(default_factory=Counter)
    by_service: Counter[int] = field(default_factory=Counter)
    by_channel: Counter[str] = field(default_factory=Counter)
    by_hour: Counter[int] = field(default_factory=Counter)
    backlog: int = 0


@dataclass(slots=True)
class Open:
    """What is open now: how many, how many of them overdue, and how old, by the groups of `AGES`."""

    number: int = 0
    overdue: int = 0
    ages: list[int] = field(default_factory=lambda: [0] * (len(AGES) + 1))


def local_today(office: Office) -> date:
    return now().astimezone(office.settings.zone).date()


class Reader:
    """Reads figures for one scope at one moment; what the clock has not counted is counted once."""

    def __init__(self, session: Session, office: Office, scope: Scope) -> None:
        self.session, self.scope = session, scope
        self.today = local_today(office)
        self.through = counted_through(session)
        first = self.through + timedelta(days=1) if self.through else self._first_day(office)
        number = (self.today - first).days + 1
        days = [first + timedelta(days=n) for n in range(max(0, number))]
        self.live = {day: count_day(session, office, day, scope.of_cases()) for day in days}

    def _first_day(self, office: Office) -> date:
        oldest = self.session.scalar(select(Case.created_at).order_by(Case.created_at).limit(1))
        return oldest.astimezone(office.settings.zone).date() if oldest else self.today

    def open_now(self) -> Open:
        """What is open, by the day on which it arrived."""
        found = Open()
        kept = select(DayCount.day, func.sum(DayCount.still_open), func.sum(DayCount.overdue))
        # Written out, because SQLite uses a partial index only for the very words of its condition.
        rows: list[Any] = list(
            self.session.execute(
                kept.where(text("day_count.still_open > 0"), *self.scope.of(DayCount)).group_by(DayCount.day)
            )
        )
        rows += [
            (day, counted["still_open"], counted["overdue"])
            for day, one in self.live.items()
            for counted in one.places.values()
        ]
        for day, number, overdue in rows:
            age = (self.today - day).days
            place = next((place for place, end in enumerate(AGES) if age <= end), len(AGES))
            found.ages[place] += int(number)
            found.number += int(number)
            found.overdue += int(overdue)
        return found

    def figures(self, period: Period, open_now: int) -> Figures:
        """What happened in *period*; *open_now* is what the backlog of its end is reckoned back from."""
        found = Figures()
        self._read_kept(found, period)
        for day, one in self.live.items():
            if not period.since <= day <= period.until:
                continue
            for (dependencia_id, service_id, channel), counted in one.places.items():
                some = Counter({name: counted[name] for name in MEASURES if counted[name]})
                found.by_day.setdefault(day, Counter()).update(some)
                found.totals.update(some)
                found.by_dependencia[dependencia_id] += counted["arrivals"]
                found.by_service[service_id] += counted["arrivals"]
                found.by_channel[channel] += counted["arrivals"]
            for (_, hour), number in one.hours.items():
                found.by_hour[hour] += number
        arrived, ended = self._after(period.until)
        found.backlog = open_now - arrived + ended
        return found

    def learning(self, period: Period) -> dict[date, Counter[str]]:
        """By day, how many learnt proposals were right and how many wrong; nothing else is added up."""
        sums = (func.sum(DayCount.accepted), func.sum(DayCount.corrected))
        rule = DayCount.day.between(period.since, period.until)
        kept = select(DayCount.day, *sums).where(rule, *self.scope.of(DayCount)).group_by(DayCount.day)
        found = {
            day: Counter({"accepted": int(right), "corrected": int(wrong)})
            for day, right, wrong in self.session.execute(kept)
        }
        for day, one in self.live.items():
            if period.since <= day <= period.until:
                found[day] = Counter(
                    {
                        name: sum(counted[name] for counted in one.places.values())
                        for name in ("accepted", "corrected")
                    }
                )
        return found

    def _read_kept(self, found: Figures, period: Period) -> None:
        def kept(*columns: Any, group: Any) -> Iterable[Any]:
            rule = DayCount.day.between(period.since, period.until)
            return self.session.execute(
                select(group, *columns).where(rule, *self.scope.of(DayCount)).group_by(group)
            )

        sums = [func.sum(getattr(DayCount, name)) for name in MEASURES]
        for day, *values in kept(*sums, group=DayCount.day):
            some = Counter({name: int(value) for name, value in zip(MEASURES, values, strict=True) if value})
            found.by_day[day] = some
            found.totals.update(some)
        arrivals = func.sum(DayCount.arrivals)
        for column, counter in (
            (DayCount.dependencia_id, found.by_dependencia),
            (DayCount.service_id, found.by_service),
            (DayCount.channel, found.by_channel),
        ):
            counter.update({group: int(number) for group, number in kept(arrivals, group=column)})
        hours = select(HourCount.hour, func.sum(HourCount.arrivals)).where(
            HourCount.day.between(period.since, period.until), *self.scope.of(HourCount)
        )
        for hour, number in self.session.execute(hours.group_by(HourCount.hour)):
            found.by_hour[hour] += int(number)

    def _after(self, day: date) -> tuple[int, int]:
        """How many arrived, and how many ended, after *day*."""
        sums = select(
            func.coalesce(func.sum(DayCount.arrivals), 0), func.coalesce(func.sum(DayCount.ended), 0)
        )
        arrived, ended = self.session.execute(sums.where(DayCount.day > day, *self.scope.of(DayCount))).one()
        later = [one for when, one in self.live.items() if when > day]
        for one in later:
            arrived += sum(counted["arrivals"] for counted in one.places.values())
            ended += sum(counted["ended"] for counted in one.places.values())
        return int(arrived), int(ended)
