"""What people are told about issued documents: approve, sign, returned, received, cancelled; mail outside.

Each function writes into the outbox in the transaction of its cause; the words are in `templates/email`.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from intake.correspondence import Thread, is_answerable, letterhead, staff_address, write_mail
from intake.issued.documents import expected_issuer, heads_near, post_of
from intake.issued.rich_text import plain
from intake.notices import GENERATED, panel_link
from intake.office import Office
from intake.proofs.codes import reading_link, verification_link
from intake.wording import beginning, paragraphs, speaking, thread_subject
from models.message import Message
from models.oficio import Oficio
from models.outbox_message import OutboxMessage
from models.person import Account
from models.recipient import Recipient
from templates import say


def write_approval_asked(session: Session, office: Office, oficio: Oficio, acting: list[Account]) -> None:
    """Ask the heads, and who acts for one of them, to approve."""
    to = [staff_address(one) for one in (*heads_near(session, oficio.dependencia), *acting)]
    by = oficio.author.person.name if oficio.author else ""
    _tell(session, office, "approval_asked", to, oficio, by=by)


def write_review_asked(
    session: Session, office: Office, oficio: Oficio, account: Account, by: Account, words: str
) -> None:
    """Ask *account* for its visto bueno."""
    to = [staff_address(account)]
    _tell(session, office, "review_asked", to, oficio, by=by.person.name, instruction=words)


def write_review_objected(
    session: Session, office: Office, oficio: Oficio, asker: Account, by: Account, reason: str
) -> None:
    """Tell who asked, and the author, that *by* does not agree, and why."""
    told = [asker] if oficio.author is None else [asker, oficio.author]
    to = [staff_address(one) for one in told]
    _tell(session, office, "review_objected", to, oficio, by=by.person.name, reason=reason)


def write_signature_asked(session: Session, office: Office, oficio: Oficio, signer: Account) -> None:
    """Ask one of the signers to sign."""
    _tell(session, office, "signature_asked", [staff_address(signer)], oficio, by=_issuer(session, oficio))


def write_returned(session: Session, office: Office, oficio: Oficio, by: Account, reason: str) -> None:
    """Tell the author to go on writing, and why."""
    _tell_author(session, office, "draft_returned", oficio, by, reason)


def write_discarded(session: Session, office: Office, oficio: Oficio, by: Account, reason: str) -> None:
    """Tell the author that the document will not be sent, and why."""
    _tell_author(session, office, "discarded", oficio, by, reason)


def write_received(session: Session, office: Office, oficio: Oficio, recipient: Recipient) -> None:
    """Tell a recipient of the house that there is a document in *Recibidos*."""
    by = recipient.reassigned_by.person.name if recipient.reassigned_by else _issuer(session, oficio)
    kind = "document_reassigned" if recipient.reassigned_by else "document_received"
    _tell(
        session, office, kind, _inside(session, recipient), oficio, by=by, instruction=recipient.instruction
    )


def write_cancelled(
    session: Session, office: Office, oficio: Oficio, recipient: Recipient, by: Account, reason: str
) -> None:
    """Tell a recipient, inside or outside, that the document is valid no more."""
    if not recipient.email:
        to = _inside(session, recipient)
        _tell(session, office, "document_cancelled", to, oficio, by=by.person.name, reason=reason)
    elif is_answerable(session, recipient.email):
        _write_outside(session, office, "document_withdrawn", oficio, recipient, Thread(), reason=reason)


def write_answered(session: Session, office: Office, oficio: Oficio, message: Message) -> None:
    """Tell the author that somebody outside answered."""
    if oficio.author is not None and message.author_id is None:
        to, by = [staff_address(oficio.author)], message.sender_name or message.sender_address
        _tell(session, office, "document_answered", to, oficio, by=by, words=message.reply_text)


def write_document(
    session: Session, office: Office, oficio: Oficio, recipient: Recipient, message: Message, thread: Thread
) -> OutboxMessage:
    """Send it to a recipient outside: the PDF with its files, and the link that tells it was read."""
    return _write_outside(session, office, "document", oficio, recipient, thread, message=message)


def _tell_author(
    session: Session, office: Office, kind: str, oficio: Oficio, by: Account, reason: str
) -> None:
    if oficio.author is not None and oficio.author.person_id != by.person_id:
        to = [staff_address(oficio.author)]
        _tell(session, office, kind, to, oficio, by=by.person.name, reason=reason)


def _inside(session: Session, recipient: Recipient) -> list[str]:
    accounts = [recipient.account] if recipient.account else heads_near(session, recipient.dependencia)
    return [staff_address(one) for one in accounts]


def _issuer(session: Session, oficio: Oficio) -> str:
    issuer = oficio.issuer or expected_issuer(session, oficio)
    return issuer.person.name if issuer else ""


def _tell(
    session: Session, office: Office, kind: str, to: list[str], oficio: Oficio, *, by: str, reason: str = "",
    instruction: str = "", words: str | None = None,
) -> None:  # fmt: skip
    """*words*: what *by* wrote, which is then shown instead of the document's own text."""
    to = list(dict.fromkeys(filter(None, to)))
    if not to:
        return
    head = letterhead(session, office, oficio)
    with speaking(office.settings.language):
        values = {
            **_about(office, oficio),
            "mailbox": head.name,
            "by": by,
            "requester_word": say("mail.author" if words is None else "mail.from"),
            "requester": by if words is not None else oficio.author.person.name if oficio.author else "",
            "due": "",
            "instruction": instruction,
            "reason": reason,
            "link": panel_link(office, oficio),
            "excerpt": paragraphs(beginning(plain(oficio.body_html) if words is None else words)),
        }
        write_mail(session, office, kind, to, values, head, Thread(), oficio, GENERATED)


def _write_outside(
    session: Session,
    office: Office,
    kind: str,
    oficio: Oficio,
    recipient: Recipient,
    thread: Thread,
    *,
    message: Message | None = None,
    reason: str = "",
) -> OutboxMessage:
    head = letterhead(session, office, oficio)
    issuer = oficio.issuer
    with speaking(office.settings.language):
        values: dict[str, Any] = {
            **_about(office, oficio),
            "mailbox": head.name,
            "name": recipient.name,
            "issuer": issuer.person.name if issuer else "",
            "post": post_of(issuer) if issuer else "",
            "reason": reason,
            "code": oficio.verification_code or "",
            "verify": verification_link(office, oficio.verification_code or ""),
            "link": reading_link(office, recipient.token or ""),
            "thread_subject": thread_subject(oficio.subject, oficio.folio).removeprefix("Re: "),
            "excerpt": paragraphs(beginning(plain(oficio.body_html))),
        }
        return write_mail(session, office, kind, [recipient.email], values, head, thread, oficio, "",
                          message=message)  # fmt: skip


def _about(office: Office, oficio: Oficio) -> dict[str, Any]:
    assert oficio.dependencia is not None
    return {
        "institution": office.settings.institution,
        "folio": oficio.folio,
        "subject": oficio.subject or say("case.no_subject"),
        "type": say(f"document.type.{oficio.document_type}"),
        "dependencia": oficio.dependencia.name,
    }
