"""The catálogo de servicios: what may be asked, of whom, and by when it is promised (manual O)."""

from __future__ import annotations

from sqlalchemy import ForeignKey, String, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, Id
from models.dependencia import Dependencia


class Service(Base):
    """One service, with the sections of the printed manual. Minutes are working minutes."""

    __tablename__ = "service"

    id: Mapped[Id]
    slug: Mapped[str] = mapped_column(String(80), unique=True)
    name: Mapped[str]
    # *Sistemas de información* or *Soporte técnico* (manual R).
    classification: Mapped[str] = mapped_column(default="")
    dependencia_id: Mapped[int] = mapped_column(ForeignKey("dependencia.id"), index=True)
    description: Mapped[str] = mapped_column(default="")
    requirements: Mapped[str] = mapped_column(default="")
    validity: Mapped[str] = mapped_column(default="")
    place: Mapped[str] = mapped_column(default="")
    commitment: Mapped[str] = mapped_column(default="")
    cost: Mapped[str] = mapped_column(default="")
    complaint_mechanism: Mapped[str] = mapped_column(default="")
    legal_basis: Mapped[str] = mapped_column(default="")
    first_answer_minutes: Mapped[int | None]
    solution_minutes: Mapped[int | None]
    # The bot and the portal ask where it is.
    asks_location: Mapped[bool] = mapped_column(default=False, server_default=false())
    position: Mapped[int] = mapped_column(default=0)
    is_active: Mapped[bool] = mapped_column(default=True)

    dependencia: Mapped[Dependencia] = relationship()

    def __str__(self) -> str:
        return self.name
