"""Reads the block of labels (`De:`, `Enviado:`, `Para:`, `Asunto:`) above a quoted or forwarded mail.

Pure. Forms and memoranda have such labels too: where the mail answers none, only what a program
surely wrote counts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from intake.addresses import parse_addresses
from intake.incoming import ForwardedSender
from intake.reading import attributions

MAX_LINES = 9

_BRACKETED = re.compile(r"\[(?:mailto:)?([^\[\]\s]+@[^\[\]\s]+)\]")


@dataclass(slots=True)
class _Labels:
    seen: set[str] = field(default_factory=set)
    unknown: int = 0
    # The hour stands behind the date, not anywhere: forms ask for hours.
    timed: bool = False
    text: str = ""


def is_header_block(texts: Sequence[str], ruled: bool, quotes: bool) -> bool:
    """Whether *texts* begin with such a block.

    *ruled*: a drawn line stands above; *quotes*: the mail answers or forwards another.
    """
    kind, _ = attributions.header_label(texts[0])
    if kind not in ("from", "sent", "date", "to", "subject") and not ruled:
        return False
    labels = _read(texts[:MAX_LINES])
    seen = labels.seen
    if not (quotes or "sent" in seen or ("from" in seen and ruled)):
        return False
    addressed, clocked = attributions.has_address(labels.text), attributions.has_clock(labels.text)
    dated = "sent" in seen or "date" in seen
    if ruled and addressed and clocked and ("from" in seen or len(seen) + labels.unknown >= 3):
        return True
    if "from" in seen and (dated or "subject" in seen or "to" in seen):
        return len(seen) >= 2 and ("sent" in seen or addressed or labels.timed)
    return dated and addressed and ("to" in seen or "subject" in seen)


def _read(texts: Sequence[str]) -> _Labels:
    labels = _Labels()
    for number, text in enumerate(texts):
        if not text.strip():
            # Some programs put blank lines between the fields; one never begins with them.
            if number > 1 or not labels.seen:
                break
            continue
        kind, _ = attributions.header_label(text)
        labels.text += " " + text
        labels.timed = labels.timed or (kind == "date" and attributions.has_clock(text))
        if kind:
            labels.seen.add(kind)
        elif is_labelled(text):
            labels.unknown += 1
        elif not labels.seen:
            break
    return labels


def is_labelled(text: str) -> bool:
    """Whether a line may be a field, in a language that nobody taught us."""
    return ":" in text[:30] or "：" in text[:30]


def sender_of(texts: Sequence[str]) -> ForwardedSender | None:
    """The first sender and subject of the block above a forwarded mail."""
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
    sender = _BRACKETED.sub(r"<\1>", sender).replace("<mailto:", "<")
    found = parse_addresses([sender])
    if found:
        return ForwardedSender(found[0].name, found[0].address, subject)
    return ForwardedSender(sender[:200], "", subject) if sender else None
