"""Whom a document may go to, found by name, post or dependencia; and the rows of those chosen."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import InstrumentedAttribute

from admin import frame
from admin.db import session
from admin.drafting import BY_DISPATCH, ROW, who_of
from intake.issued.drafts import Addressee
from models.dependencia import Dependencia
from models.person import READERS, Account, Person
from models.search import fold, folded

MAX_FOUND = 12
# A dependencia named by itself shows everybody in it.
MAX_IN_DEPENDENCIA = 200


def matches(column: InstrumentedAttribute[str], word: str) -> ColumnElement[bool]:
    """Has *column* the word somewhere, whatever its accents? For the directory's thousands, not for cases."""
    return folded(column).contains(fold(word), autoescape=True)


def recipient_rows(recipients: Iterable[Addressee]) -> list[dict[str, Any]]:
    """The rows as the page shows them: what the form sends back, and what a person reads."""
    rows = []
    for one in recipients:
        account = session().get(Account, one.account_id) if one.account_id else None
        area = session().get(Dependencia, one.dependencia_id) if one.dependencia_id else None
        way = BY_DISPATCH if one.by_dispatch else ""
        values = (who_of(one), one.role.value, one.name, one.post, one.institution, one.email, way)
        sent = dict(zip(ROW, values, strict=True))
        name = (
            one.name or (account.person.name if account else "") or (area.name if area else "") or one.email
        )
        about = [one.post, account.dependencia.name if account else "", one.institution, one.email]
        rows.append(
            {
                "sent": sent,
                "name": name,
                "about": list(dict.fromkeys(part for part in about if part and part != name)),
                "kind": "person" if account else "dependencia" if area else "outside",
                "role": one.role.value,
                "by_dispatch": one.by_dispatch or not (account or area or one.email),
            }
        )
    return rows


def find_recipients(dependencia_id: int | None, words: str) -> dict[str, Any]:
    """Who may be written to: of a dependencia, or whose name, post or dependencia match."""
    words = " ".join(words.split())[:80]
    if not dependencia_id and not words:
        return {"accounts": [], "dependencias": [], "is_asked": False}
    people = (
        select(Account)
        .join(Account.person)
        .join(Dependencia, Dependencia.id == Account.dependencia_id)
        .where(Account.is_active, Person.is_active, Account.role.in_(READERS),
               Account.id != frame.account().id)
    )  # fmt: skip
    areas = select(Dependencia).where(Dependencia.is_active)
    if dependencia_id:
        people = people.where(Account.dependencia_id == dependencia_id)
        areas = areas.where(Dependencia.id == dependencia_id)
    for word in words.split():
        name = matches(Person.name, word) | matches(Person.post, word) | matches(Dependencia.name, word)
        people = people.where(name)
        areas = areas.where(matches(Dependencia.name, word) | matches(Dependencia.siglas, word))
    limit = MAX_IN_DEPENDENCIA if dependencia_id else MAX_FOUND
    return {
        "accounts": session().scalars(people.order_by(Person.name).limit(limit)).unique().all(),
        "dependencias": session().scalars(areas.order_by(Dependencia.name).limit(MAX_FOUND)).all(),
        "is_asked": True,
    }
