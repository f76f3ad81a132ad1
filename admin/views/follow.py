"""*Seguimiento* (manual C): what an account has to do, with the filters above and the pending tasks below."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from enum import Enum
from typing import Any, TypeVar

from flask import Flask, flash, redirect, request, url_for
from flask_admin import Admin, expose
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from admin import frame, several
from admin.db import office, release, session, writing
from admin.errors import sentence_of
from admin.forms import tree
from admin.query import read_day
from intake import tags
from intake.counter import digests
from intake.errors import DeskError, InvalidInput
from models.base import now
from models.count import COUNT_LIMIT, Rows
from models.digest import DigestChannel, DigestSetting
from models.pending import (
    Due,
    Moments,
    PendingKey,
    Wanted,
    Whose,
    colleagues,
    count_by_kind,
    find_pending,
    pending_tasks,
)
from models.task import TaskKind
from models.workflow import NotAllowed
from templates import say

NAMES = ("tarea", "de", "cuenta", "area", "q", "vence", "desde", "hasta", "agendados")
MAX_TICKED = 50
SOON = timedelta(days=2)
Choice = TypeVar("Choice", bound=Enum)


class FollowView(frame.PanelView):
    """The list, what is done with several of it at once, and how one wants the daily digest."""

    roles = frame.READING

    @expose("/")
    def index(self) -> str:
        who, moments = frame.account(), _moments()
        wanted = _wanted()
        page = find_pending(session(), who, wanted, moments, after=_after())
        return str(
            self.render(
                "admin/follow/index.html",
                page=page,
                wanted=wanted,
                moments=moments,
                soon=moments.now + SOON,
                kinds=count_by_kind(session(), who),
                limit=COUNT_LIMIT,
                colleagues=colleagues(session(), who),
                tree=tree,
                due=list(Due),
                whose=list(Whose),
                keep=_keep(),
                is_narrowed=bool(_keep()),
                next_key=f"{page.next_key.due_at.isoformat()}|{page.next_key.id}" if page.next_key else "",
                digest=session().get(DigestSetting, who.id),
                channels=list(DigestChannel),
            )
        )

    @expose("/varios")
    def several(self) -> str | Response:
        """What may be done with all that were ticked, and what may not, with the folio that hinders it."""
        try:
            tasks = several.ticked(
                session(), frame.account(), request.args.getlist("tarea", int)[:MAX_TICKED]
            )
        except InvalidInput as error:
            flash(str(error), "error")
            return redirect(url_for("follow.index"))
        return str(
            self.render(
                "admin/follow/several.html",
                tasks=tasks,
                offered=several.offered(session(), frame.account(), tasks),
                accounts=several.assignable(session()),
                own_tags=tags.tags_of(session(), frame.account()),
                tomorrow=(_moments().end_of_day + timedelta(hours=9)),
            )
        )

    @expose("/varios", methods=["POST"])
    def do_several(self) -> Response:
        ids = request.form.getlist("tarea", int)[:MAX_TICKED]
        action = request.form.get("hacer", "")
        try:
            if action == several.APPROVE:
                # Each is rendered and sealed in a transaction of its own; ours must not hold the lock.
                tasks = several.ticked(session(), frame.account(), ids)
                cases, by = [task.case_id for task in tasks], frame.account().id
                release()
                several.approve(office(), cases, by)
            else:
                with writing() as write:
                    number = several.do(write, office(), frame.account(), ids, action, request.form)
                flash(
                    say("follow.several.done", action=say(f"panel.action.{action}"), number=number), "success"
                )
        except DeskError as error:
            flash(str(error), "error")
        except NotAllowed as error:
            flash(sentence_of(error), "error")
        return redirect(url_for("follow.index"))

    @expose("/resumen", methods=["POST"])
    def digest(self) -> Response:
        """Off, by mail or by chat, and from which hour."""
        try:
            with writing() as write:
                digests.choose(
                    write,
                    office(),
                    frame.account(),
                    channel=_choice(DigestChannel, request.form.get("channel", "")) or DigestChannel.OFF,
                    hour=request.form.get("hour", -1, int),
                )
        except DeskError as error:
            flash(str(error), "error")
        else:
            flash(say("follow.digest.saved"), "success")
        return redirect(url_for("follow.index"))


def _moments() -> Moments:
    zone, at = office().settings.zone, now()
    today = at.astimezone(zone).date()
    tomorrow = datetime.combine(today + timedelta(days=1), time(), zone)
    return Moments(at, tomorrow, tomorrow + timedelta(days=6))


def _wanted() -> Wanted:
    given, zone = request.args, office().settings.zone
    until = read_day(given.get("hasta"), zone)
    return Wanted(
        kind=_choice(TaskKind, given.get("tarea", "")),
        whose=_choice(Whose, given.get("de", "")),
        account_id=given.get("cuenta", type=int),
        dependencia_id=given.get("area", type=int),
        words=given.get("q", "").strip()[:200],
        due=_choice(Due, given.get("vence", "")),
        since=read_day(given.get("desde"), zone),
        until=until + timedelta(days=1) if until else None,
        with_snoozed="agendados" in given,
    )


def _after() -> PendingKey | None:
    at, _, identifier = request.args.get("despues", "").partition("|")
    try:
        return PendingKey(datetime.fromisoformat(at), int(identifier))
    except (ValueError, TypeError):
        return None


def _keep() -> dict[str, Any]:
    return {name: request.args[name] for name in NAMES if request.args.get(name, "").strip()}


def _choice(members: type[Choice], value: str) -> Choice | None:
    return next((one for one in members if one.value == value), None)


def waiting(_read: Session) -> Rows:
    """Counted beside *Seguimiento* in the rail."""
    return pending_tasks(frame.acting())


def register(app: Flask, admin: Admin) -> None:
    """Add the page and its entry in the rail."""
    admin.add_view(FollowView(name="follow", endpoint="follow", url="/admin/seguimiento"))
    entry = frame.Entry(
        "follow.rail.section", "follow.title", "follow.index", "circle-check", frame.READING, waiting
    )
    frame.add_entry(app, entry)
