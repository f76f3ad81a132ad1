"""Whether a document is ours and whole: by its code, or by comparing a PDF with what was issued.

Says nothing of a person but the names that the document itself shows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.attachments import read_blob
from intake.issued.documents import post_of
from intake.office import Office
from intake.proofs.codes import read_code
from intake.proofs.efirma import read_trust
from intake.proofs.pdf_proof import prove
from intake.proofs.seal import seal_certificate
from intake.reading.isolation import Poisoned, Reader
from models.acuse import Acuse
from models.oficio import Flow, Oficio
from models.signature import Signature, SignatureKind
from models.signed_answer import SignedAnswer
from models.workflow import State

MAX_PDF = 60_000_000


class Verdict(StrEnum):
    """A key of `document.verified`."""

    AUTHENTIC = "authentic"
    CANCELLED = "cancelled"
    ALTERED = "altered"
    UNKNOWN = "unknown"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class SignedBy:
    """One signature of an issued document, as the register has it."""

    kind: SignatureKind
    name: str
    post: str
    absent: str
    at: datetime
    serial: str
    level: str


@dataclass(frozen=True, slots=True)
class Found:
    """What a code stands for. `document_type` empty: an acuse."""

    code: str
    folio: str
    document_type: str
    subject: str
    dependencia: str
    state: str
    issued_at: datetime
    sha256: str
    cancelled_at: datetime | None
    signatures: tuple[SignedBy, ...]

    @property
    def is_cancelled(self) -> bool:
        return self.state == State.CANCELLED


@dataclass(frozen=True, slots=True)
class PdfSignature:
    """One signature in a file, as the file itself proves it."""

    name: str
    serial: str
    # Nothing that it covers was altered, and the key is the certificate's.
    is_intact: bool
    # Its certificate is ours, or of an authority that the office trusts.
    is_trusted: bool
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Examined:
    """What a PDF is. `found`: what it is, or claims to be."""

    verdict: Verdict
    sha256: str
    found: Found | None = None
    signatures: tuple[PdfSignature, ...] = ()


def find_by_code(session: Session, code: str) -> Found | None:
    """The document or acuse behind *code*, however it was typed; drafts are nobody's business."""
    wanted = read_code(code)
    if wanted is None:
        return None
    oficio = session.scalar(select(Oficio).where(Oficio.verification_code == wanted))
    if oficio is not None:
        return _of_oficio(session, oficio)
    acuse = session.scalar(select(Acuse).where(Acuse.verification_code == wanted))
    if acuse is not None:
        return _of_acuse(acuse)
    answer = session.scalar(select(SignedAnswer).where(SignedAnswer.verification_code == wanted))
    return _of_answer(answer) if answer is not None and answer.signed_at else None


def of_code(found: Found) -> Examined:
    """The same answer for a code: there is no file to compare."""
    return Examined(Verdict.CANCELLED if found.is_cancelled else Verdict.AUTHENTIC, found.sha256, found)


