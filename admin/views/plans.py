"""Preventive maintenance: equipment, plans, the calendar of visits, and its feed for calendar programs."""

from __future__ import annotations

from calendar import Calendar as Weeks
from collections import defaultdict
from datetime import date, timedelta
from typing import Any

from flask import Flask, Response, abort, request, url_for
from flask_admin import Admin, expose
from flask_admin.form import BaseForm
from flask_babel import format_date
from sqlalchemy import select
from sqlalchemy.orm import joinedload
from wtforms import BooleanField, DateField, Field, IntegerField, SelectField, SelectMultipleField
from wtforms.validators import Optional, ValidationError

from admin import frame
from admin.db import office, session, writing
from admin.forms import (
    Line,
    Reference,
    Words,
    active_dependencia,
    at_most,
    dependencia_choices,
    email,
    required,
    unique,
)
from admin.views.catalogue import REQUEST_SESSION, CatalogueView
from admin.views.catalogues import service_choices
from intake.services import calendar_feed
from intake.services.plans import foreseen, visits_between
from models.base import now
from models.person import Account, Role
from models.plan import CalendarFeed, Equipment, Every, Plan
from templates import say

SIBLINGS = (
    ("plan.rail", "maintenance_calendar.index"),
    ("plan.plans_link", "plans.index_view"),
    ("plan.equipment_link", "equipment.index_view"),
)
# A month earlier or later than anybody plans.
_FIRST, _LAST = date(2000, 1, 1), date(2100, 12, 31)


def _technician_choices() -> list[tuple[Any, str]]:
    wanted = select(Account).where(Account.is_active, Account.role.in_((Role.WORKER, Role.HEAD)))
    found = session().scalars(wanted.options(joinedload(Account.person), joinedload(Account.dependencia)))
    return [("", say("office.no_choice")), *((one.id, str(one)) for one in sorted(found, key=str))]


def _equipment_choices() -> list[tuple[int, str]]:
    found = session().scalars(
        select(Equipment).where(Equipment.is_active).order_by(Equipment.inventory_number)
    )
    return [(one.id, f"{one} · {one.place or one.owner_name}") for one in found]


def _between(first: int, last: int, key: str) -> Any:
    def check(_form: BaseForm, field: Field) -> None:
        if field.data is None or not first <= field.data <= last:
            raise ValidationError(say(f"office.wrong.{key}"))

    return check


class EquipmentForm(BaseForm):
    inventory_number = Line(required, at_most(60), unique(Equipment.inventory_number))
    name = Line(required, at_most(200))
    owner_name = Line(required, at_most(200))
    owner_email = Line(Optional(), email)
    dependencia_id = Reference(dependencia_choices, required, active_dependencia)
    place = Line(at_most(200))
    is_active = BooleanField(default=True)


class EquipmentView(CatalogueView):
    """What is maintained."""

    form = EquipmentForm
    words = "equipment"
    order = "inventory_number"
    columns = ("inventory_number", "name", "owner_name", "dependencia", "place")
    searched = ("inventory_number", "name", "owner_name", "place")
    groups = (
        ("inventory_number", "name"),
        ("owner_name", "owner_email", "dependencia_id", "place"),
        ("is_active",),
    )
    siblings = SIBLINGS


class PlanForm(BaseForm):
    name = Line(required, at_most(200))
    service_id = Reference(service_choices, required)
    technician_id = Reference(_technician_choices)
    instruction = Words()
    starts_on = DateField(validators=[required])
    every = IntegerField(validators=[_between(1, 60, "every")], default=6)
    unit = SelectField(choices=lambda: [(one.value, say(f"plan.unit.{one}")) for one in Every],
                       default=Every.MONTHS.value)  # fmt: skip
    ahead_days = IntegerField(validators=[_between(1, 120, "ahead")], default=14)
    equipment_ids = SelectMultipleField(coerce=int, choices=_equipment_choices, render_kw={"size": 10})
    is_active = BooleanField(default=True)


