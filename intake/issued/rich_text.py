"""The text of a document: what of HTML may stand in it, and the same as plain words. Pure."""

from __future__ import annotations

import nh3

from intake.reading.htmltext import read_html, without_links

_TAGS = {
    "a", "b", "blockquote", "br", "caption", "col", "colgroup", "em", "h2", "h3", "hr", "i", "li", "ol", "p",
    "s", "strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "u", "ul",
}  # fmt: skip
_ATTRIBUTES = {
    "a": {"href"},
    "ol": {"start", "type"},
    "p": {"style"},
    "td": {"colspan", "rowspan", "style"},
    "th": {"colspan", "rowspan", "scope", "style"},
    "h2": {"style"},
    "h3": {"style"},
}
# What an editor writes for a heading or a division of its own.
_BLOCKS = {"h1": "h2", "h4": "h3", "h5": "h3", "h6": "h3", "div": "p"}
MAX_CHARACTERS = 500_000


def clean(html: str) -> str:
    """*html* with the formats of a letter only: no scripts, pictures, colours or fonts."""
    for old, new in _BLOCKS.items():
        html = html.replace(f"<{old}", f"<{new}").replace(f"</{old}>", f"</{new}>")
    cleaned: str = nh3.clean(
        html[:MAX_CHARACTERS],
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        filter_style_properties={"text-align"},
        url_schemes={"http", "https", "mailto"},
        link_rel=None,
    )
    return cleaned.strip()


def plain(html: str) -> str:
    """The words of *html*, a paragraph per line."""
    return without_links("\n".join(line.text for line in read_html(html))).strip()


def is_empty(html: str) -> bool:
    """True for what says nothing, as `<p><br></p>` or a list without words."""
    return not any(letter.isalnum() for letter in plain(html))
