"""Sealed proof of reception."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, Id, now
from models.case import Case


class Acuse(Base):
    """Says in a sealed PDF what was received, from whom and when."""

    __tablename__ = "acuse"

    id: Mapped[Id]
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id", ondelete="CASCADE"), index=True)
    issued_at: Mapped[datetime] = mapped_column(default=now)
    verification_code: Mapped[str] = mapped_column(String(40), unique=True)
    pdf_sha256: Mapped[str] = mapped_column(ForeignKey("blob.sha256"), index=True)
    # [{"filename", "sha256", "size"}] of what was received.
    files: Mapped[list[dict[str, Any]]] = mapped_column(default=list)

    case: Mapped[Case] = relationship()
