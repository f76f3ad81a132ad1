"""*Procesos*: the flows drawn from the workflow tables, with live counts, and the course of one case."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from flask import Flask, abort, request, url_for
from flask_admin import Admin, expose
from sqlalchemy import or_, select
from sqlalchemy.orm import joinedload

from admin import frame
from admin.db import office, session
from admin.dispatching import SEEING, dispatches_with_all, seen_by, today
from models.access import visible_to
from models.base import now
from models.case import Case, CaseLink, LinkKind
from models.count import COUNT_LIMIT
from models.course import Stay, passages, replay, replay_delivery, steps_taken
from models.diagram import DISPATCH, DISPATCH_WORDS, draw, draw_deliveries, own_standing
from models.dispatch import Dispatch
from models.dispatch_lists import count_deliveries, count_on_phone
from models.event import Event, of_case
from models.folders import documents_of, who_acts
from models.oficio import Oficio
from models.pending import count_by_kind
from models.person import Account, Role
from models.state_counts import RECENT_DAYS, StateCount, count_states, kind_of
from models.workflow import Process, State, process_of

# Characters that fit a box and the line below the name of a step.
BOX_TEXT, WHO_TEXT = 14, 42
# More than a case ever has; a picture of such a one is no picture any more.
MAX_EVENTS = 5_000
# Whose pictures stand below that of their case; the page of the document lists all.
MAX_DELIVERIES = 3
# Who carries has no cases, and sees how a delivery runs.
CARRYING = frozenset({Role.COURIER, Role.DISPATCH_MANAGER})


class ProcessesView(frame.PanelView):
    """A flow at a time: the picture first, then the same as a list."""

    roles = frame.READING | CARRYING

    @expose("/")
    def index(self) -> str:
        account = frame.account()
        flows = _flows(account)
        wanted = request.args.get("flujo", "")
        flow = wanted if wanted in flows else flows[0]
        return self._deliveries(flows) if flow == DISPATCH else self._cases(Process(flow), flows)

    def _cases(self, process: Process, flows: Sequence[str]) -> str:
        account, recent = frame.account(), _recent()
        counts = count_states(session(), account, process, recent)
        return str(
            self.render(
                "admin/follow/processes.html",
                flows=flows,
                diagram=draw(process, own_standing(account)),
                counts=counts,
                links=_links(process, counts, recent),
                pending=count_by_kind(session(), account, process),
                limit=COUNT_LIMIT,
                recent_days=RECENT_DAYS,
                lines=lines,
            )
        )

    def _deliveries(self, flows: Sequence[str]) -> str:
        """Of a courier the numbers are those of the phone, which is all that a courier has."""
        account, recent = frame.account(), _recent()
        is_courier = account.role == Role.COURIER
        counts = (count_on_phone(session(), account, *today()) if is_courier
                  else count_deliveries(session(), account, recent))  # fmt: skip
        links = {
            state: url_for("mensajero.index") if is_courier else url_for(
                "envios.index", estado=state.value,
                desde=recent.date().isoformat() if count.is_recent_only else None,
            )
            for state, count in counts.items()
        }  # fmt: skip
        return str(
            self.render(
                "admin/follow/processes.html",
                flows=flows,
                diagram=draw_deliveries(account),
                counts=counts,
                links=links,
                pending=None,
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
        deliveries = [(one, stays_of_delivery(one)) for one in _deliveries_of(case)]
        return str(
            self.render(
                "admin/follow/course.html",
                case=case,
                diagram=draw(process),
                stays=stays,
                deliveries=[
                    (one, found, passages(found, at), steps_taken(found)) for one, found in deliveries
                ],
                flow_of_delivery=draw_deliveries(),
                passages=passages(stays, at),
                taken=steps_taken(stays),
                lines=lines,
                at=at,
            )
        )


def lines(text: str, width: int) -> list[str]:
    """*text* in lines that fit; SVG breaks none by itself."""
    return textwrap.wrap(text, width, break_long_words=False)


def _flows(account: Account) -> list[str]:
    """The flows in which *account* may have a part, as the addresses name them."""
    found = [one.value for one in Process] if account.role in frame.READING else []
    return [*found, DISPATCH] if account.role in SEEING | CARRYING else found


def stays_of(case: Case, history: Sequence[Event] | None = None) -> list[Stay]:
    """The stays of *case*, from its history; *history*: the whole of it, when it was read already."""
    return replay(process_of(case), _history(case) if history is None else history, case.state)


def stays_of_delivery(one: Dispatch) -> list[Stay]:
    """The stays of a delivery, from the history of its document."""
    return replay_delivery(one, _history(one.case, DISPATCH_WORDS))


def _history(case: Case, words: str = "") -> Sequence[Event]:
    """The first events of *case*, or those whose action begins with *words*."""
    history = select(Event).where(of_case(case)).options(joinedload(Event.account))
    if words:
        history = history.where(Event.action.startswith(words, autoescape=True))
    return session().scalars(history.order_by(Event.sequence).limit(MAX_EVENTS)).all()


def _deliveries_of(case: Case) -> Sequence[Dispatch]:
    """Of a document its last deliveries; of a case, those of the documents that answer it."""
    answers = select(CaseLink.case_id).where(CaseLink.other_id == case.id, CaseLink.kind == LinkKind.ANSWERS)
    of_it = or_(Dispatch.case_id == case.id, Dispatch.case_id.in_(answers))
    wanted = dispatches_with_all().where(of_it, seen_by(session())).order_by(Dispatch.id.desc())
    if frame.account().role not in SEEING:
        return ()
    return session().scalars(wanted.limit(MAX_DELIVERIES)).all()


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
