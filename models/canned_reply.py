"""Saved answers that clerks insert with `/`."""

from __future__ import annotations

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, Id
from models.dependencia import Dependencia


class CannedReply(Base):
    """Body is a Jinja text with `folio`, `requester`, `subject`, `account`; null dependencia: for all."""

    __tablename__ = "canned_reply"

    id: Mapped[Id]
    shortcut: Mapped[str] = mapped_column(String(40), unique=True)
    title: Mapped[str]
    body: Mapped[str]
    dependencia_id: Mapped[int | None] = mapped_column(ForeignKey("dependencia.id"))
    is_active: Mapped[bool] = mapped_column(default=True)

    dependencia: Mapped[Dependencia | None] = relationship()
