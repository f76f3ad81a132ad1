"""The PDF of an issued document: letterhead, number, recipients, text, signers, copies, files and code.

PDF/A-3u and tagged, so that it can be read aloud and in fifty years. What is shown
while writing is made by the same function as what is sent.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import segno
from babel.dates import format_date
from markupsafe import Markup
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from intake.attachments import read_blob
from intake.issued.pdf import html_to_archive
from intake.issued.rich_text import clean
from intake.office import Office
from intake.proofs.codes import verification_link
from models.base import now
from models.dependencia import Dependencia
from models.letterhead import Letterhead
from models.oficio import DocumentFile, DocumentType, Oficio
from models.person import Account, Role
from models.recipient import Recipient, RecipientRole
from models.signature import Signature, SignatureKind
from templates import language, render, say

# Files up to this size together travel inside the PDF; larger ones beside it, named with their SHA-256.
EMBEDDED = 10_000_000
_LOGO_TYPES = frozenset({"image/png", "image/jpeg", "image/svg+xml"})


@dataclass(frozen=True, slots=True)
class Signer:
    """A name below the text."""

    name: str
    post: str
    absent: str = ""
    absent_post: str = ""
    # How it is signed, when that is known beforehand.
    how: str = ""


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file as the document names it."""

    filename: str
    sha256: str
    is_embedded: bool


def render_document(session: Session, office: Office, oficio: Oficio) -> bytes:
    """The PDF as *oficio* is now; a draft shows no number and says that it is one. Raises StoreFailed."""
    assert oficio.dependencia is not None
    is_draft = oficio.number is None
    letterhead = find_letterhead(session, oficio.dependencia, oficio.administration_id)
    files, embedded = _files(session, office, oficio)
    recipients = recipients_of(session, oficio)
    day = oficio.written_on or now().astimezone(office.settings.zone).date()
    code = oficio.verification_code or ""
    images = _images(session, office, letterhead, code)
    html = render(
        "letters/document.html",
        institution=office.settings.institution,
        dependencia=oficio.dependencia.name,
        slogan=letterhead.slogan if letterhead else "",
        footer=letterhead.footer if letterhead else "",
        has_logo="image:logo" in images,
        type=oficio.document_type.value,
        folio=say("document.print.no_number") if is_draft else oficio.folio,
        is_draft=is_draft,
        subject=oficio.subject,
        place=oficio.place or place_of(office, letterhead),
        date=long_date(day),
        written_on=day.isoformat() if oficio.written_on else "",
        recipients=_printed(oficio, [one for one in recipients if one.role == RecipientRole.TO]),
        copies=[one for one in recipients if one.role == RecipientRole.COPY],
        # Cleaned again: a row may be older than the rules.
        body=Markup(clean(oficio.body_html)),
        signers=_signers(session, oficio),
        files=files,
        code=code,
        address=verification_link(office, code) if code else "",
    )
    return html_to_archive(html, images, embedded)


def recipients_of(session: Session, oficio: Oficio) -> Sequence[Recipient]:
    """Those the author chose, in order; not those to whom it was handed on later."""
    wanted = select(Recipient).where(Recipient.oficio_id == oficio.id, Recipient.reassigned_by_id.is_(None))
    return session.scalars(wanted.order_by(Recipient.position, Recipient.id)).all()


def _printed(oficio: Oficio, recipients: Sequence[Recipient]) -> Sequence[Any]:
    if oficio.document_type == DocumentType.CIRCULAR and len(recipients) > 1:
        # It goes to all: nobody reads a page of names.
        return [{"name": say("document.print.everybody"), "post": "", "institution": ""}]
    return recipients


def files_of(session: Session, oficio: Oficio) -> Sequence[DocumentFile]:
    """What the document carries, in order."""
    wanted = select(DocumentFile).where(DocumentFile.oficio_id == oficio.id)
    return session.scalars(wanted.order_by(DocumentFile.position, DocumentFile.id)).all()


