"""Keys drawn before their rows are written, so that rows which name each other are written together.

Without this each new case would need three round trips: the case for its key, its
message for another, and then everything that names them.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import event, func, select, text
from sqlalchemy.orm import Session

from models.case import Case
from models.message import Message

_DRAWN = "drawn keys"


def draw_key(session: Session, table: type[Case] | type[Message]) -> int:
    """The key for a new row of *table*, which its caller adds to *session* at once."""
    if session.get_bind().dialect.name == "postgresql":
        sequence = {"table": f'"{table.__tablename__}"'}
        number: int = session.execute(
            text("SELECT nextval(pg_get_serial_sequence(:table, 'id'))"), sequence
        ).scalar_one()
        return number
    # SQLite has one writer, which is us; what we drew and have not written yet, only we know.
    last: int | None = session.info.get(_DRAWN, {}).get(table)
    if last is None:
        last = session.scalar(select(func.max(table.id))) or 0
    session.info.setdefault(_DRAWN, {})[table] = last + 1
    return last + 1


@event.listens_for(Session, "after_flush")
@event.listens_for(Session, "after_soft_rollback")
def _forget(session: Session, *_: Any) -> None:
    session.info.pop(_DRAWN, None)
