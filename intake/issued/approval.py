"""The verbs that decide about a document: submit, approve, sign, return, discard.

Approval numbers, dates, renders and seals it and sends it, all in the caller's
transaction: when one step fails, no number is burnt. One that needs e.firma waits for its signers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Event

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from intake.attachments import keep_blob, read_blob
from intake.cases import step
from intake.errors import Conflict, DeskError, InvalidInput
from intake.issued import document_notices, issuing, numbering, reviews
from intake.issued.documents import find_letterhead, place_of, recipients_of, render_document
from intake.issued.rich_text import is_empty
from intake.office import Office
from intake.proofs import efirma as certificates
from intake.proofs.codes import make_code
from intake.proofs.efirma import Efirma
from intake.proofs.seal import open_seal
from intake.services.delegations import acting_for
from intake.signing import SignedPdf, seal_pdf, sign_pdf
from models.access import grant, principals_of, standing
from models.base import now
from models.case import lock
from models.dependencia import Dependencia
from models.letterhead import find_administration
from models.oficio import DocumentType, Oficio
from models.person import Account, Role
from models.recipient import Recipient, RecipientRole
from models.signature import Signature, SignatureKind
from models.task import Task, TaskKind, TaskState
from models.workflow import NotAllowed, Who, relations
from templates import say

# Seconds.
PAUSE = 0.11


@dataclass(frozen=True, slots=True)
class Signed:
    """A signature that was made but is not in the register yet."""

    oficio_id: int
    # Of the file that was signed: nobody else may have signed it meanwhile.
    base_sha256: str
    pdf: SignedPdf
    serial: str
    subject: str
    issuer: str


@dataclass(frozen=True, slots=True)
class Decided:
    """What became of one of several documents: its folio, or the sentence that says why not."""

    oficio_id: int
    folio: str = ""
    refusal: str = ""


def submit(session: Session, office: Office, oficio: Oficio, by: Account) -> None:
    """Ask for approval; a head's own document is approved at once. Raises InvalidInput, NotAllowed."""
    if Who.HEAD in standing(session, oficio, by):
        approve(session, office, oficio, by)
        return
    check_complete(session, oficio)
    step(session, oficio, by, "submit")
    session.add(Task(case=oficio, kind=TaskKind.APPROVE, dependencia=oficio.dependencia, role=Role.HEAD))
    heads = _heads(session, oficio)
    document_notices.write_approval_asked(session, office, oficio, acting_for(session, heads))


def approve(session: Session, office: Office, oficio: Oficio, by: Account) -> None:
    """Number it, then seal and send it, or hand it to its signers. Raises InvalidInput, NotAllowed."""
    check_complete(session, oficio)
    reviews.check(session, oficio)
    signers = _wanted_signatures(session, oficio)
    if oficio.needs_efirma and not signers and not by.is_signer:
        raise InvalidInput("efirma_no_signer", name=by.person.name)
    step(session, oficio, by, "approve_for_signature" if oficio.needs_efirma else "approve")
    _issue(session, office, oficio, by)
    if oficio.needs_efirma:
        _ask_signers(session, office, oficio, by)
    pdf = render_document(session, office, oficio)
    if not oficio.needs_efirma:
        sealed = seal_pdf(office, pdf, reason=_reason(oficio))
        certificate = open_seal(office).signing_cert
        assert certificate is not None
        session.add(
            Signature(
                oficio_id=oficio.id,
                kind=SignatureKind.SEAL,
                signed_at=now(),
                serial=certificates.serial_of(certificate),
                subject=certificates.name_of(certificate),
                issuer=certificates.issuer_of(certificate),
                level=sealed.level,
            )
        )
        pdf = sealed.content
    _keep_pdf(session, office, oficio, pdf)
    if not oficio.needs_efirma:
        issuing.send(session, office, oficio, by)


def approve_many(office: Office, oficio_ids: Sequence[int], by_id: int) -> list[Decided]:
    """Approve several, each in a transaction of its own, so that one that cannot be holds up no other."""
    decided = []
    for oficio_id in dict.fromkeys(oficio_ids):
        decided.append(_approve_one(office, oficio_id, by_id))
        if office.database.is_sqlite:
            # Writers that wait look again after 100 ms at the latest (sqlite3_busy_timeout): without a pause
            # of that length between our transactions they might never find the database free.
            Event().wait(PAUSE)
    return decided


