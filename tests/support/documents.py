"""Documents as tests write them, and the PDF files that came out, as poppler reads them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.orm import Session

from intake.attachments import read_blob
from intake.issued import approval, drafts
from intake.issued.drafts import Addressee, DraftFields
from intake.office import Office
from intake.proofs.efirma import open_efirma
from models.oficio import DocumentType, Oficio
from models.person import Account
from tests.support.efirma import EfirmaFiles
from tests.support.institution import Institution

BODY = (
    "<p>Por este conducto le solicito la <b>información</b> de las obras que se realizaron en el presente "
    "ejercicio, desglosada por colonia.</p><ul><li>Pavimentación</li><li>Alumbrado</li></ul>"
)
OUTSIDE = Addressee(name="Mtra. Elena Ruiz", post="Directora General", institution="Secretaría de Obras",
                    email="elena@obras.gob.mx")  # fmt: skip


@contextmanager
def acting(office: Office, institution: Institution) -> Iterator[tuple[Session, dict[str, Account]]]:
    """A transaction of the desk, with the institution's accounts as it loads them."""
    with office.database.writing() as session:
        yield session, {name: session.get_one(Account, one.id) for name, one in institution.accounts.items()}


def fields(
    institution: Institution,
    *,
    to: tuple[Addressee, ...] | None = None,
    subject: str = "Obras de 2026",
    document_type: DocumentType = DocumentType.OFICIO,
    body: str = BODY,
    needs_efirma: bool = False,
    signers: tuple[int, ...] = (),
) -> DraftFields:
    """A complete document, to the head of Obras unless told otherwise."""
    other = institution.accounts["other"]
    recipients = to if to is not None else (Addressee(account_id=other.id),)
    return DraftFields(subject=subject, document_type=document_type, body_html=body, recipients=recipients,
                       needs_efirma=needs_efirma, signers=signers)  # fmt: skip


def write(session: Session, office: Office, by: Account, what: DraftFields) -> Oficio:
    return drafts.create_draft(session, office, by, what)


def sign(session: Session, office: Office, oficio: Oficio, by: Account, files: EfirmaFiles) -> None:
    """Prepare and keep a signature, as the panel does."""
    efirma = open_efirma(files.certificate, files.key, files.password)
    signed = approval.prepare_signature(session, office, oficio, by, efirma)
    approval.sign(session, office, oficio, by, signed)


def pdf_of(session: Session, office: Office, oficio: Oficio) -> bytes:
    assert oficio.pdf_sha256 is not None
    return read_blob(session, office, oficio.pdf_sha256)


def poppler(tool: str, pdf: bytes, folder: Path, *options: str) -> str:
    """What `pdftotext`, `pdffonts`, `pdfinfo`, `pdfdetach` or `pdfsig` say about *pdf*."""
    path = folder / "document.pdf"
    path.write_bytes(pdf)
    command = [tool, *options, str(path), *(["-"] if tool == "pdftotext" else [])]
    return subprocess.run(command, capture_output=True, check=False, text=True).stdout
