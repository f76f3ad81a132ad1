"""The folders of the documents' board (manual T): each is one rule, from which list and counts are made.

*Recibidos, Enviados, Por aprobar, Reasignados, Descartados, Cancelados*, and besides them
drafts and what waits for one's signature. What a head sees, who acts for it sees too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, false, func, or_, select, tuple_, union, union_all
from sqlalchemy.orm import Session, aliased

from models.access import principals_of, received_by, visible_to
from models.case import Case, CaseAccess
from models.contact import Contact
from models.count import COUNT_LIMIT, Rows
from models.dependencia import Dependencia
from models.document_search import Sought as Sought
from models.document_search import narrowing
from models.listing import Key
from models.oficio import DocumentType, Flow, Oficio
from models.person import Account, Person, Role
from models.recipient import Recipient
from models.signature import Signature
from models.workflow import State

PAGE_SIZE = 50


class Folder(StrEnum):
    RECEIVED = "received"
    SENT = "sent"
    PENDING = "pending"
    REASSIGNED = "reassigned"
    DISCARDED = "discarded"
    CANCELLED = "cancelled"
    DRAFTS = "drafts"
    TO_SIGN = "to_sign"


# The six of manual T; the others are shown to those who have something there to do.
BOARD = (Folder.RECEIVED, Folder.SENT, Folder.PENDING, Folder.REASSIGNED, Folder.DISCARDED, Folder.CANCELLED)


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """A document as the board shows it."""

    id: int
    folio: str
    document_type: DocumentType
    flow: Flow
    subject: str
    state: str
    last_activity_at: datetime
    sent_at: datetime | None
    requester: str
    dependencia: str | None
    author: str | None
    issuer: str | None
    is_unread: bool

    @property
    def sender(self) -> str:
        """Who signs it, or will; of a received one, who sent it."""
        return self.issuer or self.author or self.requester


def who_acts(session: Session, account: Account) -> Sequence[Account]:
    """*account*, and the absent ones for whom it acts now."""
    return (account, *principals_of(session, account))


def documents_of(accounts: Iterable[Account]) -> ColumnElement[bool]:
    """A condition on `Case` for the documents that the first of *accounts* may see, acting for the others."""
    own, *principals = accounts
    seen = [visible_to(own), *(and_(Oficio.flow == Flow.ISSUED, visible_to(one)) for one in principals)]
    return or_(*seen)


def in_folder(folder: Folder, accounts: Sequence[Account]) -> ColumnElement[bool]:
    """The rule of *folder* for the first of *accounts*, acting for the others.

    A union of parts that one index each finds: with OR between them the database would read everything.
    """
    parts = [select(Oficio.id).where(part).correlate(None) for part in _parts(folder, accounts)]
    return Oficio.id.in_(union_all(*parts))


def _parts(folder: Folder, accounts: Sequence[Account]) -> list[ColumnElement[bool]]:
    own, issued = accounts[0], Oficio.flow == Flow.ISSUED
    if folder in (Folder.RECEIVED, Folder.REASSIGNED):
        handed_on = select(Recipient.oficio_id).where(Recipient.reassigned_by_id == own.id)
        if folder == Folder.REASSIGNED:
            return [and_(Oficio.id.in_(handed_on), _is(State.SENT))]
        inside = and_(issued, _is(State.SENT), _to(accounts), Oficio.id.not_in(handed_on))
        return [inside, *(and_(part, Oficio.flow == Flow.RECEIVED) for part in _attended(own))]
    if folder == Folder.SENT:
        return [and_(issued, _is(State.SENT), part) for part in _by(accounts)]
    if folder == Folder.PENDING:
        # Few wait at a time, and their state alone finds them.
        waits = Case.state.in_([State.PENDING_APPROVAL, State.PENDING_SIGNATURE])
        return [and_(issued, waits, or_(*_by(accounts), *(_under(one) for one in accounts)))]
    if folder == Folder.DISCARDED:
        return [and_(issued, _is(State.DISCARDED), part) for part in _by(accounts)]
    if folder == Folder.CANCELLED:
        return [and_(issued, _is(State.CANCELLED), part) for part in (*_by(accounts), _to(accounts))]
    if folder == Folder.DRAFTS:
        return [and_(issued, _is(State.DRAFT), Oficio.author_id == own.id)]
    wanted = select(Signature.oficio_id).where(Signature.account_id == own.id, Signature.signed_at.is_(None))
    return [and_(issued, _is(State.PENDING_SIGNATURE), Oficio.id.in_(wanted))]


def _is(state: State) -> ColumnElement[bool]:
    """In words that no index has: whose documents they are finds fewer than the state they are in."""
    return Case.state.concat("") == state


def to_approve(accounts: Sequence[Account]) -> ColumnElement[bool]:
    """What waits for the approval of one of *accounts*."""
    waits = and_(Oficio.flow == Flow.ISSUED, Case.state == State.PENDING_APPROVAL)
    return and_(waits, or_(*(_under(one) for one in accounts)))


def is_unread(account: Account) -> ColumnElement[bool]:
    """*account*, or the dependencia of which it is head, received it and did not open it."""
    return exists().where(Recipient.oficio_id == Oficio.id, Recipient.read_at.is_(None), received_by(account))


def count_by_type(
    session: Session, folder: Folder, accounts: Sequence[Account], administration_id: int | None
) -> dict[DocumentType, int]:
    """How many documents of each type the folder has; together at most COUNT_LIMIT are counted."""
    narrowed = narrowing(session, Sought(administration_id=administration_id))
    # Each part stops by itself, or the whole folder would be gathered before the limit.
    some = [
        select(Oficio.id.label("id"), Oficio.document_type.label("kind"))
        .where(part, *narrowed)
        .limit(COUNT_LIMIT)
        .subquery()
        for part in _parts(folder, accounts)
    ]
    part = union(*[select(one.c.id, one.c.kind) for one in some]).limit(COUNT_LIMIT).subquery()
    found = session.execute(select(part.c.kind, func.count()).group_by(part.c.kind))
    return {DocumentType(kind): number for kind, number in found}


def unread_by(account: Account) -> Rows:
    """The documents that *account* received and did not open, to be counted."""
    return (
        select(Recipient.oficio_id)
        .join(Case, Case.id == Recipient.oficio_id)
        .where(received_by(account), Recipient.read_at.is_(None), Case.state == State.SENT)
        .distinct()
    )


@dataclass(frozen=True, slots=True)
class DocumentPage:
    """Rows, newest activity first, and the key of the last when there are more."""

    rows: Sequence[DocumentRow]
    next_key: Key | None


def find_documents(
    session: Session,
    rule: ColumnElement[bool],
    accounts: Sequence[Account],
    sought: Sought,
    *,
    older_than: Key | None = None,
) -> DocumentPage:
    """A page of *rule*, narrowed by *sought*."""
    wanted = select(Oficio.id).where(rule, *narrowing(session, sought))
    if older_than is not None:
        wanted = wanted.where(tuple_(Case.last_activity_at, Case.id) < (older_than.at, older_than.id))
    newest = wanted.order_by(Case.last_activity_at.desc(), Case.id.desc()).limit(PAGE_SIZE + 1)
    ids = session.scalars(newest).all()
    shown = ids[:PAGE_SIZE]
    by_id = {row.id: row for row in _rows(session, shown, accounts)}
    rows = [by_id[one] for one in shown]
    last = Key(rows[-1].last_activity_at, rows[-1].id) if len(ids) > PAGE_SIZE else None
    return DocumentPage(rows, last)


def _rows(session: Session, ids: Sequence[int], accounts: Sequence[Account]) -> list[DocumentRow]:
    found = session.execute(_columns(accounts[0]).where(Oficio.id.in_(ids)))
    return [DocumentRow(*values) for values in found]


def _columns(account: Account) -> Select[*tuple[Any, ...]]:
    writer, signer = aliased(Account), aliased(Account)
    writes, signs = aliased(Person), aliased(Person)
    return (
        select(
            Oficio.id, Oficio.folio, Oficio.document_type, Oficio.flow, Oficio.subject, Oficio.state,
            Oficio.last_activity_at, Oficio.sent_at, Contact.name, Dependencia.name, writes.name, signs.name,
            and_(Oficio.state == State.SENT, is_unread(account)),
        )
        .join(Contact, Contact.id == Oficio.requester_id)
        .outerjoin(Dependencia, Dependencia.id == Oficio.dependencia_id)
        .outerjoin(writer, writer.id == Oficio.author_id)
        .outerjoin(writes, writes.id == writer.person_id)
        .outerjoin(signer, signer.id == Oficio.issuer_id)
        .outerjoin(signs, signs.id == signer.person_id)
    )  # fmt: skip


def recipients_named(session: Session, ids: Sequence[int]) -> dict[int, list[str]]:
    """To whom each of these documents goes, as it names them, in order."""
    query = (
        select(Recipient.oficio_id, Recipient.name)
        .where(Recipient.oficio_id.in_(ids), Recipient.reassigned_by_id.is_(None))
        .order_by(Recipient.position, Recipient.id)
    )
    found: dict[int, list[str]] = {}
    for oficio_id, name in session.execute(query):
        found.setdefault(oficio_id, []).append(name)
    return found


def _by(accounts: Sequence[Account]) -> list[ColumnElement[bool]]:
    """What the first of *accounts* wrote, or as head or acting for one is responsible for."""
    own, *principals = accounts
    found: list[ColumnElement[bool]] = [Oficio.author_id == own.id]
    if own.role == Role.HEAD:
        # A head sees all that its dependencia wrote.
        found.append(Case.dependencia_id == own.dependencia_id)
    # Approved por ausencia, while it lasts.
    return found + [
        and_(Case.dependencia_id == one.dependencia_id, Oficio.issuer_id == own.id) for one in principals
    ]


def _under(account: Account) -> ColumnElement[bool]:
    if account.role != Role.HEAD:
        return false()
    below = select(Dependencia.id).where(
        Dependencia.path.startswith(account.dependencia.path, autoescape=True)
    )
    return Case.dependencia_id.in_(below)


def _to(accounts: Sequence[Account]) -> ColumnElement[bool]:
    return Oficio.id.in_(select(Recipient.oficio_id).where(or_(*(received_by(one) for one in accounts))))


def _attended(account: Account) -> list[ColumnElement[bool]]:
    """Documents from outside (manual C) that *account* was given, or its dependencia if it is head of it."""
    valid = Case.state != State.CANCELLED
    given = select(CaseAccess.case_id).where(CaseAccess.account_id == account.id)
    found = [and_(Oficio.id.in_(given), valid)]
    if account.role == Role.HEAD:
        found.append(and_(Case.dependencia_id == account.dependencia_id, valid))
    return found
