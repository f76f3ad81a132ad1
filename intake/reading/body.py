"""Sorts the parts of a mail into its text, in one or two versions, and its files.

Pure. What is wrapped in something else (winmail.dat, .msg, uuencode, BinHex, a signature)
is taken out of it; what cannot be opened stays a file as it came.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field

from intake.addresses import has_hidden_characters
from intake.incoming import IncomingFile
from intake.reading import containers, filetypes, macfiles, outlook
from intake.reading.charsets import clean, decode
from intake.reading.headers import Headers
from intake.reading.mime import Part, Splitter, unflow

# Longer texts are no letters; the whole part is kept as a file.
MAX_TEXT_BYTES = 2_000_000
# Defects of which others make something.
SIGNED, ENCRYPTED = "smime-signed", ("smime-encrypted", "pgp-encrypted")
LOCKED = "archive-encrypted"

_CHARSET_IN_HTML = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?([\w.:-]{1,40})", re.IGNORECASE)
_TNEF = b"\x78\x9f\x3e\x22"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_PGP = "-----BEGIN PGP MESSAGE-----"
_APPLE = "application/applefile"
_BINHEX = ("application/mac-binhex40", "application/mac-binhex", "application/binhex")


@dataclass(slots=True)
class Section:
    """One stretch of the body, in one or two versions of the same text."""

    plain: str = ""
    html: str = ""


@dataclass(slots=True)
class Body:
    """What was found in the parts, in order."""

    sections: list[Section] = field(default_factory=list)
    files: list[IncomingFile] = field(default_factory=list)
    invitations: list[str] = field(default_factory=list)


class Collector:
    """Fills `body` and `defects` from the parts it is given."""

    def __init__(self) -> None:
        self.body = Body()
        self.defects: list[str] = []
        self.text_left = MAX_TEXT_BYTES

    def note(self, defect: str) -> None:
        if defect and defect not in self.defects:
            self.defects.append(defect)

    def has_text(self) -> bool:
        return any(section.plain.strip() or section.html.strip() for section in self.body.sections)

    def collect(self, part: Part, section: Section | None) -> None:
        """Take a part into the body; *section* is the alternative it is a version of."""
        if part.kind.startswith("multipart/") and part.children:
            self._collect_multipart(part, section)
        elif part.kind in ("application/pkcs7-mime", "application/x-pkcs7-mime"):
            self._collect_smime(part, section)
        elif self._is_body(part):
            self._collect_text(part, section)
        else:
            self._collect_file(part)

    def _collect_multipart(self, part: Part, section: Section | None) -> None:
        if part.kind == "multipart/encrypted":
            self.note("pgp-encrypted")
        elif part.kind == "multipart/signed":
            protocol = part.parameters.get("protocol", "").lower()
            self.note("pgp-signed" if "pgp" in protocol else SIGNED)
        elif part.kind == "multipart/appledouble" and len(part.children) == 2:
            self._collect_apple_double(*part.children)
            return
        if part.kind == "multipart/alternative" and section is None:
            section = Section()
            self.body.sections.append(section)
        for number, child in enumerate(part.children):
            # The root of a related group is the text, the others are its pictures.
            inside = section if part.kind != "multipart/mixed" or number == 0 else None
            self.collect(child, inside)

    def _collect_apple_double(self, header: Part, data: Part) -> None:
        """The file; beside it travels only what Finder remembers of it, which may know a better name."""
        known = macfiles.open_apple_single(header.content())
        if header.kind != _APPLE or known is None:
            self.collect(header, None)
        if self._is_body(data):
            self._collect_text(data, None)
        else:
            self._collect_file(data, known.name if known else "")

    def _is_body(self, part: Part) -> bool:
        if part.kind not in ("text/plain", "text/html") or part.disposition == "attachment":
            return False
        return not _name_of(part)

    def _collect_text(self, part: Part, section: Section | None) -> None:
        content = part.content()
        if len(content) > self.text_left:
            self.note("text-truncated")
            self._add_file("", part.kind, content, part)
            content = content[: self.text_left]
        self.text_left -= len(content)
        if part.kind == "text/plain":
            content = self._without_files(content)
        declared = part.parameters.get("charset", "")
        if part.kind == "text/html" and not declared:
            found = _CHARSET_IN_HTML.search(content[:2000])
            declared = found[1].decode("ascii") if found else ""
        text, defect = decode(content, declared)
        self.note(defect)
        if _PGP in text:
            self.note("pgp-encrypted")
        slot = "html" if part.kind == "text/html" else "plain"
        if section is None or getattr(section, slot):
            section = Section()
            self.body.sections.append(section)
        setattr(section, slot, unflow(text, part.parameters) if slot == "plain" else text)

    def _without_files(self, content: bytes) -> bytes:
        """A text without the files that old programs wrote into it."""
        if b"begin " in content:
            content, files = containers.split_uuencoded(content)
            for file in files:
                self.note("uuencode")
                self._add_file(file.name, "application/octet-stream", file.content)
        if b"with BinHex" in content and (found := macfiles.split_binhex(content)):
            content, file = found
            self.note("binhex")
            self._add_file(file.name, "application/octet-stream", file.content)
        return content

    def _collect_smime(self, part: Part, section: Section | None) -> None:
        content = part.content()
        inner = containers.open_signed(content)
        if inner:
            self.note(SIGNED)
            self.collect(Splitter(inner).split(), section)
        elif containers.is_cms_enveloped(content):
            self.note("smime-encrypted")
        self._add_file(_name_of(part) or "smime.p7m", part.kind, content, part)

    def _collect_file(self, part: Part, known_as: str = "") -> None:
        content = part.content()
        name = _name_of(part) or known_as
        is_tnef = part.kind in ("application/ms-tnef", "application/vnd.ms-tnef") or content[:4] == _TNEF
        if (is_tnef and self._expand_tnef(content)) or self._unwrap(part, name, content):
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
            and not self.has_text()
        ):
            # The only text of the mail came with a file name: it is the letter all the same.
            self._collect_text_of_file(part, content)
        self._add_file(name, part.kind, content, part)
        if content[:8] == _OLE and self.body.files[-1].content_type == "application/vnd.ms-outlook":
            self._add_as_mail(content)

    def _unwrap(self, part: Part, name: str, content: bytes) -> bool:
        """Add the file that a Macintosh program wrapped, instead of its wrapping."""
        inner = None
        if part.kind in _BINHEX or name.lower().endswith(".hqx"):
            inner = macfiles.open_binhex(content)
        elif content[:4] == macfiles.APPLE_SINGLE:
            inner = macfiles.open_apple_single(content)
        if inner is None or not inner.content:
            return False
        self.note("unwrapped")
        # Programs on other systems write their own letters where BinHex means a Macintosh's.
        declared = "" if filetypes.extension_of(name) in ("", "hqx", "bin") else name
        self._add_file(declared or inner.name or name, "application/octet-stream", inner.content, part)
        return True

    def _add_as_mail(self, content: bytes) -> None:
        """Beside a .msg, which only Outlook opens, the same as any program reads it."""
        mail = outlook.msg_as_mail(content)
        if mail is None:
            self.note("msg-unreadable")
            return
        self.note("msg")
        name = self.body.files[-1].filename.rpartition(".")[0] or "mensaje"
        self._add_file(f"{name}.eml", "message/rfc822", mail)

    def _collect_text_of_file(self, part: Part, content: bytes) -> None:
        text, defect = decode(content[:MAX_TEXT_BYTES], part.parameters.get("charset", ""))
        self.note(defect)
        self.body.sections.append(Section(html=text) if part.kind == "text/html" else Section(plain=text))

    def _expand_tnef(self, content: bytes) -> bool:
        inner = outlook.open_tnef(content)
        if inner is None or not (inner.files or inner.text or inner.html):
            self.note("tnef-unreadable")
            return False
        self.note("tnef")
        if (inner.text or inner.html) and not self.has_text():
            self.body.sections.append(Section(plain=inner.text, html=inner.html))
        for file in inner.files:
            self._add_file(file.name, "application/octet-stream", file.content)
        return True

    def _add_file(self, name: str, declared: str, content: bytes, part: Part | None = None) -> None:
        kind = declared if declared.startswith("message/") else filetypes.true_type(content, declared, name)
        safe = filetypes.safe_name(name)
        if name and has_hidden_characters(name):
            self.note("hidden-characters-in-file-name")
        if not safe:
            safe = filetypes.generated_name(len(self.body.files) + 1, kind)
        if filetypes.is_locked(content):
            self.note(LOCKED)
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
