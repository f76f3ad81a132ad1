"""The catálogo de servicios: what may be asked, of whom, and by when it is promised (manual O)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import ForeignKey, String, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, Id
from models.calendar import Calendar
from models.dependencia import Dependencia

if TYPE_CHECKING:
    from models.commitment import Commitment
    from models.service_field import ServiceField


class Service(Base):
    """One service, with the sections of the printed manual. Minutes are working minutes."""

    __tablename__ = "service"

    id: Mapped[Id]
    slug: Mapped[str] = mapped_column(String(80), unique=True)
    name: Mapped[str]
    # *Sistemas de información* or *Soporte técnico* (manual R).
    classification: Mapped[str] = mapped_column(default="")
    dependencia_id: Mapped[int] = mapped_column(ForeignKey("dependencia.id"), index=True)
    # The columns *Proceso* and *Beneficiario* of the manual's inventory.
    procedure: Mapped[str] = mapped_column(default="", server_default="")
    beneficiary: Mapped[str] = mapped_column(default="", server_default="")
    description: Mapped[str] = mapped_column(default="")
    requirements: Mapped[str] = mapped_column(default="")
    validity: Mapped[str] = mapped_column(default="")
    place: Mapped[str] = mapped_column(default="")
    # The table *Compromisos de calidad*: características, temporalidad, costo.
    characteristics: Mapped[str] = mapped_column(default="", server_default="")
    commitment: Mapped[str] = mapped_column(default="")
    cost: Mapped[str] = mapped_column(default="")
    complaint_mechanism: Mapped[str] = mapped_column(default="")
    # Who gets complaints about it (`intake.citizens.complaints`); null: oficialía de partes decides.
    complaint_to_id: Mapped[int | None] = mapped_column(ForeignKey("dependencia.id"))
    legal_basis: Mapped[str] = mapped_column(default="")
    # The flow diagram: a step per line, «who: what»; a question ends with its mark.
    flow: Mapped[str] = mapped_column(default="", server_default="")
    first_answer_minutes: Mapped[int | None]
    solution_minutes: Mapped[int | None]
    # Besides, for each piece: 5 minutes per credential (manual O).
    unit_minutes: Mapped[int | None]
    unit_name: Mapped[str] = mapped_column(String(60), default="", server_default="")
    # A range, whose date is agreed for each project: `models.deadline.Term`, or empty.
    agreed_from: Mapped[str] = mapped_column(String(5), default="", server_default="")
    agreed_to: Mapped[str] = mapped_column(String(5), default="", server_default="")
    # Null: the institution's.
    calendar_id: Mapped[int | None] = mapped_column(ForeignKey("calendar.id"), index=True)
    # The bot and the portal ask where it is.
    asks_location: Mapped[bool] = mapped_column(default=False, server_default=false())
    position: Mapped[int] = mapped_column(default=0)
    is_active: Mapped[bool] = mapped_column(default=True)

    dependencia: Mapped[Dependencia] = relationship(foreign_keys=[dependencia_id])
    complaint_to: Mapped[Dependencia | None] = relationship(foreign_keys=[complaint_to_id])
    calendar: Mapped[Calendar | None] = relationship()
    fields: Mapped[list[ServiceField]] = relationship(
        back_populates="service", order_by="ServiceField.position, ServiceField.id"
    )
    # Other minutes by priority.
    commitments: Mapped[list[Commitment]] = relationship(
        back_populates="service", cascade="all, delete-orphan"
    )

    def __str__(self) -> str:
        return self.name
