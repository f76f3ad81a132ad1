"""Two pages of one-time links from chat: to upload what Telegram does not carry, and to fetch it.

Opening a page spends nothing, because programs that preview links open it too; only its button does.
"""

from __future__ import annotations

from urllib.parse import quote

from flask import Flask, Response, flash, render_template, request
from flask_admin import Admin
from werkzeug.datastructures import FileStorage

from admin.db import office, release, session, writing
from intake.attachments import read_file
from intake.chat import chat_files
from intake.chat.chat_files import KeptFile
from intake.citizens import uploads
from intake.citizens.one_time_links import peek
from intake.errors import DeskError, InvalidInput
from models.chat import LinkPurpose
from models.message import Attachment
from templates import say

MAX_FILES = 20


def upload(token: str) -> str | tuple[str, int]:
    found = uploads.find_upload(session(), token)
    if found is None:
        return _gone("upload")
    case = found[1]
    folio = case.folio if case is not None else ""
    if request.method == "POST":
        # The files are examined and stored one by one; nobody has to wait for that.
        release()
        try:
            kept = _keep([one for one in request.files.getlist("files") if one.filename])
            with writing() as write:
                uploads.take_upload(write, office(), token, kept)
        except DeskError as error:
            flash(str(error), "error")
            return _page(folio), 422
        return render_template("portal/uploaded.html", names=[file.filename for file in kept], folio=folio)
    return _page(folio)


def _page(folio: str) -> str:
    return render_template("portal/upload.html", folio=folio, max_files=MAX_FILES,
                           max_bytes=office().settings.upload_max_bytes)  # fmt: skip


def _keep(chosen: list[FileStorage]) -> list[KeptFile]:
    if not chosen:
        raise InvalidInput("no_files")
    if len(chosen) > MAX_FILES:
        raise InvalidInput("too_many_files", limit=MAX_FILES)
    limit = office().settings.upload_max_bytes
    for one in chosen:
        if one.stream.seek(0, 2) > limit:
            raise InvalidInput("file_too_large", name=one.filename or "", megabytes=limit // 1_000_000)
        one.stream.seek(0)
    return [chat_files.keep(office(), one.filename or "", one.mimetype, one.read()) for one in chosen]


def download(token: str) -> str | tuple[str, int] | Response:
    link = peek(session(), token, LinkPurpose.DOWNLOAD)
    file = session().get(Attachment, link.attachment_id) if link is not None else None
    # The antivirus may have seen it since the link was sent.
    if file is None or file.danger:
        return _gone("download")
    if request.method == "GET":
        return render_template("portal/download.html", file=file)
    release()
    response = Response(read_file(session(), office(), file), content_type="application/octet-stream")
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(file.filename)}"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _gone(what: str) -> tuple[str, int]:
    return render_template("portal/gone.html", sentence=say(f"chat_desk.page.{what}_gone")), 404


def register(app: Flask, admin: Admin) -> None:
    for path, view in (("/subir/<token>", upload), ("/bajar/<token>", download)):
        app.add_url_rule(path, view.__name__, view, methods=["GET", "POST"])
