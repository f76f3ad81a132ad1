"""Reglas de turno: their order, their conditions in plain words, and *try it on this mail*.

The first rule that holds wins, so the list is the order; numbers are kept 1, 2, 3 …
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Flask, abort, flash, redirect, request, url_for
from flask_admin import Admin, expose
from flask_admin.form import BaseForm
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response
from wtforms import BooleanField, Field
from wtforms.validators import ValidationError

from admin import frame
from admin.db import office, session, writing
from admin.forms import (
    Choice,
    Line,
    Reference,
    Words,
    active_dependencia,
    at_most,
    dependencia_choices,
    required,
)
from admin.views.catalogue import changes_of, remember
from admin.views.catalogues import service_choices
from intake import spool
from intake.errors import StoreFailed
from intake.incoming import IncomingMessage
from intake.pipeline import find_mailbox
from intake.reading.isolation import Poisoned, parse_once
from intake.routing import FIELDS, OPERATORS, RoutingFacts, choose_rule, explain, facts_of
from models.case import CaseKind, Priority
from models.event import record
from models.inbound_mail import InboundMail
from models.mailbox import Mailbox
from models.person import Account, Person
from models.routing_rule import RoutingRule
from templates import say

# The latest mails offered to try rules on, and how much pasted text is read.
RECENT = 20
MAX_PASTED = 2_000_000
MAX_CONDITIONS = 20

Condition = dict[str, Any]


def account_choices() -> list[tuple[Any, str]]:
    """Active accounts as options: who, and where."""
    found = session().scalars(
        select(Account).join(Account.person).where(Account.is_active, Person.is_active).order_by(Person.name)
    )
    return [("", say("office.no_choice")), *((one.id, str(one)) for one in found)]


class RuleForm(BaseForm):
    name = Line(required, at_most(200))
    is_active = BooleanField(default=True)
    case_kind = Choice(CaseKind, "panel.kind")
    service_id = Reference(service_choices)
    dependencia_id = Reference(dependencia_choices, active_dependencia)
    account_id = Reference(account_choices)
    priority = Choice(Priority, "panel.priority", optional=True)
    instruction = Words(at_most(2000), rows=2)

    def validate_dependencia_id(self, field: Field) -> None:
        if not (field.data or self.service_id.data or self.account_id.data):
            raise ValidationError(say("office.wrong.nowhere"))

    def validate_account_id(self, field: Field) -> None:
        account = session().get(Account, field.data) if field.data else None
        if account is not None and self.dependencia_id.data not in (None, account.dependencia_id):
            raise ValidationError(say("office.wrong.elsewhere", name=account.person.name))


def read_conditions() -> tuple[list[Condition], str]:
    """The rows of conditions as typed, and what is wrong with them (empty when nothing is)."""
    names = ("condition_field", "condition_operator", "condition_value")
    rows = zip(*(request.form.getlist(name) for name in names), strict=False)
    found: list[Condition] = [
        {"field": field, "operator": operator, "value": "" if operator == "exists" else value.strip()}
        for field, operator, value in rows
    ][:MAX_CONDITIONS]
    for one in found:
        if one["field"] not in FIELDS or one["operator"] not in OPERATORS:
            return found, say("office.wrong.condition")
        if one["operator"] != "exists" and not one["value"]:
            return found, say("office.wrong.condition_value", field=say(f"office.rule.field.{one['field']}"))
    return found, "" if found else say("office.wrong.no_condition")


def describe(condition: Mapping[str, str]) -> str:
    """A condition as a person would say it."""
    values = condition.get("value", "").replace("\n", ",").replace(";", ",").split(",")
    quoted = [f"«{one.strip()}»" for one in values if one.strip()]
    if condition["operator"] != "any_of":
        quoted = [f"«{condition.get('value', '')}»"]
    return say(
        f"office.rule.sentence.{condition['operator']}",
        field=say(f"office.rule.field.{condition['field']}"),
        value=say("office.rule.or").join(quoted),
    )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one rule says about the mail on trial. `is_reached`: no rule before it won."""

    rule: RoutingRule
    conditions: Sequence[tuple[bool, str]]
    holds: bool
    wins: bool
    is_reached: bool


def judge(rules: Iterable[RoutingRule], facts: RoutingFacts) -> tuple[list[Verdict], str]:
    """One verdict per rule, and the sentence the case would carry (empty when no rule takes the mail)."""
    ordered = list(rules)
    chosen = choose_rule(ordered, facts)
    verdicts: list[Verdict] = []
    is_reached = True
    for rule in ordered:
        conditions = explain(rule, facts)
        wins = chosen is not None and chosen[0] is rule
        holds = bool(conditions) and all(held for held, _ in conditions)
        verdicts.append(Verdict(rule, conditions, holds, wins, is_reached))
        is_reached = is_reached and not wins
    return verdicts, chosen[1] if chosen else ""


def _ordered(found: Session) -> list[RoutingRule]:
    return list(found.scalars(select(RoutingRule).order_by(RoutingRule.position, RoutingRule.id)))


def _renumber(rules: Sequence[RoutingRule]) -> None:
    for number, rule in enumerate(rules, start=1):
        rule.position = number


