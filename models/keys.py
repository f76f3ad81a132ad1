"""Keys drawn before their rows are written, so that rows which name each other are written together.

Without this each new case would need three round trips: the case for its key, its
message for another, and then everything that names them.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from typing import Any

from sqlalchemy import Select, Table, event, func, inspect, select, text
from sqlalchemy.orm import Session

from models.base import Base
from models.case import Case
from models.contact import Contact
from models.message import Attachment, Message
from models.turno import Turno

_DRAWN = "drawn keys"


def draw_key(session: Session, table: type[Attachment | Case | Contact | Message | Turno]) -> int:
    """The key for a new row of *table*, which its caller adds to *session* at once."""
    assert isinstance(table.__table__, Table)
    if table.__table__ in session.info.get(_DRAWN, ()):
        return _next(session, table.__table__)
    if session.get_bind().dialect.name == "postgresql":
        sequence = {"table": f'"{table.__tablename__}"'}
        number: int = session.execute(
            text("SELECT nextval(pg_get_serial_sequence(:table, 'id'))"), sequence
        ).scalar_one()
        return number
    return _next(session, table.__table__)


def _next(session: Session, table: Table) -> int:
    # SQLite has one writer, which is us; what we drew and have not written yet, only we know.
    drawn: dict[Table, int] = session.info.setdefault(_DRAWN, {})
    last = drawn.get(table)
    if last is None:
        last = session.connection().scalar(_last(table)) or 0
    drawn[table] = last + 1
    return last + 1


@cache
def _last(table: Table) -> Select[int]:
    return select(func.max(table.c.id))


@event.listens_for(Session, "before_flush")
def _draw_for_many(session: Session, *_: Any) -> None:
    """SQLite does not tell which of many new rows got which key: each would be a statement of its own."""
    if session.get_bind().dialect.name != "sqlite":
        return
    new: dict[type[Base], list[Any]] = defaultdict(list)
    for row in session.new:
        new[type(row)].append(row)
    for kind, rows in new.items():
        table = inspect(kind).local_table
        if len(rows) > 1 and isinstance(table, Table) and table.autoincrement_column is not None:
            for row in rows:
                row.id = row.id or _next(session, table)


@event.listens_for(Session, "after_flush")
@event.listens_for(Session, "after_soft_rollback")
def _forget(session: Session, *_: Any) -> None:
    session.info.pop(_DRAWN, None)
