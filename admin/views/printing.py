"""*Imprimir*: one PDF of a case, or of one message, with its files."""

from __future__ import annotations

from flask import Flask, Response, abort, request
from flask_admin import Admin
from sqlalchemy import select
from sqlalchemy.orm import undefer
from werkzeug.wrappers import Response as BaseResponse

from admin import frame
from admin.db import office, session
from intake.letters import print_case, print_message
from models.access import visible_to
from models.case import Case
from models.message import Direction, Message


def pdf(number: int) -> BaseResponse:
    """`?notas=1` adds internal notes; `?mensaje=<id>` prints that message alone, with its quotes."""
    account = frame.find_account()
    if account is None or account.role not in frame.READING:
        return frame.turn_away()
    case = session().scalar(select(Case).where(Case.id == number, visible_to(account))) or abort(404)
    with_notes = request.args.get("notas") == "1"
    wanted = request.args.get("mensaje", type=int)
    if wanted is None:
        made = print_case(session(), office(), case, with_notes=with_notes)
    else:
        one = select(Message).where(Message.id == wanted, Message.case_id == case.id)
        message = session().scalar(one.options(undefer(Message.text))) or abort(404)
        if message.direction == Direction.NOTE and not with_notes:
            abort(404)
        made = print_message(session(), office(), message)
    response = Response(made, mimetype="application/pdf")
    name = case.folio.replace("/", "-")
    response.headers["Content-Disposition"] = f'inline; filename="{name}.pdf"'
    response.headers["Cache-Control"] = "private, no-store"
    # The browser's own viewer shows it; nothing inside may load or run anything.
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'self'"
    )
    return response


def register(app: Flask, admin: Admin) -> None:
    """Add the page; the case page links to it with `url_for("printing.pdf", number=case.id)`."""
    app.add_url_rule("/admin/casos/<int:number>/imprimir", "printing.pdf", pdf)
