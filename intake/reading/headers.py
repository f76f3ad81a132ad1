"""Reads the header block of a mail or of a part, leniently and in linear time.

Encoded words (RFC 2047), parameters (RFC 2231) and raw 8-bit bytes come out as
text; what no standard allows is read as the sender meant it.
"""

from __future__ import annotations

import binascii
import re
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_tz
from urllib.parse import unquote_to_bytes

import pybase64

from intake.reading.charsets import clean, codec_of, decode

MAX_FIELDS = 1_000
MAX_VALUE = 60_000
MAX_PARAMETERS = 8_000
MAX_WORDS = 20_000
# Before this nobody sent Internet mail, after it nobody has yet.
_OLDEST, _NEWEST = 1971, 2100

_FIELD = re.compile(rb"^([!-9;-~]{1,120})[ \t]*:(.*(?:\r?\n[ \t].*)*)", re.MULTILINE)
_HINT = re.compile(rb"charset\s{0,5}=\s{0,5}\"?([A-Za-z0-9_-]{2,30})", re.IGNORECASE)
_FOLD = re.compile(r"\n[ \t]*")
_WORD = re.compile(r"=\?([\w.:+-]{1,60})(?:\*[\w-]{0,20})?\?\s?([bBqQ])\s?\?((?:[^?]|\?(?!=)){0,4000})\?=")
_GAP = re.compile(r"\?=\s+=\?")
_PARAMETER = re.compile(r';\s*([^\s=;"]{1,80})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;]*))', re.DOTALL)
_BASE64_LINE = re.compile(rb"[A-Za-z0-9+/]*={0,2}[ \t]*")
_ID = re.compile(r"<\s*([^<>]{1,990}?)\s*>")
_ZONE = re.compile(r"([+-])(\d{2}):(\d{2})\b")
_ISO = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2})(?::(\d{2}))?(?:\.\d+)?\s*(Z|[+-]\d{2}:?\d{2})?"
)


class Headers:
    """The fields of one header block, in order, each decoded when it is asked for."""

    __slots__ = ("_fields", "_hint")

    def __init__(self, block: bytes) -> None:
        self._fields: dict[str, list[bytes]] = {}
        # Raw 8-bit headers are mostly written in the charset of the body.
        hint = None if block.isascii() else _HINT.search(block)
        self._hint = hint[1].decode("ascii") if hint else ""
        for count, match in enumerate(_FIELD.finditer(block)):
            name = match[1].decode("ascii").lower()
            known = self._fields.setdefault(name, [])
            # Trace fields come by the thousand in a loop: counted all, kept all, decoded never.
            if count < MAX_FIELDS or name == "received":
                known.append(match[2])

    def __contains__(self, name: str) -> bool:
        return name in self._fields

    def count(self, name: str) -> int:
        return len(self._fields.get(name, ()))

    def plain(self, name: str) -> str:
        """The first non-empty value, unfolded, encoded words left alone."""
        for value in self._fields.get(name, ()):
            text = _unfold(value, self._hint)
            if text:
                return text
        return ""

    def all_plain(self, name: str) -> list[str]:
        return [_unfold(value, self._hint) for value in self._fields.get(name, ())[:MAX_FIELDS]]

    def text(self, name: str) -> str:
        """The first non-empty value as a person reads it."""
        return decode_words(self.plain(name))

    def is_raw(self, name: str) -> bool:
        """Whether the value holds bytes no header may hold (raw 8-bit, before RFC 6532)."""
        return any(not value.isascii() for value in self._fields.get(name, ()))


def _unfold(value: bytes, hint: str) -> str:
    value = value[:MAX_VALUE]
    if value.isascii():
        text = value.decode("ascii")
    else:
        text, _ = decode(value, hint)
    if "\n" in text:
        text = _FOLD.sub(" ", text.replace("\r", ""))
    return clean(text).strip()


def decode_words(text: str) -> str:
    """RFC 2047, also where it is broken: words glued to text, letters split between words, spaces inside."""
    if "=?" not in text:
        return text
    text = _GAP.sub("?==?", text[:MAX_WORDS])
    pieces: list[tuple[str, bytes] | str] = []
    position = 0
    for match in _WORD.finditer(text):
        if match.start() > position:
            pieces.append(text[position : match.start()])
        charset, content = match[1].lower(), _word_bytes(match[2], match[3])
        last = pieces[-1] if pieces else ""
        # One letter may be cut in two by neighbouring words, so they are joined as bytes.
        if isinstance(last, tuple) and last[0] == charset:
            pieces[-1] = (charset, last[1] + content)
        else:
            pieces.append((charset, content))
        position = match.end()
    pieces.append(text[position:])
    parts = [piece if isinstance(piece, str) else decode(piece[1], piece[0])[0] for piece in pieces]
    return clean("".join(parts)).replace("\n", " ").strip()


def _word_bytes(encoding: str, content: str) -> bytes:
    if encoding in "bB":
        return decode_base64(content.encode("ascii", "ignore"))
    data = content.replace("_", " ").encode("utf-8", "replace")
    return binascii.a2b_qp(data.rstrip(b"="), header=False) if b"=" in data else data


