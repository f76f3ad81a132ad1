"""A list of cases to take along: what a list shows, and a column for each question of their services.

Who may see which case is decided before (`models.access`); this only writes down what it is given.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import date, datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, joinedload, selectin_polymorphic

from intake.correspondence import requester_address
from intake.issued.exports import FORMULA, Value, make_spreadsheet
from intake.office import Office
from models.case import Case
from models.chat import Rating
from models.contact import Contact
from models.person import Account
from models.service import Service
from models.service_field import FieldKind, FieldValue, ServiceField
from models.ticket import Ticket
from templates import say

_COLUMNS = (
    ("folio", 18), ("kind", 12), ("subject", 46), ("state", 16), ("priority", 12), ("service", 30),
    ("classification", 24), ("requester", 30), ("address", 30), ("channel", 12), ("dependencia", 30),
    ("holder", 26), ("created_at", 17), ("due_at", 17), ("ended_at", 17), ("rating", 12),
)  # fmt: skip
_ANSWER_WIDTH = 30
# PostgreSQL and SQLite know no more parameters of a statement than 32,766.
_AT_ONCE = 1_000


def as_spreadsheet(session: Session, office: Office, ids: Sequence[int]) -> bytes:
    """The cases *ids*, in their order, as an XLSX with one sheet."""
    questions, rows = _table(session, ids)
    columns = [(say(f"case_list.{name}"), width) for name, width in _COLUMNS]
    columns += [(label, _ANSWER_WIDTH) for label in questions]
    return make_spreadsheet(office, say("case_list.title"), columns, rows)


def as_csv(session: Session, office: Office, ids: Sequence[int]) -> bytes:
    """The same as CSV in UTF-8, with the mark by which spreadsheets know that."""
    questions, rows = _table(session, ids)
    made = io.StringIO()
    writer = csv.writer(made)
    heads = [*(say(f"case_list.{name}") for name, _ in _COLUMNS), *questions]
    writer.writerow([_plain(one, office) for one in heads])
    for row in rows:
        writer.writerow([_plain(one, office) for one in row])
    return made.getvalue().encode("utf-8-sig")


def _plain(value: Value, office: Office) -> str | int:
    if isinstance(value, datetime):
        return value.astimezone(office.settings.zone).strftime("%Y-%m-%d %H:%M")
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return value.isoformat() if isinstance(value, date) else "" if value is None else value


def _table(session: Session, ids: Sequence[int]) -> tuple[list[str], list[Sequence[Value]]]:
    """The questions that were answered in any of the cases, and a row for each case."""
    cases: dict[int, Case] = {}
    ratings: dict[int, int] = {}
    answers: dict[int, dict[str, Value]] = {}
    asked: dict[str, tuple[int, int, int]] = {}
    for start in range(0, len(ids), _AT_ONCE):
        some = ids[start : start + _AT_ONCE]
        cases |= {one.id: one for one in session.scalars(_wanted(some))}
        rated = select(Rating.case_id, Rating.score).where(Rating.case_id.in_(some))
        ratings |= {row.case_id: row.score for row in session.execute(rated)}
        for value, order in _answered(session, some):
            asked[value.label] = min(order, asked.get(value.label, order))
            answers.setdefault(value.case_id, {})[value.label] = _typed(value)
    questions = sorted(asked, key=lambda label: asked[label])
    return questions, [
        [*_of(cases[one], ratings.get(one)), *(answers.get(one, {}).get(label) for label in questions)]
        for one in ids
    ]


def _wanted(ids: Sequence[int]) -> Select[Case]:
    return (
        select(Case)
        .where(Case.id.in_(ids))
        .options(joinedload(Case.dependencia), joinedload(Case.holder).joinedload(Account.person))
        .options(joinedload(Case.requester).selectinload(Contact.addresses))
        .options(selectin_polymorphic(Case, [Ticket]), joinedload(Ticket.service))
    )


def _answered(session: Session, ids: Sequence[int]) -> Iterator[tuple[FieldValue, tuple[int, int, int]]]:
    """The answers, and where the question stands among all of them."""
    wanted = (
        select(FieldValue, Service.position, ServiceField.position, ServiceField.id)
        .join(ServiceField, ServiceField.id == FieldValue.field_id)
        .join(Service, Service.id == ServiceField.service_id)
        .where(FieldValue.case_id.in_(ids))
    )
    for value, *order in session.execute(wanted):
        yield value, (order[0], order[1], order[2])


def _of(case: Case, rating: int | None) -> list[Value]:
    service = case.service if isinstance(case, Ticket) else None
    return [
        case.folio, say(f"panel.kind.{case.kind.value}"), case.subject, say(f"panel.state.{case.state}"),
        say(f"panel.priority.{case.priority.value}"), service.name if service else "",
        case.classification if isinstance(case, Ticket) else "", case.requester.name,
        requester_address(case), say(f"panel.channel.{case.channel}"),
        case.dependencia.name if case.dependencia else "", case.holder.person.name if case.holder else "",
        case.created_at, case.due_at, case.ended_at, rating,
    ]  # fmt: skip


def _typed(value: FieldValue) -> Value:
    """As a spreadsheet sorts it: whole numbers and dates are no texts."""
    if value.kind == FieldKind.DATE:
        return date.fromisoformat(value.value)
    if value.kind == FieldKind.NUMBER and value.value.lstrip("-").isdecimal() and len(value.value) < 15:
        return int(value.value)
    return value.value
