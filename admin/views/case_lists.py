"""The list of the bandeja to take along, as XLSX or CSV, with what was answered to each service."""

from __future__ import annotations

from typing import Any

from flask import Flask, Response, abort, flash, redirect, request, url_for
from flask_admin import Admin
from werkzeug.wrappers import Response as BaseResponse

from admin import frame
from admin.db import office, session
from admin.query import ListQuery, read_query
from intake.services.case_lists import as_csv, as_spreadsheet
from models.base import now
from models.listing import Key, find_page, search
from templates import say

# More is a task for another day: narrower dates, or one service after the other.
MAX_ROWS = 5_000
_KINDS = {
    "xlsx": (as_spreadsheet, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    "csv": (as_csv, "text/csv; charset=utf-8"),
}


def save(kind: str) -> BaseResponse:
    """All pages of the list that the address says, as the bandeja reads it."""
    account = frame.find_account()
    if account is None or account.role not in frame.READING:
        return frame.turn_away()
    if kind not in _KINDS:
        abort(404)
    query = read_query(request.args, account, office().settings.zone)
    ids = _listed(query)
    if len(ids) > MAX_ROWS:
        flash(say("case_list.too_many", number=MAX_ROWS), "error")
        back: dict[str, Any] = dict(query.without_page)
        return redirect(url_for("admin.index", **back))
    write, media = _KINDS[kind]
    response = Response(write(session(), office(), ids), content_type=media)
    today = now().astimezone(office().settings.zone).date()
    response.headers["Content-Disposition"] = f'attachment; filename="{say("case_list.file")}-{today}.{kind}"'
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _listed(query: ListQuery) -> list[int]:
    """At most one more than may be saved."""
    who = frame.account()
    found: dict[int, None] = {}
    before: int | None = None
    key: Key | None = None
    while len(found) <= MAX_ROWS:
        if query.words:
            some = search(session(), who, query.words, query.filters, before=before)
            found |= dict.fromkeys(row.id for row in some.rows)
            before = some.next_before
            is_last = before is None
        else:
            page = find_page(session(), who, query.tray, query.filters, older_than=key)
            found |= dict.fromkeys(row.id for row in page.rows)
            key, is_last = page.oldest, not page.has_older
        if is_last:
            break
    return list(found)


def register(app: Flask, admin: Admin) -> None:
    """Add the two files; the dialog of filters leads to them."""
    app.add_url_rule("/admin/lista.<kind>", "case_lists.save", save)
