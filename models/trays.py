"""The trays of the bandeja: each is one condition on `Case`, used for its list and for its count.

Counts stop at `COUNT_LIMIT`, lists are paged by (last_activity_at, id): no page
counts the table or skips rows, whatever its size.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, func, select, text, true
from sqlalchemy.orm import Session

from models.access import visible_to
from models.case import Case
from models.dependencia import Dependencia
from models.inbound_mail import InboundMail, InboundStatus
from models.person import Account, Role

COUNT_LIMIT = 1000
ALL_ROLES = frozenset(Role)
# Who hands cases out inside a dependencia, or over the institution.
ASSIGNING = frozenset({Role.OFICIALIA, Role.HEAD, Role.WORKER})


@dataclass(frozen=True, slots=True)
class Tray:
    """One tray: its stable name, the condition on `Case` for an account, how the rail shows it."""

    name: str
    icon: str
    condition: Callable[[Account], ColumnElement[bool]]
    roles: frozenset[Role] = ALL_ROLES
    is_counted: bool = True
    is_alert: bool = False
    # On a phone the rail has room for four.
    is_on_phone: bool = False

    def is_shown(self, account: Account) -> bool:
        return account.role in self.roles


# Written out, because SQLite uses a partial index only for the very words of its condition.
_OPEN = text('"case".is_open')
_UNASSIGNED = text('"case".is_open AND "case".holder_id IS NULL')
_OVERDUE = text('"case".is_overdue')
_WAITING = text('("case".state = \'waiting\' OR "case".snoozed_until IS NOT NULL)')
_AWAKE = Case.snoozed_until.is_(None)


def _within(account: Account) -> ColumnElement[bool]:
    """Cases attended by the account's dependencia; a head's reach goes below it."""
    if account.role != Role.HEAD:
        return Case.dependencia_id == account.dependencia_id
    below = Dependencia.path.startswith(account.dependencia.path, autoescape=True)
    return Case.dependencia_id.in_(select(Dependencia.id).where(below))


def _unassigned(account: Account) -> ColumnElement[bool]:
    everywhere = and_(_UNASSIGNED, _AWAKE)
    return everywhere if account.role == Role.OFICIALIA else and_(everywhere, _within(account))


TRAYS: tuple[Tray, ...] = (
    Tray("unassigned", "inbox", _unassigned, ASSIGNING, is_on_phone=True),
    Tray("mine", "user", lambda a: and_(_OPEN, _AWAKE, Case.holder_id == a.id), is_on_phone=True),
    Tray("dependencia", "building", lambda a: and_(_OPEN, _AWAKE, _within(a)), is_on_phone=True),
    Tray("waiting", "hourglass", lambda a: _WAITING),
    Tray("overdue", "alarm", lambda a: _OVERDUE, is_alert=True, is_on_phone=True),
    Tray("all", "list", lambda a: true(), is_counted=False),
)


def find_tray(name: str, account: Account) -> Tray | None:
    """The tray *name* if *account* has it."""
    return next((tray for tray in TRAYS if tray.name == name and tray.is_shown(account)), None)


def first_tray(account: Account) -> Tray:
    """Where an account begins its day."""
    return next(tray for tray in TRAYS if tray.is_shown(account))


def in_tray(tray: Tray, account: Account) -> ColumnElement[bool]:
    """The rule of *tray*: what its list shows and its count counts."""
    return and_(tray.condition(account), visible_to(account))


def count_tray(session: Session, tray: Tray, account: Account) -> int:
    """How many cases the tray has, at most COUNT_LIMIT."""
    some = select(Case.id).where(in_tray(tray, account)).limit(COUNT_LIMIT).subquery()
    return session.scalar(select(func.count()).select_from(some)) or 0


def count_held(session: Session) -> int:
    """How many mails wait for a clerk's decision or a retry, at most COUNT_LIMIT."""
    stuck = InboundMail.status.in_([InboundStatus.HELD, InboundStatus.FAILED])
    some = select(InboundMail.id).where(stuck).limit(COUNT_LIMIT).subquery()
    return session.scalar(select(func.count()).select_from(some)) or 0
