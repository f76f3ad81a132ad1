"""Rows that belong to what is not written yet, and that nobody reads before it is.

They go in one statement for each table, right after the flush that writes their
owners; as objects of the ORM they would take two fifths of the time of a new case.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import Executable, Table, event, insert
from sqlalchemy.orm import Session

from models.base import Base

_ROWS = "rows for after the flush"


def write_after_flush(session: Session, kind: type[Base], row: dict[str, Any]) -> None:
    """Write *row*, which names something that is pending in *session*, as soon as that is there."""
    execute_after_flush(session, _insert(kind), row)


def write_row(session: Session, kind: type[Base], row: dict[str, Any]) -> None:
    """Write *row* after all that is pending: now where *session* flushes by itself, else with the flush."""
    if session.autoflush:
        session.flush()
        session.connection().execute(_insert(kind), row)
    else:
        write_after_flush(session, kind, row)


def execute_after_flush(session: Session, statement: Executable, row: dict[str, Any]) -> None:
    """The same for any statement; *session* has something to flush."""
    rows: dict[Executable, list[dict[str, Any]]] = session.info.setdefault(_ROWS, {})
    rows.setdefault(statement, []).append(row)


@cache
def _insert(kind: type[Base]) -> Executable:
    assert isinstance(kind.__table__, Table)
    return insert(kind.__table__)


@event.listens_for(Session, "before_commit")
def _write_last(session: Session) -> None:
    # A flush with nothing to write does not say that it was.
    session.flush()
    _write(session)


@event.listens_for(Session, "after_flush")
def _write(session: Session, *_: Any) -> None:
    rows: dict[Executable, list[dict[str, Any]]] = session.info.pop(_ROWS, {})
    for statement, values in rows.items():
        session.connection().execute(statement, values)


@event.listens_for(Session, "after_soft_rollback")
def _forget(session: Session, *_: Any) -> None:
    session.info.pop(_ROWS, None)
