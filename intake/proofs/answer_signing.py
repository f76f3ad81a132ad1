"""*Firma electrónica* of an answer (manual C): with the e.firma of who answered; signed, it is sent."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from sqlalchemy.orm import Session

from intake import notices
from intake.attachments import keep_blob, read_blob
from intake.cases import step
from intake.errors import Conflict
from intake.office import Office
from intake.proofs import efirma as certificates
from intake.proofs.efirma import Efirma
from intake.signing import SignedPdf, sign_pdf
from models.base import now
from models.case import lock
from models.message import Attachment
from models.person import Account
from models.signed_answer import SignedAnswer
from models.workflow import NotAllowed
from templates import say


@dataclass(frozen=True, slots=True)
class Signed:
    """A signature that was made but is not in the register yet."""

    answer_id: int
    base_sha256: str
    pdf: SignedPdf
    serial: str
    subject: str
    issuer: str


def prepare_signature(session: Session, office: Office, made: SignedAnswer, by: Account,
                      efirma: Efirma) -> Signed:  # fmt: skip
    """Check *efirma* and sign the PDF with it; writes nothing. Raises InvalidInput, NotAllowed."""
    if made.account_id != by.id or made.signed_at is not None:
        raise NotAllowed("sign", made.oficio.state)
    certificates.check(office, efirma, by)
    pdf = sign_pdf(office, read_blob(session, office, made.pdf_sha256), efirma,
                   reason=say("registering.answer.reason", folio=made.oficio.folio))  # fmt: skip
    issuer = certificates.issuer_of(efirma.certificate)
    return Signed(made.id, made.pdf_sha256, pdf, efirma.serial, efirma.name, issuer)


def sign(session: Session, office: Office, made: SignedAnswer, by: Account, signed: Signed) -> None:
    """Put the signature into the register and send the answer. Raises Conflict when it is signed already."""
    oficio = made.oficio
    lock(session, oficio)
    if signed.answer_id != made.id or signed.base_sha256 != made.pdf_sha256 or made.account_id != by.id:
        raise Conflict("document_changed")
    data = {"serial": signed.serial, "subject": signed.subject, "level": signed.pdf.level}
    step(session, oficio, by, "sign", data=data)
    content = signed.pdf.content
    sha256 = hashlib.sha256(content).hexdigest()
    keep_blob(session, office, sha256, content)
    made.pdf_sha256 = sha256
    made.signed_at, made.level = now(), signed.pdf.level
    made.serial, made.subject, made.issuer = signed.serial, signed.subject, signed.issuer
    message = made.message
    message.attachments.append(
        Attachment(
            position=len(message.attachments),
            filename=say("registering.answer.filename", folio=oficio.folio.replace("/", "-")),
            content_type="application/pdf",
            size=len(content),
            sha256=made.pdf_sha256,
        )
    )
    oficio.has_files, oficio.is_unanswered = True, False
    session.flush()
    if made.mail["to"] or notices.chat_for(session, oficio):
        notices.write_answer(session, office, oficio, message, made.mail["to"], made.mail["cc"])
