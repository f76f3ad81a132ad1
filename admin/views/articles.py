"""The articles of the help: written by administrators and heads, offered to requesters and clerks."""

from __future__ import annotations

from flask import Flask
from flask_admin import Admin
from flask_admin.form import BaseForm
from wtforms import BooleanField

from admin import frame
from admin.forms import Line, Reference, Words, at_most, required, slug, unique
from admin.views.catalogue import REQUEST_SESSION, CatalogueView
from admin.views.catalogues import service_choices
from models.article import Article
from models.person import Role


class ArticleForm(BaseForm):
    title = Line(required, at_most(200))
    slug = Line(required, slug, at_most(80), unique(Article.slug))
    service_id = Reference(service_choices)
    body = Words(required, at_most(50_000), rows=14)
    keywords = Line(at_most(500))
    is_active = BooleanField(default=True)


class ArticlesView(CatalogueView):
    roles = frozenset({Role.ADMINISTRATOR, Role.HEAD})
    form = ArticleForm
    words = "article"
    order = "title"
    columns = ("title", "service", "helped", "did_not_help")
    searched = ("title", "body", "keywords")
    groups = (("title", "slug", "service_id", "body", "keywords"), ("is_active",))


def register(app: Flask, admin: Admin) -> None:
    """Add the catalogue and its entry in the rail."""
    admin.add_view(ArticlesView(Article, REQUEST_SESSION, name="articles", endpoint="articles",
                                url="/admin/articulos"))  # fmt: skip
    frame.add_entry(
        app, frame.Entry("panel.rail.catalogues", "office.article.rail", "articles.index_view", "info-circle",
                         ArticlesView.roles)
    )  # fmt: skip
