"""The archive's catalogue: cuadro general de clasificación, and terms and destination of each series."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Flask, Response, abort, flash, redirect, request, url_for
from flask_admin import Admin, expose
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from admin import frame
from admin.db import office, session, writing
from intake.archiving import archive
from intake.errors import DeskError
from intake.issued.exports import make_spreadsheet
from models.archive import LEVELS, ArchiveSeries, Disposition, DocumentSeries, Level
from models.oficio import DocumentType
from templates import say

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_COLUMNS = (
    ("level", 12), ("code", 16), ("name", 46), ("process", 10), ("concentration", 14), ("values", 28),
    ("disposition", 22),
)  # fmt: skip


class ArchiveView(frame.PanelView):
    """The cuadro as a tree; the administrator changes it, everybody else reads it."""

    @expose("/")
    def index(self) -> str:
        return self._page()

    def _page(self) -> str:
        series = ordered(session())
        types = {one.document_type: one.series_id for one in session().scalars(select(DocumentSeries))}
        return str(
            self.render(
                "admin/follow/archive.html",
                series=series,
                depth=depths(series),
                types=types,
                document_types=list(DocumentType),
                may_change=_may_change(),
            )
        )

    @expose("/serie/")
    @expose("/serie/<int:key>")
    def edit(self, key: int | None = None) -> str:
        _must_change()
        found = (session().get(ArchiveSeries, key) or abort(404)) if key else None
        return self._form(found)

    def _form(self, found: ArchiveSeries | None) -> str:
        return str(
            self.render(
                "admin/follow/archive_form.html",
                found=found,
                form=request.form,
                parents=[one for one in ordered(session()) if one.level != Level.SUBSERIE and one != found],
                levels=LEVELS,
                dispositions=list(Disposition),
            )
        )

    @expose("/serie/", methods=["POST"])
    @expose("/serie/<int:key>", methods=["POST"])
    def save(self, key: int | None = None) -> BaseResponse | tuple[str, int]:
        _must_change()
        form = request.form
        try:
            with writing() as write:
                found = (write.get(ArchiveSeries, key) or abort(404)) if key else None
                saved = archive.save_series(
                    write,
                    frame.account(),
                    found,
                    archive.SeriesFields(
                        level=form.get("level", ""),
                        code=form.get("code", ""),
                        name=form.get("name", ""),
                        parent_id=form.get("parent", None, int),
                        process_years=form.get("process_years", -1, int),
                        concentration_years=form.get("concentration_years", -1, int),
                        is_administrative="is_administrative" in form,
                        is_legal="is_legal" in form,
                        is_fiscal="is_fiscal" in form,
                        disposition=form.get("disposition", ""),
                        is_active="is_active" in form,
                    ),
                )
                words = str(saved)
        except DeskError as error:
            flash(str(error), "error")
            return self._form(session().get(ArchiveSeries, key) if key else None), 422
        flash(say("archive.done.series", name=words), "success")
        return redirect(url_for(".index"))

    @expose("/tipos", methods=["POST"])
    def types(self) -> BaseResponse:
        """To which series documents of each type belong."""
        _must_change()
        try:
            with writing() as write:
                for kind in DocumentType:
                    archive.set_type(write, frame.account(), kind, request.form.get(kind.value, None, int))
        except DeskError as error:
            flash(str(error), "error")
        else:
            flash(say("archive.done.types"), "success")
        return redirect(url_for(".index"))

    @expose("/catalogo.xlsx")
    def xlsx(self) -> Response:
        """The catálogo de disposición documental as a spreadsheet."""
        columns = [(say(f"archive.catalogue.{name}"), width) for name, width in _COLUMNS]
        rows = [
            (
                say(f"archive.level.{one.level}"), one.code, one.name,
                one.process_years if one.holds_expedientes else None,
                one.concentration_years if one.holds_expedientes else None,
                ", ".join(say(f"archive.value.{name}") for name in ("administrative", "legal", "fiscal")
                          if one.holds_expedientes and getattr(one, f"is_{name}")),
                say(f"archive.disposition.{one.disposition}") if one.holds_expedientes else "",
            )
            for one in ordered(session())
        ]  # fmt: skip
        made = make_spreadsheet(office(), say("archive.catalogue.sheet"), columns, rows)
        response = Response(made, mimetype=_XLSX)
        response.headers["Content-Disposition"] = 'attachment; filename="catalogo-de-disposicion.xlsx"'
        return response


def ordered(read: Session) -> Sequence[ArchiveSeries]:
    """Every line of the cuadro, parents before children, by code."""
    found = read.scalars(select(ArchiveSeries).order_by(ArchiveSeries.code)).all()
    below: dict[int | None, list[ArchiveSeries]] = {}
    for one in found:
        below.setdefault(one.parent_id, []).append(one)
    made: list[ArchiveSeries] = []

    def walk(parent: int | None) -> None:
        for one in below.get(parent, ()):
            made.append(one)
            walk(one.id)

    walk(None)
    return made


def depths(series: Sequence[ArchiveSeries]) -> dict[int, int]:
    """How deep each line is drawn."""
    found: dict[int | None, int] = {None: -1}
    for one in series:
        found[one.id] = found[one.parent_id] + 1
    return {key: depth for key, depth in found.items() if key is not None}


def _may_change() -> bool:
    return frame.account().role in frame.CONFIGURING


def _must_change() -> None:
    if not _may_change():
        abort(403)


def register(app: Flask, admin: Admin) -> None:
    admin.add_view(ArchiveView(name="archive", endpoint="archive", url="/admin/archivo"))
    entry: Any = frame.Entry(
        "panel.rail.office", "archive.catalogue.title", "archive.index", "book-2", frame.CONFIGURING
    )
    frame.add_entry(app, entry)
