"""*Envíos*: ask that a document be delivered, see where each delivery is, and do what the table allows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask, Response, abort, flash, redirect, request, url_for
from flask_admin import Admin, expose
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload
from werkzeug.wrappers import Response as BaseResponse

from admin import frame, once, paging
from admin.actions import Form
from admin.db import office, release, session, writing
from admin.dispatching import (
    COLOURS,
    MANAGING,
    SEEING,
    dispatches_with_all,
    get_dispatch,
    local_moment,
    pesos,
    read_cents,
    read_fields,
)
from admin.documents import get_issued, pdf_response
from admin.errors import sentence_of
from admin.query import read_day
from admin.thread import describe
from admin.views.composer import uploaded_files
from admin.views.files import SHOWN
from admin.views.processes import lines, stays_of_delivery
from intake.attachments import read_file
from intake.deliveries import dispatches
from intake.errors import DeskError, InvalidInput
from intake.incoming import IncomingFile
from intake.issued.documents import recipients_of
from intake.office import Office
from models.base import now
from models.carrier import DispatchKind, Zone
from models.course import passages, steps_taken
from models.diagram import draw_deliveries
from models.dispatch import OPEN, DeliveryAct, Dispatch, DispatchState, allowed
from models.dispatch_lists import listed_for
from models.event import Event, of_case
from models.message import Attachment
from models.person import DISPATCH_ASKING, Account
from models.workflow import NotAllowed, State
from templates import say

Files = list[IncomingFile]
Verb = Callable[[Session, Office, Dispatch, Account, Form, Files], None]


def _withdraw(write: Session, at: Office, one: Dispatch, by: Account, form: Form, files: Files) -> None:
    dispatches.withdraw(write, at, one, by, reason=form.get("reason", ""))


def _again(write: Session, at: Office, one: Dispatch, by: Account, form: Form, files: Files) -> None:
    dispatches.ask_again(write, at, one, by)


def _unassign(write: Session, at: Office, one: Dispatch, by: Account, form: Form, files: Files) -> None:
    dispatches.unassign(write, at, one, by, reason=form.get("reason", ""))


def _start(write: Session, at: Office, one: Dispatch, by: Account, form: Form, files: Files) -> None:
    dispatches.start(write, at, one, by)


def _deliver(write: Session, at: Office, one: Dispatch, by: Account, form: Form, files: Files) -> None:
    dispatches.deliver(write, at, one, by, receiver=form.get("receiver", ""),
                       at=local_moment(form.get("at", "")), files=files)  # fmt: skip


def _return(write: Session, at: Office, one: Dispatch, by: Account, form: Form, files: Files) -> None:
    when = local_moment(form.get("at", ""))
    dispatches.give_back(write, at, one, by, reason=form.get("reason", ""), at=when, files=files)


def _replace(write: Session, at: Office, one: Dispatch, by: Account, form: Form, files: Files) -> None:
    number = form.get("number", "")
    dispatches.replace_guia(write, at, one, by, reason=form.get("reason", ""), number=number,
                            instead_of=form.get("instead_of", ""))  # fmt: skip


# Keys are actions of `models.dispatch`, and one of the managers' own.
VERBS: dict[str, Verb] = {
    "withdraw": _withdraw, "ask_again": _again, "unassign": _unassign, "start": _start, "deliver": _deliver,
    "return": _return, "replace_guia": _replace,
}  # fmt: skip
AT_ONCE = frozenset({"start", "ask_again"})
ICONS = {
    "withdraw": "ban", "ask_again": "refresh", "unassign": "arrow-back-up", "start": "truck",
    "deliver": "circle-check", "return": "x", "replace_guia": "hash",
}  # fmt: skip


def buttons(one: Dispatch, who: Account) -> list[str]:
    """What *who* may do with it now, in the order of the table."""
    found = [row.action for row in allowed(one, who) if row.action in VERBS]
    if who.role in MANAGING and one.state in OPEN and one.carrier_id is not None:
        found.append("replace_guia")
    return found


class AskingView(frame.PanelView):
    """Deliveries of the documents that one may see; the dispatch managers see all."""

    roles = SEEING

    @expose("/")
    def index(self) -> str:
        who = frame.account()
        named = request.args.get("estado", "")
        state = DispatchState(named) if named in list(DispatchState) else None
        zone = office().settings.zone
        since = read_day(request.args.get("desde", ""), zone)
        page = paging.newest(session(), dispatches_with_all().where(listed_for(who, state, since)),
                             Dispatch.id)  # fmt: skip
        return str(self.render("admin/dispatch/asked.html", page=page, colours=COLOURS, state_now=state,
                               since=since.astimezone(zone).date() if since else None,
                               states=list(DispatchState), manages=who.role in MANAGING))  # fmt: skip

    @expose("/nuevo", methods=("GET", "POST"))
    def create(self) -> str | tuple[str, int] | BaseResponse:
        document_id = request.args.get("documento", 0, int)
        if frame.account().role not in DISPATCH_ASKING or not document_id:
            abort(404)
        if request.method == "GET":
            oficio = get_issued(session(), document_id)
            if oficio.state != State.SENT:
                abort(404)
            return self._form(oficio)
        try:
            with writing() as write:
                once.take(write)
                oficio = get_issued(write, document_id)
                made = dispatches.request_dispatch(
                    write, office(), oficio, frame.account(), read_fields(request.form)
                )
                page, words = (
                    url_for(".show", dispatch_id=made.id),
                    {"folio": oficio.folio, "name": made.name},
                )
                once.leads_to(write, page)
        except DeskError as error:
            return self._form(get_issued(session(), document_id), str(error)), 422
        except NotAllowed as error:
            return self._form(get_issued(session(), document_id), sentence_of(error)), 422
        flash(say("dispatch.ask.done", **words), "success")
        return redirect(page)

    def _form(self, oficio: Any, wrong: str = "") -> str:
        recipients = recipients_of(session(), oficio)
        first = next((one for one in recipients if one.delivery == "dispatch"), None)
        first = first or next((one for one in recipients if one.delivery != "inside"), None)
        filled = request.form or {
            "recipient_id": str(first.id) if first else "",
            "name": first.name if first else "",
            "institution": first.institution if first else "",
            "grams": "100",
            "kind": DispatchKind.LOCAL.value,
        }
        return str(self.render("admin/dispatch/ask.html", oficio=oficio, recipients=recipients, filled=filled,
                               kinds=list(DispatchKind), wrong=wrong))  # fmt: skip

    @expose("/<int:dispatch_id>")
    def show(self, dispatch_id: int) -> str:
        one, who = get_dispatch(session(), dispatch_id), frame.account()
        acts = select(DeliveryAct).where(DeliveryAct.dispatch_id == one.id).options(
            joinedload(DeliveryAct.account), joinedload(DeliveryAct.decided_by))  # fmt: skip
        found = session().scalars(acts.order_by(DeliveryAct.id.desc()).limit(20)).all()
        return str(
            self.render(
                "admin/dispatch/one.html",
                one=one,
                acts=found,
                proofs=_proofs(one, found),
                events=_history(one),
                allowed=buttons(one, who),
                at_once=AT_ONCE,
                action_icons=ICONS,
                colours=COLOURS,
                describe=describe,
                pesos=pesos,
                manages=who.role in MANAGING,
                is_open=one.state in OPEN,
            )
        )

    @expose("/<int:dispatch_id>/recorrido")
    def course(self, dispatch_id: int) -> str:
        """Where it stands in its flow, and how long it stayed at each step."""
        one, at = get_dispatch(session(), dispatch_id), now()
        stays = stays_of_delivery(one)
        return str(
            self.render("admin/follow/delivery.html", one=one, diagram=draw_deliveries(), stays=stays,
                        passages=passages(stays, at), taken=steps_taken(stays), lines=lines, at=at)
        )  # fmt: skip

    @expose("/<int:dispatch_id>/comprobante/<int:attachment_id>")
    def proof(self, dispatch_id: int, attachment_id: int) -> Response:
        """A file of what proves the delivery; managers see it without reading the case."""
        one = get_dispatch(session(), dispatch_id)
        acts = session().scalars(select(DeliveryAct).where(DeliveryAct.dispatch_id == one.id)).all()
        file = next((each for each in _proofs(one, acts) if each.id == attachment_id), None)
        if file is None or file.danger:
            abort(404)
        content = read_file(session(), office(), file)
        response: Response = pdf_response(content, file.filename, saves=file.content_type not in SHOWN)
        if file.content_type != "application/pdf":
            is_shown = file.content_type in SHOWN
            response.content_type = file.content_type if is_shown else "application/octet-stream"
            response.headers["Content-Security-Policy"] = (
                "default-src 'none'; frame-ancestors 'self'; sandbox"
            )
        return response

    @expose("/<int:dispatch_id>/corregir", methods=("GET", "POST"))
    def correct(self, dispatch_id: int) -> str | tuple[str, int] | BaseResponse:
        if frame.account().role not in MANAGING:
            abort(403)
        if request.method == "GET":
            return self._correcting(get_dispatch(session(), dispatch_id))
        try:
            with writing() as write:
                one, form = get_dispatch(write, dispatch_id), request.form
                zone = write.get(Zone, form.get("zone_id", 0, int))
                dispatches.correct(write, one, frame.account(), read_fields(form), zone=zone,
                                   cost_cents=read_cents(form.get("cost", "")))  # fmt: skip
        except DeskError as error:
            return self._correcting(get_dispatch(session(), dispatch_id), str(error)), 422
        except NotAllowed as error:
            return self._correcting(get_dispatch(session(), dispatch_id), sentence_of(error)), 422
        flash(say("dispatch.one.corrected"), "success")
        return redirect(url_for(".show", dispatch_id=dispatch_id))

    def _correcting(self, one: Dispatch, wrong: str = "") -> str:
        names = ("name", "institution", "address", "municipality", "postal_code", "phone", "instruction")
        filled = request.form or {
            **{name: getattr(one, name) for name in names},
            "kind": one.kind.value, "grams": str(one.grams), "zone_id": str(one.zone_id or ""),
            "recipient_id": str(one.recipient_id or ""), "cost": pesos(one.cost_cents),
            **({"wants_acuse": "y"} if one.wants_acuse else {}),
        }  # fmt: skip
        zones = session().scalars(select(Zone).where(Zone.is_active).order_by(Zone.name)).all()
        return str(self.render("admin/dispatch/correct.html", one=one, filled=filled, zones=zones,
                               kinds=list(DispatchKind), wrong=wrong))  # fmt: skip

    @expose("/<int:dispatch_id>/hacer/<action>")
    def ask(self, dispatch_id: int, action: str) -> str:
        """What an action asks first."""
        one = get_dispatch(session(), dispatch_id)
        if action not in buttons(one, frame.account()) or action in AT_ONCE:
            abort(404)
        return self._doing(one, action)

    def _doing(self, one: Dispatch, action: str, wrong: str = "") -> str:
        today = now().astimezone(office().settings.zone).strftime("%Y-%m-%dT%H:%M")
        return str(self.render("admin/dispatch/do.html", one=one, action=action, filled=request.form,
                               wrong=wrong, now_local=today))  # fmt: skip

    @expose("/<int:dispatch_id>/hacer/<action>", methods=["POST"])
    def act(self, dispatch_id: int, action: str) -> str | tuple[str, int] | BaseResponse:
        verb = VERBS.get(action) or abort(404)
        # Whoever may not see it is told nothing, and uploads nothing.
        get_dispatch(session(), dispatch_id)
        release()
        try:
            files = list(uploaded_files())
            with writing() as write:
                one = get_dispatch(write, dispatch_id)
                verb(write, office(), one, frame.account(), request.form, files)
                guia = one.guia.number if one.guia else ""
        except NotAllowed as error:
            flash(sentence_of(error), "error")
        except InvalidInput as error:
            return self._doing(get_dispatch(session(), dispatch_id), action, str(error)), 422
        else:
            flash(say(f"dispatch.done.{action}", guia=guia), "success")
        return redirect(url_for(".show", dispatch_id=dispatch_id))


_EVENTS = (
    "dispatch_request", "dispatch_correct", "dispatch_assign", "dispatch_unassign", "dispatch_start",
    "dispatch_deliver", "dispatch_return", "dispatch_withdraw", "dispatch_ask_again", "dispatch_late_act",
    "dispatch_accept_late", "dispatch_accept_late_return", "dispatch_set_aside",
    "acuse_owed", "guia_taken", "guia_cancelled",
)  # fmt: skip


def _history(one: Dispatch) -> list[Event]:
    """Its own part of the history of the document, newest first."""
    wanted = select(Event).where(of_case(one.case), Event.action.in_(_EVENTS))
    wanted = wanted.options(joinedload(Event.account)).order_by(Event.sequence.desc())
    found = session().scalars(wanted.limit(200))
    return [event for event in found if event.data.get("dispatch") == one.id]


def _proofs(one: Dispatch, acts: Any) -> list[Attachment]:
    """The files that prove its delivery."""
    ids = {one.acuse_message_id, *(act.message_id for act in acts)} - {None}
    wanted = select(Attachment).where(Attachment.message_id.in_(ids)).order_by(Attachment.id)
    return list(session().scalars(wanted)) if ids else []


def register(app: Flask, admin: Admin) -> None:
    admin.add_view(AskingView(name="envios", endpoint="envios", url="/admin/envios"))
    frame.add_entry(
        app, frame.Entry("documents.rail.section", "dispatch.rail_asking", "envios.index", "truck",
                         DISPATCH_ASKING),
    )  # fmt: skip