def _files(
    session: Session, office: Office, oficio: Oficio
) -> tuple[list[ListedFile], list[tuple[str, bytes]]]:
    listed: list[ListedFile] = []
    embedded: list[tuple[str, bytes]] = []
    room = EMBEDDED
    for file in files_of(session, oficio):
        fits = file.size <= room
        if fits:
            room -= file.size
            embedded.append((file.filename, read_blob(session, office, file.sha256)))
        listed.append(ListedFile(file.filename, file.sha256, fits))
    return listed, embedded


def find_letterhead(
    session: Session, dependencia: Dependencia, administration_id: int | None
) -> Letterhead | None:
    """The letterhead of the dependencia or of the nearest one above it, of the administration before any."""
    above = dependencia.lineage or [dependencia.id]
    found = session.scalars(
        select(Letterhead).where(
            or_(Letterhead.dependencia_id.in_(above), Letterhead.dependencia_id.is_(None)),
            or_(Letterhead.administration_id == administration_id, Letterhead.administration_id.is_(None)),
        )
    ).all()

    def nearness(one: Letterhead) -> tuple[int, bool, int]:
        depth = above.index(one.dependencia_id) if one.dependencia_id in above else -1
        return depth, one.administration_id is not None, one.id

    return max(found, key=nearness, default=None)


def place_of(office: Office, letterhead: Letterhead | None) -> str:
    """Where documents with this letterhead are written."""
    return (letterhead.place if letterhead else "") or office.settings.document_place


def long_date(day: date) -> str:
    """`21 de noviembre de 2026`."""
    return format_date(day, say("document.print.date"), locale="es_MX" if language.get() == "es" else "en")


def _images(session: Session, office: Office, letterhead: Letterhead | None, code: str) -> dict[str, bytes]:
    images: dict[str, bytes] = {}
    if letterhead and letterhead.logo_sha256 and letterhead.logo_type in _LOGO_TYPES:
        images["image:logo"] = read_blob(session, office, letterhead.logo_sha256)
    if code:
        images["image:qr"] = qr_of(verification_link(office, code))
    return images


def qr_of(address: str) -> bytes:
    """*address* as an SVG picture."""
    made = io.BytesIO()
    segno.make(address, error="m", micro=False).save(made, kind="svg", border=0, xmldecl=False, svgclass=None)
    return made.getvalue()


def _signers(session: Session, oficio: Oficio) -> list[Signer]:
    wanted = select(Signature).where(Signature.oficio_id == oficio.id, Signature.account_id.is_not(None))
    chosen = session.scalars(wanted.order_by(Signature.position)).all()
    if chosen:
        return [_signer(oficio, one.account, one.kind) for one in chosen if one.account is not None]
    issuer = oficio.issuer or expected_issuer(session, oficio)
    return [_signer(oficio, issuer, SignatureKind.SEAL)] if issuer is not None else []


def _signer(oficio: Oficio, account: Account, kind: SignatureKind) -> Signer:
    is_for_another = oficio.absent is not None and account.id == oficio.issuer_id
    absent = oficio.absent.person if is_for_another and oficio.absent else None
    return Signer(
        account.person.name,
        post_of(account),
        absent.name if absent else "",
        post_of(oficio.absent) if is_for_another and oficio.absent else "",
        say("document.print.efirma") if kind == SignatureKind.EFIRMA else "",
    )


def post_of(account: Account) -> str:
    """The post as a document names it."""
    return account.person.post or account.dependencia.name


def expected_issuer(session: Session, oficio: Oficio) -> Account | None:
    """Who would approve *oficio*."""
    return next(iter(heads_near(session, oficio.dependencia)), None)


def heads_near(session: Session, dependencia: Dependencia | None) -> Sequence[Account]:
    """The heads of *dependencia*, or of the nearest one above that has any."""
    while dependencia is not None:
        wanted = select(Account).where(
            Account.is_active, Account.role == Role.HEAD, Account.dependencia_id == dependencia.id
        )
        if found := session.scalars(wanted.order_by(Account.id).limit(10)).all():
            return found
        dependencia = dependencia.parent
    return ()
