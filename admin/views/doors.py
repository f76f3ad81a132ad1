"""*Puertas*: each door's pulse, what waits behind it, and what asks for attention, kept fresh on the page."""

from __future__ import annotations

from flask import Flask
from flask_admin import Admin, expose

from admin import frame
from admin.db import office, session
from intake.vigil import examine
from models.base import now
from models.person import Role


class DoorsView(frame.PanelView):
    """The page, and the part of it that is fetched again every few seconds."""

    roles = frozenset({Role.OFICIALIA, Role.ADMINISTRATOR})

    @expose("/")
    def index(self) -> str:
        return self.render("admin/doors.html", report=examine(session(), office(), now()), at=now())

    @expose("/estado")
    def pulse(self) -> str:
        return self.render("admin/doors_pulse.html", report=examine(session(), office(), now()), at=now())


def register(app: Flask, admin: Admin) -> None:
    """Add the page and its entry in the rail."""
    admin.add_view(DoorsView(name="doors", endpoint="doors", url="/admin/puertas"))
    frame.add_entry(
        app, frame.Entry("panel.rail.office", "office.doors.rail", "doors.index", "plug", DoorsView.roles)
    )
