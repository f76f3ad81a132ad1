"""The bandeja: trays of cases as a mail client lists its mail, with filters and search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import g, redirect, request, url_for
from flask_admin import AdminIndexView, expose
from sqlalchemy import select
from werkzeug.wrappers import Response

from admin import frame
from admin.db import office, session
from admin.query import ListQuery, read_query, write_key
from admin.views.accounts import start_of
from intake.services.promises import Promises
from models.base import now
from models.case import Case
from models.dependencia import Dependencia
from models.listing import Found, Row, find_page, search, tags_of
from models.service import Service
from models.tag import Tag


def wants_only(part: str) -> bool:
    """Does htmx ask for this part of the page and not for the whole?"""
    return request.headers.get("HX-Target") == part


def list_values(case: Case | None = None) -> dict[str, Any]:
    """What the list pane shows, for the page of a tray and beside *case*."""
    who = frame.account()
    query = read_query(request.args, who, office().settings.zone)
    g.tray = query.tray.name if not query.words else ""
    values: dict[str, Any] = {"query": query, "keep": query.arguments, **_rows(query)}
    return values | said_of(values["rows"], case)


def said_of(rows: Sequence[Row], case: Case | None = None) -> dict[str, Any]:
    """What both panes say of a case, the tags of the account and the promises: asked once for both."""
    at, beside = now(), [case.id] if case else []
    promises = Promises(session(), office(), [*(row.id for row in rows if row.is_open), *beside])
    ids = [*(row.id for row in rows), *beside]
    return {
        "tags": tags_of(session(), frame.account(), ids) if frame.folders() else {},
        "clocks": promises.clocks_of(rows, at),
        "promised": promises.of_case(case, at) if case else None,
    }


def _rows(query: ListQuery) -> dict[str, Any]:
    who, base = frame.account(), query.without_page
    if query.words:
        found: Found = search(session(), who, query.words, query.filters, before=query.before_message)
        older = {**base, "antes": str(found.next_before)} if found.next_before else None
        return {"rows": found.rows, "newer": base if query.before_message else None, "older": older}
    page = find_page(
        session(), who, query.tray, query.filters, older_than=query.older_than, newer_than=query.newer_than,
        attends=frame.attends(),
    )  # fmt: skip
    newer = {**base, "despues": write_key(page.newest)} if page.has_newer and page.newest else None
    older = {**base, "antes": write_key(page.oldest)} if page.has_older and page.oldest else None
    return {"rows": page.rows, "newer": newer, "older": older}


class BandejaView(frame.PanelView, AdminIndexView):
    """List on the left, case on the right; on a phone two pages."""

    @expose("/")
    def index(self) -> str | Response:
        if frame.account().role not in frame.READING:
            return redirect(first_page_of_administration())
        # The link of a tray names it; whoever comes in or goes to the beginning names none.
        if not request.args and start_of(frame.account()) == "board" and not wants_only("list"):
            return redirect(url_for("board.index"))
        part = "admin/list.html" if wants_only("list") else "admin/bandeja.html"
        return self.render(part, case=None, is_part=wants_only("list"), **list_values())

    @expose("/filtros")
    def filters(self) -> str:
        """The filter form, fetched when first opened: its choices are many."""
        who = frame.account()
        read = session().scalars
        return self.render(
            "admin/filters.html",
            query=read_query(request.args, who, office().settings.zone),
            services=read(select(Service).where(Service.is_active).order_by(Service.name)).all(),
            dependencias=read(
                select(Dependencia).where(Dependencia.is_active).order_by(Dependencia.path)
            ).all(),
            own_tags=read(select(Tag).where(Tag.account_id == who.id).order_by(Tag.name)).all(),
        )


def first_page_of_administration() -> str:
    """Where an administrator begins: the first entry of its rail."""
    for _, links in frame.rail():
        for link in links:
            return link.url
    return url_for("accounts.index")
