"""All that is found out about a mail before the transaction that decides about it.

Parsed, its sender checked, its files scanned: what takes time or asks others happens
here, where nobody waits for the database. Nothing here is written.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from intake import scanning
from intake.authentication import Envelope, evaluate, is_outside, read_results, read_spam_verdict
from intake.counter.recognition import is_institutional
from intake.errors import InvalidInput
from intake.incoming import Authentication, IncomingMessage, MailSignature
from intake.office import Office
from intake.parsing import parse_email
from intake.reading.body import SIGNED
from intake.reading.isolation import Poisoned, Reader, parse_once
from intake.senders import smime
from models.inbound_mail import InboundMail, InboundStatus

PDF = "application/pdf"
Parser = Callable[[bytes], IncomingMessage]
Authenticator = Callable[[bytes, Envelope, str], Authentication]
Verifier = Callable[[bytes, str, datetime], MailSignature | None]


def inspect(
    office: Office,
    inbound: InboundMail,
    raw: bytes,
    parse: Parser = parse_email,
    authenticate: Authenticator = evaluate,
    verify: Verifier = smime.verify,
) -> IncomingMessage:
    """Read the mail and find out who sent it and what its files hold. Raises what *parse* raises."""
    settings = office.settings
    incoming = parse(raw)
    authentication = _authentication(office, inbound, raw, incoming, authenticate)
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
            verify(raw, settings.smime_roots, inbound.received_at) if SIGNED in incoming.defects else None
        ),
        spam=read_spam_verdict(raw) if settings.trust_spam_headers else "",
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
    office: Office, inbound: InboundMail, raw: bytes, incoming: IncomingMessage, authenticate: Authenticator
) -> Authentication:
    settings = office.settings
    if settings.authenticate == "off" or not incoming.from_addr:
        return Authentication()
    is_direct = inbound.door == "smtp" and is_outside(inbound.peer, settings.smtp_trusted)
    if settings.authenticate != "trusted" and is_direct:
        envelope = Envelope(incoming.from_addr, inbound.peer, inbound.helo, inbound.envelope_from)
        return authenticate(raw, envelope, settings.dns_server)
    # Straight from outside nobody of ours has written that header.
    if settings.trusted_authserv and not is_direct:
        return read_results(raw, settings.trusted_authserv, incoming.from_addr)
    if settings.authenticate == "everywhere":
        return authenticate(raw, Envelope(incoming.from_addr), settings.dns_server)
    return Authentication()
