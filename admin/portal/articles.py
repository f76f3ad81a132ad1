"""*Ayuda*: the articles, those that fit what is being written, and whether one helped."""

from __future__ import annotations

from flask import Flask, abort, flash, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import selectinload
from werkzeug.wrappers import Response

from admin import pace
from admin.db import session, writing
from admin.portal.inside import go
from intake.citizens import articles
from models.article import Article
from models.service import Service
from templates import say

MAX_LISTED = 200
# Who types asks once for every pause; nobody needs more.
_PACE = pace.Window(60, 60.0)


def index() -> str:
    """All of them by service, or those that answer `q`."""
    words = request.args.get("q", "").strip()
    wanted = (
        select(Article)
        .where(Article.is_active)
        .order_by(Article.service_id, Article.title)
        .limit(MAX_LISTED)
        .options(selectinload(Article.service))
    )
    found = articles.suggest(session(), words, limit=10) if words else session().scalars(wanted).all()
    return render_template("portal/articles.html", found=found, words=words)


def suggested() -> str | tuple[str, int, dict[str, str]]:
    """A piece of page for whoever writes a request: at most three articles, or nothing."""
    if wait := _PACE.wait(pace.client()):
        return "", 429, {"Retry-After": str(wait)}
    service = session().get(Service, request.args.get("service", 0, int))
    words = f"{request.args.get('subject', '')} {request.args.get('text', '')}"
    return render_template("portal/suggested.html", found=articles.suggest(session(), words, service))


def show(slug: str) -> str:
    """One article, and *¿Le sirvió?*."""
    one = _find(slug)
    return render_template("portal/article.html", article=one, body=articles.render_article(one))


def hear(slug: str) -> Response:
    """*Yes* ends here, without a request; *no* leads to one."""
    helped = request.form.get("helped") == "1"
    with writing() as write:
        one = _find(slug)
        articles.hear(write, one, helped=helped)
        service_id = one.service_id
    flash(say("articles.helped" if helped else "articles.did_not_help"), "success" if helped else "info")
    return go(url_for("portal_articles") if helped else url_for("portal_new", servicio=service_id))


def _find(slug: str) -> Article:
    return session().scalar(select(Article).where(Article.slug == slug, Article.is_active)) or abort(404)


def register(app: Flask) -> None:
    app.add_url_rule("/ayuda", "portal_articles", index, strict_slashes=False)
    app.add_url_rule("/ayuda/sugerencias", "portal_suggested", suggested)
    app.add_url_rule("/ayuda/<slug>", "portal_article", show)
    app.add_url_rule("/ayuda/<slug>", "portal_article_heard", hear, methods=["POST"])
