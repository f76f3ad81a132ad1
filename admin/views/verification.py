"""Public verification: what a code stands for, whether a PDF is the one we issued, and the reading link.

Anybody may ask, so nothing is shown but what the document itself shows. A code that
cannot be one, one that nobody has, and one of a document that is not out yet get the
same answer; whoever asks too often waits.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime
from typing import cast

import structlog
from flask import Flask, Response, abort, current_app, redirect, render_template, request, url_for
from flask_admin import Admin
from flask_wtf import CSRFProtect
from sqlalchemy import select
from werkzeug.wrappers import Response as BaseResponse

from admin.db import office, release, session
from admin.documents import pdf_response
from admin.errors import page
from admin.pace import Window, client
from intake.attachments import read_blob
from intake.issued.issuing import pdf_name, read_by_token
from intake.proofs.verification import (
    MAX_PDF,
    Examined,
    PdfSignature,
    SignedBy,
    Verdict,
    examine_issued,
    examine_pdf,
    find_by_code,
)
from intake.reading.isolation import Reader
from models.base import now
from models.oficio import Oficio
from models.recipient import Recipient
from templates import say

logger = structlog.get_logger()

# A town hall asks from behind one address; a program asks without end.
LOOKUPS, UPLOADS, SECONDS = 60, 12, 60.0
# A form's own bytes beside the file.
_FORM = 100_000
# Processor seconds, and seconds on the clock, for one file of a stranger.
_READER_SECONDS, _READER_PATIENCE = 5.0, 20.0
# Files that are read at once; the other threads go on serving the panel.
_AT_ONCE = 2


class Counter:
    """What the public page keeps between requests: who asked how often, and room for those who upload."""

    def __init__(self) -> None:
        self.lookups, self.uploads = Window(LOOKUPS, SECONDS), Window(UPLOADS, SECONDS)
        self.room = threading.BoundedSemaphore(_AT_ONCE)


@dataclass(frozen=True, slots=True)
class Shown:
    """A signature as the page has it. `mark` is a key of `verification.mark`; `kind` one of `.kind`."""

    name: str
    mark: str
    kind: str = ""
    post: str = ""
    absent: str = ""
    at: datetime | None = None
    serial: str = ""
    level: str = ""


def form() -> str | BaseResponse:
    """The two questions: a code, or a file."""
    if typed := request.args.get("codigo", "").strip():
        return redirect(url_for("verification", code=typed[:100]))
    return _page()


def lookup(code: str) -> str | tuple[str, int] | Response:
    """What *code* stands for; 404 for whatever is no code of ours."""
    if wait := _counter().lookups.wait(client()):
        return _too_often(wait)
    found = find_by_code(session(), code)
    if found is None:
        return _page(code=code, is_unknown=True), 404
    examined = examine_issued(session(), office(), found)
    if examined.sha256 != found.sha256:
        logger.error("issued-file-damaged", code=found.code, sha256=examined.sha256)
        return page(503, say("panel.error.store"))
    return _page(code=found.code, examined=examined)


def compare() -> str | tuple[str, int] | Response:
    """Whether the file that was sent is the one we issued. It is read and forgotten."""
    counter = _counter()
    if wait := counter.uploads.wait(client()):
        return _too_often(wait)
    request.max_content_length = MAX_PDF + _FORM
    # A slow reading must not keep the database from those who write.
    release()
    if not counter.room.acquire(blocking=False):
        return _too_often(5)
    try:
        file = request.files.get("pdf")
        content = file.read() if file else b""
        if not content:
            return _page(is_missing=True), 422
        # A child of its own for each: what one file did to it, the next one's verdict does not suffer.
        with _reader() as reader, office().database.reading() as read:
            examined = examine_pdf(read, office(), content, reader=reader)
    finally:
        counter.room.release()
    return _page(examined=examined, filename=(file.filename or "")[:200] if file else "")


def _reader() -> Reader:
    return Reader(seconds=_READER_SECONDS, patience=_READER_PATIENCE)


def open_link(token: str) -> str | tuple[str, int] | Response:
    """The page behind the link of a mail. Opening it is not reading: mail scanners open links too."""
    if wait := _counter().lookups.wait(client()):
        return _too_often(wait)
    recipient, oficio = _behind(token)
    response = Response(
        render_template("portal/document.html", oficio=oficio, recipient=recipient, token=token)
    )
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def read_link(token: str) -> str | tuple[str, int] | Response:
    """Who presses the button reads the document, and that is written down."""
    if wait := _counter().lookups.wait(client()):
        return _too_often(wait)
    _, oficio = _behind(token)
    assert oficio.pdf_sha256 is not None
    content = read_blob(session(), office(), oficio.pdf_sha256)
    read_by_token(session(), token)
    session().commit()
    return pdf_response(content, pdf_name(oficio))


def _behind(token: str) -> tuple[Recipient, Oficio]:
    found = session().scalar(select(Recipient).where(Recipient.token == token)) if token else None
    if found is None:
        abort(404)
    oficio = session().get_one(Oficio, found.oficio_id)
    return (found, oficio) if oficio.pdf_sha256 else abort(404)


def _page(
    *,
    code: str = "",
    examined: Examined | None = None,
    filename: str = "",
    is_unknown: bool = False,
    is_missing: bool = False,
) -> str:
    is_same = examined is not None and examined.verdict in (Verdict.AUTHENTIC, Verdict.CANCELLED)
    found = examined.found if examined else None
    return render_template(
        "portal/verification.html",
        code=code,
        examined=examined,
        found=found,
        filename=filename,
        is_upload=examined is not None and not code,
        is_same=is_same,
        is_unknown=is_unknown,
        is_missing=is_missing,
        # Of a file that is not ours its own signatures are shown, apart from those of the document.
        signatures=_shown(found.signatures, examined.signatures) if examined and found and is_same else (),
        in_file=() if examined is None or is_same else _shown((), examined.signatures),
        issued=_shown(found.signatures, None) if found and not is_same else (),
        maximum=MAX_PDF,
        asked_at=now(),
    )


def _shown(signed: tuple[SignedBy, ...], proofs: tuple[PdfSignature, ...] | None) -> list[Shown]:
    """What the register knows of each signature with what the file proves; *proofs* None: no file."""
    left = list(proofs or ())
    shown = []
    for one in signed:
        proof = next((two for two in left if two.serial == one.serial), None)
        if proof is not None:
            left.remove(proof)
        mark = "" if proofs is None else _mark(proof)
        shown.append(
            Shown(one.name, mark, one.kind.value, one.post, one.absent, one.at, one.serial, one.level)
        )
    return shown + [Shown(one.name, _mark(one), at=one.at, serial=one.serial) for one in left]


def _mark(proof: PdfSignature | None) -> str:
    if proof is None or not proof.is_intact:
        return "altered"
    return "valid" if proof.is_trusted else "unknown"


def _too_often(wait: int) -> Response:
    body, status = page(429, say("verification.too_often", seconds=wait))
    response = Response(body, status, mimetype="text/html")
    response.headers["Retry-After"] = str(wait)
    return response


def _counter() -> Counter:
    return cast(Counter, current_app.extensions.setdefault("verification", Counter()))


def register(app: Flask, admin: Admin) -> None:
    app.add_url_rule("/verificar", "verify", form, strict_slashes=False)
    app.add_url_rule("/verificar", "compare", compare, methods=["POST"], strict_slashes=False)
    app.add_url_rule("/verificar/<path:code>", "verification", lookup)
    app.add_url_rule("/documento/<token>", "open_link", open_link)
    app.add_url_rule("/documento/<token>", "read_link", read_link, methods=["POST"])
    # Nobody is logged in here, and a browser without cookies is welcome.
    csrf: CSRFProtect = app.extensions["csrf"]
    for view in (compare, read_link):
        csrf.exempt(view)
