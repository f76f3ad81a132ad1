"""The asunto: the spine shared by tickets and oficios, and who may see it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    Connection,
    ForeignKey,
    Index,
    Select,
    String,
    UniqueConstraint,
    bindparam,
    event,
    inspect,
    text,
    update,
)
from sqlalchemy.orm import Mapped, Mapper, Session, mapped_column, relationship

from models.base import Base, Id, now
from models.contact import Contact
from models.dependencia import Dependencia
from models.person import Account


class CaseKind(StrEnum):
    TICKET = "ticket"
    OFICIO = "oficio"


class Priority(StrEnum):
    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    URGENT = "urgent"


_LOCKED = "locked cases"
_OPEN = text("is_open")
# Spelled with its table, as queries have to: SQLite compares the words.
WAITING_OR_SNOOZED = '("case".state = \'waiting\' OR "case".snoozed_until IS NOT NULL)'
_WAITING = text("(state = 'waiting' OR snoozed_until IS NOT NULL)")


class Case(Base):
    """One matter: folio, subject, state, requester, holder. Only `intake` verbs change it."""

    __tablename__ = "case"
    # One index per tray of the panel, each in the order in which the tray is paged.
    __table_args__ = (
        Index("ix_case_tray_all", "last_activity_at", "id"),
        Index("ix_case_tray_open", "last_activity_at", "id", sqlite_where=_OPEN, postgresql_where=_OPEN),
        Index("ix_case_tray_dependencia", "dependencia_id", "last_activity_at", "id"),
        Index("ix_case_tray_open_dependencia", "dependencia_id", "last_activity_at", "id",
              sqlite_where=_OPEN, postgresql_where=_OPEN),
        Index("ix_case_tray_holder", "holder_id", "last_activity_at", "id",
              sqlite_where=_OPEN, postgresql_where=_OPEN),
        Index("ix_case_tray_unassigned", "last_activity_at", "id",
              sqlite_where=text("is_open AND holder_id IS NULL"),
              postgresql_where=text("is_open AND holder_id IS NULL")),
        Index("ix_case_tray_overdue", "last_activity_at", "id",
              sqlite_where=text("is_overdue"), postgresql_where=text("is_overdue")),
        Index("ix_case_tray_overdue_dependencia", "dependencia_id", "last_activity_at", "id",
              sqlite_where=text("is_overdue"), postgresql_where=text("is_overdue")),
        Index("ix_case_tray_unassigned_dependencia", "dependencia_id", "last_activity_at", "id",
              sqlite_where=text("is_open AND holder_id IS NULL"),
              postgresql_where=text("is_open AND holder_id IS NULL")),
        Index("ix_case_tray_waiting", "last_activity_at", "id",
              sqlite_where=_WAITING, postgresql_where=_WAITING),
        Index("ix_case_tray_waiting_dependencia", "dependencia_id", "last_activity_at", "id",
              sqlite_where=_WAITING, postgresql_where=_WAITING),
        Index("ix_case_tray_state", "state", "last_activity_at", "id"),
        Index("ix_case_due", "due_at", sqlite_where=text("is_open AND due_at IS NOT NULL"),
              postgresql_where=text("is_open AND due_at IS NOT NULL")),
        Index("ix_case_snoozed", "snoozed_until", sqlite_where=text("snoozed_until IS NOT NULL"),
              postgresql_where=text("snoozed_until IS NOT NULL")),
        Index("ix_case_requester", "requester_id", "last_activity_at"),
        # What arrived and what ended on one day, for `models.day_count`.
        Index("ix_case_created_at", "created_at"),
        Index("ix_case_ended_at", "ended_at", sqlite_where=text("ended_at IS NOT NULL"),
              postgresql_where=text("ended_at IS NOT NULL")),
    )  # fmt: skip

    id: Mapped[Id]
    kind: Mapped[CaseKind]
    folio: Mapped[str] = mapped_column(String(60), unique=True)
    subject: Mapped[str]
    state: Mapped[str] = mapped_column(String(24))
    # Kept with `state` by `models.workflow.enter`, so that trays need no list of states.
    is_open: Mapped[bool] = mapped_column(default=True)
    priority: Mapped[Priority] = mapped_column(default=Priority.NORMAL)
    channel: Mapped[str] = mapped_column(String(16))
    requester_id: Mapped[int] = mapped_column(ForeignKey("contact.id"))
    # The dependencia that attends, and the account that holds the case there.
    dependencia_id: Mapped[int | None] = mapped_column(ForeignKey("dependencia.id"))
    holder_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    created_at: Mapped[datetime] = mapped_column(default=now)
    last_activity_at: Mapped[datetime] = mapped_column(default=now)
    due_at: Mapped[datetime | None]
    # Set by `intake.clock` when due_at has passed while the case is open and not waiting.
    is_overdue: Mapped[bool] = mapped_column(default=False)
    has_files: Mapped[bool] = mapped_column(default=False)
    # True while the requester's last word has no answer: the row is drawn bold.
    is_unanswered: Mapped[bool] = mapped_column(default=True)
    snoozed_until: Mapped[datetime | None]
    resolved_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    # When it left the backlog, for whatever reason; null while it is open (kept by `models.day_count`).
    ended_at: Mapped[datetime | None]
    merged_into_id: Mapped[int | None] = mapped_column(ForeignKey("case.id"))
    # Why it went where it is, in the institution's language (the rule that matched).
    routing_reason: Mapped[str] = mapped_column(default="")
    # Length and head of this case's chain of events, so that a lost tail shows.
    event_count: Mapped[int] = mapped_column(default=0)
    event_head: Mapped[str] = mapped_column(String(64), default="")

    requester: Mapped[Contact] = relationship()
    dependencia: Mapped[Dependencia | None] = relationship()
    holder: Mapped[Account | None] = relationship()
    merged_into: Mapped[Case | None] = relationship(remote_side="Case.id")

    __mapper_args__ = {"polymorphic_on": "kind"}


class CaseAccess(Base):
    """An account or dependencia to which a case was ever assigned or copied (domain.md: who sees a case).

    `account_id` null: the dependencia as a whole was given it, so its heads see it.
    """

    __tablename__ = "case_access"
    __table_args__ = (
        # NULLs are distinct in a unique constraint; the expression makes one row per dependencia.
        Index("uq_case_access", "case_id", "dependencia_id", text("coalesce(account_id, 0)"), unique=True),
        Index(None, "dependencia_id", "case_id"),
        Index(None, "account_id", "case_id"),
        # What an account may see at all, in the order in which lists are paged.
        Index("ix_case_access_list_dependencia", "dependencia_id", "last_activity_at", "case_id"),
        Index("ix_case_access_list_account", "account_id", "last_activity_at", "case_id"),
    )

    id: Mapped[Id]
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id", ondelete="CASCADE"))
    dependencia_id: Mapped[int] = mapped_column(ForeignKey("dependencia.id"))
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    # The case's own, kept by `_follow_activity`.
    last_activity_at: Mapped[datetime] = mapped_column(default=now)

    case: Mapped[Case] = relationship()


_MOVE = update(CaseAccess).where(CaseAccess.case_id == bindparam("moved_id"))


@event.listens_for(Case, "after_update", propagate=True)
def _follow_activity(_mapper: Mapper[Case], connection: Connection, case: Case) -> None:
    if inspect(case).attrs.last_activity_at.history.has_changes():
        connection.execute(_MOVE, {"moved_id": case.id, "last_activity_at": case.last_activity_at})


def lock(session: Session, case: Case) -> None:
    """Wait for whoever is changing *case*, then read it anew; the lock ends with the transaction."""
    if case in session.dirty:
        # What an earlier verb of the same transaction did would be read over.
        session.flush()
    if case.id in session.info.get(_LOCKED, ()):
        return
    # Only the case's own row: PostgreSQL locks no outer join, and a page loads its case with several.
    session.refresh(case, with_for_update={"of": Case})


def lock_all(session: Session, wanted: Select[Case]) -> list[Case]:
    """Lock these cases, read anew: to the end of the transaction, or until part of it is undone, for good."""
    # In one order, so that two who want the same cases do not wait for each other.
    anew = wanted.order_by(Case.id).with_for_update(of=Case).execution_options(populate_existing=True)
    found = list(session.scalars(anew))
    session.info[_LOCKED] = {case.id for case in found}
    return found


@event.listens_for(Session, "after_commit")
@event.listens_for(Session, "after_soft_rollback")
def _unlock(session: Session, *_: Any) -> None:
    session.info.pop(_LOCKED, None)


class LinkKind(StrEnum):
    """How a case relates to an older one."""

    CONTINUES = "continues"
    SPLIT_FROM = "split_from"
    COMPLAINT_OF = "complaint_of"
    RELATED = "related"
    ANSWERS = "answers"


class CaseLink(Base):
    """`case` relates to `other`, the older one."""

    __tablename__ = "case_link"
    __table_args__ = (UniqueConstraint("case_id", "other_id", "kind"),)

    id: Mapped[Id]
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id", ondelete="CASCADE"))
    other_id: Mapped[int] = mapped_column(ForeignKey("case.id"), index=True)
    kind: Mapped[LinkKind]

    case: Mapped[Case] = relationship(foreign_keys=[case_id])
    other: Mapped[Case] = relationship(foreign_keys=[other_id])


class Presence(Base):
    """Who has a case open right now, so that two clerks see each other."""

    __tablename__ = "presence"

    case_id: Mapped[int] = mapped_column(ForeignKey("case.id", ondelete="CASCADE"), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), primary_key=True)
    seen_at: Mapped[datetime] = mapped_column(default=now)
    is_writing: Mapped[bool] = mapped_column(default=False)

    account: Mapped[Account] = relationship()
