"""Scans: the stack as it came, its pages, and the filing of pages on a case with their text read.

Looking through a stack and reading pages are jobs: a row says how far it is, and
who works on it holds it until `leased_until`; whoever stops or dies loses nothing.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, BigId, Id, now
from models.case import Case
from models.dependencia import Dependencia
from models.person import Account


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class ScanSource(StrEnum):
    """By which way a stack came."""

    UPLOAD = "upload"
    FOLDER = "folder"
    MAIL = "mail"


class HeldPage(StrEnum):
    """Why a page belongs to no case yet."""

    NO_LABEL = "no_label"
    UNKNOWN = "unknown"
    AMBIGUOUS = "ambiguous"
    # The case is known, but nobody asked for its paper.
    NOT_AWAITED = "not_awaited"
    BY_HAND = "by_hand"


# SQLite uses a partial index only for the very words of its condition.
WORKING, UNDONE, UNFINISHED = "state IN ('queued', 'running')", "state <> 'done'", "NOT is_finished"
_WORKING, _UNDONE, _UNFINISHED = text(WORKING), text(UNDONE), text(UNFINISHED)


class Job:
    """The columns of a row that a worker takes. A mixin."""

    state: Mapped[JobState] = mapped_column(default=JobState.QUEUED)
    # Why it failed: a key of the labels `digitizing.reason.…`, and what fills the sentence.
    reason: Mapped[str] = mapped_column(String(40), default="")
    detail: Mapped[str] = mapped_column(default="")
    page_count: Mapped[int] = mapped_column(default=0)
    pages_done: Mapped[int] = mapped_column(default=0)
    attempts: Mapped[int] = mapped_column(default=0)
    leased_until: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=now)


class Scan(Job, Base):
    """A file from a scanner or a telephone: one paper or a stack of many."""

    __tablename__ = "scan"
    __table_args__ = (
        Index("ix_scan_working", "id", sqlite_where=_WORKING, postgresql_where=_WORKING),
        Index("ix_scan_unfinished", "id", sqlite_where=_UNFINISHED, postgresql_where=_UNFINISHED),
    )

    id: Mapped[Id]
    filename: Mapped[str]
    content_type: Mapped[str] = mapped_column(String(255), default="")
    size: Mapped[int] = mapped_column(BigId, default=0)
    # The original, kept as it came. One file is one stack: unique, so that the watched folder and a
    # printer that sends twice cause it once. Null when it was refused at the door.
    sha256: Mapped[str | None] = mapped_column(ForeignKey("blob.sha256"), unique=True)
    source: Mapped[ScanSource]
    # The account that uploaded it, or the address of the machine that mailed it.
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    sender: Mapped[str] = mapped_column(String(320), default="")
    # Whose digitizers see it; null: those of every counter.
    dependencia_id: Mapped[int | None] = mapped_column(ForeignKey("dependencia.id"))
    # Scanned for this case: its pages without a label are of this one.
    case_id: Mapped[int | None] = mapped_column(ForeignKey("case.id", ondelete="SET NULL"))
    # Nothing on it waits for a person or a worker any more.
    is_finished: Mapped[bool] = mapped_column(default=False)

    account: Mapped[Account | None] = relationship()
    dependencia: Mapped[Dependencia | None] = relationship()
    case: Mapped[Case | None] = relationship()
    pages: Mapped[list[ScanPage]] = relationship(back_populates="scan", order_by="ScanPage.position")


class ScanFiling(Job, Base):
    """Pages that were confirmed for a case: they are read, and filed on it as one searchable PDF/A."""

    __tablename__ = "scan_filing"
    __table_args__ = (
        Index("ix_scan_filing_working", "id", sqlite_where=_WORKING, postgresql_where=_WORKING),
        Index("ix_scan_filing_undone", "id", sqlite_where=_UNDONE, postgresql_where=_UNDONE),
        Index(None, "case_id", "id"),
    )

    id: Mapped[Id]
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id", ondelete="CASCADE"))
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    message_id: Mapped[int | None] = mapped_column(ForeignKey("message.id", ondelete="SET NULL"), index=True)

    case: Mapped[Case] = relationship()
    account: Mapped[Account] = relationship()
    pages: Mapped[list[ScanPage]] = relationship(back_populates="filing", order_by="ScanPage.position")


class ScanPage(Base):
    """One page of a stack, and where it belongs."""

    __tablename__ = "scan_page"
    __table_args__ = (Index(None, "scan_id", "position"), Index(None, "case_id"))

    id: Mapped[Id]
    scan_id: Mapped[int] = mapped_column(ForeignKey("scan.id", ondelete="CASCADE"))
    # In the file, from 0; never changes. `position` is the order that the digitizer gives.
    number: Mapped[int]
    position: Mapped[int]
    # Degrees to the right, beside what the file says.
    rotation: Mapped[int] = mapped_column(default=0)
    # The folios of its labels.
    labels: Mapped[list[str]] = mapped_column(default=list)
    case_id: Mapped[int | None] = mapped_column(ForeignKey("case.id", ondelete="SET NULL"))
    held_because: Mapped[HeldPage | None]
    # Left out by the digitizer (a blank back); the original has it still.
    is_discarded: Mapped[bool] = mapped_column(default=False)
    # Of the page as a picture (JPEG), until it is filed.
    thumbnail: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    filing_id: Mapped[int | None] = mapped_column(
        ForeignKey("scan_filing.id", ondelete="SET NULL"), index=True
    )

    scan: Mapped[Scan] = relationship(back_populates="pages")
    case: Mapped[Case | None] = relationship()
    filing: Mapped[ScanFiling | None] = relationship(back_populates="pages")