def _approve_one(office: Office, oficio_id: int, by_id: int) -> Decided:
    try:
        with office.database.writing() as session:
            oficio = session.get(Oficio, oficio_id)
            by = session.get(Account, by_id)
            if oficio is None or by is None:
                raise InvalidInput("not_yours")
            approve(session, office, oficio, by)
            return Decided(oficio_id, oficio.folio)
    except DeskError as refusal:
        return Decided(oficio_id, refusal=str(refusal))
    except NotAllowed as refusal:
        state = say(f"panel.state.{refusal.state}")
        return Decided(oficio_id, refusal=say("error.document_state", state=state))


def prepare_signature(
    session: Session, office: Office, oficio: Oficio, by: Account, efirma: Efirma
) -> Signed:
    """Check *efirma* and sign the PDF with it; writes nothing, so *session* may be one that only reads.

    Apart from `sign`, because a time stamp server may be slow and nobody should wait for it
    inside a transaction. Raises InvalidInput with the reason.
    """
    if oficio.pdf_sha256 is None or _own_signature(session, oficio, by) is None:
        raise NotAllowed("sign", oficio.state)
    certificates.check(office, efirma, by)
    made = session.scalars(
        select(Signature.id).where(Signature.oficio_id == oficio.id, Signature.signed_at.is_not(None))
    ).all()
    pdf = sign_pdf(
        office,
        read_blob(session, office, oficio.pdf_sha256),
        efirma,
        reason=_reason(oficio),
        place=oficio.place,
        number=len(made) + 1,
    )
    issuer = certificates.issuer_of(efirma.certificate)
    return Signed(oficio.id, oficio.pdf_sha256, pdf, efirma.serial, efirma.name, issuer)


def sign(session: Session, office: Office, oficio: Oficio, by: Account, signed: Signed) -> None:
    """Put what `prepare_signature` made into the register; the last signer's sends the document.

    Raises Conflict when somebody else signed meanwhile: prepare again.
    """
    lock(session, oficio)
    if signed.oficio_id != oficio.id or signed.base_sha256 != oficio.pdf_sha256:
        raise Conflict("document_changed")
    own = _own_signature(session, oficio, by)
    if own is None:
        raise NotAllowed("sign", oficio.state)
    is_last = all(one.signed_at for one in _wanted_signatures(session, oficio) if one.id != own.id)
    data = {"serial": signed.serial, "subject": signed.subject, "level": signed.pdf.level}
    step(session, oficio, by, "sign" if is_last else "sign_in_part", data=data)
    own.signed_at, own.level = now(), signed.pdf.level
    own.serial, own.subject, own.issuer = signed.serial, signed.subject, signed.issuer
    _keep_pdf(session, office, oficio, signed.pdf.content)
    if is_last:
        issuing.send(session, office, oficio, by)
    else:
        _end_task(session, oficio, by)


def return_draft(session: Session, office: Office, oficio: Oficio, by: Account, *, reason: str) -> None:
    """Give it back to its author with remarks. A number that it has stays its own."""
    step(session, oficio, by, "return_draft", reason=reason)
    # What was signed is not what will be sent: who still wants to sign is in the draft.
    for one in _wanted_signatures(session, oficio):
        one.signed_at, one.serial, one.subject, one.issuer, one.level = None, "", "", "", ""
    oficio.pdf_sha256 = None
    oficio.issuer = oficio.absent = None
    document_notices.write_returned(session, office, oficio, by, reason.strip())


def discard(session: Session, office: Office, oficio: Oficio, by: Account, *, reason: str) -> None:
    """It will not be sent; its author may copy it into a new draft."""
    step(session, oficio, by, "discard", reason=reason)
    document_notices.write_discarded(session, office, oficio, by, reason.strip())


def check_complete(session: Session, oficio: Oficio) -> None:
    """What an approved document must have. Raises InvalidInput."""
    if not oficio.subject:
        raise InvalidInput("empty_subject")
    if is_empty(oficio.body_html):
        raise InvalidInput("document_empty")
    if oficio.document_type != DocumentType.CIRCULAR and not any(
        one.role == RecipientRole.TO for one in recipients_of(session, oficio)
    ):
        raise InvalidInput("no_recipient")


