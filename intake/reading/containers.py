"""Opens what travels inside the text or a part of a mail: uuencode, S/MIME, invitations.

Pure and limited: hostile containers give an empty result, never an exception, and
nothing compressed is unpacked.
"""

from __future__ import annotations

import re

from intake.reading.charsets import clean, decode
from intake.reading.mime import decode_uu
from intake.reading.outlook import MAX_INNER_FILES, InnerFile

MAX_DER_DEPTH = 30

_UU_BEGIN = re.compile(rb"^begin [0-7]{3,4} ([^\r\n]{1,255})\r?\n", re.MULTILINE)
_UU_END = re.compile(rb"^end[ \t]*\r?$", re.MULTILINE)
_UU_LINE = re.compile(rb"[\x20-\x60]{1,86}\r?\n")
_ICAL_FOLD = re.compile(r"\n[ \t]")
_ICAL_DATE = re.compile(r"(\d{4})(\d{2})(\d{2})(?:T(\d{2})(\d{2})\d{2}(Z?))?")


def split_uuencoded(content: bytes) -> tuple[bytes, list[InnerFile]]:
    """A text without its uuencoded blocks, and the files they held."""
    if b"begin " not in content:
        return content, []
    files: list[InnerFile] = []
    kept: list[bytes] = []
    position = 0
    while len(files) < MAX_INNER_FILES:
        begin = _UU_BEGIN.search(content, position)
        end = _UU_END.search(content, begin.end()) if begin else None
        if begin is None or end is None:
            break
        if _UU_LINE.match(content, begin.end()):
            kept.append(content[position : begin.start()])
            data = decode_uu(content[begin.start() : end.end()])
            files.append(InnerFile(decode(begin[1])[0].strip(), data))
            position = end.end()
        else:
            # A sentence that happens to start like a block.
            kept.append(content[position : begin.end()])
            position = begin.end()
    kept.append(content[position:])
    return b"".join(kept), files


def open_signed(content: bytes) -> bytes:
    """The mail inside an opaque S/MIME signature (CMS SignedData); empty when it is something else."""
    try:
        return _signed_content(memoryview(content))
    except (IndexError, ValueError):
        return b""


def is_cms_enveloped(content: bytes) -> bool:
    """Whether a pkcs7-mime part is encrypted (EnvelopedData, AuthEnvelopedData)."""
    head = content[:60]
    return (
        b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03" in head
        or b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x17" in head
    )


def _signed_content(data: memoryview) -> bytes:
    # ContentInfo ::= SEQUENCE { oid signedData, [0] SignedData }
    info = _children(data, *_header(data, 0)[1:])
    if bytes(data[info[0][1] : info[0][2]]) != b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02":
        return b""
    signed = _children(data, *_header(data, info[1][1])[1:])
    # SignedData ::= SEQUENCE { version, digests, encapContentInfo { oid, [0] OCTET STRING }, … }
    encapsulated = _children(data, signed[2][1], signed[2][2])
    if len(encapsulated) < 2:
        return b""
    return _octets(data, encapsulated[1][1], 0)


def _octets(data: memoryview, position: int, depth: int) -> bytes:
    """An OCTET STRING, whole or in pieces (BER, as Outlook and OpenSSL write large ones)."""
    tag, start, end = _header(data, position)
    if not tag & 0x20 or depth > MAX_DER_DEPTH:
        return bytes(data[start:end])
    return b"".join(_octets(data, child[3], depth + 1) for child in _children(data, start, end))


def _children(data: memoryview, start: int, end: int) -> list[tuple[int, int, int, int]]:
    """(tag, content start, content end, element start) of each element between *start* and *end*."""
    found: list[tuple[int, int, int, int]] = []
    while start < end and len(found) < 100_000:
        if data[start] == 0 and data[start + 1] == 0:
            break
        tag, content, after = _header(data, start)
        found.append((tag, content, after, start))
        start = after + 2 if data[content - 1] == 0x80 and tag & 0x20 else after
    return found


def _header(data: memoryview, position: int, depth: int = 0) -> tuple[int, int, int]:
    """Tag, start and end of the content of the element at *position*; indefinite lengths are measured."""
    tag, length = data[position], data[position + 1]
    start = position + 2
    if length < 0x80:
        end = start + length
    elif length == 0x80:
        if depth > MAX_DER_DEPTH:
            raise ValueError("nested too deep")
        end = start
        while data[end] or data[end + 1]:
            inner_tag, content, after = _header(data, end, depth + 1)
            indefinite = data[content - 1] == 0x80 and inner_tag & 0x20
            end = after + 2 if indefinite else after
    else:
        size = length & 0x7F
        end = start + size + int.from_bytes(data[start : start + size], "big")
        start += size
    if end > len(data):
        raise ValueError("element reaches beyond the data")
    return tag, start, end


def read_invitation(text: str) -> str:
    """An iCalendar event as a person reads it: what, when, where, who and the description."""
    lines = _ICAL_FOLD.sub("", text.replace("\r\n", "\n")[:200_000]).split("\n")
    fields: dict[str, str] = {}
    inside = False
    for line in lines:
        name, _, value = line.partition(":")
        key = name.partition(";")[0].upper()
        if key == "BEGIN" and value.strip().upper() in ("VEVENT", "VTODO"):
            inside = True
        elif key == "END" and value.strip().upper() in ("VEVENT", "VTODO"):
            break
        elif inside:
            fields.setdefault(key, _ical_value(key, name, value))
    wanted = [
        fields.get("SUMMARY", ""),
        _ical_span(fields),
        fields.get("LOCATION", ""),
        fields.get("ORGANIZER", ""),
    ]
    description = fields.get("DESCRIPTION", "")
    return clean("\n".join([line for line in wanted if line] + ([f"\n{description}"] if description else [])))


def _ical_value(key: str, name: str, value: str) -> str:
    if key in ("DTSTART", "DTEND", "DUE"):
        moment = _ICAL_DATE.match(value.strip())
        if not moment:
            return ""
        day = f"{moment[1]}-{moment[2]}-{moment[3]}"
        return f"{day} {moment[4]}:{moment[5]}{' UTC' if moment[6] else ''}" if moment[4] else day
    if key == "ORGANIZER":
        return value.strip().removeprefix("mailto:").removeprefix("MAILTO:")
    return value.replace("\\n", "\n").replace("\\N", "\n").replace("\\,", ",").replace("\\;", ";").strip()


def _ical_span(fields: dict[str, str]) -> str:
    start, end = fields.get("DTSTART", ""), fields.get("DTEND", "")
    return f"{start} – {end}" if start and end else start
