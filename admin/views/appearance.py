"""What documents look like: terms of government, letterheads with their page beside the form, numbers."""

from __future__ import annotations

from typing import Any, ClassVar

from flask import Flask, Response, request
from flask_admin import Admin, expose
from flask_admin.form import BaseForm
from sqlalchemy import func, select
from werkzeug.wrappers import Response as BaseResponse
from wtforms import BooleanField, DateField, Field, FileField
from wtforms.validators import Optional, ValidationError

from admin import frame, paging
from admin.clocks import day
from admin.db import office, session
from admin.documents import pdf_response
from admin.forms import (
    Choice,
    Line,
    Reference,
    Words,
    active_dependencia,
    at_most,
    dependencia_choices,
    required,
    unique,
)
from admin.views.catalogue import REQUEST_SESSION, CatalogueView, remember
from intake.attachments import examined, read_blob
from intake.errors import DeskError
from intake.issued import administrations, letterheads, number_patterns
from intake.issued.numbering import next_number
from intake.scanning import scan_files
from models.base import now
from models.dependencia import Dependencia
from models.letterhead import Administration, Letterhead, NumberPattern
from models.oficio import DocumentType
from templates import say

SIBLINGS = (
    ("office.letterhead.title", "letterheads.index_view"),
    ("office.number_pattern.title", "number_patterns.index_view"),
    ("office.administration.title", "administrations.index_view"),
)


def _today() -> Any:
    return now().astimezone(office().settings.zone).date()


class AdministrationForm(BaseForm):
    name = Line(required, at_most(120), unique(Administration.name))
    starts_on = DateField(validators=[required])
    ends_on = DateField(validators=[Optional()])

    def validate_ends_on(self, field: Field) -> None:
        own = getattr(self, "_obj", None)
        if self.starts_on.data is not None:
            try:
                with session().no_autoflush:
                    administrations.check(
                        session(), self.starts_on.data, field.data, own=own.id if own else None
                    )
            except DeskError as error:
                raise ValidationError(str(error)) from error


class AdministrationsView(CatalogueView):
    form = AdministrationForm
    words = "administration"
    columns = ("name", "starts_on", "ends_on", "term")
    groups = (("name", "starts_on", "ends_on"),)
    has_inactive = False
    siblings = SIBLINGS

    def _page(self, words: str, with_inactive: bool) -> paging.Page[Any]:
        """All of them, the newest first: there is one every three or six years."""
        rows = session().scalars(select(Administration).order_by(Administration.starts_on.desc())).all()
        return paging.Page([one for one in rows if words.casefold() in one.name.casefold()], None, True)

    def cell(self, row: Administration, column: str) -> str:
        if column == "term":
            is_past = row.ends_on is not None and row.ends_on < _today()
            return say(f"letterheads.term.{_term(row, is_past)}")
        value = getattr(row, column)
        return day(value) if value is not None and column.endswith("_on") else super().cell(row, column)

    def on_model_change(self, form: BaseForm, model: Any, is_created: bool) -> None:
        super().on_model_change(form, model, is_created)
        ended = administrations.settle(session(), model)
        if ended is not None:
            last = ended.ends_on.isoformat() if ended.ends_on else None
            remember(session(), ended, "administration_changed", {"ends_on": [None, last]})


def _term(row: Administration, is_past: bool) -> str:
    return "past" if is_past else "to_come" if row.starts_on > _today() else "current"


def _administration_choices() -> list[tuple[Any, str]]:
    found = session().scalars(select(Administration).order_by(Administration.starts_on.desc()))
    return [("", say("letterheads.any_administration")), *((one.id, one.name) for one in found)]


def _dependencias_or_all() -> list[tuple[Any, str]]:
    return dependencia_choices(nothing=say("office.everybody"))


