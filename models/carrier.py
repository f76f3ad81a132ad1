"""What a dispatch uses: zones, couriers, carriers (proveedores), their guías, and what each delivery costs.

A guía is a row from the moment it is taken, for good: a cancelled one stays, so no number serves twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, BigId, Id, now
from models.person import Account


class DispatchKind(StrEnum):
    """How far it goes and who brings it (manual C: SEPOMEX, Foránea, Local)."""

    LOCAL = "local"
    FORANEA = "foranea"
    SEPOMEX = "sepomex"


class Courier(Base):
    """Somebody of the house who brings documents; without an account the route is only on paper."""

    __tablename__ = "courier"

    id: Mapped[Id]
    name: Mapped[str]
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"), unique=True)
    vehicle: Mapped[str] = mapped_column(String(80), default="")
    phone: Mapped[str] = mapped_column(String(40), default="")
    is_active: Mapped[bool] = mapped_column(default=True)

    account: Mapped[Account | None] = relationship()

    def __str__(self) -> str:
        return self.name


class Zone(Base):
    """A part of the town that one courier walks; `postal_codes` are beginnings of codes, with blanks."""

    __tablename__ = "zone"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(String(120), unique=True)
    description: Mapped[str] = mapped_column(default="")
    postal_codes: Mapped[str] = mapped_column(default="")
    courier_id: Mapped[int | None] = mapped_column(ForeignKey("courier.id"))
    is_active: Mapped[bool] = mapped_column(default=True)

    courier: Mapped[Courier | None] = relationship()

    def __str__(self) -> str:
        return self.name


class Carrier(Base):
    """A company that brings what the house does not (proveedor de mensajería)."""

    __tablename__ = "carrier"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(String(120), unique=True)
    kind: Mapped[DispatchKind] = mapped_column(default=DispatchKind.FORANEA)
    phone: Mapped[str] = mapped_column(String(40), default="")
    contact: Mapped[str] = mapped_column(default="")
    # Where people follow a shipment; `{guia}` is its number.
    tracking_url: Mapped[str] = mapped_column(default="")
    # With fewer guías left the dispatch managers are warned.
    low_stock: Mapped[int] = mapped_column(default=20)
    is_active: Mapped[bool] = mapped_column(default=True)

    def __str__(self) -> str:
        return self.name

    def tracking_of(self, number: str) -> str:
        """The address that tells where *number* is; empty when the carrier has none."""
        return self.tracking_url.replace("{guia}", number) if self.tracking_url else ""


class GuiaRange(Base):
    """Consecutive guías that a carrier handed over (folios de guías)."""

    __tablename__ = "guia_range"
    __table_args__ = (Index(None, "carrier_id", "id"),)

    id: Mapped[Id]
    carrier_id: Mapped[int] = mapped_column(ForeignKey("carrier.id"))
    prefix: Mapped[str] = mapped_column(String(20), default="")
    suffix: Mapped[str] = mapped_column(String(10), default="")
    # Digits of the number, with zeros in front.
    width: Mapped[int] = mapped_column(default=1)
    first: Mapped[int] = mapped_column(BigId)
    last: Mapped[int] = mapped_column(BigId)
    next_number: Mapped[int] = mapped_column(BigId)
    received_on: Mapped[date]
    is_active: Mapped[bool] = mapped_column(default=True)

    carrier: Mapped[Carrier] = relationship()

    def number(self, value: int) -> str:
        """The guía as it is printed."""
        return f"{self.prefix}{value:0{self.width}d}{self.suffix}"

    @property
    def left(self) -> int:
        """How many of it were not taken yet."""
        return max(0, self.last - self.next_number + 1)


class GuiaState(StrEnum):
    USED = "used"
    CANCELLED = "cancelled"


class Guia(Base):
    """One guía that was taken; it belongs to a dispatch, or was cancelled before it had one."""

    __tablename__ = "guia"
    __table_args__ = (UniqueConstraint("carrier_id", "number"), Index(None, "dispatch_id"))

    id: Mapped[Id]
    carrier_id: Mapped[int] = mapped_column(ForeignKey("carrier.id"))
    range_id: Mapped[int | None] = mapped_column(ForeignKey("guia_range.id"))
    number: Mapped[str] = mapped_column(String(60))
    state: Mapped[GuiaState] = mapped_column(default=GuiaState.USED)
    dispatch_id: Mapped[int | None] = mapped_column(ForeignKey("dispatch.id"))
    taken_at: Mapped[datetime] = mapped_column(default=now)
    taken_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    cancelled_at: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(default="")

    carrier: Mapped[Carrier] = relationship()
    taken_by: Mapped[Account | None] = relationship()


class Tariff(Base):
    """What a delivery costs: of the rows that fit, the one that says most counts (`find_tariff`)."""

    __tablename__ = "tariff"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(String(120))
    kind: Mapped[DispatchKind]
    # None: any.
    carrier_id: Mapped[int | None] = mapped_column(ForeignKey("carrier.id"))
    zone_id: Mapped[int | None] = mapped_column(ForeignKey("zone.id"))
    # Up to this weight; None: any.
    up_to_grams: Mapped[int | None]
    cost_cents: Mapped[int]
    is_active: Mapped[bool] = mapped_column(default=True)

    carrier: Mapped[Carrier | None] = relationship()
    zone: Mapped[Zone | None] = relationship()

    def __str__(self) -> str:
        return self.name


def find_tariff(
    tariffs: Iterable[Tariff], kind: DispatchKind, carrier_id: int | None, zone_id: int | None, grams: int
) -> Tariff | None:
    """What a delivery costs: the carrier's tariff before the zone's, and the lightest that carries it."""
    fitting = [
        one
        for one in tariffs
        if one.kind == kind
        and one.carrier_id in (None, carrier_id)
        and one.zone_id in (None, zone_id)
        and (one.up_to_grams is None or grams <= one.up_to_grams)
    ]

    def weight(one: Tariff) -> tuple[bool, bool, bool, int]:
        return one.carrier_id is None, one.zone_id is None, one.up_to_grams is None, one.up_to_grams or 0

    return min(fitting, key=weight, default=None)


def find_zone(zones: Iterable[Zone], postal_code: str) -> Zone | None:
    """The zone whose postal codes begin most like *postal_code*."""
    matches = [
        (len(begins), zone)
        for zone in zones
        for begins in zone.postal_codes.split()
        if postal_code.startswith(begins)
    ]
    return max(matches, key=lambda match: match[0], default=(0, None))[1]
