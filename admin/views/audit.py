"""The bitácora for administrators: what was configured and decided, and whether the chains are whole."""

from __future__ import annotations

import time

from flask import Flask
from flask_admin import Admin, expose
from sqlalchemy import select, text
from sqlalchemy.orm import joinedload

from admin import frame, paging
from admin.db import session
from intake.running.audit import read_chains
from models.event import Event
from templates import say

# A page may not keep a thread of the panel for longer.
MAX_SECONDS = 10.0
# The words of the index of chains, which holds the office's own as number 0.
_OFFICE = text("coalesce(event.case_id, 0) = 0")


def action_words(action: str) -> str:
    """What an event says for a person; its bare name when nobody wrote a sentence yet."""
    key = f"office.audit.action.{action}"
    words = say(key)
    return action if words == key else words


class AuditView(frame.PanelView):
    """Events of the office itself, newest first. What happened in a case is on the case's page."""

    roles = frame.CONFIGURING

    @expose("/")
    def index(self) -> str:
        wanted = select(Event).where(_OFFICE).options(joinedload(Event.account))
        page = paging.newest(session(), wanted, Event.sequence)
        return self.render("admin/audit.html", page=page, action_words=action_words)

    @expose("/comprobar")
    def verify(self) -> str:
        """Read the chains again, the office's own first; says which are not whole."""
        chains = events = 0
        broken = []
        is_partial = False
        end = time.monotonic() + MAX_SECONDS
        for chain in read_chains(session()):
            chains, events = chains + 1, events + chain.events
            if chain.fault:
                broken.append(chain)
            if time.monotonic() > end:
                # The whole of a large register takes minutes: `oficialia verify --audit` reads all of it.
                is_partial = True
                break
        return self.render("admin/audit_chains.html", chains=chains, events=events, broken=broken,
                           is_partial=is_partial)  # fmt: skip


def register(app: Flask, admin: Admin) -> None:
    """Add the page and its entry in the rail."""
    admin.add_view(AuditView(name="audit", endpoint="audit", url="/admin/bitacora"))
    frame.add_entry(
        app, frame.Entry("panel.rail.office", "office.audit.rail", "audit.index", "history", AuditView.roles)
    )
