"""*Expedientes*: the files that group cases, their index and PDF, and the inventory of transfers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from flask import Flask, Response, abort, flash, redirect, request, url_for
from flask_admin import Admin, expose
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload
from werkzeug.wrappers import Response as BaseResponse

from admin import frame
from admin.db import office, session, writing
from admin.documents import pdf_response
from admin.paging import newest
from admin.views.processes import get_seen_case
from intake.archiving import expedientes
from intake.archiving.binding import document_date
from intake.attachments import read_blob
from intake.errors import DeskError, InvalidInput
from intake.issued.exports import Value, make_spreadsheet
from intake.issued.pdf import html_to_pdf
from intake.wording import day, instant
from models.access import visible_to
from models.archive import ArchiveSeries, DocumentSeries
from models.base import now
from models.case import Case
from models.expediente import Expediente, ExpedienteEntry
from models.oficio import Oficio
from templates import render, say

MAX_INVENTORY = 2_000
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# The columns of the inventario de transferencia primaria, with the width of each in the spreadsheet.
INVENTORY = (
    ("number", 28), ("series", 30), ("title", 46), ("opened", 12), ("closed", 12), ("files", 9),
    ("pages", 9), ("process", 10), ("concentration", 14), ("values", 26), ("disposition", 20),
    ("transfer_on", 14), ("place", 24),
)  # fmt: skip


class ExpedientesView(frame.PanelView):
    """The list, one expediente with its index, and what is done with it."""

    roles = frozenset(expedientes.KEEPING)

    @expose("/")
    def index(self) -> str:
        return self._list()

    def _list(self) -> str:
        given, who = request.args, frame.account()
        wanted = (
            select(Expediente)
            .where(expedientes.visible_expedientes(who))
            .options(joinedload(Expediente.series), joinedload(Expediente.dependencia))
        )
        if given.get("estado") == "abiertos":
            wanted = wanted.where(Expediente.closed_on.is_(None))
        elif given.get("estado") == "cerrados":
            wanted = wanted.where(Expediente.closed_on.is_not(None))
        if serie := given.get("serie", type=int):
            wanted = wanted.where(Expediente.series_id == serie)
        if words := given.get("q", "").strip()[:200]:
            named = Expediente.title.icontains(words, autoescape=True)
            wanted = wanted.where(named | Expediente.number.icontains(words, autoescape=True))
        return str(
            self.render(
                "admin/follow/expedientes.html",
                page=newest(session(), wanted, Expediente.id),
                keep={n: given[n] for n in ("estado", "serie", "q") if given.get(n, "").strip()},
                series=_series(),
                form=request.form,
            )
        )

    @expose("/", methods=["POST"])
    def open(self) -> BaseResponse | tuple[str, int]:
        """*Abrir expediente*, with a case in it at once when it was opened from one."""
        try:
            with writing() as write:
                series = write.get(ArchiveSeries, request.form.get("series", 0, int))
                if series is None:
                    raise InvalidInput("choose_one")
                made = expedientes.open_expediente(
                    write, office(), frame.account(), series=series,
                    title=request.form.get("title", ""), place=request.form.get("place", ""),
                )  # fmt: skip
                if folio := request.form.get("folio", "").strip():
                    expedientes.add_case(write, made, _by_folio(write, folio), frame.account())
                key, number = made.id, made.number
        except DeskError as error:
            flash(str(error), "error")
            return self._list(), 422
        flash(say("archive.done.open", number=number), "success")
        return redirect(url_for(".show", key=key))

    @expose("/<int:key>")
    def show(self, key: int) -> str:
        return self._show(_get(session(), key))

    def _show(self, expediente: Expediente) -> str:
        who = frame.account()
        entries = (
            session()
            .scalars(
                select(ExpedienteEntry)
                .join(Case, Case.id == ExpedienteEntry.case_id)
                .where(ExpedienteEntry.expediente_id == expediente.id, visible_to(who))
                .options(joinedload(ExpedienteEntry.case))
                .order_by(ExpedienteEntry.position)
            )
            .all()
        )
        return str(
            self.render(
                "admin/follow/expediente.html",
                expediente=expediente,
                entries=entries,
                on={entry.id: document_date(office(), entry.case) for entry in entries},
                may_keep=expedientes.may_keep(who, expediente),
                sees_all=expedientes.sees_all_of(session(), who, expediente),
                form=request.form,
                today=expedientes.local_today(office()),
            )
        )

    @expose("/<int:key>/<action>", methods=["POST"])
    def act(self, key: int, action: str) -> BaseResponse | tuple[str, int]:
        if action not in ("agregar", "quitar", "cerrar", "formar", "transferir"):
            abort(404)
        by, folio = frame.account(), request.form.get("folio", "").strip()
        try:
            with writing() as write:
                found = _get(write, key)
                if action in ("agregar", "quitar"):
                    case = _by_folio(write, folio)
                    verb = expedientes.add_case if action == "agregar" else expedientes.remove_case
                    verb(write, found, case, by)
                    folio = case.folio
                elif action == "cerrar":
                    expedientes.close(write, office(), found, by)
                elif action == "formar":
                    expedientes.ask_pdf(write, found, by)
                else:
                    expedientes.transfer(write, office(), found, by)
                number = found.number
        except DeskError as error:
            flash(str(error), "error")
            return self._show(_get(session(), key)), 422
        flash(say(f"archive.done.{action}", number=number, folio=folio), "success")
        return redirect(url_for(".show", key=key))

    @expose("/<int:key>/pdf")
    def pdf(self, key: int) -> Response:
        """The PDF of the whole, for who may read every case in it."""
        found = _get(session(), key)
        if found.pdf_sha256 is None or not expedientes.sees_all_of(session(), frame.account(), found):
            abort(404)
        content = read_blob(session(), office(), found.pdf_sha256)
        return pdf_response(content, f"{found.number.replace('/', '-')}.pdf", saves=True)

    @expose("/asunto/<int:case_id>")
    def of_case(self, case_id: int) -> str:
        """In which expedientes a case is, and into which it may go."""
        case, who = get_seen_case(case_id), frame.account()
        inside = _with_case(case_id)
        candidates = [
            one
            for one in session().scalars(
                select(Expediente)
                .where(expedientes.visible_expedientes(who), Expediente.closed_on.is_(None))
                .options(joinedload(Expediente.series), joinedload(Expediente.dependencia))
                .order_by(Expediente.id.desc())
                .limit(100)
            )
            if expedientes.may_keep(who, one) and one not in inside
        ]
        return str(
            self.render("admin/follow/case_expedientes.html", case=case, inside=inside,
                        candidates=candidates, series=_series(), proposed=series_of(case))
        )  # fmt: skip

    @expose("/transferencias")
    def transfers(self) -> str:
        until = _until()
        rows = _due(until, 201)
        return str(
            self.render("admin/follow/transfers.html", rows=rows[:200], has_more=len(rows) > 200, until=until,
                        may_keep=lambda one: expedientes.may_keep(frame.account(), one))
        )  # fmt: skip

    @expose("/transferencias.xlsx")
    def inventory_xlsx(self) -> Response:
        columns = [(say(f"archive.inventory.{name}"), width) for name, width in INVENTORY]
        made = make_spreadsheet(office(), say("archive.transfer.sheet"), columns, _inventory(_until()))
        response = Response(made, mimetype=_XLSX)
        response.headers["Content-Disposition"] = f'attachment; filename="inventario-{_until()}.xlsx"'
        response.headers["Cache-Control"] = "private, no-store"
        return response

    @expose("/transferencias.pdf")
    def inventory_pdf(self) -> Response:
        made = html_to_pdf(
            render(
                "letters/transfer.html",
                institution=office().settings.institution,
                dependencia=frame.account().dependencia.name,
                until=_until(),
                columns=[say(f"archive.inventory.{name}") for name, _ in INVENTORY],
                rows=_inventory(_until()),
                day=day,
                printed_at=instant(now(), office().settings.zone),
            )
        )
        return pdf_response(made, f"inventario-{_until()}.pdf", saves=True)


def series_of(case: Case) -> ArchiveSeries | None:
    """The series to which a document of this type belongs (catálogo de disposición documental)."""
    if not isinstance(case, Oficio):
        return None
    found = session().get(DocumentSeries, case.document_type)
    return found.series if found else None


def _with_case(case_id: int) -> Sequence[Expediente]:
    inside = select(ExpedienteEntry.expediente_id).where(ExpedienteEntry.case_id == case_id)
    wanted = select(Expediente).where(
        Expediente.id.in_(inside), expedientes.visible_expedientes(frame.account())
    )
    return session().scalars(wanted.options(joinedload(Expediente.series)).order_by(Expediente.id)).all()


def _get(read: Session, key: int) -> Expediente:
    wanted = select(Expediente).where(Expediente.id == key, expedientes.visible_expedientes(frame.account()))
    return read.scalar(wanted) or abort(404)


def _by_folio(read: Session, folio: str) -> Case:
    found = read.scalar(select(Case).where(Case.folio.in_([folio, folio.upper()])))
    if found is None:
        raise InvalidInput("expediente_folio", folio=folio)
    return found


def _series() -> Sequence[ArchiveSeries]:
    wanted = select(ArchiveSeries).where(ArchiveSeries.is_active).order_by(ArchiveSeries.code)
    return [one for one in session().scalars(wanted) if one.holds_expedientes]


def _until() -> date:
    try:
        return date.fromisoformat(request.args.get("hasta", ""))
    except ValueError:
        return expedientes.local_today(office())


def _due(until: date, limit: int) -> Sequence[Expediente]:
    wanted = (
        select(Expediente)
        .where(expedientes.due_for_transfer(frame.account(), until))
        .options(
            joinedload(Expediente.series), joinedload(Expediente.dependencia), joinedload(Expediente.entries)
        )
        .order_by(Expediente.transfer_on, Expediente.id)
        .limit(limit)
    )
    return session().scalars(wanted).unique().all()


def _inventory(until: date) -> list[Sequence[Value]]:
    return [_inventory_row(one) for one in _due(until, MAX_INVENTORY)]


def _inventory_row(one: Expediente) -> Sequence[Value]:
    series = one.series
    values = [
        say(f"archive.value.{name}")
        for name in ("administrative", "legal", "fiscal")
        if getattr(series, f"is_{name}")
    ]
    return (
        one.number, str(series), one.title, one.opened_on, one.closed_on, len(one.entries),
        sum(entry.pages or 0 for entry in one.entries), series.process_years, series.concentration_years,
        ", ".join(values), say(f"archive.disposition.{series.disposition}"), one.transfer_on, one.place,
    )  # fmt: skip


def register(app: Flask, admin: Admin) -> None:
    """Add the pages, their entry in the rail, and what a case says of its expedientes."""
    admin.add_view(ExpedientesView(name="expedientes", endpoint="expedientes", url="/admin/expedientes"))
    entry = frame.Entry(
        "follow.rail.section", "archive.title", "expedientes.index", "book-2", ExpedientesView.roles
    )
    frame.add_entry(app, entry)

    @app.context_processor
    def expediente_values() -> dict[str, Any]:
        return {"expedientes_of": _with_case, "series_of": series_of}
