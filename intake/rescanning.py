"""Scans the files that had to wait for ClamAV, and tells clerk and sender when one was malware after all."""

from __future__ import annotations

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from intake import notices, spool
from intake.attachments import read_blob
from intake.errors import StoreFailed
from intake.office import Office
from intake.parsing import parse_email
from intake.scanning import FOUND, MALWARE, UNSCANNED, WAITING, ScannerAway, open_scanner, record_malware
from intake.senders import trust
from models.case import Case
from models.inbound_mail import InboundMail
from models.message import Attachment, Direction, Message

log = structlog.get_logger()

_BATCH = 20


def rescan(office: Office) -> int:
    """Scan what had to wait; returns how many files were decided."""
    url = office.settings.clamd_url
    if not url:
        return 0
    with office.database.reading() as session:
        waiting = session.scalars(
            select(Attachment.sha256).where(Attachment.danger == UNSCANNED).distinct().limit(_BATCH)
        ).all()
    decided = 0
    for sha256 in waiting:
        try:
            with office.database.reading() as session:
                content = read_blob(session, office, sha256)
            danger = open_scanner(url).scan(content)
        except ScannerAway:
            return decided
        except StoreFailed as error:
            log.warning("file not scanned", sha256=sha256, error=str(error))
            continue
        with office.database.writing() as session:
            decided += _decide(session, office, sha256, danger)
    return decided


def _decide(session: Session, office: Office, sha256: str, danger: str) -> int:
    rows = session.scalars(
        select(Attachment)
        .where(Attachment.sha256 == sha256, Attachment.danger == UNSCANNED)
        .with_for_update()
    ).all()
    for row in rows:
        row.danger = danger
    session.flush()
    for row in rows:
        _show(session, row)
    # A message with the same file twice is told of once.
    for message in {row.message_id: row.message for row in rows}.values():
        if danger.startswith(MALWARE) and _may_tell(session, office, message):
            notices.write_acuse(session, office, session.get_one(Case, message.case_id), message)
    return len(rows)


def _show(session: Session, row: Attachment) -> None:
    message = row.message
    others = {file.danger for file in message.attachments}
    defects = [code for code in message.defects if code != WAITING or UNSCANNED in others]
    is_found = row.danger.startswith(MALWARE) and FOUND not in defects
    message.defects = [*defects, FOUND] if is_found else defects
    case = session.get_one(Case, message.case_id, with_for_update=True)
    record_malware(session, case, message, [(row.filename, row.danger)])


def _may_tell(session: Session, office: Office, message: Message) -> bool:
    """Whether the sender gets an acuse that names the file: no robot does, nor one denied by its domain."""
    inbound = session.get(InboundMail, message.inbound_mail_id) if message.inbound_mail_id else None
    if inbound is None or message.direction != Direction.IN or message.robot:
        return False
    if trust.is_denied_in(message.authentication) or (
        inbound.door in ("smtp", "lmtp") and not inbound.envelope_from
    ):
        return False
    try:
        return parse_email(spool.read_raw(session, office, inbound)).should_auto_respond
    except StoreFailed:
        return False
