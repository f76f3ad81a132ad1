"""Statistics per dependencia and per account: of what was received in a period, what became of it.

All columns are of the same cases, so they add up: received = attended + open + cancelled. Issued
documents and what was merged into another are not counted: they are nobody's request.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from models.access import visible_to
from models.case import Case, CaseKind
from models.dependencia import Dependencia
from models.oficio import Flow, Oficio
from models.person import Account, Person, Role
from models.trays import attended_by
from models.workflow import State

# Rows that are read for one table; a longer period is to be asked for in parts.
MAX_CASES = 200_000
_DAY = 86_400


@dataclass(slots=True)
class Figures:
    """One line: of a dependencia or of an account in it."""

    name: str
    dependencia: str
    received: int = 0
    attended: int = 0
    open: int = 0
    overdue: int = 0
    cancelled: int = 0
    days: list[float] = field(default_factory=list)

    @property
    def median_days(self) -> float | None:
        """From reception to the end, in days; None while nothing was attended."""
        return round(median(self.days), 1) if self.days else None

    def count(self, row: _Row) -> None:
        self.received += 1
        ended = row.resolved_at or row.closed_at
        if row.state == State.CANCELLED:
            self.cancelled += 1
        elif row.is_open:
            self.open += 1
            self.overdue += row.is_overdue
        else:
            self.attended += 1
            if ended is not None:
                self.days.append(max(0.0, (ended - row.created_at).total_seconds() / _DAY))


@dataclass(frozen=True, slots=True)
class _Row:
    dependencia_id: int | None
    holder_id: int | None
    state: str
    is_open: bool
    is_overdue: bool
    created_at: datetime
    resolved_at: datetime | None
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Statistics:
    """By dependencia and by account, each by name; `is_cut`: the period has more cases than are read."""

    dependencias: Sequence[Figures]
    accounts: Sequence[Figures]
    total: Figures
    is_cut: bool


def count_period(session: Session, account: Account, since: datetime, until: datetime) -> Statistics:
    """What *account* may know of what was received from *since* until before *until*."""
    names = {one.id: one.name for one in session.scalars(select(Dependencia))}
    by_dependencia: dict[int | None, Figures] = {}
    by_account: dict[int, Figures] = {}
    total = Figures("", "")
    rows = session.execute(_cases(session, account, since, until).limit(MAX_CASES + 1)).all()
    for values in rows[:MAX_CASES]:
        row = _Row(*values)
        total.count(row)
        area = names.get(row.dependencia_id or 0, "")
        by_dependencia.setdefault(row.dependencia_id, Figures(area, area)).count(row)
        if row.holder_id is not None:
            by_account.setdefault(row.holder_id, Figures("", area)).count(row)
    people = _named(session, by_account)
    return Statistics(
        sorted(by_dependencia.values(), key=lambda one: one.name.casefold()),
        sorted(people.values(), key=lambda one: (one.dependencia.casefold(), one.name.casefold())),
        total,
        len(rows) > MAX_CASES,
    )


def _cases(session: Session, account: Account, since: datetime, until: datetime) -> Select[*tuple[Any, ...]]:
    query = (
        select(
            Case.dependencia_id, Case.holder_id, Case.state, Case.is_open, Case.is_overdue, Case.created_at,
            Case.resolved_at, Case.closed_at,
        )
        .select_from(Case)
        .outerjoin(Oficio.__table__, Oficio.__table__.c.id == Case.id)
        .where(
            # Nothing is active before it was received: that is how an index finds the period.
            Case.last_activity_at >= since,
            Case.created_at >= since,
            Case.created_at < until,
            Case.state != State.MERGED,
            (Case.kind == CaseKind.TICKET) | (Oficio.__table__.c.flow == Flow.RECEIVED),
            visible_to(account),
        )
    )  # fmt: skip
    if account.role == Role.OFICIALIA:
        return query
    if account.role == Role.HEAD:
        return query.where(Case.dependencia_id.in_(attended_by(session, account)))
    # How a colleague works is for the head to know.
    return query.where(Case.holder_id == account.id)


def _named(session: Session, found: dict[int, Figures]) -> dict[int, Figures]:
    wanted = (
        select(Account.id, Person.name, Dependencia.name)
        .join(Person, Person.id == Account.person_id)
        .join(Dependencia, Dependencia.id == Account.dependencia_id)
    )
    for key, name, area in session.execute(wanted):
        if key in found:
            found[key].name, found[key].dependencia = name, area
    return found
