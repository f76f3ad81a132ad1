"""Prints a case, or one message of it, as one PDF: the thread first, then its files page by page.

Who may see the case is decided before (`models.access.visible_to`). Every page carries
the folio and its number, on a strip added below what a sender's page shows.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import datetime

from babel.dates import format_datetime
from pypdf import PageObject, PdfReader, PdfWriter
from pypdf.generic import (
    ArrayObject,
    DictionaryObject,
    NameObject,
    RectangleObject,
    StreamObject,
)
from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload, undefer

from intake.attachments import read_file
from intake.errors import StoreFailed
from intake.issued.annexes import Annex, make_annex
from intake.issued.pdf import html_to_pdf
from intake.office import Office
from intake.services.service_fields import values_of, words_of
from models.base import now
from models.case import Case
from models.message import Direction, Message
from models.ticket import Ticket
from templates import language, render, say

# Longer messages are cut on paper; the raw mail has them whole.
MAX_MESSAGE = 100_000
# Height in points of the strip with folio and page number.
_STRIP = 20.0
_MARGIN = 28


def print_case(session: Session, office: Office, case: Case, *, with_notes: bool = False) -> bytes:
    """The PDF of *case*: data, thread, list of files and the files; internal notes only if asked."""
    wanted = select(Message).where(Message.case_id == case.id).order_by(Message.id)
    if not with_notes:
        wanted = wanted.where(Message.direction != Direction.NOTE)
    messages = session.scalars(wanted.options(undefer(Message.text), selectinload(Message.attachments))).all()
    return _print(session, office, case, messages, is_whole_case=True)


def print_message(session: Session, office: Office, message: Message) -> bytes:
    """The PDF of one message with its files, as it came, quotes included."""
    return _print(session, office, message.case, [message], is_whole_case=False)


def _print(
    session: Session, office: Office, case: Case, messages: Sequence[Message], *, is_whole_case: bool
) -> bytes:
    annexes = _gather(session, office, messages)
    letter = html_to_pdf(
        render(
            "letters/case.html",
            institution=office.settings.institution,
            case=case,
            service=case.service if isinstance(case, Ticket) else None,
            answers=values_of(session, case),
            messages=[(message, *_words(message, is_whole_case)) for message in messages],
            annexes=annexes,
            annex_of={annex.attachment.id: annex.number for annex in annexes},
            is_whole_case=is_whole_case,
            words_of=words_of,
            at=lambda instant: say_instant(office, instant),
            printed_at=now(),
        )
    )
    return _bind(case, letter, annexes)


def say_instant(office: Office, instant: datetime) -> str:
    """*instant* as people of the institution write it, in their zone."""
    return format_datetime(instant, "d 'de' MMMM 'de' y, HH:mm" if language.get() == "es" else "long",
                           tzinfo=office.settings.zone, locale=language.get())  # fmt: skip


def _words(message: Message, only_new: bool) -> tuple[str, bool]:
    """What is printed of a message, and whether its end is missing."""
    # The quoted rest of a reply is already on paper: it is another message of the thread.
    text = (message.reply_text or message.text) if only_new else (message.text or message.reply_text)
    return text[:MAX_MESSAGE].strip(), len(text) > MAX_MESSAGE


def _gather(session: Session, office: Office, messages: Sequence[Message]) -> list[Annex]:
    """Each different file once, in the order of the thread."""
    annexes: list[Annex] = []
    seen: dict[str, int] = {}
    for message in messages:
        for attachment in message.attachments:
            if first := seen.get(attachment.sha256):
                annexes.append(Annex(attachment, len(annexes) + 1, reason=f"same:{first}"))
                continue
            content: bytes | None = None
            if not attachment.danger:
                try:
                    content = read_file(session, office, attachment)
                except StoreFailed:
                    content = None
            annexes.append(make_annex(attachment, content, len(annexes) + 1))
            seen[attachment.sha256] = len(annexes)
    return annexes


def _bind(case: Case, letter: bytes, annexes: Sequence[Annex]) -> bytes:
    """Join letter and annexes and number the pages of the whole."""
    writer = PdfWriter()
    for page in PdfReader(io.BytesIO(letter)).pages:
        writer.add_page(page)
    own_pages = len(writer.pages)
    labels = [""] * own_pages
    for annex in annexes:
        if not annex.pages:
            continue
        first = len(writer.pages)
        title = say("office.print.annex", number=annex.number)
        for page in annex.pages:
            writer.add_page(page)
            labels.append(title)
        writer.add_outline_item(title=f"{title}: {annex.attachment.filename}", page_number=first)
    total = len(writer.pages)
    for number, (page, label) in enumerate(zip(writer.pages, labels, strict=True), start=1):
        words = [case.folio, label, say("office.print.page", number=number, total=total)]
        stamp = " · ".join(word for word in words if word)
        # Our own notices leave room for the strip; a sender's page is made longer instead of written upon.
        _stamp(writer, page, stamp, grow=bool(label))
    writer.add_metadata({"/Title": f"{case.folio} {case.subject}", "/Creator": "Oficialía"})
    made = io.BytesIO()
    writer.write(made)
    return made.getvalue()


def _stamp(writer: PdfWriter, page: PageObject, words: str, *, grow: bool) -> None:
    """Write *words* along the edge that is at the bottom when the page is shown."""
    box = RectangleObject(tuple(float(edge) for edge in page.cropbox))
    left, bottom, right, top = (float(edge) for edge in box)
    extra = _STRIP if grow else 0.0
    # Per rotation: the box with the strip, the strip itself, and the text matrix in the page's own axes.
    turn = page.rotation % 360
    if turn == 90:
        box = RectangleObject((left, bottom, right + extra, top))
        strip = (right, bottom, _STRIP, top - bottom)
        matrix = (0, 1, -1, 0, right + extra - 8, bottom + _MARGIN)
    elif turn == 180:
        box = RectangleObject((left, bottom, right, top + extra))
        strip = (left, top, right - left, _STRIP)
        matrix = (-1, 0, 0, -1, right - _MARGIN, top + extra - 8)
    elif turn == 270:
        box = RectangleObject((left - extra, bottom, right, top))
        strip = (left - extra, bottom, _STRIP, top - bottom)
        matrix = (0, -1, 1, 0, left - extra + 8, top - _MARGIN)
    else:
        box = RectangleObject((left, bottom - extra, right, top))
        strip = (left, bottom - extra, right - left, _STRIP)
        matrix = (1, 0, 0, 1, left + _MARGIN, bottom - extra + 8)
    for name in ("/MediaBox", "/CropBox"):
        page[NameObject(name)] = box
    paint = "" if not grow else f"1 g {' '.join(f'{edge:.2f}' for edge in strip)} re f "
    text = words.encode("cp1252", "replace").hex()
    placed = " ".join(f"{number:.2f}" for number in matrix)
    _add_content(writer, page, f"{paint}0.25 g BT /OficialiaStrip 8 Tf {placed} Tm <{text}> Tj ET")


def _add_content(writer: PdfWriter, page: PageObject, drawing: str) -> None:
    """Draw over a page without reading its own content, whose graphics state is put aside."""
    old = page.get("/Contents")
    parts = ArrayObject([_stream(writer, "q")])
    if old is not None:
        direct = old.get_object()
        parts.extend(direct if isinstance(direct, ArrayObject) else [old])
    parts.append(_stream(writer, f"Q q {drawing} Q"))
    page[NameObject("/Contents")] = parts
    resources = page.get("/Resources", DictionaryObject()).get_object()
    page[NameObject("/Resources")] = resources
    fonts = resources.get("/Font", DictionaryObject()).get_object()
    resources[NameObject("/Font")] = fonts
    fonts[NameObject("/OficialiaStrip")] = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type1"),
            NameObject("/BaseFont"): NameObject("/Helvetica"),
            NameObject("/Encoding"): NameObject("/WinAnsiEncoding"),
        }
    )


def _stream(writer: PdfWriter, content: str) -> object:
    stream = StreamObject()
    stream.set_data(f"\n{content}\n".encode("ascii"))
    return writer._add_object(stream)
