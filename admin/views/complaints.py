"""The page where a requester complains about its own case, by the signed link that leads to it."""

from __future__ import annotations

from urllib.parse import urlencode

from flask import Flask, abort, flash, redirect, render_template, request, url_for
from flask_admin import Admin
from sqlalchemy import select
from werkzeug.wrappers import Response

from admin import once
from admin.db import office, session, writing
from admin.pace import Window, client
from intake import reply_address
from intake.citizens import complaints
from intake.correspondence import requester_address
from intake.errors import DeskError, InvalidInput
from intake.incoming import Channel, IncomingMessage
from intake.matching import end_of_merges
from models.case import Case
from models.workflow import Process, process_of
from templates import say

# Nobody has more to complain about within the hour.
_PACE = Window(10, 3600.0)


def link_to(case: Case, folio: str, key: str) -> str:
    """Where *case* may be complained about; empty while there is no reason to offer it."""
    if process_of(case) == Process.ISSUED or not complaints.is_owed(session(), case):
        return ""
    return f"/queja/{folio.replace('/', '~')}?{urlencode({'clave': key})}"


def page(folio: str) -> str | tuple[str, int] | Response:
    folio, key = folio.replace("~", "/"), request.args.get("clave", "")
    if not reply_address.is_link_key(office(), folio, key):
        abort(404)
    back = reply_address.case_link(office(), folio)
    if request.method == "GET":
        return _render(_case(folio), back)
    if _PACE.wait(client()):
        abort(429)
    try:
        with writing() as write:
            once.take(write)
            case = end_of_merges(write, _case(folio))
            text = request.form.get("text", "")
            if not text.strip():
                raise InvalidInput("empty_request")
            ticket, _ = complaints.complain(write, office(), case, _incoming(case, text))
            done = url_for("complain", folio=folio.replace("/", "~"), clave=key, hecha=ticket.folio)
            once.leads_to(write, done)
    except DeskError as error:
        flash(str(error), "error")
        return _render(_case(folio), back), 422
    return redirect(done)


def _render(case: Case, back: str) -> str:
    # Only what the same person complained about: nobody is shown words of somebody else's.
    own = Case.requester_id == case.requester_id, Case.folio == request.args.get("hecha", "")
    made = session().scalar(select(Case.folio).where(*own)) or ""
    return render_template("portal/complain.html", folio=case.folio, back=back, made=made,
                           text=request.form.get("text", ""))  # fmt: skip


def _case(folio: str) -> Case:
    case = session().scalar(select(Case).where(Case.folio == folio.upper())) or abort(404)
    return abort(404) if process_of(case) == Process.ISSUED else case


def _incoming(case: Case, text: str) -> IncomingMessage:
    return IncomingMessage(
        channel=Channel.PORTAL,
        subject=say("chat_desk.complaint_of", folio=case.folio),
        from_addr=requester_address(case),
        from_name=case.requester.name,
        text=text[:20_000],
        reply_text=text[:20_000],
    )


def register(app: Flask, admin: Admin) -> None:
    app.add_url_rule("/queja/<folio>", "complain", page, methods=["GET", "POST"])
