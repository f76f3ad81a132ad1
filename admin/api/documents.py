"""Documents that the house issues, for programs: their list, one of them, and the sealed PDF."""

from __future__ import annotations

from datetime import datetime

from flask import Response
from sqlalchemy import exists, select
from sqlalchemy.orm import joinedload

from admin.api.cases import bytes_of
from admin.api.cursors import read_cursor, write_cursor
from admin.api.operations import Call, operation
from admin.api.problems import Refusal
from admin.api.schema import Document, DocumentPage, PageQuery
from admin.api.values import Folio
from admin.db import office
from admin.documents import get_issued
from intake.attachments import read_blob
from intake.issued.issuing import pdf_name
from intake.running.reports import account_named, dependencia_named
from models.api_token import Scope
from models.case import Case
from models.folders import who_acts
from models.oficio import Flow, Oficio
from models.sequence import visible_ids

PDF = "application/pdf"


@operation("GET", "/documents", Scope.DOCUMENTS_READ)
def list_documents(call: Call, query: PageQuery) -> DocumentPage:
    after = read_cursor(office(), call.account.id, "documents", query.cursor) or 0
    oficio = Oficio.__table__.c
    issued = exists().where(oficio.id == Case.id, oficio.flow == Flow.ISSUED)
    accounts = who_acts(call.session, call.account)
    page = visible_ids(call.session, accounts, [issued], after=after, limit=query.limit + 1)
    ids = page[: query.limit]
    wanted = select(Oficio).where(Oficio.id.in_(ids)).order_by(Oficio.id)
    rows = call.session.scalars(
        wanted.options(joinedload(Oficio.dependencia), joinedload(Oficio.author), joinedload(Oficio.issuer))
    )
    following = (
        write_cursor(office(), call.account.id, "documents", ids[-1]) if len(page) > len(ids) else None
    )
    return DocumentPage(items=[_told(one) for one in rows], next=following)


@operation("GET", "/documents/{folio}", Scope.DOCUMENTS_READ)
def get_document(call: Call, folio: Folio) -> Document:
    return _told(_issued(call, folio))


@operation("GET", "/documents/{folio}/pdf", Scope.DOCUMENTS_READ, media=PDF)
def get_document_pdf(call: Call, folio: Folio) -> Response:
    oficio = _issued(call, folio)
    if oficio.pdf_sha256 is None:
        # A draft is drawn in the panel; a program is given only what was sealed.
        raise Refusal(404, "no_pdf")
    return bytes_of(read_blob(call.session, office(), oficio.pdf_sha256), pdf_name(oficio), PDF)


def _issued(call: Call, folio: str) -> Oficio:
    named = select(Case.id).where(Case.folio.in_([folio, folio.upper()]))
    return get_issued(call.session, call.session.scalar(named.limit(1)) or 0)


def _told(one: Oficio) -> Document:
    return Document.model_validate(
        {
            "folio": one.folio,
            "document_type": one.document_type.value,
            "subject": one.subject,
            "state": one.state,
            "number": one.number,
            "dependencia": dependencia_named(one.dependencia),
            "author": account_named(one.author),
            "issuer": account_named(one.issuer),
            "approved_at": _instant(one.approved_at),
            "sent_at": _instant(one.sent_at),
            "cancelled_at": _instant(one.cancelled_at),
            "verification_code": one.verification_code,
            "has_pdf": one.pdf_sha256 is not None,
        }
    )


def _instant(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
