"""A step somebody must do (pendiente)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, ForeignKey, Index, and_, or_, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, Id, now
from models.case import Case
from models.dependencia import Dependencia
from models.person import Account, Role
from models.turno import Turno


class TaskKind(StrEnum):
    DIGITIZE = "digitize"
    DISCHARGE = "discharge"
    ATTEND = "attend"
    ASSIGN_RESPONSIBLE = "assign_responsible"
    REVIEW_COPY = "review_copy"
    REVIEW = "review"
    APPROVE = "approve"
    SIGN = "sign"
    DELIVER = "deliver"
    RETURN_ACUSE = "return_acuse"


class TaskState(StrEnum):
    OPEN = "open"
    DONE = "done"
    RETURNED = "returned"
    EXPIRED = "expired"


class Task(Base):
    """One pendiente; its holder is an account, or a role in a dependencia."""

    __tablename__ = "task"
    __table_args__ = (
        Index(None, "case_id", "id"),
        Index("ix_task_open_account", "account_id", "due_at", sqlite_where=text("state = 'open'"),
              postgresql_where=text("state = 'open'")),
        Index("ix_task_open_role", "dependencia_id", "role", "due_at", sqlite_where=text("state = 'open'"),
              postgresql_where=text("state = 'open'")),
    )  # fmt: skip

    id: Mapped[Id]
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id", ondelete="CASCADE"))
    turno_id: Mapped[int | None] = mapped_column(ForeignKey("turno.id"))
    kind: Mapped[TaskKind]
    state: Mapped[TaskState] = mapped_column(default=TaskState.OPEN)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    dependencia_id: Mapped[int | None] = mapped_column(ForeignKey("dependencia.id"))
    role: Mapped[Role | None]
    instruction: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = mapped_column(default=now)
    due_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    ended_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))

    case: Mapped[Case] = relationship()
    turno: Mapped[Turno | None] = relationship()
    account: Mapped[Account | None] = relationship(foreign_keys=[account_id])
    dependencia: Mapped[Dependencia | None] = relationship()
    ended_by: Mapped[Account | None] = relationship(foreign_keys=[ended_by_id])


def held_by(account: Account) -> ColumnElement[bool]:
    """A condition on `Task` for what *account* is to do itself, or may as one of its role."""
    whole = and_(
        Task.account_id.is_(None), Task.role == account.role, Task.dependencia_id == account.dependencia_id
    )
    return or_(Task.account_id == account.id, whole)
