"""How deliveries went in a period: asked for, delivered, returned, days they took, and what they cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, select
from sqlalchemy.orm import Session

from models.carrier import Carrier, Courier, Zone
from models.dispatch import Dispatch, DispatchState


class Grouping(StrEnum):
    KIND = "kind"
    CARRIER = "carrier"
    COURIER = "courier"
    ZONE = "zone"


@dataclass(frozen=True, slots=True)
class ReportRow:
    """One line. `name` is of a carrier, courier or zone, or a kind; empty: none. `days` is the average."""

    name: str
    asked: int
    delivered: int
    returned: int
    days: float | None
    cost_cents: int

    @property
    def waiting(self) -> int:
        return self.asked - self.delivered - self.returned


# The name that groups, its table, and the column that leads there.
_GROUPS: dict[Grouping, tuple[Any, Any, Any]] = {
    Grouping.CARRIER: (Carrier.name, Carrier.id, Dispatch.carrier_id),
    Grouping.COURIER: (Courier.name, Courier.id, Dispatch.courier_id),
    Grouping.ZONE: (Zone.name, Zone.id, Dispatch.zone_id),
}


def report(session: Session, by: Grouping, since: datetime, until: datetime) -> list[ReportRow]:
    """The deliveries asked for from *since* to before *until*, one row for each carrier, courier, …"""
    query: Select[Any]
    counted = _counted(session)
    if by == Grouping.KIND:
        query = select(Dispatch.kind, *counted).group_by(Dispatch.kind).order_by(Dispatch.kind)
    else:
        name, key, reference = _GROUPS[by]
        query = (
            select(func.coalesce(name, ""), *counted)
            .select_from(Dispatch)
            .outerjoin(name.class_, key == reference)
            .group_by(name)
            .order_by(name)
        )
    found = session.execute(query.where(Dispatch.requested_at >= since, Dispatch.requested_at < until))
    return [
        ReportRow(str(name), asked, delivered or 0, returned or 0, None if days is None else float(days),
                  int(cost or 0))
        for name, asked, delivered, returned, days, cost in found
    ]  # fmt: skip


def _counted(session: Session) -> Sequence[ColumnElement[Any]]:
    def count(state: DispatchState) -> ColumnElement[Any]:
        return func.sum(case((Dispatch.state == state, 1), else_=0))

    if session.get_bind().dialect.name == "postgresql":
        took = func.extract("epoch", Dispatch.ended_at - Dispatch.requested_at) / 86_400
    else:
        took = func.julianday(Dispatch.ended_at) - func.julianday(Dispatch.requested_at)
    was_delivered = case((Dispatch.state == DispatchState.DELIVERED, took))
    return (
        func.count(), count(DispatchState.DELIVERED), count(DispatchState.RETURNED), func.avg(was_delivered),
        func.sum(Dispatch.cost_cents),
    )  # fmt: skip
