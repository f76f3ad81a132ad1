"""Reads one raw e-mail into an IncomingMessage: bytes in, value out, no I/O.

`parse_email` never raises, whatever the bytes. Nothing that arrived is left out: what is
no text becomes an attachment, what was wrong or repaired stands in `defects`.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from typing import Any

from intake import bounces, quotes
from intake.addresses import Mailbox, clean_name, has_hidden_characters, name_claims_address, parse_addresses
from intake.incoming import Channel, ForwardedSender, IncomingFile, IncomingMessage
from intake.reading import attributions
from intake.reading.body import MAX_TEXT_BYTES, Collector
from intake.reading.charsets import clean, decode
from intake.reading.headers import Headers, parse_date, parse_ids
from intake.reading.htmltext import MAX_HTML, Line, read_html, with_links
from intake.reading.mime import Splitter

MAX_HOPS = 50

_PREFIXED = re.compile(r"\s*(?:\[[^\]]{0,40}\]\s*)?[^\W\d_]{1,4}(?:\[\d+\])?\s?[:：]")
_STUB = re.compile(
    r"(?:this (?:message|e-?mail) (?:is|was|contains)|your (?:e-?mail|mail) (?:client|program|reader)|"
    r"(?:su|tu) (?:cliente|programa|lector) de correo|este mensaje (?:est[aá]|contiene)|to view this)"
    r"[^\n]{0,160}html[^\n]{0,160}$",
    re.IGNORECASE,
)


def parse_email(raw: bytes) -> IncomingMessage:
    """Read *raw*; a message comes back whatever the bytes are like."""
    try:
        return _Reader(bytes(raw)).read()
    except MemoryError:  # `intake.reading.isolation` sets the limit, and tells a clerk that the mail hit it
        raise
    except Exception:  # a fault of ours must cost no mail: it arrives whole, to be read by a clerk
        text = decode(raw[:MAX_TEXT_BYTES])[0]
        whole = IncomingFile.of("correo.eml", "message/rfc822", bytes(raw))
        return IncomingMessage(
            channel=Channel.EMAIL,
            text=text,
            reply_text=text,
            attachments=(whole,),
            should_auto_respond=False,
            defects=("unreadable",),
        )


class _Reader:
    def __init__(self, raw: bytes) -> None:
        self.splitter = Splitter(raw)
        self.collector = Collector()
        self.body = self.collector.body

    def read(self) -> IncomingMessage:
        root = self.splitter.split()
        headers = root.headers
        self.collector.collect(root, None)
        for defect in self.splitter.defects:
            self.collector.note(defect)
        subject = clean(" ".join(headers.text("subject").split()))
        sender = self._sender(headers)
        text, lines, html = self._texts()
        machine = bounces.judge(root, subject, sender.address, sender.name, text)
        # Programs that send no References still write `Re:`, `RV:`, `AW:` … before the subject.
        is_answer = machine.is_bounce or "in-reply-to" in headers or "references" in headers
        reply = self._reply(text, lines, subject, is_answer or bool(_PREFIXED.match(subject)))
        ids = parse_ids(headers.plain("message-id"))
        return IncomingMessage(
            channel=Channel.EMAIL,
            subject=subject,
            from_addr=sender.address,
            from_name=sender.name,
            reply_to=_addresses(headers, "reply-to"),
            to=_addresses(headers, "to"),
            cc=_addresses(headers, "cc"),
            date=self._date(headers),
            message_id=ids[0] if ids else self._missing("missing-message-id"),
            in_reply_to=next(iter(parse_ids(headers.plain("in-reply-to"))), ""),
            references=tuple(dict.fromkeys(parse_ids(headers.plain("references")))),
            text=text,
            reply_text=reply.text,
            html=html,
            attachments=tuple(self._placed(html)),
            is_auto_reply=machine.is_auto_reply,
            is_bounce=machine.is_bounce,
            is_mailing_list=machine.is_mailing_list,
            is_read_receipt=machine.is_read_receipt,
            should_auto_respond=machine.should_auto_respond,
            hops=self._hops(headers),
            bounce=machine.bounce,
            forwarded=reply.forwarded or self._forwarded(root.kind, text, subject),
            defects=tuple(self.collector.defects),
        )

    # ------------------------------------------------------------------ headers

    def _sender(self, headers: Headers) -> Mailbox:
        for name in ("subject", "from", "to"):
            if headers.is_raw(name):
                self.collector.note("raw-8bit-header")
        for name in ("from", "date", "subject", "message-id"):
            if headers.count(name) > 1:
                self.collector.note(f"duplicate-{name}")
        written = headers.plain("from")
        found = parse_addresses(headers.all_plain("from"))
        if not found:
            self.collector.note("missing-from")
            found = parse_addresses([headers.plain("sender")]) or parse_addresses(
                [headers.plain("return-path")]
            )
        sender = found[0] if found else Mailbox(clean_name(headers.text("from")), "")
        if has_hidden_characters(headers.text("from")):
            self.collector.note("hidden-characters-in-name")
        if "@" in sender.name and name_claims_address(sender.name, sender.address) and written:
            self.collector.note("name-shows-other-address")
        return sender

    def _date(self, headers: Headers) -> datetime | None:
        written = headers.plain("date")
        date = parse_date(written)
        if date is None:
            self.collector.note("absurd-date" if written else "missing-date")
        return date

    def _hops(self, headers: Headers) -> int:
        hops = headers.count("received")
        if hops > MAX_HOPS:
            self.collector.note("many-hops")
        return hops

    def _missing(self, defect: str) -> str:
        self.collector.note(defect)
        return ""

    # ------------------------------------------------------------------ text and files

    def _placed(self, html: str) -> list[IncomingFile]:
        """The files; a picture the text shows is inline, whatever its disposition says."""
        return [
            replace(file, inline=True) if file.content_id and f"cid:{file.content_id}" in html else file
            for file in self.body.files
        ]

    def _texts(self) -> tuple[str, list[Line], str]:
        """The readable text, the marked lines the reply is found in, and the HTML as it came."""
        texts: list[str] = []
        lines: list[Line] = []
        for section in self.body.sections:
            plain, html = section.plain, section.html
            marked = read_html(html) if html.strip() else []
            shown = "\n".join(with_links(line.text) for line in marked).strip("\n")
            useful = plain.strip() and not (shown and _STUB.search(plain.strip()[:600]))
            texts.append(plain.strip("\n") if useful else shown)
            if lines:
                lines.append(Line(""))
            lines += marked or quotes.plain_lines(plain)
        text = "\n\n".join(piece for piece in texts if piece.strip())
        for invitation in self.body.invitations:
            if invitation and invitation.split("\n", 1)[0] not in text:
                text = f"{text}\n\n{invitation}".strip("\n")
        html = "\n".join(section.html for section in self.body.sections if section.html)
        return text, lines, html[:MAX_HTML]

    def _forwarded(self, kind: str, text: str, subject: str) -> ForwardedSender | None:
        """Who wrote the one mail that somebody sent on as a file, without words of their own or as RV:."""
        mails = [file for file in self.body.files if file.content_type == "message/rfc822"]
        is_sent_on = attributions.is_forward_subject(subject) or not text.strip()
        if kind == "multipart/report" or len(mails) != 1 or not is_sent_on:
            return None
        return _sender_of(mails[0].content)

    def _reply(self, text: str, lines: list[Line], subject: str, is_answer: bool) -> quotes.Reply:
        reply = quotes.reply_of(lines, subject, is_answer)
        if reply.text or not any(section.html and section.plain for section in self.body.sections):
            return reply
        # The HTML version is all quote, or empty: the plain one may tell more.
        return quotes.reply_of_text(text, subject)


def _sender_of(mail: bytes) -> ForwardedSender | None:
    headers = Headers(mail[:100_000].lstrip())
    found = parse_addresses(headers.all_plain("from"))
    if not found or not found[0].address:
        return None
    return ForwardedSender(found[0].name, found[0].address, clean(headers.text("subject")).strip())


def _addresses(headers: Headers, name: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(mailbox.address for mailbox in parse_addresses(headers.all_plain(name))))


def as_json(message: IncomingMessage) -> dict[str, Any]:
    """The keys of `oficialia parse --json`."""
    bounce, checked, forwarded = message.bounce, message.authentication, message.forwarded
    return {
        "subject": message.subject,
        "from_addr": message.from_addr,
        "from_name": message.from_name,
        "reply_to": list(message.reply_to),
        "to": list(message.to),
        "cc": list(message.cc),
        "date": message.date.isoformat() if message.date else None,
        "message_id": message.message_id,
        "in_reply_to": message.in_reply_to,
        "references": list(message.references),
        "text": message.text,
        "reply_text": message.reply_text,
        "html": message.html,
        "attachments": [_file_as_json(file) for file in message.attachments],
        "is_auto_reply": message.is_auto_reply,
        "is_bounce": message.is_bounce,
        "is_mailing_list": message.is_mailing_list,
        "is_read_receipt": message.is_read_receipt,
        "should_auto_respond": message.should_auto_respond,
        "bounce": {
            "recipients": list(bounce.recipients) if bounce else [],
            "statuses": list(bounce.statuses) if bounce else [],
            "original_message_id": bounce.original_message_id if bounce else "",
            "diagnostic": bounce.diagnostic if bounce else "",
        },
        "forwarded": (
            {"name": forwarded.name, "address": forwarded.address, "subject": forwarded.subject}
            if forwarded
            else None
        ),
        "authentication": {
            "spf": checked.spf,
            "dkim": checked.dkim,
            "dmarc": checked.dmarc,
            "arc": checked.arc,
        },
        "hops": message.hops,
        "defects": list(message.defects),
    }


def _file_as_json(file: IncomingFile) -> dict[str, Any]:
    return {
        "filename": file.filename,
        "content_type": file.content_type,
        "size": file.size,
        "sha256": file.sha256,
        "inline": file.inline,
        "content_id": file.content_id,
        "declared_type": file.declared_type,
        "danger": file.danger,
    }
