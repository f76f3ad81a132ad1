"""*Tablero*: the folders of manual T by type and administration, advanced search, tags, several at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from flask import Flask, abort, flash, redirect, request, url_for
from flask_admin import Admin, expose
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from admin import frame
from admin.db import office, release, session, writing
from admin.documents import WRITING, get_document, get_issued
from admin.errors import sentence_of
from admin.forms import tree
from admin.query import read_day, read_key, write_key
from intake import approval, issuing, tags
from intake.errors import DeskError, InvalidInput
from models.folders import (
    BOARD,
    COUNT_LIMIT,
    Folder,
    Sought,
    count_by_type,
    count_some,
    count_unread,
    documents_of,
    find_documents,
    in_folder,
    recipients_named,
    to_approve,
    who_acts,
)
from models.letterhead import Administration
from models.listing import tags_of
from models.oficio import DocumentType
from models.person import Account, Role
from models.tag import Tag
from models.workflow import NotAllowed
from templates import say

# Any of these makes the board a search over everything that the account may see.
SEARCHED = ("folio", "organigrama", "asunto", "emisor", "aprobo", "desde", "hasta")
# What makes the board what it is; carried along in links.
NAMES = ("carpeta", "tipo", "administracion", "etiqueta", *SEARCHED)
MAX_TICKED = 200


class BoardView(frame.PanelView):
    """One page: folders with their counts above, the documents of one of them below."""

    roles = frame.READING

    @expose("/")
    def index(self) -> str:
        accounts = who_acts(session(), frame.account())
        administrations = _administrations()
        chosen = _administration(administrations)
        folder, sought = _folder(), _sought(chosen)
        is_search = any(request.args.get(name, "").strip() for name in SEARCHED)
        rule = documents_of(accounts) if is_search else in_folder(folder, accounts)
        page = find_documents(
            session(), rule, accounts, sought, older_than=read_key(request.args.get("antes"))
        )
        ids = [row.id for row in page.rows]
        return str(
            self.render(
                "admin/documents/board.html",
                page=page,
                folder=folder,
                board=BOARD,
                folders=_counted(accounts, chosen),
                is_search=is_search,
                administrations=administrations,
                administration=chosen,
                types=list(DocumentType),
                recipients=recipients_named(session(), ids),
                tags=tags_of(session(), frame.account(), ids),
                own_tags=tags.tags_of(session(), frame.account()),
                tree=tree,
                keep=_keep(),
                older=write_key(page.next_key) if page.next_key else "",
                can_write=frame.account().role in WRITING,
                limit=COUNT_LIMIT,
            )
        )

    @expose("/por-aprobar")
    def pending(self) -> Response:
        return redirect(url_for("board.index", carpeta=Folder.PENDING.value))

    @expose("/varios", methods=["POST"])
    def several(self) -> Response:
        """What the ticked documents have in common done to them: each button is a value of `hacer`."""
        ids = list(dict.fromkeys(request.form.getlist("documento", int)))[:MAX_TICKED]
        action = SEVERAL.get(request.form.get("hacer", "")) or abort(404)
        try:
            if not ids:
                raise InvalidInput("no_document_ticked")
            action(ids)
        except DeskError as error:
            flash(str(error), "error")
        except NotAllowed as error:
            flash(sentence_of(error), "error")
        return redirect(url_for("board.index", **_keep()))

    @expose("/firmar", methods=["POST"])
    def sign(self) -> Response:
        """The ticked documents go to the page that signs them with one e.firma."""
        ids = request.form.getlist("documento", int)[:MAX_TICKED]
        if not ids:
            flash(str(InvalidInput("no_document_ticked")), "error")
            return redirect(url_for("board.index", **_keep()))
        return redirect(url_for("signing.index", documento=ids))

    @expose("/etiquetas", methods=["POST"])
    def new_tag(self) -> Response:
        """*Nueva etiqueta*."""
        try:
            with writing() as write:
                made = tags.create_tag(write, frame.account(), request.form.get("name", "")).name
        except DeskError as error:
            flash(str(error), "error")
        else:
            flash(say("documents.done.new_tag", name=made), "success")
        return redirect(url_for("board.index", **_keep()))


def _approve(ids: Sequence[int]) -> None:
    by = frame.account().id
    # Each document has a transaction of its own, so ours must not hold the lock meanwhile.
    release()
    decided = approval.approve_many(office(), ids, by)
    done = [one.folio for one in decided if one.folio]
    if done:
        flash(say("documents.done.approve_many", number=len(done), folios=", ".join(done[:20])), "success")
    for one in decided:
        if one.refusal:
            flash(say("documents.refused", number=one.oficio_id, why=one.refusal), "error")


def _each(ids: Sequence[int], verb: Callable[[Session, Any, Account], object], said: str) -> None:
    """Call *verb* for each in one transaction: all or none."""
    with writing() as write:
        for one in ids:
            verb(write, get_issued(write, one), frame.account())
    flash(say(said, number=len(ids)), "success")


def _return(ids: Sequence[int]) -> None:
    reason = request.form.get("reason", "")
    _each(ids, lambda write, oficio, by: approval.return_draft(write, office(), oficio, by, reason=reason),
          "documents.done.return_many")  # fmt: skip


def _discard(ids: Sequence[int]) -> None:
    reason = request.form.get("reason", "")
    _each(ids, lambda write, oficio, by: approval.discard(write, office(), oficio, by, reason=reason),
          "documents.done.discard_many")  # fmt: skip


def _mark_read(ids: Sequence[int]) -> None:
    _each(ids, issuing.mark_read, "documents.done.read_many")


def _tag(ids: Sequence[int]) -> None:
    """*Etiquetar*."""
    with writing() as write:
        tag = write.get(Tag, request.form.get("tag", 0, int))
        if tag is None:
            raise InvalidInput("choose_tag")
        tags.tag_many(write, [get_document(write, one) for one in ids], frame.account(), tag)
        name = tag.name
    flash(say("documents.done.tag_many", name=name, number=len(ids)), "success")


SEVERAL: dict[str, Callable[[Sequence[int]], None]] = {
    "approve": _approve,
    "return_draft": _return,
    "discard": _discard,
    "read": _mark_read,
    "tag": _tag,
}


def _keep() -> dict[str, Any]:
    return {name: request.args[name] for name in NAMES if request.args.get(name, "").strip()}


def _folder() -> Folder:
    wanted = request.args.get("carpeta", "")
    return Folder(wanted) if wanted in list(Folder) else Folder.RECEIVED


def _administrations() -> Sequence[Administration]:
    return session().scalars(select(Administration).order_by(Administration.starts_on.desc())).all()


def _administration(known: Sequence[Administration]) -> Administration | None:
    """The one that was chosen; None: all of them together."""
    wanted = request.args.get("administracion", type=int)
    return next((one for one in known if one.id == wanted), None)


def _sought(administration: Administration | None) -> Sought:
    given, zone = request.args, office().settings.zone
    kind = given.get("tipo", "")
    until = read_day(given.get("hasta"), zone)
    return Sought(
        folio=given.get("folio", "").strip()[:60],
        subject=given.get("asunto", "").strip()[:200],
        sender=given.get("emisor", "").strip()[:200],
        dependencia_id=given.get("organigrama", type=int),
        approved_by=given.get("aprobo", "").strip()[:200],
        since=read_day(given.get("desde"), zone),
        until=until + timedelta(days=1) if until else None,
        document_type=DocumentType(kind) if kind in list(DocumentType) else None,
        administration_id=administration.id if administration else None,
        tag_id=given.get("etiqueta", type=int),
    )


def _counted(
    accounts: Sequence[Account], administration: Administration | None
) -> list[tuple[Folder, dict[DocumentType, int]]]:
    shown = [*BOARD]
    if accounts[0].role in WRITING:
        shown.append(Folder.DRAFTS)
    if accounts[0].is_signer:
        shown.append(Folder.TO_SIGN)
    chosen = administration.id if administration else None
    return [(one, count_by_type(session(), one, accounts, chosen)) for one in shown]


def unread(read: Session) -> int:
    """The number beside *Tablero* in the rail: what was received and not opened."""
    return count_unread(read, frame.account())


def waiting(read: Session) -> int:
    """The number beside *Por aprobar*."""
    accounts = who_acts(read, frame.account())
    return count_some(read, to_approve(accounts)) if any(one.role == Role.HEAD for one in accounts) else 0


def register(app: Flask, admin: Admin) -> None:
    """Add the board and the first entries of the section *Documentos*."""
    admin.add_view(BoardView(name="board", endpoint="board", url="/admin/tablero"))
    section = "documents.rail.section"
    for entry in (
        frame.Entry(section, "documents.rail.board", "board.index", "inbox", frame.READING, unread),
        frame.Entry(section, "documents.rail.pending", "board.pending", "circle-check",
                    frozenset({Role.HEAD, Role.WORKER}), waiting),
    ):  # fmt: skip
        frame.add_entry(app, entry)
