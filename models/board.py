"""The tablero of manual T: which documents stand in which folder of an account.

One rule per folder makes both its list and its count. Lists are paged by the
document's key, newest first; counts stop at `COUNT_LIMIT`.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from models.access import received_by
from models.oficio import DocumentType, Flow, Oficio
from models.person import Account, Role
from models.recipient import Recipient
from models.signature import Signature
from models.trays import COUNT_LIMIT, attended_by
from models.workflow import State

PAGE_SIZE = 50


class Folder(StrEnum):
    """The six of the manual, and what is not written to its end."""

    RECEIVED = "received"
    SENT = "sent"
    PENDING = "pending"
    REASSIGNED = "reassigned"
    DISCARDED = "discarded"
    CANCELLED = "cancelled"
    DRAFTS = "drafts"


_PENDING = (State.PENDING_APPROVAL, State.PENDING_SIGNATURE)


def in_folder(session: Session, account: Account, folder: Folder) -> ColumnElement[bool]:
    """A condition on `Oficio`; a head finds also what its dependencias wrote."""
    attends = attended_by(session, account) if account.role == Role.HEAD else ()
    own = or_(Oficio.author_id == account.id, Oficio.issuer_id == account.id)
    written = or_(own, Oficio.dependencia_id.in_(attends)) if attends else own
    recipients = select(Recipient.oficio_id).where(Recipient.oficio_id == Oficio.id)
    received = exists(recipients.where(received_by(account)))
    handed_on = exists(recipients.where(Recipient.reassigned_by_id == account.id))
    signs = select(Signature.id).where(
        Signature.oficio_id == Oficio.id, Signature.account_id == account.id, Signature.signed_at.is_(None)
    )
    rules: dict[Folder, ColumnElement[bool]] = {
        Folder.RECEIVED: and_(Oficio.state == State.SENT, received, ~handed_on),
        Folder.SENT: and_(Oficio.state == State.SENT, written),
        Folder.PENDING: or_(
            and_(Oficio.state.in_(_PENDING), written),
            and_(Oficio.state == State.PENDING_SIGNATURE, exists(signs)),
        ),
        Folder.REASSIGNED: and_(Oficio.state == State.SENT, handed_on),
        Folder.DISCARDED: and_(Oficio.state == State.DISCARDED, written),
        Folder.CANCELLED: and_(Oficio.state == State.CANCELLED, or_(written, received)),
        Folder.DRAFTS: and_(Oficio.state == State.DRAFT, Oficio.author_id == account.id),
    }
    return and_(Oficio.flow == Flow.ISSUED, rules[folder])


def find_documents(
    session: Session,
    account: Account,
    folder: Folder,
    *,
    document_type: DocumentType | None = None,
    administration_id: int | None = None,
    before: int | None = None,
) -> Sequence[Oficio]:
    """The page of *folder* after the document *before*, newest first."""
    query = _query(session, account, folder, document_type, administration_id)
    if before is not None:
        query = query.where(Oficio.id < before)
    return session.scalars(query.order_by(Oficio.id.desc()).limit(PAGE_SIZE)).all()


def count_documents(
    session: Session,
    account: Account,
    folder: Folder,
    *,
    document_type: DocumentType | None = None,
    administration_id: int | None = None,
) -> int:
    """How many documents the folder has, at most COUNT_LIMIT."""
    query = _query(session, account, folder, document_type, administration_id)
    some = query.with_only_columns(Oficio.id).limit(COUNT_LIMIT).subquery()
    return session.scalar(select(func.count()).select_from(some)) or 0


def _query(
    session: Session,
    account: Account,
    folder: Folder,
    document_type: DocumentType | None,
    administration_id: int | None,
) -> Select[Oficio]:
    query = select(Oficio).where(in_folder(session, account, folder))
    if document_type is not None:
        query = query.where(Oficio.document_type == document_type)
    if administration_id is not None:
        query = query.where(Oficio.administration_id == administration_id)
    return query
