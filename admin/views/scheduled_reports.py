"""*Informes por correo*: which reports go out, how often and to whom; each account keeps its own."""

from __future__ import annotations

from datetime import date

from flask import Flask, flash, redirect, request, url_for
from flask_admin import Admin, expose
from sqlalchemy import select
from sqlalchemy.orm import joinedload
from werkzeug.wrappers import Response

from admin import frame
from admin.clocks import day
from admin.db import office, session, writing
from intake.errors import DeskError, InvalidInput
from intake.figures import scheduled_reports
from intake.figures.scheduled_reports import MAX_REPORTS, MAY_ASK, places_of
from models.dependencia import Dependencia
from models.person import Role
from models.scheduled_report import Frequency, ScheduledReport
from templates import say


class ScheduledReportsView(frame.PanelView):
    """The list and the form below it; an administrator sees and ends everybody's."""

    roles = MAY_ASK

    @expose("/")
    def index(self) -> str:
        return self._page()

    def _page(self) -> str:
        who = frame.account()
        wanted = select(ScheduledReport).options(
            joinedload(ScheduledReport.dependencia), joinedload(ScheduledReport.account)
        )
        if who.role != Role.ADMINISTRATOR:
            wanted = wanted.where(ScheduledReport.account_id == who.id)
        reports = session().scalars(wanted.order_by(ScheduledReport.id).limit(10 * MAX_REPORTS)).all()
        return str(
            self.render(
                "admin/indicators/reports.html",
                reports=reports,
                frequencies=list(Frequency),
                places=places_of(session(), who),
                sees_all=who.role == Role.ADMINISTRATOR,
                form=request.form,
            )
        )

    @expose("/", methods=["POST"])
    def schedule(self) -> Response | tuple[str, int]:
        form, who = request.form, frame.account()
        try:
            with writing() as write:
                chosen = form.get("frequency", "")
                if chosen not in list(Frequency):
                    raise InvalidInput("choose_one")
                to = form.get("to", "").replace(";", ",").replace("\n", ",").split(",")
                made = scheduled_reports.schedule(
                    write, office(), who, frequency=Frequency(chosen), to=to, dependencia=_dependencia()
                )
                first: date = made.next_on
        except DeskError as error:
            flash(str(error), "error")
            return self._page(), 422
        flash(say("indicators.reports.added", day=day(first)), "success")
        return redirect(url_for(".index"))

    @expose("/quitar", methods=["POST"])
    def cancel(self) -> Response:
        with writing() as write:
            found = write.get(ScheduledReport, request.form.get("report", 0, int))
            if found is not None:
                scheduled_reports.cancel(write, frame.account(), found)
        flash(say("indicators.reports.removed"), "success")
        return redirect(url_for(".index"))


def _dependencia() -> Dependencia | None:
    who, wanted = frame.account(), request.form.get("dependencia", 0, int)
    if not wanted and who.role == Role.ADMINISTRATOR:
        return None
    found = next((one for one in places_of(session(), who) if one.id == wanted), None)
    if found is None:
        raise InvalidInput("choose_dependencia")
    return found


def register(app: Flask, admin: Admin) -> None:
    """Add the page; it is reached from the tablero de indicadores."""
    admin.add_view(
        ScheduledReportsView(
            name="scheduled_reports",
            endpoint="scheduled_reports",
            url="/admin/tablero-de-indicadores/informes",
        )
    )
