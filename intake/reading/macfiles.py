"""Files as Macintosh programs wrap them: BinHex (RFC 1741), AppleSingle and AppleDouble (RFC 1740).

Pure. What is damaged comes back as None; nothing grows beyond a limit.
"""

from __future__ import annotations

import binascii
import re
import struct

from intake.reading.charsets import clean
from intake.reading.outlook import InnerFile

# A run of one byte is written in three: more than this is no file of anybody.
MAX_UNPACKED = 100_000_000
APPLE_SINGLE, APPLE_DOUBLE = b"\x00\x05\x16\x00", b"\x00\x05\x16\x07"

_BINHEX = re.compile(rb"\(This file must be converted with BinHex[^\r\n]{0,80}\r?\n\s*:")
_HQX = b"!\"#$%&'()*+,-012345689@ABCDEFGHIJKLMNPQRSTUVXYZ[`abcdefhijklmpqr"
_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_TO_BASE64 = bytes.maketrans(_HQX, _BASE64)
_DATA_FORK, _REAL_NAME = 1, 3
_RUN = 0x90


def open_binhex(content: bytes) -> InnerFile | None:
    """The data fork of a BinHex file, with the name it had."""
    found = split_binhex(content)
    return found[1] if found else None


def split_binhex(content: bytes) -> tuple[bytes, InnerFile] | None:
    """A text without the BinHex file in it, and that file; None when there is none, or it is damaged."""
    begin = _BINHEX.search(content)
    end = content.find(b":", begin.end()) if begin else -1
    if begin is None or end < 0:
        return None
    letters = b"".join(content[begin.end() : end].split())
    file = None if letters.translate(None, _HQX) else _decode_binhex(letters)
    return (content[: begin.start()] + content[end + 1 :], file) if file else None


def _decode_binhex(letters: bytes) -> InnerFile | None:
    letters = letters.translate(_TO_BASE64)
    # One letter alone carries no byte.
    letters = letters[: len(letters) - (len(letters) % 4 == 1)]
    try:
        packed = binascii.a2b_base64(letters + b"=" * (-len(letters) % 4))
        return _read_binhex(_expand_runs(packed))
    except (binascii.Error, struct.error, ValueError, IndexError):
        return None


def _read_binhex(data: bytes) -> InnerFile | None:
    length = data[0]
    name = data[1 : 1 + length]
    # Name, version, type, creator, flags; the lengths of both forks; a checksum of all that.
    (size,) = struct.unpack_from(">L", data, 1 + length + 1 + 4 + 4 + 2)
    start = 1 + length + 21
    if size > len(data) - start:
        return None
    return InnerFile(clean(name.decode("mac_roman")), data[start : start + size])


def _expand_runs(packed: bytes) -> bytes:
    """`x 90 n` is n times x, `90 00` is a plain 90 (RFC 1741, appendix A)."""
    out = bytearray()
    start = 0
    while (at := packed.find(_RUN, start)) >= 0 and at + 1 < len(packed):
        out += packed[start:at]
        count = packed[at + 1]
        out += bytes([_RUN]) if count == 0 else out[-1:] * (count - 1)
        if len(out) > MAX_UNPACKED:
            raise ValueError("grows beyond the limit")
        start = at + 2
    return bytes(out + packed[start:])


def open_apple_single(content: bytes) -> InnerFile | None:
    """The data fork and name of an AppleSingle file; of an AppleDouble header only the name."""
    if content[:4] not in (APPLE_SINGLE, APPLE_DOUBLE) or len(content) < 26:
        return None
    (entries,) = struct.unpack_from(">H", content, 24)
    data = name = b""
    for number in range(min(entries, 50)):
        place = 26 + 12 * number
        if place + 12 > len(content):
            return None
        kind, offset, length = struct.unpack_from(">LLL", content, place)
        if kind == _DATA_FORK:
            data = content[offset : offset + length]
        elif kind == _REAL_NAME:
            name = content[offset : offset + min(length, 255)]
    return InnerFile(clean(name.decode("mac_roman")), data)
