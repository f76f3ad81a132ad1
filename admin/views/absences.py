"""*Ausencias*: who approves for a head between two days; the documents say *por ausencia*."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from flask import Flask, flash, redirect, request, url_for
from flask_admin import Admin, expose
from sqlalchemy import or_, select
from werkzeug.wrappers import Response

from admin import frame
from admin.db import office, session, writing
from admin.documents import writers
from intake.errors import DeskError, InvalidInput
from intake.services import delegations
from models.base import now
from models.delegation import Delegation
from models.dependencia import Dependencia
from models.person import Account, Person, Role
from templates import say

MAX_PAST = 50


class AbsencesView(frame.PanelView):
    """What is in force and to come, what was, and the form; a worker sees for whom it acts."""

    roles = frozenset({Role.HEAD, Role.WORKER, Role.ADMINISTRATOR})

    @expose("/")
    def index(self) -> str:
        return self._page()

    def _page(self) -> str:
        absents = _absents(frame.account())
        acting = [one for one in writers(session()) if one.role in (Role.HEAD, Role.WORKER)]
        return str(
            self.render("admin/documents/absences.html", delegations=_delegations(absents), absents=absents,
                        acting=acting, form=request.form, now=now(), minute=timedelta(minutes=1),
                        today=_today().isoformat())
        )  # fmt: skip

    @expose("/", methods=["POST"])
    def make(self) -> Response | tuple[str, int]:
        form = request.form
        try:
            with writing() as write:
                absent = write.get(Account, form.get("absent", 0, int))
                acting = write.get(Account, form.get("acting", 0, int))
                if absent is None or acting is None:
                    raise InvalidInput("choose_one")
                delegations.delegate(
                    write, office(), frame.account(), absent=absent, acting=acting,
                    starts_on=_day("starts_on"), ends_on=_day("ends_on"), reason=form.get("reason", ""),
                )  # fmt: skip
        except DeskError as error:
            flash(str(error), "error")
            return self._page(), 422
        flash(say("documents.absence.made"), "success")
        return redirect(url_for(".index"))

    @expose("/terminar", methods=["POST"])
    def revoke(self) -> Response:
        try:
            with writing() as write:
                found = write.get(Delegation, request.form.get("delegation", 0, int))
                if found is None:
                    raise InvalidInput("choose_one")
                delegations.revoke(write, office(), frame.account(), found)
        except DeskError as error:
            flash(str(error), "error")
        else:
            flash(say("documents.absence.revoked"), "success")
        return redirect(url_for(".index"))


def _today() -> date:
    return now().astimezone(office().settings.zone).date()


def _day(name: str) -> date:
    try:
        return date.fromisoformat(request.form.get(name, ""))
    except ValueError:
        raise InvalidInput("bad_date") from None


def _absents(who: Account) -> Sequence[Account]:
    """For whom *who* may say who acts."""
    wanted: Any = (
        select(Account)
        .join(Account.person)
        .where(Account.is_active, Person.is_active, Account.role == Role.HEAD)
        .order_by(Person.name)
    )
    if who.role == Role.WORKER:
        return ()
    if who.role == Role.HEAD:
        below = select(Dependencia.id).where(
            Dependencia.path.startswith(who.dependencia.path, autoescape=True)
        )
        wanted = wanted.where(Account.dependencia_id.in_(below))
    found: Sequence[Account] = session().scalars(wanted).unique().all()
    return found


def _delegations(absents: Sequence[Account]) -> Sequence[Delegation]:
    concerns = or_(
        Delegation.absent_id.in_([one.id for one in absents]), Delegation.acting_id == frame.account().id
    )
    return session().scalars(
        select(Delegation).where(concerns).order_by(Delegation.ends_at.desc()).limit(MAX_PAST)
    ).all()  # fmt: skip


def register(app: Flask, admin: Admin) -> None:
    """Add the page and its entry in the rail."""
    admin.add_view(AbsencesView(name="absences", endpoint="absences", url="/admin/ausencias"))
    frame.add_entry(
        app,
        frame.Entry("documents.rail.section", "documents.rail.absences", "absences.index", "calendar-off",
                    AbsencesView.roles),
    )  # fmt: skip
