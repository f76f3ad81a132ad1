"""What services ask besides subject and description, and the classifications among which people choose."""

from __future__ import annotations

from typing import Any

from flask import Flask
from flask_admin import Admin
from flask_admin.form import BaseForm
from wtforms import BooleanField, Field, IntegerField, TextAreaField
from wtforms.validators import Optional, ValidationError

from admin.forms import (
    Choice,
    Line,
    Reference,
    Words,
    active_dependencia,
    at_most,
    dependencia_choices,
    not_negative,
    required,
    unique,
)
from admin.views.catalogue import REQUEST_SESSION, CatalogueView
from admin.views.catalogues import SIBLINGS, service_choices
from models.catalogue import Classification
from models.service_field import FieldKind, ServiceField
from templates import say

MAX_CHOICES = 100


class Choices(TextAreaField):
    """A list, one per line."""

    def __init__(self, **options: Any) -> None:
        super().__init__(render_kw={"rows": 4}, **options)

    def process_data(self, value: list[str] | None) -> None:
        self.data = list(value or [])

    def _value(self) -> str:
        return "\n".join(self.data or [])

    def process_formdata(self, valuelist: list[str]) -> None:
        lines = (valuelist[0] if valuelist else "").splitlines()
        self.data = list(dict.fromkeys(filter(None, map(str.strip, lines))))


class ServiceFieldForm(BaseForm):
    service_id = Reference(service_choices, required)
    label = Line(required, at_most(120))
    kind = Choice(FieldKind, "catalogue.kind")
    choices = Choices()
    help = Words(rows=2)
    is_required = BooleanField()
    position = IntegerField(validators=[Optional(), not_negative], default=0)
    is_active = BooleanField(default=True)

    def validate_label(self, field: Field) -> None:
        if ":" in field.data:
            # Answers by mail are read as «label: value».
            raise ValidationError(say("catalogue.wrong.colon"))

    def validate_choices(self, field: Field) -> None:
        if self.kind.data == FieldKind.CHOICE and len(field.data) < 2:
            raise ValidationError(say("catalogue.wrong.choices"))
        if len(field.data) > MAX_CHOICES:
            raise ValidationError(say("office.wrong.long", length=MAX_CHOICES))


class ServiceFieldsView(CatalogueView):
    form = ServiceFieldForm
    words = "service_field"
    order = "position"
    columns = ("label", "service", "kind", "is_required")
    searched = ("label", "help")
    siblings = SIBLINGS
    groups = (
        ("service_id", "label", "kind", "choices", "help"),
        ("is_required", "position", "is_active"),
    )

    def cell(self, row: ServiceField, column: str) -> str:
        if column == "kind":
            return say(f"catalogue.kind.{row.kind}")
        if column == "is_required":
            return say("catalogue.yes" if row.is_required else "catalogue.no")
        return super().cell(row, column)

    def on_model_change(self, form: BaseForm, model: Any, is_created: bool) -> None:
        model.position = model.position or 0
        super().on_model_change(form, model, is_created)


class ClassificationForm(BaseForm):
    name = Line(required, at_most(200), unique(Classification.name))
    description = Words(required)
    examples = Words(rows=3)
    dependencia_id = Reference(dependencia_choices, active_dependencia)
    position = IntegerField(validators=[Optional(), not_negative], default=0)
    is_active = BooleanField(default=True)


class ClassificationsView(CatalogueView):
    form = ClassificationForm
    words = "classification"
    order = "position"
    columns = ("name", "description", "dependencia")
    searched = ("name", "description", "examples")
    siblings = SIBLINGS
    groups = (("name", "description", "examples"), ("dependencia_id", "position", "is_active"))

    def on_model_change(self, form: BaseForm, model: Any, is_created: bool) -> None:
        model.position = model.position or 0
        super().on_model_change(form, model, is_created)


def register(app: Flask, admin: Admin) -> None:
    for view, model, endpoint, url in (
        (ServiceFieldsView, ServiceField, "service_fields", "preguntas"),
        (ClassificationsView, Classification, "classifications", "clasificaciones"),
    ):
        admin.add_view(view(model, REQUEST_SESSION, name=endpoint, endpoint=endpoint, url=f"/admin/{url}"))
