"""All that is found out about a mail before the transaction that decides about it.

Parsed, its sender checked, its files scanned: what takes time or asks others happens
here, where nobody waits for the database. Nothing here is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from intake import scanning
from intake.authentication import MAX_HEAD, Envelope, evaluate, is_outside, read_results, read_spam_verdict
from intake.counter.recognition import is_institutional
from intake.errors import InvalidInput
from intake.incoming import Authentication, IncomingMessage, MailSignature, Raw
from intake.office import Office
from intake.parsing import parse_email
from intake.reading.body import SIGNED
from intake.reading.isolation import Poisoned, Reader, parse_once
from intake.senders import smime
from models.inbound_mail import InboundMail, InboundStatus

PDF = "application/pdf"


class MailReader(Protocol):
    """Whoever reads mail: `isolation.Reader`, which hostile mail cannot harm, or `Here`."""

    def parse(self, raw: Raw) -> IncomingMessage:
        """What `parse_email` says."""

    def parse_all(self, raws: Sequence[bytes]) -> list[IncomingMessage | Exception]:
        """What `parse` says or raises of each."""

    def authenticate(self, raw: Raw, envelope: Envelope, dns_server: str) -> Authentication:
        """What `authentication.evaluate` says."""

    def verify(self, raw: Raw, roots: str, moment: datetime) -> MailSignature | None:
        """What `smime.verify` says."""


class Here:
    """Reads in this very process: for mail that is known to be harmless."""

    def parse(self, raw: Raw) -> IncomingMessage:
        return parse_email(_bytes(raw))

    def parse_all(self, raws: Sequence[bytes]) -> list[IncomingMessage | Exception]:
        return [self._parse_or_error(raw) for raw in raws]

    def _parse_or_error(self, raw: bytes) -> IncomingMessage | Exception:
        try:
            return self.parse(raw)
        except Exception as error:
            return error

    def authenticate(self, raw: Raw, envelope: Envelope, dns_server: str) -> Authentication:
        return evaluate(_bytes(raw), envelope, dns_server)

    def verify(self, raw: Raw, roots: str, moment: datetime) -> MailSignature | None:
        return smime.verify(_bytes(raw), roots, moment)


HERE = Here()


def _bytes(raw: Raw) -> bytes:
    return raw.read_bytes() if isinstance(raw, Path) else raw


def _head(raw: Raw) -> bytes:
    """The part of *raw* in which the headers are that `authentication` reads."""
    if isinstance(raw, bytes):
        return raw
    with raw.open("rb") as file:
        return file.read(MAX_HEAD)


def inspect(
    office: Office, inbound: InboundMail, raw: Raw, incoming: IncomingMessage, reader: MailReader
) -> IncomingMessage:
    """Find out who sent a parsed mail and what its files hold. Raises what *reader* raises."""
    settings = office.settings
    authentication = _authentication(office, inbound, raw, incoming, reader)
    # A file beyond the limit is not kept, so nobody can open it.
    files = [file for file in incoming.attachments if file.size <= settings.max_file_bytes]
    scanned = {
        id(old): new for old, new in zip(files, scanning.scan_files(settings.clamd_url, files), strict=True)
    }
    # A null reverse-path says that a machine wrote, whatever the headers say (RFC 3834, 2; RFC 5321, 4.5.5).
    is_machine = inbound.door in ("smtp", "lmtp") and not inbound.envelope_from
    page, page_of = _first_page(office, incoming)
    return replace(
        incoming,
        first_page=page,
        first_page_of=page_of,
        should_auto_respond=incoming.should_auto_respond and not is_machine,
        authentication=authentication,
        signature=(
            reader.verify(raw, settings.smime_roots, inbound.received_at)
            if SIGNED in incoming.defects
            else None
        ),
        spam=read_spam_verdict(_head(raw)) if settings.trust_spam_headers else "",
        attachments=tuple(scanned.get(id(file), file) for file in incoming.attachments),
    )


def _first_page(office: Office, incoming: IncomingMessage) -> tuple[str, str]:
    """Of an institution's mail, what its first PDF says of itself. Raises NoReader."""
    if not is_institutional(incoming.from_addr, office.settings.institutional_domains.split()):
        return "", ""
    wanted = (file for file in incoming.attachments if file.content_type == PDF and not file.danger)
    for file in wanted:
        # A child of its own: institutions write seldom enough, and only here a file is opened at all.
        with Reader() as reader:
            return reader.first_page(file.content), file.filename
    return "", ""


def inspect_again(office: Office, inbound: InboundMail, raw: bytes) -> IncomingMessage:
    """The same for a clerk's decision, inside whose transaction nobody is asked. Raises InvalidInput.

    What was found out when the mail arrived is remembered; its files wait for `rescanning.rescan`.
    """
    try:
        # What a worker failed on may hang or kill whoever reads it.
        incoming = parse_once(raw) if inbound.status == InboundStatus.FAILED else parse_email(raw)
    except Poisoned as poisoned:
        raise InvalidInput("mail_unreadable", why=str(poisoned)) from poisoned
    kept = dict(inbound.authentication or {})
    spam, signed = str(kept.pop("spam", "")), kept.pop("signature", None)
    signature = MailSignature(**signed | {"addresses": tuple(signed["addresses"])}) if signed else None
    files = scanning.defer(office.settings.clamd_url, incoming.attachments)
    return replace(
        incoming, authentication=Authentication(**kept), signature=signature, spam=spam, attachments=files
    )


def findings(incoming: IncomingMessage) -> dict[str, Any]:
    """What `InboundMail.authentication` keeps, for when a clerk decides later."""
    found = incoming.authentication
    words = {name: getattr(found, name) for name in ("spf", "dkim", "dmarc", "arc", "domain")}
    signed = asdict(incoming.signature) if incoming.signature else None
    return {k: value for k, value in (words | {"spam": incoming.spam, "signature": signed}).items() if value}


def _authentication(
    office: Office, inbound: InboundMail, raw: Raw, incoming: IncomingMessage, reader: MailReader
) -> Authentication:
    settings = office.settings
    if settings.authenticate == "off" or not incoming.from_addr:
        return Authentication()
    is_direct = inbound.door == "smtp" and is_outside(inbound.peer, settings.smtp_trusted)
    if settings.authenticate != "trusted" and is_direct:
        envelope = Envelope(incoming.from_addr, inbound.peer, inbound.helo, inbound.envelope_from)
        return reader.authenticate(raw, envelope, settings.dns_server)
    # Straight from outside nobody of ours has written that header.
    if settings.trusted_authserv and not is_direct:
        return read_results(_head(raw), settings.trusted_authserv, incoming.from_addr)
    if settings.authenticate == "everywhere":
        return reader.authenticate(raw, Envelope(incoming.from_addr), settings.dns_server)
    return Authentication()
