"""Splits raw mail into its parts by finding boundaries in the bytes.

Large bodies are located, never walked line by line, and decoded in C once, when
asked for. Depth, number of parts and of boundary candidates are limited, so the
time is linear in the size whatever the mail is like.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from intake.reading.headers import Headers, decode_base64, parse_parameters

MAX_DEPTH = 25
MAX_PARTS = 500
MAX_HEADER_BLOCK = 2_000_000

_BLANK = re.compile(rb"\r?\n[ \t]*\r?\n|\r?\n\r?\Z")
_LOOKS_LIKE_FIELD = re.compile(rb"[!-9;-~]{1,120}[ \t]*:")
_TYPE = re.compile(r"[\w!#$&^.+-]{1,80}/[\w!#$&^.+-]{1,120}")
_FIRST_DELIMITER = re.compile(rb"^--([^\s-][^\r\n]{2,70}?)[ \t]*\r?$", re.MULTILINE)
_UU_BEGIN = re.compile(rb"^begin [0-7]{3,4} [^\r\n]+\r?\n", re.MULTILINE)


@dataclass(slots=True)
class Part:
    """One node of the mail: a multipart with children, or a leaf whose body is `raw[start:end]`."""

    raw: bytes
    start: int
    end: int
    headers: Headers
    kind: str
    parameters: dict[str, str]
    disposition: str
    disposition_parameters: dict[str, str]
    children: list[Part] = field(default_factory=list)
    parent: Part | None = None
    # Where its header begins; a signature covers `raw[begin:end]`.
    begin: int = 0

    def walk(self) -> Iterator[Part]:
        """This part and all below it, in order."""
        yield self
        for child in self.children:
            yield from child.walk()

    @property
    def stored(self) -> bytes:
        """The body as it was transferred."""
        return self.raw[self.start : self.end]

    def content(self) -> bytes:
        """The body with the transfer encoding undone."""
        encoding = (
            self.headers.plain("content-transfer-encoding").partition(";")[0].strip().strip('"').lower()
        )
        body = self.stored
        if encoding == "base64":
            return decode_base64(body)
        if encoding == "quoted-printable":
            return binascii.a2b_qp(body)
        if encoding in ("x-uuencode", "uuencode", "x-uue", "uue"):
            return decode_uu(body)
        return body


class Splitter:
    """Reads one mail; `defects` says what had to be guessed."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.defects: list[str] = []
        self._parts = 0

    def split(self) -> Part:
        raw = self.raw
        start = 0
        while raw[start : start + 1] in (b"\n", b"\r", b" ", b"\t"):
            start += 1
        # mbox files and some forwarders leave the envelope line on top.
        if raw[start : start + 6] in (b"From -", b">From ") or raw[start : start + 5] == b"From ":
            start = raw.find(b"\n", start) + 1 or len(raw)
        return self._part(start, len(raw), 0, "text/plain", None)

    def _part(self, start: int, end: int, depth: int, default: str, parent: Part | None) -> Part:
        self._parts += 1
        head_end, body = self._head(start, end)
        headers = Headers(self.raw[start:head_end])
        kind, parameters = parse_parameters(headers.plain("content-type"))
        if not _TYPE.fullmatch(kind):
            # `text`, `plain` and other fragments are meant as text (RFC 2045, 5.2).
            if kind and kind not in ("text", "plain", "text/"):
                self._note("bad-content-type")
            kind = default if not kind or not kind.startswith("html") else "text/html"
        disposition, about = parse_parameters(headers.plain("content-disposition"))
        part = Part(
            self.raw, body, end, headers, kind, parameters, disposition, about, parent=parent, begin=start
        )
        if kind.startswith("multipart/"):
            self._children(part, depth)
        return part

    def _head(self, start: int, end: int) -> tuple[int, int]:
        """Where the header block ends and where the body starts."""
        raw = self.raw
        if raw[start : start + 1] == b"\n":
            return start, start + 1
        if raw[start : start + 2] == b"\r\n":
            return start, start + 2
        limit = min(end, start + MAX_HEADER_BLOCK)
        if not _LOOKS_LIKE_FIELD.match(raw, start, limit):
            # No header at all: everything is body.
            first_line = raw.find(b"\n", start, limit) + 1
            if not first_line or not _LOOKS_LIKE_FIELD.match(raw, first_line, limit):
                return start, start
        found = _BLANK.search(raw, start, limit)
        return (found.start(), found.end()) if found else (limit, limit)

    def _children(self, part: Part, depth: int) -> None:
        boundary = part.parameters.get("boundary", "").rstrip().encode("utf-8", "replace")
        ranges = self._ranges(part, boundary) if boundary else []
        if not ranges:
            self._note("boundary-missing" if not boundary else "boundary-not-found")
            guess = _FIRST_DELIMITER.search(part.raw, part.start, min(part.end, part.start + 100_000))
            ranges = self._ranges(part, guess[1]) if guess else []
        if not ranges or depth >= MAX_DEPTH:
            if depth >= MAX_DEPTH:
                self._note("nested-too-deep")
            part.kind = "text/plain" if not ranges else "application/octet-stream"
            return
        default = "message/rfc822" if part.kind == "multipart/digest" else "text/plain"
        if part.headers.count("content-type") > 1 and ranges[0][0] > part.start:
            self._add_headless(part, ranges[0][0])
        for start, end in ranges:
            if self._parts >= MAX_PARTS:
                self._note("too-many-parts")
                return
            part.children.append(self._part(start, end, depth + 1, default, part))

    def _add_headless(self, part: Part, end: int) -> None:
        """A first piece that lost its delimiter: its header fields stand below those of the whole."""
        kind, parameters = parse_parameters(part.headers.all_plain("content-type")[1])
        end = part.raw.rfind(b"\n--", part.start, end)
        if kind in ("text/plain", "text/html") and end > part.start:
            self._note("delimiter-missing")
            end = _before_break(part.raw, part.start, end + 1)
            piece = Part(part.raw, part.start, end, part.headers, kind, parameters, "", {}, parent=part)
            part.children.append(piece)

    def _ranges(self, part: Part, boundary: bytes) -> list[tuple[int, int]]:
        """Start and end of every piece between the delimiter lines of *boundary*."""
        raw, delimiter = part.raw, b"--" + boundary
        ranges: list[tuple[int, int]] = []
        opened = -1
        position = part.start
        for _ in range(4 * MAX_PARTS):
            found = raw.find(delimiter, position, part.end)
            if found < 0:
                break
            position = found + len(delimiter)
            if found > part.start and raw[found - 1] not in b"\n\r":
                continue
            line_end = raw.find(b"\n", position, part.end)
            line_end = part.end if line_end < 0 else line_end
            rest = raw[position : min(line_end, position + 80)].strip()
            if rest not in (b"", b"--"):
                continue
            if opened >= 0:
                ranges.append((opened, _before_break(raw, opened, found)))
            opened = -1 if rest == b"--" else min(line_end + 1, part.end)
            position = line_end
        if opened >= 0:
            # The closing delimiter is missing: the mail was cut, what is there still counts.
            if opened < part.end:
                ranges.append((opened, part.end))
            self._note("closing-boundary-missing")
        return ranges

    def _note(self, defect: str) -> None:
        if defect not in self.defects:
            self.defects.append(defect)