class Logo(FileField):
    """A picture, known by its content; `picture` is what is to be kept: (bytes, type)."""

    picture: tuple[bytes, str] | None = None

    def pre_validate(self, form: BaseForm) -> None:
        if not self.data or not getattr(self.data, "filename", ""):
            return
        try:
            content = self.data.read(letterheads.MAX_LOGO + 1)
            file = examined(self.data.filename, self.data.mimetype, content)
            scan_files(office().settings.clamd_url, [file])
            self.picture = letterheads.check_logo(file.filename, content)
        except DeskError as error:
            raise ValidationError(str(error)) from error

    def populate_obj(self, obj: Any, name: str) -> None:
        """`LetterheadsView.on_model_change` keeps it."""


class LetterheadForm(BaseForm):
    dependencia_id = Reference(_dependencias_or_all, active_dependencia)
    administration_id = Reference(_administration_choices)
    logo = Logo()
    no_logo = BooleanField()
    slogan = Line(at_most(200))
    footer = Words(at_most(500), rows=3)
    place = Line(at_most(120))

    def validate_administration_id(self, field: Field) -> None:
        own = getattr(self, "_obj", None)
        same = (Letterhead.dependencia_id.is_not_distinct_from(self.dependencia_id.data),
                Letterhead.administration_id.is_not_distinct_from(field.data))  # fmt: skip
        with session().no_autoflush:
            other = session().scalar(
                select(Letterhead.id).where(*same, Letterhead.id != (own.id if own else 0))
            )
        if other is not None:
            raise ValidationError(say("letterheads.taken"))


class LetterheadsView(CatalogueView):
    """Each says for which dependencia (or all) and administration (or any); the nearest one is used."""

    form = LetterheadForm
    words = "letterhead"
    order = "dependencia"
    columns = ("dependencia", "administration", "slogan", "logo")
    searched = ("dependencia", "slogan")
    groups = (("dependencia_id", "administration_id"), ("logo", "no_logo", "slogan", "footer", "place"))
    has_inactive = False
    siblings = SIBLINGS
    create_template = edit_template = "admin/documents/letterhead_form.html"

    def column(self, name: str) -> Any:
        return _name_of(Letterhead.dependencia_id) if name == "dependencia" else super().column(name)

    def cell(self, row: Letterhead, column: str) -> str:
        if column == "dependencia" and row.dependencia is None:
            return say("office.everybody")
        if column == "administration" and row.administration is None:
            return say("letterheads.any_administration")
        if column == "logo":
            return say(f"letterheads.{'has' if row.logo_sha256 else 'without'}_logo")
        return super().cell(row, column)

    @expose("/pagina.pdf", methods=["POST"])
    def sample(self) -> BaseResponse:
        """The very page, with what the form holds now; nothing is kept."""
        kept = self.get_one(request.args.get("id", ""))
        form = self.edit_form(kept) if kept is not None else self.create_form()
        shown = Letterhead(slogan="", footer="", place="")
        for name in ("slogan", "footer", "place"):
            setattr(shown, name, form[name].data or "")
        logo = read_blob(session(), office(), kept.logo_sha256) if kept and kept.logo_sha256 else None
        try:
            form.logo.pre_validate(form)
        except ValidationError as error:
            return Response(str(error), 422, mimetype="text/plain")
        if form.logo.picture is not None:
            logo = form.logo.picture[0]
        elif form.no_logo.data:
            logo = None
        dependencia = session().get(Dependencia, form.dependencia_id.data or 0) or _first()
        if dependencia is None:
            return Response(say("letterheads.no_dependencia"), 422, mimetype="text/plain")
        made = letterheads.render_sample(session(), office(), shown, dependencia, logo)
        response: BaseResponse = pdf_response(made, "membrete.pdf")
        return response

    def on_model_change(self, form: Any, model: Any, is_created: bool) -> None:
        if form.no_logo.data:
            model.logo_sha256, model.logo_type = None, ""
        if form.logo.picture is not None:
            letterheads.keep_logo(session(), office(), model, *form.logo.picture)
        super().on_model_change(form, model, is_created)


def _first() -> Dependencia | None:
    return session().scalar(
        select(Dependencia).where(Dependencia.is_active).order_by(Dependencia.path).limit(1)
    )