def _issue(session: Session, office: Office, oficio: Oficio, by: Account) -> None:
    """Number, date, code, and in whose name."""
    assert oficio.dependencia is not None
    oficio.issuer, oficio.absent = by, _absent(session, oficio, by)
    oficio.approved_at = now()
    oficio.written_on = oficio.approved_at.astimezone(office.settings.zone).date()
    # It may have been begun under the one before.
    if administration := find_administration(session, oficio.written_on):
        oficio.administration_id = administration.id
    letterhead = find_letterhead(session, oficio.dependencia, oficio.administration_id)
    oficio.place = oficio.place or place_of(office, letterhead)
    oficio.verification_code = oficio.verification_code or make_code()
    if oficio.document_type == DocumentType.CIRCULAR:
        _address_to_all(session, oficio)
    if oficio.number is None:
        oficio.folio = numbering.draw(session, office, oficio)
    session.flush()


def _absent(session: Session, oficio: Oficio, by: Account) -> Account | None:
    """For whom *by* approves: None when it is head of the document itself."""
    if Who.HEAD in relations(oficio, by, reads=True):
        return None
    for principal in principals_of(session, by):
        if Who.HEAD in relations(oficio, principal, reads=True):
            return principal
    return None


def _address_to_all(session: Session, oficio: Oficio) -> None:
    session.execute(
        delete(Recipient).where(Recipient.oficio_id == oficio.id, Recipient.role == RecipientRole.TO)
    )
    everybody = session.scalars(select(Dependencia).where(Dependencia.is_active).order_by(Dependencia.path))
    session.add_all(
        Recipient(oficio_id=oficio.id, position=position, dependencia_id=one.id, name=one.name)
        for position, one in enumerate(everybody)
    )
    session.flush()


def _ask_signers(session: Session, office: Office, oficio: Oficio, by: Account) -> None:
    if not _wanted_signatures(session, oficio):
        session.add(Signature(oficio_id=oficio.id, kind=SignatureKind.EFIRMA, account_id=by.id))
        session.flush()
    for one in _wanted_signatures(session, oficio):
        assert one.account is not None
        grant(session, oficio, one.account.dependencia_id, one.account.id)
        session.add(
            Task(case=oficio, kind=TaskKind.SIGN, account=one.account, dependencia=one.account.dependencia)
        )
        if one.account.id != by.id:
            document_notices.write_signature_asked(session, office, oficio, one.account)


def _wanted_signatures(session: Session, oficio: Oficio) -> Sequence[Signature]:
    wanted = select(Signature).where(Signature.oficio_id == oficio.id, Signature.kind == SignatureKind.EFIRMA)
    return session.scalars(wanted.order_by(Signature.position)).all()


def _own_signature(session: Session, oficio: Oficio, by: Account) -> Signature | None:
    mine = (one for one in _wanted_signatures(session, oficio) if one.account_id == by.id)
    return next((one for one in mine if one.signed_at is None), None)


def _keep_pdf(session: Session, office: Office, oficio: Oficio, pdf: bytes) -> None:
    sha256 = hashlib.sha256(pdf).hexdigest()
    keep_blob(session, office, sha256, pdf)
    oficio.pdf_sha256 = sha256


def _end_task(session: Session, oficio: Oficio, by: Account) -> None:
    wanted = select(Task).where(
        Task.case_id == oficio.id,
        Task.kind == TaskKind.SIGN,
        Task.account_id == by.id,
        Task.state == TaskState.OPEN,
    )
    for task in session.scalars(wanted):
        task.state, task.ended_at, task.ended_by_id = TaskState.DONE, now(), by.id


def _heads(session: Session, oficio: Oficio) -> Sequence[Account]:
    """The heads of the dependencia and of all above it: any of them may approve, or whoever acts for one."""
    assert oficio.dependencia is not None
    wanted = select(Account).where(
        Account.is_active, Account.role == Role.HEAD, Account.dependencia_id.in_(oficio.dependencia.lineage)
    )
    return session.scalars(wanted).all()


def _reason(oficio: Oficio) -> str:
    return say("document.sign_reason", folio=oficio.folio)
