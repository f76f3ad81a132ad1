"""A requester's own requests: the list with its filters, a new one, the page of one with its verbs."""

from __future__ import annotations

from typing import Any

from flask import Flask, abort, flash, redirect, render_template, request, url_for
from sqlalchemy import select, tuple_
from sqlalchemy.orm import joinedload
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response

from admin import once
from admin.db import office, release, session, writing
from admin.errors import sentence_of
from admin.portal.inside import contact, go, inside, max_bytes
from admin.views.case import STEPS
from admin.views.complaints import link_to
from admin.views.files import SHOWN, respond
from intake import reply_address
from intake.attachments import examined, store_large
from intake.cases import can_follow_up
from intake.citizens import portal, ratings
from intake.errors import DeskError, InvalidInput
from intake.incoming import IncomingFile
from intake.services import service_fields
from models.case import Case, CaseLink
from models.catalogue import Classification
from models.chat import Rating
from models.search import fold
from models.service import Service
from models.service_field import FieldKind
from models.ticket import Ticket
from models.workflow import NotAllowed, State, Who, allowed_actions
from templates import say

SIZE, MAX_SEARCHED, MAX_FILES = 20, 5_000, 20
# What a requester may do, in the order of the buttons.
ACTIONS = ("close", "reopen", "cancel")
_STATES = (State.NEW, State.ASSIGNED, State.IN_PROGRESS, State.WAITING, State.RESOLVED, State.CLOSED,
           State.CANCELLED, State.REGISTERED, State.DIGITIZING, State.DISCHARGING, State.IN_ATTENTION,
           State.ANSWERED, State.SIGNED, State.CONCLUDED)  # fmt: skip

Page = str | Response | tuple[str, int]


def state_choices() -> list[tuple[str, str]]:
    """The states as requesters read them; several of ours may be one of theirs."""
    words: dict[str, list[str]] = {}
    for state in _STATES:
        words.setdefault(say(f"panel.public.state.{state}"), []).append(state)
    return [(",".join(states), label) for label, states in words.items()]


@inside
def index() -> str:
    """*Ventana principal*: all that one has asked, filtered by folio, subject or state."""
    folio, subject = request.args.get("folio", "").strip(), request.args.get("asunto", "").strip()
    states = [one for one in request.args.get("estado", "").split(",") if one]
    wanted = select(Case).where(portal.own_cases(contact()))
    if states:
        wanted = wanted.where(Case.state.in_(states))
    if folio or subject:
        wanted = wanted.where(Case.id.in_(_matching(folio, subject)))
    key = tuple_(Case.last_activity_at, Case.id)
    before = session().get(Case, request.args.get("antes", 0, int))
    if before is not None and before.requester_id == contact().id:
        wanted = wanted.where(key < (before.last_activity_at, before.id))
    ordered = wanted.order_by(Case.last_activity_at.desc(), Case.id.desc()).limit(SIZE + 1)
    rows = session().scalars(ordered.options(joinedload(Case.dependencia))).all()
    return render_template(
        "portal/requests.html", rows=rows[:SIZE], has_more=len(rows) > SIZE, folio=folio, subject=subject,
        state=request.args.get("estado", ""), states=state_choices(), is_first=before is None,
    )  # fmt: skip


def _matching(folio: str, subject: str) -> list[int]:
    """Ids of the person's own cases in which the words are; accents and capitals make no difference."""
    own = select(Case.id, Case.folio, Case.subject).where(portal.own_cases(contact()))
    rows = session().execute(own.order_by(Case.id.desc()).limit(MAX_SEARCHED))
    wanted = fold(subject).split()
    return [
        row.id
        for row in rows
        if fold(folio) in fold(row.folio) and all(word in fold(row.subject) for word in wanted)
    ]


