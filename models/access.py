"""Who sees which case: the one rule behind every list, count, search, export and file link.

domain.md, "Roles": its requester, the accounts it was ever assigned to, heads of
their dependencias, oficialía de partes. Nobody else.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, exists, inspect, or_, select, true
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from models.case import Case, CaseAccess
from models.dependencia import Dependencia
from models.person import Account, Role
from models.workflow import Who, relations


def visible_to(account: Account) -> ColumnElement[bool]:
    """A condition on `Case` for the cases *account* may see."""
    if account.role == Role.OFICIALIA:
        return true()
    given = select(CaseAccess.id).where(CaseAccess.case_id == Case.id)
    own = given.where(CaseAccess.account_id == account.id)
    if account.role == Role.HEAD:
        below = select(Dependencia.id).where(
            Dependencia.path.startswith(account.dependencia.path, autoescape=True)
        )
        return or_(exists(own), exists(given.where(CaseAccess.dependencia_id.in_(below))))
    if account.role == Role.WORKER:
        # What was given to the dependencia as a whole waits for any of its workers to take it.
        whole = given.where(
            CaseAccess.dependencia_id == account.dependencia_id, CaseAccess.account_id.is_(None)
        )
        return or_(exists(own), exists(whole))
    return exists(own)


def standing(session: Session, case: Case, account: Account) -> set[Who]:
    """How *account* stands to *case*; empty when it may not even see it."""
    reads = session.scalar(select(Case.id).where(Case.id == case.id, visible_to(account))) is not None
    if not reads:
        return set()
    return relations(case, account, reads=True)


def grant(session: Session, case: Case, dependencia_id: int, account_id: int | None = None) -> None:
    """Let a dependencia (as a whole) or an account see *case* (which has its id) from now on."""
    row = {
        "case_id": case.id,
        "dependencia_id": dependencia_id,
        "account_id": account_id,
        "last_activity_at": case.last_activity_at,
    }
    if inspect(case).pending:
        # Nobody was given a case that is not written yet; it is written with it.
        session.add(CaseAccess(case=case, **row))
        return
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    session.execute(dialect.insert(CaseAccess).values(row).on_conflict_do_nothing())
