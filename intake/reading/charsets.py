"""Turns the bytes of a mail into clean text, whatever charset they claim.

The declared charset is believed only while it fits: Spanish mail says us-ascii or
iso-8859-1 and carries UTF-8 or Windows-1252. What comes out has no NUL, no
surrogate and only line feeds, so every database takes it.
"""

from __future__ import annotations

import codecs
import re
from functools import lru_cache

from charset_normalizer import from_bytes

# Names seen in mail that Python does not know, and narrow names whose wider
# sibling is what senders really use (as browsers do: WHATWG Encoding).
_ALIASES = {
    "": "", "ascii": "", "us-ascii": "", "ansi_x3.4-1968": "", "default": "", "unknown": "",
    "x-unknown": "", "unknown-8bit": "", "8bit": "", "binary": "", "none": "", "_autodetect": "",
    "_autodetect_all": "", "utf": "utf-8", "utf8mb4": "utf-8", "unicode": "utf-8", "x-utf-8": "utf-8",
    "utf-8-mac": "utf-8", "unicode-1-1-utf-7": "utf-7", "unicode-1-1-utf-8": "utf-8", "utf-16": "utf-16",
    "ucs-2": "utf-16", "iso-8859-1": "cp1252", "iso8859-1": "cp1252", "iso_8859-1": "cp1252",
    "latin1": "cp1252", "latin-1": "cp1252", "l1": "cp1252", "8859-1": "cp1252",
    "iso-8859-1-windows-3.1-latin-1": "cp1252", "windows-1252": "cp1252", "x-cp1252": "cp1252",
    "ansi": "cp1252", "x-ansi": "cp1252", "win-1252": "cp1252", "iso-8859-8-i": "iso-8859-8",
    "iso-8859-8-e": "iso-8859-8", "iso-8859-9": "cp1254", "iso-8859-11": "cp874", "windows-874": "cp874",
    "tis-620": "cp874", "gb2312": "gb18030", "gbk": "gb18030", "x-gbk": "gb18030", "gb_2312-80": "gb18030",
    "chinesebig5": "big5", "big5": "big5hkscs", "x-sjis": "cp932", "shift_jis": "cp932",
    "shift-jis": "cp932", "sjis": "cp932", "windows-31j": "cp932", "x-euc-jp": "euc_jp",
    "iso-2022-jp": "iso2022_jp_ext", "ks_c_5601-1987": "cp949", "ks_c_5601": "cp949", "euc-kr": "cp949",
    "ksc5601": "cp949", "korean": "cp949", "macintosh": "mac_roman", "x-mac-roman": "mac_roman",
    "x-mac-cyrillic": "mac_cyrillic", "koi8-ru": "koi8_u", "cp-850": "cp850", "ibm-850": "cp850",
    "x-user-defined": "", "tis620": "cp874", "iso-10646-ucs-2": "utf-16-be",
}  # fmt: skip
# Python codecs that answer to a charset name but are no charset of text.
_NOT_CHARSETS = {"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "mbcs", "oem"}

_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x9f\ufffe\uffff\ufeff]")
_SURROGATES = re.compile("[\ud800-\udfff]")
_MOJIBAKE = re.compile("[ÃÂâÐÑ][\x80-\xbf€‚ƒ„…†‡ˆ‰Š‹Œ‘’“”•–—˜™š›œž¡-¿]")
_GUESS_SAMPLE = 4_000
_REPAIR_LIMIT = 60_000


@lru_cache(maxsize=256)
def codec_of(name: str) -> str:
    """The Python codec for a charset name of a mail; empty when it says nothing usable."""
    key = name.strip(" \t\r\n\"'").lower()
    if key.startswith("charset="):
        key = key[8:]
    if key in _ALIASES:
        return _ALIASES[key]
    key = key.replace("windows_", "windows-").replace("iso8859-", "iso-8859-")
    if key.startswith("windows-") and key[8:].isdigit():
        key = "cp" + key[8:]
    try:
        info = codecs.lookup(key)
        "a".encode(info.name)
    except Exception:  # codecs raise LookupError, ValueError, UnicodeError … depending on the name
        return ""
    if info.name in _NOT_CHARSETS or not getattr(info, "_is_text_encoding", True):
        return ""
    return "cp1252" if info.name == "iso8859-1" else info.name


def decode(data: bytes, declared: str = "") -> tuple[str, str]:
    """The text of *data* and the defect found on the way (empty when there was none)."""
    if data.isascii() and not _is_escaped(data, declared):
        return clean(data.decode("ascii")), ""
    codec = codec_of(declared)
    if codec not in ("utf-8", "utf-7", "utf-16"):
        # Text in another charset is almost never valid UTF-8 by accident.
        as_utf8 = _strict(data, "utf-8")
        if as_utf8 is not None and not codec.startswith(("iso2022", "hz")):
            wrong = "charset-wrong" if codec else "charset-missing"
            return clean(repair_mojibake(as_utf8)), wrong
    if codec:
        text = _strict(data, codec)
        if text is not None:
            return clean(repair_mojibake(text) if codec == "utf-8" else text), ""
        if codec == "utf-8" and len(data) > 8:
            text = data.decode("utf-8", "replace")
            # A few damaged bytes in otherwise sound UTF-8 (a line cut in the middle of a letter).
            if text.count("\ufffd") * 50 <= len(text) and any(ord(c) > 127 and c != "\ufffd" for c in text):
                return clean(text), "charset-damaged"
        if codec.startswith(("gb", "big5", "cp932", "cp949", "euc", "iso2022", "utf")) and codec != "utf-8":
            text = data.decode(codec, "replace")
            if text.count("\ufffd") * 20 <= len(text):
                return clean(text), "charset-damaged"
    return clean(_guess(data)), "charset-guessed"


def clean(text: str) -> str:
    """*text* as every store takes it: line feeds only, no controls, no surrogates."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.isascii() and _SURROGATES.search(text):
        text = _SURROGATES.sub("\ufffd", text)
    if _CONTROLS.search(text):
        text = _CONTROLS.sub("", text)
    return text


def repair_mojibake(text: str) -> str:
    """UTF-8 read as Latin-1 and encoded again, undone; sound text comes back untouched."""
    if text.isascii() or len(text) > _REPAIR_LIMIT or not _MOJIBAKE.search(text):
        return text
    # Few mails need it, and every program would load it.
    import ftfy

    lines = text.splitlines(keepends=True)
    return "".join(ftfy.fix_encoding(line) if _MOJIBAKE.search(line) else line for line in lines)


def _is_escaped(data: bytes, declared: str) -> bool:
    """Charsets whose ASCII bytes are not all letters: UTF-7, ISO-2022, HZ, UTF-16."""
    name = declared.lower()
    if "utf-7" in name:
        return b"+" in data
    return ("2022" in name and b"\x1b" in data) or ("hz" in name and b"~" in data) or "16" in name


def _strict(data: bytes, codec: str) -> str | None:
    try:
        return data.decode(codec)
    except (UnicodeError, LookupError, ValueError):
        return None


def _guess(data: bytes) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    sample = data[:_GUESS_SAMPLE]
    high = sum(byte > 127 for byte in sample)
    # Western European text has an accent here and there; the offices we serve write it.
    if high * 5 <= len(sample) or (len(sample) < 40 and high * 5 <= 2 * len(sample)):
        return (
            data.decode("cp1252", "replace")
            if _strict(data, "cp1252") is not None
            else data.decode("latin-1")
        )
    best = from_bytes(sample).best()
    return data.decode(best.encoding if best else "latin-1", "replace")
