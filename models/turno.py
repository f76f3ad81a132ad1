"""Handing a case to a dependencia or an account, for attention or for information."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, Id, now
from models.case import Case
from models.dependencia import Dependencia
from models.person import Account


class TurnoKind(StrEnum):
    ATTENTION = "attention"
    INFORMATION = "information"


class TurnoState(StrEnum):
    OPEN = "open"
    DONE = "done"
    RETURNED = "returned"
    REASSIGNED = "reassigned"
    REVIEWED = "reviewed"


class Turno(Base):
    """One handing over; a case has at most one open turno for attention."""

    __tablename__ = "turno"
    __table_args__ = (
        Index(None, "case_id", "id"),
        Index("ix_turno_open_account", "to_account_id", "case_id", sqlite_where=text("state = 'open'"),
              postgresql_where=text("state = 'open'")),
    )  # fmt: skip

    id: Mapped[Id]
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id", ondelete="CASCADE"))
    kind: Mapped[TurnoKind]
    state: Mapped[TurnoState] = mapped_column(default=TurnoState.OPEN)
    # Null when a routing rule made it.
    from_account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    to_dependencia_id: Mapped[int] = mapped_column(ForeignKey("dependencia.id"))
    to_account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    instruction: Mapped[str] = mapped_column(default="")
    # Why: the sentence of the rule, or the reason of a return.
    reason: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = mapped_column(default=now)
    due_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]

    case: Mapped[Case] = relationship()
    from_account: Mapped[Account | None] = relationship(foreign_keys=[from_account_id])
    to_account: Mapped[Account | None] = relationship(foreign_keys=[to_account_id])
    to_dependencia: Mapped[Dependencia] = relationship()
