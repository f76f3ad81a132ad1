"""The list of the tablero as XLSX or as a ZIP of its PDF files, and the libro de correspondencia."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from flask import Flask, Response, flash, redirect, request, url_for
from flask_admin import Admin, expose
from sqlalchemy import and_, select
from werkzeug.wrappers import Response as BaseResponse

from admin import board_query, frame
from admin.db import office, release, session
from admin.documents import pdf_response
from intake.issued.exports import Value, make_spreadsheet, pdf_files, print_book, stream_zip
from models.base import now
from models.book import count_entries, find_entries
from models.folders import DocumentRow, documents_of, find_documents, in_folder, recipients_named, who_acts
from models.listing import Key
from models.oficio import Flow, Oficio
from templates import say

# More is a task for another day: narrower dates, or one folder after the other.
MAX_ROWS, MAX_ZIPPED, MAX_ZIP_BYTES = 5_000, 1_000, 1_000_000_000
# WeasyPrint takes 9 ms of processor time for a line.
MAX_LINES = 1_000
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_COLUMNS = (
    ("folio", 22), ("type", 14), ("number", 22), ("subject", 46), ("from", 30), ("dependencia", 30),
    ("to", 40), ("state", 16), ("received", 13), ("approved", 17), ("sent", 17), ("answer_by", 13),
    ("code", 26),
)  # fmt: skip


class ExportsView(frame.PanelView):
    """What the board shows now, or only what is ticked there, to take along."""

    roles = frame.READING

    @expose("/")
    def index(self) -> BaseResponse:
        return redirect(url_for("board.index"))

    @expose("/lista.xlsx", methods=("GET", "POST"))
    def xlsx(self) -> BaseResponse:
        rows = _listed(MAX_ROWS)
        if len(rows) > MAX_ROWS:
            return _refused("too_many_rows", number=MAX_ROWS)
        columns = [(say(f"documents_public.column.{name}"), width) for name, width in _COLUMNS]
        made = make_spreadsheet(office(), say("documents_public.export.sheet"), columns, _values(rows))
        return _saved(Response(made, mimetype=_XLSX), say("documents_public.export.list_name"), "xlsx")

    @expose("/lista.zip", methods=("GET", "POST"))
    def zip(self) -> BaseResponse:
        rows = _listed(MAX_ZIPPED)
        if len(rows) > MAX_ZIPPED:
            return _refused("too_many_files", number=MAX_ZIPPED)
        files = pdf_files(session(), [row.id for row in rows])
        if not files:
            return _refused("no_files")
        size = sum(one.size for one in files)
        if size > MAX_ZIP_BYTES:
            return _refused("too_large", size=_gigabytes(size), maximum=_gigabytes(MAX_ZIP_BYTES))
        # The answer takes as long as its reader likes; no transaction of ours waits for that.
        release()
        stream = Response(stream_zip(office(), files), mimetype="application/zip")
        return _saved(stream, say("documents_public.export.files_name"), "zip")


class BookView(frame.PanelView):
    """*Libro de correspondencia*: a period, received or issued, as a PDF to print or keep."""

    roles = frame.READING

    @expose("/")
    def index(self) -> str:
        today = now().astimezone(office().settings.zone).date()
        return str(
            self.render(
                "admin/documents/book.html", since=today.replace(day=1), until=today, flows=list(Flow)
            )
        )

    @expose("/pdf")
    def pdf(self) -> BaseResponse:
        wanted, zone = request.args.get("libro", ""), office().settings.zone
        flow = Flow(wanted) if wanted in list(Flow) else Flow.RECEIVED
        since, until = _day("desde"), _day("hasta")
        if since is None or until is None or until < since:
            return _no_book("bad_period")
        accounts, who = who_acts(session(), frame.account()), frame.account()
        number = count_entries(session(), accounts, flow, since, until, zone)
        if number > MAX_LINES:
            return _no_book("too_many_lines", number=number, maximum=MAX_LINES)
        entries = find_entries(session(), accounts, flow, since, until, zone)
        made = print_book(office(), entries, flow, since, until, who.person.name)
        name = f"{say(f'documents_public.book.name.{flow}')}-{since}-{until}.pdf"
        response: Response = pdf_response(made, name)
        return response


def _listed(limit: int) -> list[DocumentRow]:
    """The list that the board shows, one more than *limit* at most, of what the account may see."""
    accounts = who_acts(session(), frame.account())
    seen = documents_of(accounts)
    ticked = board_query.ticked()
    sought = board_query.read_sought(board_query.find_administration(board_query.administrations()))
    if ticked:
        rule = and_(seen, Oficio.id.in_(ticked))
    else:
        is_search, folder = board_query.is_search(), board_query.read_folder()
        rule = seen if is_search else and_(seen, in_folder(folder, accounts))
    found: list[DocumentRow] = []
    key: Key | None = None
    while len(found) <= limit:
        page = find_documents(session(), rule, accounts, sought, older_than=key)
        found += page.rows
        if page.next_key is None:
            break
        key = page.next_key
    return found


def _values(rows: Sequence[DocumentRow]) -> list[Sequence[Value]]:
    ids = [row.id for row in rows]
    more: dict[int, Any] = {}
    to: dict[int, list[str]] = {}
    # PostgreSQL and SQLite know no more parameters of a statement than 32,766.
    for start in range(0, len(ids), 1_000):
        some = ids[start : start + 1_000]
        to |= recipients_named(session(), some)
        wanted = select(
            Oficio.id, Oficio.sender_number, Oficio.received_on, Oficio.approved_at,
            Oficio.answer_required_on, Oficio.verification_code,
        ).where(Oficio.id.in_(some))  # fmt: skip
        more |= {row.id: row for row in session().execute(wanted)}
    return [
        (
            row.folio, say(f"document.type.{row.document_type}"), more[row.id].sender_number, row.subject,
            row.sender, row.dependencia or "", "; ".join(to.get(row.id, ())), say(f"panel.state.{row.state}"),
            more[row.id].received_on, more[row.id].approved_at, row.sent_at,
            more[row.id].answer_required_on, more[row.id].verification_code or "",
        )
        for row in rows
    ]  # fmt: skip


def _saved(response: Response, name: str, extension: str) -> Response:
    today = now().astimezone(office().settings.zone).date()
    response.headers["Content-Disposition"] = f'attachment; filename="{name}-{today}.{extension}"'
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f}"


def _refused(key: str, **values: Any) -> BaseResponse:
    flash(say(f"documents_public.export.{key}", **values), "error")
    return redirect(url_for("board.index", **board_query.kept()))


def _no_book(key: str, **values: Any) -> BaseResponse:
    flash(say(f"documents_public.book.{key}", **values), "error")
    return redirect(url_for("book.index"))


def _day(name: str) -> date | None:
    try:
        return date.fromisoformat(request.args.get(name, ""))
    except ValueError:
        return None


def register(app: Flask, admin: Admin) -> None:
    admin.add_view(ExportsView(name="exports", endpoint="exports", url="/admin/tablero/exportar"))
    admin.add_view(BookView(name="book", endpoint="book", url="/admin/libro"))
    frame.add_entry(
        app,
        frame.Entry("documents.rail.section", "documents_public.rail.book", "book.index", "book-2",
                    frame.READING),
    )  # fmt: skip
