"""What the ticked documents of the tablero have in common done to them; who is refused is named, with why."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from flask import Flask, abort, flash, redirect, request, url_for
from flask_admin import Admin, expose
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from admin import board_query, frame
from admin.db import office, release, session, writing
from admin.documents import get_document, get_issued, writers
from intake import tags
from intake.errors import DeskError, InvalidInput
from intake.issued import approval, issuing, several
from intake.issued.several import Judged
from models.case import Case
from models.oficio import Oficio
from models.person import Account
from models.tag import Tag
from templates import say

# These ask something first, on a page that says which documents it cannot be done with.
ASKING = ("reassign", "cancel")
NAMED = 20


class TickedView(frame.PanelView):
    """The buttons above the list."""

    roles = frame.READING

    @expose("/")
    def index(self) -> Response:
        return _back()

    @expose("/", methods=["POST"])
    def act(self) -> Response:
        """Each button is a value of `hacer`."""
        verb = AT_ONCE.get(request.form.get("hacer", "")) or abort(404)
        try:
            verb(_ticked())
        except DeskError as error:
            flash(str(error), "error")
        return _back()

    @expose("/firmar", methods=["POST"])
    def sign(self) -> Response:
        """The ticked documents go to the page that signs them with one e.firma."""
        return _go_on("signing.index")

    @expose("/<any(reassign, cancel):action>/elegidos", methods=["POST"])
    def choose(self, action: str) -> Response:
        return _go_on("ticked.ask", action=action, **board_query.kept())

    @expose("/<any(reassign, cancel):action>")
    def ask(self, action: str) -> str | Response:
        """To whom, or why; and with which of the documents it cannot be done."""
        ids = board_query.ticked()
        return self._page(action, ids) if ids else _back()

    def _page(self, action: str, ids: Sequence[int]) -> str:
        judged = [several.judge(session(), get_document(session(), one), frame.account(), action)
                  for one in ids]  # fmt: skip
        return str(
            self.render(
                "admin/documents/ticked.html",
                action=action,
                can=[one.oficio for one in judged if not one.refusal],
                cannot=[one for one in judged if one.refusal],
                accounts=writers(session()) if action == "reassign" else (),
                keep=board_query.kept(),
            )
        )

    @expose("/<any(reassign, cancel):action>", methods=["POST"])
    def do(self, action: str) -> Response | tuple[str, int]:
        ids = board_query.ticked()
        try:
            _say(f"documents.done.{action}_many", _each(ids, _VERBS[action]))
        except DeskError as error:
            flash(str(error), "error")
            return self._page(action, ids), 422
        return _back()


Verb = Callable[[Session, list[Oficio], Account], list[Judged]]


def _reassign(write: Session, oficios: list[Oficio], by: Account) -> list[Judged]:
    account = write.get(Account, request.form.get("account", 0, int))
    instruction = request.form.get("instruction", "")
    return several.reassign(write, office(), oficios, by, account=account, instruction=instruction)


def _cancel(write: Session, oficios: list[Oficio], by: Account) -> list[Judged]:
    return several.cancel(write, office(), oficios, by, reason=request.form.get("reason", ""))


def _return(write: Session, oficios: list[Oficio], by: Account) -> list[Judged]:
    return several.return_drafts(write, office(), oficios, by, reason=request.form.get("reason", ""))


def _discard(write: Session, oficios: list[Oficio], by: Account) -> list[Judged]:
    return several.discard(write, office(), oficios, by, reason=request.form.get("reason", ""))


_VERBS: dict[str, Verb] = {"reassign": _reassign, "cancel": _cancel, "return": _return, "discard": _discard}


def _each(ids: Sequence[int], verb: Verb) -> list[Judged]:
    with writing() as write:
        return verb(write, [get_document(write, one) for one in ids], frame.account())


def _say(key: str, decided: list[Judged]) -> None:
    done = [one.oficio.folio for one in decided if not one.refusal]
    if done:
        flash(say(key, number=len(done), folios=_named(done)), "success")
    for one in decided:
        if one.refusal:
            flash(say("documents.refused", number=one.oficio.folio, why=one.refusal), "error")


def _named(folios: Sequence[str]) -> str:
    more = len(folios) - NAMED
    rest = say("documents.and_more", number=more) if more > 0 else ""
    return " ".join(filter(None, (", ".join(folios[:NAMED]), rest)))


def _approve(ids: Sequence[int]) -> None:
    by = frame.account().id
    wanted = select(Case.id, Case.folio).where(Case.id.in_(get_issued(session(), one).id for one in ids))
    folios: dict[int, str] = {row.id: row.folio for row in session().execute(wanted)}
    # Each document has a transaction of its own, so ours must not hold the lock meanwhile.
    release()
    decided = approval.approve_many(office(), ids, by)
    done = [one.folio for one in decided if one.folio]
    if done:
        flash(say("documents.done.approve_many", number=len(done), folios=_named(done)), "success")
    for one in decided:
        if one.refusal:
            flash(say("documents.refused", number=folios[one.oficio_id], why=one.refusal), "error")


def _mark_read(ids: Sequence[int]) -> None:
    with writing() as write:
        for one in ids:
            issuing.mark_read(write, get_document(write, one), frame.account())
    flash(say("documents.done.read_many", number=len(ids)), "success")


def _tag(ids: Sequence[int]) -> None:
    """*Etiquetar*."""
    with writing() as write:
        tag = write.get(Tag, request.form.get("tag", 0, int))
        if tag is None:
            raise InvalidInput("choose_tag")
        tags.tag_many(write, [get_document(write, one) for one in ids], frame.account(), tag)
        name = tag.name
    flash(say("documents.done.tag_many", name=name, number=len(ids)), "success")


AT_ONCE: dict[str, Callable[[Sequence[int]], None]] = {
    "approve": _approve,
    "return_draft": lambda ids: _say("documents.done.return_many", _each(ids, _return)),
    "discard": lambda ids: _say("documents.done.discard_many", _each(ids, _discard)),
    "read": _mark_read,
    "tag": _tag,
}


def _ticked() -> list[int]:
    return board_query.ticked() or _refuse()


def _refuse() -> Any:
    raise InvalidInput("no_document_ticked")


def _go_on(endpoint: str, **values: Any) -> Response:
    ids = board_query.ticked()
    if not ids:
        flash(str(InvalidInput("no_document_ticked")), "error")
        return _back()
    return redirect(url_for(endpoint, documento=ids, **values))


def _back() -> Response:
    return redirect(url_for("board.index", **board_query.kept()))


def register(app: Flask, admin: Admin) -> None:
    admin.add_view(TickedView(name="ticked", endpoint="ticked", url="/admin/tablero/marcados"))
