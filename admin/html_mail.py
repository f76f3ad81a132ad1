"""Formatted mail made harmless: allowed tags and styles, no scripts, no remote pictures until asked. Pure.

The result is still shown only in a sandboxed frame with a policy of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape

import nh3

_TAGS = {
    "a", "abbr", "address", "article", "b", "bdi", "bdo", "big", "blockquote", "br", "caption",
    "center", "cite", "code", "col", "colgroup", "dd", "del", "div", "dl", "dt", "em", "figcaption",
    "figure", "font", "footer", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "i", "img", "ins",
    "kbd", "li", "main", "mark", "ol", "p", "pre", "q", "s", "section", "small", "span", "strike",
    "strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "tt", "u", "ul",
    "wbr",
}  # fmt: skip
_ATTRIBUTES = {
    "*": {"align", "dir", "lang", "style", "title", "valign", "bgcolor"},
    "a": {"href", "name"},
    "col": {"span", "width"},
    "colgroup": {"span", "width"},
    "font": {"color", "face", "size"},
    "img": {"alt", "height", "src", "width"},
    "ol": {"start", "type"},
    "table": {"border", "cellpadding", "cellspacing", "summary", "width"},
    "td": {"colspan", "height", "rowspan", "width"},
    "th": {"colspan", "height", "rowspan", "scope", "width"},
}
# Nothing that positions (a mail must not draw over its frame) or that fetches.
_STYLES = {
    "background-color", "border", "border-bottom", "border-collapse", "border-color", "border-left",
    "border-radius", "border-right", "border-spacing", "border-style", "border-top", "border-width",
    "color", "direction", "display", "font-family", "font-size", "font-style", "font-weight", "height",
    "letter-spacing", "line-height", "list-style-type", "margin", "margin-bottom", "margin-left",
    "margin-right", "margin-top", "max-width", "min-width", "padding", "padding-bottom", "padding-left",
    "padding-right", "padding-top", "text-align", "text-decoration", "text-indent", "text-transform",
    "vertical-align", "white-space", "width", "word-break",
}  # fmt: skip
_FRAME = (
    '<!doctype html><html lang="es"><head><meta charset="utf-8"><base target="_blank"><meta name="viewport" '
    'content="width=device-width"><title>{title}</title><style>body{{margin:12px;font:15px/1.5 system-ui,'
    "sans-serif;color:#1c2430;background:#fff;overflow-wrap:anywhere}}img{{max-width:100%;height:auto}}"
    "pre{{white-space:pre-wrap}}table{{max-width:100%}}</style></head><body>{body}</body></html>"
)


def policy(*, remote: bool) -> str:
    """The Content-Security-Policy of the frame: pictures in the page, and remote ones only when asked for."""
    pictures = "data: https: http:" if remote else "data:"
    return (
        f"default-src 'none'; img-src {pictures}; style-src 'unsafe-inline'; form-action 'none'; "
        "base-uri 'self'; frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"
    )


def sanitise(html: str, *, pictures: Mapping[str, str] | None = None, remote: bool = False) -> str:
    """The harmless part of *html*. *pictures*: content id → `data:` address of the picture."""
    return nh3.clean(
        html,
        tags=_TAGS,
        clean_content_tags={"script", "style", "title", "template", "noscript"},
        attributes=_ATTRIBUTES,
        attribute_filter=_filter(pictures or {}, remote),
        url_schemes={"http", "https", "mailto", "tel", "cid"},
        link_rel="noopener noreferrer nofollow",
        filter_style_properties=_STYLES,
    )


def _filter(pictures: Mapping[str, str], remote: bool) -> Callable[[str, str, str], str | None]:
    def keep(tag: str, attribute: str, value: str) -> str | None:
        if tag == "img" and attribute == "src":
            if value.lower().startswith("cid:"):
                return pictures.get(value[4:].strip("<> "))
            return value if remote and value.lower().startswith(("http:", "https:")) else None
        if attribute == "style" and "url(" in value.lower().replace(" ", ""):
            return None
        return value

    return keep


def frame(html: str, title: str) -> str:
    """The document of the frame around sanitised *html*."""
    return _FRAME.format(title=escape(title), body=html)
