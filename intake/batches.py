"""Waiting mail, a few at a time: which comes next, and what each says, read before anybody waits for it.

While the pipeline writes what one batch causes, the child process of `isolation.Reader`
reads the next. Nothing is decided here; what cannot be read becomes *failed*.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field

import structlog
from sqlalchemy import ColumnElement, Row, Select, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, undefer

from intake import spool
from intake.attachments import store_large
from intake.errors import FileLost, StoreFailed
from intake.incoming import IncomingMessage, Raw
from intake.office import Office
from intake.priority import give_way
from intake.reading import inspection
from intake.reading.inspection import MailReader
from intake.reading.isolation import NoReader, Poisoned
from models.base import now
from models.inbound_mail import InboundMail, InboundStatus
from templates import say

log = structlog.get_logger()

# Mails, and bytes of mail, that are decided in one transaction at most; other writers wait for its end.
MAILS, BYTES = 60, 16_000_000
# The first batch is short: nothing is written while it is read.
FIRST = 8
# Mails that a worker takes up at a time, in full batches; what was taken up is finished before it ends.
TAKEN_UP = FIRST + 7 * MAILS
# Bytes of a mail that is read in one request with others of its batch.
SHORT = 65_536
# Mails of a batch whose large files are written at the same time.
STORES = 8


@dataclass(frozen=True, slots=True)
class Read:
    """A waiting mail and what it says."""

    inbound_id: int
    incoming: IncomingMessage


@dataclass(slots=True)
class Batch:
    """Mails that were read, how many could not be, and why one still waits for the store."""

    read: list[Read] = field(default_factory=list)
    failed: int = 0
    away: StoreFailed | None = None


def read_ahead(office: Office, mails: Iterable[tuple[int, int]], reader: MailReader) -> Iterator[Batch]:
    """These mails (id, size), in batches. Raises OperationalError or NoReader; they then wait."""
    ready: Future[Batch] | None = None
    with ThreadPoolExecutor(1, "read-ahead", give_way) as executor:
        for batch in _batches(mails):
            if ready is not None and sum(size for _, size in batch) > BYTES:
                # Two large mails are never in memory together.
                yield ready.result()
                ready = None
            ids = [inbound_id for inbound_id, _ in batch]
            context = copy_context()
            following = executor.submit(context.run, read_batch, office, ids, reader)
            if ready is not None:
                yield ready.result()
            ready = following
        if ready is not None:
            yield ready.result()


_WAITING = select(InboundMail.id, InboundMail.size).where(InboundMail.status == InboundStatus.RECEIVED)


def find_waiting(office: Office, limit: int, part: tuple[int, int]) -> list[tuple[int, int]]:
    """Ids and sizes of up to *limit* waiting mails, for worker i of n."""
    index, count = part
    with office.database.reading() as session:
        mine = session.execute(
            _WAITING.where(InboundMail.id % count == index).order_by(InboundMail.id).limit(limit)
        ).all()
        rows = mine or _of_others(session, index)
        return [(row.id, row.size) for row in rows]


def _of_others(session: Session, index: int) -> Sequence[Row[int, int]]:
    """With nothing of its own to do, a worker helps with what the others come to later, or last."""
    in_order = _WAITING.order_by(InboundMail.id)
    later = session.execute(in_order.offset((index + 1) * 2 * MAILS).limit(MAILS)).all()
    return later or session.execute(_WAITING.order_by(InboundMail.id.desc()).limit(1)).all()


def waiting_among(office: Office, ids: Sequence[int]) -> list[tuple[int, int]]:
    """Ids and sizes of those of *ids* that wait."""
    with office.database.reading() as session:
        rows = session.execute(_WAITING.where(InboundMail.id.in_(ids)).order_by(InboundMail.id)).all()
        return [(row.id, row.size) for row in rows]


def _batches(waiting: Iterable[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
    batch: list[tuple[int, int]] = []
    weight, most = 0, FIRST
    for inbound_id, size in waiting:
        if batch and (len(batch) == most or weight + size > BYTES):
            yield batch
            batch, weight, most = [], 0, MAILS
        batch.append((inbound_id, size))
        weight += size
    if batch:
        yield batch


def read_batch(office: Office, ids: Sequence[int], reader: MailReader) -> Batch:
    """Read each mail, outside any transaction. Raises OperationalError or NoReader."""
    with office.database.reading() as session:
        mails = session.scalars(still_waiting(ids).options(undefer(InboundMail.raw))).all()
    batch, said = Batch(), _parse_short(mails, reader)
    # Disks and object stores are waited for together: most of a large file's time is spent there.
    with ThreadPoolExecutor(STORES, "store", give_way) as stores:
        stored = []
        for inbound in mails:
            try:
                raw = inbound.raw if inbound.raw is not None else _find_raw(office, inbound)
                parsed = said.get(inbound.id) or reader.parse(raw)
                if isinstance(parsed, Exception):
                    raise parsed
                incoming = inspection.inspect(office, inbound, raw, parsed, reader)
            except (OperationalError, NoReader):
                raise
            except Exception as error:
                _set_aside(office, batch, inbound.id, error)
            else:
                files = incoming.attachments
                storing = stores.submit(store_large, office, files) if files else None
                stored.append((Read(inbound.id, incoming), storing))
        for read, storing in stored:
            try:
                if storing is not None:
                    storing.result()
            except Exception as error:
                _set_aside(office, batch, read.inbound_id, error)
            else:
                batch.read.append(read)
    return batch


def _parse_short(mails: Sequence[InboundMail], reader: MailReader) -> dict[int, IncomingMessage | Exception]:
    """What the short ones of *mails* say: a child that reads on while we look at the last is never idle."""
    short = {one.id: one.raw for one in mails if one.raw is not None and one.size <= SHORT}
    return dict(zip(short, reader.parse_all(list(short.values())), strict=True))


def _set_aside(office: Office, batch: Batch, inbound_id: int, error: Exception) -> None:
    if isinstance(error, StoreFailed) and not isinstance(error, FileLost):
        batch.away = error
        return
    fail(office, inbound_id, error)
    batch.failed += 1


def _find_raw(office: Office, inbound: InboundMail) -> Raw:
    with office.database.reading() as session:
        return spool.find_raw(session, office, inbound)


def still_waiting(ids: Sequence[int]) -> Select[InboundMail]:
    """Those of *ids* that nobody has decided about."""
    return select(InboundMail).where(*_is_waiting(ids)).order_by(InboundMail.id)


def claim(session: Session, ids: Sequence[int]) -> set[int]:
    """Those of *ids* that nobody has decided about, nor will while the transaction lasts."""
    mine = select(InboundMail.id).where(*_is_waiting(ids)).with_for_update(skip_locked=True)
    return set(session.scalars(mine))


def _is_waiting(ids: Sequence[int]) -> tuple[ColumnElement[bool], ...]:
    return InboundMail.id.in_(ids), InboundMail.status == InboundStatus.RECEIVED


def fail(office: Office, inbound_id: int, error: Exception) -> None:
    """Keep the mail for a clerk, with what happened to it."""
    log.error("mail failed", inbound=inbound_id, exc_info=error)
    with office.database.writing() as session:
        inbound = session.get_one(InboundMail, inbound_id, with_for_update=True)
        if inbound.status != InboundStatus.RECEIVED:
            # Another worker could read it.
            return
        inbound.status = InboundStatus.FAILED
        inbound.attempts += 1
        inbound.processed_at = now()
        inbound.reason = _why(error)
        inbound.error = "".join(traceback.format_exception(error))[-20_000:]


def _why(error: Exception) -> str:
    if isinstance(error, Poisoned):
        return str(error)
    if isinstance(error, FileLost):
        return say("inbound.lost")
    return say("inbound.failed", error=type(error).__name__)
