"""*Gestión de mensajerías*: carriers, couriers, zones, tariffs, and the guías that carriers handed over."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Flask, abort, flash, redirect, request, url_for
from flask_admin import Admin, expose
from flask_admin.form import BaseForm
from sqlalchemy import select
from sqlalchemy.orm import joinedload
from werkzeug.wrappers import Response
from wtforms import BooleanField, Field, IntegerField
from wtforms.validators import Optional, ValidationError

from admin import frame, paging
from admin.db import office, session, writing
from admin.dispatching import CATALOGUES, pesos, read_cents
from admin.forms import Choice, Line, Reference, Words, at_most, not_negative, required, unique
from admin.views.catalogue import REQUEST_SESSION, CatalogueView
from intake.deliveries import guias
from intake.errors import DeskError, InvalidInput
from models.base import now
from models.carrier import Carrier, Courier, DispatchKind, Guia, GuiaRange, Tariff, Zone
from models.person import Account, Person, Role
from templates import say

MAX_GUIAS = 50


def _named(model: Any) -> list[tuple[Any, str]]:
    found = session().scalars(select(model).where(model.is_active).order_by(model.name))
    return [("", say("office.no_choice")), *((one.id, str(one)) for one in found)]


def _courier_accounts() -> list[tuple[Any, str]]:
    found = session().scalars(
        select(Account).join(Account.person)
        .where(Account.role == Role.COURIER, Account.is_active).order_by(Person.name)
    )  # fmt: skip
    return [("", say("office.no_choice")), *((one.id, str(one)) for one in found)]


class DispatchCatalogue(CatalogueView):
    """One of the four; their pages lead to each other."""

    roles = CATALOGUES
    list_template = "admin/dispatch/catalogue.html"


class CarrierForm(BaseForm):
    name = Line(required, at_most(120), unique(Carrier.name))
    kind = Choice(DispatchKind, "dispatch.kind")
    phone = Line(at_most(40))
    contact = Line(at_most(200))
    tracking_url = Line(at_most(500))
    low_stock = IntegerField(validators=[Optional(), not_negative], default=20)
    is_active = BooleanField(default=True)

    def validate_tracking_url(self, field: Field) -> None:
        if field.data and not (field.data.startswith("https://") and "{guia}" in field.data):
            raise ValidationError(say("office.wrong.tracking"))


class CarriersView(DispatchCatalogue):
    form = CarrierForm
    words = "carrier"
    columns = ("name", "kind", "phone", "contact")
    searched = ("name", "contact")
    groups = (("name", "kind", "phone", "contact", "tracking_url"), ("low_stock", "is_active"))

    def cell(self, row: Carrier, column: str) -> str:
        return say(f"dispatch.kind.{row.kind}") if column == "kind" else super().cell(row, column)

    def on_model_change(self, form: BaseForm, model: Any, is_created: bool) -> None:
        model.low_stock = model.low_stock or 0
        super().on_model_change(form, model, is_created)


class CourierForm(BaseForm):
    name = Line(required, at_most(120))
    account_id = Reference(_courier_accounts)
    vehicle = Line(at_most(80))
    phone = Line(at_most(40))
    is_active = BooleanField(default=True)

    def validate_account_id(self, field: Field) -> None:
        unique(Courier.account_id)(self, field)


class CouriersView(DispatchCatalogue):
    form = CourierForm
    words = "courier"
    columns = ("name", "account_id", "vehicle", "phone")
    searched = ("name", "vehicle")
    groups = (("name", "account_id", "vehicle", "phone", "is_active"),)

    def cell(self, row: Courier, column: str) -> str:
        return str(row.account or "") if column == "account_id" else super().cell(row, column)


class ZoneForm(BaseForm):
    name = Line(required, at_most(120), unique(Zone.name))
    postal_codes = Words(rows=2)
    courier_id = Reference(lambda: _named(Courier))
    description = Words(rows=2)
    is_active = BooleanField(default=True)


class ZonesView(DispatchCatalogue):
    form = ZoneForm
    words = "zone"
    columns = ("name", "postal_codes", "courier_id")
    searched = ("name", "postal_codes", "description")
    groups = (("name", "postal_codes", "courier_id", "description", "is_active"),)

    def cell(self, row: Zone, column: str) -> str:
        return str(row.courier or "") if column == "courier_id" else super().cell(row, column)


class TariffForm(BaseForm):
    name = Line(required, at_most(120))
    kind = Choice(DispatchKind, "dispatch.kind")
    pesos = Line(required)
    carrier_id = Reference(lambda: _named(Carrier))
    zone_id = Reference(lambda: _named(Zone))
    up_to_grams = IntegerField(validators=[Optional(), not_negative])
    is_active = BooleanField(default=True)

    def __init__(self, formdata: Any = None, obj: Tariff | None = None, **more: Any) -> None:
        super().__init__(formdata, obj, **more)
        if obj is not None and not formdata:
            self.pesos.data = pesos(obj.cost_cents)

    def validate_pesos(self, field: Field) -> None:
        try:
            read_cents(field.data)
        except InvalidInput as error:
            raise ValidationError(say("office.wrong.money")) from error


class TariffsView(DispatchCatalogue):
    form = TariffForm
    words = "tariff"
    columns = ("name", "kind", "carrier_id", "zone_id", "up_to_grams", "pesos")
    groups = (("name", "kind", "pesos"), ("carrier_id", "zone_id", "up_to_grams", "is_active"))

    def cell(self, row: Tariff, column: str) -> str:
        shown = {
            "kind": lambda: say(f"dispatch.kind.{row.kind}"),
            "pesos": lambda: pesos(row.cost_cents),
            "carrier_id": lambda: str(row.carrier or ""),
            "zone_id": lambda: str(row.zone or ""),
        }
        return shown[column]() if column in shown else super().cell(row, column)

    def on_model_change(self, form: BaseForm, model: Any, is_created: bool) -> None:
        model.cost_cents = read_cents(form.pesos.data)
        super().on_model_change(form, model, is_created)


class GuiasView(frame.PanelView):
    """Ranges with what is left of each, the guías that were taken, and cancelling the next one."""

    roles = CATALOGUES

    @expose("/")
    def index(self) -> str:
        return self._index()

    def _index(self, wrong: str = "") -> str:
        read = session()
        carriers = read.scalars(select(Carrier).where(Carrier.is_active).order_by(Carrier.name)).all()
        stock = guias.stock_of(read, [one.id for one in carriers])
        ranges = select(GuiaRange).options(joinedload(GuiaRange.carrier)).order_by(GuiaRange.id.desc())
        taken = select(Guia).options(joinedload(Guia.carrier), joinedload(Guia.taken_by))
        return str(
            self.render(
                "admin/dispatch/guias.html",
                carriers=[(one, stock.get(one.id, 0)) for one in carriers],
                ranges=read.scalars(ranges.limit(100)).all(),
                taken=paging.newest(read, taken, Guia.id, size=MAX_GUIAS),
                today=now().astimezone(office().settings.zone).date(),
                form=request.form,
                wrong=wrong,
            )
        )

    @expose("/rangos", methods=["POST"])
    def add(self) -> str | tuple[str, int] | Response:
        form = request.form
        try:
            with writing() as write:
                carrier = write.get(Carrier, form.get("carrier", 0, int))
                if carrier is None:
                    raise InvalidInput("choose_one")
                made = guias.add_range(
                    write, frame.account(), carrier, first=form.get("first", "").strip(),
                    last=form.get("last", "").strip(), prefix=form.get("prefix", "").strip().upper(),
                    suffix=form.get("suffix", "").strip().upper(), received_on=_day(form.get("received_on")),
                )  # fmt: skip
                words = {"number": made.left, "name": carrier.name}
        except DeskError as error:
            return self._index(str(error)), 422
        flash(say("dispatch.guias.added", **words), "success")
        return redirect(url_for(".index"))

    @expose("/cancelar", methods=["POST"])
    def spoil(self) -> str | tuple[str, int] | Response:
        try:
            with writing() as write:
                carrier = write.get(Carrier, request.form.get("carrier", 0, int)) or abort(404)
                reason = request.form.get("reason", "")
                number = guias.spoil_next(write, office(), carrier, frame.account(), reason=reason).number
        except DeskError as error:
            return self._index(str(error)), 422
        flash(say("dispatch.guias.spoiled", number=number), "success")
        return redirect(url_for(".index"))


def _day(text: str | None) -> date:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        raise InvalidInput("bad_date") from None


def register(app: Flask, admin: Admin) -> None:
    """Four catalogues behind one entry of the administrator's rail; the managers come from their page."""
    for view, model, endpoint, url in (
        (CarriersView, Carrier, "carriers", "mensajerias"),
        (CouriersView, Courier, "couriers", "mensajeros"),
        (ZonesView, Zone, "zones", "zonas"),
        (TariffsView, Tariff, "tariffs", "tarifas"),
    ):
        admin.add_view(view(model, REQUEST_SESSION, name=endpoint, endpoint=endpoint, url=f"/admin/{url}"))
    admin.add_view(GuiasView(name="guias", endpoint="guias", url="/admin/guias"))
    frame.add_entry(
        app, frame.Entry("panel.rail.catalogues", "dispatch.rail_carriers", "carriers.index_view", "truck",
                         frame.CONFIGURING),
    )  # fmt: skip