@inside
def new() -> Page:
    """*Nuevo*: subject, description as detailed as possible, classification, screenshots and files."""
    service = _service()
    if request.method == "GET":
        return _new_page(service)
    form = request.form
    fields = service_fields.fields_of(session(), service)
    answers = service_fields.Answers()
    try:
        # Keep what was typed also when a file is refused.
        answers = service_fields.read_form(fields, form, _field_files(fields))
        files = take_files()
        release()
        store_large(office(), [*files, *answers.files])
        with writing() as write:
            once.take(write)
            ticket = portal.open_request(
                write, office(), contact(),
                portal.Request(form.get("subject", ""), form.get("text", ""), _classification(service),
                               service, files, answers),
            )  # fmt: skip
            folio = ticket.folio
            page = once.leads_to(write, url_for("portal_request", case_id=ticket.id))
    except DeskError as error:
        flash(str(error), "error")
        return _new_page(service, answers.wrong), 422
    flash(say("portal.request.opened", folio=folio), "success")
    return go(page)


def _new_page(service: Service | None, wrong: dict[int, str] | None = None) -> str:
    areas = session().scalars(
        select(Classification).where(Classification.is_active).order_by(Classification.position)
    )
    services = session().scalars(select(Service).where(Service.is_active).order_by(Service.position)).all()
    return render_template(
        "portal/new.html", areas=areas.all(), services=services, service=service, wrong=wrong or {},
        fields=service_fields.fields_of(session(), service), form=request.form, FieldKind=FieldKind,
        chosen=request.form.get("classification", type=int) or request.args.get("clasificacion", type=int),
        form_name=service_fields.form_name, max_files=MAX_FILES, max_bytes=max_bytes(),
    )  # fmt: skip


def _service() -> Service | None:
    number = request.form.get("service", type=int) or request.args.get("servicio", type=int)
    found = session().get(Service, number) if number else None
    return found if found is not None and found.is_active else None


def _classification(service: Service | None) -> Classification | None:
    number = request.form.get("classification", type=int)
    if number:
        return session().get(Classification, number)
    if service is None:
        return None
    return session().scalar(select(Classification).where(Classification.name == service.classification))


@inside
def fields() -> str:
    """What the chosen service asks, to be put into the form."""
    service = _service()
    asked = service_fields.fields_of(session(), service)
    return render_template("portal/fields.html", fields=asked, wrong={}, form=request.form,
                           FieldKind=FieldKind, form_name=service_fields.form_name)  # fmt: skip


def take_files(name: str = "files") -> list[IncomingFile]:
    """The files of the form, examined. Raises InvalidInput for what is too large, or may not come in."""
    chosen = [one for one in request.files.getlist(name) if one.filename]
    if len(chosen) > MAX_FILES:
        raise InvalidInput("too_many_files", limit=MAX_FILES)
    return [_examined(number, one) for number, one in enumerate(chosen, 1)]


