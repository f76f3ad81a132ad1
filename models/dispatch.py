"""Deliveries of issued documents (mensajería de salida): routes, dispatches, and what couriers did.

Every change of state is a row of `TRANSITIONS`, as in `models.workflow`: action, from, to, who may,
which tasks it ends and starts. Only `intake.deliveries.dispatches` takes them. Source: domain.md, "Dispatch".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, Id, now
from models.carrier import Carrier, Courier, DispatchKind, Guia, GuiaState, Zone
from models.message import Message
from models.oficio import Oficio
from models.person import Account, Role
from models.recipient import Recipient
from models.task import Task, TaskKind
from models.workflow import NotAllowed


class DispatchState(StrEnum):
    REQUESTED = "requested"
    ASSIGNED = "assigned"
    IN_TRANSIT = "in_transit"
    DELIVERED = "delivered"
    RETURNED = "returned"


class Route(Base):
    """Dispatches that leave together, with a courier or handed to a carrier."""

    __tablename__ = "route"
    __table_args__ = (Index("ix_route_open", "id", sqlite_where=text("closed_at IS NULL"),
                            postgresql_where=text("closed_at IS NULL")),)  # fmt: skip

    id: Mapped[Id]
    folio: Mapped[str] = mapped_column(String(40), unique=True)
    leaves_on: Mapped[date]
    zone_id: Mapped[int | None] = mapped_column(ForeignKey("zone.id"))
    courier_id: Mapped[int | None] = mapped_column(ForeignKey("courier.id"))
    carrier_id: Mapped[int | None] = mapped_column(ForeignKey("carrier.id"))
    created_at: Mapped[datetime] = mapped_column(default=now)
    created_by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    started_at: Mapped[datetime | None]
    # When nothing of it was on its way any more.
    closed_at: Mapped[datetime | None]

    zone: Mapped[Zone | None] = relationship()
    courier: Mapped[Courier | None] = relationship()
    carrier: Mapped[Carrier | None] = relationship()
    stops: Mapped[list[Dispatch]] = relationship(
        back_populates="route", order_by="Dispatch.position, Dispatch.id"
    )


_REQUESTED = text("state = 'requested'")
_UNDER_WAY = text("state IN ('assigned', 'in_transit')")
_OWED = text("acuse_remind_at IS NOT NULL")
# An act that came late and waits for a manager; written out, as SQLite uses the index only for these words.
LATE = text("NOT is_applied AND decided_at IS NULL")


class Dispatch(Base):
    """One delivery of one document to one address."""

    __tablename__ = "dispatch"
    __table_args__ = (
        Index(None, "case_id", "id"),
        Index(None, "route_id", "position"),
        Index(None, "requested_at"),
        Index(None, "requested_by_id", "id"),
        Index("ix_dispatch_requested", "id", sqlite_where=_REQUESTED, postgresql_where=_REQUESTED),
        Index("ix_dispatch_courier", "courier_id", "id", sqlite_where=_UNDER_WAY,
              postgresql_where=_UNDER_WAY),
        Index("ix_dispatch_owed", "acuse_remind_at", "id", sqlite_where=_OWED, postgresql_where=_OWED),
    )  # fmt: skip

    id: Mapped[Id]
    case_id: Mapped[int] = mapped_column(ForeignKey("oficio.id", ondelete="CASCADE"))
    recipient_id: Mapped[int | None] = mapped_column(ForeignKey("recipient.id"), index=True)
    kind: Mapped[DispatchKind]
    state: Mapped[DispatchState] = mapped_column(default=DispatchState.REQUESTED)
    # To whom and where, as the envelope says it.
    name: Mapped[str]
    institution: Mapped[str] = mapped_column(default="")
    address: Mapped[str]
    municipality: Mapped[str] = mapped_column(String(120), default="")
    postal_code: Mapped[str] = mapped_column(String(10), default="")
    phone: Mapped[str] = mapped_column(String(40), default="")
    instruction: Mapped[str] = mapped_column(default="")
    grams: Mapped[int] = mapped_column(default=100)
    wants_acuse: Mapped[bool] = mapped_column(default=False)
    requested_at: Mapped[datetime] = mapped_column(default=now)
    requested_by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    zone_id: Mapped[int | None] = mapped_column(ForeignKey("zone.id"))
    route_id: Mapped[int | None] = mapped_column(ForeignKey("route.id"))
    position: Mapped[int] = mapped_column(default=0)
    courier_id: Mapped[int | None] = mapped_column(ForeignKey("courier.id"))
    carrier_id: Mapped[int | None] = mapped_column(ForeignKey("carrier.id"))
    cost_cents: Mapped[int] = mapped_column(default=0)
    assigned_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    # When it was handed over or came back: as the courier's phone told it, if it was not ahead of us.
    ended_at: Mapped[datetime | None]
    receiver: Mapped[str] = mapped_column(default="")
    reason: Mapped[str] = mapped_column(default="")
    # While the acuse is owed: when it is, and when whoever owes it is reminded next.
    acuse_due_at: Mapped[datetime | None]
    acuse_remind_at: Mapped[datetime | None]
    # The note of the case with its scan or photo.
    acuse_message_id: Mapped[int | None] = mapped_column(ForeignKey("message.id"))
    # Its open tasks: a document may have several deliveries, each with its own.
    deliver_task_id: Mapped[int | None] = mapped_column(ForeignKey("task.id"))
    acuse_task_id: Mapped[int | None] = mapped_column(ForeignKey("task.id"))

    case: Mapped[Oficio] = relationship()
    recipient: Mapped[Recipient | None] = relationship()
    requested_by: Mapped[Account] = relationship()
    zone: Mapped[Zone | None] = relationship()
    route: Mapped[Route | None] = relationship(back_populates="stops")
    courier: Mapped[Courier | None] = relationship()
    carrier: Mapped[Carrier | None] = relationship()
    guias: Mapped[list[Guia]] = relationship(order_by=Guia.id)
    deliver_task: Mapped[Task | None] = relationship(foreign_keys=[deliver_task_id])
    acuse_task: Mapped[Task | None] = relationship(foreign_keys=[acuse_task_id])

    @property
    def guia(self) -> Guia | None:
        """The one that is valid; after a second try, that of the last."""
        used = [one for one in self.guias if one.state == GuiaState.USED]
        return used[-1] if used and self.carrier_id is not None else None


class DeliveryAct(Base):
    """What somebody did at a door, as it was sent; sending it twice finds its `key` here."""

    __tablename__ = "delivery_act"
    __table_args__ = (Index("ix_delivery_act_late", "id", sqlite_where=LATE, postgresql_where=LATE),)

    id: Mapped[Id]
    key: Mapped[str] = mapped_column(String(64), unique=True)
    dispatch_id: Mapped[int] = mapped_column(ForeignKey("dispatch.id", ondelete="CASCADE"), index=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    outcome: Mapped[DispatchState]
    # By the clock of the phone, and when it reached us.
    done_at: Mapped[datetime]
    received_at: Mapped[datetime] = mapped_column(default=now)
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    # Metres.
    accuracy: Mapped[float | None]
    receiver: Mapped[str] = mapped_column(default="")
    reason: Mapped[str] = mapped_column(default="")
    message_id: Mapped[int | None] = mapped_column(ForeignKey("message.id"))
    # False: by then it was no longer that courier's to end; it waits for what a manager decides.
    is_applied: Mapped[bool] = mapped_column(default=True)
    decided_at: Mapped[datetime | None]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))

    account: Mapped[Account] = relationship(foreign_keys=[account_id])
    decided_by: Mapped[Account | None] = relationship(foreign_keys=[decided_by_id])
    dispatch: Mapped[Dispatch] = relationship()
    message: Mapped[Message | None] = relationship()


class DispatchWho(StrEnum):
    """How an account stands to a dispatch."""

    REQUESTER = "requester"
    MANAGER = "manager"
    COURIER = "courier"


@dataclass(frozen=True, slots=True)
class DispatchTransition:
    """One row of the table."""

    action: str
    sources: frozenset[DispatchState]
    target: DispatchState
    who: frozenset[DispatchWho]
    needs_reason: bool = False
    ends: frozenset[TaskKind] = frozenset()
    starts: frozenset[TaskKind] = frozenset()
    notice: str = ""


_REQ, _ASG, _WAY, _DEL, _RET = DispatchState
OPEN = frozenset({_REQ, _ASG, _WAY})
UNDER_WAY = frozenset({_ASG, _WAY})
_MANAGER, _CARRYING = frozenset({DispatchWho.MANAGER}), frozenset({DispatchWho.MANAGER, DispatchWho.COURIER})
_ASKING = frozenset({DispatchWho.REQUESTER, DispatchWho.MANAGER})
# The acuse is a task only if it was asked for.
_BOTH = frozenset({TaskKind.DELIVER, TaskKind.RETURN_ACUSE})


def _row(
    action: str, sources: Iterable[DispatchState], target: DispatchState, who: frozenset[DispatchWho], *,
    needs_reason: bool = False, ends: frozenset[TaskKind] = frozenset(),
    starts: frozenset[TaskKind] = frozenset(), notice: str = "",
) -> DispatchTransition:  # fmt: skip
    return DispatchTransition(action, frozenset(sources), target, who, needs_reason, ends, starts, notice)


TRANSITIONS: tuple[DispatchTransition, ...] = (
    _row("assign", {_REQ}, _ASG, _MANAGER, starts=_BOTH),
    _row("unassign", {_ASG}, _REQ, _MANAGER, needs_reason=True, ends=_BOTH),
    _row("start", {_ASG}, _WAY, _CARRYING),
    # Also of what never was said to have left: a courier in the street has done it already.
    _row("deliver", {_ASG, _WAY}, _DEL, _CARRYING, ends=_BOTH, notice="dispatch_delivered"),
    _row("return", {_ASG, _WAY}, _RET, _CARRYING, needs_reason=True, ends=_BOTH, notice="dispatch_returned"),
    # What a courier did who no longer had it, and which a manager believes.
    _row("accept_late", OPEN, _DEL, _MANAGER, ends=_BOTH, notice="dispatch_delivered"),
    _row("accept_late_return", OPEN, _RET, _MANAGER, needs_reason=True, ends=_BOTH,
         notice="dispatch_returned"),
    _row("withdraw", {_REQ}, _RET, _ASKING, needs_reason=True, notice="dispatch_returned"),
    _row("ask_again", {_RET}, _REQ, _ASKING),
)  # fmt: skip


def standing_to(dispatch: Dispatch, account: Account) -> set[DispatchWho]:
    """How *account* stands to *dispatch*; empty: it has nothing to do with it."""
    found: set[DispatchWho] = set()
    if not account.is_active:
        return found
    if account.role == Role.DISPATCH_MANAGER:
        found.add(DispatchWho.MANAGER)
    if dispatch.requested_by_id == account.id:
        found.add(DispatchWho.REQUESTER)
    if dispatch.courier is not None and dispatch.courier.account_id == account.id:
        found.add(DispatchWho.COURIER)
    return found


def allowed(dispatch: Dispatch, account: Account) -> list[DispatchTransition]:
    """The rows that *account* may use now: which buttons appear."""
    who = standing_to(dispatch, account)
    return [row for row in TRANSITIONS if dispatch.state in row.sources and row.who & who]


def get_row(dispatch: Dispatch, action: str, account: Account) -> DispatchTransition:
    """The row for *action*, or NotAllowed."""
    for row in allowed(dispatch, account):
        if row.action == action:
            return row
    raise NotAllowed(f"dispatch_{action}", f"dispatch_{dispatch.state}")
