"""Who acts for whom while absent (por ausencia)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, Id, now
from models.person import Account


class Delegation(Base):
    """`acting` approves and signs what `absent` would, from `starts_at` until before `ends_at`."""

    __tablename__ = "delegation"
    __table_args__ = (Index(None, "acting_id", "ends_at"), Index(None, "absent_id"))

    id: Mapped[Id]
    absent_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    acting_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    # The document that orders it, or why.
    reason: Mapped[str] = mapped_column(default="")
    created_by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    created_at: Mapped[datetime] = mapped_column(default=now)
    revoked_at: Mapped[datetime | None]

    absent: Mapped[Account] = relationship(foreign_keys=[absent_id])
    acting: Mapped[Account] = relationship(foreign_keys=[acting_id])
