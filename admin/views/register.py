"""*Registrar solicitud*: a clerk opens a ticket for who called or came in, or for somebody whom we know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Flask, abort, flash, redirect, request, url_for
from flask_admin import Admin, expose
from sqlalchemy import exists, select
from sqlalchemy.orm import selectinload
from werkzeug.wrappers import Response

from admin import frame, once
from admin.db import office, session, writing
from admin.views.case import get_ordinary
from admin.views.composer import field_files, uploaded_files
from intake import tickets
from intake.citizens import complaints
from intake.errors import DeskError
from intake.incoming import Channel
from intake.services import service_fields
from models.access import standing, visible_to
from models.case import Case
from models.contact import Address, Contact
from models.message import Message
from models.person import Role
from models.search import find_messages
from models.service import Service
from models.service_field import FieldKind
from templates import say

MAX_FOUND = 8
# How somebody asks whom a clerk writes down: in person, by telephone, in writing (manual O).
WAYS = (Channel.COUNTER, Channel.PHONE, Channel.PAPER)


class RegisterView(frame.PanelView):
    """One form. Who is known is found by name, address or folio, among whom this account has cases of."""

    roles = frozenset({Role.OFICIALIA, Role.HEAD, Role.WORKER})

    @expose("/", methods=("GET", "POST"))
    def index(self) -> str | Response | tuple[str, int]:
        if request.method == "GET":
            return self._page()
        form, who = request.form, frame.account()
        answers = service_fields.Answers()
        try:
            asked = service_fields.fields_of(session(), _service())
            answers = service_fields.read_form(asked, form, field_files(asked))
            files = uploaded_files()
            with writing() as write:
                once.take(write)
                ticket = tickets.register(
                    write,
                    office(),
                    who,
                    contact=_contact(form.get("contact", type=int)),
                    contact_name=form.get("name", ""),
                    address=form.get("address", ""),
                    subject=form.get("subject", ""),
                    text=form.get("text", ""),
                    service=write.get(Service, form.get("service", 0, int)),
                    files=files,
                    answers=answers,
                    channel=_channel(),
                )
                folio, is_seen = ticket.folio, bool(standing(write, ticket, who))
                # A rule may have sent it where this account reads nothing.
                page = url_for("case.show", case_id=ticket.id) if is_seen else url_for(".index")
                once.leads_to(write, page)
        except DeskError as error:
            flash(str(error), "error")
            return self._page(answers.wrong), 422
        flash(say("chat_desk.register.done", folio=folio), "success")
        return redirect(page)

    @expose("/queja/<int:case_id>", methods=("GET", "POST"))
    def complaint(self, case_id: int) -> str | Response | tuple[str, int]:
        """*Acudir a levantar la queja*: the requester of a case complains about it, here or by telephone."""
        case, who = get_ordinary(session(), case_id), frame.account()
        text = request.form.get("text", "")
        if request.method == "GET":
            return self._complaint_page(case)
        try:
            with writing() as write:
                once.take(write)
                about = get_ordinary(write, case_id)
                ticket = complaints.take_down(write, office(), about, who, text=text, channel=_channel())
                folio, is_seen = ticket.folio, bool(standing(write, ticket, who))
                # Whoever is complained about reads no complaint.
                page = url_for("case.show", case_id=ticket.id if is_seen else case_id)
                once.leads_to(write, page)
        except DeskError as error:
            flash(str(error), "error")
            return self._complaint_page(case), 422
        flash(say("chat_desk.register.done", folio=folio), "success")
        return redirect(page)

    def _complaint_page(self, case: Case) -> str:
        return str(self.render("admin/register_complaint.html", case=case, form=request.form, ways=WAYS))

    @expose("/campos")
    def fields(self) -> str:
        """What the chosen service asks, to be put into the form."""
        return str(self.render("portal/fields.html", form=request.form, **_asked({})))

    def _page(self, wrong: dict[int, str] | None = None) -> str:
        words = request.args.get("quien", "").strip()
        services = select(Service).where(Service.is_active).order_by(Service.position)
        chosen = request.form.get("contact", type=int) or request.args.get("contacto", type=int)
        return str(
            self.render("admin/register.html", contact=_contact(chosen), words=words, found=_find(words),
                        services=session().scalars(services).all(), form=request.form,
                        service=_service(), ways=WAYS, **_asked(wrong or {}))
        )  # fmt: skip


def _channel() -> Channel:
    wanted = request.form.get("channel", "")
    return next((one for one in WAYS if one.value == wanted), Channel.COUNTER)


def _service() -> Service | None:
    """The service that the form, or the link to it, names."""
    number = request.values.get("service", type=int) or request.args.get("servicio", type=int)
    return session().get(Service, number) if number else None


def _asked(wrong: dict[int, str]) -> dict[str, Any]:
    fields = service_fields.fields_of(session(), _service())
    return {"fields": fields, "wrong": wrong, "FieldKind": FieldKind, "form_name": service_fields.form_name}


def _contact(number: int | None) -> Contact | None:
    """The contact, if this account may see a case of theirs; else 404."""
    if not number:
        return None
    seen = exists().where(Case.requester_id == Contact.id, visible_to(frame.account()))
    return session().scalar(select(Contact).where(Contact.id == number, seen)) or abort(404)


def _find(words: str) -> Sequence[Contact]:
    """Whose cases this account may see and who match *words*, the latest first."""
    if not words:
        return []
    messages = find_messages(session(), words, limit=200)
    by_words = select(Message.case_id).where(Message.id.in_(messages))
    by_address = select(Address.contact_id).where(Address.value == words.lower())
    wanted = (
        select(Case.requester_id)
        .where(Case.id.in_(by_words) | Case.requester_id.in_(by_address), visible_to(frame.account()))
        .order_by(Case.last_activity_at.desc())
        .limit(100)
    )
    ids = list(dict.fromkeys(session().scalars(wanted)))[:MAX_FOUND]
    found = session().scalars(
        select(Contact).where(Contact.id.in_(ids)).options(selectinload(Contact.addresses))
    )
    return sorted(found, key=lambda one: ids.index(one.id))


def register(app: Flask, admin: Admin) -> None:
    """Add the page and its entry in the rail."""
    admin.add_view(RegisterView(name="register", endpoint="register", url="/admin/registrar"))
    frame.add_entry(
        app, frame.Entry("panel.rail.office", "chat_desk.register.rail", "register.index", "plus",
                         RegisterView.roles)
    )  # fmt: skip
