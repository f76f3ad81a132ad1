"""Which deliveries an account has in a list, narrowed to a state, and how many: one rule for list and number.

A number stops at the limit of the trays, and what has ended counts only while it is recent, so that
none costs more with the years.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from sqlalchemy import ColumnElement, func, literal, or_, select, true, union_all
from sqlalchemy.orm import Session

from models.carrier import Courier
from models.count import COUNT_LIMIT
from models.dispatch import OPEN, UNDER_WAY, Dispatch, DispatchState, Route
from models.person import Account, Role
from models.state_counts import StateCount


def listed_for(
    account: Account, state: DispatchState | None = None, since: datetime | None = None
) -> ColumnElement[bool]:
    """A condition on `Dispatch`: the managers' list has all, that of others what they asked for."""
    found = true() if account.role == Role.DISPATCH_MANAGER else Dispatch.requested_by_id == account.id
    if state is not None:
        found &= Dispatch.state == state
    if since is not None:
        found &= Dispatch.requested_at >= since
    return found


def on_phone(account: Account, today: date, midnight: datetime) -> ColumnElement[bool]:
    """A condition on `Dispatch` for the courier's phone: what leaves today or left before, or ended today."""
    own = Dispatch.courier_id.in_(select(Courier.id).where(Courier.account_id == account.id))
    leaves = Dispatch.route_id.in_(select(Route.id).where(Route.leaves_on <= today))
    return own & or_(Dispatch.state.in_(UNDER_WAY) & leaves, Dispatch.ended_at >= midnight)


def count_deliveries(session: Session, account: Account, recent: datetime) -> dict[DispatchState, StateCount]:
    """Of the list of *account* how many are in each state; what ended, of those asked for since *recent*."""
    parts = []
    for state in DispatchState:
        since = None if state in OPEN else recent
        some = select(Dispatch.id).where(listed_for(account, state, since)).limit(COUNT_LIMIT).subquery()
        parts.append(select(literal(state.value), func.count()).select_from(some))
    return _counts(dict(session.execute(union_all(*parts)).all()), ended_is_recent=True)


def count_on_phone(
    session: Session, account: Account, today: date, midnight: datetime
) -> dict[DispatchState, StateCount]:
    """The same of a courier's phone."""
    some = select(Dispatch.state).where(on_phone(account, today, midnight)).limit(COUNT_LIMIT).subquery()
    rows = session.execute(select(some.c.state, func.count()).group_by(some.c.state)).all()
    return _counts(dict(rows), ended_is_recent=False)


def _counts(numbers: Mapping[str, int], *, ended_is_recent: bool) -> dict[DispatchState, StateCount]:
    return {
        state: StateCount(numbers.get(state, 0), "", ended_is_recent and state not in OPEN)
        for state in DispatchState
    }
