"""Routing rules: which one wins, and the sentence why."""

from __future__ import annotations

import pytest

from intake.incoming import Channel, IncomingFile, IncomingMessage
from intake.routing import choose_rule, explain, facts_of
from models.routing_rule import RoutingRule

MESSAGE = IncomingMessage(
    channel=Channel.EMAIL,
    subject="Se acabó el TÓNER",
    from_addr="ana@catastro.ocotlan.example",
    text="La red va bien; falta tóner.\n\n> redacte un informe",
    reply_text="La red va bien; falta tóner.",
    attachments=(IncomingFile.of("informe.final, v2.PDF", "application/pdf", b"%PDF-"),),
)
FACTS = facts_of(MESSAGE, "soporte@ocotlan.example", "soporte-tecnico")


def rule(*conditions: tuple[str, str, str], position: int = 1, active: bool = True) -> RoutingRule:
    return RoutingRule(
        position=position,
        name=f"regla {position}",
        is_active=active,
        conditions=[
            {"field": field, "operator": operator, "value": value} for field, operator, value in conditions
        ],
    )


@pytest.mark.parametrize(
    ("field", "operator", "value", "holds"),
    [
        ("recipient", "is", "Soporte@ocotlan.example", True),
        ("sender", "contains", "ana@", True),
        ("domain", "is", "ocotlan.example", False),
        ("domain", "contains", "ocotlan.example", True),
        ("domain", "contains", "tlan.example", False),
        ("subject", "contains", "toner", True),
        ("words", "any_of", "impresora; tóner", True),
        ("words", "contains", "va bien", True),
        ("words", "contains", "red", True),
        ("words", "contains", "redacte", False),
        ("words", "contains", "bie", False),
        ("attachments", "exists", "", True),
        ("attachments", "any_of", ".xlsx\n.pdf", True),
        ("attachments", "contains", "application/pdf", True),
        ("service", "is", "soporte-tecnico", True),
        ("words", "any_of", " , ;", False),
    ],
)
def test_a_condition_holds(field: str, operator: str, value: str, holds: bool) -> None:
    ((found, sentence),) = explain(rule((field, operator, value)), FACTS)
    assert found is holds and sentence


def test_paperless_6271_3326_patterns_are_a_list_and_the_type_is_by_content() -> None:
    several = rule(("attachments", "any_of", "informe.final, v3\napplication/pdf"))
    assert explain(several, FACTS)[0][0]


def test_the_first_active_rule_whose_conditions_all_hold_wins() -> None:
    rules = [
        rule(("subject", "contains", "tóner"), position=1, active=False),
        rule(("subject", "contains", "tóner"), ("sender", "contains", "tesoreria"), position=2),
        rule(("subject", "contains", "tóner"), ("domain", "contains", "ocotlan.example"), position=3),
        rule(("subject", "contains", "tóner"), position=4),
    ]
    chosen = choose_rule(rules, FACTS)
    assert chosen is not None
    found, why = chosen
    assert found.position == 3
    assert "3" in why and "tóner" in why and "ocotlan.example" in why


def test_a_rule_without_conditions_takes_nothing() -> None:
    assert choose_rule([rule()], FACTS) is None
