"""A document: *Visualizar* with its PDF, where it stands, and the buttons that the workflow allows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask, abort, flash, redirect, request, url_for
from flask_admin import Admin, expose
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from admin import frame, once
from admin.actions import Form
from admin.db import office, release, session, writing
from admin.dispatching import of_document
from admin.documents import (
    AT_ONCE,
    ICONS,
    WRITING,
    arrivals,
    buttons,
    get_document,
    get_issued,
    pdf_response,
    remarks_of,
    signatures_of,
    writers,
)
from admin.errors import sentence_of
from admin.thread import describe, read_thread
from intake import cases
from intake.attachments import read_blob
from intake.errors import DeskError, InvalidInput
from intake.issued import approval, drafts, issuing
from intake.issued.documents import files_of, render_document
from intake.issued.issuing import pdf_name
from intake.office import Office
from models.access import received_by
from models.oficio import DocumentFile, Oficio
from models.person import DISPATCH_ASKING, Account
from models.recipient import Recipient
from models.tag import Tag, case_tag
from models.workflow import NotAllowed, State
from templates import say

Action = Callable[[Session, Office, Oficio, Account, Form], None]


def _approve(write: Session, office: Office, oficio: Oficio, by: Account, form: Form) -> None:
    approval.approve(write, office, oficio, by)


def _return(write: Session, office: Office, oficio: Oficio, by: Account, form: Form) -> None:
    approval.return_draft(write, office, oficio, by, reason=form.get("reason", ""))


def _discard(write: Session, office: Office, oficio: Oficio, by: Account, form: Form) -> None:
    approval.discard(write, office, oficio, by, reason=form.get("reason", ""))


def _cancel(write: Session, office: Office, oficio: Oficio, by: Account, form: Form) -> None:
    issuing.cancel(write, office, oficio, by, reason=form.get("reason", ""))


def _reassign(write: Session, office: Office, oficio: Oficio, by: Account, form: Form) -> None:
    account = write.get(Account, form.get("account", 0, int))
    if account is None:
        raise InvalidInput("choose_one")
    issuing.reassign(write, office, oficio, by, account=account, instruction=form.get("instruction", ""))


def _note(write: Session, office: Office, oficio: Oficio, by: Account, form: Form) -> None:
    cases.add_note(write, office, oficio, by, text=form.get("reason", ""))


# Keys are actions of `models.workflow`; *sign* has a page of its own (admin.views.signing).
ACTIONS: dict[str, Action] = {
    "approve": _approve,
    "approve_for_signature": _approve,
    "return_draft": _return,
    "discard": _discard,
    "cancel": _cancel,
    "reassign": _reassign,
    "note": _note,
}


class DocumentsView(frame.PanelView):
    """One issued document; one that came from outside has the page of its case."""

    roles = frame.READING

    @expose("/")
    def index(self) -> Response:
        return redirect(url_for("board.index"))

    @expose("/<int:document_id>")
    def show(self, document_id: int) -> str | Response:
        oficio, who = get_document(session(), document_id), frame.account()
        if oficio.flow != "issued":
            return redirect(url_for("case.show", case_id=oficio.id))
        if _mark_read(oficio, who):
            # What this request began to read does not know of it yet.
            release()
            oficio = get_document(session(), document_id)
        allowed = buttons(oficio, who)
        return str(
            self.render(
                "admin/documents/show.html",
                oficio=oficio,
                allowed=allowed,
                at_once=AT_ONCE,
                action_icons=ICONS,
                arrivals=arrivals(session(), oficio),
                signatures=signatures_of(session(), oficio),
                files=files_of(session(), oficio),
                remarks=remarks_of(session(), oficio),
                chain=[one for one in issuing.thread_cases(session(), oficio) if one.id != oficio.id],
                messages=_messages(oficio),
                tags=_tags(oficio, who),
                describe=describe,
                can_answer=who.role in WRITING and oficio.state == State.SENT and "reassign" in allowed,
                can_copy=who.role in WRITING,
                dispatches=of_document(session(), oficio),
                can_dispatch=who.role in DISPATCH_ASKING and oficio.state == State.SENT,
            )
        )

    @expose("/<int:document_id>/pdf")
    def pdf(self, document_id: int) -> Response:
        """The file as it was sealed and signed; of a draft, what it would be now. `?guardar=1` saves it."""
        oficio = get_issued(session(), document_id)
        if oficio.pdf_sha256 is None:
            made = render_document(session(), office(), oficio)
        else:
            made = read_blob(session(), office(), oficio.pdf_sha256)
        return pdf_response(made, pdf_name(oficio), saves="guardar" in request.args)

    @expose("/<int:document_id>/adjunto/<int:file_id>")
    def attachment(self, document_id: int, file_id: int) -> Response:
        oficio = get_issued(session(), document_id)
        file = session().scalar(
            select(DocumentFile).where(DocumentFile.id == file_id, DocumentFile.oficio_id == oficio.id)
        )
        if file is None:
            abort(404)
        response = pdf_response(read_blob(session(), office(), file.sha256), file.filename, saves=True)
        response.content_type = "application/octet-stream"
        return response

    @expose("/<int:document_id>/hacer/<action>")
    def ask(self, document_id: int, action: str) -> str:
        """What an action asks first: the reason, or to whom."""
        oficio = get_issued(session(), document_id)
        if action not in ACTIONS or action not in buttons(oficio, frame.account()):
            abort(404)
        values: dict[str, Any] = {"accounts": writers(session())} if action == "reassign" else {}
        return str(self.render("admin/documents/ask.html", oficio=oficio, action=action, **values))

    @expose("/<int:document_id>/hacer/<action>", methods=["POST"])
    def act(self, document_id: int, action: str) -> Response:
        verb = ACTIONS.get(action) or abort(404)
        try:
            with writing() as write:
                oficio = get_issued(write, document_id)
                verb(write, office(), oficio, frame.account(), request.form)
                folio = oficio.folio
        except DeskError as error:
            flash(str(error), "error")
        except NotAllowed as error:
            flash(sentence_of(error), "error")
        else:
            flash(say(f"documents.done.{action}", folio=folio), "success")
        return redirect(url_for("documents.show", document_id=document_id))

    @expose("/<int:document_id>/responder", methods=["POST"])
    def answer(self, document_id: int) -> Response:
        """*Responder*: opens *Nuevo documento* with what can be known already."""
        try:
            with writing() as write:
                once.take(write, asks=False)
                oficio = get_document(write, document_id)
                issuing.mark_read(write, oficio, frame.account())
                made = drafts.answer_document(write, office(), oficio, frame.account())
                page = once.leads_to(write, url_for("drafting.edit", document_id=made.id))
        except DeskError as error:
            flash(str(error), "error")
            return redirect(url_for("documents.show", document_id=document_id))
        return redirect(page)

    @expose("/<int:document_id>/copiar", methods=["POST"])
    def copy(self, document_id: int) -> Response:
        try:
            with writing() as write:
                once.take(write, asks=False)
                made = drafts.copy_draft(write, office(), get_issued(write, document_id), frame.account())
                page = once.leads_to(write, url_for("drafting.edit", document_id=made.id))
        except DeskError as error:
            flash(str(error), "error")
            return redirect(url_for("documents.show", document_id=document_id))
        return redirect(page)


def _mark_read(oficio: Oficio, who: Account) -> bool:
    """Whoever opens what it received has read it; False when nothing had to be written."""
    unread = select(Recipient.id).where(
        Recipient.oficio_id == oficio.id, Recipient.read_at.is_(None), received_by(who)
    )
    if oficio.state != State.SENT or session().scalar(unread.limit(1)) is None:
        return False
    with office().database.writing() as write:
        issuing.mark_read(write, write.get_one(Oficio, oficio.id), write.get_one(Account, who.id))
    return True


def _messages(oficio: Oficio) -> list[Any]:
    """What was said about it: answers from outside and internal notes; its own text is the PDF."""
    entries = read_thread(session(), oficio).entries
    return [one.message for one in entries if one.message is not None and one.message.direction != "out"]


def _tags(oficio: Oficio, who: Account) -> list[str]:
    own = (
        select(Tag.name)
        .join(case_tag, case_tag.c.tag_id == Tag.id)
        .where(Tag.account_id == who.id, case_tag.c.case_id == oficio.id)
    )
    return list(session().scalars(own.order_by(Tag.name)))


def register(app: Flask, admin: Admin) -> None:
    admin.add_view(DocumentsView(name="documents", endpoint="documents", url="/admin/documentos"))
