"""Routing rules: which one takes a message, and why, in a sentence. Pure.

Conditions are `{"field", "operator", "value"}` (see `models.routing_rule`); a rule
holds when all of its conditions do; the first active rule that holds wins.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from intake.incoming import IncomingMessage
from models.routing_rule import RoutingRule
from models.search import fold
from templates import say

FIELDS = ("recipient", "sender", "domain", "subject", "words", "attachments", "service")
OPERATORS = ("is", "contains", "any_of", "exists")
_SEPARATORS = re.compile(r"[,;\n]+")


@dataclass(frozen=True, slots=True)
class RoutingFacts:
    """What a rule may look at; every text folded (lower case, no accents)."""

    recipient: str
    sender: str
    subject: str
    words: str
    # File names and true types, as "factura.pdf application/pdf".
    attachments: tuple[str, ...]
    service: str = ""

    @property
    def domain(self) -> str:
        return self.sender.rpartition("@")[2]


def facts_of(incoming: IncomingMessage, recipient: str, service: str = "") -> RoutingFacts:
    """The facts of one message that reached *recipient* (one of our addresses)."""
    return RoutingFacts(
        recipient=fold(recipient),
        sender=fold(incoming.from_addr),
        subject=fold(incoming.subject),
        words=fold(f"{incoming.subject}\n{incoming.reply_text or incoming.text}"),
        attachments=tuple(
            fold(f"{file.filename} {file.content_type}") for file in incoming.attachments if not file.inline
        ),
        service=fold(service),
    )


def choose_rule(rules: Sequence[RoutingRule], facts: RoutingFacts) -> tuple[RoutingRule, str] | None:
    """The first active rule that holds, with the sentence why; None when no rule does."""
    for rule in rules:
        if not rule.is_active:
            continue
        explained = explain(rule, facts)
        if explained and all(holds for holds, _ in explained):
            reasons = say("list.and").join(reason for _, reason in explained)
            return rule, say("routing.chosen", number=rule.position, name=rule.name, reasons=reasons)
    return None


def explain(rule: RoutingRule, facts: RoutingFacts) -> list[tuple[bool, str]]:
    """One (holds, sentence) per condition of *rule*."""
    return [_explain(condition, facts) for condition in rule.conditions]


def _explain(condition: Mapping[str, str], facts: RoutingFacts) -> tuple[bool, str]:
    field, operator, value = condition["field"], condition["operator"], condition.get("value", "")
    label = say(f"routing.field.{field}")
    if operator == "exists":
        found = bool(_values(facts, field))
        return found, say("routing.has" if found else "routing.has_not", field=label)
    wanted = [value] if operator != "any_of" else [part for part in _SEPARATORS.split(value) if part.strip()]
    for one in wanted:
        if any(
            _matches(field, operator, fold(one).strip(), candidate) for candidate in _values(facts, field)
        ):
            return True, say("routing.because", field=label, value=one.strip())
    return False, say("routing.without", field=label, value=", ".join(part.strip() for part in wanted))


def _values(facts: RoutingFacts, field: str) -> tuple[str, ...]:
    if field == "attachments":
        return facts.attachments
    value = str(getattr(facts, field))
    return (value,) if value else ()


def _matches(field: str, operator: str, wanted: str, candidate: str) -> bool:
    if not wanted:
        return False
    if operator == "is":
        return candidate == wanted
    if field in ("words", "subject"):
        # Whole words: "red" must not match "redacta".
        return re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", candidate) is not None
    if field == "domain":
        return candidate == wanted or candidate.endswith("." + wanted.lstrip("."))
    return wanted in candidate
