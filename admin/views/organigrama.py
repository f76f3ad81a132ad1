"""The organigrama as a tree: add below, rename, move with all that hangs from it, switch off."""

from __future__ import annotations

from flask import Flask, abort, flash, redirect, request, url_for
from flask_admin import Admin, expose
from flask_admin.form import BaseForm
from sqlalchemy import exists, select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response
from wtforms import BooleanField, Field
from wtforms.validators import ValidationError

from admin import frame
from admin.db import session, writing
from admin.forms import Choice, Line, Reference, at_most, dependencia_choices, required, tree, unique
from admin.views.catalogue import changes_of, remember
from models.dependencia import Dependencia, DependenciaKind
from models.mailbox import Mailbox
from models.person import Account
from models.service import Service
from templates import say


class DependenciaForm(BaseForm):
    name = Line(required, at_most(200))
    siglas = Line(required, at_most(20), unique(Dependencia.siglas, key="siglas"))
    kind = Choice(DependenciaKind, "office.kind")
    parent_id = Reference(lambda: dependencia_choices(nothing=say("office.dependencia.top")))
    is_active = BooleanField(default=True)

    def validate_siglas(self, field: Field) -> None:
        if " " in field.data or "/" in field.data:
            # They are part of folios: DSI/0123/2026.
            raise ValidationError(say("office.wrong.siglas_form"))

    def validate_parent_id(self, field: Field) -> None:
        parent = session().get(Dependencia, field.data) if field.data else None
        own = self._obj
        if own is not None and parent is not None and parent.path.startswith(own.path):
            raise ValidationError(say("office.wrong.under_itself", name=own.name))
        if parent is not None and not parent.is_active and (own is None or own.parent_id != parent.id):
            raise ValidationError(say("office.wrong.inactive", name=parent.name))

    def validate_is_active(self, field: Field) -> None:
        if field.data or self._obj is None or not self._obj.is_active:
            return
        if blocking := _still_used_by(session(), self._obj):
            names = ", ".join(say(f"office.dependencia.uses.{one}") for one in blocking)
            raise ValidationError(say("office.wrong.in_use", uses=names))


def _still_used_by(found: Session, node: Dependencia) -> list[str]:
    """What would lose its place if *node* were switched off."""
    uses = {
        "children": exists().where(Dependencia.parent_id == node.id, Dependencia.is_active),
        "accounts": exists().where(Account.dependencia_id == node.id, Account.is_active),
        "services": exists().where(Service.dependencia_id == node.id, Service.is_active),
        "mailboxes": exists().where(Mailbox.dependencia_id == node.id, Mailbox.is_active),
    }
    return [name for name, condition in uses.items() if found.scalar(select(condition))]


class OrganigramaView(frame.PanelView):
    """The tree on one page, one dependencia on another."""

    roles = frame.CONFIGURING

    @expose("/")
    def index(self) -> str:
        with_inactive = request.args.get("todos") == "1"
        nodes = [one for one in tree() if with_inactive or one.is_active]
        below: dict[int | None, list[Dependencia]] = {}
        shown = {one.id for one in nodes}
        for one in nodes:
            below.setdefault(one.parent_id if one.parent_id in shown else None, []).append(one)
        return self.render("admin/organigrama.html", below=below, with_inactive=with_inactive)

    @expose("/nueva", methods=("GET", "POST"))
    def add(self) -> str | Response:
        form = DependenciaForm(
            request.form if request.method == "POST" else None,
            parent_id=request.args.get("bajo", type=int),
        )
        if request.method == "POST" and form.validate():
            with writing() as found:
                node = Dependencia()
                form.populate_obj(node)
                found.add(node)
                found.flush()
                node.place()
                remember(found, node, "dependencia_created")
            flash(say("office.dependencia.added", name=node.name), "success")
            return redirect(url_for(".index"))
        return self.render("admin/dependencia.html", form=form, node=None)

    @expose("/<int:number>", methods=("GET", "POST"))
    def edit(self, number: int) -> str | Response:
        node = session().get(Dependencia, number) or abort(404)
        form = DependenciaForm(request.form if request.method == "POST" else None, obj=node)
        if request.method == "POST" and form.validate():
            with writing() as found:
                form.populate_obj(node)
                changes = changes_of(node)
                if "parent_id" in changes:
                    _replant(found, node)
                if changes:
                    remember(found, node, "dependencia_changed", changes)
            flash(say("office.dependencia.saved", name=node.name), "success")
            return redirect(url_for(".index"))
        return self.render("admin/dependencia.html", form=form, node=node)


def _replant(found: Session, node: Dependencia) -> None:
    """Give *node* and all below it the paths of their new place."""
    old = node.path
    branch = select(Dependencia).where(Dependencia.path.startswith(old, autoescape=True))
    below = found.scalars(branch.where(Dependencia.id != node.id)).all()
    found.flush()
    found.refresh(node, ["parent"])
    node.place()
    for one in below:
        one.path = node.path + one.path.removeprefix(old)


def register(app: Flask, admin: Admin) -> None:
    """Add the pages and their entry in the rail."""
    admin.add_view(
        OrganigramaView(name="organigrama", endpoint="organigrama", url="/admin/organigrama")
    )  # fmt: skip
    frame.add_entry(
        app,
        frame.Entry("panel.rail.catalogues", "office.dependencia.rail", "organigrama.index", "building",
                    OrganigramaView.roles),
    )  # fmt: skip