class RulesView(frame.PanelView):
    """The list, the editor and the trial."""

    roles = frame.CONFIGURING

    @expose("/")
    def index(self) -> str:
        return self.render("admin/rules.html", rules=_ordered(session()), describe=describe)

    @expose("/nueva", methods=("GET", "POST"))
    def add(self) -> str | Response:
        return self._edit(None)

    @expose("/<int:number>", methods=("GET", "POST"))
    def edit(self, number: int) -> str | Response:
        return self._edit(session().get(RoutingRule, number) or abort(404))

    def _edit(self, rule: RoutingRule | None) -> str | Response:
        is_sent = request.method == "POST"
        form = RuleForm(request.form if is_sent else None, obj=rule)
        conditions, wrong = read_conditions() if is_sent else (rule.conditions if rule else [], "")
        # Both are looked at, so that everything wrong is said at once.
        if is_sent and form.validate() and not wrong:
            with writing() as found:
                self._save(found, rule, form, conditions)
            flash(say("office.rule.saved", name=form.name.data), "success")
            return redirect(url_for(".index"))
        empty = {"field": "recipient", "operator": "is", "value": ""}
        return self.render("admin/rule.html", form=form, rule=rule, conditions=conditions or [empty],
                           wrong=wrong, fields=FIELDS, operators=OPERATORS)  # fmt: skip

    def _save(
        self, found: Session, rule: RoutingRule | None, form: RuleForm, conditions: list[Condition]
    ) -> None:
        saved = rule or RoutingRule(position=len(_ordered(found)) + 1)
        form.populate_obj(saved)
        if saved.conditions != conditions:
            saved.conditions = conditions
        if rule is None:
            found.add(saved)
            remember(found, saved, "rule_created")
        elif changes := changes_of(saved):
            if "conditions" in changes:
                changes["conditions"] = [
                    "; ".join(describe(one) for one in side or []) for side in changes["conditions"]
                ]
            remember(found, saved, "rule_changed", changes)

    @expose("/condicion")
    def condition(self) -> str:
        """One more row for the editor."""
        empty = {"field": "words", "operator": "any_of", "value": ""}
        return self.render("admin/rule_condition.html", one=empty, fields=FIELDS, operators=OPERATORS)

    @expose("/<int:number>/mover", methods=["POST"])
    def move(self, number: int) -> Response:
        """One place up or down."""
        step = -1 if request.form.get("hacia") == "arriba" else 1
        with writing() as found:
            rules = _ordered(found)
            place = next((place for place, one in enumerate(rules) if one.id == number), None)
            if place is None:
                abort(404)
            target = place + step
            if 0 <= target < len(rules):
                rules.insert(target, rules.pop(place))
                _renumber(rules)
                remember(found, rules[target], "rule_moved", {"position": [place + 1, target + 1]})
        return redirect(url_for(".index") + f"#regla-{number}")

    @expose("/<int:number>/borrar", methods=["POST"])
    def delete(self, number: int) -> Response:
        """Nothing refers to a rule: cases keep the sentence of the rule that took them."""
        with writing() as found:
            rule = found.get(RoutingRule, number) or abort(404)
            name = rule.name
            found.delete(rule)
            found.flush()
            _renumber(_ordered(found))
            record(found, None, "rule_deleted", account=frame.account(), data={"id": number, "name": name})
        flash(say("office.rule.deleted", name=name), "success")
        return redirect(url_for(".index"))

    @expose("/probar", methods=("GET", "POST"))
    def trial(self) -> str:
        """What each rule says about a mail; nothing is changed."""
        recent = session().scalars(select(InboundMail).order_by(InboundMail.id.desc()).limit(RECENT)).all()
        mailboxes = (
            session().scalars(select(Mailbox).where(Mailbox.is_active).order_by(Mailbox.address)).all()
        )
        wrong, verdicts, reason, tried = "", None, "", None
        if request.method == "POST":
            incoming, recipient, wrong = _mail_on_trial()
            if incoming is not None:
                tried = next(
                    (found for one in (recipient, *incoming.to, *incoming.cc)
                     if one and (found := find_mailbox(session(), one))), None,
                )  # fmt: skip
                service = tried.service.slug if tried and tried.service else ""
                facts = facts_of(incoming, tried.address if tried else "", service)
                verdicts, reason = judge(_ordered(session()), facts)
        return self.render("admin/rule_trial.html", recent=recent, mailboxes=mailboxes, wrong=wrong,
                           verdicts=verdicts, reason=reason, tried=tried)  # fmt: skip


def _mail_on_trial() -> tuple[IncomingMessage | None, str, str]:
    """The mail, the address it is tried for, and what is wrong: from a file, pasted text or the spool."""
    recipient = request.form.get("recipient", "")
    file = request.files.get("file")
    if file is not None and file.filename:
        raw = file.read(office().settings.smtp_max_bytes)
    elif pasted := request.form.get("pasted", "").strip():
        raw = pasted[:MAX_PASTED].encode("utf-8", "replace")
    elif (mail := session().get(InboundMail, request.form.get("mail", 0, type=int))) is not None:
        recipient = recipient or mail.envelope_to
        try:
            raw = spool.read_raw(session(), office(), mail)
        except StoreFailed:
            return None, recipient, say("office.held.lost")
    else:
        return None, recipient, say("office.wrong.no_mail")
    try:
        # In a process of its own: whatever somebody uploads, the panel goes on.
        return parse_once(raw), recipient, ""
    except Poisoned:
        return None, recipient, say("office.wrong.poison")


def register(app: Flask, admin: Admin) -> None:
    """Add the pages and their entry in the rail."""
    admin.add_view(RulesView(name="rules", endpoint="rules", url="/admin/reglas"))
    frame.add_entry(
        app,
        frame.Entry(
            "panel.rail.catalogues", "office.rule.rail", "rules.index", "git-branch", RulesView.roles
        ),
    )
