"""*Nuevo documento*: write, choose recipients, attach, and send to approval. What was typed is never lost.

Everything works by plain forms; with scripts the same addresses answer with parts of
the page, and the draft is saved by itself.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Flask, flash, jsonify, redirect, request, url_for
from flask_admin import Admin, expose
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from admin import frame, once
from admin.db import office, release, session, writing
from admin.documents import WRITING, get_issued, pdf_response
from admin.drafting import read_fields, read_recipients
from admin.errors import sentence_of
from admin.forms import tree
from admin.recipients import find_recipients, recipient_rows
from intake.attachments import examined, store_large
from intake.errors import Conflict, DeskError, InvalidInput
from intake.issued import approval, drafts
from intake.issued.documents import files_of, long_date, render_document
from intake.issued.drafts import Addressee, DraftFields
from intake.issued.issuing import thread_cases
from intake.scanning import scan_files
from models.letterhead import DocumentTemplate
from models.oficio import DocumentType, DraftVersion, Oficio
from models.person import Account, Person, Role
from models.workflow import NotAllowed, State
from templates import say

DRAFT_PREVIEW = "borrador.pdf"


class DraftingView(frame.PanelView):
    """The form, and everything that its buttons ask."""

    roles = WRITING

    @expose("/")
    def index(self) -> str:
        """An empty form; `?para=<cuenta>` comes from the directory."""
        wanted = request.args.get("para", type=int)
        to = session().get(Account, wanted) if wanted else None
        fields = DraftFields(recipients=(Addressee(account_id=to.id),) if to and to.is_active else ())
        return self._page(None, fields)

    @expose("/<int:document_id>")
    def edit(self, document_id: int) -> str | Response:
        oficio = get_issued(session(), document_id)
        if oficio.state != State.DRAFT or oficio.author_id != frame.account().id:
            return redirect(url_for("documents.show", document_id=document_id))
        return self._page(oficio, drafts.fields_of(session(), oficio))

    @expose("/guardar", methods=["POST"])
    def begin(self) -> Response | tuple[str, int] | tuple[Response, int]:
        return self._save(None)

    @expose("/<int:document_id>/guardar", methods=["POST"])
    def save(self, document_id: int) -> Response | tuple[str, int] | tuple[Response, int]:
        return self._save(document_id)

    def _save(self, document_id: int | None) -> Response | tuple[str, int] | tuple[Response, int]:
        """Save, and what else the pressed button says in `do`: *submit*, *template*, or nothing."""
        do, is_auto = request.form.get("do", ""), bool(request.form.get("auto"))
        fields = DraftFields()
        try:
            fields = read_fields(request.form)
            if is_auto and document_id is None and _is_empty(fields):
                return "", 204
            with writing() as write:
                # The script saves one thing at a time, and asks for an answer of its own.
                if document_id is None and not is_auto:
                    once.take(write)
                if do == "template":
                    fields = _with_template(write, fields)
                if document_id is None and _is_empty(fields):
                    raise InvalidInput("document_blank")
                oficio = _kept(write, document_id, fields, is_auto=is_auto)
                document_id = oficio.id
                page = "documents.show" if do == "submit" else "drafting.edit"
                once.leads_to(write, url_for(page, document_id=document_id))
                mark = drafts.mark_of(write, oficio)
            self._take_files(document_id)
            if do == "submit":
                # Saved before, so that a *no* to the rest loses nothing.
                with writing() as write:
                    approval.submit(write, office(), get_issued(write, document_id), frame.account())
        except (DeskError, NotAllowed) as error:
            why = sentence_of(error) if isinstance(error, NotAllowed) else str(error)
            if is_auto:
                is_conflict = isinstance(error, Conflict)
                return jsonify(error=why, conflict=is_conflict), 409 if is_conflict else 422
            flash(why, "error")
            return self._again(document_id, fields)
        if is_auto:
            return jsonify(id=document_id, mark=mark, links=_links(document_id))
        if do == "submit":
            return redirect(url_for("drafting.done", document_id=document_id))
        if not request.form.get("add") and request.form.get("remove") is None:
            flash(say("documents.done.saved"), "success")
        place = "recipients" if request.form.get("add") or "remove" in request.form else None
        return redirect(url_for("drafting.edit", document_id=document_id, _anchor=place))

    def _take_files(self, document_id: int) -> None:
        """What a form without scripts brings along."""
        for upload in request.files.getlist("files"):
            if upload.filename:
                _attach(document_id, upload.filename, upload.mimetype, upload.read())

    def _again(self, document_id: int | None, fields: DraftFields) -> tuple[str, int]:
        oficio = get_issued(session(), document_id) if document_id else None
        if oficio is not None and oficio.state != State.DRAFT:
            oficio = None
        return self._page(oficio, fields), 422

    def _page(self, oficio: Oficio | None, fields: DraftFields) -> str:
        who = frame.account()
        found = find_recipients(request.args.get("dependencia", type=int), request.args.get("q", ""))
        return str(
            self.render(
                "admin/documents/edit.html",
                oficio=oficio,
                fields=fields,
                rows=recipient_rows(fields.recipients),
                types=list(DocumentType),
                templates=_templates(who),
                signers=_signers(),
                tree=tree,
                found=found,
                files=files_of(session(), oficio) if oficio else (),
                versions=drafts.versions_of(session(), oficio) if oficio else (),
                mark=drafts.mark_of(session(), oficio) if oficio else "",
                links=_links(oficio.id) if oficio else {},
                allowed_files=office().settings.document_files.split(),
                is_head=who.role == Role.HEAD,
                answers=_answered(oficio),
                long_date=long_date,
            )
        )

    @expose("/destinatarios")
    def find(self) -> str:
        """Accounts and dependencias that match, each with its buttons."""
        found = find_recipients(request.args.get("dependencia", type=int), request.args.get("q", ""))
        return str(self.render("admin/documents/found.html", found=found))

    @expose("/destinatarios", methods=["POST"])
    def recipients(self) -> str | tuple[str, int]:
        """The rows of the form with one more or one less."""
        status = 200
        try:
            rows = read_recipients(request.form)
        except DeskError as error:
            flash(str(error), "error")
            form = request.form.copy()
            form.pop("add", None)
            rows, status = read_recipients(form), 422
        return str(
            self.render("admin/documents/recipients.html", rows=recipient_rows(rows), is_part=True)
        ), status

    @expose("/<int:document_id>/pdf")
    def preview(self, document_id: int) -> Response:
        """The very PDF, as it would be sent now."""
        return pdf_response(
            render_document(session(), office(), get_issued(session(), document_id)), DRAFT_PREVIEW
        )

    @expose("/<int:document_id>/adjuntos", methods=["POST"])
    def attach(self, document_id: int) -> str | tuple[str, int]:
        """One file; answers with the list of all."""
        get_issued(session(), document_id)
        upload = request.files.get("file")
        try:
            if upload is None or not upload.filename:
                raise InvalidInput("no_files")
            _attach(document_id, upload.filename, upload.mimetype, upload.read())
        except (DeskError, NotAllowed) as error:
            why = sentence_of(error) if isinstance(error, NotAllowed) else str(error)
            return why, 422
        return self._files(document_id)

    @expose("/<int:document_id>/adjuntos/quitar", methods=["POST"])
    def detach(self, document_id: int) -> str | Response:
        try:
            with writing() as write:
                oficio = get_issued(write, document_id)
                if "HX-Request" not in request.headers:
                    # The whole form came along: what was typed in it is not to be lost.
                    oficio = _kept(write, document_id, read_fields(request.form), is_auto=False)
                drafts.remove_file(write, office(), oficio, frame.account(), request.form.get("file", 0, int))
        except DeskError as error:
            flash(str(error), "error")
        if "HX-Request" in request.headers:
            return self._files(document_id)
        return redirect(url_for("drafting.edit", document_id=document_id))

    def _files(self, document_id: int) -> str:
        oficio = get_issued(session(), document_id)
        files = files_of(session(), oficio)
        return str(self.render("admin/documents/files.html", oficio=oficio, files=files, is_part=True))

    @expose("/<int:document_id>/version", methods=["POST"])
    def restore(self, document_id: int) -> Response:
        """Let the draft say again what it said then."""
        try:
            with writing() as write:
                oficio = get_issued(write, document_id)
                version = write.get(DraftVersion, request.form.get("version", 0, int))
                if version is None:
                    raise InvalidInput("choose_one")
                drafts.restore_version(write, office(), oficio, frame.account(), version)
        except DeskError as error:
            flash(str(error), "error")
        else:
            flash(say("documents.done.restored"), "success")
        return redirect(url_for("drafting.edit", document_id=document_id))

    @expose("/<int:document_id>/listo")
    def done(self, document_id: int) -> str:
        """*Registrado con éxito*: another one, or the list."""
        return str(self.render("admin/documents/done.html", oficio=get_issued(session(), document_id)))


def _kept(write: Session, document_id: int | None, fields: DraftFields, *, is_auto: bool) -> Oficio:
    if document_id is None:
        return drafts.create_draft(write, office(), frame.account(), fields)
    oficio = get_issued(write, document_id)
    # Who says "keep mine" saw that there is another version, which stays among the versions.
    seen = "" if request.form.get("keep_mine") else request.form.get("mark", "")
    drafts.save_draft(write, office(), oficio, frame.account(), fields,
                      is_auto=is_auto and not request.form.get("keep_mine"), seen=seen)  # fmt: skip
    return oficio


def _is_empty(fields: DraftFields) -> bool:
    """Nothing typed, and no file comes along or will at once (drafting.js): nothing to keep."""
    files = any(one.filename for one in request.files.getlist("files"))
    return fields.is_blank and not files and not request.form.get("brings_files")


def _attach(document_id: int, name: str, declared_type: str, content: bytes) -> None:
    """Examined and scanned outside the transaction, for nobody else should wait for that."""
    release()
    [file] = scan_files(office().settings.clamd_url, [examined(name, declared_type, content)])
    store_large(office(), [file])
    with writing() as write:
        drafts.attach_file(write, office(), get_issued(write, document_id), frame.account(), file)


def _with_template(write: Session, fields: DraftFields) -> DraftFields:
    found = write.get(DocumentTemplate, request.form.get("template", 0, int))
    if found is None or found not in _templates(frame.account()):
        raise InvalidInput("choose_one")
    return replace(fields, document_type=DocumentType(found.document_type), body_html=found.body_html,
                   subject=fields.subject.strip() or found.subject)  # fmt: skip


def _templates(who: Account) -> list[DocumentTemplate]:
    return [one for kind in DocumentType for one in drafts.templates_for(session(), who.dependencia, kind)]


def _links(document_id: int) -> dict[str, str]:
    """What the page's script calls once the draft has a number."""
    return {
        name: url_for(f"drafting.{name}", document_id=document_id)
        for name in ("edit", "save", "attach", "preview")
    }


def _answered(oficio: Oficio | None) -> Any:
    if oficio is None:
        return None
    return next((one for one in thread_cases(session(), oficio) if one.id < oficio.id), None)


def _signers() -> list[Account]:
    wanted = (
        select(Account)
        .join(Account.person)
        .where(Account.is_active, Person.is_active, Account.is_signer)
        .order_by(Person.name)
    )
    return list(session().scalars(wanted).unique())


def register(app: Flask, admin: Admin) -> None:
    """Add the form and its entry in the rail."""
    admin.add_view(DraftingView(name="drafting", endpoint="drafting", url="/admin/redactar"))
    frame.add_entry(
        app,
        frame.Entry("documents.rail.section", "documents.rail.new", "drafting.index", "pencil", WRITING),
    )
