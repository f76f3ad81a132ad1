"""Draws HTML as PDF. Nothing is fetched: a page shows the images that it is handed, and no other address.

WeasyPrint is loaded when the first page is drawn: it takes 0.3 s and 30 MB, which the
doors, the worker and most commands never need.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from weasyprint.urls import URLFetcher


def html_to_pdf(html: str, images: Mapping[str, bytes] | None = None) -> bytes:
    """Render *html*; it may show only *images*, by their names."""
    from weasyprint import HTML

    rendered = HTML(string=html, url_fetcher=_only(images or {})).write_pdf()
    assert isinstance(rendered, bytes)
    return rendered


def html_to_archive(html: str, images: Mapping[str, bytes], files: Iterable[tuple[str, bytes]] = ()) -> bytes:
    """Render *html* as a tagged PDF/A-3u that shows only *images* and carries *files* (name, content)."""
    from weasyprint import HTML, Attachment

    carried = [
        Attachment(string=content, name=name, description=name, relationship="Supplement")
        for name, content in files
    ]
    rendered = HTML(string=html, url_fetcher=_only(images)).write_pdf(
        pdf_variant="pdf/a-3u", pdf_tags=True, attachments=carried
    )
    assert isinstance(rendered, bytes)
    return rendered


def _only(known: Mapping[str, bytes]) -> URLFetcher:
    """Answers from *known* and refuses every other address, of the network and of the disk alike."""
    from weasyprint.urls import URLFetcher, URLFetcherResponse

    class OnlyThese(URLFetcher):  # type: ignore[misc]  # weasyprint ships no types
        def fetch(self, url: str, headers: dict[str, str] | None = None) -> URLFetcherResponse:
            if url not in known:
                raise ValueError(f"refused: {url[:100]}")
            return URLFetcherResponse(url, known[url])

    return OnlyThese()
