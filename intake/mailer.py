"""Delivers the outbox's e-mail: makes the mail, hands it to the relay or to a folder of .eml files.

A mail is made from its row alone, so a second delivery is the same mail with the
same Message-ID. Its envelope sender is a signed address that leads a bounce to the row.
"""

from __future__ import annotations

import os
import re
import tempfile
from datetime import UTC
from email.headerregistry import Address, Group
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy
from email.utils import format_datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake import outbox
from intake.attachments import read_blob
from intake.doors.pulse import Pulse
from intake.doors.relay import RelaySession
from intake.office import Office
from intake.outbox import ChannelDown, Delivered, NotDelivered, words_of
from intake.reply_address import sign_bounce
from models.case import Case
from models.message import Attachment
from models.outbox_file import OutboxFile
from models.outbox_message import OutboxMessage
from models.session import Database

CHANNEL = "email"
DOOR = "relay"
# What tells our own mail from others' when it comes back (RFC 3834, 5).
LOOP_HEADER = "X-Oficialia-Loop"
FOLIO_HEADER = "X-Oficialia-Folio"
# Whose delivery the office wants to be told of.
PROVEN = frozenset({"document"})
_ID_HEADERS = {"message-id", "in-reply-to", "references"}


class _Policy(EmailPolicy):
    """CRLF and 7-bit bodies, which survive every relay; ids are never encoded.

    The standard library writes an id longer than a line as an encoded-word (RFC 2047),
    which no mail client reads: the thread would break.
    """

    def fold(self, name: str, value: Any) -> str:
        if name.lower() in _ID_HEADERS:
            return f"{name}: {f'{self.linesep} '.join(str(value).split())}{self.linesep}"
        return str(super().fold(name, value))

    def fold_binary(self, name: str, value: Any) -> bytes:
        if name.lower() in _ID_HEADERS:
            return self.fold(name, value).encode("utf-8", "surrogateescape")
        return bytes(super().fold_binary(name, value))


_POLICY = _Policy(linesep=SMTP.linesep, cte_type="7bit")


def deliver_mail(office: Office, *, limit: int = 100) -> int:
    """Deliver up to *limit* mails that are due, in one session with the relay; returns how many."""
    pulse = _pulse_of(office.database)

    def to_relay(notice: OutboxMessage) -> Delivered:
        try:
            delivered = _send(office, relay, notice)
        except NotDelivered:
            # It refuses this mail, but it is there.
            pulse.contact()
            pulse.recover()
            raise
        except ChannelDown as error:
            pulse.fail(str(error))
            raise
        pulse.message()
        return delivered

    def to_file(notice: OutboxMessage) -> Delivered:
        try:
            _write_file(office, notice)
        except OSError as error:
            pulse.fail(str(error))
            raise ChannelDown(str(error)) from error
        pulse.message()
        return Delivered()

    with RelaySession(office.settings.relay_url, office.settings.domain) as relay:
        send = to_relay if office.settings.relay_url else to_file
        count = outbox.deliver_due(office, CHANNEL, send, limit=limit)
    if pulse.is_due:
        with office.database.writing() as session:
            pulse.write(session)
    return count


@lru_cache(maxsize=4)
def _pulse_of(database: Database) -> Pulse:
    return Pulse(DOOR)


def _send(office: Office, relay: RelaySession, notice: OutboxMessage) -> Delivered:
    recipients = [address for address in (*notice.to, *notice.cc) if address not in notice.settled]
    raw = _as_bytes(make_mail(office, notice), notice)
    return relay.send(
        envelope_sender(office, notice),
        recipients,
        raw,
        needs_utf8=_needs_utf8(notice),
        wants_proof=notice.kind in PROVEN,
    )


def _needs_utf8(notice: OutboxMessage) -> bool:
    """True when an address, not only a name, has letters beyond ASCII (RFC 6531)."""
    return not all(address.isascii() for address in (notice.from_addr, *notice.to, *notice.cc))


def _as_bytes(mail: EmailMessage, notice: OutboxMessage) -> bytes:
    return mail.as_bytes(policy=_POLICY.clone(utf8=_needs_utf8(notice)))


