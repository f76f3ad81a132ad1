"""Which service a free text asks for, and a subject for it: proposed, and confirmed by who wrote it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.incoming import Channel, IncomingMessage
from intake.memory import active_rules
from intake.routing import choose_rule, facts_of
from models.search import fold
from models.service import Service
from templates import say

MAX_SUBJECT = 120
# A sentence ends at its sign before a blank, or with its line.
_END = re.compile(r"(?<=[.!?…])\s+|\n+")
_WORD = re.compile(r"\w{3,}")
# Singular and plural, man and woman begin alike; shorter words must be the same.
_STEM = 7
_NAME_COUNTS = 3.0
# A word that one service alone says of itself is a hint; one that two share is none.
_ENOUGH = 1.0


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the bot asks to have confirmed. `why` is a sentence for people; empty without a service."""

    service: Service | None
    subject: str
    why: str


def propose(session: Session, text: str) -> Proposal:
    """By the words of the routing rules first, then by those of name and description of each service."""
    subject = subject_of(text)
    facts = facts_of(IncomingMessage(Channel.TELEGRAM, subject=subject, reply_text=text), "")
    rules = [rule for rule in active_rules(session) if rule.service is not None and rule.service.is_active]
    if chosen := choose_rule(rules, facts):
        return Proposal(chosen[0].service, subject, chosen[1])
    services = session.scalars(select(Service).where(Service.is_active).order_by(Service.position)).all()
    found = _likeliest(services, text)
    return Proposal(found, subject, say("chat_desk.by_words", service=found.name) if found else "")


def subject_of(text: str) -> str:
    """The first sentence of *text* in one line, cut between words when it is long."""
    first = next((part for part in _END.split(text.strip()) if re.search(r"\w", part)), text)
    line = " ".join(first.split()).removesuffix(".")
    if len(line) <= MAX_SUBJECT:
        return line
    cut = line[: MAX_SUBJECT - 1]
    return (cut.rpartition(" ")[0] if " " in cut else cut).rstrip(" ,;:") + "…"


def _likeliest(services: Sequence[Service], text: str) -> Service | None:
    asked = _stems(text)
    names = [_stems(service.name) for service in services]
    all_words = [
        name | _stems(f"{service.classification} {service.description}")
        for service, name in zip(services, names, strict=True)
    ]
    # What every service says of itself tells none apart.
    common = Counter(stem for stems in all_words for stem in stems)
    scores = [
        sum((_NAME_COUNTS if stem in name else 1.0) / common[stem] ** 2 for stem in asked & stems)
        for name, stems in zip(names, all_words, strict=True)
    ]
    best = max(scores, default=0.0)
    return services[scores.index(best)] if best >= _ENOUGH and scores.count(best) == 1 else None


def _stems(words: str) -> set[str]:
    small = set(say("chat_desk.small_words").split())
    return {word[:_STEM] for word in _WORD.findall(fold(words)) if word not in small}
