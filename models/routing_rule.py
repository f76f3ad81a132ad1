"""Ordered rules that say where a new message goes; evaluated by `intake.routing`."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, Id
from models.case import CaseKind, Priority
from models.dependencia import Dependencia
from models.person import Account
from models.service import Service


class RoutingRule(Base):
    """First rule whose conditions all hold wins. Conditions: `[{"field", "operator", "value"}]`.

    Fields: recipient, sender, domain, subject, words, attachments, service.
    Operators: is, contains, any_of (value separated by commas or lines), exists.
    """

    __tablename__ = "routing_rule"
    __table_args__ = (Index(None, "position"),)

    id: Mapped[Id]
    position: Mapped[int] = mapped_column(default=0)
    name: Mapped[str]
    is_active: Mapped[bool] = mapped_column(default=True)
    conditions: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    case_kind: Mapped[CaseKind] = mapped_column(default=CaseKind.TICKET)
    service_id: Mapped[int | None] = mapped_column(ForeignKey("service.id"))
    dependencia_id: Mapped[int | None] = mapped_column(ForeignKey("dependencia.id"))
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    priority: Mapped[Priority | None]
    instruction: Mapped[str] = mapped_column(default="")

    service: Mapped[Service | None] = relationship()
    dependencia: Mapped[Dependencia | None] = relationship()
    account: Mapped[Account | None] = relationship()

    def __str__(self) -> str:
        return self.name
