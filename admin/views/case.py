"""The page of a case: its thread, its data, and the buttons that the workflow allows this account."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from flask import Flask, abort, flash, redirect, request, url_for
from flask_admin import Admin, expose
from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload, with_polymorphic
from werkzeug.wrappers import Response

from admin import frame
from admin.actions import ACTIONS, ASKING, ICONS
from admin.db import office, session, writing
from admin.facts import MAX_TURNOS, read_facts
from admin.query import NAMES, PAGE_NAMES
from admin.thread import describe, newest_id, read_history, read_thread
from admin.views.bandeja import list_values, said_of, wants_only
from intake import cases, contacts, turnos
from intake.correspondence import telegram_chat, way_to
from intake.errors import DeskError
from intake.incoming import Channel
from intake.services.promises import Promises
from models.access import standing, visible_to
from models.base import now
from models.case import Case, Priority
from models.contact import Contact
from models.dependencia import Dependencia
from models.folders import documents_of, who_acts
from models.message import Message
from models.oficio import Oficio
from models.person import Account, Person
from models.service import Service
from models.ticket import Ticket
from models.turno import Turno
from models.workflow import NotAllowed, Process, Who, allowed_actions, process_of
from templates import say

# Buttons that stay in sight; the others are in the menu.
IN_SIGHT = ("assign", "take", "mark_reviewed", "resolve", "conclude", "reopen")
# The course of a case, as the bar of steps shows it.
STEPS = (
    ("new", "registered"),
    ("assigned", "digitizing", "discharging"),
    ("in_progress", "waiting", "in_attention"),
    ("resolved", "answered", "signed"),
    ("closed", "concluded"),
)

# Its tables and what is read along, put together once: that takes longer than the database does.
_WHOLE = with_polymorphic(Case, [Ticket])
_ONE_CASE = select(_WHOLE).options(
    joinedload(_WHOLE.requester).joinedload(Contact.addresses),
    joinedload(_WHOLE.dependencia),
    joinedload(_WHOLE.holder).lazyload(Account.dependencia),
    joinedload(_WHOLE.Ticket.service),
)


def get_case(read: Session, case_id: int) -> Case:
    """The case, if this account may see it; else 404, which says nothing about whether it exists."""
    return _find_case(read, case_id) or abort(404)


def _find_case(read: Session, case_id: int) -> Case | None:
    query = _ONE_CASE.where(_WHOLE.id == case_id, visible_to(frame.account()))
    return read.scalars(query).unique().one_or_none()


def get_ordinary(read: Session, case_id: int) -> Case:
    """The same, but not of a document that the house issues, which has verbs of its own."""
    found = get_case(read, case_id)
    return abort(404) if process_of(found) == Process.ISSUED else found


def list_arguments() -> dict[str, Any]:
    """The list beside the case, carried along in links and forms."""
    return {name: request.args[name] for name in (*NAMES, *PAGE_NAMES) if name in request.args}


def buttons(
    case: Case, who: Account, stands: Collection[Who], given: Sequence[Turno] | None = None
) -> list[str]:
    """Actions that *who* may use now, in the order of the workflow table; the spam button after them.

    *given*: the open turnos of the case, when they were read already.
    """
    found = dict.fromkeys(row.action for row in allowed_actions(case, stands))
    if "take" in found and case.holder_id == who.id and case.state != "assigned":
        del found["take"]
    if "wake" in found and case.snoozed_until is None:
        del found["wake"]
    if "mark_reviewed" in found and not turnos.has_copy(session(), case, who, given):
        del found["mark_reviewed"]
    # A quantity is asked for where something is promised for each piece.
    if "set_quantity" in found and not (
        isinstance(case, Ticket) and case.service and case.service.unit_minutes
    ):
        del found["set_quantity"]
    spam = contacts.spam_action(case, stands)
    return [*found, spam] if spam else list(found)


def case_values(case: Case, *, before: int | None = None, is_seen: bool = False) -> dict[str, Any]:
    """What the case pane shows; *is_seen*: the case was found among those that this account may see."""
    who = frame.account()
    thread, facts = read_thread(session(), case, before=before), read_facts(session(), case)
    to, cc = cases.default_recipients(session(), case, None if before else thread.last_word)
    channel, address = way_to(session(), case)
    stands = standing(session(), case, who, is_seen=is_seen)
    allowed = buttons(case, who, stands, facts.turnos if len(facts.turnos) < MAX_TURNOS else None)
    return {
        "case": case,
        "stands": stands,
        "service": case.service if isinstance(case, Ticket) else None,
        "thread": thread,
        "facts": facts,
        "allowed": allowed,
        "in_sight": [one for one in allowed if one in IN_SIGHT],
        "in_menu": [one for one in allowed if one in ACTIONS and one not in IN_SIGHT and one != "split"],
        "asking": ASKING,
        "action_icons": ICONS,
        "step": next((number for number, states in enumerate(STEPS) if case.state in states), None),
        "step_count": len(STEPS),
        "to": to,
        "cc": cc,
        # The requester's chat, and where the answer goes unless the clerk chooses otherwise.
        "chat": address if channel == Channel.TELEGRAM else telegram_chat(case),
        "channel": channel,
        "describe": describe,
        "is_older_page": before is not None,
        "draft": None,
        "keep": list_arguments(),
    }


def show_case(view: frame.PanelView, case: Case, *, is_seen: bool = False, **more: Any) -> str:
    """The case with its list beside it, or only the pane when htmx asks for that."""
    before = request.args.get("anteriores", type=int)
    values = {**case_values(case, before=before, is_seen=is_seen), **more}
    if wants_only("case"):
        return str(view.render("admin/case.html", **said_of((), case), **values))
    return str(view.render("admin/bandeja.html", **{**list_values(case), **values}))


class CaseView(frame.PanelView):
    """One case. The list from which it was opened stays beside it on a wide screen."""

    roles = frame.READING

    @expose("/")
    def index(self) -> Response:
        return redirect(url_for("admin.index"))

    @expose("/<int:case_id>")
    def show(self, case_id: int) -> str | Response:
        seen = _find_case(session(), case_id)
        case = seen or session().get(Case, case_id)
        if case is not None and process_of(case) == Process.ISSUED:
            # A page of its own, which asks by itself who may see it.
            return away(url_for("documents.show", document_id=case_id))
        return show_case(self, seen or abort(404), is_seen=True)

    @expose("/<int:case_id>/mensajes")
    def older(self, case_id: int) -> str | Response:
        """The page of messages before the one named, to be put above it."""
        case, before = get_case(session(), case_id), request.args.get("anteriores", type=int)
        if "HX-Request" not in request.headers:
            return redirect(url_for("case.show", case_id=case_id, **list_arguments(), anteriores=before))
        stands = standing(session(), case, frame.account(), is_seen=True)
        return str(
            self.render(
                "admin/case/entries.html",
                case=case,
                thread=read_thread(session(), case, before=before),
                allowed=buttons(case, frame.account(), stands),
                describe=describe,
                keep=list_arguments(),
            )
        )

    @expose("/<int:case_id>/texto/<int:message_id>")
    def text(self, case_id: int, message_id: int) -> str:
        """The whole text of a message, with signature and quoted mails."""
        case = get_case(session(), case_id)
        message = session().get(Message, message_id)
        if message is None or message.case_id != case.id:
            abort(404)
        return str(self.render("admin/case/text.html", message=message, case=case, keep=list_arguments()))

    @expose("/<int:case_id>/historial")
    def history(self, case_id: int) -> str:
        case = get_case(session(), case_id)
        events, older = read_history(session(), case, before=request.args.get("antes", type=int))
        return str(self.render("admin/case/history.html", case=case, events=events, older=older,
                               describe=describe, keep=list_arguments()))  # fmt: skip

    @expose("/<int:case_id>/pedir/<action>")
    def ask(self, case_id: int, action: str) -> str:
        """The form of an action that asks something first."""
        case = get_case(session(), case_id)
        if action not in ASKING:
            abort(404)
        who = frame.account()
        allowed = buttons(case, who, standing(session(), case, who))
        if action not in allowed:
            raise NotAllowed(action, case.state)
        return str(
            self.render(
                "admin/case/ask.html",
                case=case,
                action=action,
                keep=list_arguments(),
                message_id=request.args.get("mensaje", type=int),
                allowed=allowed,
                **_choices(action, case),
            )
        )

    @expose("/<int:case_id>/hacer/<action>", methods=["POST"])
    def act(self, case_id: int, action: str) -> Response:
        """Call the verb; then show the case it leads to."""
        verb = ACTIONS.get(action) or abort(404)
        try:
            with writing() as write:
                case = verb(write, office(), get_ordinary(write, case_id), frame.account(), request.form)
                shown, folio = case.id, case.folio
        except DeskError as error:
            flash(str(error), "error")
            return redirect(url_for("case.show", case_id=case_id, **list_arguments()))
        flash(say(f"panel.done.{action}", folio=folio), "success")
        return redirect(url_for("case.show", case_id=shown, **list_arguments()))

    @expose("/<int:case_id>/etiquetas", methods=["POST"])
    def tag(self, case_id: int) -> Response:
        """Put one's own label on the case, or take it off."""
        who = frame.account()
        try:
            with writing() as write:
                case = get_case(write, case_id)
                if "remove" in request.form:
                    cases.remove_tag(write, case, who, request.form["remove"])
                else:
                    cases.add_tag(write, case, who, request.form.get("name", ""))
        except DeskError as error:
            flash(str(error), "error")
        return redirect(url_for("case.show", case_id=case_id, **list_arguments()))

    @expose("/<int:case_id>/presencia", methods=["POST"])
    def presence(self, case_id: int) -> str:
        """Who else has the case open, and whether something new came in since the page was drawn."""
        with writing() as write:
            case = get_case(write, case_id)
            is_writing = bool(request.form.get("writing"))
            others = [
                (one.account.person.name, one.is_writing)
                for one in cases.see(write, case, frame.account(), is_writing)
            ]
            is_stale = newest_id(write, case) > request.form.get("last_message_id", 0, int)
        return str(self.render("admin/case/presence.html", case=case, others=others, is_stale=is_stale,
                               keep=list_arguments()))  # fmt: skip


