"""The only place that makes engines.

`Database.reading()` never takes a write lock; `Database.writing()` takes it at
once on SQLite (BEGIN IMMEDIATE), so that a transaction never fails half way for
having read before it wrote. Both commit nothing by themselves except `writing`,
which commits when its block ends well.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session, sessionmaker

from models.rows import write_first, write_pending

# A writer on SQLite waits this long for another before the error "database is locked".
SQLITE_BUSY_MS = 10_000
_LOOK_SECONDS = 0.001
_PAUSE = threading.Event()


class RowSession(Session):
    """A session whose flush also writes the rows that wait for it (`models.rows`)."""

    def flush(self, objects: Sequence[Any] | None = None) -> None:
        write_first(self)
        super().flush(objects)
        write_pending(self)


class Database:
    """One database and the two ways to work with it."""

    def __init__(self, engine: Engine, busy_ms: int = SQLITE_BUSY_MS) -> None:
        self.engine, self._busy_ms = engine, busy_ms
        self._reader = sessionmaker(engine, class_=RowSession, expire_on_commit=False)
        self._writer = sessionmaker(
            engine.execution_options(begin="IMMEDIATE"), class_=RowSession, expire_on_commit=False
        )

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that only reads; what it changed is rolled back."""
        with self._reader() as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """A session in one write transaction: committed at the end, rolled back on any exception."""
        with self._writer() as session, session.begin():
            yield session

    @contextmanager
    def preparing(self) -> Iterator[tuple[Session, Callable[[], None]]]:
        """A session that reads until its second part is called, and from then on is as of `writing`.

        What it read may have changed meanwhile; its owner looks again at what matters.
        """
        with self._writer() as session, session.begin():
            connection = session.connection(execution_options={"begin": "DEFERRED"})
            yield session, partial(self._take_turn, connection)

    def _take_turn(self, connection: Connection) -> None:
        if self.is_sqlite:
            # What was read is of the past then; to write on it SQLite would refuse.
            connection.exec_driver_sql("COMMIT")
            _begin_immediate(connection, self._busy_ms)

    def reader(self) -> Session:
        """A session that only reads, which its owner closes (the panel: one per request)."""
        return self._reader()

    def writer(self) -> Session:
        """A write session whose owner commits (the panel: one per request)."""
        return self._writer()

    def before_commit(self, do: Callable[[Session], None]) -> None:
        """Call *do* in every write transaction, just before it is committed."""
        event.listen(self._writer, "before_commit", do)

    def close(self) -> None:
        self.engine.dispose()


def open_database(url: str, *, busy_ms: int = SQLITE_BUSY_MS) -> Database:
    """Open *url* (`sqlite:///path` or `postgresql+psycopg://…`); creates the folder of a SQLite file.

    Does not create tables: see `models.migrations.upgrade`.
    """
    parsed = make_url(url)
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() == "sqlite":
        if parsed.database and parsed.database != ":memory:":
            Path(parsed.database).resolve().parent.mkdir(parents=True, exist_ok=True)
        arguments = {"timeout": busy_ms / 1000, "check_same_thread": False}
        engine = create_engine(parsed, connect_args=arguments, json_serializer=_to_json)
        _prepare_sqlite(engine, busy_ms)
    else:
        engine = create_engine(parsed, pool_pre_ping=True, pool_size=10, max_overflow=20)
        _prepare_postgresql(engine)
    return Database(engine, busy_ms)


def _to_json(value: Any) -> str:
    # Most lists of a message are empty, and an encoder takes longer to set up than to use.
    return "[]" if value == [] else "{}" if value == {} else json.dumps(value)


def _prepare_postgresql(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def interpret_plans(connection: Any, _record: Any) -> None:
        # To compile the plan of a search takes ten times as long as the search.
        connection.execute("SET jit = off")
        connection.commit()


def _prepare_sqlite(engine: Engine, busy_ms: int) -> None:
    @event.listens_for(engine, "connect")
    def set_pragmas(connection: sqlite3.Connection, _record: Any) -> None:
        # The driver's own transaction handling would begin lazily and as DEFERRED.
        connection.isolation_level = None
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "cache_size=-65536",
            "mmap_size=268435456",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if connection.get_execution_options().get("begin") == "IMMEDIATE":
            _begin_immediate(connection, busy_ms)
        else:
            connection.exec_driver_sql("BEGIN DEFERRED")


def _begin_immediate(connection: Connection, busy_ms: int) -> None:
    """Wait for our turn to write. Raises OperationalError after *busy_ms*."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    # SQLite itself looks ever more rarely, at last every 0.1 s, and misses the moment between two
    # transactions of a busy worker: the door and the outbox then starve.
    driver.execute("PRAGMA busy_timeout=0")
    deadline = time.monotonic() + busy_ms / 1000
    try:
        while time.monotonic() < deadline:
            try:
                driver.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorname != "SQLITE_BUSY":
                    break
            _PAUSE.wait(_LOOK_SECONDS)
        # Once more, for the error as SQLAlchemy tells it.
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    finally:
        driver.execute(f"PRAGMA busy_timeout={busy_ms}")
