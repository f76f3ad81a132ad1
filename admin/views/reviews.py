"""Visto bueno on the page of a document: who was asked, what they said, and the forms for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask, abort, flash, redirect, request, url_for
from flask_admin import Admin, expose
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from admin import frame
from admin.actions import Form
from admin.db import office, session, writing
from admin.documents import get_issued, writers
from admin.errors import sentence_of
from intake.errors import DeskError
from intake.issued import reviews
from intake.office import Office
from models.access import standing
from models.oficio import Oficio
from models.person import Account
from models.workflow import NotAllowed, allowed_actions
from templates import say


def _ask(write: Session, office: Office, oficio: Oficio, by: Account, form: Form) -> None:
    chosen = select(Account).where(Account.id.in_(form.getlist("account", int)))
    asked = write.scalars(chosen.order_by(Account.id)).unique().all()
    reviews.ask(write, office, oficio, by, asked, words=form.get("words", ""))


def _agree(write: Session, office: Office, oficio: Oficio, by: Account, form: Form) -> None:
    reviews.agree(write, office, oficio, by, remark=form.get("reason", ""))


def _object(write: Session, office: Office, oficio: Oficio, by: Account, form: Form) -> None:
    reviews.object_to(write, office, oficio, by, reason=form.get("reason", ""))


def _override(write: Session, office: Office, oficio: Oficio, by: Account, form: Form) -> None:
    reviews.override(write, office, oficio, by, reason=form.get("reason", ""))


VERBS: dict[str, Callable[[Session, Office, Oficio, Account, Form], None]] = {
    "ask_review": _ask,
    "agree": _agree,
    "object": _object,
    "override_reviews": _override,
}


class ReviewsView(frame.PanelView):
    """What an account asks or says about a document that is not approved yet."""

    roles = frame.READING

    @expose("/")
    def index(self) -> Response:
        return redirect(url_for("board.index"))

    @expose("/<int:document_id>/<action>")
    def ask(self, document_id: int, action: str) -> str:
        oficio = get_issued(session(), document_id)
        if action not in _allowed(oficio):
            abort(404)
        return self._form(oficio, action)

    def _form(self, oficio: Oficio, action: str) -> str:
        asked = [one.review.account_id for one in reviews.opinions(session(), oficio)]
        return str(
            self.render(
                "admin/follow/review_form.html",
                oficio=oficio,
                action=action,
                form=request.form,
                accounts=[one for one in writers(session()) if one.id != frame.account().id],
                asked=asked,
            )
        )

    @expose("/<int:document_id>/<action>", methods=["POST"])
    def act(self, document_id: int, action: str) -> Response | tuple[str, int]:
        verb = VERBS.get(action) or abort(404)
        try:
            with writing() as write:
                oficio = get_issued(write, document_id)
                verb(write, office(), oficio, frame.account(), request.form)
                folio = oficio.folio
        except DeskError as error:
            flash(str(error), "error")
            return self._form(get_issued(session(), document_id), action), 422
        except NotAllowed as error:
            flash(sentence_of(error), "error")
        else:
            flash(say(f"follow.review.done.{action}", folio=folio), "success")
        return redirect(url_for("documents.show", document_id=document_id))


def _allowed(oficio: Oficio) -> list[str]:
    """The verbs of this file that the account of this request may use now."""
    rows = allowed_actions(oficio, standing(session(), oficio, frame.account()))
    found = [row.action for row in rows if row.action in VERBS]
    given = reviews.opinions(session(), oficio)
    if "override_reviews" in found and not any(one.blocks for one in given):
        found.remove("override_reviews")
    if "agree" in found and any(
        one.review.account_id == frame.account().id and not one.blocks for one in given
    ):
        found.remove("agree")
    return found


def register(app: Flask, admin: Admin) -> None:
    """Add the forms, and what the page of a document shows of them."""
    admin.add_view(ReviewsView(name="reviews", endpoint="reviews", url="/admin/visto-bueno"))

    @app.context_processor
    def review_values() -> dict[str, Any]:
        return {"opinions": lambda oficio: reviews.opinions(session(), oficio), "review_actions": _allowed}
