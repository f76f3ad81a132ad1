"""The verbs of a document that is out: send, cancel, reassign, and the marks of arrival and reading."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.attachments import read_blob
from intake.cases import step, step_alone
from intake.correspondence import Thread, thread_of
from intake.errors import InvalidInput
from intake.incoming import IncomingFile
from intake.issued import document_notices
from intake.issued.documents import files_of, recipients_of
from intake.issued.rich_text import plain
from intake.messages import file_outgoing
from intake.office import Office
from intake.proofs.codes import make_token
from models.access import grant, received_by
from models.base import now
from models.case import Case, CaseLink, LinkKind, lock
from models.event import record
from models.message import Direction, Message
from models.oficio import Oficio
from models.outbox_message import OutboxMessage
from models.person import READERS, Account, Role
from models.recipient import Delivery, Recipient, RecipientRole


def send(session: Session, office: Office, oficio: Oficio, by: Account) -> None:
    """Bring it to its recipients, inside or by mail; the case that it answers is answered."""
    oficio.sent_at = now()
    answered = answered_by(session, oficio)
    recipients = recipients_of(session, oficio)
    message = file_outgoing(
        session,
        office,
        oficio,
        by,
        text=plain(oficio.body_html),
        direction=Direction.OUT,
        recipients=_addresses(recipients),
        files=_files(session, office, oficio),
    )
    session.flush()
    thread = thread_of(session, answered[0]) if answered else Thread()
    for one in recipients:
        if one.delivery == Delivery.INSIDE:
            _deliver_inside(session, office, oficio, one)
        elif one.email:
            one.token = make_token()
            notice = document_notices.write_document(session, office, oficio, one, message, thread)
            session.flush()
            one.outbox_id = notice.id
    for case in answered:
        data = {"to": [one.name for one in recipients], "folio": oficio.folio}
        if step_alone(session, case, "answer", data):
            case.is_unanswered = False
        grant(session, oficio, by.dependencia_id, by.id)


def cancel(session: Session, office: Office, oficio: Oficio, by: Account, *, reason: str) -> None:
    """Withdraw what was sent; it keeps its number, and everybody who received it is told."""
    step(session, oficio, by, "cancel", reason=reason)
    oficio.cancelled_at = now()
    everybody = select(Recipient).where(Recipient.oficio_id == oficio.id).order_by(Recipient.id)
    for one in session.scalars(everybody).all():
        document_notices.write_cancelled(session, office, oficio, one, by, reason.strip())


def reassign(
    session: Session, office: Office, oficio: Oficio, by: Account, *, account: Account, instruction: str = ""
) -> Recipient:
    """Hand a received document on to another servidor público, who finds it in *Recibidos*."""
    if not (account.is_active and account.person.is_active) or account.role not in READERS:
        raise InvalidInput("account_elsewhere", name=account.person.name)
    if account.id == by.id:
        raise InvalidInput("document_recipient")
    data = {"account": account.person.name, "dependencia": account.dependencia.name}
    step(session, oficio, by, "reassign", data=data | {"instruction": instruction.strip()})
    mark_read(session, oficio, by)
    made = Recipient(
        oficio_id=oficio.id,
        position=len(recipients_of(session, oficio)),
        account_id=account.id,
        dependencia_id=account.dependencia_id,
        name=account.person.name,
        post=account.person.post,
        reassigned_by_id=by.id,
        reassigned_at=now(),
        instruction=instruction.strip(),
    )
    session.add(made)
    session.flush()
    _deliver_inside(session, office, oficio, made)
    return made


def mark_read(session: Session, oficio: Oficio, by: Account) -> None:
    """*by* opened what it received; the first time counts."""
    unread = select(Recipient).where(
        Recipient.oficio_id == oficio.id, received_by(by), Recipient.read_at.is_(None)
    )
    for one in session.scalars(unread).all():
        one.read_at, one.read_by_id = now(), by.id


def read_by_token(session: Session, token: str) -> Recipient | None:
    """Who opened the reading link of a mail, marked as read; None when it is no link of ours."""
    found = session.scalar(select(Recipient).where(Recipient.token == token)) if token else None
    if found is not None and found.read_at is None:
        found.read_at = now()
        found.delivered_at = found.delivered_at or found.read_at
        record(session, _locked(session, found), "document_read", actor="requester", data={"to": found.email})
    return found


def mark_delivered(session: Session, notice: OutboxMessage) -> None:
    """The other server says that it put the mail into the mailbox (RFC 3464, action `delivered`)."""
    found = session.scalar(select(Recipient).where(Recipient.outbox_id == notice.id))
    if found is not None and found.delivered_at is None:
        found.delivered_at = now()
        record(session, _locked(session, found), "document_delivered", data={"to": found.email})


def hear(session: Session, office: Office, oficio: Oficio, message: Message) -> None:
    """A recipient answered by mail: so it was read, and its author is told."""
    address = message.sender_address
    unread = select(Recipient).where(
        Recipient.oficio_id == oficio.id, Recipient.email == address, Recipient.read_at.is_(None)
    )
    for one in session.scalars(unread).all() if address else ():
        one.read_at, one.delivered_at = now(), one.delivered_at or now()
    document_notices.write_answered(session, office, oficio, message)


def thread_cases(session: Session, case: Case) -> list[Case]:
    """*case* with what it answers and what answers it, in the order they were opened: one correspondence."""
    found = {case.id: case}
    waiting = [case]
    while waiting:
        one = waiting.pop()
        links = select(CaseLink).where(
            CaseLink.kind == LinkKind.ANSWERS, (CaseLink.case_id == one.id) | (CaseLink.other_id == one.id)
        )
        for link in session.scalars(links):
            other = link.other if link.case_id == one.id else link.case
            if other.id not in found:
                found[other.id] = other
                waiting.append(other)
    return sorted(found.values(), key=lambda each: each.id)


def pdf_name(oficio: Oficio) -> str:
    """`DSI-0123-2026.pdf`."""
    return f"{re.sub(r'[^A-Za-z0-9]+', '-', oficio.folio).strip('-')}.pdf"


def _locked(session: Session, recipient: Recipient) -> Case:
    case = session.get_one(Case, recipient.oficio_id)
    lock(session, case)
    return case


def answered_by(session: Session, oficio: Case) -> list[Case]:
    """The cases that the document *oficio* answers, in the order in which they are locked."""
    wanted = select(CaseLink).where(CaseLink.case_id == oficio.id, CaseLink.kind == LinkKind.ANSWERS)
    wanted = wanted.order_by(CaseLink.other_id)
    return [link.other for link in session.scalars(wanted)]


def _addresses(recipients: Any) -> list[dict[str, Any]]:
    roles = {RecipientRole.TO: "to", RecipientRole.COPY: "cc"}
    return [
        {"address": one.email, "name": one.name, "role": roles[one.role]} for one in recipients if one.email
    ]


def _files(session: Session, office: Office, oficio: Oficio) -> list[IncomingFile]:
    assert oficio.pdf_sha256 is not None
    pdf = read_blob(session, office, oficio.pdf_sha256)
    found = [IncomingFile.of(pdf_name(oficio), "application/pdf", pdf)]
    for file in files_of(session, oficio):
        content = read_blob(session, office, file.sha256)
        found.append(IncomingFile(file.filename, file.content_type, content, file.sha256))
    return found


def _deliver_inside(session: Session, office: Office, oficio: Oficio, one: Recipient) -> None:
    assert one.dependencia_id is not None
    if one.account_id is not None:
        grant(session, oficio, one.dependencia_id, one.account_id)
    else:
        heads = session.scalars(
            select(Account.id).where(
                Account.is_active, Account.role == Role.HEAD, Account.dependencia_id == one.dependencia_id
            )
        ).all()
        # What is for the dependencia is for its heads; while it has none, for whoever works there.
        for account_id in heads:
            grant(session, oficio, one.dependencia_id, account_id)
        if not heads:
            grant(session, oficio, one.dependencia_id)
    one.delivered_at = now()
    session.flush()
    document_notices.write_received(session, office, oficio, one)