class PlansView(CatalogueView):
    """How often it is maintained, and by whom."""

    form = PlanForm
    words = "maintenance"
    columns = ("name", "service", "technician", "interval", "equipment_count")
    groups = (
        ("name", "service_id", "technician_id", "instruction"),
        ("starts_on", "every", "unit", "ahead_days"),
        ("equipment_ids",),
        ("is_active",),
    )
    siblings = SIBLINGS

    def cell(self, row: Plan, column: str) -> str:
        if column == "interval":
            return say(f"plan.every_{row.unit}", number=row.every)
        if column == "equipment_count":
            return str(len(row.equipment))
        return super().cell(row, column)

    def on_form_prefill(self, form: BaseForm, id: Any) -> None:
        plan = self.get_one(id)
        form.equipment_ids.data = [one.id for one in plan.equipment]

    def on_model_change(self, form: BaseForm, model: Plan, is_created: bool) -> None:
        chosen = form.equipment_ids.data or []
        model.equipment = list(session().scalars(select(Equipment).where(Equipment.id.in_(chosen))))
        # The clock looks at it again; what has a ticket already keeps it.
        model.made_until = None
        super().on_model_change(form, model, is_created)


class MaintenanceCalendarView(frame.PanelView):
    """A month of visits: with folio, or foreseen; and the address for one's own calendar."""

    roles = frozenset({Role.ADMINISTRATOR, Role.HEAD, Role.WORKER})
    siblings = SIBLINGS

    @expose("/")
    def index(self) -> str:
        return self._page()

    def _page(self, address: str = "") -> str:
        who, month = frame.account(), _month()
        only_mine = request.args.get("mias") == "1"
        weeks = Weeks().monthdatescalendar(month.year, month.month)
        first, last = weeks[0][0], weeks[-1][-1]
        days: dict[date, list[Any]] = defaultdict(list)
        reads_cases = who.role != Role.ADMINISTRATOR
        for visit in visits_between(session(), first, last, technician=who if only_mine else None,
                                    seen_by=who if reads_cases else None):  # fmt: skip
            days[visit.due_on].append(visit)
        expected = defaultdict(list)
        for due_on, plan, one in foreseen(session(), office(), first, last):
            is_theirs = not reads_cases or plan.service.dependencia.path.startswith(who.dependencia.path)
            if is_theirs and (not only_mine or plan.technician_id == who.id):
                expected[due_on].append((plan, one))
        following = (month.replace(day=28) + timedelta(days=7)).replace(day=1)
        return str(
            self.render(
                "admin/plans/calendar.html",
                month=month, weeks=weeks, days=days, expected=expected, only_mine=only_mine,
                previous=(month - timedelta(days=1)).replace(day=1), following=following,
                today=_today(), address=address, reads_cases=reads_cases,
                month_name=lambda one: format_date(one, "LLLL y"),
                weekday_name=lambda one: format_date(one, "EEEE"),
                has_feed=session().get(CalendarFeed, who.id) is not None,
            )
        )  # fmt: skip

    @expose("/direccion", methods=("POST",))
    def make_address(self) -> str:
        with writing() as write:
            token = calendar_feed.give_feed(write, frame.account())
        return self._page(f"{office().settings.base_url.rstrip('/')}{url_for('calendar_feed', token=token)}")


def _today() -> date:
    return now().astimezone(office().settings.zone).date()


def _month() -> date:
    try:
        found = date.fromisoformat(f"{request.args.get('mes', '')}-01")
    except ValueError:
        return _today().replace(day=1)
    return min(max(found, _FIRST), _LAST).replace(day=1)


def calendar_of(token: str) -> Response:
    """What a calendar program reads; a wrong address is a 404 like any other."""
    account = calendar_feed.find_account(session(), token) or abort(404)
    content = calendar_feed.draw_feed(session(), office(), account)
    return Response(content, mimetype="text/calendar", headers={"Cache-Control": "private, max-age=900"})


def register(app: Flask, admin: Admin) -> None:
    """Add the calendar, its catalogues, its feed, and one entry in the rail."""
    admin.add_view(MaintenanceCalendarView(name="maintenance_calendar", endpoint="maintenance_calendar",
                                           url="/admin/mantenimiento"))  # fmt: skip
    for view, model, endpoint, url in (
        (PlansView, Plan, "plans", "planes"),
        (EquipmentView, Equipment, "equipment", "equipos"),
    ):
        admin.add_view(view(model, REQUEST_SESSION, name=endpoint, endpoint=endpoint, url=f"/admin/{url}"))
    app.add_url_rule("/calendario/<token>.ics", "calendar_feed", calendar_of)
    for section, roles in (("follow.rail.section", frozenset({Role.HEAD, Role.WORKER})),
                           ("panel.rail.catalogues", frame.CONFIGURING)):  # fmt: skip
        entry = frame.Entry(section, "plan.rail", "maintenance_calendar.index", "calendar", roles)
        frame.add_entry(app, entry)
