"""What the learnt model proposed for a case, and what the clerks made of it.

Whoever sets another service decides about the proposal, too: the listener here writes the
outcome no matter through which door the change came.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Date, Float, ForeignKey, Index, event, inspect, text, update
from sqlalchemy.orm import Mapped, Mapper, mapped_column, relationship

from models.base import Base, Id, now
from models.case import Case, Priority
from models.dependencia import Dependencia
from models.person import Account
from models.service import Service
from models.ticket import Ticket


class ModelState(StrEnum):
    """How a night of learning ended; *training* for long: whoever trained died."""

    TRAINING = "training"
    READY = "ready"
    TOO_FEW = "too_few"
    FAILED = "failed"


class LearnedModel(Base):
    """One version of the model, learnt in one night; its file is kept under its SHA-256."""

    __tablename__ = "learned_model"

    id: Mapped[Id]
    # The local day, so that it is learnt once whoever else wakes up.
    night: Mapped[date] = mapped_column(Date, unique=True)
    state: Mapped[ModelState] = mapped_column(default=ModelState.TRAINING)
    claimed_at: Mapped[datetime] = mapped_column(default=now)
    learned_at: Mapped[datetime | None]
    # Null: there was nothing to keep, or a newer version took its place long ago.
    sha256: Mapped[str | None] = mapped_column(ForeignKey("blob.sha256"), index=True)
    cases: Mapped[int] = mapped_column(default=0)
    # The newest case that it knows; without newer ones there is nothing to learn.
    last_ended_at: Mapped[datetime | None]
    # {"service": {"answers": 6, "right": 0.93}, …}, as measured on cases left out.
    figures: Mapped[dict[str, Any]] = mapped_column(default=dict)


class Outcome(StrEnum):
    OPEN = "open"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    # A clerk chose something else without a word about the proposal.
    CORRECTED = "corrected"


_DECIDED = text("decided_at IS NOT NULL")


class Suggestion(Base):
    """Service, dependencia and priority proposed for one case. It changes nothing by itself."""

    __tablename__ = "suggestion"
    __table_args__ = (
        Index("ix_suggestion_decided", "decided_at", sqlite_where=_DECIDED, postgresql_where=_DECIDED),
    )

    case_id: Mapped[int] = mapped_column(ForeignKey("case.id", ondelete="CASCADE"), primary_key=True)
    model_id: Mapped[int] = mapped_column(ForeignKey("learned_model.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
    service_id: Mapped[int | None] = mapped_column(ForeignKey("service.id"))
    service_confidence: Mapped[float] = mapped_column(Float, default=0.0)
    dependencia_id: Mapped[int | None] = mapped_column(ForeignKey("dependencia.id"))
    dependencia_confidence: Mapped[float] = mapped_column(Float, default=0.0)
    priority: Mapped[Priority | None]
    priority_confidence: Mapped[float] = mapped_column(Float, default=0.0)
    # Those that decided, as the requester wrote them.
    words: Mapped[list[str]] = mapped_column(default=list)
    outcome: Mapped[Outcome] = mapped_column(default=Outcome.OPEN)
    decided_at: Mapped[datetime | None]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))

    case: Mapped[Case] = relationship()
    model: Mapped[LearnedModel] = relationship()
    service: Mapped[Service | None] = relationship()
    dependencia: Mapped[Dependencia | None] = relationship()
    decided_by: Mapped[Account | None] = relationship()

    @property
    def surest(self) -> float:
        """The confidence of the likeliest of the three."""
        return max(self.service_confidence, self.dependencia_confidence, self.priority_confidence)


@event.listens_for(Ticket, "after_update")
def _follow_service(_mapper: Mapper[Ticket], connection: Connection, ticket: Ticket) -> None:
    if not inspect(ticket).attrs.service_id.history.has_changes():
        return
    mine = Suggestion.case_id == ticket.id, Suggestion.outcome == Outcome.OPEN
    decided = update(Suggestion).where(*mine, Suggestion.service_id.is_not(None))
    agrees = Suggestion.service_id == ticket.service_id
    connection.execute(decided.where(agrees).values(outcome=Outcome.ACCEPTED, decided_at=now()))
    connection.execute(decided.where(~agrees).values(outcome=Outcome.CORRECTED, decided_at=now()))
