"""The one plain value every door hands to the desk.

Mail is parsed into it (`intake.parsing`), chat and portal build it directly. It
holds no open file and no database object, so it may cross threads and processes.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path

# A raw mail, or the file that holds it: who hands on a large one need not hold it.
Raw = bytes | Path


class Channel(StrEnum):
    """Where a message came in, and where its answer goes out."""

    EMAIL = "email"
    TELEGRAM = "telegram"
    PORTAL = "portal"
    # In person; and on paper or by telephone, which a clerk writes down.
    COUNTER = "counter"
    PAPER = "paper"
    PHONE = "phone"
    API = "api"


@dataclass(frozen=True, slots=True)
class IncomingFile:
    """A file of a message. `content_type` is by content, `declared_type` as the sender said."""

    filename: str
    content_type: str
    content: bytes
    sha256: str
    inline: bool = False
    content_id: str = ""
    declared_type: str = ""
    # Why the file may not be opened ("executable", "macro", "html", …); empty when it may.
    danger: str = ""

    @property
    def size(self) -> int:
        """Bytes after decoding."""
        return len(self.content)

    @classmethod
    def of(cls, filename: str, content_type: str, content: bytes) -> IncomingFile:
        """A file from a door that is not mail, hashed here."""
        return cls(filename, content_type, content, hashlib.sha256(content).hexdigest())


@dataclass(frozen=True, slots=True)
class Bounce:
    """What a delivery status notification says (RFC 3464): failed recipients, enhanced statuses."""

    recipients: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    # Message-ID of the mail that could not be delivered, when the report carries it.
    original_message_id: str = ""
    diagnostic: str = ""


@dataclass(frozen=True, slots=True)
class Authentication:
    """Results of RFC 7208, 6376 and 7489 as words ("pass", "fail", "none", …); empty when not evaluated."""

    spf: str = ""
    dkim: str = ""
    dmarc: str = ""
    arc: str = ""
    # The domain that confirms the sender's address: of the same organisation, by DKIM or SPF.
    domain: str = ""


@dataclass(frozen=True, slots=True)
class MailSignature:
    """What an S/MIME signature shows (RFC 8551). The rest is empty where it could not be read."""

    # "valid", "altered", "untrusted", "expired", "weak", "partial" or "unreadable".
    verdict: str
    name: str = ""
    # E-mail addresses in the certificate; the tax office's certificates may name none.
    addresses: tuple[str, ...] = ()
    issuer: str = ""


@dataclass(frozen=True, slots=True)
class ForwardedSender:
    """The person who wrote a mail that a colleague forwarded to us."""

    name: str
    address: str
    subject: str = ""


@dataclass(frozen=True, slots=True)
class IncomingMessage:
    """One message as it reached a door. Addresses are lower-case `local@domain`, ids without < >."""

    channel: Channel
    subject: str = ""
    from_addr: str = ""
    from_name: str = ""
    reply_to: tuple[str, ...] = ()
    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    # Aware instant the sender wrote; None when missing or absurd.
    date: datetime | None = None
    message_id: str = ""
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    # Whole readable text; `reply_text` is only what is new: no quotes, no signature.
    text: str = ""
    reply_text: str = ""
    html: str = ""
    attachments: tuple[IncomingFile, ...] = ()
    is_auto_reply: bool = False
    is_bounce: bool = False
    is_mailing_list: bool = False
    is_read_receipt: bool = False
    should_auto_respond: bool = True
    # Own loop headers and hop count (RFC 5321, 6.3).
    hops: int = 0
    bounce: Bounce | None = None
    forwarded: ForwardedSender | None = None
    authentication: Authentication = field(default_factory=Authentication)
    # Whose S/MIME signature it bears; None without one.
    signature: MailSignature | None = None
    # The first page of the first PDF that an institution sent, and that file's name.
    first_page: str = ""
    first_page_of: str = ""
    # The header by which our front server calls it spam; empty when it does not.
    spam: str = ""
    # What was wrong or repaired, as stable kebab-case codes ("missing-date", "charset-guessed").
    defects: tuple[str, ...] = ()
