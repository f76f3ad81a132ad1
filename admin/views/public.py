"""The page a requester opens from its acuse: state and answers, for whoever has the signed link."""

from __future__ import annotations

from flask import Flask, abort, render_template, request
from flask_admin import Admin
from sqlalchemy import select

from admin.db import office, session
from admin.views.case import STEPS
from admin.views.complaints import link_to
from intake import reply_address
from intake.matching import end_of_merges
from models.case import Case
from models.message import Direction, Message

MAX_ANSWERS = 10


def case_page(folio: str) -> str:
    """What the requester may know. A wrong key and an unknown folio are the same 404."""
    folio = folio.replace("~", "/")
    if not reply_address.is_link_key(office(), folio, request.args.get("clave", "")):
        abort(404)
    case = session().scalar(select(Case).where(Case.folio == folio.upper())) or abort(404)
    # The link of a case that was joined to another goes on working, and shows where the matter stands.
    shown = end_of_merges(session(), case)
    answers = session().scalars(
        select(Message)
        .where(Message.case_id == shown.id, Message.direction == Direction.OUT)
        .order_by(Message.id.desc())
        .limit(MAX_ANSWERS)
    )
    step = next((number for number, states in enumerate(STEPS) if shown.state in states), None)
    return render_template(
        "admin/public_case.html",
        case=case,
        shown=shown,
        answers=answers.all(),
        step=step,
        step_count=len(STEPS),
        complaint_link=link_to(shown, folio, request.args["clave"]),
    )


def register(app: Flask, admin: Admin) -> None:
    app.add_url_rule("/caso/<path:folio>", "public_case", case_page)
