"""*Tablero*: the folders of manual T by type and administration, advanced search, tags."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Flask, flash, redirect, request, url_for
from flask_admin import Admin, expose
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from admin import board_query, frame
from admin.db import session, writing
from admin.documents import WRITING
from admin.forms import tree
from admin.query import read_key, write_key
from intake import tags
from intake.errors import DeskError
from models.count import COUNT_LIMIT, Rows
from models.folders import (
    BOARD,
    Folder,
    count_by_type,
    documents_of,
    find_documents,
    in_folder,
    recipients_named,
    to_approve,
    unread_by,
)
from models.letterhead import Administration
from models.listing import tags_of
from models.oficio import DocumentType, Oficio
from models.person import Account, Role
from templates import say


class BoardView(frame.PanelView):
    """One page: folders with their counts above, the documents of one of them below."""

    roles = frame.READING

    @expose("/")
    def index(self) -> str:
        accounts = frame.acting()
        administrations = board_query.administrations()
        chosen = board_query.find_administration(administrations)
        folder, sought = board_query.read_folder(), board_query.read_sought(chosen)
        is_search = board_query.is_search()
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
                keep=board_query.kept(),
                older=write_key(page.next_key) if page.next_key else "",
                can_write=frame.account().role in WRITING,
                limit=COUNT_LIMIT,
            )
        )

    @expose("/por-aprobar")
    def pending(self) -> Response:
        return redirect(url_for("board.index", carpeta=Folder.PENDING.value))

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
        return redirect(url_for("board.index", **board_query.kept()))


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


def unread(_read: Session) -> Rows:
    """Counted beside *Tablero* in the rail: what was received and not opened."""
    return unread_by(frame.account())


def waiting(_read: Session) -> Rows | None:
    """Counted beside *Por aprobar*."""
    heads = any(one.role == Role.HEAD for one in frame.acting())
    return select(Oficio.id).where(to_approve(frame.acting())) if heads else None


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
