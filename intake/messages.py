"""Writes messages into a case's thread: the row, its files, the ids that lead here, the search index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from intake import scanning
from intake.attachments import fit, keep_files
from intake.incoming import Channel, IncomingFile, IncomingMessage
from intake.matching import clean_ids
from intake.office import Office
from intake.screening import fingerprint
from intake.senders import trust
from models.base import is_written, now
from models.case import Case
from models.inbound_mail import InboundMail
from models.keys import draw_key
from models.message import Direction, Message, ThreadId
from models.person import Account
from models.rows import add_new, execute_after_flush, insert_missing, untracked
from models.search import index_new_message


def file_incoming(
    session: Session,
    office: Office,
    case: Case,
    incoming: IncomingMessage,
    *,
    reason: str,
    inbound: InboundMail | None = None,
    staff: Account | None = None,
    robot: str = "",
) -> Message:
    """File what arrived into *case* (which has its id). What the office's own people mail in is a note."""
    is_mail = incoming.channel == Channel.EMAIL
    files, left_out = fit(session, office, case, incoming.attachments, is_mail=is_mail)
    author = staff if incoming.authentication.domain else None
    message = untracked(
        session,
        Message,
        id=draw_key(session, Message),
        case=case,
        case_id=case.id,
        created_at=now(),
        direction=Direction.NOTE if staff else Direction.IN,
        channel=incoming.channel,
        sender_name=incoming.from_name,
        sender_address=incoming.from_addr,
        author=author,
        author_id=author.id if author else None,
        sent_at=incoming.date,
        subject=incoming.subject,
        text=incoming.text,
        reply_text=incoming.reply_text,
        html=incoming.html,
        recipients=[
            *({"address": address, "role": "to"} for address in incoming.to[:200]),
            *({"address": address, "role": "cc"} for address in incoming.cc[:200]),
        ],
        rfc_message_id=incoming.message_id[:512],
        references=clean_ids((*incoming.references, incoming.in_reply_to)),
        match_reason=reason,
        authentication=trust.assess(session, office, incoming),
        defects=[*incoming.defects, *scanning.defects_of(files)],
        left_out=left_out,
        robot=robot,
        inbound_mail_id=inbound.id if inbound else None,
        # Copies are a habit of mail; in chat and at the counter the same words twice are said twice.
        fingerprint=fingerprint(incoming) if is_mail else None,
    )
    add_new(session, message)
    keep_files(session, office, message, files)
    scanning.record_malware(session, case, message, [(file.filename, file.danger) for file in files])
    remember_ids(session, case, (incoming.message_id,), is_ours=True)
    ancestors = [value for value in message.references if value != incoming.message_id]
    remember_ids(session, case, ancestors, is_ours=False)
    _index(session, case, message, incoming.text, [file.filename for file in incoming.attachments])
    case.has_files = case.has_files or any(not file.inline for file in incoming.attachments)
    return message


def file_outgoing(
    session: Session,
    office: Office,
    case: Case,
    by: Account,
    *,
    text: str,
    direction: Direction,
    recipients: list[dict[str, Any]],
    files: Sequence[IncomingFile] = (),
    channel: str = "",
) -> Message:
    """File what a clerk wrote: an answer, which leaves on *channel*, or an internal note."""
    message = Message(
        id=draw_key(session, Message),
        case=case,
        case_id=case.id,
        created_at=now(),
        direction=direction,
        channel=channel or case.channel,
        sender_name=by.person.name,
        sender_address=by.person.email or "",
        author_id=by.id,
        subject=case.subject,
        text=text,
        reply_text=text,
        recipients=recipients,
    )
    session.add(message)
    keep_files(session, office, message, files)
    _index(session, case, message, text, [file.filename for file in files])
    case.has_files = case.has_files or bool(files)
    return message


def remember_ids(session: Session, case: Case, ids: Sequence[str], *, is_ours: bool) -> None:
    """Let these Message-IDs lead to *case* from now on."""
    values = clean_ids(ids)
    if not values:
        return
    rows = [{"value": value, "case_id": case.id, "is_ours": is_ours} for value in values]
    statement = insert_missing(session, ThreadId)
    if session.autoflush and is_written(case):
        session.connection().execute(statement, rows)
        return
    for row in rows:
        execute_after_flush(session, statement, row)


def touch(case: Case) -> None:
    """The case moves to the top of its trays."""
    case.last_activity_at = now()


def _index(session: Session, case: Case, message: Message, text: str, names: list[str]) -> None:
    index_new_message(
        session,
        message.id,
        (case.folio, message.subject, message.sender_name, message.sender_address, *names, text),
    )
