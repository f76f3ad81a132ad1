"""Verification codes: unguessable, and easy to read aloud and to type."""

from __future__ import annotations

import base64
import re
import secrets

from intake.office import Office

# 100 bits: whoever tries a million a second needs 10^16 years.
_CHARACTERS = 20
CODE = re.compile(r"[A-Z2-7]{5}(?:-[A-Z2-7]{5}){3}")


def make_code() -> str:
    """`K3J5Q-…`, four groups of five."""
    raw = base64.b32encode(secrets.token_bytes(13)).decode("ascii")[:_CHARACTERS]
    return "-".join(raw[start : start + 5] for start in range(0, _CHARACTERS, 5))


def read_code(typed: str) -> str | None:
    """The code that was typed, whatever its case, blanks and hyphens; None when it cannot be one."""
    plain = re.sub(r"[\s-]+", "", typed).upper().replace("0", "O").replace("1", "I").replace("8", "B")
    code = "-".join(plain[start : start + 5] for start in range(0, len(plain), 5))
    return code if CODE.fullmatch(code) else None


def verification_link(office: Office, code: str) -> str:
    """Where anybody may see what the code stands for."""
    return f"{office.settings.base_url.rstrip('/')}/verificar/{code}"


def reading_link(office: Office, token: str) -> str:
    """Where a recipient outside reads the document, by which we learn that it was read."""
    return f"{office.settings.base_url.rstrip('/')}/documento/{token}"


def make_token() -> str:
    """What a reading link carries."""
    return secrets.token_urlsafe(24)
