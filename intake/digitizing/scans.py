"""The verbs of digitizing: take a scan, say whose its pages are, file them, end the task (manual C).

What comes is kept as it came, by its hash, before anything is made of it. Pages are filed only when a
person says so; reading them is left to the worker (`intake.digitizing.scan_jobs`). The caller commits.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, exists, or_, select, true, update
from sqlalchemy.orm import Session

from intake.attachments import examined, keep_blob, store_large
from intake.counter.discharging import ask_discharge
from intake.counter.labels import read_label
from intake.errors import InvalidInput
from intake.incoming import IncomingFile
from intake.office import Office
from intake.scanning import MALWARE, scan_files
from models.access import standing, visible_to
from models.case import Case
from models.oficio import Oficio
from models.person import Account, Role
from models.scan import HeldPage, JobState, Scan, ScanFiling, ScanPage, ScanSource
from models.task import Task, TaskKind, TaskState
from models.workflow import NotAllowed, find_transition, get_transition
from templates import say

TYPES = ("application/pdf", "image/tiff", "image/jpeg", "image/png")
# Why a reading failed that may be filed without it, and what its row says while it is.
SLOW_PAGE, UNREAD = "slow_page", "unread"
HANDLING = frozenset({Role.DIGITIZER, Role.OFICIALIA})


def examine(office: Office, filename: str, content: bytes, declared_type: str = "") -> IncomingFile:
    """What came, if it is a scan; large bytes are durable then. Outside a transaction.

    Raises InvalidInput when it is not, StoreFailed.
    """
    (file,) = scan_files(office.settings.clamd_url, (examined(filename, declared_type, content),))
    check(office, file)
    store_large(office, (file,))
    return file


def check(office: Office, file: IncomingFile) -> None:
    """Raises InvalidInput when *file* is no scan that we take."""
    limit = office.settings.scan_max_bytes
    if file.size > limit:
        raise InvalidInput("file_too_large", name=file.filename, megabytes=limit // 1_000_000)
    if not file.size:
        raise InvalidInput("scan_empty", name=file.filename)
    if file.content_type not in TYPES:
        raise InvalidInput("scan_type", name=file.filename)
    if file.danger.startswith(MALWARE):
        raise InvalidInput("file_dangerous", name=file.filename)


def find_known(session: Session, sha256: str) -> Scan | None:
    """The stack that this very file is already."""
    return session.scalar(select(Scan).where(Scan.sha256 == sha256))


def take(
    session: Session,
    office: Office,
    file: IncomingFile,
    *,
    source: ScanSource,
    by: Account | None = None,
    sender: str = "",
    dependencia_id: int | None = None,
    case: Case | None = None,
) -> Scan:
    """Keep an examined file; the worker looks through it. Raises InvalidInput when it is here already."""
    known = find_known(session, file.sha256)
    if known is not None:
        raise InvalidInput("scan_known", name=file.filename, number=known.id)
    if case is not None and by is not None:
        get_transition(case, "file_scan", standing(session, case, by))
    keep_blob(session, office, file.sha256, file.content)
    scan = Scan(
        filename=file.filename,
        content_type=file.content_type,
        size=file.size,
        sha256=file.sha256,
        source=source,
        account_id=by.id if by else None,
        sender=sender,
        dependencia_id=by.dependencia_id if by else dependencia_id,
        case_id=case.id if case else None,
    )
    session.add(scan)
    session.flush()
    return scan


def refuse(session: Session, filename: str, why: str, *, source: ScanSource) -> Scan:
    """Show the digitizers what came where nobody can be told *why* it is no scan."""
    scan = Scan(filename=filename, source=source, state=JobState.FAILED, reason="refused", detail=why)
    session.add(scan)
    return scan


def handled_by(account: Account) -> ColumnElement[bool]:
    """A condition on `Scan` for the stacks that *account* works on."""
    if account.role == Role.OFICIALIA:
        return true()
    return or_(Scan.dependencia_id.is_(None), Scan.dependencia_id == account.dependencia_id)


def awaited(session: Session, folio: str) -> Case | None:
    """The case whose label says *folio*, if its paper is to be digitized."""
    waits = exists(
        select(Task.id).where(
            Task.case_id == Oficio.id, Task.kind == TaskKind.DIGITIZE, Task.state == TaskState.OPEN
        )
    )
    return session.scalar(select(Oficio).where(Oficio.folio.in_({folio, folio.upper()}), waits))


def is_folio(session: Session, folio: str) -> bool:
    """Is there any case of that folio?"""
    return session.scalar(select(Case.id).where(Case.folio.in_({folio, folio.upper()}))) is not None


def give(session: Session, scan: Scan, pages: Sequence[ScanPage], by: Account, folio: str) -> Case:
    """By hand: *pages* are of the case *folio*, typed or read from its label. Raises InvalidInput."""
    folio = (read_label(folio) or folio).strip().upper()
    case = session.scalar(select(Case).where(Case.folio == folio, visible_to(by)))
    # A folio that this account may not see is as good as none.
    if case is None or find_transition(case, "file_scan", standing(session, case, by)) is None:
        raise InvalidInput("scan_folio", folio=folio)
    for page in _movable(scan, pages):
        page.case_id, page.held_because = case.id, None
    return case


def hold(scan: Scan, pages: Sequence[ScanPage]) -> None:
    """By hand: nobody knows yet whose *pages* are."""
    for page in _movable(scan, pages):
        page.case_id, page.held_because = None, HeldPage.BY_HAND


def turn(scan: Scan, pages: Sequence[ScanPage], degrees: int) -> None:
    """Turn *pages* to the right by *degrees*."""
    for page in _movable(scan, pages):
        page.rotation = (page.rotation + degrees) % 360


def discard(session: Session, scan: Scan, pages: Sequence[ScanPage], *, is_discarded: bool = True) -> None:
    """Leave *pages* out, or take them back in; the original has them anyway."""
    for page in _movable(scan, pages):
        page.is_discarded = is_discarded
    finish_scan(session, scan)


def move(scan: Scan, page: ScanPage, step: int) -> None:
    """Put *page* one place earlier (-1) or later (1) among those of the same case."""
    _movable(scan, [page])
    beside = [one for one in scan.pages if one.case_id == page.case_id and not one.filing_id]
    place = beside.index(page) + step
    if 0 <= place < len(beside):
        other = beside[place]
        page.position, other.position = other.position, page.position


def _movable(scan: Scan, pages: Sequence[ScanPage]) -> Sequence[ScanPage]:
    if not pages:
        raise InvalidInput("scan_no_pages")
    if any(page.filing_id is not None or page.scan_id != scan.id for page in pages):
        raise InvalidInput("scan_filed")
    return pages


def file_pages(session: Session, scan: Scan, by: Account, *, case_id: int | None = None) -> list[ScanFiling]:
    """The pages are right: read and file them, of one case or of all in the stack. Held ones stay."""
    waiting: dict[int, list[ScanPage]] = {}
    for page in scan.pages:
        if page.case_id and not page.filing_id and not page.is_discarded and case_id in (None, page.case_id):
            waiting.setdefault(page.case_id, []).append(page)
    if not waiting:
        raise InvalidInput("scan_nothing")
    filings = []
    for number, pages in waiting.items():
        case = session.get_one(Case, number)
        stands = standing(session, case, by)
        if find_transition(case, "file_scan", stands) is None:
            raise InvalidInput("scan_folio", folio=case.folio if stands else "")
        filing = ScanFiling(case_id=number, account_id=by.id, page_count=len(pages), pages=pages)
        session.add(filing)
        filings.append(filing)
    session.flush()
    return filings


def retry(job: Scan | ScanFiling) -> None:
    """Once more, from the beginning."""
    if job.state != JobState.FAILED or (isinstance(job, Scan) and job.sha256 is None):
        raise InvalidInput("scan_not_failed")
    job.state, job.reason, job.detail, job.attempts = JobState.QUEUED, "", "", 0


def file_unread(filing: ScanFiling) -> None:
    """Once more, and pages that cannot be read in their time are filed as pictures only."""
    if filing.reason != SLOW_PAGE:
        raise InvalidInput("scan_not_failed")
    retry(filing)
    filing.reason = UNREAD


def take_back(session: Session, filing: ScanFiling) -> None:
    """A filing that failed: its pages are on the table again."""
    if filing.state != JobState.FAILED:
        raise InvalidInput("scan_not_failed")
    session.execute(update(ScanPage).where(ScanPage.filing_id == filing.id).values(filing_id=None))
    session.expire(filing, ["pages"])
    session.delete(filing)


def dismiss(scan: Scan) -> None:
    """A stack that failed has been seen; it leaves the list, its original stays."""
    if scan.state != JobState.FAILED:
        raise InvalidInput("scan_not_failed")
    scan.is_finished = True


def finish_scan(session: Session, scan: Scan) -> None:
    """Keep `is_finished`: every page is filed or left out."""
    session.flush()
    open_pages = (
        select(ScanPage.id)
        .outerjoin(ScanFiling, ScanFiling.id == ScanPage.filing_id)
        .where(
            ScanPage.scan_id == scan.id,
            ScanPage.is_discarded.is_(False),
            or_(ScanPage.filing_id.is_(None), ScanFiling.state != JobState.DONE),
        )
    )
    scan.is_finished = scan.state == JobState.DONE and session.scalar(open_pages.limit(1)) is None


def end_task(session: Session, oficio: Oficio, by: Account) -> Task:
    """All is scanned: *Descargar asunto* appears at the counter. Raises InvalidInput while it is not."""
    if find_transition(oficio, "discharge", standing(session, oficio, by)) is None:
        raise NotAllowed("discharge", oficio.state)
    if why := unfinished(session, oficio):
        raise InvalidInput(why, folio=oficio.folio)
    return ask_discharge(session, oficio, by)


def unfinished(session: Session, oficio: Oficio) -> str:
    """Why the task cannot end yet, as a key of the labels `error`; empty when it can."""
    of_case = ScanFiling.case_id == oficio.id
    states = set(session.scalars(select(ScanFiling.state).where(of_case).distinct()))
    if states & {JobState.QUEUED, JobState.RUNNING}:
        return "scan_reading"
    if JobState.FAILED in states:
        return "scan_failed"
    loose = select(ScanPage.id).where(
        ScanPage.case_id == oficio.id, ScanPage.filing_id.is_(None), ScanPage.is_discarded.is_(False)
    )
    if session.scalar(loose.limit(1)) is not None:
        return "scan_loose"
    since = session.scalar(
        select(Task.created_at).where(
            Task.case_id == oficio.id, Task.kind == TaskKind.DIGITIZE, Task.state == TaskState.OPEN
        )
    )
    done = select(ScanFiling.id).where(of_case, ScanFiling.state == JobState.DONE)
    if since is not None:
        # Sent back to be digitized again: the old scan is what is wrong.
        done = done.where(ScanFiling.created_at >= since)
    return "" if session.scalar(done.limit(1)) is not None else "scan_none"


def describe(job: Scan | ScanFiling) -> str:
    """Why *job* failed, as a sentence."""
    return say(f"digitizing.reason.{job.reason}", detail=job.detail) if job.reason else ""
