"""Signed addresses and links: what we hand out and later recognise as ours, and nobody can make up.

`local+T-2026-000123.<tag>@domain` leads a reply to its case, `local+b-<token>.<tag>@domain`
a bounce to its notice, `/caso/<folio>?clave=<key>` a requester to its case. The tag is a
truncated HMAC-SHA256, so nothing is stored. It survives clients that change upper and lower case.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from urllib.parse import quote, urlencode

from intake.office import Office
from models.case import Case

# 60 bits: to guess one takes some 10^18 mails to our door.
_TAG_LENGTH = 12
# A link is tried at the speed of the web, and shows the case.
_LINK_KEY_LENGTH = 16
_BOUNCE = "b-"
_ESCAPED = re.compile("=([0-9A-F]{2})", re.IGNORECASE)


def sign(office: Office, mailbox_address: str, folio: str) -> str:
    """The address to which replies about *folio* go; reaches the mailbox *mailbox_address*."""
    return _plus(mailbox_address, f"{_write(folio)}.{_tag(office, 'reply', folio.upper(), _TAG_LENGTH)}")


def read(office: Office, address: str) -> str | None:
    """The folio, in upper case, that *address* was signed for; None when it is not one of ours."""
    signed = _split(address)
    if signed is None:
        return None
    # Doors and clients lower the case of addresses, so what is signed is the folio in upper case.
    folio = _unwrite(signed[0]).upper()
    return folio if _is_ours(office, "reply", folio, signed[1], _TAG_LENGTH) else None


def sign_bounce(office: Office, mailbox_address: str, rfc_message_id: str) -> str:
    """The envelope sender of the notice *rfc_message_id* (`token@domain`): its bounces come back there."""
    token = rfc_message_id.partition("@")[0].lower()
    return _plus(mailbox_address, f"{_BOUNCE}{token}.{_tag(office, 'bounce', token, _TAG_LENGTH)}")


def read_bounce(office: Office, address: str) -> str | None:
    """The `rfc_message_id` of the notice whose bounces go to *address*; None when it is not one of ours."""
    signed = _split(address)
    if signed is None or not signed[0].lower().startswith(_BOUNCE):
        return None
    token = signed[0][len(_BOUNCE) :].lower()
    domain = address.strip().strip("<>").rpartition("@")[2].lower()
    return f"{token}@{domain}" if _is_ours(office, "bounce", token, signed[1], _TAG_LENGTH) else None


def case_link(office: Office, folio: str) -> str:
    """Public address of a case, for its requester: whoever has it may read the case."""
    key = link_key(office, folio)
    path = quote(folio.replace("/", "~"), safe="~")
    return f"{office.settings.base_url.rstrip('/')}/caso/{path}?{urlencode({'clave': key})}"


def link_key(office: Office, folio: str) -> str:
    """The `clave` of the public link to *folio*."""
    return _tag(office, "link", folio.upper(), _LINK_KEY_LENGTH)


def is_link_key(office: Office, folio: str, key: str) -> bool:
    """True when *key* is the `clave` of the public link to *folio* (with its `/`, not `~`)."""
    return _is_ours(office, "link", folio.upper(), key, _LINK_KEY_LENGTH)


def _tag(office: Office, purpose: str, value: str, length: int) -> str:
    # The purpose keeps a tag of one kind from being used as another.
    # Not `hmac.digest`: it lets another thread of a busy worker go first, for so few bytes.
    digest = hmac.new(office.settings.secret, f"{purpose}:{value}".encode(), hashlib.sha256).digest()
    # Five bits a letter, padded by groups of eight.
    return base64.b32encode(digest[: -(-length // 8) * 5]).decode("ascii").lower()[:length]


def _is_ours(office: Office, purpose: str, value: str, tag: str, length: int) -> bool:
    wanted = _tag(office, purpose, value, length)
    return hmac.compare_digest(wanted.encode(), tag.lower().encode("utf-8", "replace"))


def _plus(mailbox_address: str, signed: str) -> str:
    local, _, domain = mailbox_address.rpartition("@")
    return f"{local}+{signed}@{domain}"


def _split(address: str) -> tuple[str, str] | None:
    """(what was signed, tag) of `local+signed.tag@domain`."""
    local = address.strip().strip("<>").rpartition("@")[0]
    # Neither a folio as we write it nor a tag has a plus sign; the mailbox's own name may.
    signed = local.rpartition("+")[2] if "+" in local else ""
    value, dot, tag = signed.rpartition(".")
    return (value, tag) if dot and value and tag else None


def _write(folio: str) -> str:
    """*folio* with only what every mail server takes in a local part: `DGA/0123/2026` → `DGA~0123~2026`."""
    return "".join(
        character
        if character.isascii() and (character.isalnum() or character == "-")
        else "~"
        if character == "/"
        else "".join(f"={byte:02X}" for byte in character.encode())
        for character in folio
    )


def _unwrite(value: str) -> str:
    value = value.replace("~", "/")
    raw = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), value)
    try:
        return raw.encode("latin-1").decode() if _ESCAPED.search(value) else value
    except UnicodeError:
        return value


def panel_link(office: Office, case: Case) -> str:
    """The page of *case* in the panel, for those who work there."""
    return f"{office.settings.base_url.rstrip('/')}/admin/casos/{case.id}"
