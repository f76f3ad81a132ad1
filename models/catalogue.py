"""The catalogue as published: classifications (manual R), the texts of the printed manual (O), versions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, Id, now
from models.dependencia import Dependencia
from models.person import Account


class Classification(Base):
    """An area among which a requester chooses; services name it in `Service.classification`."""

    __tablename__ = "classification"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(String(200), unique=True)
    description: Mapped[str] = mapped_column(default="")
    examples: Mapped[str] = mapped_column(default="")
    # Who attends what names no service and matches no rule.
    dependencia_id: Mapped[int | None] = mapped_column(ForeignKey("dependencia.id"), index=True)
    position: Mapped[int] = mapped_column(default=0)
    is_active: Mapped[bool] = mapped_column(default=True)

    dependencia: Mapped[Dependencia | None] = relationship()

    def __str__(self) -> str:
        return self.name


class Manual(Base):
    """The texts of the printed *Manual de servicios* that belong to no single service; one row."""

    __tablename__ = "manual"

    id: Mapped[Id]
    # Whose manual it is, the government and its term, as on the cover.
    owner: Mapped[str] = mapped_column(default="")
    government: Mapped[str] = mapped_column(default="")
    period: Mapped[str] = mapped_column(String(40), default="")
    introduction: Mapped[str] = mapped_column(default="")
    objective: Mapped[str] = mapped_column(default="")
    # One norm, or one article, per line.
    legal_basis: Mapped[str] = mapped_column(default="")
    transitory: Mapped[str] = mapped_column(default="")
    authorised_by: Mapped[str] = mapped_column(default="")
    authorised_post: Mapped[str] = mapped_column(default="")
    prepared_by: Mapped[str] = mapped_column(default="")
    prepared_post: Mapped[str] = mapped_column(default="")


class CatalogueVersion(Base):
    """What was published, whole, by whom and when; what a ticket was opened under stays readable."""

    __tablename__ = "catalogue_version"

    id: Mapped[Id]
    number: Mapped[int] = mapped_column(unique=True)
    published_at: Mapped[datetime] = mapped_column(default=now)
    published_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    note: Mapped[str] = mapped_column(default="")
    # {"manual": {…}, "classifications": [{…}], "services": [{…, "fields": [{…}]}]}
    content: Mapped[dict[str, Any]]

    published_by: Mapped[Account | None] = relationship()
