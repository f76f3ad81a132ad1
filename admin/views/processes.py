"""*Procesos*: the flows drawn from the workflow table, with live counts, and the course of one case."""

from __future__ import annotations

import textwrap
from datetime import datetime, timedelta
from typing import Any

from flask import Flask, abort, request, url_for
from flask_admin import Admin, expose
from sqlalchemy import or_, select
from sqlalchemy.orm import joinedload

from admin import frame
from admin.db import office, session
from models.access import visible_to
from models.base import now
from models.case import Case
from models.course import Stay, passages, replay, steps_taken
from models.diagram import draw, own_standing
from models.event import Event, of_case
from models.folders import documents_of, who_acts
from models.oficio import Oficio
from models.pending import count_by_kind
from models.state_counts import RECENT_DAYS, StateCount, count_states, kind_of
from models.trays import COUNT_LIMIT
from models.workflow import Process, State, process_of

# Characters that fit a box and the line below the name of a step.
BOX_TEXT, WHO_TEXT = 14, 42
# More than a case ever has; a picture of such a one is no picture any more.
MAX_EVENTS = 5_000


class ProcessesView(frame.PanelView):
    """A flow at a time: the picture first, then the same as a list."""

    roles = frame.READING

    @expose("/")
    def index(self) -> str:
        wanted = request.args.get("flujo", "")
        process = Process(wanted) if wanted in list(Process) else Process.TICKET
        account, recent = frame.account(), _recent()
        counts = count_states(session(), account, process, recent)
        return str(
            self.render(
                "admin/follow/processes.html",
                process=process,
                processes=list(Process),
                diagram=draw(process, own_standing(account)),
                counts=counts,
                links=_links(process, counts, recent),
                pending=count_by_kind(session(), account, process),
                limit=COUNT_LIMIT,
                recent_days=RECENT_DAYS,
                lines=lines,
            )
        )

    @expose("/asunto/<int:case_id>")
    def course(self, case_id: int) -> str:
        """Where a case stands in its flow, and how long it stayed at each step."""
        case = get_seen_case(case_id)
        stays, at = stays_of(case), now()
        process = process_of(case)
        return str(
            self.render(
                "admin/follow/course.html",
                case=case,
                process=process,
                diagram=draw(process),
                stays=stays,
                passages=passages(stays, at),
                taken=steps_taken(stays),
                lines=lines,
                at=at,
            )
        )


def lines(text: str, width: int) -> list[str]:
    """*text* in lines that fit; SVG breaks none by itself."""
    return textwrap.wrap(text, width, break_long_words=False)


def stays_of(case: Case) -> list[Stay]:
    """The stays of *case*, from its history."""
    history = (
        select(Event)
        .where(of_case(case))
        .options(joinedload(Event.account))
        .order_by(Event.sequence)
        .limit(MAX_EVENTS)
    )
    return replay(process_of(case), session().scalars(history), case.state)


def get_seen_case(case_id: int) -> Case:
    """The case, if this account (or one for whom it acts) may see it; else 404."""
    mine = documents_of(who_acts(session(), frame.account()))
    seen = or_(visible_to(frame.account()), Case.id.in_(select(Oficio.id).where(mine)))
    return session().scalar(select(Case).where(Case.id == case_id, seen)) or abort(404)


def _recent() -> datetime:
    """Midnight of the first day that counts as recent, as the filter of a list begins."""
    today = now().astimezone(office().settings.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    return today - timedelta(days=RECENT_DAYS)


def _links(process: Process, counts: dict[State, StateCount], recent: datetime) -> dict[State, str]:
    found: dict[State, str] = {}
    for state, count in counts.items():
        if count.folder:
            found[state] = url_for("board.index", carpeta=count.folder)
            continue
        narrowed: dict[str, Any] = {"tipo": kind_of(process).value, "estado": state.value}
        if count.is_recent_only:
            narrowed["desde"] = recent.date().isoformat()
        found[state] = url_for("admin.index", bandeja=count.tray, **narrowed)
    return found


def register(app: Flask, admin: Admin) -> None:
    """Add the pages, and the course of a case to every template that shows one."""
    admin.add_view(ProcessesView(name="processes", endpoint="processes", url="/admin/procesos"))

    @app.context_processor
    def course() -> dict[str, Any]:
        return {"stays_of": stays_of, "total_stays": lambda stays: passages(stays, now())}
