"""Lists that leave the house: a spreadsheet of documents, a ZIP of their PDF files, and the printed book.

Who may see which document is decided before (`models.access`); these only write down what they are given.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zipfile import ZIP_STORED, ZipFile, ZipInfo

import xlsxwriter
from sqlalchemy import select
from sqlalchemy.orm import Session
from typing_extensions import Buffer

from intake.attachments import read_blob
from intake.errors import StoreFailed
from intake.issued.documents import long_date
from intake.issued.issuing import pdf_name
from intake.issued.pdf import html_to_archive
from intake.office import Office
from intake.wording import day, instant
from models.base import now
from models.book import Entry
from models.message import Attachment, Blob, Direction, Message
from models.oficio import Flow, Oficio
from templates import render, say

# Excel's own limit of a cell (its specification, "Total number of characters that a cell can contain").
_MAX_CELL = 32_767
# What begins like this is a formula to whoever edits the cell or saves it as CSV (OWASP, "CSV Injection").
FORMULA = ("=", "+", "-", "@", "\t", "\r")

Value = str | int | date | datetime | None


def make_spreadsheet(
    office: Office, title: str, columns: Sequence[tuple[str, int]], rows: Sequence[Sequence[Value]]
) -> bytes:
    """An XLSX with one sheet: *columns* are titles and widths. A text is never a formula nor a link."""
    made = io.BytesIO()
    book = xlsxwriter.Workbook(made, {"constant_memory": True, "strings_to_formulas": False,
                                      "strings_to_urls": False, "strings_to_numbers": False})  # fmt: skip
    sheet = book.add_worksheet(title[:31])
    head = book.add_format({"bold": True, "bottom": 1, "bg_color": "#F1EEF0"})
    formats = {
        date: book.add_format({"num_format": "yyyy-mm-dd", "align": "left"}),
        datetime: book.add_format({"num_format": "yyyy-mm-dd hh:mm", "align": "left"}),
        str: book.add_format({"text_wrap": True, "valign": "top"}),
    }
    quoted = book.add_format({"text_wrap": True, "valign": "top", "quote_prefix": True})
    for number, (name, width) in enumerate(columns):
        sheet.set_column(number, number, width)
        sheet.write_string(0, number, name, head)
    sheet.freeze_panes(1, 0)
    for row, values in enumerate(rows, start=1):
        for column, value in enumerate(values):
            if isinstance(value, datetime):
                local = value.astimezone(office.settings.zone).replace(tzinfo=None)
                sheet.write_datetime(row, column, local, formats[datetime])
            elif isinstance(value, date):
                sheet.write_datetime(row, column, value, formats[date])
            elif isinstance(value, int):
                sheet.write_number(row, column, value)
            elif value:
                sheet.write_string(
                    row, column, value[:_MAX_CELL], quoted if value.startswith(FORMULA) else formats[str]
                )
    sheet.autofilter(0, 0, max(len(rows), 1), len(columns) - 1)
    book.close()
    return made.getvalue()


@dataclass(frozen=True, slots=True)
class ZippedFile:
    """A file that goes into a ZIP, under a path that no other has."""

    path: str
    sha256: str
    size: int
    at: datetime


def pdf_files(session: Session, ids: Sequence[int]) -> list[ZippedFile]:
    """The PDF of each issued document, and the PDF files that came with each received one."""
    issued = select(Oficio, Blob.size).join(Blob, Blob.sha256 == Oficio.pdf_sha256).where(Oficio.id.in_(ids))
    came = (
        select(Oficio, Attachment)
        .join(Message, Message.case_id == Oficio.id)
        .join(Attachment, Attachment.message_id == Message.id)
        .where(
            Oficio.id.in_(ids),
            Oficio.flow == Flow.RECEIVED,
            Message.direction == Direction.IN,
            Attachment.content_type == "application/pdf",
            Attachment.danger == "",
        )
        .order_by(Oficio.id, Attachment.id)
    )
    taken: Counter[str] = Counter()

    def path(name: str) -> str:
        # ZIP knows no two files of one name.
        taken[name] += 1
        return name if taken[name] == 1 else f"{name.removesuffix('.pdf')} ({taken[name]}).pdf"

    found = [
        ZippedFile(path(pdf_name(oficio)), oficio.pdf_sha256 or "", size, oficio.approved_at or now())
        for oficio, size in session.execute(issued.order_by(Oficio.id))
    ]
    for oficio, file in session.execute(came):
        folder = pdf_name(oficio).removesuffix(".pdf")
        # A sender's name must not lead out of the folder into which somebody unpacks.
        name = file.filename.replace("/", "-").replace("\\", "-").lstrip(".") or "documento.pdf"
        found.append(ZippedFile(path(f"{folder}/{name}"), file.sha256, file.size, oficio.created_at))
    return found


class _Sink(io.RawIOBase):
    """Where ZipFile writes, and from where the answer is taken."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, part: Buffer, /) -> int:
        self._parts.append(bytes(part))
        return len(self._parts[-1])

    def take(self) -> bytes:
        taken, self._parts = b"".join(self._parts), []
        return taken


def stream_zip(office: Office, files: Sequence[ZippedFile]) -> Iterator[bytes]:
    """A ZIP, file by file: never more than one of them is in memory.

    One that the store cannot give is named in a text in its place, for the answer has begun already.
    """
    sink = _Sink()
    with ZipFile(sink, "w", ZIP_STORED) as archive:
        for file in files:
            try:
                with office.database.reading() as session:
                    content, name = read_blob(session, office, file.sha256), file.path
            except StoreFailed:
                words = say("documents_public.export.lost", path=file.path, sha256=file.sha256)
                content, name = words.encode(), f"{file.path}.txt"
            local = file.at.astimezone(office.settings.zone)
            archive.writestr(ZipInfo(name, local.timetuple()[:6]), content)
            yield sink.take()
    yield sink.take()


def print_book(
    office: Office, entries: Sequence[Entry], flow: Flow, since: date, until: date, printed_by: str
) -> bytes:
    """The libro de correspondencia as a tagged PDF, with its totals."""
    totals: dict[str, dict[str, int]] = {
        "type": Counter(say(f"document.type.{one.document_type}") for one in entries),
        "state": Counter(say(f"panel.state.{one.state}") for one in entries),
        "dependencia": Counter(one.dependencia or say("documents_public.book.no_area") for one in entries),
    }
    values: dict[str, Any] = {
        "institution": office.settings.institution,
        "flow": flow.value,
        "since": long_date(since),
        "until": long_date(until),
        "entries": entries,
        "day": day,
        "totals": {name: sorted(some.items()) for name, some in totals.items()},
        "printed_by": printed_by,
        "printed_at": instant(now(), office.settings.zone),
    }
    return html_to_archive(render("letters/book.html", **values), {})