def _choices(action: str, case: Case) -> dict[str, Any]:
    """What the dialog of *action* offers to choose from."""
    read = session().scalars
    if action in ("assign", "copy"):
        people = (
            select(Account)
            .join(Account.person)
            .where(Account.is_active, Person.is_active, Account.role.in_(frame.READING))
        )
        tree = select(Dependencia).where(Dependencia.is_active).order_by(Dependencia.path)
        return {
            "dependencias": read(tree).all(),
            "accounts": read(people.order_by(Person.name)).unique().all(),
        }
    if action == "change_service":
        return {"services": read(select(Service).where(Service.is_active).order_by(Service.position)).all()}
    if action == "change_priority":
        return {"priorities": list(Priority)}
    if action == "agree_date":
        return {"promised": Promises(session(), office(), [case.id]).of_case(case, now())}
    return {}


def away(url: str) -> Response:
    """Go to another page, also when htmx asked for a part of this one."""
    if "HX-Request" in request.headers:
        return Response(status=200, headers={"HX-Redirect": url})
    return redirect(url)


def by_folio(folio: str) -> Response:
    """`/admin/folio/<folio>` for links in mail and for people who type."""
    who = frame.find_account()
    if who is None or who.role not in frame.READING:
        return frame.turn_away()
    # A number pattern may have small letters.
    named = Case.folio.in_([folio.strip(), folio.strip().upper()])
    seen = or_(visible_to(who), Case.id.in_(select(Oficio.id).where(documents_of(who_acts(session(), who)))))
    wanted = select(Case.id).where(named, seen)
    return redirect(url_for("case.show", case_id=session().scalar(wanted) or abort(404)))


def register(app: Flask, admin: Admin) -> None:
    admin.add_view(CaseView(name="case", endpoint="case", url="/admin/casos"))
    app.add_url_rule("/admin/folio/<path:folio>", "folio", by_folio)
