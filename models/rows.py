"""What many mails cause at once goes as rows, in one statement for each table, right after the flush.

That is so in a session that does not flush by itself, as that of a batch of mails; in every other one
the same calls add objects as usual. Each object would be prepared by itself, and that is most of its cost.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from typing import Any, TypeVar, cast

from sqlalchemy import Executable, Insert, Table, event, insert, inspect
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import ClassManager, Session, make_transient_to_detached

from models.base import Base, is_written

T = TypeVar("T", bound=Base)
_FIRST, _ROWS, _NEW = "rows for before the flush", "rows for after the flush", "objects for after the flush"
_STAYS = "of these, objects that stay"


def untracked(session: Session, table: type[T], /, **given: Any) -> T:
    """A new row of *table* for `write_new` or `add_new`; a row needs no history of its values."""
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

    Its columns must say all: what it is related to only as an object is then not written, and what
    listens to the insert of such objects does not hear of it.
    """
    if session.autoflush:
        session.add(new)
        session.flush()
    else:
        session.info.setdefault(_NEW, []).append(new)


def add_new(session: Session, new: Base) -> None:
    """The same for what verbs go on with: once flushed it is one of the objects of *session*."""
    if session.autoflush:
        session.add(new)
    else:
        session.info.setdefault(_NEW, []).append(new)
        session.info.setdefault(_STAYS, []).append(new)


def write_after_flush(session: Session, kind: type[Base], row: dict[str, Any]) -> None:
    """Write *row*, which names something that is pending in *session*, as soon as that is there."""
    execute_after_flush(session, _insert(_table(kind)), row)


def write_row(session: Session, kind: type[Base], row: dict[str, Any]) -> None:
    """Write *row* after all that is pending: now where *session* flushes by itself, else with the flush."""
    if session.autoflush:
        session.flush()
        session.connection().execute(_insert(_table(kind)), row)
    else:
        write_after_flush(session, kind, row)


def execute_after_flush(session: Session, statement: Executable, row: dict[str, Any]) -> None:
    """The same for any statement."""
    rows: dict[Executable, list[dict[str, Any]]] = session.info.setdefault(_ROWS, {})
    rows.setdefault(statement, []).append(row)


def execute_before_flush(session: Session, statement: Executable, row: dict[str, Any]) -> None:
    """What pending objects name: written now where *session* flushes by itself, else with the flush."""
    if session.autoflush:
        session.connection().execute(statement, row)
    else:
        rows: dict[Executable, list[dict[str, Any]]] = session.info.setdefault(_FIRST, {})
        rows.setdefault(statement, []).append(row)


def insert_missing(session: Session, kind: type[Base]) -> Insert:
    """The statement that writes rows of *kind* where the database has none with the same key."""
    return _insert_missing(_table(kind), session.get_bind().dialect.name)


@cache
def _insert_missing(table: Table, dialect_name: str) -> Insert:
    # Put together once: that takes longer than the database does to write a row.
    dialect = postgresql if dialect_name == "postgresql" else sqlite
    statement: Insert = dialect.insert(table).on_conflict_do_nothing()
    return statement


@cache
def _insert(table: Table) -> Executable:
    return insert(table)


def _table(kind: type[Base]) -> Table:
    assert isinstance(kind.__table__, Table)
    return kind.__table__


@event.listens_for(Session, "before_commit")
def _write_all(session: Session) -> None:
    # Nobody goes on with an object after this.
    session.info.pop(_STAYS, None)
    session.flush()


def write_first(session: Session) -> None:
    """Write what the flush needs, which comes next."""
    _execute_waiting(session, _FIRST)


def write_pending(session: Session) -> None:
    """Write all that waits for the flush, which has just been done."""
    # They may be named by the rows.
    for statement, values in _rows_of(session.info.pop(_NEW, [])):
        session.connection().execute(statement, values)
    _execute_waiting(session, _ROWS)
    stays = [one for one in session.info.pop(_STAYS, []) if not is_written(one)]
    for one in stays:
        make_transient_to_detached(one)
    session.add_all(stays)


def _execute_waiting(session: Session, name: str) -> None:
    rows: dict[Executable, list[dict[str, Any]]] = session.info.pop(name, {})
    for statement, values in rows.items():
        session.connection().execute(statement, values)


def _rows_of(objects: list[Base]) -> list[tuple[Executable, list[dict[str, Any]]]]:
    """The statements that write *objects*, in an order in which they may name each other."""
    found: dict[tuple[Table, frozenset[str]], list[dict[str, Any]]] = defaultdict(list)
    for one in objects:
        if is_written(one):
            # Something that was added to the session is related to it as an object, and took it along.
            continue
        given = vars(one)
        for table, columns in _columns(type(one)):
            row = {name: given[name] for name in columns if name in given}
            found[table, frozenset(row)].append(row)
    in_order = sorted(found.items(), key=lambda item: _position(item[0][0]))
    return [(_insert(table), rows) for (table, _), rows in in_order]


@cache
def _position(table: Table) -> int:
    return Base.metadata.sorted_tables.index(table)


@cache
def _columns(kind: type[Base]) -> list[tuple[Table, tuple[str, ...]]]:
    """The tables of *kind*, that of what it inherits from first, and the columns of each."""
    tables = cast("Sequence[Table]", inspect(kind).tables)
    return [(table, tuple(table.columns.keys())) for table in tables]


@event.listens_for(Session, "after_soft_rollback")
def _forget(session: Session, *_: Any) -> None:
    for waiting in (_FIRST, _ROWS, _NEW, _STAYS):
        session.info.pop(waiting, None)
