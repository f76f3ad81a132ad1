"""The catalogues of services, mailboxes and canned replies."""

from __future__ import annotations

from typing import Any

from flask import Flask
from flask_admin import Admin
from flask_admin.form import BaseForm
from jinja2 import TemplateSyntaxError, meta
from jinja2.sandbox import SandboxedEnvironment
from sqlalchemy import ColumnElement, select, true
from wtforms import BooleanField, Field, IntegerField
from wtforms.validators import Optional, ValidationError

from admin import frame
from admin.db import office, session
from admin.forms import (
    Choice,
    Line,
    Reference,
    Senders,
    Words,
    active_dependencia,
    at_most,
    dependencia_choices,
    email,
    not_negative,
    required,
    slug,
    unique,
)
from admin.promise_forms import Minutes, MinutesFor, TermField, check_range, minutes_by_priority
from admin.views.calendars import calendar_choices
from admin.views.catalogue import REQUEST_SESSION, CatalogueView, changes_of
from intake.addresses import is_address
from models.canned_reply import CannedReply
from models.case import Priority
from models.dependencia import Dependencia
from models.mailbox import Mailbox, MailboxPurpose
from models.person import Role
from models.search import fold
from models.service import Service
from templates import say

# What a canned reply may name (models.canned_reply).
REPLY_NAMES = frozenset({"folio", "requester", "subject", "account"})


# Pages of the one matter, of which the first stands in the rail.
SIBLINGS = (
    ("office.service.rail", "services.index_view"),
    ("office.service_field.rail", "service_fields.index_view"),
    ("office.classification.rail", "classifications.index_view"),
    ("catalogue.publish.rail", "catalogue_versions.index"),
)


def service_choices() -> list[tuple[Any, str]]:
    """Services as options."""
    found = session().scalars(select(Service).order_by(Service.position, Service.name))
    return [
        ("", say("office.no_choice")),
        *((one.id, one.name if one.is_active else f"{one.name} ({say('office.inactive')})") for one in found),
    ]


class ServiceForm(BaseForm):
    name = Line(required, at_most(200))
    slug = Line(slug, at_most(80), unique(Service.slug))
    classification = Line(at_most(200))
    dependencia_id = Reference(dependencia_choices, required, active_dependencia)
    complaint_to_id = Reference(
        lambda: dependencia_choices(nothing=say("complaint.nobody")), active_dependencia
    )
    procedure = Words(rows=2)
    beneficiary = Line()
    description = Words()
    requirements = Words()
    validity = Line()
    place = Line()
    characteristics = Words(rows=3)
    commitment = Words(rows=2)
    cost = Line()
    complaint_mechanism = Words(rows=2)
    legal_basis = Words(rows=2)
    flow = Words(rows=7)
    first_answer_minutes = Minutes()
    solution_minutes = Minutes()
    unit_minutes = Minutes()
    unit_name = Line(at_most(60))
    agreed_from = TermField()
    agreed_to = TermField()
    calendar_id = Reference(calendar_choices)
    urgent_first_answer = MinutesFor(Priority.URGENT, "first_answer_minutes")
    urgent_solution = MinutesFor(Priority.URGENT, "solution_minutes")
    high_first_answer = MinutesFor(Priority.HIGH, "first_answer_minutes")
    high_solution = MinutesFor(Priority.HIGH, "solution_minutes")
    low_first_answer = MinutesFor(Priority.LOW, "first_answer_minutes")
    low_solution = MinutesFor(Priority.LOW, "solution_minutes")
    position = IntegerField(validators=[Optional(), not_negative], default=0)
    is_active = BooleanField(default=True)

    def __init__(self, formdata: Any = None, obj: Service | None = None, **more: Any) -> None:
        super().__init__(formdata, obj, **minutes_by_priority(obj), **more)

    def validate_agreed_to(self, field: Field) -> None:
        check_range(self.agreed_from, field)

    def validate_slug(self, field: Field) -> None:
        if not field.data and self.name.data:
            # What people type in links; made from the name when nobody cares.
            letters = "".join(
                char if char.isalnum() and char.isascii() else " " for char in fold(self.name.data)
            )
            field.data = "-".join(letters.split())[:80].strip("-")
            unique(Service.slug)(self, field)


class ServicesView(CatalogueView):
    form = ServiceForm
    words = "service"
    order = "position"
    columns = ("name", "classification", "dependencia")
    searched = ("name", "classification", "description")
    siblings = SIBLINGS
    groups = (
        ("name", "slug", "classification", "dependencia_id", "procedure", "beneficiary", "description"),
        ("requirements", "validity", "place", "complaint_mechanism", "complaint_to_id",
         "legal_basis", "flow"),
        ("characteristics", "commitment", "cost", "first_answer_minutes", "solution_minutes",
         "unit_minutes", "unit_name", "agreed_from", "agreed_to", "calendar_id"),
        ("urgent_first_answer", "urgent_solution", "high_first_answer", "high_solution",
         "low_first_answer", "low_solution"),
        ("position", "is_active"),
    )  # fmt: skip

    def changes(self, model: Any) -> dict[str, list[Any]]:
        found = changes_of(model)
        for row in model.commitments:
            # Nothing was there before a row that is new.
            names = ("first_answer_minutes", "solution_minutes")
            own = changes_of(row)
            found |= {f"{row.priority}_{name}": own[name] for name in names if name in own}
        return found

    def on_model_change(self, form: BaseForm, model: Any, is_created: bool) -> None:
        model.position = model.position or 0
        super().on_model_change(form, model, is_created)


