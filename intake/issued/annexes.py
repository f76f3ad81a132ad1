"""Turns a kept file into pages for paper: PDF as it is, images and texts as new pages, the rest not at all.

Never raises on what a stranger sent: a file that cannot be opened becomes a page that says so.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass, field

from PIL import Image, ImageSequence
from pypdf import PageObject, PdfReader
from pypdf.generic import ArrayObject, DictionaryObject, NameObject

from intake.issued.pdf import html_to_pdf
from intake.reading.charsets import decode
from models.message import Attachment
from templates import render

# Of one file; a book is kept apart and read on a screen.
MAX_PAGES = 400
MAX_TEXT = 200_000
# 50 million pixels are a page of A4 at 750 dpi; more is a picture made to fill the memory.
MAX_PIXELS = 50_000_000
# Inline pictures smaller than this are the logos of signatures.
SMALL_INLINE = 10_000
_IMAGES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp", "image/tiff"})
_HARMLESS_ACTIONS = frozenset({"/GoTo", "/URI", "/Named"})


@dataclass(slots=True)
class Annex:
    """A file and the pages it became. `reason` says why it has none (a key of `office.print.reason`)."""

    attachment: Attachment
    number: int
    reason: str = ""
    pages: list[PageObject] = field(default_factory=list)
    # Pages of our own that say why the file's own pages are missing.
    is_notice: bool = False


class NotPrintable(Exception):
    """This file has no pages for paper; `reason` names the sentence that says why."""

    def __init__(self, reason: str, *, needs_page: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.needs_page = reason, needs_page


def make_annex(attachment: Attachment, content: bytes | None, number: int) -> Annex:
    """The pages of *attachment*; *content* None when the store could not give it."""
    annex = Annex(attachment, number)
    try:
        annex.pages = _pages(attachment, content)
    except NotPrintable as refusal:
        annex.reason = refusal.reason
        if refusal.needs_page:
            annex.is_notice = True
            annex.pages = _read(html_to_pdf(render("letters/annex_notice.html", annex=annex)))
    return annex


def _pages(attachment: Attachment, content: bytes | None) -> list[PageObject]:
    if attachment.danger:
        raise NotPrintable("danger")
    if content is None:
        raise NotPrintable("missing", needs_page=True)
    if attachment.content_type == "application/pdf":
        return _pdf_pages(content)
    if attachment.content_type in _IMAGES:
        if attachment.is_inline and attachment.size < SMALL_INLINE:
            raise NotPrintable("logo")
        return _image_pages(content)
    if attachment.content_type in ("text/plain", "text/csv"):
        return _text_pages(attachment, content)
    raise NotPrintable("apart")


def _pdf_pages(content: bytes) -> list[PageObject]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            reader = PdfReader(io.BytesIO(content))
            # Many PDFs are encrypted only against editing and open without a password.
            if reader.is_encrypted and not reader.decrypt(""):
                raise NotPrintable("encrypted", needs_page=True)
            if len(reader.pages) > MAX_PAGES:
                raise NotPrintable("too_long", needs_page=True)
            pages = list(reader.pages)
            for page in pages:
                _disarm(page)
    except NotPrintable:
        raise
    # pypdf meets broken files with exceptions of every kind, recursion and key errors among them.
    except Exception as error:
        raise NotPrintable("broken", needs_page=True) from error
    if not pages:
        raise NotPrintable("broken", needs_page=True)
    return pages


def _disarm(page: PageObject) -> None:
    """Leave links and form fields, take scripts and launched programs out."""
    page.pop("/AA", None)
    annotations = page.get("/Annots")
    if annotations is None:
        return
    kept = ArrayObject()
    for reference in annotations.get_object():
        annotation = reference.get_object()
        if not isinstance(annotation, DictionaryObject):
            continue
        annotation.pop("/AA", None)
        action = annotation.get("/A")
        if action is not None and action.get_object().get("/S") not in _HARMLESS_ACTIONS:
            annotation.pop("/A")
        kept.append(reference)
    page[NameObject("/Annots")] = kept


def _image_pages(content: bytes) -> list[PageObject]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            frames = _frames(content)
            images = {f"oficialia:image/{number}": frame for number, frame in enumerate(frames)}
            return _read(html_to_pdf(render("letters/annex_image.html", images=list(images)), images))
    except NotPrintable:
        raise
    # A damaged picture fails in many ways inside the decoders.
    except Exception as error:
        raise NotPrintable("broken", needs_page=True) from error


def _frames(content: bytes) -> list[bytes]:
    """The picture itself, or each page of a scanned TIFF as PNG."""
    with Image.open(io.BytesIO(content)) as image:
        if image.width * image.height > MAX_PIXELS:
            raise NotPrintable("too_large", needs_page=True)
        if image.format != "TIFF":
            # Decoding now finds a truncated file, which would leave an empty page.
            image.load()
            return [content]
        if getattr(image, "n_frames", 1) > MAX_PAGES:
            raise NotPrintable("too_long", needs_page=True)
        frames = []
        for frame in ImageSequence.Iterator(image):
            if frame.width * frame.height > MAX_PIXELS:
                raise NotPrintable("too_large", needs_page=True)
            made = io.BytesIO()
            frame.convert("1" if frame.mode == "1" else "RGB").save(made, "PNG")
            frames.append(made.getvalue())
        return frames


def _text_pages(attachment: Attachment, content: bytes) -> list[PageObject]:
    text, _ = decode(content[: 4 * MAX_TEXT])
    html = render(
        "letters/annex_text.html",
        filename=attachment.filename,
        text=text[:MAX_TEXT],
        is_cut=len(text) > MAX_TEXT or len(content) > 4 * MAX_TEXT,
    )
    return _read(html_to_pdf(html))


def _read(pdf: bytes) -> list[PageObject]:
    return list(PdfReader(io.BytesIO(pdf)).pages)
