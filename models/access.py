"""Who sees which case: the one rule behind every list, count, search, export and file link.

domain.md, "Roles": its requester, the accounts it was ever assigned to, heads of
their dependencias, oficialía de partes (a document of another dependencia once it is sent). Nobody else.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from sqlalchemy import ColumnElement, and_, bindparam, exists, or_, select
from sqlalchemy.orm import Session

from models.base import is_written, now
from models.case import Case, CaseAccess
from models.delegation import Delegation
from models.dependencia import Dependencia
from models.oficio import Flow, Oficio
from models.person import Account, Role
from models.recipient import Recipient
from models.review import Review
from models.rows import insert_missing, write_after_flush
from models.signature import Signature
from models.workflow import NEVER_SENT, State, Who, relations

# Built once: every page asks it, and putting a statement together takes longer than answering it.
_PRINCIPALS = (
    select(Account)
    .join(Delegation, Delegation.absent_id == Account.id)
    .where(
        Delegation.acting_id == bindparam("acting"),
        Delegation.revoked_at.is_(None),
        Delegation.starts_at <= bindparam("moment"),
        Delegation.ends_at > bindparam("moment"),
    )
    .order_by(Delegation.id)
)


def visible_to(account: Account) -> ColumnElement[bool]:
    """A condition on `Case` for the cases *account* may see."""
    path = account.dependencia.path if account.role == Role.HEAD else ""
    return _visible(account.id, account.role, account.dependencia_id, path)


@lru_cache(maxsize=1024)
def _visible(account_id: int, role: Role, dependencia_id: int, path: str) -> ColumnElement[bool]:
    """The same by what it depends on: a page has it in each of its lists and counts."""
    # Equality, but said so that PostgreSQL asks for each case of a page: of a plain `==` it makes a hash
    # table of all that the account was ever given.
    given = select(CaseAccess.id).where(CaseAccess.case_id.between(Case.id, Case.id))
    own = given.where(CaseAccess.account_id == account_id)
    if role == Role.OFICIALIA:
        return or_(Case.state.not_in(NEVER_SENT), exists(own))
    if role == Role.HEAD:
        below = select(Dependencia.id).where(Dependencia.path.startswith(path, autoescape=True))
        return or_(exists(given.where(CaseAccess.dependencia_id.in_(below))), exists(own))
    if role == Role.WORKER:
        # What was given to the dependencia as a whole waits for any of its workers to take it. It is asked
        # first: most cases in sight are, and a count asks for a thousand.
        whole = given.where(CaseAccess.dependencia_id == dependencia_id, CaseAccess.account_id.is_(None))
        return or_(exists(whole), exists(own))
    return exists(own)


def standing(session: Session, case: Case, account: Account, *, is_seen: bool = False) -> set[Who]:
    """How *account* stands to *case*; empty when it may not even see it.

    Who acts for somebody absent stands as that one does, besides, to the documents the house issues.
    *is_seen*: the case was found among those that the account may see, which is then not asked again.
    """
    found: set[Who] = set()
    is_issued = isinstance(case, Oficio) and case.flow == Flow.ISSUED
    if is_seen or _reads(session, case, account):
        found |= relations(case, account, reads=True)
    if not is_issued:
        return found
    for principal in principals_of(session, account):
        if _reads(session, case, principal):
            # A certificate is nobody else's: who acts signs with the own one, or not at all.
            found |= relations(case, principal, reads=True) - {Who.SIGNER}
            found |= _receives(session, case, principal)
    if not found:
        return found
    found |= _receives(session, case, account) | _signs(session, case, account)
    return found | _is_consulted(session, case, account)


def _reads(session: Session, case: Case, account: Account) -> bool:
    return session.scalar(select(Case.id).where(Case.id == case.id, visible_to(account))) is not None


def principals_of(session: Session, account: Account) -> Sequence[Account]:
    """The absent accounts for which *account* acts now."""
    if not account.is_active:
        return ()
    return session.scalars(_PRINCIPALS, {"acting": account.id, "moment": now()}).all()


def received_by(account: Account) -> ColumnElement[bool]:
    """A condition on `Recipient` for what went to *account*, or to the dependencia of which it is head."""
    own = Recipient.account_id == account.id
    if account.role != Role.HEAD:
        return own
    return or_(own, and_(Recipient.account_id.is_(None), Recipient.dependencia_id == account.dependencia_id))


def _receives(session: Session, case: Case, account: Account) -> set[Who]:
    received = select(Recipient.id).where(Recipient.oficio_id == case.id, received_by(account)).limit(1)
    # Before it is sent, it is known to nobody but its authors.
    is_out = case.state in (State.SENT, State.CANCELLED)
    return {Who.RECIPIENT} if is_out and session.scalar(received) is not None else set()


def _signs(session: Session, case: Case, account: Account) -> set[Who]:
    wanted = select(Signature.id).where(
        Signature.oficio_id == case.id, Signature.account_id == account.id, Signature.signed_at.is_(None)
    )
    return {Who.SIGNER} if account.is_signer and session.scalar(wanted.limit(1)) is not None else set()


def _is_consulted(session: Session, case: Case, account: Account) -> set[Who]:
    asked = select(Review.id).where(Review.oficio_id == case.id, Review.account_id == account.id)
    return {Who.CONSULTED} if session.scalar(asked) is not None else set()


def grant(session: Session, case: Case, dependencia_id: int, account_id: int | None = None) -> None:
    """Let a dependencia (as a whole) or an account see *case* (which has its id) from now on."""
    row = {
        "case_id": case.id,
        "dependencia_id": dependencia_id,
        "account_id": account_id,
        "last_activity_at": case.last_activity_at,
    }
    if not is_written(case):
        # Nobody was given a case that is not written yet; it is written with it.
        write_after_flush(session, CaseAccess, row)
        return
    session.connection().execute(insert_missing(session, CaseAccess), row)
