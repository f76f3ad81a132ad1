"""What an account may see in the order in which it was begun: pages that neither repeat nor skip a row.

The lists of the panel follow activity, which moves while a program reads on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, select, union
from sqlalchemy.orm import Session

from models.access import visible_to
from models.case import Case, CaseAccess
from models.person import Account, Role
from models.trays import MAX_BRANCHES, attended_by


def visible_ids(
    session: Session,
    accounts: Sequence[Account],
    conditions: Sequence[ColumnElement[bool]],
    *,
    after: int,
    limit: int,
) -> list[int]:
    """The ids of up to *limit* cases above *after* that one of *accounts* sees, where *conditions* hold."""
    parts = [part for account in accounts for part in _branches(session, account)]
    pages = []
    for number, query in parts:
        page = query.where(number > after, *conditions).distinct().order_by(number).limit(limit).subquery()
        pages.append(select(page.c[0].label("id")))
    found = union(*pages).subquery()
    return list(session.scalars(select(found.c.id).order_by(found.c.id).limit(limit)))


def _branches(session: Session, account: Account) -> list[tuple[Any, Select[Any]]]:
    """Queries that one index each gives in the order of the number beside it."""
    if account.role == Role.OFICIALIA:
        return [(Case.id, select(Case.id))]
    attends = attended_by(session, account)
    if account.role == Role.HEAD and len(attends) > MAX_BRANCHES:
        return [(Case.id, select(Case.id).where(visible_to(account)))]
    given = select(CaseAccess.case_id).join(Case, Case.id == CaseAccess.case_id)
    found = [given.where(CaseAccess.account_id == account.id)]
    if account.role == Role.HEAD:
        found += [given.where(CaseAccess.dependencia_id == one) for one in attends]
    elif account.role == Role.WORKER:
        own = CaseAccess.dependencia_id == account.dependencia_id
        found += [given.where(own, CaseAccess.account_id.is_(None))]
    return [(CaseAccess.case_id, query) for query in found]
