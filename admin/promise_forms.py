"""Fields of the catalogue of services that say what is promised: minutes by priority, terms of a range."""

from __future__ import annotations

from typing import Any

from flask_admin.form import BaseForm
from wtforms import Field, IntegerField, SelectField
from wtforms.validators import Optional, ValidationError

from admin.forms import Check, not_negative
from models.case import Priority
from models.commitment import Commitment
from models.deadline import Term, TermUnit
from models.service import Service
from templates import say

# About two years of working days: more is a typing error, and would be counted day by day.
MAX_MINUTES = 200_000
# Those of the service itself are for normal priority.
PRIORITIES = (Priority.URGENT, Priority.HIGH, Priority.LOW)
_MOST = {TermUnit.DAYS: 6, TermUnit.WEEKS: 3, TermUnit.MONTHS: 12}


def number_at_most(limit: int) -> Check:
    def check(form: BaseForm, field: Field) -> None:
        if field.data is not None and field.data > limit:
            raise ValidationError(say("office.wrong.number", limit=f"{limit:,}"))

    return check


class Minutes(IntegerField):
    """Working minutes, or nothing."""

    def __init__(self, **options: Any) -> None:
        checks = [Optional(), not_negative, number_at_most(MAX_MINUTES)]
        super().__init__(validators=checks, **options)


class MinutesFor(Minutes):
    """Working minutes of one priority, which have a row of their own in `commitment`."""

    def __init__(self, priority: Priority, column: str, **options: Any) -> None:
        super().__init__(**options)
        self.priority, self.column = priority, column

    def populate_obj(self, obj: Service, name: str) -> None:
        row = next((one for one in obj.commitments if one.priority == self.priority), None)
        if row is None:
            if self.data is None:
                return
            row = Commitment(priority=self.priority)
            obj.commitments.append(row)
        setattr(row, self.column, self.data)


class TermField(SelectField):
    """One end of a range, as *1 semana* or *3 meses*."""

    def __init__(self, **options: Any) -> None:
        super().__init__(choices=_terms, default="", **options)


def _terms() -> list[tuple[str, str]]:
    found = [("", say("office.no_choice"))]
    for unit, most in _MOST.items():
        for count in range(1, most + 1):
            words = say(f"office.term.{unit.value}{'1' if count == 1 else ''}", number=count)
            found.append((str(Term(count, unit)), words))
    return found


def minutes_by_priority(service: Service | None) -> dict[str, int | None]:
    """The values of the fields `<priority>_first_answer` and `<priority>_solution`."""
    found: dict[str, int | None] = {}
    for one in service.commitments if service else ():
        found[f"{one.priority}_first_answer"] = one.first_answer_minutes
        found[f"{one.priority}_solution"] = one.solution_minutes
    return found


def check_range(earliest: Field, latest: Field) -> None:
    """Both ends or none, and in their order. ValidationError."""
    first, last = Term.parse(earliest.data or ""), Term.parse(latest.data or "")
    if (first is None) != (last is None) or (first and last and _days(first) > _days(last)):
        raise ValidationError(say("office.wrong.term"))


def _days(term: Term) -> int:
    return term.count * {TermUnit.DAYS: 1, TermUnit.WEEKS: 7, TermUnit.MONTHS: 30}[term.unit]
