"""The catalogues of office hours and days off, on which every deadline is counted."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import get_timezone_location
from flask import Flask
from flask_admin import Admin
from flask_admin.form import BaseForm
from flask_babel import get_locale
from wtforms import BooleanField, DateField, Field, SelectField
from wtforms.validators import Optional, ValidationError

from admin import frame
from admin.clocks import day
from admin.db import session
from admin.forms import Line, Reference, at_most, required
from admin.views.catalogue import REQUEST_SESSION, CatalogueView
from intake.services import commitments
from models.calendar import MAX_DAYS_OFF, WEEKDAYS, Calendar, DayOff, read_hours, write_hours
from templates import say

# The zones of Mexico in the tz database (zone1970.tab), from east to west.
ZONES = (
    "America/Cancun", "America/Merida", "America/Mexico_City", "America/Monterrey", "America/Matamoros",
    "America/Bahia_Banderas", "America/Chihuahua", "America/Ciudad_Juarez", "America/Ojinaga",
    "America/Mazatlan", "America/Hermosillo", "America/Tijuana",
)  # fmt: skip


def calendar_choices() -> list[tuple[Any, str]]:
    """Office hours as options."""
    found = session().query(Calendar).order_by(Calendar.id)
    return [("", say("office.no_choice")), *((one.id, one.name) for one in found if one.is_active)]


def _zones() -> list[tuple[str, str]]:
    cities = [
        (name, get_timezone_location(ZoneInfo(name), locale=get_locale(), return_city=True)) for name in ZONES
    ]
    return [("", say("office.calendar_zone.institution")), *cities]


class Hours(Line):
    """The hours of one day, kept as `models.calendar.read_hours` writes them."""

    def __init__(self, **options: Any) -> None:
        super().__init__(at_most(80), **options)

    def pre_validate(self, form: BaseForm) -> None:
        try:
            self.data = write_hours(read_hours(self.data or ""))
        except ValueError as error:
            raise ValidationError(say("office.wrong.hours", part=str(error))) from error


class CalendarForm(BaseForm):
    name = Line(required, at_most(200))
    zone = SelectField(choices=_zones, default="")
    monday = Hours(default="09:00-15:00")
    tuesday = Hours(default="09:00-15:00")
    wednesday = Hours(default="09:00-15:00")
    thursday = Hours(default="09:00-15:00")
    friday = Hours(default="09:00-15:00")
    saturday = Hours(default="")
    sunday = Hours(default="")
    keeps_holidays = BooleanField(default=True)
    is_active = BooleanField(default=True)

    def validate_sunday(self, field: Field) -> None:
        if not any(self[name].data for name in WEEKDAYS):
            raise ValidationError(say("office.wrong.never_opens"))


class CalendarsView(CatalogueView):
    form = CalendarForm
    words = "calendar"
    order = "id"
    columns = ("name", "week", "zone")
    groups = (("name", "zone"), WEEKDAYS, ("keeps_holidays", "is_active"))

    def cell(self, row: Calendar, column: str) -> str:
        if column == "zone":
            return dict(_zones()).get(row.zone, row.zone)
        if column == "week":
            return _week(row)
        return super().cell(row, column)

    def on_model_change(self, form: BaseForm, model: Any, is_created: bool) -> None:
        super().on_model_change(form, model, is_created)
        commitments.recount_all(session())


def _week(row: Calendar) -> str:
    """`Lunes a Viernes 09:00-15:00 · Sábado 09:00-13:00`: days with the same hours together."""
    stretches: list[tuple[str, str, str]] = []
    for name in WEEKDAYS:
        hours, label = getattr(row, name), say(f"office.field.{name}")
        if stretches and stretches[-1][2] == hours:
            stretches[-1] = (stretches[-1][0], label, hours)
        else:
            stretches.append((label, label, hours))
    return " · ".join(
        f"{first if first == last else say('office.calendar.days', first=first, last=last)} {hours}"
        for first, last, hours in stretches
        if hours
    )


class DayOffForm(BaseForm):
    name = Line(required, at_most(200))
    starts_on = DateField(validators=[required])
    ends_on = DateField(validators=[Optional()])
    calendar_id = Reference(calendar_choices)
    is_active = BooleanField(default=True)

    def validate_ends_on(self, field: Field) -> None:
        if self.starts_on.data is None or field.data is None:
            return
        if field.data < self.starts_on.data:
            raise ValidationError(say("office.wrong.ends_first"))
        if (field.data - self.starts_on.data).days >= MAX_DAYS_OFF:
            raise ValidationError(say("office.wrong.too_many_days", days=MAX_DAYS_OFF))


class DaysOffView(CatalogueView):
    form = DayOffForm
    words = "day_off"
    order = "starts_on"
    columns = ("name", "starts_on", "ends_on", "calendar")
    groups = (("name", "starts_on", "ends_on", "calendar_id"), ("is_active",))

    def cell(self, row: DayOff, column: str) -> str:
        if column in ("starts_on", "ends_on"):
            return day(getattr(row, column))
        if column == "calendar" and row.calendar is None:
            return say("office.day_off.every")
        return super().cell(row, column)

    def on_model_change(self, form: BaseForm, model: Any, is_created: bool) -> None:
        model.ends_on = model.ends_on or model.starts_on
        super().on_model_change(form, model, is_created)
        commitments.recount_all(session())


def register(app: Flask, admin: Admin) -> None:
    """Add the two catalogues and their entries in the rail."""
    for view, model, endpoint, url, icon in (
        (CalendarsView, Calendar, "calendars", "horarios", "clock"),
        (DaysOffView, DayOff, "days_off", "dias-inhabiles", "calendar"),
    ):
        admin.add_view(view(model, REQUEST_SESSION, name=endpoint, endpoint=endpoint, url=f"/admin/{url}"))
        frame.add_entry(
            app,
            frame.Entry("panel.rail.catalogues", f"office.{view.words}.rail", f"{endpoint}.index_view", icon,
                        view.roles),
        )  # fmt: skip
