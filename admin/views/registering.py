"""*Registrar asunto*: the page of the counter, what it shows while one types, the acuse and the label."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, TypeVar

from flask import Flask, abort, flash, redirect, request, url_for
from flask_admin import Admin, expose
from markupsafe import Markup
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from admin import frame, once, registering
from admin.db import office, session, writing
from admin.views.case import get_case
from intake import acuses
from intake.counter import reception
from intake.counter.labels import label_picture
from intake.counter.resemblance import find_duplicates, find_senders, previous_of, topics
from intake.errors import DeskError, InvalidInput
from intake.incoming import Channel
from intake.oficios import proposals_of
from models.contact import Contact
from models.oficio import DocumentType, Flow, Oficio
from models.person import Role
from models.workflow import State
from templates import say

Member = TypeVar("Member", bound=StrEnum)
# What *registrar y otro* keeps: a stack is alike.
KEPT = ("channel", "begins", "document_type", "received_on")


class RegisteringView(frame.PanelView):
    """One page for every channel; the same form completes what came by mail, bot or portal."""

    roles = frozenset({Role.OFICIALIA})

    @expose("/", methods=("GET", "POST"))
    def index(self) -> str | Response | tuple[str, int]:
        if request.method == "GET":
            kept = {name: request.args[name] for name in KEPT if request.args.get(name)}
            last = request.args.get("registrado", type=int)
            return self._page({**registering.blank(), **kept}, last=last)
        form = request.form
        try:
            files = registering.any_files()
            with writing() as write:
                once.take(write)
                made = reception.register(
                    write,
                    office(),
                    frame.account(),
                    registering.entry(write),
                    channel=_member(Channel, form.get("channel", "")),
                    begins=_member(State, form.get("begins", "")),
                    files=files,
                    mails_acuse=bool(form.get("mails_acuse")),
                )
                number, folio = made.id, made.folio
                page = once.leads_to(write, url_for(".registered", case_id=number))
        except DeskError as error:
            flash(str(error), "error")
            return self._page(registering.typed()), 422
        flash(say("registering.done", folio=folio), "success")
        if form.get("then") == "another":
            same: dict[str, Any] = {name: form.get(name, "") for name in KEPT}
            return redirect(url_for(".index", registrado=number, **same))
        return redirect(page)

    @expose("/<int:case_id>", methods=("GET", "POST"))
    def complete(self, case_id: int) -> str | Response | tuple[str, int]:
        """What came by mail, bot or portal, or was registered before: every field, to be confirmed."""
        oficio = get_received(session(), case_id)
        if request.method == "GET":
            return self._page(registering.registered(oficio, proposals_of(session(), oficio)), oficio=oficio)
        turns = request.form.get("then") == "turn"
        try:
            with writing() as write:
                found, typed = get_received(write, case_id), registering.entry(write)
                reception.correct(write, office(), found, frame.account(), typed)
                if turns:
                    reception.turn(write, office(), found, frame.account(), typed)
                folio = found.folio
        except DeskError as error:
            flash(str(error), "error")
            return self._page(registering.typed(), oficio=get_received(session(), case_id)), 422
        flash(say("registering.turned" if turns else "registering.saved", folio=folio), "success")
        return redirect(url_for("case.show", case_id=case_id))

    @expose("/<int:case_id>/registrado")
    def registered(self, case_id: int) -> str:
        """The folio, and what is printed now."""
        return str(self.render("admin/registering/done.html", **_last(get_received(session(), case_id))))

    @expose("/<int:case_id>/etiqueta")
    def label(self, case_id: int) -> str:
        """The label of the paper, for a printer of labels or an ordinary one."""
        oficio = get_received(session(), case_id)
        size = "hoja" if request.args.get("tamano") == "hoja" else "etiqueta"
        code = Markup(label_picture(oficio))  # Drawn by us from a folio.
        return str(self.render("admin/registering/label.html", oficio=oficio, size=size, code=code))

    @expose("/parecidos")
    def alike(self) -> str:
        """Beside the form while one types: possible duplicates, and what the sender sent before."""
        by, contact = frame.account(), session().get(Contact, request.args.get("contact", 0, int))
        but = request.args.get("asunto", type=int)
        found = find_duplicates(session(), by, sender_number=request.args.get("sender_number", ""), but=but,
                                contact=contact, description=request.args.get("description", ""))  # fmt: skip
        previous = previous_of(session(), by, contact, but=but) if contact is not None else None
        return str(self.render("admin/registering/alike.html", duplicates=found, previous=previous,
                               contact=contact))  # fmt: skip

    @expose("/remitentes")
    def senders(self) -> str:
        found = find_senders(session(), request.args.get("sender", ""))
        fills = ("institution", "post")
        return self._options(
            [
                (str(one.id), one.name, _about(one), {name: getattr(one, name) for name in fills})
                for one in found
            ]
        )

    @expose("/destinatarios")
    def targets(self) -> str:
        words = next(
            (request.args[name] for name in ("addressee_text", "copy_text") if name in request.args), ""
        )
        found = registering.find_targets(session(), words)
        return self._options(registering.options(found))

    @expose("/temas")
    def topics(self) -> str:
        return self._options([("", one, "", {}) for one in topics(session(), request.args.get("topic", ""))])

    @expose("/copia")
    def copy(self) -> str:
        return str(
            self.render("admin/registering/copy.html", chosen=("", ""), number=request.args.get("n", "1"))
        )

    def _options(self, options: list[registering.Option]) -> str:
        return str(self.render("admin/registering/options.html", options=options,
                               list_id=request.headers.get("HX-Target", "list")))  # fmt: skip

    def _page(self, values: dict[str, Any], *, oficio: Oficio | None = None, last: int | None = None) -> str:
        shown = _last(get_received(session(), last)) if last else {"oficio": None}
        return str(
            self.render("admin/registering/form.html", values=values, case=oficio, last=shown, **choices())
        )


def choices() -> dict[str, Any]:
    """What the form offers to choose from."""
    return {
        "channels": [one.value for one in reception.CHANNELS],
        "beginnings": [one.value for one in reception.BEGINNINGS],
        "types": [one.value for one in DocumentType],
        "usual": say("registering.usual").split("|"),
        "states": say("registering.states").split("|"),
    }


def get_received(read: Session, case_id: int) -> Oficio:
    """The received document, if this account may see it; else 404."""
    found = get_case(read, case_id)
    if not isinstance(found, Oficio) or found.flow != Flow.RECEIVED:
        abort(404)
    return found


def _last(oficio: Oficio) -> dict[str, Any]:
    return {"oficio": oficio, "acuse": acuses.latest(session(), oficio)}


def _member(kind: type[Member], value: str) -> Member:
    try:
        return kind(value)
    except ValueError:
        raise InvalidInput("choose_one") from None


def _about(contact: Contact) -> str:
    address = next((one.value for one in contact.addresses if one.kind.value == "email"), "")
    return " · ".join(part for part in (contact.post, contact.institution, address) if part)


def register(app: Flask, admin: Admin) -> None:
    """Add the page and its entry in the rail."""
    admin.add_view(RegisteringView(name="registering", endpoint="registering", url="/admin/asunto"))
    frame.add_entry(
        app, frame.Entry("panel.rail.office", "registering.rail", "registering.index", "plus",
                         RegisteringView.roles)
    )  # fmt: skip
