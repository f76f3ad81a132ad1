"""What the pages of digitizing show: papers that wait, stacks, pages by case, how far the reading is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import case as when
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session, joinedload

from intake.digitizing.scans import handled_by
from models.access import visible_to
from models.case import Case
from models.person import Account, Role
from models.scan import UNDONE, UNFINISHED, JobState, Scan, ScanFiling, ScanPage
from models.task import Task, TaskKind, TaskState

SIZE = 50


@dataclass(frozen=True, slots=True)
class Counts:
    """Of a stack: pages without a case, pages to file, pages filed or being read."""

    held: int = 0
    ready: int = 0
    filed: int = 0


@dataclass(slots=True)
class Group:
    """The pages of one case in a stack, or those of none."""

    case: Case | None
    # A label names any case; what that is about is for who may see it.
    subject: str
    pages: list[ScanPage] = field(default_factory=list)

    @property
    def ready(self) -> int:
        return sum(not page.is_discarded for page in self.pages)


def waiting(read: Session, account: Account, after: int) -> tuple[Sequence[Task], int | None]:
    """Papers to digitize, oldest first, behind the task *after*; and the key of what follows."""
    wanted = (
        select(Task)
        .join(Case, Case.id == Task.case_id)
        .where(
            Task.kind == TaskKind.DIGITIZE, Task.state == TaskState.OPEN, Task.id > after, visible_to(account)
        )
        .options(joinedload(Task.case).joinedload(Case.requester))
        .order_by(Task.id)
        .limit(SIZE + 1)
    )
    if account.role == Role.DIGITIZER:
        wanted = wanted.where(Task.dependencia_id == account.dependencia_id, Task.role == Role.DIGITIZER)
    found = read.scalars(wanted).all()
    return found[:SIZE], found[SIZE - 1].id if len(found) > SIZE else None


def stacks(read: Session, account: Account, case: Case | None = None) -> list[tuple[Scan, Counts]]:
    """The stacks on which somebody has to do something, newest first; those scanned for *case*."""
    wanted = select(Scan).where(text(UNFINISHED), handled_by(account))
    if case is not None:
        wanted = wanted.where(Scan.case_id == case.id)
    wanted = wanted.options(joinedload(Scan.account).joinedload(Account.person), joinedload(Scan.case))
    found = read.scalars(wanted.order_by(Scan.id.desc()).limit(SIZE)).all()
    counts = count_pages(read, [scan.id for scan in found])
    return [(scan, counts.get(scan.id, Counts())) for scan in found]


def count_pages(read: Session, scans: Sequence[int]) -> dict[int, Counts]:
    """The counts of each of *scans*, in one question."""
    is_filed = ScanPage.filing_id.is_not(None)
    is_held = ScanPage.case_id.is_(None)
    rows = read.execute(
        select(
            ScanPage.scan_id,
            func.sum(when((~is_filed & is_held, 1), else_=0)),
            func.sum(when((~is_filed & ~is_held, 1), else_=0)),
            func.sum(when((is_filed, 1), else_=0)),
        )
        .where(ScanPage.scan_id.in_(scans), ScanPage.is_discarded.is_(False))
        .group_by(ScanPage.scan_id)
    )
    return {number: Counts(*map(int, sums)) for number, *sums in rows}


def readings(read: Session, account: Account, case: Case | None = None) -> Sequence[ScanFiling]:
    """What is read now, waits to be, or failed; of all cases or of *case*."""
    wanted = (
        select(ScanFiling)
        .join(Case, Case.id == ScanFiling.case_id)
        .where(text(f"scan_filing.{UNDONE}"), visible_to(account))
        .options(joinedload(ScanFiling.case))
        .order_by(ScanFiling.id)
        .limit(SIZE)
    )
    if case is not None:
        wanted = wanted.where(ScanFiling.case_id == case.id)
    return read.scalars(wanted).all()


def find_stack(read: Session, account: Account, number: int) -> Scan | None:
    """The stack, if *account* works on it."""
    wanted = select(Scan).where(Scan.id == number, handled_by(account))
    return read.scalar(wanted.options(joinedload(Scan.account).joinedload(Account.person)))


def groups(read: Session, account: Account, scan: Scan) -> tuple[list[Group], list[ScanPage]]:
    """The pages that are still on the table, those without a case first; and those that are filed."""
    wanted = select(ScanPage).where(ScanPage.scan_id == scan.id).order_by(ScanPage.position)
    pages = read.scalars(wanted.options(joinedload(ScanPage.case), joinedload(ScanPage.filing))).all()
    named = {page.case_id for page in pages if page.case_id is not None}
    seen = select(Case.id, Case.subject).where(Case.id.in_(named), visible_to(account))
    subjects = dict(read.execute(seen).all())
    found: dict[int, Group] = {}
    for page in pages:
        if page.filing_id is None:
            key = page.case_id or 0
            found.setdefault(key, Group(page.case, subjects.get(key, ""))).pages.append(page)
    return [found[key] for key in sorted(found)], [page for page in pages if page.filing_id is not None]


def filed(read: Session, case: Case) -> Sequence[ScanFiling]:
    """What was scanned of *case* and is filed, newest first."""
    wanted = (
        select(ScanFiling)
        .where(ScanFiling.case_id == case.id, ScanFiling.state == JobState.DONE)
        .order_by(ScanFiling.id.desc())
    )
    return read.scalars(
        wanted.options(joinedload(ScanFiling.account).joinedload(Account.person)).limit(SIZE)
    ).all()
