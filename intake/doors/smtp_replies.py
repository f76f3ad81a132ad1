"""The words of SMTP replies: a sentence for people, an enhanced code (RFC 3463) for machines."""

from __future__ import annotations

import re
import unicodedata

import templates

# RFC 5321, 4.5.3.1.5: 512 bytes with the code and the line end.
_MAX_TEXT = 480
_WITHOUT_DETAIL = re.compile(r"([245]\d\d) (?!\d\.\d)")
# For the replies that aiosmtpd gives by itself; LMTP must have them (RFC 2033, 5).
_DETAIL = {
    "221": "2.0.0",
    "250": "2.0.0",
    "252": "2.0.0",
    "454": "4.7.0",
    "500": "5.5.2",
    "501": "5.5.4",
    "502": "5.5.1",
    "503": "5.5.1",
    "530": "5.7.0",
    "553": "5.1.3",
    "554": "5.7.0",
    "555": "5.5.4",
}


def sentence(reply: str, key: str, /, **values: str | int) -> str:
    """*reply* (`550 5.1.1`) and the words, in the office's language and in English: bounces reach anybody."""
    said = [templates.say(f"smtp.{key}", **values)]
    token = templates.language.set("en")
    try:
        english = templates.say(f"smtp.{key}", **values)
    finally:
        templates.language.reset(token)
    if english not in said:
        said.append(english)
    # RFC 6531, 3.7.4.2: a reply is ASCII for every client that did not ask for more.
    text = unicodedata.normalize("NFKD", " / ".join(said)).encode("ascii", "ignore").decode()
    return f"{reply} {text[:_MAX_TEXT]}"


def with_detail(reply: str) -> str:
    """*reply* with an enhanced code, if it has none."""
    found = _WITHOUT_DETAIL.match(reply)
    if not found or found[1] not in _DETAIL:
        return reply
    return f"{found[1]} {_DETAIL[found[1]]} {reply[4:]}"


def on_one_line(reply: str) -> bytes:
    """*reply* as bytes; what a client sent comes back in some, and must not become replies of its own."""
    return reply.replace("\r", "?").replace("\n", "?").encode("utf-8", "replace")
