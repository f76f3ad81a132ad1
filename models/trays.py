"""The trays of the bandeja: each is one rule, from which both its list and its count are made.

A rule gives branches: selects of cases that one index each reads in the order of
the list. Lists merge the first rows of every branch and counts stop
(`models.count`), so no page counts the table or sorts it, whatever its size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, Integer, Select, TextClause, literal_column, select, text, union_all
from sqlalchemy.orm import InstrumentedAttribute, Session

from models.access import visible_to
from models.case import WAITING_OR_SNOOZED, Case, CaseAccess
from models.count import Rows
from models.dependencia import Dependencia
from models.person import Account, Role

# A head of more dependencias than this reads a good part of everything: one branch in the list's order is
# then the shorter way to its first rows.
MAX_BRANCHES = 12
# Who hands cases out inside a dependencia, or over the institution.
ASSIGNING = frozenset({Role.OFICIALIA, Role.HEAD, Role.WORKER})


class Reach(StrEnum):
    """Whose cases a tray is about."""

    HOLDER = "holder"
    DEPENDENCIA = "dependencia"
    # Oficialía de partes: everywhere; others: what their dependencia attends.
    ATTENDED = "attended"
    VISIBLE = "visible"


@dataclass(frozen=True, slots=True)
class Tray:
    """One tray: its stable name, its rule, and how the rail shows it."""

    name: str
    icon: str
    reach: Reach
    # Written out, because SQLite uses a partial index only for the very words of its condition.
    words: TextClause | None = None
    roles: frozenset[Role] = frozenset(Role)
    hides_snoozed: bool = False
    is_alert: bool = False
    # On a phone the rail has room for four.
    is_on_phone: bool = False

    @property
    def is_counted(self) -> bool:
        return self.reach != Reach.VISIBLE

    def is_shown(self, account: Account) -> bool:
        return account.role in self.roles


_OPEN = text('"case".is_open')

TRAYS: tuple[Tray, ...] = (
    Tray("unassigned", "inbox", Reach.ATTENDED, text('"case".is_open AND "case".holder_id IS NULL'),
         ASSIGNING, hides_snoozed=True, is_on_phone=True),
    Tray("mine", "user", Reach.HOLDER, _OPEN, hides_snoozed=True, is_on_phone=True),
    Tray("dependencia", "building", Reach.DEPENDENCIA, _OPEN, hides_snoozed=True, is_on_phone=True),
    Tray("waiting", "hourglass", Reach.ATTENDED, text(WAITING_OR_SNOOZED)),
    Tray("overdue", "alarm", Reach.ATTENDED, text('"case".is_overdue'), is_alert=True, is_on_phone=True),
    Tray("all", "list", Reach.VISIBLE),
)  # fmt: skip


def find_tray(name: str, account: Account) -> Tray | None:
    """The tray *name* if *account* has it."""
    return next((tray for tray in TRAYS if tray.name == name and tray.is_shown(account)), None)


def first_tray(account: Account) -> Tray:
    """Where an account begins its day."""
    return next(tray for tray in TRAYS if tray.is_shown(account))


def attended_by(session: Session, account: Account) -> Sequence[int]:
    """The dependencias for which *account* works: its own, and for a head those below."""
    if account.role != Role.HEAD:
        return [account.dependencia_id]
    below = Dependencia.path.startswith(account.dependencia.path, autoescape=True)
    return session.scalars(select(Dependencia.id).where(below).order_by(Dependencia.id)).all()


@dataclass(frozen=True, slots=True)
class Branch:
    """Cases in the order of `at`, which one index gives together with `id`."""

    query: Select[int]
    at: InstrumentedAttribute[datetime]
    id: InstrumentedAttribute[int]
    is_distinct: bool = True


def branches(tray: Tray, account: Account, attends: Sequence[int]) -> list[Branch]:
    """The rule of *tray* for *account*, who *attends* these dependencias."""
    if tray.reach == Reach.HOLDER:
        return [_of_case(tray, account, Case.holder_id == account.id)]
    if not _is_scoped(tray, account):
        everywhere = account.role == Role.OFICIALIA
        return [_of_case(tray, account)] if everywhere else _visible(account, attends)
    if len(attends) > MAX_BRANCHES:
        # The sign keeps SQLite from reading dependencia by dependencia and sorting all of it.
        return [_of_case(tray, account, literal_column('+"case".dependencia_id', Integer).in_(attends))]
    return [_of_case(tray, account, Case.dependencia_id == one) for one in attends]


def _of_case(tray: Tray, account: Account, *conditions: ColumnElement[bool]) -> Branch:
    query = select(Case.id).where(*conditions, visible_to(account))
    if tray.words is not None:
        query = query.where(tray.words)
    if tray.hides_snoozed:
        query = query.where(Case.snoozed_until.is_(None))
    return Branch(query, Case.last_activity_at, Case.id)


def _visible(account: Account, attends: Sequence[int]) -> list[Branch]:
    """Everything that was ever given to the account or its dependencias (models.access.visible_to)."""
    if account.role == Role.HEAD and len(attends) > MAX_BRANCHES:
        return [Branch(select(Case.id).where(visible_to(account)), Case.last_activity_at, Case.id)]
    given = select(CaseAccess.case_id).join(Case, Case.id == CaseAccess.case_id)
    found = [given.where(CaseAccess.account_id == account.id)]
    if account.role == Role.HEAD:
        found += [given.where(CaseAccess.dependencia_id == one) for one in attends]
    elif account.role == Role.WORKER:
        found += [
            given.where(CaseAccess.dependencia_id == account.dependencia_id, CaseAccess.account_id.is_(None))
        ]
    return [
        Branch(query, CaseAccess.last_activity_at, CaseAccess.case_id, is_distinct=False) for query in found
    ]


def cases_in(tray: Tray, account: Account, attends: Sequence[int]) -> Rows:
    """The cases of *tray* in no order, to be counted."""
    if _is_scoped(tray, account):
        # A count needs no order, so the dependencias can be read one after the other.
        rule = [_of_case(tray, account, Case.dependencia_id.in_(attends))]
    else:
        rule = branches(tray, account, attends)
    return union_all(*[branch.query for branch in rule]) if len(rule) > 1 else rule[0].query


def _is_scoped(tray: Tray, account: Account) -> bool:
    """Is the tray about what the account's dependencias attend?"""
    everywhere = account.role == Role.OFICIALIA
    return tray.reach == Reach.DEPENDENCIA or (tray.reach == Reach.ATTENDED and not everywhere)
