"""Writing on a case: the answer to chosen recipients, the internal note, and saved answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Flask, flash, jsonify, redirect, request, url_for
from flask_admin import Admin, expose
from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import SandboxedEnvironment
from sqlalchemy import or_, select
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response

from admin import frame, once
from admin.db import office, release, session, writing
from admin.errors import sentence_of
from admin.thread import newest_id
from admin.views.case import away, buttons, get_case, list_arguments, show_case
from intake import cases, turnos
from intake.attachments import examined, store_large
from intake.citizens import articles
from intake.counter import answers
from intake.errors import DeskError, InvalidInput
from intake.incoming import IncomingFile
from intake.matching import end_of_merges
from intake.services.service_fields import form_name
from models.access import standing
from models.article import Article
from models.canned_reply import CannedReply
from models.case import Case
from models.message import Direction, Message
from models.service_field import FieldKind, ServiceField
from models.task import TaskKind
from models.ticket import Ticket
from models.workflow import NotAllowed
from templates import say

MAX_FILES = 20


class ComposerView(frame.PanelView):
    """The form below the thread. What was typed is never lost: on any *no* it comes back with the reason."""

    roles = frame.READING

    @expose("/")
    def index(self) -> Response:
        return redirect(url_for("admin.index"))

    @expose("/<int:case_id>/responder", methods=["POST"])
    def answer(self, case_id: int) -> str | tuple[str, int] | Response:
        form, who = request.form, frame.account()
        to, cc = _recipients("to"), _recipients("cc")
        try:
            files = uploaded_files()
            with writing() as write:
                once.take(write)
                case = get_case(write, case_id)
                if _news(case, form.get("last_message_id", 0, int)):
                    release()
                    return self._again(get_case(write, case_id), say("panel.compose.news"), "warning")
                answers.answer(write, office(), case, who, text=form.get("text", ""), to=to, cc=cc,
                               files=files, then=form.get("then", "answer"),
                               channel=form.get("channel", ""))  # fmt: skip
                once.leads_to(write, _written(case_id, "answer"))
        except DeskError as error:
            return self._again(get_case(session(), case_id), str(error), "error")
        except NotAllowed as error:
            # Somebody ended or merged the case while this was being written.
            case = end_of_merges(session(), get_case(session(), case_id))
            stands = standing(session(), case, who)
            mode = "answer" if "answer" in buttons(case, who, stands) else "note"
            return self._again(case, sentence_of(error), "error", mode)
        flash(say(f"panel.done.{form.get('then', 'answer')}"), "success")
        if (to_sign := turnos.find_task(session(), get_case(session(), case_id), TaskKind.SIGN)) is not None:
            return away(url_for("tasks.show", task_id=to_sign.id))
        return redirect(_written(case_id, "answer"))

    @expose("/<int:case_id>/nota", methods=["POST"])
    def note(self, case_id: int) -> str | tuple[str, int] | Response:
        try:
            files = uploaded_files()
            with writing() as write:
                once.take(write)
                cases.add_note(write, office(), get_case(write, case_id), frame.account(),
                               text=request.form.get("text", ""), files=files)  # fmt: skip
                once.leads_to(write, _written(case_id, "note"))
        except DeskError as error:
            return self._again(get_case(session(), case_id), str(error), "error", mode="note")
        except NotAllowed as error:
            case = end_of_merges(session(), get_case(session(), case_id))
            return self._again(case, sentence_of(error), "error", mode="note")
        flash(say("panel.done.note"), "success")
        return redirect(_written(case_id, "note"))

    @expose("/<int:case_id>/guardadas")
    def saved(self, case_id: int) -> Response:
        """The saved answers that this account may use, filled in for this case."""
        case, who = get_case(session(), case_id), frame.account()
        mine = or_(CannedReply.dependencia_id.is_(None), CannedReply.dependencia_id == who.dependencia_id)
        replies = session().scalars(
            select(CannedReply).where(CannedReply.is_active, mine).order_by(CannedReply.shortcut)
        )
        known = [
            {"shortcut": one.shortcut, "title": one.title, "text": fill_in(one.body, case, str(who.person))}
            for one in replies
        ]
        service = case.service if isinstance(case, Ticket) else None
        helpful = articles.suggest(session(), f"{case.subject} {_asked(case)}", service)
        return jsonify(known + [_as_reply(one) for one in helpful])

    def _again(self, case: Case, why: str, kind: str, mode: str = "answer") -> tuple[str, int]:
        """The page with what was typed, and why it was not sent. Browsers never give files back."""
        flash(why, kind)
        if request.files.getlist("files") and any(file.filename for file in request.files.getlist("files")):
            flash(say("panel.compose.files_again"), "warning")
        draft: dict[str, Any] = {
            "mode": mode,
            "text": request.form.get("text", ""),
            "to": _recipients("to"),
            "cc": _recipients("cc"),
            "channel": request.form.get("channel", ""),
        }
        return show_case(self, case, draft=draft), 422


def _asked(case: Case) -> str:
    """What the requester wrote first."""
    wanted = select(Message.text).where(Message.case_id == case.id, Message.direction == Direction.IN)
    return session().scalar(wanted.order_by(Message.id).limit(1)) or ""


def _as_reply(one: Article) -> dict[str, str]:
    """An article as a clerk sends it: its words, and where they can be read again."""
    address = f"{office().settings.base_url.rstrip('/')}{url_for('portal_article', slug=one.slug)}"
    return {"shortcut": one.slug, "title": one.title, "text": f"{one.body.strip()}\n\n{address}"}


def fill_in(body: str, case: Case, account: str) -> str:
    """A saved answer with the names of the case. One that its author wrote wrongly comes as it is."""
    environment = SandboxedEnvironment(undefined=StrictUndefined)
    try:
        return environment.from_string(body).render(
            folio=case.folio, requester=case.requester.name, subject=case.subject, account=account
        )
    except TemplateError:
        return body


def _written(case_id: int, mode: str) -> str:
    """The page of the case, which then forgets what was kept in the browser while it was written."""
    return url_for("case.show", case_id=case_id, escrito=mode, **list_arguments())


def _recipients(name: str) -> list[str]:
    """The ticked addresses and those typed into the free field, separated by commas or spaces."""
    typed = request.form.get(f"{name}_other", "").replace(";", ",").replace("\n", ",").split(",")
    return list(dict.fromkeys(one.strip() for one in (*request.form.getlist(name), *typed) if one.strip()))


def uploaded_files() -> Sequence[IncomingFile]:
    """The uploaded files, with their true type, already durable when large."""
    uploads = [upload for upload in request.files.getlist("files") if upload.filename]
    if len(uploads) > MAX_FILES:
        raise InvalidInput("too_many_files", limit=MAX_FILES)
    found = [_file(number, upload) for number, upload in enumerate(uploads, 1)]
    if found:
        # Disks and object stores are slow; nobody else has to wait for them.
        release()
        store_large(office(), found)
    return found


def field_files(asked: Sequence[ServiceField]) -> dict[str, IncomingFile]:
    """The files with which questions of a service are answered, by the names in the form."""
    names = [form_name(one) for one in asked if one.kind == FieldKind.FILE]
    chosen = {name: upload for name in names if (upload := request.files.get(name)) and upload.filename}
    return {name: _file(1, upload) for name, upload in chosen.items()}


def _file(number: int, upload: FileStorage) -> IncomingFile:
    limit = office().settings.max_file_bytes
    file = examined(upload.filename or "", upload.mimetype, upload.read(), number=number)
    if file.size > limit:
        raise InvalidInput("file_too_large", name=file.filename, megabytes=limit // 1_000_000)
    if file.danger:
        raise InvalidInput("file_dangerous", name=file.filename)
    return file


def _news(case: Case, seen: int) -> bool:
    """Did anybody write on the case since the page was drawn?"""
    if newest_id(session(), case) <= seen:
        return False
    newer = select(Message.id).where(
        Message.case_id == case.id, Message.id > seen, Message.direction != Direction.NOTE
    )
    return session().scalar(newer.limit(1)) is not None


def register(app: Flask, admin: Admin) -> None:
    admin.add_view(ComposerView(name="composer", endpoint="composer", url="/admin/escribir"))
