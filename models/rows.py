"""Rows that belong to what is not written yet, and that nobody reads before it is.

They go in one statement for each table, right after the flush that writes their
owners; as objects of the ORM they would take two fifths of the time of a new case.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from typing import Any, TypeVar, cast

from sqlalchemy import Executable, Table, event, insert, inspect
from sqlalchemy.orm import ClassManager, Session

from models.base import Base

T = TypeVar("T", bound=Base)
_ROWS, _NEW = "rows for after the flush", "objects for after the flush"


def untracked(session: Session, table: type[T], /, **given: Any) -> T:
    """A new row of *table* for `write_new`; one that goes as a row has no use for a history of its values."""
    if session.autoflush:
        return table(**given)
    one = cast("T", _manager(table).new_instance())
    vars(one).update(given)
    return one


@cache
def _manager(table: type[Base]) -> ClassManager[Any]:
    return inspect(table).class_manager


def write_new(session: Session, new: Base) -> None:
    """Write a new object: now where *session* flushes by itself, else with the flush, and without adding it.

    Its columns must say all: what it is related to only as an object is then not written.
    """
    if session.autoflush:
        session.add(new)
        session.flush()
    else:
        session.info.setdefault(_NEW, []).append(new)


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
def flush(session: Session) -> None:
    """Write all that is pending. A flush of SQLAlchemy's with no object to write would leave rows behind."""
    session.flush()
    _write(session)


@event.listens_for(Session, "after_flush")
def _write(session: Session, *_: Any) -> None:
    # They may be named by the rows.
    for statement, values in _rows_of(session.info.pop(_NEW, [])):
        session.connection().execute(statement, values)
    rows: dict[Executable, list[dict[str, Any]]] = session.info.pop(_ROWS, {})
    for statement, values in rows.items():
        session.connection().execute(statement, values)


def _rows_of(objects: list[Base]) -> list[tuple[Executable, list[dict[str, Any]]]]:
    """The statements that write *objects*, the first of a kind first; in one, all give the same columns."""
    found: dict[tuple[type[Base], frozenset[str]], list[dict[str, Any]]] = defaultdict(list)
    for one in objects:
        kind, given = type(one), vars(one)
        row = {name: given[name] for name in _columns(kind) if name in given}
        found[kind, frozenset(row)].append(row)
    return [(_insert(kind), rows) for (kind, _), rows in found.items()]


@cache
def _columns(kind: type[Base]) -> tuple[str, ...]:
    return tuple(inspect(kind).column_attrs.keys())


@event.listens_for(Session, "after_soft_rollback")
def _forget(session: Session, *_: Any) -> None:
    session.info.pop(_ROWS, None)
    session.info.pop(_NEW, None)