def envelope_sender(office: Office, notice: OutboxMessage) -> str:
    """Where bounces of *notice* go. What arrives there is never answered: no loop (RFC 3834, 3.3)."""
    return sign_bounce(office, notice.from_addr, notice.rfc_message_id)


def make_mail(office: Office, notice: OutboxMessage) -> EmailMessage:
    """The whole mail of an outbox row, with the files of the message it delivers."""
    mail = EmailMessage(policy=_POLICY)
    with office.database.reading() as session:
        case = session.get(Case, notice.case_id) if notice.case_id else None
        _write_headers(mail, notice, case.folio if case else "")
        text, html = words_of(notice)
        mail.set_content(text)
        if html:
            mail.add_alternative(html, subtype="html")
        _attach_files(session, office, mail, notice)
    # Not at random, so that a second delivery is the first one byte by byte.
    for number, part in enumerate(part for part in mail.walk() if part.is_multipart()):
        part.set_boundary(f"=_{number}_{notice.rfc_message_id.partition('@')[0]}")
    return mail


def _write_headers(mail: EmailMessage, notice: OutboxMessage, folio: str) -> None:
    mail["Date"] = format_datetime(notice.created_at.astimezone(UTC))
    mail["Message-ID"] = f"<{notice.rfc_message_id}>"
    mail["From"] = _address(notice.from_addr, notice.from_name)
    mail["To"] = [_address(address) for address in notice.to] or Group("undisclosed-recipients")
    if notice.cc:
        mail["Cc"] = [_address(address) for address in notice.cc]
    if notice.reply_to:
        mail["Reply-To"] = _address(notice.reply_to, notice.from_name)
    mail["Subject"] = notice.subject
    if notice.in_reply_to:
        mail["In-Reply-To"] = f"<{notice.in_reply_to}>"
    if notice.references:
        mail["References"] = " ".join(f"<{value}>" for value in notice.references)
    # Robots that answer mail leave lists alone (RFC 5230, 4.6), and people filter by it.
    mail["List-Id"] = f"<{notice.from_addr.replace('@', '.').encode('ascii', 'replace').decode()}>"
    if notice.auto_submitted:
        mail["Auto-Submitted"] = notice.auto_submitted
        # Exchange does not read Auto-Submitted ([MS-OXCMAIL], 2.2.3.2.14).
        mail["X-Auto-Response-Suppress"] = "All"
    mail[LOOP_HEADER] = notice.from_addr
    if folio:
        mail[FOLIO_HEADER] = folio


def _address(address: str, name: str = "") -> Address:
    local, _, domain = address.rpartition("@")
    return Address(display_name=name, username=local, domain=domain)


def _attach_files(session: Session, office: Office, mail: EmailMessage, notice: OutboxMessage) -> None:
    of_message = (
        select(Attachment).where(Attachment.message_id == notice.message_id).order_by(Attachment.position)
    )
    of_notice = select(OutboxFile).where(OutboxFile.outbox_id == notice.id).order_by(OutboxFile.position)
    files: list[Attachment | OutboxFile] = list(session.scalars(of_notice))
    if notice.message_id is not None:
        files.extend(session.scalars(of_message))
    for file in files:
        main, _, sub = file.content_type.partition("/")
        content = read_blob(session, office, file.sha256)
        if not sub or main in ("multipart", "message"):
            # A mail inside a mail would be read as part of ours.
            main, sub = "application", "octet-stream"
        mail.add_attachment(content, maintype=main, subtype=sub, filename=file.filename)


def _write_file(office: Office, notice: OutboxMessage) -> None:
    """Without a relay: one .eml file, whole or not at all, named so that a folder sorts by time."""
    mail = make_mail(office, notice)
    # What a mail server writes on delivery; here it shows the envelope.
    mail["Return-Path"] = f"<{envelope_sender(office, notice)}>"
    folio = re.sub(r"[^\w-]+", "_", mail.get(FOLIO_HEADER, notice.kind))
    # From the row, so that a second delivery replaces the first.
    name = f"{notice.created_at:%Y%m%dT%H%M%S.%f}-{notice.id}-{folio}-{notice.kind}.eml"
    _write_whole(office.settings.outgoing_dir / name, _as_bytes(mail, notice))


def _write_whole(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
