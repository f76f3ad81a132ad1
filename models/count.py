"""How many, as a page says it: counting stops at a limit, whatever the size of the register."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import CompoundSelect, Select, func, select
from sqlalchemy.orm import Session

COUNT_LIMIT = 1000

Rows = Select[Any] | CompoundSelect[Any]


def count(session: Session, wanted: Rows) -> int:
    """How many rows *wanted* has, at most COUNT_LIMIT."""
    return count_each(session, [wanted])[0]


def count_each(session: Session, wanted: Sequence[Rows], limit: int = COUNT_LIMIT) -> Sequence[int]:
    """The same of several, in one statement: to ask costs a page more than to count."""
    if not wanted:
        return ()
    some = [select(func.count()).select_from(one.limit(limit).subquery()) for one in wanted]
    return session.execute(select(*[one.scalar_subquery() for one in some])).one()