def _name_of(column: Any) -> Any:
    name = select(Dependencia.name).where(Dependencia.id == column).scalar_subquery()
    return func.coalesce(name, "")


class TypeOrAll(Choice):
    """A type of document; nothing is kept as an empty text."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            DocumentType, "document.type", optional=True, nothing="letterheads.all_types", **options
        )

    def populate_obj(self, obj: Any, name: str) -> None:
        setattr(obj, name, self.data.value if self.data else "")


class NumberPatternForm(BaseForm):
    dependencia_id = Reference(dependencia_choices, required, active_dependencia)
    document_type = TypeOrAll()
    pattern = Line(required, at_most(80), default=lambda: office().settings.number_pattern)

    def validate_document_type(self, field: Field) -> None:
        own = getattr(self, "_obj", None)
        same = (NumberPattern.dependencia_id == self.dependencia_id.data,
                NumberPattern.document_type == (field.data.value if field.data else ""))  # fmt: skip
        with session().no_autoflush:
            other = session().scalar(
                select(NumberPattern.id).where(*same, NumberPattern.id != (own.id if own else 0))
            )
        if other is not None:
            raise ValidationError(say("letterheads.pattern_taken"))

    def validate_pattern(self, field: Field) -> None:
        dependencia = session().get(Dependencia, self.dependencia_id.data or 0)
        if dependencia is not None:
            try:
                with session().no_autoflush:
                    field.data = _checked(dependencia, self.document_type.data, field.data)
            except DeskError as error:
                raise ValidationError(str(error)) from error


def _checked(dependencia: Dependencia, kind: DocumentType | None, pattern: str) -> str:
    return number_patterns.check(session(), office(), dependencia, kind.value if kind else "", pattern)


class NumberPatternsView(CatalogueView):
    form = NumberPatternForm
    words = "number_pattern"
    order = "dependencia"
    columns = ("dependencia", "document_type", "pattern", "next")
    searched = ("dependencia", "pattern")
    groups: ClassVar[Any] = (("dependencia_id", "document_type"), ("pattern",))
    has_inactive = False
    siblings = SIBLINGS
    create_template = edit_template = "admin/documents/number_form.html"

    def column(self, name: str) -> Any:
        return _name_of(NumberPattern.dependencia_id) if name == "dependencia" else super().column(name)

    def cell(self, row: NumberPattern, column: str) -> str:
        if column == "document_type":
            return (
                say(f"document.type.{row.document_type}")
                if row.document_type
                else say("letterheads.all_types")
            )
        if column == "next":
            return next_number(session(), office(), row.dependencia, row.pattern, row.document_type)
        return super().cell(row, column)

    @expose("/ejemplo")
    def example(self) -> str:
        """What the next number would be, or why the pattern cannot be used, while it is typed."""
        dependencia = session().get(Dependencia, request.args.get("dependencia_id", 0, int))
        kind = request.args.get("document_type", "")
        if dependencia is None or kind not in ("", *DocumentType):
            return self.render("admin/documents/number_example.html", example="", why="")
        own = DocumentType(kind) if kind else None
        try:
            pattern = _checked(dependencia, own, request.args.get("pattern", ""))
        except DeskError as error:
            return self.render("admin/documents/number_example.html", example="", why=str(error))
        example = next_number(session(), office(), dependencia, pattern, kind)
        return self.render("admin/documents/number_example.html", example=example, why="")


def register(app: Flask, admin: Admin) -> None:
    """Add the three catalogues, and one entry for them in the rail."""
    for view, model, name, url in (
        (LetterheadsView, Letterhead, "letterheads", "/admin/membretes"),
        (NumberPatternsView, NumberPattern, "number_patterns", "/admin/numeros"),
        (AdministrationsView, Administration, "administrations", "/admin/administraciones"),
    ):
        admin.add_view(view(model, REQUEST_SESSION, name=name, endpoint=name, url=url))
    frame.add_entry(
        app,
        frame.Entry("panel.rail.catalogues", "letterheads.rail", "letterheads.index_view", "photo",
                    frame.CONFIGURING),
    )  # fmt: skip
