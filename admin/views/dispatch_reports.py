"""Reports of deliveries by period: by carrier, zone, courier or kind, on a page, as XLSX and as CSV."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime, time, timedelta

from flask import Flask, Response, request
from flask_admin import Admin, expose

from admin import frame
from admin.db import office, session
from admin.dispatching import CATALOGUES, pesos
from intake.issued.exports import Value, make_spreadsheet
from models.base import now
from models.dispatch_report import Grouping, ReportRow, report
from models.person import Role
from templates import say

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_COLUMNS = (("asked", 12), ("delivered", 12), ("returned", 12), ("waiting", 12), ("days", 16), ("cost", 16))
# What begins like this is a formula to a spreadsheet (OWASP, "CSV Injection").
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class ReportsView(frame.PanelView):
    """One table for a period."""

    roles = CATALOGUES | {Role.OFICIALIA}

    @expose("/")
    def index(self) -> str:
        since, until = _period()
        rows = _rows()
        return str(self.render("admin/dispatch/report.html", rows=rows, since=since, until=until, by=_by(),
                               groups=list(Grouping), pesos=pesos, total=_total(rows),
                               is_wrong=until < since))  # fmt: skip

    @expose("/mensajeria.xlsx")
    def xlsx(self) -> Response:
        columns = [(say(f"dispatch.report.group.{_by()}"), 30)]
        columns += [(say(f"dispatch.report.{name}"), width) for name, width in _COLUMNS]
        made = make_spreadsheet(office(), say("dispatch.report.title"), columns, _cells(_rows()))
        return _saved(Response(made, mimetype=_XLSX), "xlsx")

    @expose("/mensajeria.csv")
    def csv(self) -> Response:
        made = io.StringIO()
        writer = csv.writer(made)
        titles = [say(f"dispatch.report.{name}") for name, _ in _COLUMNS]
        writer.writerow([say(f"dispatch.report.group.{_by()}"), *titles])
        for cells in _cells(_rows()):
            writer.writerow([f"'{one}" if isinstance(one, str) and one.startswith(_FORMULA) else one
                             for one in cells])  # fmt: skip
        # Excel takes a CSV for Latin-1 unless it begins with a mark.
        return _saved(Response(made.getvalue().encode("utf-8-sig"), mimetype="text/csv"), "csv")


def _by() -> Grouping:
    wanted = request.args.get("por", "")
    return Grouping(wanted) if wanted in list(Grouping) else Grouping.KIND


def _period() -> tuple[date, date]:
    today = now().astimezone(office().settings.zone).date()
    return _day("desde") or today.replace(day=1), _day("hasta") or today


def _day(name: str) -> date | None:
    try:
        return date.fromisoformat(request.args.get(name, ""))
    except ValueError:
        return None


def _rows() -> list[ReportRow]:
    since, until = _period()
    zone = office().settings.zone
    first = datetime.combine(since, time(), zone)
    return report(session(), _by(), first, datetime.combine(until + timedelta(days=1), time(), zone))


def _total(rows: list[ReportRow]) -> ReportRow:
    done = sum(one.delivered for one in rows)
    days = sum((one.days or 0.0) * one.delivered for one in rows) / done if done else None
    return ReportRow(
        "", sum(one.asked for one in rows), done, sum(one.returned for one in rows), days,
        sum(one.cost_cents for one in rows),
    )  # fmt: skip


def name_of(row: ReportRow, by: Grouping) -> str:
    """What the line is about, in words."""
    if by == Grouping.KIND:
        return say(f"dispatch.kind.{row.name}")
    return row.name or say(f"dispatch.report.none.{by}")


def _cells(rows: list[ReportRow]) -> list[list[Value]]:
    return [
        [name_of(one, _by()), one.asked, one.delivered, one.returned, one.waiting,
         "" if one.days is None else f"{one.days:.1f}", f"{one.cost_cents / 100:.2f}"]
        for one in rows
    ]  # fmt: skip


def _saved(response: Response, extension: str) -> Response:
    since, until = _period()
    name = f"{say('dispatch.report.file')}-{_by()}-{since}-{until}.{extension}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "private, no-store"
    return response


def register(app: Flask, admin: Admin) -> None:
    app.jinja_env.globals["report_name"] = name_of
    admin.add_view(ReportsView(name="mensajeria_reportes", endpoint="mensajeria_reportes",
                               url="/admin/mensajeria/reportes"))  # fmt: skip
