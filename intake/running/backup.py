"""One archive with database and files, the same from SQLite and from PostgreSQL.

A tar: `manifest.json`, a file of JSON lines per table, the stored files by SHA-256,
and the words by which messages are found. Taken in one snapshot while the office works; restored only into an
empty place, and then the database complete or not at all.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Column, Connection, Date, LargeBinary, Table, func, insert, select, union, update

from intake.demo.demo import is_empty
from intake.errors import StoreFailed
from intake.office import Office
from intake.proofs import seal
from intake.running.terminal import USAGE, Failed, words_of
from models import Base, Blob, InboundMail
from models.base import UtcDateTime
from models.migrations import current_revision, upgrade
from models.search import index_message, indexed_words

FORMAT = 1
_MANIFEST = "manifest.json"
# Each database has its own kind of index, but both hold words, of which not all are in a message.
_WORDS = "words.jsonl"
# Rows written at a time.
_ROWS = 500
# A table's file is put together in memory up to this size, and on disk beyond.
_IN_MEMORY = 16 * 1024 * 1024

Row = dict[str, Any]


@dataclass
class Count:
    """What an archive holds, and which files were not there when it was made."""

    rows: int = 0
    files: int = 0
    missing: list[str] = field(default_factory=list)


def back_up(office: Office, path: Path) -> Count:
    """Write the archive. Raises Failed when *path* exists already."""
    if path.exists():
        raise Failed("busy_place", USAGE, path=str(path))
    count = Count()
    unfinished = path.with_name(path.name + ".part")
    try:
        unfinished.touch(mode=0o600)
        with tarfile.open(unfinished, "w") as archive, _snapshot(office) as connection:
            manifest = {"format": FORMAT, "revision": current_revision(office.database), **_secret(office)}
            _add(archive, _MANIFEST, io.BytesIO(json.dumps(manifest).encode()))
            for table in Base.metadata.sorted_tables:
                count.rows += _add_table(archive, connection, table)
            for sha256 in _stored(connection):
                try:
                    _add(archive, f"files/{sha256}", io.BytesIO(office.store.get(sha256)))
                    count.files += 1
                except StoreFailed:
                    # Everything else is worth keeping all the more.
                    count.missing.append(sha256)
            _add_lines(
                archive, _WORDS, ({"id": one, "words": words} for one, words in indexed_words(connection))
            )
        unfinished.rename(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return count


def _secret(office: Office) -> dict[str, str]:
    """Key and seal made on first use: without them, what was sent and sealed would not be known as ours."""
    is_set = office.settings.secret_key.get_secret_value()
    kept = {} if is_set else {"secret_key": office.settings.secret.decode()}
    if own_seal := seal.read_own(office):
        kept["seal"] = base64.b64encode(own_seal).decode()
    return kept


@contextmanager
def _snapshot(office: Office) -> Iterator[Connection]:
    """A connection to which the database stands still, while others write."""
    engine = office.database.engine
    if not office.database.is_sqlite:
        engine = engine.execution_options(isolation_level="REPEATABLE READ")
    with engine.connect() as connection, connection.begin():
        yield connection


def _add(archive: tarfile.TarFile, name: str, content: IO[bytes]) -> None:
    member = tarfile.TarInfo(name)
    member.size = content.seek(0, io.SEEK_END)
    content.seek(0)
    archive.addfile(member, content)


def _add_table(archive: tarfile.TarFile, connection: Connection, table: Table) -> int:
    rows = connection.execution_options(yield_per=_ROWS).execute(select(table).order_by(*table.primary_key))
    written = ({name: _write_value(value) for name, value in row.items()} for row in rows.mappings())
    return _add_lines(archive, f"tables/{table.name}.jsonl", written)


def _add_lines(archive: tarfile.TarFile, name: str, rows: Iterable[Row]) -> int:
    count = 0
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as lines:
        for row in rows:
            count += 1
            lines.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")
        _add(archive, name, lines)
    return count


def _stored(connection: Connection) -> Iterator[str]:
    """SHA-256 of everything that lies in the store: large files and large raw mails."""
    wanted = union(
        select(Blob.sha256).where(Blob.content.is_(None)),
        select(InboundMail.raw_sha256).where(InboundMail.raw.is_(None), InboundMail.raw_sha256 != ""),
    )
    yield from connection.execute(wanted).scalars()


def _write_value(value: object) -> object:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, date):
        return value.isoformat()
    return value


def _read_value(column: Column[Any], value: Any) -> Any:
    if value is None:
        return None
    if isinstance(column.type, LargeBinary):
        return base64.b64decode(value)
    if isinstance(column.type, UtcDateTime):
        return datetime.fromisoformat(value)
    if isinstance(column.type, Date):
        return date.fromisoformat(value)
    return value


def restore(office: Office, path: Path) -> Count:
    """Fill an empty place from the archive. Raises Failed, and then the database is as it was."""
    try:
        with tarfile.open(path) as archive:
            return _restore(office, archive)
    except FileNotFoundError as error:
        raise Failed("unreadable", USAGE, path=str(path), why=words_of(error)) from error
    except (tarfile.TarError, KeyError, ValueError) as error:
        raise Failed("not_a_backup", USAGE, path=str(path)) from error


def _restore(office: Office, archive: tarfile.TarFile) -> Count:
    manifest = json.loads(_read(archive, _MANIFEST))
    upgrade(office.database)
    wanted = current_revision(office.database)
    if (manifest["format"], manifest["revision"]) != (FORMAT, wanted):
        raise Failed("backup_version", found=str(manifest["revision"]), wanted=str(wanted))
    if not is_empty(office):
        raise Failed("not_empty_place")
    count = Count()
    # Files first: a file that no row names does no harm, a row without its file does.
    for member in archive:
        if member.name.startswith("files/"):
            content, sha256 = _read(archive, member.name), member.name.removeprefix("files/")
            if hashlib.sha256(content).hexdigest() != sha256:
                raise Failed("backup_damaged", path=member.name)
            office.store.put(sha256, content)
            count.files += 1
    with office.database.writing() as session:
        connection = session.connection()
        for table in Base.metadata.sorted_tables:
            count.rows += _fill_table(connection, archive, table)
        for row in _lines(archive, _WORDS):
            index_message(session, row["id"], [row["words"]])
    _keep_secret(office, manifest.get("secret_key", ""))
    seal.keep_own(office, base64.b64decode(manifest.get("seal", "")))
    return count


def _read(archive: tarfile.TarFile, name: str) -> bytes:
    content = archive.extractfile(name)
    if content is None:
        raise KeyError(name)
    return content.read()


def _fill_table(connection: Connection, archive: tarfile.TarFile, table: Table) -> int:
    """Insert every row of *table*; what refers to a row of the same table is written when all are there."""
    inward = [key.parent for key in table.foreign_keys if key.column.table is table]
    later: list[Row] = []
    number = 0
    for rows in _batches(archive, table):
        for row in rows:
            links = {column.name: row[column.name] for column in inward if row[column.name] is not None}
            if links:
                later.append({"key": row["id"], **links})
                row.update(dict.fromkeys(links))
        connection.execute(insert(table), rows)
        number += len(rows)
    for row in later:
        connection.execute(update(table).where(table.c.id == row.pop("key")).values(row))
    if "id" in table.c and connection.dialect.name == "postgresql":
        # Rows came with their ids, of which the sequence knows nothing.
        last = connection.scalar(select(func.max(table.c.id)))
        sequence = func.pg_get_serial_sequence(f'"{table.name}"', "id")
        connection.execute(select(func.setval(sequence, last or 1, last is not None)))
    return number


def _batches(archive: tarfile.TarFile, table: Table) -> Iterator[list[Row]]:
    rows: list[Row] = []
    for row in _lines(archive, f"tables/{table.name}.jsonl"):
        rows.append({column.name: _read_value(column, row[column.name]) for column in table.columns})
        if len(rows) == _ROWS:
            yield rows
            rows = []
    if rows:
        yield rows


def _lines(archive: tarfile.TarFile, name: str) -> Iterator[Row]:
    lines = archive.extractfile(name)
    if lines is None:
        raise KeyError(name)
    for line in lines:
        yield json.loads(line)


def _keep_secret(office: Office, secret: str) -> None:
    path = office.settings.outgoing_dir.parent / "secret_key"
    if secret and not path.exists() and not office.settings.secret_key.get_secret_value():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secret)
