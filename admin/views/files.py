"""Files of messages and formatted mail, to those who may see the case. What is dangerous is never served."""

from __future__ import annotations

import base64
from urllib.parse import quote

from flask import Flask, Response, abort, redirect, request, url_for
from flask_admin import Admin, expose
from sqlalchemy import select
from sqlalchemy.orm import joinedload, undefer
from werkzeug.wrappers import Response as BaseResponse

from admin import frame, html_mail
from admin.db import office, session
from intake.attachments import read_file
from intake.errors import StoreFailed
from intake.reading.archives import list_archive
from intake.reading.charsets import clean
from models.access import visible_to
from models.case import Case
from models.message import Attachment, Message
from templates import say

# Shown in the browser; everything else is only saved.
PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
SHOWN = PICTURES | {"application/pdf", "text/plain"}
# All pictures inside one mail; more are left out of the frame (they stay in the list of files).
MAX_EMBEDDED_BYTES = 8_000_000


class FilesView(frame.PanelView):
    """Bytes from outside, each with headers that keep them from acting as a page of ours."""

    roles = frame.READING

    @expose("/")
    def index(self) -> BaseResponse:
        return redirect(url_for("admin.index"))

    @expose("/<int:attachment_id>/<path:filename>")
    def file(self, attachment_id: int, filename: str) -> Response:
        """The file itself; `?ver=1` shows it when its type is safe to show."""
        found = self._visible(attachment_id)
        if found.danger:
            abort(404)
        return respond(found)

    @expose("/contenido/<int:attachment_id>")
    def contents(self, attachment_id: int) -> Response:
        """The names inside an archive, as text."""
        found = self._visible(attachment_id)
        listed = list_archive(read_file(session(), office(), found))
        lines = [say("panel.file.locked")] if listed.is_encrypted else []
        lines += [clean(name) for name in listed.names] or [say("panel.file.unlisted")]
        return Response("\n".join(lines) + "\n", mimetype="text/plain")

    def _visible(self, attachment_id: int) -> Attachment:
        found = session().scalar(
            select(Attachment)
            .join(Message, Message.id == Attachment.message_id)
            .join(Case, Case.id == Message.case_id)
            .where(Attachment.id == attachment_id, visible_to(frame.account()))
        )
        return found or abort(404)

    @expose("/correo/<int:message_id>")
    def mail(self, message_id: int) -> Response:
        """The formatted text of a message, for its sandboxed frame."""
        message = session().scalar(
            select(Message)
            .join(Case, Case.id == Message.case_id)
            .where(Message.id == message_id, visible_to(frame.account()))
            .options(undefer(Message.html), joinedload(Message.attachments))
        )
        if message is None:
            abort(404)
        remote = "imagenes" in request.args
        clean = html_mail.sanitise(message.html, pictures=_embedded(message), remote=remote)
        response = Response(html_mail.frame(clean, message.subject), mimetype="text/html")
        response.headers["Content-Security-Policy"] = html_mail.policy(remote=remote)
        response.headers["Referrer-Policy"] = "no-referrer"
        return response


def respond(found: Attachment) -> Response:
    """The bytes of *found*, which whoever asks may see, with headers that keep them from acting."""
    shows = "ver" in request.args and found.content_type in SHOWN
    response = Response(read_file(session(), office(), found))
    response.content_type = _content_type(found.content_type) if shows else "application/octet-stream"
    response.headers["Content-Disposition"] = (
        f"{'inline' if shows else 'attachment'}; filename*=UTF-8''{quote(found.filename)}"
    )
    # Without `sandbox` for PDF: Chromium's viewer does not run in one.
    sandbox = "" if found.content_type == "application/pdf" else "; sandbox"
    response.headers["Content-Security-Policy"] = (
        f"default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'{sandbox}"
    )
    response.headers["Cache-Control"] = "private, max-age=3600"
    return response


def _content_type(kind: str) -> str:
    return "text/plain; charset=utf-8" if kind == "text/plain" else kind


def _embedded(message: Message) -> dict[str, str]:
    """Content id → picture as a `data:` address.

    Not as addresses of ours: the frame has no origin, so the browser would ask for them without
    the session.
    """
    found: dict[str, str] = {}
    room = MAX_EMBEDDED_BYTES
    for file in message.attachments:
        if not file.content_id or file.danger or file.content_type not in PICTURES or file.size > room:
            continue
        try:
            content = read_file(session(), office(), file)
        except StoreFailed:
            continue
        room -= len(content)
        found[file.content_id.strip("<>")] = (
            f"data:{file.content_type};base64,{base64.b64encode(content).decode('ascii')}"
        )
    return found


def register(app: Flask, admin: Admin) -> None:
    admin.add_view(FilesView(name="files", endpoint="files", url="/admin/archivos"))
