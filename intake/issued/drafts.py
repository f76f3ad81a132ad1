"""The verbs of writing a document: begin, save, attach, answer another, copy, and go back to what was saved.

A draft may be as incomplete as its author left it; what is missing is asked for when
it is submitted (`intake.issued.approval`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from intake.addresses import is_address, normalise_address
from intake.attachments import keep_blob
from intake.cases import link
from intake.contacts import contact_for
from intake.errors import Conflict, InvalidInput
from intake.incoming import IncomingFile
from intake.issued.documents import files_of, recipients_of
from intake.issued.rich_text import clean, is_empty
from intake.office import Office
from intake.opening import local_year
from intake.reading.filetypes import extension_of
from models.access import grant, standing
from models.base import now
from models.case import Case, LinkKind, lock
from models.contact import AddressKind, Contact
from models.dependencia import Dependencia
from models.event import record
from models.folio import DRAFT_SERIES, draw_folio
from models.keys import draw_key
from models.letterhead import DocumentTemplate, find_administration
from models.oficio import DocumentFile, DocumentType, DraftVersion, Flow, Oficio
from models.person import READERS, Account, Role
from models.recipient import Delivery, Recipient, RecipientRole
from models.signature import Signature, SignatureKind
from models.workflow import Process, first_state, get_transition
from templates import say

# Documents are written in the panel.
CHANNEL = "panel"
# An autosave within this time of the last version replaces it.
VERSION_EVERY = timedelta(minutes=5)
MAX_RECIPIENTS = 500
MAX_FILES = 50


@dataclass(frozen=True, slots=True)
class Addressee:
    """One recipient as the form has it: an account, a dependencia (its heads), or somebody outside."""

    role: RecipientRole = RecipientRole.TO
    account_id: int | None = None
    dependencia_id: int | None = None
    name: str = ""
    post: str = ""
    institution: str = ""
    email: str = ""
    # Outside without e-mail, or on paper besides.
    by_dispatch: bool = False


@dataclass(frozen=True, slots=True)
class DraftFields:
    """What the form *Nuevo documento* holds."""

    subject: str = ""
    document_type: DocumentType = DocumentType.OFICIO
    body_html: str = ""
    recipients: tuple[Addressee, ...] = ()
    place: str = ""
    answer_required_on: date | None = None
    needs_efirma: bool = False
    # Accounts that sign with e.firma, in order; empty: who approves.
    signers: tuple[int, ...] = ()

    @property
    def is_blank(self) -> bool:
        """Nothing was typed or chosen but, perhaps, the type."""
        return replace(self, document_type=DocumentType.OFICIO, body_html="", subject=self.subject.strip(),
                       place=self.place.strip()) == DraftFields() and is_empty(self.body_html)  # fmt: skip


def create_draft(
    session: Session, office: Office, by: Account, fields: DraftFields, *, answers: Case | None = None
) -> Oficio:
    """Begin a document of the dependencia of *by*; *answers*: the case it will answer when sent."""
    if by.role not in (Role.WORKER, Role.HEAD, Role.OFICIALIA) or not by.is_active:
        raise InvalidInput("document_not_yours")
    today = now().astimezone(office.settings.zone).date()
    administration = find_administration(session, today)
    oficio = Oficio(
        id=draw_key(session, Case),
        folio=draw_folio(session, DRAFT_SERIES, local_year(office.settings.zone)),
        subject="",
        state=first_state(Process.ISSUED),
        flow=Flow.ISSUED,
        channel=CHANNEL,
        requester=_contact_of(session, by),
        dependencia=by.dependencia,
        holder=by,
        author=by,
        is_open=False,
        is_unanswered=False,
        administration_id=administration.id if administration else None,
    )
    session.add(oficio)
    record(session, oficio, "open", account=by,
           data={"folio": oficio.folio, "channel": CHANNEL, "requester": by.person.name})  # fmt: skip
    session.flush()
    grant(session, oficio, by.dependencia_id, by.id)
    _write(session, oficio, fields)
    _keep_version(session, oficio, by, fields)
    if answers is not None:
        if not standing(session, answers, by):
            raise InvalidInput("not_yours")
        link(session, oficio, answers, LinkKind.ANSWERS)
    return oficio


def save_draft(
    session: Session, office: Office, oficio: Oficio, by: Account, fields: DraftFields, *,
    is_auto: bool = False, seen: str = "",
) -> None:  # fmt: skip
    """Keep what the form holds. *is_auto*: saved by itself. Raises NotAllowed, InvalidInput.

    *seen*: what `mark_of` said when the form was drawn; Conflict when it says another thing now.
    """
    _must_edit(session, oficio, by)
    if seen and seen != mark_of(session, oficio):
        raise Conflict("draft_changed")
    _write(session, oficio, fields)
    oficio.last_activity_at = now()
    _keep_version(session, oficio, by, fields, is_auto=is_auto)


def fields_of(session: Session, oficio: Oficio) -> DraftFields:
    """What the form shows when the draft is opened."""
    signers = session.scalars(
        select(Signature.account_id)
        .where(Signature.oficio_id == oficio.id, Signature.account_id.is_not(None))
        .order_by(Signature.position)
    )
    return DraftFields(
        subject=oficio.subject,
        document_type=oficio.document_type,
        body_html=oficio.body_html,
        recipients=tuple(_addressee(one) for one in recipients_of(session, oficio)),
        place=oficio.place,
        answer_required_on=oficio.answer_required_on,
        needs_efirma=oficio.needs_efirma,
        signers=tuple(one for one in signers if one is not None),
    )


def mark_of(session: Session, oficio: Oficio) -> str:
    """Changes when what the draft says changes, so that two windows notice each other."""
    said = json.dumps(_as_json(fields_of(session, oficio)), sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def answer_document(session: Session, office: Office, case: Case, by: Account) -> Oficio:
    """*Responder*: a new draft to whoever wrote *case*, with its subject, that will answer it."""
    if isinstance(case, Oficio) and case.flow == Flow.ISSUED:
        issuer = case.issuer or case.author
        to = Addressee(account_id=issuer.id) if issuer else Addressee()
        kind = case.document_type
    else:
        email = next((a.value for a in case.requester.addresses if a.kind == AddressKind.EMAIL), "")
        signatory = case.signatory if isinstance(case, Oficio) else ""
        name = signatory or case.requester.name
        to = Addressee(name=name, email=email, institution=case.requester.name if signatory else "")
        kind = DocumentType.OFICIO
    number = case.sender_number if isinstance(case, Oficio) else ""
    words = say("document.answers", number=number or case.folio, subject=case.subject)
    kind = DocumentType.OFICIO if kind == DocumentType.CIRCULAR else kind
    fields = DraftFields(subject=words, document_type=kind, recipients=(to,))
    return create_draft(session, office, by, fields, answers=case)


def copy_draft(session: Session, office: Office, oficio: Oficio, by: Account) -> Oficio:
    """A new draft that says what *oficio* said, for instance after it was discarded."""
    if not standing(session, oficio, by):
        raise InvalidInput("not_yours")
    made = create_draft(session, office, by, fields_of(session, oficio))
    for file in files_of(session, oficio):
        session.add(
            DocumentFile(
                oficio_id=made.id, position=file.position, filename=file.filename,
                content_type=file.content_type, size=file.size, sha256=file.sha256,
            )
        )  # fmt: skip
    return made


def attach_file(
    session: Session, office: Office, oficio: Oficio, by: Account, file: IncomingFile
) -> DocumentFile:
    """Add one file, typed and scanned by the caller. Raises InvalidInput when it may not go along."""
    _must_edit(session, oficio, by)
    allowed = office.settings.document_files.split()
    if extension_of(file.filename) not in allowed or file.danger:
        raise InvalidInput("document_file", filename=file.filename, allowed=", ".join(allowed))
    if file.size > office.settings.max_file_bytes:
        raise InvalidInput("document_file_size", filename=file.filename)
    files = files_of(session, oficio)
    if len(files) >= MAX_FILES:
        raise InvalidInput("document_files", number=MAX_FILES)
    names = {one.filename for one in files}
    name, number = file.filename, 1
    while name in names:
        # Inside a PDF, files are told apart by their names.
        number += 1
        stem, dot, extension = file.filename.rpartition(".")
        name = f"{stem or extension} ({number}){dot}{extension if stem else ''}"
    keep_blob(session, office, file.sha256, file.content)
    made = DocumentFile(
        oficio_id=oficio.id, position=len(files), filename=name, content_type=file.content_type,
        size=file.size, sha256=file.sha256,
    )  # fmt: skip
    session.add(made)
    session.flush()
    return made


def remove_file(session: Session, office: Office, oficio: Oficio, by: Account, file_id: int) -> None:
    """Take one file off again."""
    _must_edit(session, oficio, by)
    session.execute(
        delete(DocumentFile).where(DocumentFile.id == file_id, DocumentFile.oficio_id == oficio.id)
    )


def templates_for(
    session: Session, dependencia: Dependencia, kind: DocumentType
) -> Sequence[DocumentTemplate]:
    """The texts to begin with: of the dependencia, of those above it, and of all."""
    owner = DocumentTemplate.dependencia_id
    wanted = select(DocumentTemplate).where(
        DocumentTemplate.is_active,
        DocumentTemplate.document_type == kind.value,
        or_(owner.in_(dependencia.lineage), owner.is_(None)),
    )
    return session.scalars(wanted.order_by(DocumentTemplate.name)).all()


def versions_of(session: Session, oficio: Oficio) -> Sequence[DraftVersion]:
    """What was saved, newest first."""
    wanted = select(DraftVersion).where(DraftVersion.oficio_id == oficio.id)
    return session.scalars(wanted.order_by(DraftVersion.id.desc())).all()


def restore_version(
    session: Session, office: Office, oficio: Oficio, by: Account, version: DraftVersion
) -> None:
    """Let the draft say again what it said then; what it says now is a version too."""
    if version.oficio_id != oficio.id:
        raise InvalidInput("not_yours")
    _must_edit(session, oficio, by)
    _keep_version(session, oficio, by, fields_of(session, oficio))
    save_draft(session, office, oficio, by, _from_json(version.content))


def _must_edit(session: Session, oficio: Oficio, by: Account) -> None:
    lock(session, oficio)
    get_transition(oficio, "edit", standing(session, oficio, by))


def _contact_of(session: Session, account: Account) -> Contact:
    person = account.person
    if person.email:
        return contact_for(session, AddressKind.EMAIL, person.email, person.name)
    found = session.scalar(select(Contact).where(Contact.person_id == person.id).limit(1))
    if found is None:
        found = Contact(name=person.name, person_id=person.id)
        session.add(found)
    return found


def _write(session: Session, oficio: Oficio, fields: DraftFields) -> None:
    oficio.subject = " ".join(fields.subject.split())[:500]
    oficio.document_type = fields.document_type
    oficio.body_html = clean(fields.body_html)
    oficio.place = fields.place.strip()
    oficio.answer_required_on = fields.answer_required_on
    oficio.needs_efirma = fields.needs_efirma
    _write_recipients(session, oficio, fields.recipients)
    session.execute(delete(Signature).where(Signature.oficio_id == oficio.id))
    for position, account_id in enumerate(dict.fromkeys(fields.signers) if fields.needs_efirma else ()):
        signer = session.get(Account, account_id)
        if signer is None or not signer.is_signer or not signer.is_active:
            raise InvalidInput("efirma_no_signer", name=signer.person.name if signer else "")
        session.add(
            Signature(oficio_id=oficio.id, position=position, kind=SignatureKind.EFIRMA, account_id=signer.id)
        )
    session.flush()


def _write_recipients(session: Session, oficio: Oficio, wanted: Sequence[Addressee]) -> None:
    if len(wanted) > MAX_RECIPIENTS:
        raise InvalidInput("document_recipients", number=MAX_RECIPIENTS)
    session.execute(delete(Recipient).where(Recipient.oficio_id == oficio.id))
    for position, one in enumerate(dict.fromkeys(wanted)):
        session.add(_recipient(session, oficio, position, one))


def _recipient(session: Session, oficio: Oficio, position: int, one: Addressee) -> Recipient:
    made = Recipient(oficio_id=oficio.id, position=position, role=one.role, name=one.name.strip(),
                     post=one.post.strip(), institution=one.institution.strip())  # fmt: skip
    if one.account_id is not None:
        account = session.get(Account, one.account_id)
        if account is None or not account.is_active or account.role not in READERS:
            raise InvalidInput("document_recipient")
        made.account_id, made.dependencia_id = account.id, account.dependencia_id
        made.name, made.post = made.name or account.person.name, made.post or account.person.post
        made.institution = made.institution or account.dependencia.name
    elif one.dependencia_id is not None:
        dependencia = session.get(Dependencia, one.dependencia_id)
        if dependencia is None or not dependencia.is_active:
            raise InvalidInput("document_recipient")
        made.dependencia_id, made.name = dependencia.id, made.name or dependencia.name
    else:
        made.email = normalise_address(one.email) if one.email.strip() else ""
        if made.email and not is_address(made.email):
            raise InvalidInput("bad_address", address=one.email.strip())
        if not made.name and not made.email:
            raise InvalidInput("document_recipient")
        made.name = made.name or made.email
        made.delivery = Delivery.DISPATCH if one.by_dispatch or not made.email else Delivery.MAIL
    return made


def _addressee(one: Recipient) -> Addressee:
    return Addressee(
        role=one.role,
        account_id=one.account_id,
        dependencia_id=None if one.account_id else one.dependencia_id,
        name=one.name,
        post=one.post,
        institution=one.institution,
        email=one.email,
        by_dispatch=one.delivery == Delivery.DISPATCH,
    )


def _keep_version(
    session: Session, oficio: Oficio, by: Account, fields: DraftFields, *, is_auto: bool = False
) -> None:
    content = _as_json(replace(fields, body_html=oficio.body_html))
    last = session.scalar(
        select(DraftVersion)
        .where(DraftVersion.oficio_id == oficio.id)
        .order_by(DraftVersion.id.desc())
        .limit(1)
    )
    if last is not None and last.content == content:
        return
    if is_auto and last and last.account_id == by.id and now() - last.saved_at < VERSION_EVERY:
        last.content = content
    else:
        session.add(DraftVersion(oficio_id=oficio.id, account_id=by.id, content=content))
        session.flush()


def _as_json(fields: DraftFields) -> dict[str, Any]:
    required = fields.answer_required_on
    return {
        "subject": fields.subject,
        "document_type": fields.document_type.value,
        "body_html": fields.body_html,
        "recipients": [
            {name: getattr(one, name) for name in Addressee.__slots__} for one in fields.recipients
        ],
        "place": fields.place,
        "answer_required_on": required.isoformat() if required else None,
        "needs_efirma": fields.needs_efirma,
        "signers": list(fields.signers),
    }


def _from_json(content: dict[str, Any]) -> DraftFields:
    required = content["answer_required_on"]
    return DraftFields(
        subject=content["subject"],
        document_type=DocumentType(content["document_type"]),
        body_html=content["body_html"],
        recipients=tuple(
            Addressee(**one | {"role": RecipientRole(one["role"])}) for one in content["recipients"]
        ),
        place=content["place"],
        answer_required_on=date.fromisoformat(required) if required else None,
        needs_efirma=content["needs_efirma"],
        signers=tuple(content["signers"]),
    )
