"""Binds the PDF of an expediente: cover, index with pages and hashes, and every case in its order.

Done by the worker, because it takes as long as there are pages. A row says what was asked for, so what
a stopped worker leaves undone is done by the next one.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import structlog
from pypdf import PdfReader, PdfWriter
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from intake.attachments import keep_blob, read_blob
from intake.errors import StoreFailed
from intake.issued.pdf import html_to_pdf
from intake.letters import print_case
from intake.office import Office
from intake.wording import day, instant, speaking
from models.base import now
from models.case import Case
from models.expediente import Expediente, ExpedienteEntry
from models.oficio import Flow, Oficio
from templates import render, say

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Part:
    """A case of the expediente as printed."""

    entry_id: int
    folio: str
    title: str
    on: date
    content: bytes
    pages: int
    sha256: str


def bind(office: Office) -> int:
    """Bind one expediente that was asked for; returns how many there were."""
    with office.database.reading() as session, speaking(office.settings.language):
        wanted = select(Expediente).where(
            Expediente.pdf_asked_at.is_not(None),
            Expediente.pdf_made_at.is_(None),
            Expediente.pdf_error == "",
        )
        expediente = session.scalar(wanted.order_by(Expediente.pdf_asked_at).limit(1))
        if expediente is None:
            return 0
        key, asked_at = expediente.id, expediente.pdf_asked_at
        try:
            parts = _parts(session, office, expediente)
            content = assemble(office, expediente, parts)
        except StoreFailed:
            # Ours, and may pass: the next look tries again.
            raise
        except Exception as error:
            log.exception("expediente not bound", expediente=expediente.number)
            _fail(office, key, repr(error)[:300])
            return 1
    sha256 = hashlib.sha256(content).hexdigest()
    with office.database.writing() as session:
        found = session.get(Expediente, key, with_for_update={"of": Expediente})
        # A case that was added meanwhile is not in it.
        if found is None or found.pdf_asked_at != asked_at or found.pdf_made_at is not None:
            return 1
        keep_blob(session, office, sha256, content)
        found.pdf_sha256, found.pdf_made_at = sha256, now()
        for part in parts:
            entry = session.get_one(ExpedienteEntry, part.entry_id)
            entry.pages, entry.sha256 = part.pages, part.sha256
    return 1


def _fail(office: Office, key: int, error: str) -> None:
    with office.database.writing() as session:
        session.get_one(Expediente, key).pdf_error = error


def _parts(session: Session, office: Office, expediente: Expediente) -> list[Part]:
    entries = session.scalars(
        select(ExpedienteEntry)
        .where(ExpedienteEntry.expediente_id == expediente.id)
        .options(joinedload(ExpedienteEntry.case).selectinload(Case.requester))
        .order_by(ExpedienteEntry.position)
    ).all()
    return [_part(session, office, entry) for entry in entries]


def _part(session: Session, office: Office, entry: ExpedienteEntry) -> Part:
    case = entry.case
    is_issued = isinstance(case, Oficio) and case.flow == Flow.ISSUED
    if is_issued and isinstance(case, Oficio) and case.pdf_sha256 is not None:
        content = read_blob(session, office, case.pdf_sha256)
    else:
        content = print_case(session, office, case)
    return Part(
        entry.id,
        case.folio,
        case.subject or say("case.no_subject"),
        document_date(office, case),
        content,
        len(PdfReader(io.BytesIO(content)).pages),
        hashlib.sha256(content).hexdigest(),
    )


def document_date(office: Office, case: Case) -> date:
    """The date under which the index names a case: of the document, else when it came."""
    written = case.written_on if isinstance(case, Oficio) else None
    return written or case.created_at.astimezone(office.settings.zone).date()


def assemble(office: Office, expediente: Expediente, parts: Sequence[Part]) -> bytes:
    """Cover and index before the cases; every line of the index says on which page its case begins."""
    # The index is drawn twice: only its own length tells where the first case begins.
    front = _front(office, expediente, parts, 1)
    own = len(PdfReader(io.BytesIO(front)).pages)
    front = _front(office, expediente, parts, own + 1)
    writer = PdfWriter()
    writer.append(io.BytesIO(front), outline_item=say("archive.bound.index"), import_outline=False)
    for part in parts:
        writer.append(
            io.BytesIO(part.content), outline_item=f"{part.folio} {part.title}"[:200], import_outline=False
        )
    writer.add_metadata({"/Title": f"{expediente.number} {expediente.title}", "/Creator": "Oficialía"})
    made = io.BytesIO()
    writer.write(made)
    return made.getvalue()


def _front(office: Office, expediente: Expediente, parts: Sequence[Part], first_page: int) -> bytes:
    lines: list[dict[str, Any]] = []
    page = first_page
    for order, part in enumerate(parts, start=1):
        lines.append({"order": order, "part": part, "page": page})
        page += part.pages
    return html_to_pdf(
        render(
            "letters/expediente.html",
            institution=office.settings.institution,
            expediente=expediente,
            lines=lines,
            pages=sum(part.pages for part in parts),
            day=day,
            printed_at=instant(now(), office.settings.zone),
        )
    )
