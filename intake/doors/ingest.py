"""Mail from files: .eml, folders, Maildir, mbox or standard input, by the same durable path as SMTP."""

from __future__ import annotations

import mailbox
import re
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select

from intake import pipeline, spool
from intake.addresses import parse_addresses, split_plus
from intake.office import Office
from intake.reading.headers import Headers
from intake.reading.isolation import Reader
from intake.running.terminal import USAGE, Failed, words_of
from intake.spool import Arrival
from models.case import Case
from models.inbound_mail import InboundMail, InboundStatus, Outcome
from models.mailbox import Mailbox
from templates import say

STDIN = "-"
# Mails that share one commit; also how far a progress bar jumps.
BATCH = 50
BATCH_BYTES = 8 * 1024 * 1024
# Headers that say to whom a mail that lies in a file was delivered, the surest first.
_RECIPIENT_HEADERS = ("delivered-to", "x-original-to", "envelope-to", "to", "cc")
# As much of a mail as is read for its headers.
_HEAD = 64 * 1024
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
# Seconds between two looks at mails that another worker holds.
_PAUSE = 0.05


@dataclass(frozen=True)
class Source:
    """One raw mail and the file it lies in (with its number, in an mbox)."""

    name: str
    raw: bytes


def count_mails(paths: Iterable[str]) -> int:
    """How many mails `read_sources` will find; opens no mail, and leaves complaining to it."""
    try:
        return sum(sum(1 for _ in _mails_in(path, read=False)) for path in paths if path != STDIN)
    except OSError:
        return 0


def read_sources(paths: Iterable[str]) -> Iterator[Source]:
    """Every mail in *paths*, in a stable order. Raises Failed for what cannot be read."""
    for path in paths:
        try:
            yield from _mails_in(path)
        except OSError as error:
            raise Failed("unreadable", USAGE, path=path, why=words_of(error)) from error


def _mails_in(path: str, *, read: bool = True) -> Iterator[Source]:
    if path == STDIN:
        yield Source(STDIN, sys.stdin.buffer.read())
        return
    place = Path(path)
    if place.is_dir():
        files = _maildir_files(place) if (place / "cur").is_dir() else sorted(place.rglob("*.eml"))
        for file in files:
            yield Source(str(file), file.read_bytes() if read else b"")
    elif _is_mbox(place):
        box = mailbox.mbox(place, create=False)
        for number, key in enumerate(box.keys(), start=1):
            yield Source(f"{place}:{number}", box.get_bytes(key) if read else b"")
        box.close()
    else:
        yield Source(str(place), place.read_bytes() if read else b"")


def _maildir_files(folder: Path) -> list[Path]:
    return sorted(file for part in ("cur", "new") for file in (folder / part).glob("*") if file.is_file())


def _is_mbox(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(5) == b"From "


def ingest(
    office: Office, sources: Iterable[Source], *, to: str = "", wait: bool = False
) -> Iterator[dict[str, Any]]:
    """Store every mail and say what became of it; with *wait*, after it was processed.

    One value per mail: source, inbound_id, status, folio, kind, follow_up, reason.
    """
    ours = _our_addresses(office)
    if to and split_plus(to)[0] not in ours:
        raise Failed("not_our_address", USAGE, address=to)
    if not ours:
        raise Failed("no_mailbox")
    rest = iter(sources)
    # Starts its child process only when there is something to read.
    with Reader() as reader:
        while batch := _take_batch(rest):
            arrivals = [_arrival(each.raw, to or _recipient(each.raw, ours)) for each in batch]
            numbers = spool.store(office, arrivals)
            if wait:
                _process(office, numbers, reader)
            yield from _what_became(office, batch, numbers)


def _take_batch(sources: Iterator[Source]) -> list[Source]:
    batch: list[Source] = []
    weight = 0
    for source in sources:
        batch.append(source)
        weight += len(source.raw)
        if len(batch) == BATCH or weight > BATCH_BYTES:
            break
    return batch


def _our_addresses(office: Office) -> list[str]:
    with office.database.reading() as session:
        return list(session.scalars(select(Mailbox.address).where(Mailbox.is_active).order_by(Mailbox.id)))


def _recipient(raw: bytes, ours: Sequence[str]) -> str:
    """The address of ours to which the mail was delivered or written, else our first."""
    headers = _headers(raw)
    for name in _RECIPIENT_HEADERS:
        for found in parse_addresses(headers.all_plain(name)):
            if split_plus(found.address)[0] in ours:
                return found.address
    return ours[0]


def _arrival(raw: bytes, to: str) -> Arrival:
    return Arrival("ingest", raw, envelope_from=_sender(raw), envelope_to=(to,))


def _sender(raw: bytes) -> str:
    """The envelope sender that the server which delivered the mail wrote into it (RFC 5321, 4.4)."""
    headers = _headers(raw)
    # An empty Return-Path is that of a report, and stays empty.
    found = parse_addresses(headers.all_plain("return-path" if "return-path" in headers else "from"))
    return found[0].address if found else ""


def _headers(raw: bytes) -> Headers:
    end = _END_OF_HEAD.search(raw, 0, _HEAD)
    return Headers(raw[: end.start() if end else _HEAD])


def _process(office: Office, numbers: Sequence[int], reader: Reader) -> None:
    """Work like a worker until the mails with these *numbers* are decided, by us or by another."""
    pause = threading.Event()
    while True:
        pipeline.process_these(office, numbers, reader)
        if not _is_any_waiting(office, numbers):
            return
        # Another worker has it in its hands, or died with it: then it is ours to do.
        pause.wait(_PAUSE)


def _is_any_waiting(office: Office, numbers: Sequence[int]) -> bool:
    with office.database.reading() as session:
        waiting = select(InboundMail.id).where(
            InboundMail.id.in_(numbers), InboundMail.status == InboundStatus.RECEIVED
        )
        return session.scalar(waiting.limit(1)) is not None


def _what_became(office: Office, batch: Sequence[Source], numbers: Sequence[int]) -> Iterator[dict[str, Any]]:
    with office.database.reading() as session:
        found = session.execute(
            select(InboundMail, Case.folio, Case.kind)
            .outerjoin(Case, Case.id == InboundMail.case_id)
            .where(InboundMail.id.in_(numbers))
        )
        rows = {inbound.id: (inbound, folio, kind) for inbound, folio, kind in found}
    for source, number in zip(batch, numbers, strict=True):
        inbound, folio, kind = rows[number]
        yield {
            "source": source.name,
            "inbound_id": number,
            "status": inbound.status.value,
            "outcome": inbound.outcome.value if inbound.outcome else None,
            "folio": folio,
            "kind": kind.value if kind else None,
            "follow_up": inbound.outcome == Outcome.FOLLOW_UP,
            "reason": inbound.reason,
        }


@contextmanager
def progress(paths: Sequence[str]) -> Iterator[Callable[[], None]]:
    """A progress bar on stderr, when that is a terminal; call what it yields once per mail."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn(say("cli.ingest.progress")),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:.0f}/s"),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    # On one terminal the lines go above the bar; in a file they are left alone.
    with Progress(*columns, console=console, redirect_stdout=sys.stdout.isatty()) as bar:
        task = bar.add_task("", total=count_mails(paths) or None, rate=0.0)

        def advance() -> None:
            # Not rich's own speed: it sees each batch as one leap.
            this = bar.tasks[0]
            bar.update(task, advance=1, rate=(this.completed + 1) / (this.elapsed or 1))

        yield advance
