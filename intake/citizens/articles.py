"""Answers before asking: which articles fit what somebody writes, how they look, and whether they helped."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from intake.learning.features import telling_stems
from models.article import Article
from models.service import Service

# What an article may show: no pictures from elsewhere, no scripts, no forms.
_TAGS = {"a", "blockquote", "br", "code", "em", "h2", "h3", "hr", "li", "ol", "p", "pre", "strong", "table",
         "tbody", "td", "th", "thead", "tr", "ul"}  # fmt: skip
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")
# A word of the title says more of what an article is about than one of its text.
_TITLE, _KEYWORD, _BODY = 3.0, 3.0, 1.0
# Below this share of what was asked the article is about something else.
_ENOUGH = 0.34


def render_article(article: Article) -> Markup:
    """The body as clean HTML."""
    html = _MARKDOWN.render(article.body)
    return Markup(nh3.clean(html, tags=_TAGS, attributes={"a": {"href"}}, link_rel="noopener nofollow"))


def suggest(
    session: Session, words: str, service: Service | None = None, *, limit: int = 3
) -> Sequence[Article]:
    """The articles that answer *words* best; those of *service* count more, of small words none."""
    asked = telling_stems(words)
    articles = session.scalars(select(Article).where(Article.is_active).order_by(Article.id)).all()
    if not asked or not articles:
        return []
    weights = [_weights(one) for one in articles]
    known = Counter(word for one in weights for word in one)
    # A word that no article has tells most of all that none of them is meant.
    rarity = {word: math.log(1 + len(articles) / (known[word] or 0.5)) for word in asked}
    total = sum(rarity.values())
    ranked = []
    for one, weight in zip(articles, weights, strict=True):
        share = sum(rarity[word] for word in asked if word in weight) / total
        if share >= _ENOUGH:
            score = sum(rarity[word] * weight[word] for word in asked if word in weight)
            is_own = service is not None and one.service_id == service.id
            ranked.append((score * (1.5 if is_own else 1.0), one))
    ranked.sort(key=lambda each: (-each[0], each[1].id))
    return [one for _, one in ranked[:limit]]


def _weights(article: Article) -> dict[str, float]:
    found: dict[str, float] = {}
    for text, weight in ((article.body, _BODY), (article.keywords, _KEYWORD), (article.title, _TITLE)):
        for word in telling_stems(text):
            found[word] = max(found.get(word, 0.0), weight)
    return found


def hear(session: Session, article: Article, *, helped: bool) -> None:
    """Somebody said whether it helped. *Yes* means a request that nobody had to open."""
    column = Article.helped if helped else Article.did_not_help
    # Not read, added and written: two readers at the same moment are two.
    values = {column: column + 1, Article.changed_at: Article.changed_at}
    session.execute(update(Article).where(Article.id == article.id).values(values))
