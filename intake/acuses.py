"""The acuse as a sealed PDF: folio, instant, sender, and the SHA-256 of all that was received."""

from __future__ import annotations

import hashlib

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake import notices
from intake.attachments import keep_blob
from intake.correspondence import requester_address
from intake.errors import InvalidInput
from intake.issued.documents import qr_of
from intake.issued.pdf import html_to_archive
from intake.office import Office
from intake.proofs.codes import make_code, verification_link
from intake.wording import instant, size
from models.acuse import Acuse
from models.base import now
from models.case import Case
from models.event import record
from models.message import Message
from models.oficio import Oficio
from models.outbox_file import OutboxFile
from models.outbox_message import OutboxMessage
from templates import render, say


def seal_notice(session: Session, office: Office, case: Case, message: Message) -> Acuse | None:
    """Let the acuse that waits in the outbox for *case* carry a sealed PDF; None when nobody gets one."""
    session.flush()
    notice = session.scalar(
        select(OutboxMessage)
        .where(
            OutboxMessage.case_id == case.id, OutboxMessage.kind == "acuse", OutboxMessage.channel == "email"
        )
        .order_by(OutboxMessage.id.desc())
        .limit(1)
    )
    if notice is None:
        return None
    acuse = issue(session, office, case, message)
    session.add(
        OutboxFile(
            outbox_id=notice.id,
            filename=f"Acuse-{case.folio}.pdf",
            content_type="application/pdf",
            sha256=acuse.pdf_sha256,
        )
    )
    return acuse


def mail(session: Session, office: Office, case: Case, message: Message | None) -> str:
    """Send the sealed acuse of *message*; gives the address it goes to. Raises InvalidInput."""
    address = requester_address(case)
    if message is None or not address:
        raise InvalidInput("no_recipient")
    notices.write_acuse(session, office, case, message)
    if seal_notice(session, office, case, message) is None:
        raise InvalidInput("no_recipient")
    return address


def latest(session: Session, case: Case) -> Acuse | None:
    """The acuse that was issued last."""
    wanted = select(Acuse).where(Acuse.case_id == case.id)
    return session.scalar(wanted.order_by(Acuse.id.desc()).limit(1))


def issue(session: Session, office: Office, case: Case, message: Message) -> Acuse:
    """The acuse of what *message* brought, in the caller's transaction; *case* is written."""
    # pyHanko takes 0.3 s to load, and only documents get a seal: the worker does without until then.
    from intake.proofs.seal import open_seal
    from intake.signing import seal_pdf

    code = make_code()
    address = verification_link(office, code)
    files = [
        {"filename": one.filename, "sha256": one.sha256, "size": one.size} for one in message.attachments
    ]
    certificate = open_seal(office).signing_cert
    assert certificate is not None
    html = render(
        "letters/acuse.html",
        institution=office.settings.institution,
        folio=case.folio,
        subject=case.subject,
        received=instant(message.created_at, office.settings.zone),
        sender=message.sender_name,
        number=case.sender_number if isinstance(case, Oficio) else "",
        address_of_sender=message.sender_address,
        channel=message.channel,
        files=[one | {"size": size(message.attachments[n].size)} for n, one in enumerate(files)],
        text_sha256=hashlib.sha256(message.text.encode("utf-8", "replace")).hexdigest(),
        code=code,
        address=address,
    )
    pdf = html_to_archive(html, {"image:qr": qr_of(address)})
    sealed = seal_pdf(office, pdf, reason=say("document.acuse_reason", folio=case.folio)).content
    sha256 = hashlib.sha256(sealed).hexdigest()
    keep_blob(session, office, sha256, sealed)
    acuse = Acuse(case=case, case_id=case.id, issued_at=now(), verification_code=code, pdf_sha256=sha256,
                  files=files)  # fmt: skip
    session.add(acuse)
    record(session, case, "acuse_issued", data={"code": code, "sha256": sha256})
    session.flush()
    return acuse
