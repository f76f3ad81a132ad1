"""Preventive maintenance: equipment with owner and place, and the plans that visit it again and again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from enum import StrEnum

from sqlalchemy import Column, ForeignKey, String, Table, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, Id, now
from models.case import Case
from models.dependencia import Dependencia
from models.person import Account
from models.service import Service

plan_equipment = Table(
    "plan_equipment",
    Base.metadata,
    Column("plan_id", ForeignKey("plan.id", ondelete="CASCADE"), primary_key=True),
    Column("equipment_id", ForeignKey("equipment.id", ondelete="CASCADE"), primary_key=True, index=True),
)


class Equipment(Base):
    """Something that is maintained: a computer, a printer, an air conditioner."""

    __tablename__ = "equipment"

    id: Mapped[Id]
    inventory_number: Mapped[str] = mapped_column(String(60), unique=True)
    name: Mapped[str]
    # Who uses it and answers for it; told of each visit at this address.
    owner_name: Mapped[str]
    owner_email: Mapped[str] = mapped_column(String(254), default="")
    dependencia_id: Mapped[int] = mapped_column(ForeignKey("dependencia.id"), index=True)
    place: Mapped[str] = mapped_column(default="")
    is_active: Mapped[bool] = mapped_column(default=True)

    dependencia: Mapped[Dependencia] = relationship()

    def __str__(self) -> str:
        return f"{self.inventory_number} · {self.name}"


class Every(StrEnum):
    """What an interval is counted in."""

    WEEKS = "weeks"
    MONTHS = "months"


class Plan(Base):
    """Visits to some equipment every so often, each of which becomes a ticket of *service* beforehand."""

    __tablename__ = "plan"

    id: Mapped[Id]
    name: Mapped[str]
    service_id: Mapped[int] = mapped_column(ForeignKey("service.id"), index=True)
    # Null: whoever of the service's dependencia takes it.
    technician_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"), index=True)
    instruction: Mapped[str] = mapped_column(default="")
    starts_on: Mapped[date]
    every: Mapped[int]
    unit: Mapped[Every] = mapped_column(default=Every.MONTHS)
    # Tickets are made so many days before the visit.
    ahead_days: Mapped[int] = mapped_column(default=14)
    # Up to here tickets were made; null: look again, for the plan was changed.
    made_until: Mapped[date | None]
    is_active: Mapped[bool] = mapped_column(default=True)

    service: Mapped[Service] = relationship()
    technician: Mapped[Account | None] = relationship()
    equipment: Mapped[list[Equipment]] = relationship(secondary=plan_equipment, order_by=Equipment.id)

    def __str__(self) -> str:
        return self.name


class Visit(Base):
    """One piece of equipment on one day, and the ticket that was made for it."""

    __tablename__ = "visit"
    __table_args__ = (UniqueConstraint("plan_id", "equipment_id", "planned_on"),)

    id: Mapped[Id]
    plan_id: Mapped[int] = mapped_column(ForeignKey("plan.id", ondelete="CASCADE"))
    equipment_id: Mapped[int] = mapped_column(ForeignKey("equipment.id"), index=True)
    # As the interval gives it; and the working day on which it takes place.
    planned_on: Mapped[date]
    due_on: Mapped[date] = mapped_column(index=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"), index=True)

    plan: Mapped[Plan] = relationship()
    equipment: Mapped[Equipment] = relationship()
    case: Mapped[Case] = relationship()


class CalendarFeed(Base):
    """The secret address under which an account reads its visits in a calendar of its own."""

    __tablename__ = "calendar_feed"

    account_id: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), primary_key=True)
    token_sha256: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(default=now)

    account: Mapped[Account] = relationship()


def planned_days(plan: Plan, first: date, last: date) -> Iterator[date]:
    """The days of *plan* from *first* to *last*, before weekends and holidays are looked at.

    Months are counted from `starts_on`: what begins on the 31st falls on the last day of shorter months.
    """
    number = 0
    while True:
        day = _step(plan, number)
        if day > last:
            return
        if day >= first:
            yield day
        number += 1


def _step(plan: Plan, number: int) -> date:
    if plan.unit == Every.WEEKS:
        return plan.starts_on + timedelta(weeks=plan.every * number)
    months = plan.starts_on.month - 1 + plan.every * number
    year, month = plan.starts_on.year + months // 12, months % 12 + 1
    following = date(year + month // 12, month % 12 + 1, 1)
    return date(year, month, min(plan.starts_on.day, (following - timedelta(days=1)).day))
