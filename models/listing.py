"""A page of cases: only the columns a list shows, the newest activity first, paged by key.

The same function serves trays, filters and search, and always asks
`models.access.visible_to`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    Subquery,
    and_,
    bindparam,
    exists,
    func,
    select,
    tuple_,
    union,
)
from sqlalchemy.orm import Session

from models.access import visible_to
from models.base import now
from models.case import Case, CaseKind, Priority
from models.contact import Contact
from models.dependencia import Dependencia
from models.folio import TICKET_SERIES
from models.message import Message
from models.person import Account, Person
from models.search import find_messages
from models.tag import Tag, case_tag
from models.ticket import Ticket
from models.trays import Branch, Tray, attended_by, branches

PAGE_SIZE = 50
_FOLIO = re.compile(r"[A-Z]{1,20}[-/]\d[\dA-Z/-]*$", re.IGNORECASE)
# Search reads this many messages at a time, and no more rounds than this for one page.
SEARCH_BATCH = 1000
SEARCH_ROUNDS = 3

# What a row shows, in the order of its fields.
_COLUMNS: Select[*tuple[Any, ...]] = (
    select(
        Case.id, Case.kind, Case.folio, Case.subject, Case.state, Case.priority, Case.channel,
        Case.is_open, Case.is_overdue, Case.is_unanswered, Case.has_files, Case.due_at,
        Case.snoozed_until, Case.last_activity_at, Contact.name, Dependencia.name, Person.name,
    )
    .select_from(Case)
    .join(Contact, Contact.id == Case.requester_id)
    .outerjoin(Dependencia, Dependencia.id == Case.dependencia_id)
    .outerjoin(Account, Account.id == Case.holder_id)
    .outerjoin(Person, Person.id == Account.person_id)
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Filters:
    """What narrows a list; None or empty does not matter."""

    kind: CaseKind | None = None
    state: str = ""
    priority: Priority | None = None
    service_id: int | None = None
    dependencia_id: int | None = None
    tag_id: int | None = None
    has_files: bool = False
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """Where a page ends: the key of its last (or first) row."""

    at: datetime
    id: int


@dataclass(frozen=True, slots=True)
class Row:
    """A case as a list shows it."""

    id: int
    kind: CaseKind
    folio: str
    subject: str
    state: str
    priority: Priority
    channel: str
    is_open: bool
    is_overdue: bool
    is_unanswered: bool
    has_files: bool
    due_at: datetime | None
    snoozed_until: datetime | None
    last_activity_at: datetime
    requester: str
    dependencia: str | None
    holder: str | None


@dataclass(frozen=True, slots=True)
class Page:
    """Rows, newest first, and whether there are newer and older ones."""

    rows: Sequence[Row]
    has_newer: bool = False
    has_older: bool = False

    @property
    def newest(self) -> Key | None:
        return Key(self.rows[0].last_activity_at, self.rows[0].id) if self.rows else None

    @property
    def oldest(self) -> Key | None:
        return Key(self.rows[-1].last_activity_at, self.rows[-1].id) if self.rows else None


def find_page(
    session: Session,
    account: Account,
    tray: Tray,
    filters: Filters,
    *,
    older_than: Key | None = None,
    newer_than: Key | None = None,
    attends: Sequence[int] | None = None,
) -> Page:
    """The page of *tray* beside the given key; the first page without one.

    *attends*: the dependencias of `attended_by`, when the caller asked for them already.
    """
    rule = branches(tray, account, attended_by(session, account) if attends is None else attends)
    narrowed = [_page_of(branch, filters, older_than, newer_than) for branch in rule]
    # A case may come from several branches (given to the dependencia and to the account).
    found = union(*narrowed).subquery() if len(narrowed) > 1 else narrowed[0].subquery()
    upwards = newer_than is not None
    first = select(found.c.id, found.c.at).order_by(*_in_order(found, upwards=upwards)).limit(PAGE_SIZE + 1)
    page = first.subquery()
    whole = _COLUMNS.join(page, page.c.id == Case.id).order_by(*_in_order(page, upwards=upwards))
    rows = _rows(session, whole)
    more, rows = len(rows) > PAGE_SIZE, rows[:PAGE_SIZE]
    if upwards:
        return Page(rows[::-1], has_newer=more, has_older=True)
    return Page(rows, has_newer=older_than is not None, has_older=more)


def _in_order(rows: Subquery, *, upwards: bool) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    return (rows.c.at, rows.c.id) if upwards else (rows.c.at.desc(), rows.c.id.desc())


def _page_of(branch: Branch, filters: Filters, older: Key | None, newer: Key | None) -> Select[Any]:
    """The first rows of *branch* after the key, wrapped so that it may be a part of a union."""
    key = tuple_(branch.at, branch.id)
    query = branch.query.with_only_columns(branch.id.label("id"), branch.at.label("at"))
    query = query.where(*_conditions(filters))
    if newer is not None:
        # Read upwards from the key, then turned round.
        query = query.where(key > (newer.at, newer.id)).order_by(branch.at, branch.id)
    else:
        if older is not None:
            query = query.where(key < (older.at, older.id))
        query = query.order_by(branch.at.desc(), branch.id.desc())
    # Rows of one case follow each other in a branch, and no case has more than a few.
    inner = query.limit(PAGE_SIZE + 1 if branch.is_distinct else 4 * PAGE_SIZE).subquery()
    return select(inner.c.id, inner.c.at)


@dataclass(frozen=True, slots=True)
class Found:
    """A page of search results, in the order in which their messages were written, newest first."""

    rows: Sequence[Row]
    # Give it back as *before* for the next page; None: that was all.
    next_before: int | None


def search(
    session: Session, account: Account, words: str, filters: Filters, *, before: int | None = None
) -> Found:
    """Cases with a message that has all of *words*, and on the first page the folio that was typed."""
    found: dict[int, Row] = {}
    visible = and_(visible_to(account), *_conditions(filters))
    if before is None:
        for row in _rows(session, _by_folio(words).where(visible)):
            found[row.id] = row
        if _FOLIO.match(words.strip()) and found:
            # Whoever types a folio wants that case, not every message that has its numbers.
            return Found(list(found.values()), None)
    for _ in range(SEARCH_ROUNDS):
        messages = find_messages(session, words, before=before, limit=SEARCH_BATCH)
        if not messages:
            return Found(list(found.values()), None)
        for row, message in _cases_of(session, messages, visible, PAGE_SIZE + 1 + len(found)):
            if row.id not in found and len(found) >= PAGE_SIZE:
                return Found(list(found.values()), message + 1)
            found.setdefault(row.id, row)
        before = messages[-1]
    return Found(list(found.values()), before)


def _by_folio(words: str) -> Select[Any]:
    """Cases whose folio is, or begins with, *words*; a number alone is a ticket of this or last year."""
    typed = words.strip().upper()
    if typed.isdecimal() and len(typed) <= 6:
        year = now().year
        return _COLUMNS.where(
            Case.folio.in_([f"{TICKET_SERIES}-{one}-{int(typed):06d}" for one in (year, year - 1)])
        )
    if not _FOLIO.match(typed):
        return _COLUMNS.where(Case.folio == typed)
    # The range is what an index can read; the prefix is what is meant, whatever the collation.
    after = typed[:-1] + chr(ord(typed[-1]) + 1)
    return (
        _COLUMNS.where(Case.folio >= typed, Case.folio < after, Case.folio.startswith(typed, autoescape=True))
        .order_by(Case.folio.desc())
        .limit(PAGE_SIZE)
    )


def _cases_of(
    session: Session, messages: Sequence[int], visible: ColumnElement[bool], limit: int
) -> list[tuple[Row, int]]:
    """The first visible cases of *messages*, each with the newest of its messages, newest first."""
    # In the statement's own text: PostgreSQL's driver takes longer over a thousand parameters.
    listed: BindParameter[int] = bindparam("messages", messages, expanding=True, literal_execute=True)
    newest = (
        select(Message.case_id, func.max(Message.id).label("id"))
        .where(Message.id.in_(listed))
        .group_by(Message.case_id)
        .subquery()
    )
    query = _COLUMNS.add_columns(newest.c.id).join(newest, newest.c.case_id == Case.id).where(visible)
    found = session.execute(query.order_by(newest.c.id.desc()).limit(limit))
    return [(Row(*values), message) for *values, message in found]


def _rows(session: Session, query: Select[Any]) -> list[Row]:
    return [Row(*values) for values in session.execute(query)]


def _conditions(filters: Filters) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if filters.kind is not None:
        found.append(Case.kind == filters.kind)
    if filters.state:
        found.append(Case.state == filters.state)
    if filters.priority is not None:
        found.append(Case.priority == filters.priority)
    if filters.service_id is not None:
        found.append(
            exists().where(Ticket.__table__.c.id == Case.id, Ticket.service_id == filters.service_id)
        )
    if filters.dependencia_id is not None:
        found.append(Case.dependencia_id == filters.dependencia_id)
    if filters.tag_id is not None:
        found.append(exists().where(case_tag.c.case_id == Case.id, case_tag.c.tag_id == filters.tag_id))
    if filters.has_files:
        found.append(Case.has_files.is_(True))
    if filters.since is not None:
        found.append(Case.last_activity_at >= filters.since)
    if filters.until is not None:
        found.append(Case.last_activity_at < filters.until)
    return found


def tags_of(session: Session, account: Account, case_ids: Sequence[int]) -> dict[int, list[str]]:
    """The names of *account*'s own tags on each of these cases."""
    query = (
        select(case_tag.c.case_id, Tag.name)
        .join(Tag, Tag.id == case_tag.c.tag_id)
        .where(Tag.account_id == account.id, case_tag.c.case_id.in_(case_ids))
        .order_by(Tag.name)
    )
    found: dict[int, list[str]] = {}
    for case_id, name in session.execute(query):
        found.setdefault(case_id, []).append(name)
    return found
