"""A request to a service area."""

from __future__ import annotations

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.case import Case, CaseKind
from models.service import Service


class Ticket(Case):
    """A solicitud, servicio or incidencia; states in `models.workflow`."""

    __tablename__ = "ticket"
    __mapper_args__ = {"polymorphic_identity": CaseKind.TICKET}

    id: Mapped[int] = mapped_column(ForeignKey("case.id", ondelete="CASCADE"), primary_key=True)
    service_id: Mapped[int | None] = mapped_column(ForeignKey("service.id"), index=True)
    # The area that the requester chose (`models.catalogue.Classification.name`), if the door asked.
    classification: Mapped[str] = mapped_column(default="", server_default="")
    # How many pieces were asked for; null while nobody knows.
    quantity: Mapped[int | None]
    # What the catalogue promised when it was opened; null while none had been published.
    catalogue_version_id: Mapped[int | None] = mapped_column(ForeignKey("catalogue_version.id"))

    service: Mapped[Service | None] = relationship()
