"""A job with scans belongs to one worker at a time, for as long as it shows signs of life.

Who dies leaves a lease that runs out, and another takes the job again; after `MAX_ATTEMPTS` it fails, so
that a file which kills its reader keeps nobody busy for ever.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Generic, TypeVar

import structlog
from sqlalchemy import and_, or_, select, text
from sqlalchemy.orm import Session

from intake.digitizing.scan_child import run
from intake.office import Office
from models.base import now
from models.scan import WORKING, JobState, Scan, ScanFiling

log = structlog.get_logger()

LEASE = timedelta(seconds=90)
MAX_ATTEMPTS = 3
# Seconds to start and to write a file, beside those for a page.
_AROUND = 60.0

Work = TypeVar("Work", Scan, ScanFiling)


class Lost(Exception):
    """Our lease ran out and another worker has the job."""


@dataclass
class Claim(Generic[Work]):
    """A job that is ours, and which attempt this is. `shown` is what its row is to show."""

    office: Office
    kind: type[Work]
    number: int
    attempt: int
    stop: threading.Event
    shown: dict[str, int] = field(default_factory=dict)

    def own(self, session: Session) -> Work:
        """The job, locked and still ours. Raises Lost."""
        job = session.get(self.kind, self.number, with_for_update=True)
        if job is None or job.state != JobState.RUNNING or job.attempts != self.attempt:
            raise Lost
        return job

    def show(self) -> None:
        """Show how far it is, and keep the lease. Raises Lost."""
        with self.office.database.writing() as session:
            job = self.own(session)
            job.leased_until = now() + LEASE
            for name, value in self.shown.items():
                setattr(job, name, value)

    def fail(self, reason: str, detail: str) -> None:
        """It cannot be done; a person reads why, and may try it again."""
        with self.office.database.writing() as session:
            job = self.own(session)
            job.state, job.reason, job.detail, job.leased_until = JobState.FAILED, reason, detail[:500], None
        log.warning("scan job failed", kind=self.kind.__name__, job=self.number, reason=reason, detail=detail)

    def give_back(self) -> None:
        """We stop; it waits for whoever comes next, as if we had not begun."""
        with self.office.database.writing() as session:
            job = self.own(session)
            job.state, job.attempts, job.leased_until = JobState.QUEUED, self.attempt - 1, None

    def run(self, folder: Path, job: dict[str, Any], hear: Callable[[dict[str, Any]], None]) -> None:
        """Let the process do *job*, as long as it gets on. Raises Ended, Stopped, Lost."""
        settings = self.office.settings
        (folder / "job.json").write_text(json.dumps(job | {"nice": settings.scan_nice}))
        # A page is looked at three times: which way up it is, how crooked, and what it says.
        patience = _AROUND + 3 * settings.scan_page_seconds
        run(folder, patience=patience, hear=hear, every_second=self.show, stop=self.stop)


def claim(office: Office, kind: type[Work], stop: threading.Event) -> Claim[Work] | None:
    """Take the oldest job of *kind* that waits, or whose worker is gone."""
    is_free = or_(kind.state == JobState.QUEUED, kind.leased_until < now())
    working = text(f"{kind.__tablename__}.{WORKING}")
    wanted = select(kind).where(and_(working, is_free)).order_by(kind.id).limit(1)
    with office.database.reading() as session:
        if session.scalar(wanted) is None:
            return None
    with office.database.writing() as session:
        job = session.scalar(wanted.with_for_update(skip_locked=True))
        if job is None:
            return None
        if job.attempts >= MAX_ATTEMPTS:
            job.state, job.reason, job.leased_until = JobState.FAILED, "died", None
            return None
        job.state, job.attempts, job.pages_done = JobState.RUNNING, job.attempts + 1, 0
        job.leased_until = now() + LEASE
        return Claim(office, kind, job.id, job.attempts, stop)
