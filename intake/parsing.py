"""Reads one raw e-mail into an IncomingMessage: bytes in, value out, no I/O.

`parse_email` never raises, whatever the bytes. Nothing that arrived is left out: what is
no text becomes an attachment, what was wrong or repaired stands in `defects`.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from intake import bounces, containers, filetypes, quotes
from intake.addresses import Mailbox, clean_name, has_hidden_characters, name_claims_address, parse_addresses
from intake.charsets import clean, decode
from intake.headers import Headers, parse_date, parse_ids
from intake.htmltext import MAX_HTML, Line, read_html, with_links
from intake.incoming import Channel, IncomingFile, IncomingMessage
from intake.mime import Part, Splitter, unflow

# Longer texts are no letters; the whole part is kept as a file.
MAX_TEXT_BYTES = 2_000_000
MAX_HOPS = 50

_CHARSET_IN_HTML = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?([\w.:-]{1,40})", re.IGNORECASE)
_STUB = re.compile(
    r"(?:this (?:message|e-?mail) (?:is|was|contains)|your (?:e-?mail|mail) (?:client|program|reader)|"
    r"(?:su|tu) (?:cliente|programa|lector) de correo|este mensaje (?:est[aá]|contiene)|to view this)"
    r"[^\n]{0,160}html[^\n]{0,160}$",
    re.IGNORECASE,
)
_TNEF = b"\x78\x9f\x3e\x22"
_PGP = "-----BEGIN PGP MESSAGE-----"


def parse_email(raw: bytes) -> IncomingMessage:
    """Read *raw*; a message comes back whatever the bytes are like."""
    try:
        return _Reader(bytes(raw)).read()
    except MemoryError:  # `intake.isolation` sets the limit, and tells a clerk that the mail hit it
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


@dataclass(slots=True)
class _Section:
    """One stretch of the body, in one or two versions of the same text."""

    plain: str = ""
    html: str = ""


@dataclass(slots=True)
class _Body:
    """What was found in the parts, in order."""

    sections: list[_Section] = field(default_factory=list)
    files: list[IncomingFile] = field(default_factory=list)
    invitations: list[str] = field(default_factory=list)


class _Reader:
    def __init__(self, raw: bytes) -> None:
        self.splitter = Splitter(raw)
        self.body = _Body()
        self.defects: list[str] = []
        self.text_left = MAX_TEXT_BYTES

    def read(self) -> IncomingMessage:
        root = self.splitter.split()
        headers = root.headers
        self._collect(root, None)
        for defect in self.splitter.defects:
            self._note(defect)
        subject = clean(" ".join(headers.text("subject").split()))
        sender = self._sender(headers)
        text, lines, html = self._texts()
        reply = self._reply(text, lines, subject)
        machine = bounces.judge(root, subject, sender.address, sender.name, text)
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
            forwarded=reply.forwarded,
            defects=tuple(self.defects),
        )

    # ------------------------------------------------------------------ headers

    def _sender(self, headers: Headers) -> Mailbox:
        for name in ("subject", "from", "to"):
            if headers.is_raw(name):
                self._note("raw-8bit-header")
        for name in ("from", "date", "subject", "message-id"):
            if headers.count(name) > 1:
                self._note(f"duplicate-{name}")
        written = headers.plain("from")
        found = parse_addresses(headers.all_plain("from"))
        if not found:
            self._note("missing-from")
            found = parse_addresses([headers.plain("sender")]) or parse_addresses(
                [headers.plain("return-path")]
            )
        sender = found[0] if found else Mailbox(clean_name(headers.text("from")), "")
        if has_hidden_characters(headers.text("from")):
            self._note("hidden-characters-in-name")
        if "@" in sender.name and name_claims_address(sender.name, sender.address) and written:
            self._note("name-shows-other-address")
        return sender

    def _date(self, headers: Headers) -> datetime | None:
        written = headers.plain("date")
        date = parse_date(written)
        if date is None:
            self._note("absurd-date" if written else "missing-date")
        return date

    def _hops(self, headers: Headers) -> int:
        hops = headers.count("received")
        if hops > MAX_HOPS:
            self._note("many-hops")
        return hops

    def _missing(self, defect: str) -> str:
        self._note(defect)
        return ""

    def _note(self, defect: str) -> None:
        if defect and defect not in self.defects:
            self.defects.append(defect)

    # ------------------------------------------------------------------ parts

    def _collect(self, part: Part, section: _Section | None) -> None:
        """Take a part into the body; *section* is the alternative it is a version of."""
        if part.kind.startswith("multipart/") and part.children:
            self._collect_multipart(part, section)
        elif part.kind in ("application/pkcs7-mime", "application/x-pkcs7-mime"):
            self._collect_smime(part, section)
        elif self._is_body(part):
            self._collect_text(part, section)
        else:
            self._collect_file(part)

    def _collect_multipart(self, part: Part, section: _Section | None) -> None:
        if part.kind == "multipart/encrypted":
            self._note("pgp-encrypted")
        elif part.kind == "multipart/signed":
            protocol = part.parameters.get("protocol", "").lower()
            self._note("pgp-signed" if "pgp" in protocol else "smime-signed")
        if part.kind == "multipart/alternative" and section is None:
            section = _Section()
            self.body.sections.append(section)
        for number, child in enumerate(part.children):
            # The root of a related group is the text, the others are its pictures.
            inside = section if part.kind != "multipart/mixed" or number == 0 else None
            self._collect(child, inside)

    def _is_body(self, part: Part) -> bool:
        if part.kind not in ("text/plain", "text/html") or part.disposition == "attachment":
            return False
        return not _name_of(part)

    def _collect_text(self, part: Part, section: _Section | None) -> None:
        content = part.content()
        if len(content) > self.text_left:
            self._note("text-truncated")
            self._add_file("", part.kind, content, part)
            content = content[: self.text_left]
        self.text_left -= len(content)
        if part.kind == "text/plain" and b"begin " in content:
            content, files = containers.split_uuencoded(content)
            for file in files:
                self._note("uuencode")
                self._add_file(file.name, "application/octet-stream", file.content)
        declared = part.parameters.get("charset", "")
        if part.kind == "text/html" and not declared:
            found = _CHARSET_IN_HTML.search(content[:2000])
            declared = found[1].decode("ascii") if found else ""
        text, defect = decode(content, declared)
        self._note(defect)
        if _PGP in text:
            self._note("pgp-encrypted")
        slot = "html" if part.kind == "text/html" else "plain"
        if section is None or getattr(section, slot):
            section = _Section()
            self.body.sections.append(section)
        setattr(section, slot, unflow(text, part.parameters) if slot == "plain" else text)

    def _collect_smime(self, part: Part, section: _Section | None) -> None:
        content = part.content()
        inner = containers.open_signed(content)
        if inner:
            self._note("smime-signed")
            self._collect(Splitter(inner).split(), section)
        elif containers.is_cms_enveloped(content):
            self._note("smime-encrypted")
        self._add_file(_name_of(part) or "smime.p7m", part.kind, content, part)

    def _collect_file(self, part: Part) -> None:
        content = part.content()
        name = _name_of(part)
        is_tnef = part.kind in ("application/ms-tnef", "application/vnd.ms-tnef") or content[:4] == _TNEF
        if is_tnef and self._expand_tnef(content):
            return
        if part.kind == "message/rfc822" and not name:
            name = _name_of_mail(content)
        if part.kind == "text/calendar" and len(content) < MAX_TEXT_BYTES:
            self.body.invitations.append(
                containers.read_invitation(decode(content, part.parameters.get("charset", ""))[0])
            )
        if (
            part.kind in ("text/plain", "text/html")
            and part.disposition != "attachment"
            and not self._has_text()
        ):
            # The only text of the mail came with a file name: it is the letter all the same.
            self._collect_text_of_file(part, content)
        self._add_file(name, part.kind, content, part)

    def _collect_text_of_file(self, part: Part, content: bytes) -> None:
        text, defect = decode(content[:MAX_TEXT_BYTES], part.parameters.get("charset", ""))
        self._note(defect)
        self.body.sections.append(_Section(html=text) if part.kind == "text/html" else _Section(plain=text))

    def _expand_tnef(self, content: bytes) -> bool:
        inner = containers.open_tnef(content)
        if inner is None or not (inner.files or inner.text or inner.html):
            self._note("tnef-unreadable")
            return False
        self._note("tnef")
        if (inner.text or inner.html) and not self._has_text():
            self.body.sections.append(_Section(plain=inner.text, html=inner.html))
        for file in inner.files:
            self._add_file(file.name, "application/octet-stream", file.content)
        return True

    def _has_text(self) -> bool:
        return any(section.plain.strip() or section.html.strip() for section in self.body.sections)

    def _add_file(self, name: str, declared: str, content: bytes, part: Part | None = None) -> None:
        kind = declared if declared.startswith("message/") else filetypes.true_type(content, declared, name)
        safe = filetypes.safe_name(name)
        if name and has_hidden_characters(name):
            self._note("hidden-characters-in-file-name")
        if not safe:
            safe = filetypes.generated_name(len(self.body.files) + 1, kind)
        identity = part.headers.plain("content-id").strip("<> ") if part else ""
        inline = (
            part is not None
            and part.disposition != "attachment"
            and (part.disposition == "inline" or bool(identity))
        )
        self.body.files.append(
            IncomingFile(
                filename=safe,
                content_type=kind,
                content=content,
                sha256=hashlib.sha256(content).hexdigest(),
                inline=inline,
                content_id=clean(identity),
                declared_type=clean(declared),
                danger=filetypes.danger_of(content, kind, safe),
            )
        )

    def _placed(self, html: str) -> list[IncomingFile]:
        """The files; a picture the text shows is inline, whatever its disposition says."""
        return [
            replace(file, inline=True) if file.content_id and f"cid:{file.content_id}" in html else file
            for file in self.body.files
        ]

    # ------------------------------------------------------------------ text

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

    def _reply(self, text: str, lines: list[Line], subject: str) -> quotes.Reply:
        reply = quotes.reply_of(lines, subject)
        if reply.text or not any(section.html and section.plain for section in self.body.sections):
            return reply
        # The HTML version is all quote, or empty: the plain one may tell more.
        return quotes.reply_of_text(text, subject)


def _name_of(part: Part) -> str:
    return (
        part.disposition_parameters.get("filename")
        or part.parameters.get("name")
        or part.disposition_parameters.get("name")
        or ""
    )


def _name_of_mail(content: bytes) -> str:
    subject = Headers(content[:100_000].lstrip()).text("subject")
    return f"{subject[:150]}.eml" if subject.strip() else "mensaje.eml"


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
