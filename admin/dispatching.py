"""What the pages of deliveries show: which ones an account may see, their form, stops that leave together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation

from flask import abort
from sqlalchemy import ColumnElement, Select, exists, select, true
from sqlalchemy.orm import Session, joinedload, selectinload

from admin import frame
from admin.actions import Form
from admin.db import office
from intake.deliveries.dispatches import DispatchFields
from intake.errors import InvalidInput
from models.base import now
from models.carrier import DispatchKind, Zone
from models.dispatch import Dispatch
from models.folders import documents_of, who_acts
from models.oficio import Oficio
from models.person import DISPATCH_ASKING, Role

# Who runs couriers, carriers and guías; the administrator keeps the catalogues besides.
MANAGING = frozenset({Role.DISPATCH_MANAGER})
CATALOGUES = MANAGING | frame.CONFIGURING
SEEING = MANAGING | DISPATCH_ASKING
COLOURS = {"requested": "warn", "assigned": "brand", "in_transit": "brand", "delivered": "ok",
           "returned": "bad"}  # fmt: skip


def seen_by(read: Session) -> ColumnElement[bool]:
    """A condition on `Dispatch`: the managers run all of them, others see those of documents they may see."""
    who = frame.account()
    if who.role in MANAGING:
        return true()
    document = documents_of(who_acts(read, who))
    return exists(select(Oficio.id).where(Oficio.id == Dispatch.case_id, document))


def dispatches_with_all() -> Select[Dispatch]:
    """Dispatches with what a row of a list shows."""
    return select(Dispatch).options(
        joinedload(Dispatch.case),
        joinedload(Dispatch.requested_by),
        joinedload(Dispatch.zone),
        joinedload(Dispatch.courier),
        joinedload(Dispatch.carrier),
        joinedload(Dispatch.route),
        selectinload(Dispatch.guias),
    )


def get_dispatch(read: Session, dispatch_id: int) -> Dispatch:
    """The dispatch, if this account may see it; else 404."""
    wanted = dispatches_with_all().where(Dispatch.id == dispatch_id, seen_by(read))
    return read.scalar(wanted) or abort(404)


def of_document(read: Session, oficio: Oficio) -> Sequence[Dispatch]:
    """Its deliveries, newest first; for the page of the document, whose readers see them."""
    wanted = select(Dispatch).where(Dispatch.case_id == oficio.id).options(joinedload(Dispatch.route))
    return read.scalars(wanted.order_by(Dispatch.id.desc()).limit(20)).all()


def read_fields(form: Form) -> DispatchFields:
    """The form of a request. Raises InvalidInput."""
    kind = form.get("kind", "")
    if kind not in list(DispatchKind):
        raise InvalidInput("choose_one")
    return DispatchFields(
        kind=DispatchKind(kind),
        name=form.get("name", ""),
        institution=form.get("institution", ""),
        address=form.get("address", ""),
        municipality=form.get("municipality", ""),
        postal_code=form.get("postal_code", ""),
        phone=form.get("phone", ""),
        instruction=form.get("instruction", ""),
        grams=form.get("grams", 0, int),
        wants_acuse="wants_acuse" in form,
        recipient_id=form.get("recipient_id", None, int),
    )


def read_cents(text: str) -> int:
    """`45.50` → 4550. Raises InvalidInput."""
    try:
        pesos = Decimal(text.strip().replace(",", "") or "0")
    except InvalidOperation:
        raise InvalidInput("bad_money") from None
    if not 0 <= pesos < 1_000_000:
        raise InvalidInput("bad_money")
    return int((pesos * 100).to_integral_value())


def pesos(cents: int) -> str:
    """`1,234.50`."""
    return f"{cents / 100:,.2f}"


def local_moment(text: str) -> datetime:
    """What a `datetime-local` field sends, in the office's zone. Raises InvalidInput."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=office().settings.zone).astimezone(UTC)
    except ValueError:
        raise InvalidInput("bad_date") from None


def today() -> tuple[date, datetime]:
    """Today where the office is, and when it began."""
    zone = office().settings.zone
    day = now().astimezone(zone).date()
    return day, datetime.combine(day, time(), zone)


@dataclass(frozen=True, slots=True)
class Group:
    """What leaves together: one zone, or (None) what has no zone of ours, each kind for itself."""

    zone: Zone | None
    kind: DispatchKind
    rows: Sequence[Dispatch]


def by_zone(rows: Sequence[Dispatch]) -> list[Group]:
    """*rows* in their zones, in the order of the zones' names, then those without one by kind."""
    zones = sorted({one.zone for one in rows if one.zone}, key=lambda zone: zone.name)
    found = [Group(zone, DispatchKind.LOCAL, [one for one in rows if one.zone is zone]) for zone in zones]
    for kind in DispatchKind:
        rest = [one for one in rows if one.zone is None and one.kind == kind]
        found += [Group(None, kind, rest)] if rest else []
    return found
