"""Reads one raw e-mail into an IncomingMessage: bytes in, value out, no I/O, never an exception."""

from __future__ import annotations

import email
import email.policy
import email.utils
import hashlib
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

from intake.incoming import Channel, IncomingFile, IncomingMessage


def parse_email(raw: bytes) -> IncomingMessage:
    """Read *raw*; whatever the bytes, a message comes back and `defects` says what was wrong."""
    try:
        return _read(raw)
    except Exception:
        return IncomingMessage(channel=Channel.EMAIL, text=raw[:10000].decode("latin-1"), defects=("unreadable",))


def _read(raw: bytes) -> IncomingMessage:
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    text_part = message.get_body(("plain",))
    html_part = message.get_body(("html",))
    text = str(text_part.get_content()) if text_part else ""
    html = str(html_part.get_content()) if html_part else ""
    files = []
    for part in message.iter_attachments():
        content = part.get_payload(decode=True)
        if isinstance(content, bytes):
            kind = part.get_content_type()
            digest = hashlib.sha256(content).hexdigest()
            files.append(IncomingFile(part.get_filename() or "adjunto", kind, content, digest, declared_type=kind))
    name, address = email.utils.parseaddr(str(message["from"] or ""))
    date = None
    if message["date"]:
        date = email.utils.parsedate_to_datetime(str(message["date"]))
        date = date if date.tzinfo else date.replace(tzinfo=UTC)
    return IncomingMessage(
        channel=Channel.EMAIL,
        subject=str(message["subject"] or ""),
        from_addr=address.lower(),
        from_name=name,
        to=_addresses(message, "to"),
        cc=_addresses(message, "cc"),
        date=date,
        message_id=str(message["message-id"] or "").strip(" <>"),
        in_reply_to=str(message["in-reply-to"] or "").strip(" <>"),
        references=tuple(r.strip("<>") for r in str(message["references"] or "").split()),
        text=text,
        reply_text=text,
        html=html,
        attachments=tuple(files),
        hops=len(message.get_all("received", [])),
    )


def _addresses(message: EmailMessage, header: str) -> tuple[str, ...]:
    pairs = email.utils.getaddresses([str(v) for v in message.get_all(header, [])])
    return tuple(address.lower() for _, address in pairs if address)


def as_json(message: IncomingMessage) -> dict[str, Any]:
    """The keys of `oficialia parse --json`."""
    return {
        "subject": message.subject,
        "from_addr": message.from_addr,
        "from_name": message.from_name,
        "to": list(message.to),
        "cc": list(message.cc),
        "date": _iso(message.date),
        "message_id": message.message_id,
        "in_reply_to": message.in_reply_to,
        "references": list(message.references),
        "text": message.text,
        "reply_text": message.reply_text,
        "html": message.html,
        "attachments": [
            {
                "filename": f.filename,
                "content_type": f.content_type,
                "size": f.size,
                "sha256": f.sha256,
                "inline": f.inline,
                "content_id": f.content_id,
            }
            for f in message.attachments
        ],
        "is_auto_reply": message.is_auto_reply,
        "is_bounce": message.is_bounce,
        "should_auto_respond": message.should_auto_respond,
        "bounce": {
            "recipients": list(message.bounce.recipients) if message.bounce else [],
            "statuses": list(message.bounce.statuses) if message.bounce else [],
        },
        "authentication": {
            "spf": message.authentication.spf,
            "dkim": message.authentication.dkim,
            "dmarc": message.authentication.dmarc,
        },
        "defects": list(message.defects),
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
