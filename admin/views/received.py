"""What the page of a received oficio adds: what was read in it, for one click, and its sealed acuse."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from flask import Flask, Response, abort, flash, redirect, request, url_for
from flask_admin import Admin
from sqlalchemy import select
from werkzeug.wrappers import Response as BaseResponse

from admin import frame
from admin.db import office, release, session, writing
from admin.documents import pdf_response
from admin.views.case import get_case, list_arguments
from intake.attachments import read_blob
from intake.counter import registering
from intake.errors import DeskError
from intake.oficios import confirm_proposals, proposals_of
from models.acuse import Acuse
from models.case import Case, CaseKind
from models.oficio import Flow, Oficio
from models.person import Role
from models.proposal import Proposal
from models.workflow import Who, find_transition
from templates import say

DATES = ("written_on", "answer_required_on")


@dataclass(frozen=True, slots=True)
class Received:
    """A received oficio as its page has it, beside what every case has."""

    oficio: Oficio
    proposals: Sequence[Proposal]
    can_confirm: bool
    acuses: Sequence[Acuse]


def received(case: Case, stands: Collection[Who]) -> Received | None:
    """None for a case that is none."""
    if not isinstance(case, Oficio) or case.flow != Flow.RECEIVED:
        return None
    read = session()
    acuses = read.scalars(select(Acuse).where(Acuse.case_id == case.id).order_by(Acuse.id)).all()
    is_open = find_transition(case, "confirm_proposals", stands) is not None
    return Received(case, proposals_of(read, case), is_open, acuses)


def confirm(case_id: int) -> BaseResponse:
    """All that was read, as it was read or as the clerk corrected it; what is not ticked is let go."""
    turned_away = _turned_away()
    if turned_away is not None:
        return turned_away
    form = request.form
    try:
        with writing() as write:
            oficio = get_case(write, case_id)
            if not isinstance(oficio, Oficio):
                abort(404)
            # The verb asks what is still waiting: who pressed twice, or second, changes nothing.
            values = {field: form.get(field, "") for field in form.getlist("usar")}
            confirm_proposals(write, office(), oficio, frame.account(), values=values)
            folio = oficio.folio
    except DeskError as error:
        flash(str(error), "error")
    else:
        flash(say("documents_public.read.done", folio=folio), "success")
    return redirect(url_for("case.show", case_id=case_id, **list_arguments()))


def can_become(case: Case, stands: Collection[Who]) -> CaseKind | None:
    """What a button makes of it: an oficio of what was taken for a ticket, or the other way round."""
    if frame.account().role != Role.OFICIALIA or find_transition(case, "merge", stands) is None:
        return None
    return CaseKind.OFICIO if case.kind == CaseKind.TICKET else CaseKind.TICKET


def as_ticket(case_id: int) -> BaseResponse:
    """It was taken for an oficio: from now on it is a request, with the same thread."""
    turned_away = _turned_away()
    if turned_away is not None:
        return turned_away
    shown = case_id
    try:
        with writing() as write:
            oficio = get_case(write, case_id)
            if not isinstance(oficio, Oficio):
                abort(404)
            made = registering.turn_into_ticket(write, office(), oficio, frame.account())
            shown, folio = made.id, made.folio
    except DeskError as error:
        flash(str(error), "error")
    else:
        flash(say("documents_public.received.turned", folio=folio), "success")
    return redirect(url_for("case.show", case_id=shown, **list_arguments()))


def as_oficio(case_id: int) -> BaseResponse:
    """It was taken for a ticket: from now on it is an oficio, with the same thread."""
    turned_away = _turned_away()
    if turned_away is not None:
        return turned_away
    who = frame.account()
    if who.role != Role.OFICIALIA:
        abort(403)
    release()
    with office().database.reading() as read:
        sources = registering.sources_of(read, office(), get_case(read, case_id))
    try:
        with writing() as write:
            made = registering.register_ticket(write, office(), get_case(write, case_id), who, sources)
            shown, folio = made.id, made.folio
    except DeskError as error:
        flash(str(error), "error")
        return redirect(url_for("case.show", case_id=case_id, **list_arguments()))
    flash(say("documents_public.received.registered", folio=folio), "success")
    return redirect(url_for("case.show", case_id=shown, **list_arguments()))


def acuse(case_id: int, acuse_id: int) -> BaseResponse:
    """The sealed PDF that its sender got."""
    turned_away = _turned_away()
    if turned_away is not None:
        return turned_away
    case = get_case(session(), case_id)
    found = session().get(Acuse, acuse_id)
    if found is None or found.case_id != case.id:
        abort(404)
    content = read_blob(session(), office(), found.pdf_sha256)
    made: Response = pdf_response(content, f"Acuse-{case.folio.replace('/', '-')}.pdf")
    return made


def _turned_away() -> BaseResponse | None:
    account = frame.find_account()
    return frame.turn_away() if account is None or account.role not in frame.READING else None


def register(app: Flask, admin: Admin) -> None:
    """Add the actions; the case page asks `received(case)` for what it shows."""
    app.add_url_rule("/admin/casos/<int:case_id>/leido", "received.confirm", confirm, methods=["POST"])
    app.add_url_rule("/admin/casos/<int:case_id>/acuse/<int:acuse_id>", "received.acuse", acuse)
    app.add_url_rule("/admin/casos/<int:case_id>/es-oficio", "received.as_oficio", as_oficio,
                     methods=["POST"])  # fmt: skip
    app.add_url_rule("/admin/casos/<int:case_id>/es-solicitud", "received.as_ticket", as_ticket,
                     methods=["POST"])  # fmt: skip
    app.jinja_env.globals.update(received=received, read_dates=DATES, can_become=can_become)
