"""*Estadísticas*: per dependencia and per account, by period, on the page and as XLSX or CSV."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime, time, timedelta

from flask import Flask, Response, request
from flask_admin import Admin, expose

from admin import frame
from admin.db import office, session
from intake.issued.exports import FORMULA, make_spreadsheet
from models.base import now
from models.person import Role
from models.statistics import MAX_CASES, Figures, Statistics, count_period
from templates import say

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
COLUMNS = (
    ("dependencia", 40), ("account", 34), ("received", 11), ("attended", 11), ("open", 11), ("overdue", 11),
    ("cancelled", 11), ("median", 14),
)  # fmt: skip


class StatisticsView(frame.PanelView):
    """Of what was received between two days, what became of it."""

    roles = frozenset({Role.OFICIALIA, Role.HEAD, Role.WORKER})

    @expose("/")
    def index(self) -> str:
        since, until = _period()
        return str(
            self.render(
                "admin/follow/statistics.html",
                since=since,
                until=until,
                found=_counted(since, until),
                maximum=MAX_CASES,
            )
        )

    @expose("/tabla.xlsx")
    def xlsx(self) -> Response:
        since, until = _period()
        columns = [(say(f"follow.statistics.{name}"), width) for name, width in COLUMNS]
        rows = [[str(value) if isinstance(value, float) else value for value in row]
                for row in _rows(_counted(since, until))]  # fmt: skip
        made = make_spreadsheet(office(), say("follow.statistics.title"), columns, rows)
        return _saved(Response(made, mimetype=_XLSX), since, until, "xlsx")

    @expose("/tabla.csv")
    def csv(self) -> Response:
        since, until = _period()
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow([say(f"follow.statistics.{name}") for name, _ in COLUMNS])
        for row in _rows(_counted(since, until)):
            writer.writerow([_plain(value) for value in row])
        # With its mark, or Excel reads another charset.
        made = Response(text.getvalue().encode("utf-8-sig"), mimetype="text/csv")
        return _saved(made, since, until, "csv")


def _plain(value: str | int | float | None) -> str | int | float:
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return "" if value is None else value


def _rows(found: Statistics) -> list[list[str | int | float | None]]:
    whole = say("follow.statistics.whole")
    rows = [_row(one, one.name or say("follow.statistics.nowhere"), whole) for one in found.dependencias]
    return rows + [_row(one, one.dependencia, one.name) for one in found.accounts]


def _row(one: Figures, area: str, name: str) -> list[str | int | float | None]:
    return [area, name, one.received, one.attended, one.open, one.overdue, one.cancelled, one.median_days]


def _period() -> tuple[date, date]:
    """The days asked for, both included; this month when they make no sense."""
    today = now().astimezone(office().settings.zone).date()
    try:
        since = date.fromisoformat(request.args.get("desde", ""))
        until = date.fromisoformat(request.args.get("hasta", ""))
    except ValueError:
        return today.replace(day=1), today
    return (since, until) if since <= until else (until, since)


def _counted(since: date, until: date) -> Statistics:
    zone = office().settings.zone
    starts = datetime.combine(since, time(), zone)
    ends = datetime.combine(until + timedelta(days=1), time(), zone)
    return count_period(session(), frame.account(), starts, ends)


def _saved(response: Response, since: date, until: date, extension: str) -> Response:
    name = f"{say('follow.statistics.file')}-{since}-{until}.{extension}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "private, no-store"
    return response


def register(app: Flask, admin: Admin) -> None:
    """Add the page; Seguimiento leads to it."""
    admin.add_view(StatisticsView(name="statistics", endpoint="statistics", url="/admin/estadisticas"))
