"""What people ask again and again, answered once: articles of the help, per service."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, Id, now
from models.service import Service


class Article(Base):
    """An answer in Markdown. It is offered while a request is written, and to clerks who answer one."""

    __tablename__ = "article"

    id: Mapped[Id]
    slug: Mapped[str] = mapped_column(String(80), unique=True)
    title: Mapped[str]
    body: Mapped[str]
    # Words that people use for it and that are not in the text.
    keywords: Mapped[str] = mapped_column(default="")
    # Null: of all services.
    service_id: Mapped[int | None] = mapped_column(ForeignKey("service.id"), index=True)
    is_active: Mapped[bool] = mapped_column(default=True)
    changed_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)
    # What readers said of it; each *yes* is a request that was not needed.
    helped: Mapped[int] = mapped_column(default=0)
    did_not_help: Mapped[int] = mapped_column(default=0)

    service: Mapped[Service | None] = relationship()

    def __str__(self) -> str:
        return self.title
