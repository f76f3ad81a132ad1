"""*Seguimiento*: the open tasks of an account, its own and those of its role, and how they are narrowed.

Lists and counts are made from one rule, in the order in which the tasks fall due.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, text, tuple_, union_all
from sqlalchemy.orm import Session, joinedload, selectin_polymorphic

from models.access import principals_of
from models.case import Case, CaseKind
from models.count import COUNT_LIMIT, Rows
from models.dependencia import Dependencia
from models.oficio import Flow, Oficio
from models.person import Account, Role
from models.task import Task, TaskKind, TaskState
from models.ticket import Ticket
from models.workflow import Process

PAGE_SIZE = 50
# Written out, because SQLite uses a partial index only for the very words of its condition.
_IS_OPEN = text("task.state = 'open'")
# Where a task without a date stands: after all that have one.
NEVER = datetime.fromisoformat("9999-01-01T00:00:00+00:00")


class Due(StrEnum):
    """How near the end of a task is."""

    OVERDUE = "overdue"
    TODAY = "today"
    WEEK = "week"
    NONE = "none"


class Whose(StrEnum):
    """Of all the tasks an account may do: given to it by name, or to its role."""

    MINE = "mine"
    ROLE = "role"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What narrows the list; what is empty does not matter. `account_id`: a colleague's, for a head."""

    kind: TaskKind | None = None
    whose: Whose | None = None
    account_id: int | None = None
    dependencia_id: int | None = None
    words: str = ""
    due: Due | None = None
    since: datetime | None = None
    until: datetime | None = None
    # Also what is put away until a date (agendado).
    with_snoozed: bool = False


@dataclass(frozen=True, slots=True)
class Moments:
    """What *overdue*, *today* and *this week* mean now."""

    now: datetime
    end_of_day: datetime
    end_of_week: datetime


@dataclass(frozen=True, slots=True)
class PendingKey:
    due_at: datetime
    id: int


@dataclass(frozen=True, slots=True)
class PendingPage:
    tasks: Sequence[Task]
    next_key: PendingKey | None


def pending_of(session: Session, account: Account) -> ColumnElement[bool]:
    """A condition on `Task` for what *account* may do now, for itself, its role, or a head that is absent."""
    return _pending((account, *principals_of(session, account)))


def _pending(accounts: Sequence[Account]) -> ColumnElement[bool]:
    """A union of parts that one index each finds: with OR between them every open task would be read."""
    account, *absent = accounts
    parts = [*_held_by(account)]
    parts += [and_(part, Task.kind == TaskKind.APPROVE) for one in absent for part in _held_by(one)]
    return Task.id.in_(union_all(*[select(Task.id).where(_IS_OPEN, part).correlate(None) for part in parts]))


def _held_by(account: Account) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """The two parts of `models.task.held_by`."""
    of_role = and_(
        Task.account_id.is_(None), Task.role == account.role, Task.dependencia_id == account.dependencia_id
    )
    return Task.account_id == account.id, of_role


def colleagues(session: Session, account: Account) -> Sequence[Account]:
    """Whose tasks a head may look at: the accounts of its dependencia and of those below."""
    if account.role != Role.HEAD:
        return ()
    below = select(Dependencia.id).where(
        Dependencia.path.startswith(account.dependencia.path, autoescape=True)
    )
    wanted = select(Account).where(
        Account.is_active, Account.dependencia_id.in_(below), Account.id != account.id
    )
    found = session.scalars(wanted).unique().all()
    return sorted(found, key=lambda one: one.person.name.casefold())