class MailboxForm(BaseForm):
    address = Line(required, email, at_most(254), unique(Mailbox.address))
    accepts_other_domain = BooleanField()
    name = Line(required, at_most(200))
    service_id = Reference(service_choices)
    dependencia_id = Reference(dependencia_choices, active_dependencia)
    purpose = Choice(MailboxPurpose, "office.purpose", default=MailboxPurpose.CASES)
    senders = Senders()
    is_active = BooleanField(default=True)

    def validate_address(self, field: Field) -> None:
        if "+" in field.data.partition("@")[0]:
            raise ValidationError(say("office.wrong.plus"))
        domain, own = field.data.rpartition("@")[2], office().settings.domain
        if domain != own and not self.accepts_other_domain.data and not self._is_unchanged(field):
            raise ValidationError(say("office.wrong.domain", domain=domain, own=own))

    def _is_unchanged(self, field: Field) -> bool:
        return self._obj is not None and self._obj.address == field.data

    def validate_dependencia_id(self, field: Field) -> None:
        if not self.service_id.data and not field.data:
            raise ValidationError(say("office.wrong.unbound"))

    def validate_senders(self, field: Field) -> None:
        if self.purpose.data == MailboxPurpose.SCANS and not field.data:
            raise ValidationError(say("office.wrong.no_senders"))
        for sender in field.data:
            local, at, domain = sender.rpartition("@")
            if not at or "." not in domain or (local and not is_address(sender)):
                raise ValidationError(say("office.wrong.bad_sender", sender=sender))


class MailboxesView(CatalogueView):
    form = MailboxForm
    words = "mailbox"
    order = "address"
    columns = ("address", "name", "bound_to")
    searched = ("address", "name")
    groups = (
        ("address", "accepts_other_domain", "name"),
        ("service_id", "dependencia_id"),
        ("purpose", "senders", "is_active"),
    )

    def cell(self, row: Mailbox, column: str) -> str:
        if column == "bound_to":
            return " · ".join(str(one) for one in (row.service, row.bound_to) if one)
        return super().cell(row, column)


class CannedReplyForm(BaseForm):
    shortcut = Line(required, slug, at_most(40), unique(CannedReply.shortcut))
    title = Line(required, at_most(200))
    body = Words(required, rows=8)
    dependencia_id = Reference(lambda: _own_dependencias(), active_dependencia)
    is_active = BooleanField(default=True)

    def validate_body(self, field: Field) -> None:
        environment = SandboxedEnvironment()
        try:
            names = meta.find_undeclared_variables(environment.parse(field.data))
        except TemplateSyntaxError as error:
            raise ValidationError(say("office.wrong.braces", line=error.lineno)) from error
        if unknown := names - REPLY_NAMES:
            raise ValidationError(
                say(
                    "office.wrong.names",
                    names=", ".join(sorted(unknown)),
                    known=", ".join(sorted(REPLY_NAMES)),
                )
            )

    def validate_dependencia_id(self, field: Field) -> None:
        if field.data is None and frame.account().role != Role.ADMINISTRATOR:
            raise ValidationError(say("office.wrong.required"))


def _own_dependencias() -> list[tuple[Any, str]]:
    account = frame.account()
    if account.role == Role.ADMINISTRATOR:
        return dependencia_choices(nothing=say("office.everybody"))
    return dependencia_choices(account.dependencia.path)


class CannedRepliesView(CatalogueView):
    """Administrators keep all of them, a head those of its dependencias."""

    roles = frozenset({Role.ADMINISTRATOR, Role.HEAD})
    form = CannedReplyForm
    words = "canned_reply"
    order = "shortcut"
    columns = ("shortcut", "title", "dependencia")
    searched = ("shortcut", "title", "body")
    groups = (("shortcut", "title", "body"), ("dependencia_id", "is_active"))

    def allowed(self) -> ColumnElement[bool]:
        account = frame.account()
        if account.role == Role.ADMINISTRATOR:
            return true()
        below = Dependencia.path.startswith(account.dependencia.path, autoescape=True)
        return CannedReply.dependencia_id.in_(select(Dependencia.id).where(below))

    def cell(self, row: CannedReply, column: str) -> str:
        if column == "dependencia" and row.dependencia is None:
            return say("office.everybody")
        return f"/{row.shortcut}" if column == "shortcut" else super().cell(row, column)


def register(app: Flask, admin: Admin) -> None:
    """Add the three catalogues and their entries in the rail."""
    for view, model, endpoint, url, icon in (
        (ServicesView, Service, "services", "servicios", "list"),
        (MailboxesView, Mailbox, "mailboxes", "buzones", "mail"),
        (CannedRepliesView, CannedReply, "canned_replies", "respuestas", "message"),
    ):
        admin.add_view(view(model, REQUEST_SESSION, name=endpoint, endpoint=endpoint, url=f"/admin/{url}"))
        frame.add_entry(
            app,
            frame.Entry("panel.rail.catalogues", f"office.{view.words}.rail", f"{endpoint}.index_view", icon,
                        view.roles),
        )  # fmt: skip