def decode_base64(data: bytes) -> bytes:
    """Base64 as it arrives: stray characters skipped, padding missing or in the middle."""
    first = data.find(b"=")
    if first >= 0 and len(data) - first > 4:
        rest = data[first:].lstrip(b"=")
        # Several encoded texts one after the other; anything else below the padding is a footer.
        if rest.strip() and rest[:1] not in b" \t" and all(map(_BASE64_LINE.fullmatch, rest.splitlines())):
            return b"".join(_decode_base64_run(run) for run in re.split(rb"=+", data))
        data = data[: first + 2]
    return _decode_base64_run(data)


def _decode_base64_run(data: bytes) -> bytes:
    padding = data[data.find(b"=") :] if b"=" in data else b""
    # At padding in the middle one of them ends and the other goes on.
    decode_run = binascii.a2b_base64 if padding.rstrip().strip(b"=") else pybase64.b64decode
    try:
        return decode_run(data)
    except binascii.Error:
        data = re.sub(rb"[^A-Za-z0-9+/]", b"", data)
        # A lone last character carries no whole byte.
        data = data[:-1] if len(data) % 4 == 1 else data
        return binascii.a2b_base64(data + b"=" * (-len(data) % 4))


def parse_parameters(value: str) -> tuple[str, dict[str, str]]:
    """`text/plain; charset=x; name*0*=…` → the value before the first semicolon and its parameters."""
    value = value[:MAX_PARAMETERS]
    head, semicolon, _ = value.partition(";")
    words = head.split(None, 1)
    if len(words) == 2 and "=" in words[1]:
        # `multipart/mixed boundary=x`: the semicolon was forgotten.
        value = f"{words[0]};{value.lstrip()[len(words[0]) :]}"
        head, semicolon = words[0], ";"
    if not semicolon:
        return head.strip().lower(), {}
    plain: dict[str, str] = {}
    extended: dict[str, list[tuple[int, bool, str]]] = {}
    for match in _PARAMETER.finditer(value[len(head) :]):
        name = match[1].lower()
        quoted = match[2]
        text = _unescape(quoted) if quoted is not None else match[3].strip().strip('"')
        base, star, tail = name.partition("*")
        if not star:
            plain.setdefault(name, text)
            continue
        index, last_star, _ = tail.partition("*")
        number = int(index) if index.isdigit() and len(index) < 4 else 0
        # `name*=…` is encoded; `name*0=…` is only continued.
        extended.setdefault(base, []).append((number, not tail or bool(last_star), text))
    result = {name: decode_words(text) for name, text in plain.items()}
    for name, pieces in extended.items():
        result[name] = _join_extended(pieces)
    return head.strip().lower(), result


def _unescape(quoted: str) -> str:
    # Only quotes and backslashes are escaped: `C:\temp` is a Windows path, not a mistake.
    return quoted.replace('\\"', '"').replace("\\\\", "\\") if "\\" in quoted else quoted


def _join_extended(pieces: list[tuple[int, bool, str]]) -> str:
    pieces.sort(key=lambda piece: piece[0])
    charset = ""
    data = b""
    for position, (_, encoded, text) in enumerate(pieces):
        if encoded and position == 0 and text.count("'") >= 2:
            charset, _, text = text.split("'", 2)
        data += unquote_to_bytes(text) if encoded else text.encode("utf-8", "replace")
    return decode_words(decode(data, charset if codec_of(charset) else "")[0])


def parse_ids(value: str) -> list[str]:
    """Message-IDs of References or In-Reply-To, in order, without angle brackets."""
    found = _ID.findall(value[:MAX_VALUE])
    if found:
        return ["".join(identity.split()) for identity in found]
    return [word.strip("<>,;") for word in value.split() if "@" in word]


def parse_date(value: str) -> datetime | None:
    """The instant of a Date field; None when unreadable or absurd."""
    value = value.strip()
    if not value:
        return None
    try:
        return _plausible(_read_date(value))
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def _read_date(value: str) -> datetime | None:
    iso = _ISO.match(value)
    if iso:
        year, month, day, hour, minute = (int(iso[i]) for i in range(1, 6))
        zone = _offset_of(iso[7] or "Z")
        return datetime(year, month, day, hour, minute, int(iso[6] or 0), tzinfo=zone)
    fields = parsedate_tz(_ZONE.sub(r"\1\2\3", value[:200]))
    if not fields:
        return None
    year, month, day, hour, minute, second = fields[:6]
    offset = fields[9] or 0
    if abs(offset) >= 86_400:
        offset = 0
    return datetime(
        year, month, day, hour, minute, min(second, 59), tzinfo=timezone(timedelta(seconds=offset))
    )


def _offset_of(text: str) -> timezone:
    if text == "Z":
        return UTC
    digits = text[1:].replace(":", "")
    delta = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-delta if text[0] == "-" else delta)


def _plausible(moment: datetime | None) -> datetime | None:
    return moment if moment and _OLDEST <= moment.year < _NEWEST else None
