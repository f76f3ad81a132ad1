"""The catalogue of texts to begin a document with, per type and dependencia."""

from __future__ import annotations

from typing import Any

from flask import Flask
from flask_admin import Admin
from flask_admin.form import BaseForm
from sqlalchemy import ColumnElement, select, true
from wtforms import BooleanField, Field
from wtforms.validators import ValidationError

from admin import frame
from admin.forms import (
    Choice,
    Line,
    Reference,
    Words,
    active_dependencia,
    at_most,
    dependencia_choices,
    required,
)
from admin.views.catalogue import REQUEST_SESSION, CatalogueView
from intake.issued.rich_text import clean, is_empty
from models.dependencia import Dependencia
from models.letterhead import DocumentTemplate
from models.oficio import DocumentType
from models.person import Role
from templates import say


def _own_dependencias() -> list[tuple[Any, str]]:
    account = frame.account()
    if account.role == Role.ADMINISTRATOR:
        return dependencia_choices(nothing=say("office.everybody"))
    return dependencia_choices(account.dependencia.path)


class DocumentTemplateForm(BaseForm):
    name = Line(required, at_most(200))
    document_type = Choice(DocumentType, "document.type")
    dependencia_id = Reference(_own_dependencias, active_dependencia)
    subject = Line(at_most(500))
    body_html = Words(rows=12)
    is_active = BooleanField(default=True)

    def validate_dependencia_id(self, field: Field) -> None:
        if field.data is None and frame.account().role != Role.ADMINISTRATOR:
            raise ValidationError(say("office.wrong.required"))

    def validate_body_html(self, field: Field) -> None:
        field.data = clean(field.data or "")
        if is_empty(field.data):
            raise ValidationError(say("office.wrong.required"))


class DocumentTemplatesView(CatalogueView):
    """Administrators keep all of them, a head those of its dependencias."""

    roles = frozenset({Role.ADMINISTRATOR, Role.HEAD})
    form = DocumentTemplateForm
    words = "document_template"
    columns = ("name", "document_type", "dependencia")
    searched = ("name", "subject")
    groups = (("name", "document_type", "dependencia_id"), ("subject", "body_html"), ("is_active",))
    create_template = edit_template = "admin/documents/template_form.html"

    def allowed(self) -> ColumnElement[bool]:
        account = frame.account()
        if account.role == Role.ADMINISTRATOR:
            return true()
        below = Dependencia.path.startswith(account.dependencia.path, autoescape=True)
        return DocumentTemplate.dependencia_id.in_(select(Dependencia.id).where(below))

    def cell(self, row: DocumentTemplate, column: str) -> str:
        if column == "document_type":
            return say(f"document.type.{row.document_type}")
        if column == "dependencia" and row.dependencia is None:
            return say("office.everybody")
        return super().cell(row, column)


def register(app: Flask, admin: Admin) -> None:
    """Add the catalogue and its entry in the rail."""
    view = DocumentTemplatesView(
        DocumentTemplate,
        REQUEST_SESSION,
        name="document_templates",
        endpoint="document_templates",
        url="/admin/plantillas",
    )
    admin.add_view(view)
    frame.add_entry(
        app,
        frame.Entry("panel.rail.catalogues", "office.document_template.rail", "document_templates.index_view",
                    "file-text", view.roles),
    )  # fmt: skip
