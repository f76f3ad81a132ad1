"""Finds who wrote a forwarded mail, in the header block that stands above its text. Pure."""

from __future__ import annotations

import re

from intake.addresses import parse_addresses
from intake.incoming import ForwardedSender
from intake.reading import attributions


def sender_of_block(texts: list[str]) -> ForwardedSender | None:
    """The first sender and subject of the forwarded header block."""
    sender = subject = ""
    for text in texts:
        kind, value = attributions.header_label(text.lstrip("> "))
        if kind == "from" and not sender:
            sender = value
        elif kind == "subject" and not subject:
            subject = value
        if sender and subject:
            break
    # Outlook writes `Ana [mailto:ana@…]`, others `Ana<mailto:ana@…>`.
    sender = re.sub(r"\[(?:mailto:)?([^\[\]\s]+@[^\[\]\s]+)\]", r"<\1>", sender).replace("<mailto:", "<")
    found = parse_addresses([sender])
    if found:
        return ForwardedSender(found[0].name, found[0].address, subject)
    return ForwardedSender(sender[:200], "", subject) if sender else None
