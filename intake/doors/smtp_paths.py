"""Reads the arguments of MAIL and RCPT. Pure."""

from __future__ import annotations

import re

# RFC 5321, 4.5.5: the sender of what must not be answered.
NOBODY = "<>"
# A source route (RFC 5321, 4.1.1.3: accepted, ignored), local part, domain, parameters.
_PATH = re.compile(
    r'<(?:@[^\s:<>]*:)?((?:"(?:[^"\\\r\n]|\\[^\r\n])*"|[^\s<>"@]+)(?:@[^\s<>@"]+)?)?>(?:[ \t]+(.*))?'
)
# Some devices forget the brackets.
_BARE_PATH = re.compile(r'([^\s<>"@]+@[^\s<>@"]+)(?:[ \t]+(.*))?')
_SIZE = re.compile(r"[ \t]SIZE=(\d{1,20})(?=[ \t]|$)", re.IGNORECASE)


def read_path(argument: str) -> tuple[str, str] | None:
    """Address (NOBODY for `<>`) and parameters of `<address> parameters`; None when it is neither."""
    text = argument.strip()
    found = _PATH.fullmatch(text) or _BARE_PATH.fullmatch(text)
    return (found[1] or NOBODY, found[2] or "") if found else None


def announced_size(argument: str) -> int:
    """Bytes that SIZE= promises (RFC 1870); 0 when it does not say."""
    found = _SIZE.search(argument)
    return int(found[1]) if found else 0
