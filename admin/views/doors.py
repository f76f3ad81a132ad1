"""*Puertas*: each door's pulse, what waits behind it, and what asks for attention, kept fresh on the page."""

from __future__ import annotations

from flask import Flask, flash, redirect, url_for
from flask_admin import Admin, expose
from werkzeug.wrappers import Response

from admin import frame
from admin.db import office, session, writing
from intake.chat import chat_spool
from intake.doors.vigil import examine
from intake.errors import DeskError
from models.base import now
from models.person import Role
from templates import say


class DoorsView(frame.PanelView):
    """The page, and the part of it that is fetched again every few seconds."""

    roles = frozenset({Role.OFICIALIA, Role.ADMINISTRATOR})

    @expose("/")
    def index(self) -> str:
        return self.render("admin/doors.html", report=examine(session(), office(), now()), at=now())

    @expose("/estado")
    def pulse(self) -> str:
        return self.render("admin/doors_pulse.html", report=examine(session(), office(), now()), at=now())

    @expose("/telegram")
    def chat(self) -> str:
        """Messages of Telegram that failed, each with why."""
        return self.render("admin/doors_chat.html", failed=chat_spool.stuck(session()))

    @expose("/telegram/<int:bot_id>/<int:update_id>", methods=["POST"])
    def retry(self, bot_id: int, update_id: int) -> Response:
        try:
            with writing() as write:
                chat_spool.retry(write, bot_id, update_id, frame.account())
        except DeskError as error:
            flash(str(error), "error")
        else:
            flash(say("chat_desk.panel.retried"), "success")
        return redirect(url_for(".chat"))


def register(app: Flask, admin: Admin) -> None:
    """Add the page and its entry in the rail."""
    admin.add_view(DoorsView(name="doors", endpoint="doors", url="/admin/puertas"))
    frame.add_entry(
        app, frame.Entry("panel.rail.office", "office.doors.rail", "doors.index", "plug", DoorsView.roles)
    )
