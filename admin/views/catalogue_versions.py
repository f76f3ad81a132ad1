"""*Publicar el catálogo*: the texts of the manual, what changed since the last version, who published it."""

from __future__ import annotations

from flask import Flask, flash, redirect, request, url_for
from flask_admin import Admin, expose
from flask_admin.form import BaseForm
from sqlalchemy import select
from sqlalchemy.orm import defer, joinedload
from werkzeug.wrappers import Response

from admin import frame
from admin.db import session, writing
from admin.forms import Line, Words, at_most
from admin.views.catalogue import changes_of, remember
from admin.views.catalogues import SIBLINGS
from intake.services import catalogue
from models.catalogue import CatalogueVersion, Manual
from templates import say

SHOWN = 50


class ManualForm(BaseForm):
    owner = Line(at_most(200))
    government = Line(at_most(200))
    period = Line(at_most(40))
    introduction = Words(rows=8)
    objective = Words(rows=6)
    legal_basis = Words(rows=10)
    transitory = Words(rows=4)
    authorised_by = Line(at_most(200))
    authorised_post = Line(at_most(200))
    prepared_by = Line(at_most(200))
    prepared_post = Line(at_most(200))


GROUPS = (
    ("owner", "government", "period"),
    ("introduction", "objective", "legal_basis", "transitory"),
    ("authorised_by", "authorised_post", "prepared_by", "prepared_post"),
)


class CatalogueVersionsView(frame.PanelView):
    """For administrators; a version that was published is never changed."""

    roles = frame.CONFIGURING
    siblings = SIBLINGS

    @expose("/")
    def index(self) -> str:
        wanted = (
            select(CatalogueVersion)
            .options(defer(CatalogueVersion.content), joinedload(CatalogueVersion.published_by))
            .order_by(CatalogueVersion.number.desc())
            .limit(SHOWN)
        )
        is_changed = catalogue.is_changed(session(), catalogue.newest(session()))
        versions = session().scalars(wanted).unique().all()
        return str(self.render("admin/catalogue_versions.html", versions=versions, is_changed=is_changed))

    @expose("/publicar", methods=["POST"])
    def publish(self) -> Response:
        with writing() as write:
            version = catalogue.publish(write, frame.account(), request.form.get("note", ""))
            number = version.number
        flash(say("catalogue.publish.done", number=number), "success")
        return redirect(url_for(".index"))

    @expose("/textos", methods=["GET", "POST"])
    def texts(self) -> str | Response | tuple[str, int]:
        manual = session().scalar(select(Manual).order_by(Manual.id).limit(1)) or Manual()
        form = ManualForm(request.form or None, manual)
        if request.method == "POST" and form.validate():
            with writing() as write:
                form.populate_obj(manual)
                changes = changes_of(manual)
                write.add(manual)
                write.flush()
                remember(write, manual, "manual_changed", changes)
            flash(say("catalogue.publish.texts_saved"), "success")
            return redirect(url_for(".index"))
        page = str(self.render("admin/manual_form.html", form=form, groups=GROUPS))
        return (page, 422) if request.method == "POST" else page


def register(app: Flask, admin: Admin) -> None:
    admin.add_view(
        CatalogueVersionsView(name="catalogue_versions", endpoint="catalogue_versions", url="/admin/catalogo")
    )
