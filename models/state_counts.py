"""How many cases an account has in each state of a flow: the numbers on the pictures of *Procesos*.

Each number is made from the rule and filter of the list that it opens, and stops at the limit of the
trays. What has ended is counted only while it is recent, so that no number costs more with the years.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, literal, select, union, union_all
from sqlalchemy.orm import Session

from models.case import Case, CaseKind
from models.count import COUNT_LIMIT
from models.diagram import states_of
from models.folders import Folder, count_by_type, who_acts
from models.person import Account, Role
from models.trays import Branch, Tray, attended_by, branches, find_tray
from models.workflow import FINAL, Process, State

# Days in which something ended counts as recent.
RECENT_DAYS = 30


@dataclass(frozen=True, slots=True)
class StateCount:
    """How many, and the tray in which the same cases are listed."""

    number: int
    tray: str
    is_recent_only: bool
    # Of an issued document: its folder on the board, which is all that trays do not show.
    folder: str = ""


# A document waits in *Por aprobar* until it is signed too (manual T); *Por firmar* is what waits for oneself.
_FOLDERS = {
    State.DRAFT: Folder.DRAFTS,
    State.PENDING_APPROVAL: Folder.PENDING,
    State.PENDING_SIGNATURE: Folder.TO_SIGN,
    State.SENT: Folder.SENT,
    State.DISCARDED: Folder.DISCARDED,
    State.CANCELLED: Folder.CANCELLED,
}


def kind_of(process: Process) -> CaseKind:
    return CaseKind.TICKET if process == Process.TICKET else CaseKind.OFICIO


def count_states(
    session: Session, account: Account, process: Process, recent: datetime
) -> dict[State, StateCount]:
    """One statement for all states of *process*; what ended counts since *recent*."""
    if process == Process.ISSUED:
        return _count_issued(session, account)
    attends = attended_by(session, account)
    chosen = {state: _tray(account, state) for state in states_of(process)}
    everywhere = account.role == Role.OFICIALIA
    parts = []
    for state, tray in chosen.items():
        since = recent if state in FINAL else None
        narrowed = [
            _narrowed(one, process, state, since, is_everywhere=everywhere).subquery()
            for one in branches(tray, account, attends)
        ]
        some = union(*[select(one.c.id) for one in narrowed]).limit(COUNT_LIMIT).subquery()
        parts.append(select(literal(state.value), func.count()).select_from(some))
    numbers = {State(state): number for state, number in session.execute(union_all(*parts))}
    return {
        state: StateCount(numbers.get(state, 0), tray.name, state in FINAL) for state, tray in chosen.items()
    }


def _count_issued(session: Session, account: Account) -> dict[State, StateCount]:
    accounts = who_acts(session, account)
    return {
        state: StateCount(
            sum(count_by_type(session, folder, accounts, None).values()), "", False, folder.value
        )
        for state, folder in _FOLDERS.items()
    }


def _tray(account: Account, state: State) -> Tray:
    """What is open of a dependencia has an index of its own; the rest is found by state or by recency."""
    works = account.role in (Role.HEAD, Role.WORKER)
    tray = find_tray("dependencia" if works and state not in FINAL else "all", account)
    assert tray is not None
    return tray


def _narrowed(
    branch: Branch, process: Process, state: State, since: datetime | None, *, is_everywhere: bool
) -> Select[Any]:
    # In words that no index has where the branch has a better one: what a dependencia has open is less than
    # what the institution has in one state.
    is_state = Case.state == state if is_everywhere else Case.state.concat("") == state
    found = branch.query.with_only_columns(branch.id.label("id")).where(
        is_state, Case.kind == kind_of(process)
    )
    if since is not None:
        found = found.where(branch.at >= since, Case.last_activity_at >= since)
    return found.limit(COUNT_LIMIT)