def find_pending(
    session: Session,
    account: Account,
    wanted: Wanted,
    moments: Moments,
    *,
    after: PendingKey | None = None,
) -> PendingPage:
    """A page of tasks, the most urgent first, each with its case."""
    order = (func.coalesce(Task.due_at, NEVER), Task.id)
    query = _query(session, account, wanted, moments)
    if after is not None:
        query = query.where(tuple_(*order) > (after.due_at, after.id))
    shown = query.order_by(*order).limit(PAGE_SIZE + 1).options(
        joinedload(Task.case).options(
            selectin_polymorphic(Case, [Ticket, Oficio]),
            joinedload(Case.requester),
            joinedload(Case.dependencia),
            joinedload(Case.holder),
        ),
        joinedload(Task.account),
        joinedload(Task.dependencia),
    )  # fmt: skip
    tasks = session.scalars(shown).unique().all()
    last = tasks[PAGE_SIZE - 1] if len(tasks) > PAGE_SIZE else None
    key = PendingKey(last.due_at or NEVER, last.id) if last else None
    return PendingPage(tasks[:PAGE_SIZE], key)


def pending_tasks(accounts: Sequence[Account]) -> Rows:
    """The tasks of the first of *accounts*, who acts for the others, to be counted."""
    awake = select(Task.id).join(Case, Case.id == Task.case_id).where(Case.snoozed_until.is_(None))
    return awake.where(_pending(accounts))


def count_by_kind(session: Session, account: Account, process: Process | None = None) -> dict[TaskKind, int]:
    """How many tasks of each kind *account* has, in one flow or in all; COUNT_LIMIT together."""
    some = (
        select(Task.kind.label("kind"))
        .join(Case, Case.id == Task.case_id)
        .where(pending_of(session, account), Case.snoozed_until.is_(None))
    )
    if process == Process.TICKET:
        some = some.where(Case.kind == CaseKind.TICKET)
    elif process is not None:
        flow = Flow.RECEIVED if process == Process.RECEIVED else Flow.ISSUED
        some = some.join(Oficio.__table__, Oficio.__table__.c.id == Case.id).where(
            Oficio.__table__.c.flow == flow
        )
    part = some.limit(COUNT_LIMIT).subquery()
    rows = session.execute(select(part.c.kind, func.count()).group_by(part.c.kind))
    return {TaskKind(kind): number for kind, number in rows}


def _query(session: Session, account: Account, wanted: Wanted, moments: Moments) -> Select[Task]:
    query = select(Task).join(Case, Case.id == Task.case_id)
    query = query.where(_whose(session, account, wanted), *_due(wanted, moments))
    if wanted.kind is not None:
        query = query.where(Task.kind == wanted.kind)
    if wanted.dependencia_id is not None:
        query = query.where(Case.dependencia_id == wanted.dependencia_id)
    if wanted.words:
        words = wanted.words
        query = query.where(
            or_(Case.folio.icontains(words, autoescape=True), Case.subject.icontains(words, autoescape=True))
        )
    if wanted.since is not None:
        query = query.where(Task.created_at >= wanted.since)
    if wanted.until is not None:
        query = query.where(Task.created_at < wanted.until)
    if not wanted.with_snoozed:
        query = query.where(Case.snoozed_until.is_(None))
    return query


def _whose(session: Session, account: Account, wanted: Wanted) -> ColumnElement[bool]:
    if wanted.account_id is not None:
        named = {one.id for one in colleagues(session, account)}
        # Whoever is no head of that account sees nothing of it.
        chosen = wanted.account_id if wanted.account_id in named else -1
        return and_(Task.state == TaskState.OPEN, Task.account_id == chosen)
    everything = pending_of(session, account)
    if wanted.whose == Whose.MINE:
        return and_(everything, Task.account_id == account.id)
    if wanted.whose == Whose.ROLE:
        return and_(everything, Task.account_id.is_(None))
    return everything


def _due(wanted: Wanted, moments: Moments) -> list[ColumnElement[bool]]:
    # A week that begins with what is late hides nothing that has to be done in it.
    rules: Mapping[Due, ColumnElement[bool]] = {
        Due.OVERDUE: Task.due_at < moments.now,
        Due.TODAY: Task.due_at < moments.end_of_day,
        Due.WEEK: Task.due_at < moments.end_of_week,
        Due.NONE: Task.due_at.is_(None),
    }
    return [rules[wanted.due]] if wanted.due else []
