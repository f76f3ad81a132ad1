"""The spool: raw mail is safe here before any door says so.

`store` and `Spooler` return only when bytes, envelope and, for IMAP, cursor are
committed and fsynced, or raise StoreFailed and keep nothing. Small mail lives in
its row; larger bytes are durable in the store before the row that names them.
"""

from __future__ import annotations

import hashlib
import queue
import re
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import Table, insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session

from intake.doors.pulse import PERIOD, Pulse
from intake.errors import StoreFailed
from intake.incoming import Raw
from intake.office import Office
from intake.reading.charsets import clean
from intake.reading.headers import Headers
from models.base import now
from models.inbound_mail import InboundMail, InboundStatus

log = structlog.get_logger()

# Larger raw mail lives in the store, so that the table of the spool stays quick to read.
MAX_IN_ROW = 256 * 1024
# Headers further down than this are not worth copying.
_HEAD = 64 * 1024
_MAX_HEADER = 500
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")

_table = InboundMail.__table__
assert isinstance(_table, Table)
_TABLE: Table = _table
_ONCE = ("imap_source", "imap_uidvalidity", "imap_uid")


@dataclass(frozen=True, slots=True)
class Arrival:
    """A mail as a door received it. One row for each of `envelope_to`, or one for nobody we know."""

    # smtp, lmtp, imap, ingest
    door: str
    raw: bytes
    envelope_from: str = ""
    envelope_to: tuple[str, ...] = ()
    peer: str = ""
    helo: str = ""
    imap_source: str | None = None
    imap_uidvalidity: int | None = None
    imap_uid: int | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """An arrival whose bytes, when large, are already safe in the store; `rows` are still to be written."""

    door: str
    rows: list[dict[str, Any]]
    # Bytes that the transaction will carry.
    weight: int


def prepare(office: Office, arrival: Arrival) -> Prepared:
    """Hash the mail, read its few headers, and make large bytes durable. Raises StoreFailed."""
    raw = arrival.raw
    sha256 = hashlib.sha256(raw).hexdigest()
    is_large = len(raw) > MAX_IN_ROW
    if is_large:
        # Before the row: a row without its bytes would be a lost mail, bytes without a row are litter.
        office.store.put(sha256, raw)
    from_header, subject = _copied_headers(raw)
    row = {
        "door": arrival.door,
        "status": InboundStatus.RECEIVED,
        "reason": "",
        "error": "",
        "attempts": 0,
        "received_at": now(),
        "envelope_from": _short(arrival.envelope_from, 320),
        "peer": _short(arrival.peer, 255),
        "helo": _short(arrival.helo, 255),
        "size": len(raw),
        "raw_sha256": sha256,
        "raw": None if is_large else raw,
        "imap_source": arrival.imap_source,
        "imap_uidvalidity": arrival.imap_uidvalidity,
        "imap_uid": arrival.imap_uid,
        "from_header": from_header,
        "subject_header": subject,
    }
    recipients = dict.fromkeys(_short(recipient, 320) for recipient in arrival.envelope_to or ("",))
    rows = [{**row, "envelope_to": recipient} for recipient in recipients]
    return Prepared(arrival.door, rows, 0 if is_large else len(raw) * len(rows))


def add(session: Session, prepared: Sequence[Prepared]) -> list[list[int]]:
    """Write the rows of each, inside the caller's transaction, and return their ids.

    A server message of IMAP that is stored already gives no id, and is no error.
    """
    rows = [row for each in prepared for row in each.rows]
    if not rows:
        return [[] for _ in prepared]
    if any(row["imap_source"] for row in rows):
        return [[number for row in each.rows for number in _add_once(session, row)] for each in prepared]
    statement = insert(_TABLE).returning(_TABLE.c.id, sort_by_parameter_order=True)
    numbers = iter(session.connection().execute(statement, rows).scalars().all())
    return [[next(numbers) for _ in each.rows] for each in prepared]


def _add_once(session: Session, row: dict[str, Any]) -> list[int]:
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    statement = dialect.insert(_TABLE).on_conflict_do_nothing(index_elements=_ONCE).returning(_TABLE.c.id)
    return list(session.connection().execute(statement, [row]).scalars())


def store(office: Office, arrivals: Sequence[Arrival]) -> list[int]:
    """Make *arrivals* durable in one commit and return their ids, in order. Raises StoreFailed."""
    try:
        prepared = [prepare(office, arrival) for arrival in arrivals]
        with office.database.writing() as session:
            added = add(session, prepared)
    except (SQLAlchemyError, OSError) as error:
        raise StoreFailed(str(error)) from error
    return [number for numbers in added for number in numbers]


def read_raw(session: Session, office: Office, inbound: InboundMail) -> bytes:
    """The bytes as they came. Raises StoreFailed when they are not there."""
    if inbound.raw is not None:
        return inbound.raw
    if not inbound.raw_sha256:
        raise StoreFailed(f"inbound mail {inbound.id}: the IMAP server never gave it")
    return office.store.get(inbound.raw_sha256)


