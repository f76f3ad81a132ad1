"""*Tablero de indicadores*: counts of a period for heads and administrators, as charts, tables and files.

A head reads its dependencia and those below it. An administrator reads counts of all of them, and
never a case.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Flask, Response, abort, request
from flask_admin import Admin, expose

from admin import frame
from admin.db import office, session
from intake.figures.dashboard import (
    Dashboard,
    as_csv,
    as_pdf,
    as_spreadsheet,
    days_of,
    make_dashboard,
    period_named,
)
from intake.figures.indicators import local_today
from intake.figures.scheduled_reports import MAY_ASK, places_of, scope_of
from models.dependencia import Dependencia
from models.person import Role
from templates import say

PERIODS = ("week", "month", "quarter", "dates")
MAX_DAYS = 3_660
_TYPES = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
    "pdf": "application/pdf",
}


class IndicatorsView(frame.PanelView):
    """The page and its three files; the address says scope and period, so that it can be kept."""

    roles = MAY_ASK

    @expose("/")
    def index(self) -> str | tuple[str, int]:
        found, wrong = _read()
        period = _period()
        places = [{"id": one.id, "name": one.name} for one in places_of(session(), frame.account())]
        if frame.account().role == Role.ADMINISTRATOR:
            places.insert(0, {"id": 0, "name": say("indicators.whole")})
        page = self.render(
            "admin/indicators/show.html",
            found=found,
            days=days_of(found.period),
            compared=days_of(found.compared),
            period=period,
            places=places,
            chosen=_chosen(found),
            wrong=wrong,
        )
        return (str(page), 422) if wrong else str(page)

    @expose("/exportar.<kind>")
    def export(self, kind: str) -> Response:
        if kind not in _TYPES:
            abort(404)
        found, wrong = _read()
        if wrong:
            abort(422)
        made = {
            "xlsx": lambda: as_spreadsheet(office(), found),
            "csv": lambda: as_csv(found),
            "pdf": lambda: as_pdf(office(), found),
        }[kind]()
        response = Response(made, content_type=_TYPES[kind])
        name = f"{say('indicators.export_name')}-{found.period.since}-{found.period.until}.{kind}"
        response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        response.headers["Cache-Control"] = "private, no-store"
        return response


def _read() -> tuple[Dashboard, str]:
    """What the address asks for, and what is wrong with it, if anything."""
    dependencia = _dependencia()
    scope = scope_of(session(), frame.account(), dependencia)
    place = dependencia.name if dependencia else say("indicators.whole")
    since, until = _day("desde"), _day("hasta")
    wrong = ""
    name = _period()
    if name == "dates" and (since is None or until is None or not 0 <= (until - since).days < MAX_DAYS):
        wrong, name = say("indicators.bad_period"), "month"
    period, compared = period_named(name, local_today(office()), since, until)
    return make_dashboard(session(), office(), scope, place, period, compared), wrong


def _period() -> str:
    wanted = request.args.get("periodo", "")
    return wanted if wanted in PERIODS else "month"


def _dependencia() -> Dependencia | None:
    """The chosen dependencia, which a head has in any case; 404 for one that is not theirs."""
    who, wanted = frame.account(), request.args.get("dependencia", 0, int)
    if not wanted:
        return who.dependencia if who.role == Role.HEAD else None
    return next((one for one in places_of(session(), who) if one.id == wanted), None) or abort(404)


def _chosen(found: Dashboard) -> dict[str, Any]:
    dependencia = _dependencia()
    chosen: dict[str, Any] = {
        "periodo": _period(),
        "dependencia": dependencia.id if dependencia is not None else 0,
    }
    if chosen["periodo"] == "dates":
        chosen |= {"desde": found.period.since.isoformat(), "hasta": found.period.until.isoformat()}
    return chosen


def _day(name: str) -> date | None:
    try:
        return date.fromisoformat(request.args.get(name, ""))
    except ValueError:
        return None


def register(app: Flask, admin: Admin) -> None:
    """Add the page and its entry in the rail."""
    admin.add_view(
        IndicatorsView(name="indicators", endpoint="indicators", url="/admin/tablero-de-indicadores")
    )
    frame.add_entry(
        app,
        frame.Entry(
            "panel.rail.office", "indicators.rail", "indicators.index", "table", IndicatorsView.roles
        ),
    )