def _before_break(raw: bytes, start: int, end: int) -> int:
    """*end* without the line break that belongs to the delimiter (RFC 2046, 5.1.1)."""
    if end > start and raw[end - 1] == 10:
        end -= 1
    if end > start and raw[end - 1] == 13:
        end -= 1
    return end


def decode_uu(data: bytes) -> bytes:
    """The first uuencoded block of *data*, lenient about trailing spaces and short lines."""
    begin = _UU_BEGIN.search(data)
    out = bytearray()
    for line in data[begin.end() if begin else 0 :].splitlines():
        if line in (b"end", b"`", b""):
            if line == b"end":
                break
            continue
        out += _uu_line(line)
    return bytes(out)


def _uu_line(line: bytes) -> bytes:
    try:
        return binascii.a2b_uu(line)
    except binascii.Error:
        # Workaround of the standard library's uu: some encoders write a wrong length.
        size = (((line[0] - 32) & 63) * 4 + 5) // 3
        try:
            return binascii.a2b_uu(line[:size])
        except binascii.Error:
            return b""


def unflow(text: str, parameters: dict[str, str]) -> str:
    """Lines that end in a space go on in the next one, where `format=flowed` says so (RFC 3676)."""
    if parameters.get("format", "").lower() != "flowed":
        return text
    out: list[str] = []
    joined = parameters.get("delsp", "").lower() == "yes"
    flowing = False
    for line in text.split("\n"):
        quoted = line.startswith(">")
        # Space-stuffing protects lines that begin with a space, `>` or `From `.
        stuffed = line[1:] if line.startswith(" ") else line
        if flowing and not quoted and stuffed.strip():
            out[-1] = (out[-1][:-1] if joined else out[-1]) + stuffed
        else:
            out.append(stuffed)
        flowing = line.endswith(" ") and line != "-- " and not quoted and bool(line.strip())
    return "\n".join(out)