def _examined(number: int, upload: FileStorage) -> IncomingFile:
    limit = max_bytes()
    if upload.stream.seek(0, 2) > limit:
        raise InvalidInput("file_too_large", name=upload.filename or "", megabytes=limit // 1_000_000)
    upload.stream.seek(0)
    file = examined(upload.filename or "", upload.mimetype, upload.read(), number=number)
    if file.danger:
        raise InvalidInput("file_dangerous", name=file.filename)
    return file


def _field_files(asked: Any) -> dict[str, IncomingFile]:
    names = [service_fields.form_name(one) for one in asked if one.kind == FieldKind.FILE]
    return {name: files[0] for name in names if (files := take_files(name))}


def _find(case_id: int) -> Case:
    return portal.find_own(session(), contact(), case_id) or abort(404)


def _version(case: Case, newest: int) -> str:
    return f"{newest}-{case.state}-{case.due_at.timestamp() if case.due_at else 0:.0f}"


def _values(case: Case, before: int | None = None) -> dict[str, Any]:
    thread = portal.thread_of(session(), contact(), case, before=before)
    own = portal.own_addresses(contact())
    newest = thread[-1].id if thread and before is None else 0
    allowed = {row.action for row in allowed_actions(case, {Who.REQUESTER})}
    step = next((number for number, states in enumerate(STEPS) if case.state in states), None)
    links = select(CaseLink).where(CaseLink.case_id == case.id).options(joinedload(CaseLink.other))
    return {
        "case": case,
        "service": case.service if isinstance(case, Ticket) else None,
        "area": case.classification if isinstance(case, Ticket) else "",
        "thread": thread,
        "own": own,
        "has_older": len(thread) == 30,
        "version": _version(case, newest),
        "answered": service_fields.values_of(session(), case),
        "missing": [one.label for one in service_fields.missing(session(), case)] if case.is_open else [],
        "actions": [one for one in ACTIONS if one in allowed],
        "can_write": can_follow_up(office(), case),
        "rating": session().get(Rating, case.id),
        "is_ratable": ratings.is_ratable(case),
        "step": step,
        "step_count": len(STEPS),
        "links": [one for one in session().scalars(links) if one.other.requester_id == case.requester_id],
        "complaint_link": link_to(case, case.folio, reply_address.link_key(office(), case.folio)),
        "shown_types": SHOWN,
        "max_files": MAX_FILES,
        "max_bytes": max_bytes(),
    }


@inside
def show(case_id: int) -> Page:
    """The data of a request, its messages, and a place to write below."""
    case = _find(case_id)
    if case.id != case_id:
        return redirect(url_for("portal_request", case_id=case.id))
    before = request.args.get("antes", type=int)
    return render_template(
        "portal/request.html", text="", is_older_page=bool(before), **_values(case, before)
    )


@inside
def news(case_id: int) -> Page:
    """What changed since the page was drawn: nothing (204), or its living parts anew."""
    case = _find(case_id)
    values = _values(case)
    if values["version"] == request.args.get("version"):
        return "", 204
    return render_template("portal/living.html", **values)


@inside
def write(case_id: int) -> Page:
    """A follow-up with files. What was typed is never lost: on any *no* it comes back."""
    text = request.form.get("text", "")
    try:
        files = take_files()
        release()
        store_large(office(), files)
        with writing() as session_:
            once.take(session_)
            case, _ = portal.follow_up(session_, office(), contact(), _find(case_id), text=text, files=files)
            folio, is_new = case.folio, case.id != case_id
            page = once.leads_to(session_, url_for("portal_request", case_id=case.id) + "#escribir")
    except (DeskError, NotAllowed) as error:
        flash(sentence_of(error) if isinstance(error, NotAllowed) else str(error), "error")
        return render_template("portal/request.html", text=text, is_older_page=False,
                               **_values(_find(case_id))), 422  # fmt: skip
    flash(say("portal.request.continued" if is_new else "portal.request.written", folio=folio), "success")
    return go(page)


@inside
def act(case_id: int, action: str) -> Page:
    """Close, reopen, withdraw or rate."""
    form = request.form
    try:
        with writing() as session_:
            case, who = _find(case_id), contact()
            if action == "close":
                portal.close(session_, office(), who, case)
            elif action == "reopen":
                portal.reopen(session_, office(), who, case)
            elif action == "cancel":
                portal.withdraw(session_, office(), who, case, form.get("reason", ""))
            elif action == "rate":
                portal.rate(session_, who, case, form.get("score", 0, int), form.get("words", ""))
            else:
                abort(404)
    except NotAllowed as error:
        flash(sentence_of(error), "error")
    except DeskError as error:
        flash(str(error), "error")
    else:
        flash(say(f"portal.done.{action}"), "success")
    return redirect(url_for("portal_request", case_id=case_id))


@inside
def file(attachment_id: int, filename: str) -> Response:
    found = portal.find_file(session(), contact(), attachment_id) or abort(404)
    return respond(found)


def register(app: Flask) -> None:
    app.add_url_rule("/solicitudes", "portal_requests", index, strict_slashes=False)
    app.add_url_rule("/solicitudes/nueva", "portal_new", new, methods=["GET", "POST"])
    app.add_url_rule("/solicitudes/campos", "portal_fields", fields)
    app.add_url_rule("/solicitudes/<int:case_id>", "portal_request", show)
    app.add_url_rule("/solicitudes/<int:case_id>/novedades", "portal_news", news)
    app.add_url_rule("/solicitudes/<int:case_id>", "portal_write", write, methods=["POST"])
    app.add_url_rule("/solicitudes/<int:case_id>/<action>", "portal_act", act, methods=["POST"])
    app.add_url_rule("/solicitudes/archivo/<int:attachment_id>/<path:filename>", "portal_file", file)
