"""`/admin/tarea/<id>`: the screen of a task of manual C, with what is needed for it and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask, abort, flash, redirect, request, url_for
from flask_admin import Admin, expose
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from admin import frame, registering
from admin.db import office, release, session, writing
from admin.documents import pdf_response
from admin.errors import sentence_of
from admin.tasks import NEEDED, Matter, find_screen, get_task, matter_of, may_do
from admin.views.composer import uploaded_files
from admin.views.registering import choices, get_received
from admin.views.signing import read_efirma
from intake import acuses, cases, notices, turnos
from intake.attachments import read_blob
from intake.correspondence import requester_address
from intake.counter import answers, discharging, reception, responsibles
from intake.errors import DeskError
from intake.proofs import answer_signing
from models.access import standing
from models.oficio import Oficio
from models.person import Account, Role
from models.signed_answer import SignedAnswer
from models.task import Task, TaskKind, TaskState
from models.workflow import NotAllowed, Process, find_transition, process_of
from templates import say

# Screens of their own; what has none leads to the page of its case or document.
SCREENS = frozenset({TaskKind.DISCHARGE, TaskKind.ATTEND, TaskKind.ASSIGN_RESPONSIBLE, TaskKind.REVIEW_COPY,
                     TaskKind.SIGN})  # fmt: skip


class TaskView(frame.PanelView):
    """One screen per kind of task. Each form calls one verb of the desk, which decides whether it may."""

    roles = frame.READING

    @expose("/")
    def index(self) -> Response:
        return redirect(url_for("follow.index"))

    @expose("/<int:task_id>")
    def show(self, task_id: int) -> str | Response:
        task = get_task(session(), task_id)
        elsewhere = find_screen(task) or _other_page(task)
        if elsewhere is not None:
            return redirect(elsewhere)
        if task.state != TaskState.OPEN:
            return str(self.render("admin/tasks/done.html", matter=matter_of(task)))
        if not may_do(session(), task, frame.account()):
            return redirect(url_for("case.show", case_id=task.case_id))
        return self._screen(task)

    @expose("/<int:task_id>/<verb>", methods=["POST"])
    def do(self, task_id: int, verb: str) -> Response | tuple[str, int]:
        """Call the verb; then go on with what waits, or with the step that follows from it."""
        act = VERBS.get(verb) or abort(404)
        try:
            values = act(task_id)
        except (DeskError, NotAllowed) as error:
            flash(str(error) if isinstance(error, DeskError) else sentence_of(error), "error")
            task = get_task(session(), task_id)
            if task.state != TaskState.OPEN or not may_do(session(), task, frame.account()):
                return redirect(url_for(".show", task_id=task_id))
            return self._screen(task), 422
        flash(values.said, "success")
        return redirect(values.then or url_for("follow.index"))

    @expose("/personas")
    def people(self) -> str:
        """Who may be made responsible: of the dependencia of this account, and those below."""
        words, within = request.args.get("addressee_text", ""), frame.account().dependencia.path
        return self._options(registering.find_targets(session(), words, within=within, people_only=True))

    @expose("/destinatarios")
    def targets(self) -> str:
        return self._options(registering.find_targets(session(), request.args.get("copy_text", "")))

    @expose("/copia")
    def copy(self) -> str:
        number = request.args.get("n", "2")
        return str(self.render("admin/registering/copy.html", chosen=("", ""), number=number,
                               address=url_for(".targets")))  # fmt: skip

    def _options(self, found: list[reception.Target]) -> str:
        return str(self.render("admin/registering/options.html", options=registering.options(found),
                               list_id=request.headers.get("HX-Target", "list")))  # fmt: skip

    def _screen(self, task: Task) -> str:
        matter = matter_of(task)
        values = _VALUES[task.kind](matter) if task.kind in _VALUES else {}
        name = f"admin/tasks/{task.kind.value}.html"
        return str(self.render(name, matter=matter, form=request.form, **values))


class Done:
    """What is said, and where it goes on (empty: the list of what waits)."""

    def __init__(self, said: str, then: str = "") -> None:
        self.said, self.then = said, then


def _other_page(task: Task) -> str | None:
    is_here = process_of(task.case) == Process.RECEIVED or task.kind == TaskKind.REVIEW_COPY
    # A ticket is attended on its page, an issued document decided on its own.
    return None if is_here and task.kind in SCREENS else url_for("case.show", case_id=task.case_id)


def _discharge_values(matter: Matter) -> dict[str, Any]:
    oficio = _oficio(matter.case)
    values = registering.typed() if request.form else registering.registered(oficio)
    return {"values": values, "acuse": acuses.latest(session(), oficio), "address": requester_address(oficio),
            **choices()}  # fmt: skip


def _attend_values(matter: Matter) -> dict[str, Any]:
    oficio, who = _oficio(matter.case), frame.account()
    stands = standing(session(), oficio, who)
    to, _ = cases.default_recipients(session(), oficio)
    return {
        "to": to,
        "chat": notices.chat_for(session(), oficio),
        "signs": answers.asks_signature(oficio, who),
        "is_head": who.role == Role.HEAD,
        "is_asked": responsibles.is_asked(session(), oficio),
        "can": {
            name: find_transition(oficio, name, stands) is not None
            for name in ("ask_responsible", "return_turno", "take")
        },
    }


def _sign_values(matter: Matter) -> dict[str, Any]:
    made = answers.find_unsigned(session(), _oficio(matter.case))
    return {"answer": made, "is_own": made is not None and made.account_id == frame.account().id}


_VALUES: dict[TaskKind, Callable[[Matter], dict[str, Any]]] = {
    TaskKind.DISCHARGE: _discharge_values,
    TaskKind.ATTEND: _attend_values,
    TaskKind.SIGN: _sign_values,
}


def _turn(task_id: int) -> Done:
    with writing() as write:
        oficio = _mine(write, task_id, TaskKind.DISCHARGE)
        typed = registering.entry(write)
        reception.correct(write, office(), oficio, frame.account(), typed)
        reception.turn(write, office(), oficio, frame.account(), typed)
        return Done(say("registering.turned", folio=oficio.folio))


def _digitize_again(task_id: int) -> Done:
    with writing() as write:
        oficio = _mine(write, task_id, TaskKind.DISCHARGE)
        why = request.form.get("reason", "")
        discharging.digitize_again(write, office(), oficio, frame.account(), reason=why)
        return Done(say("tasks.discharge.again_done", folio=oficio.folio))


def _mail_acuse(task_id: int) -> Done:
    with writing() as write:
        oficio = _mine(write, task_id, TaskKind.DISCHARGE)
        address = acuses.mail(write, office(), oficio, reception.first_message(write, oficio))
        return Done(say("tasks.discharge.acuse_mailed", folio=oficio.folio, address=address),
                    url_for("tasks.show", task_id=task_id))  # fmt: skip


def _answer(task_id: int) -> Done:
    files = uploaded_files()
    with writing() as write:
        oficio, who = _mine(write, task_id, TaskKind.ATTEND), frame.account()
        to, _ = cases.default_recipients(write, oficio)
        answers.answer(write, office(), oficio, who, text=request.form.get("text", ""), to=to, files=files)
        write.flush()
        sign = turnos.find_task(write, oficio, TaskKind.SIGN)
        then = url_for("tasks.show", task_id=sign.id) if sign is not None else ""
        return Done(say("tasks.attend.done", folio=oficio.folio), then)


def _ask_responsible(task_id: int) -> Done:
    with writing() as write:
        oficio, who = _mine(write, task_id, TaskKind.ATTEND), frame.account()
        task = responsibles.ask_responsible(write, office(), oficio, who, note=request.form.get("note", ""))
        write.flush()
        then = url_for("tasks.show", task_id=task.id) if task.account_id == who.id else ""
        return Done(say("tasks.attend.asked", folio=oficio.folio), then)


def _return(task_id: int) -> Done:
    with writing() as write:
        oficio = _mine(write, task_id, TaskKind.ATTEND)
        turnos.return_turno(write, office(), oficio, frame.account(), reason=request.form.get("reason", ""))
        return Done(say("tasks.attend.returned", folio=oficio.folio))


def _assign(task_id: int) -> Done:
    form = request.form
    with writing() as write:
        oficio = _mine(write, task_id, TaskKind.ASSIGN_RESPONSIBLE)
        to = registering.target(write, form.get("addressee", ""), form.get("addressee_text", ""))
        account = to.account if to is not None else None
        responsibles.assign_responsible(
            write, office(), oficio, frame.account(), account=account, copies=registering.copies(write),
            instruction=form.get("instruction", ""),
        )  # fmt: skip
        assert account is not None
        return Done(say("tasks.assign_responsible.done", name=account.person.name, folio=oficio.folio))


def _review(task_id: int) -> Done:
    with writing() as write:
        task = get_task(write, task_id)
        if task.kind != TaskKind.REVIEW_COPY:
            abort(404)
        turnos.mark_reviewed(write, office(), task.case, frame.account())
        if words := request.form.get("note", "").strip():
            cases.add_note(write, office(), task.case, frame.account(), text=words)
        return Done(say("tasks.review_copy.done", folio=task.case.folio))


VERBS: dict[str, Callable[[int], Done]] = {
    "turnar": _turn,
    "digitalizar": _digitize_again,
    "acuse": _mail_acuse,
    "responder": _answer,
    "responsable": _ask_responsible,
    "devolver": _return,
    "asignar": _assign,
    "recibido": _review,
}


class AnswerSigningView(frame.PanelView):
    """Below `/admin/firmar`, where files never touch the disk (`admin.views.signing`)."""

    roles = frame.READING

    @expose("/")
    def index(self) -> Response:
        return redirect(url_for("follow.index"))

    @expose("/<int:task_id>", methods=["POST"])
    def sign(self, task_id: int) -> Response:
        who = frame.account().id
        try:
            made = _unsigned(session(), task_id).id
            opened = read_efirma()
            # The signature is made outside the transaction: a time stamp server may be slow.
            release()
            with office().database.reading() as read:
                answer, by = read.get_one(SignedAnswer, made), read.get_one(Account, who)
                signed = answer_signing.prepare_signature(read, office(), answer, by, opened)
            with writing() as write:
                answer = _unsigned(write, task_id)
                answer_signing.sign(write, office(), answer, frame.account(), signed)
                flash(say("tasks.sign.done", folio=answer.oficio.folio), "success")
        except (DeskError, NotAllowed) as error:
            flash(str(error) if isinstance(error, DeskError) else sentence_of(error), "error")
            return redirect(url_for("tasks.show", task_id=task_id))
        return redirect(url_for("follow.index"))


def answer_pdf(case_id: int, answer_id: int) -> Response:
    """An answer as its PDF: to be read before it is signed, and to be printed afterwards."""
    who = frame.find_account()
    if who is None or who.role not in frame.READING:
        return frame.turn_away()
    oficio, made = get_received(session(), case_id), session().get(SignedAnswer, answer_id)
    if made is None or made.oficio_id != oficio.id:
        abort(404)
    shown: Response = pdf_response(
        read_blob(session(), office(), made.pdf_sha256),
        say("registering.answer.filename", folio=oficio.folio.replace("/", "-")),
    )
    return shown


def _unsigned(read: Session, task_id: int) -> SignedAnswer:
    task = get_task(read, task_id)
    made = answers.find_unsigned(read, _oficio(task.case)) if task.kind == TaskKind.SIGN else None
    return made or abort(404)


def _mine(write: Session, task_id: int, kind: TaskKind) -> Oficio:
    """The received document of the open task, which the verb then asks the table about."""
    task = get_task(write, task_id)
    if task.kind != kind:
        abort(404)
    if task.state != TaskState.OPEN:
        raise NotAllowed(NEEDED[kind], task.case.state)
    return _oficio(task.case)


def _oficio(case: Any) -> Oficio:
    if not isinstance(case, Oficio) or process_of(case) != Process.RECEIVED:
        abort(404)
    return case


def register(app: Flask, admin: Admin) -> None:
    """Add the screens; a list of pending tasks links to them."""
    admin.add_view(TaskView(name="tasks", endpoint="tasks", url="/admin/tarea"))
    admin.add_view(AnswerSigningView(name="answer_signing", endpoint="answer_signing",
                                     url="/admin/firmar/respuesta"))  # fmt: skip
    app.add_url_rule("/admin/casos/<int:case_id>/respuesta/<int:answer_id>", "tasks.answer", answer_pdf)
    app.jinja_env.globals.update(signed_answers=lambda case: answers.answers_of(session(), case))
