"""A PostgreSQL cluster of our own on a private port, and a fresh database for every test."""

import itertools
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from tests.support.folders import server_folder
from tests.support.ports import free_port
from tests.support.program import Program

SERVER_USER = "postgres"
# Only for tests: what is lost by a power cut does not matter here.
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "200"}
ENCODING = ["--encoding=UTF8", "--locale=C.UTF-8"]

_SHAPE = "SELECT " + ", ".join(
    f"(SELECT (count(*), max(oid)) FROM {catalogue})::text"
    for catalogue in ("pg_class", "pg_trigger", "pg_constraint", "pg_proc", "pg_attrdef")
)
# Rows are few, so that deleting them is faster than the new files of TRUNCATE.
_EMPTY = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid();
DO $$
DECLARE name text;
BEGIN
    SET LOCAL session_replication_role = replica;
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'
    LOOP EXECUTE format('DELETE FROM %I', name); END LOOP;
    FOR name IN SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL
    LOOP PERFORM setval(format('%I', name)::regclass, 1, false); END LOOP;
END $$
"""


class PostgresCluster:
    """A running cluster. Databases are named by number and dropped with the cluster."""

    def __init__(self, port: int, program: Program) -> None:
        self.port = port
        self.program = program
        self._numbers = itertools.count(1)
        # To the databases that are emptied again and again: a new session knows no table, and reads of all.
        self._open: dict[str, psycopg.Connection] = {}

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://oficialia@127.0.0.1:{self.port}/{database}"

    def create_database(self, template: str = "template0") -> str:
        """Make a database as a copy of *template*, to which nobody may be connected; return its name."""
        name = f"test_{next(self._numbers)}"
        # Copying files is the faster strategy where nothing is synced to disk.
        self._execute(sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY"), name, template)
        return name

    def drop_database(self, name: str) -> None:
        """Drop it, and put out whoever is still connected."""
        self._execute(sql.SQL("DROP DATABASE {} WITH (FORCE)"), name)

    def shape(self, name: str) -> tuple[object, ...]:
        """Changes when anything of the schema of *name* does."""
        return self._inside(name).execute(_SHAPE).fetchone() or ()

    def empty(self, name: str) -> None:
        """Put out whoever is still connected, delete every row and let every key begin at 1."""
        self._inside(name).execute(_EMPTY)

    def close(self) -> None:
        for connection in self._open.values():
            connection.close()

    def is_ready(self) -> bool:
        try:
            self._execute(sql.SQL("SELECT 1"))
        except psycopg.OperationalError:
            return False
        return True

    def restart(self) -> None:
        """Stop at once, as a crash of the server looks to its clients, and start again."""
        self.program.stop()
        self.program.start(self.is_ready)

    def _inside(self, name: str) -> psycopg.Connection:
        if name in self._open:
            try:
                self._open[name].execute("SELECT 1")
            except psycopg.OperationalError:
                # The server was started anew.
                self._open.pop(name).close()
        if name not in self._open:
            self._open[name] = psycopg.connect(self._where(name), autocommit=True)
        return self._open[name]

    def _execute(self, statement: sql.SQL, *names: str) -> None:
        with psycopg.connect(self._where("postgres"), autocommit=True) as connection:
            connection.execute(statement.format(*map(sql.Identifier, names)))

    def _where(self, database: str) -> str:
        return f"host=127.0.0.1 port={self.port} user=oficialia dbname={database} connect_timeout=5"


@contextmanager
def postgres_cluster() -> Iterator[PostgresCluster]:
    """Make and start a cluster; stop and remove it afterwards."""
    binaries = _newest_binaries()
    with server_folder("postgres", SERVER_USER) as folder:
        data = folder / "data"
        _make_cluster(binaries / "initdb", data)
        port = free_port()
        place = ["-D", str(data), "-k", str(folder), "-h", "127.0.0.1", "-p", str(port)]
        program = Program(
            [str(binaries / "postgres"), *place, *(f"--{name}={value}" for name, value in FAST.items())],
            folder / "log",
            user=SERVER_USER,
            # "Fast" shutdown: sessions still open are ended.
            stop_signal=signal.SIGINT,
        )
        cluster = PostgresCluster(port, program)
        with program.start(cluster.is_ready):
            yield cluster
            cluster.close()


def _make_cluster(initdb: Path, data: Path) -> None:
    done = subprocess.run(
        [str(initdb), "-D", str(data), "-U", "oficialia", "--auth=trust", "--no-sync", *ENCODING],
        user=SERVER_USER if os.geteuid() == 0 else None,
        group=SERVER_USER if os.geteuid() == 0 else None,
        # initdb looks at the current folder, which may be closed to its user.
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise AssertionError(f"initdb failed:\n{done.stdout}\n{done.stderr}")


def _newest_binaries() -> Path:
    # Debian keeps every version apart, and only its wrappers are on PATH.
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise AssertionError("PostgreSQL is missing: apt-get install postgresql")
    return found[-1].parent
