"""Reads what Outlook writes for itself, winmail.dat (TNEF) and .msg, and makes a plain mail of the latter.

Pure. A damaged file gives None, never an exception.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP

import olefile
import tnefparse

from intake.reading.charsets import clean, decode
from intake.reading.headers import Headers

MAX_INNER_FILES = 200
# Mails within mails within mails.
MAX_DEPTH = 4

_ADDRESS = re.compile(r"[^\s<>\"(),;:\[\]@/=]{1,200}@[^\s<>\"(),;:@/=]{1,255}")
_MEDIA_TYPE = re.compile(r"[a-z0-9.+-]{1,60}/[a-z0-9.+-]{1,100}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class InnerFile:
    """A file found inside another."""

    name: str
    content: bytes
    kind: str = ""


@dataclass(frozen=True, slots=True)
class InnerMail:
    """A mail found inside a file: its text and its files."""

    subject: str = ""
    sender: str = ""
    text: str = ""
    html: str = ""
    files: tuple[InnerFile, ...] = ()
    # Date, Message-ID and the like, as (name, value).
    headers: tuple[tuple[str, str], ...] = ()


def open_tnef(content: bytes) -> InnerMail | None:
    """What Outlook wrapped in a winmail.dat; None when it cannot be read."""
    try:
        tnef = tnefparse.TNEF(content, do_checksum=False)
        files = tuple(
            InnerFile(clean(str(item.long_filename() or "")), bytes(item.data))
            for item in tnef.attachments[:MAX_INNER_FILES]
        )
        return InnerMail(text=_as_text(tnef.body), html=_as_text(tnef.htmlbody), files=files)
    except Exception:  # tnefparse raises whatever its struct and codecs raise on damaged input
        return None


def open_msg(content: bytes) -> InnerMail | None:
    """Subject, sender, text and files of an Outlook .msg; None when it cannot be read."""
    try:
        with olefile.OleFileIO(io.BytesIO(content)) as ole:
            return _read_msg(ole, "", 0)
    except Exception:  # olefile raises OSError, struct.error, IndexError … on damaged input
        return None


def msg_as_mail(content: bytes) -> bytes | None:
    """A .msg as any mail program opens it; None when it cannot be read."""
    inner = open_msg(content)
    try:
        return _as_mail(inner) if inner else None
    except Exception:  # the standard library's headers raise IndexError and others on what is no header
        return None


def _as_mail(mail: InnerMail) -> bytes:
    made = EmailMessage(policy=SMTP)
    for name, value in (("From", mail.sender), ("Subject", mail.subject), *mail.headers):
        if value and (name not in ("From", "Subject") or name not in made):
            made[name] = " ".join(value.split())[:2000]
    made.set_content(mail.text)
    if mail.html:
        made.add_alternative(mail.html, subtype="html")
    for file in mail.files:
        maintype, _, subtype = (file.kind or "application/octet-stream").partition("/")
        if maintype in ("message", "multipart"):
            maintype, subtype = "application", "octet-stream"
        made.add_attachment(file.content, maintype=maintype, subtype=subtype, filename=file.name or None)
    return made.as_bytes()


def _read_msg(ole: olefile.OleFileIO, root: str, depth: int) -> InnerMail:
    sender_name, sender = _text(ole, root, "0C1A"), _sender(ole, root)
    shown = f"{_quoted(sender_name)} <{sender}>" if sender and sender_name else sender or sender_name
    return InnerMail(
        _text(ole, root, "0037"),
        shown,
        _text(ole, root, "1000"),
        decode(_bytes(ole, f"{root}__substg1.0_10130102") or b"")[0] or _text(ole, root, "1013"),
        tuple(_files(ole, root, depth)),
        tuple(_headers(ole, root)),
    )


def _sender(ole: olefile.OleFileIO, root: str) -> str:
    """Inside Exchange the plain field holds a path of the directory; the SMTP address stands elsewhere."""
    for field in ("5D01", "5D02", "0C1F", "0065"):
        found = _ADDRESS.fullmatch(_text(ole, root, field).strip())
        if found:
            return found[0]
    return ""


def _quoted(name: str) -> str:
    return '"' + name.replace("\\", "").replace('"', "'") + '"'


def _files(ole: olefile.OleFileIO, root: str, depth: int) -> list[InnerFile]:
    files = []
    for folder in _folders(ole, root, "__attach_version1.0"):
        data = _bytes(ole, f"{folder}__substg1.0_37010102")
        inside = f"{folder}__substg1.0_3701000D"
        if data is not None:
            name = _text(ole, folder, "3707") or _text(ole, folder, "3704") or _text(ole, folder, "3001")
            kind = _text(ole, folder, "370E").strip().lower()
            files.append(InnerFile(name, data, kind if _MEDIA_TYPE.fullmatch(kind) else ""))
        elif ole.exists(inside) and depth < MAX_DEPTH:
            # A mail that was attached to this one.
            inner = _read_msg(ole, f"{inside}/", depth + 1)
            files.append(InnerFile(f"{inner.subject[:150] or 'mensaje'}.eml", _as_mail(inner)))
    return files


def _folders(ole: olefile.OleFileIO, root: str, prefix: str) -> list[str]:
    """Folders right below *root* (empty, or with its slash at the end) whose name begins like that."""
    above = root.split("/")[:-1]
    found = {
        path[len(above)]
        for path in ole.listdir(streams=True)
        if path[: len(above)] == above and len(path) > len(above) + 1
    }
    wanted = sorted(name for name in found if name.startswith(prefix))
    return [f"{root}{name}/" for name in wanted[:MAX_INNER_FILES]]


def _headers(ole: olefile.OleFileIO, root: str) -> list[tuple[str, str]]:
    """What the mail had when it came over the Internet; recipients from the list when it did not."""
    sent = Headers(_text(ole, root, "007D").encode("utf-8", "replace")[:200_000])
    found = [(name, sent.text(name.lower())) for name in ("Date", "Message-ID", "To", "Cc")]
    found = [(name, value) for name, value in found if value.strip()]
    if any(name == "To" for name, _ in found):
        return found
    shown = (("To", _text(ole, root, "0E04")), ("Cc", _text(ole, root, "0E03")))
    return found + [(name, value.strip("\0 ")) for name, value in shown if value.strip("\0 ")]


def _bytes(ole: olefile.OleFileIO, path: str) -> bytes | None:
    return bytes(ole.openstream(path).read()) if ole.exists(path) else None


def _text(ole: olefile.OleFileIO, root: str, field: str) -> str:
    wide = _bytes(ole, f"{root}__substg1.0_{field}001F")
    if wide is not None:
        return clean(wide.decode("utf-16-le", "replace")).rstrip("\0")
    return decode(_bytes(ole, f"{root}__substg1.0_{field}001E") or b"")[0].rstrip("\0")


def _as_text(value: object) -> str:
    if isinstance(value, bytes):
        return decode(value)[0]
    return clean(value) if isinstance(value, str) else ""