def as_json(examined: Examined) -> dict[str, Any]:
    """Plain values, instants as ISO 8601."""

    def plain(value: object) -> object:
        if isinstance(value, dict):
            return {key: plain(one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [plain(one) for one in value]
        return value.isoformat() if isinstance(value, datetime) else value

    made = plain(asdict(examined))
    assert isinstance(made, dict)
    return made


def examine_issued(session: Session, office: Office, found: Found) -> Examined:
    """The file that the office keeps, examined like any other: *altered* when our own store failed.

    Raises StoreFailed.
    """
    return examine_pdf(session, office, read_blob(session, office, found.sha256))


def examine_pdf(
    session: Session, office: Office, content: bytes, *, reader: Reader | None = None
) -> Examined:
    """Compare *content* with what was issued, byte by byte, and look at its signatures.

    *reader*: the child that reads what is not ours; a file that is too much for it is unreadable.
    """
    sha256 = hashlib.sha256(content).hexdigest()
    found = _by_sha256(session, sha256)
    if found is not None:
        verdict = Verdict.CANCELLED if found.is_cancelled else Verdict.AUTHENTIC
        return Examined(verdict, sha256, found, _prove(office, content, None)[1])
    if len(content) > MAX_PDF or b"%PDF-" not in content[:1024]:
        return Examined(Verdict.UNREADABLE, sha256)
    try:
        code, signatures = _prove(office, content, reader)
    except Poisoned:
        return Examined(Verdict.UNREADABLE, sha256)
    claimed = find_by_code(session, code) if code else None
    is_broken = any(not one.is_intact for one in signatures)
    return Examined(Verdict.ALTERED if claimed or is_broken else Verdict.UNKNOWN, sha256, claimed, signatures)


def _by_sha256(session: Session, sha256: str) -> Found | None:
    oficio = session.scalar(select(Oficio).where(Oficio.pdf_sha256 == sha256, Oficio.flow == Flow.ISSUED))
    if oficio is not None:
        return _of_oficio(session, oficio)
    acuse = session.scalar(select(Acuse).where(Acuse.pdf_sha256 == sha256))
    if acuse is not None:
        return _of_acuse(acuse)
    is_signed = SignedAnswer.signed_at.is_not(None)
    answer = session.scalar(select(SignedAnswer).where(SignedAnswer.pdf_sha256 == sha256, is_signed))
    return _of_answer(answer) if answer is not None else None


def _of_oficio(session: Session, oficio: Oficio) -> Found | None:
    if oficio.sent_at is None or oficio.pdf_sha256 is None or oficio.verification_code is None:
        return None
    return Found(
        code=oficio.verification_code,
        folio=oficio.folio,
        document_type=oficio.document_type.value,
        subject=oficio.subject,
        dependencia=oficio.dependencia.name if oficio.dependencia else "",
        state=oficio.state,
        issued_at=oficio.sent_at,
        sha256=oficio.pdf_sha256,
        cancelled_at=oficio.cancelled_at,
        signatures=tuple(_signed_by(oficio, one) for one in _of(session, oficio) if one.signed_at),
    )


def _of(session: Session, oficio: Oficio) -> Sequence[Signature]:
    wanted = select(Signature).where(Signature.oficio_id == oficio.id, Signature.signed_at.is_not(None))
    return session.scalars(wanted.order_by(Signature.position)).all()


def _signed_by(oficio: Oficio, one: Signature) -> SignedBy:
    assert one.signed_at is not None
    # A seal is the institution's, set by whoever approved.
    account = one.account or oficio.issuer
    absent = oficio.absent if account and account.id == oficio.issuer_id else None
    return SignedBy(
        one.kind,
        account.person.name if account else one.subject,
        post_of(account) if account else "",
        absent.person.name if absent else "",
        one.signed_at,
        one.serial,
        one.level,
    )


def _of_acuse(acuse: Acuse) -> Found:
    case = acuse.case
    return Found(
        code=acuse.verification_code,
        folio=case.folio,
        document_type="",
        # What strangers wrote to the office is theirs, and not public.
        subject="",
        dependencia="",
        state="",
        issued_at=acuse.issued_at,
        sha256=acuse.pdf_sha256,
        cancelled_at=None,
        signatures=(),
    )


def _of_answer(answer: SignedAnswer) -> Found:
    assert answer.signed_at is not None
    by = answer.account
    signed = SignedBy(SignatureKind.EFIRMA, by.person.name, post_of(by), "", answer.signed_at, answer.serial,
                      answer.level)  # fmt: skip
    return Found(
        code=answer.verification_code,
        folio=answer.oficio.folio,
        document_type="answer",
        # It answers a stranger: what about is theirs.
        subject="",
        dependencia=by.dependencia.name,
        state=State.SENT,
        issued_at=answer.signed_at,
        sha256=answer.pdf_sha256,
        cancelled_at=None,
        signatures=(signed,),
    )


def _prove(office: Office, content: bytes, reader: Reader | None) -> tuple[str, tuple[PdfSignature, ...]]:
    """The code that *content* bears and its signatures. Raises Poisoned, if *reader* reads it."""
    trust, seal = read_trust(office), seal_certificate(office)
    roots = [*trust.roots, seal] if seal is not None else [*trust.roots]
    ders = [[one.dump() for one in some] for some in (roots, trust.others, trust.crls)]
    code, proofs = reader.prove(content, *ders) if reader is not None else prove(content, *ders)
    return code, tuple(PdfSignature(*one) for one in proofs)