def find_raw(session: Session, office: Office, inbound: InboundMail) -> Raw:
    """The same, or the file in which they are, which a process that reads it may open by itself."""
    if inbound.raw is None and inbound.raw_sha256 and (path := office.store.find_path(inbound.raw_sha256)):
        return path
    return read_raw(session, office, inbound)


def _copied_headers(raw: bytes) -> tuple[str, str]:
    """From and Subject as text, shortened, for the list of held mail."""
    end = _END_OF_HEAD.search(raw, 0, _HEAD)
    try:
        headers = Headers(raw[: end.start() if end else _HEAD])
        return _short(headers.text("from"), _MAX_HEADER), _short(headers.text("subject"), _MAX_HEADER)
    except Exception:
        # A header we cannot read must not keep the mail itself from being safe.
        log.exception("headers not copied")
        return "", ""


def _short(text: str, length: int) -> str:
    """*text* as every database takes it: no NUL, no lone surrogate, not too long."""
    return text[:length] if text.isascii() and "\0" not in text else clean(text)[:length]


class Spooler:
    """Stores mails for many sessions at once: what waits while one commit runs shares the next.

    Use as a context manager; leaving it stores what still waits.
    """

    # Mails and bytes that share one commit at most.
    MAX_MAILS = 200
    MAX_WEIGHT = 16 * 1024 * 1024

    def __init__(self, office: Office, pulses: Iterable[Pulse] = ()) -> None:
        self._office = office
        self._pulses = {pulse.name: pulse for pulse in sorted(pulses, key=lambda pulse: pulse.name)}
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="spooler")

    def __enter__(self) -> Spooler:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._queue.put(None)
        self._thread.join()

    def submit(self, mail: Arrival | Prepared) -> Future[list[int]]:
        """The ids when the mail is committed and fsynced, or StoreFailed. Large arrivals: `prepare` first."""
        waiting = _Waiting(mail)
        # From now on it cannot be cancelled: whoever waits may go, the mail is stored.
        waiting.done.set_running_or_notify_cancel()
        self._queue.put(waiting)
        return waiting.done

    def _run(self) -> None:
        is_open = True
        while is_open:
            batch: list[_Waiting] = []
            for waiting in self._take():
                if waiting is None:
                    is_open = False
                else:
                    batch.append(waiting)
            if batch:
                self._keep(batch)
            else:
                self._write_pulses()

    def _take(self) -> Iterator[_Waiting | None]:
        """What waits now; waits a while for the first, never for more."""
        weight = 0
        try:
            first = self._queue.get(timeout=PERIOD)
            yield first
            for _ in range(self.MAX_MAILS - 1):
                weight += first.weight if first else 0
                if weight > self.MAX_WEIGHT:
                    return
                first = self._queue.get_nowait()
                yield first
        except queue.Empty:
            return

    def _keep(self, batch: Sequence[_Waiting]) -> None:
        prepared: list[tuple[_Waiting, Prepared]] = []
        for waiting in batch:
            try:
                mail = waiting.mail
                prepared.append(
                    (waiting, mail if isinstance(mail, Prepared) else prepare(self._office, mail))
                )
            except Exception as error:
                self._fail([waiting], error)
        self._commit(prepared)

    def _commit(self, batch: Sequence[tuple[_Waiting, Prepared]]) -> None:
        """One transaction for all; where the database is well but refuses them, one for each."""
        if not batch:
            return
        doors = {mail.door for _, mail in batch} & self._pulses.keys()
        try:
            with self._office.database.writing() as session:
                added = add(session, [mail for _, mail in batch])
                for name in doors:
                    self._pulses[name].message()
                for pulse in self._pulses.values():
                    if pulse.is_due:
                        pulse.write(session)
        except Exception as error:
            if len(batch) > 1 and not isinstance(error, OperationalError | OSError):
                for each in batch:
                    self._commit([each])
            else:
                self._fail([waiting for waiting, _ in batch], error)
            return
        for (waiting, _), numbers in zip(batch, added, strict=True):
            waiting.done.set_result(numbers)

    def _fail(self, batch: Sequence[_Waiting], error: Exception) -> None:
        log.error(
            "mail not stored", mails=len(batch), error=str(error), exc_info=not isinstance(error, _EXPECTED)
        )
        for pulse in self._pulses.values():
            pulse.fail(str(error))
        for waiting in batch:
            failure = StoreFailed(str(error))
            failure.__cause__ = error
            waiting.done.set_exception(failure)

    def _write_pulses(self) -> None:
        due = [pulse for pulse in self._pulses.values() if pulse.is_due]
        if not due:
            return
        try:
            with self._office.database.writing() as session:
                for pulse in due:
                    pulse.write(session)
        except (SQLAlchemyError, OSError) as error:
            log.warning("pulse not written", error=str(error))


# What happens to any office one day, and needs no traceback.
_EXPECTED = (StoreFailed, OperationalError, OSError)


class _Waiting:
    """A mail in the queue and the promise to whoever waits for it."""

    __slots__ = ("done", "mail")

    def __init__(self, mail: Arrival | Prepared) -> None:
        self.mail = mail
        self.done: Future[list[int]] = Future()

    @property
    def weight(self) -> int:
        return self.mail.weight if isinstance(self.mail, Prepared) else len(self.mail.raw)
