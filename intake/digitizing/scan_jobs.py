"""What the worker does with scans: looks through stacks, reads and files pages. Never in the way of intake.

A job is a row, taken under a lease (`scan_leases`), worked on in a process of lowest priority
(`scan_process`), and ended in one transaction.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy.orm import Session, selectinload

from intake.attachments import read_blob
from intake.counter.labels import read_label
from intake.digitizing import scan_filing, scans
from intake.digitizing.scan_child import Ended, Stopped
from intake.digitizing.scan_leases import Claim, Lost, Work, claim
from intake.digitizing.splitting import split
from intake.errors import FileLost
from intake.office import Office
from models.scan import HeldPage, JobState, Scan, ScanFiling, ScanPage
from templates import language

log = structlog.get_logger()


def look_through(office: Office, stop: threading.Event) -> int:
    """Look through one stack that waits; returns 1 when there was one."""
    return _work(claim(office, Scan, stop), _look)


def read_pages(office: Office, stop: threading.Event) -> int:
    """Read and file the pages of one case that wait; returns 1 when there were some."""
    return _work(claim(office, ScanFiling, stop), _read)


def _work(claimed: Claim[Work] | None, do: Callable[[Claim[Work]], None]) -> int:
    if claimed is None:
        return 0
    language.set(claimed.office.settings.language)
    try:
        try:
            do(claimed)
        except Ended as error:
            claimed.fail(error.key, error.detail)
        except FileLost as error:
            claimed.fail("lost", str(error))
        except Stopped:
            claimed.give_back()
    except Lost:
        log.warning("scan job lost", kind=claimed.kind.__name__, job=claimed.number)
    return 1


def _look(claimed: Claim[Scan]) -> None:
    settings = claimed.office.settings
    with claimed.office.database.reading() as session:
        scan = session.get_one(Scan, claimed.number)
        content = read_blob(session, claimed.office, scan.sha256 or "")
        job: dict[str, Any] = {
            "do": "look",
            "content_type": scan.content_type,
            "max_pages": settings.scan_max_pages,
        }
    labels: list[list[str]] = []

    def hear(line: dict[str, Any]) -> None:
        if "pages" in line:
            claimed.shown["page_count"] = line["pages"]
        elif "page" in line:
            labels.append(sorted({folio for text in line["codes"] if (folio := read_label(text))}))
            claimed.shown["pages_done"] = len(labels)

    with tempfile.TemporaryDirectory(prefix="oficialia-scan-") as name:
        folder = Path(name)
        (folder / "0").write_bytes(content)
        del content
        claimed.run(folder, job, hear)
        pictures = [(folder / f"{page}.jpg").read_bytes() for page in range(len(labels))]
    with claimed.office.database.writing() as session:
        _split(session, claimed.own(session), labels, pictures)


def _split(session: Session, scan: Scan, labels: list[list[str]], pictures: list[bytes]) -> None:
    """Give each page to the case whose paper is awaited; hold the others, each with its why."""
    places = split(labels, scanned_for=scan.case.folio if scan.case else "")
    cases = {folio: scans.awaited(session, folio) for folio in {one.folio for one in places} if folio}
    if scan.case is not None:
        cases[scan.case.folio] = scan.case
    for number, place in enumerate(places):
        case, held = cases.get(place.folio), place.held
        if place.folio and case is None:
            held = HeldPage.NOT_AWAITED if scans.is_folio(session, place.folio) else HeldPage.UNKNOWN
        session.add(
            ScanPage(scan_id=scan.id, number=number, position=number, labels=labels[number],
                     case_id=case.id if case else None, held_because=held, thumbnail=pictures[number])
        )  # fmt: skip
    scan.state, scan.leased_until = JobState.DONE, None
    scan.page_count = scan.pages_done = len(places)


def _read(claimed: Claim[ScanFiling]) -> None:
    office = claimed.office
    with tempfile.TemporaryDirectory(prefix="oficialia-scan-") as name:
        folder = Path(name)
        with office.database.reading() as session:
            wanted = selectinload(ScanFiling.pages).joinedload(ScanPage.scan)
            filing = session.get_one(ScanFiling, claimed.number, options=[wanted])
            folio, pages = filing.case.folio, _spread(session, office, filing, folder)
            takes_unread = filing.reason == scans.UNREAD
        seconds = office.settings.scan_page_seconds
        job = {"do": "read", "title": folio, "pages": pages, "page_seconds": seconds,
               "takes_unread": takes_unread}  # fmt: skip
        texts: list[str] = []

        def hear(line: dict[str, Any]) -> None:
            # Pages that are read a second time were counted.
            claimed.shown["pages_done"] = max(line.get("read", 0), claimed.shown.get("pages_done", 0))
            texts[:] = line.get("text", texts)

        claimed.run(folder, job, hear)
        content = (folder / "read.pdf").read_bytes()
    file = scan_filing.made_file(office, claimed.number, folio, content)
    with office.database.writing() as session:
        scan_filing.file_read(session, office, claimed.own(session), file, texts)


def _spread(session: Session, office: Office, filing: ScanFiling, folder: Path) -> list[dict[str, Any]]:
    """Lay the originals into *folder*; which pages of them are wanted, in their order."""
    names: dict[int, str] = {}
    for page in filing.pages:
        if page.scan_id not in names:
            names[page.scan_id] = str(len(names))
            content = read_blob(session, office, page.scan.sha256 or "")
            (folder / names[page.scan_id]).write_bytes(content)
    return [
        {"file": names[page.scan_id], "content_type": page.scan.content_type, "number": page.number,
         "rotation": page.rotation}
        for page in filing.pages
    ]  # fmt: skip
