"""Who acts for a head while absent: said by the head itself, one above it, or an administrator."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.errors import InvalidInput
from intake.office import Office
from models.base import now
from models.delegation import Delegation
from models.event import record
from models.person import Account, Role


def delegate(
    session: Session,
    office: Office,
    by: Account,
    *,
    absent: Account,
    acting: Account,
    starts_on: date,
    ends_on: date,
    reason: str = "",
) -> Delegation:
    """Let *acting* approve for *absent* from one day to another, both included. Raises InvalidInput."""
    _check_may(by, absent)
    if absent.id == acting.id or absent.person_id == acting.person_id:
        raise InvalidInput("delegate_to_self")
    if acting.role not in (Role.HEAD, Role.WORKER) or not (acting.is_active and acting.person.is_active):
        raise InvalidInput("delegate_to", name=acting.person.name)
    if ends_on < starts_on or ends_on < now().astimezone(office.settings.zone).date():
        raise InvalidInput("delegation_dates")
    zone = office.settings.zone
    made = Delegation(
        absent_id=absent.id,
        acting_id=acting.id,
        starts_at=datetime.combine(starts_on, time.min, zone),
        ends_at=datetime.combine(ends_on + timedelta(days=1), time.min, zone),
        reason=reason.strip(),
        created_by_id=by.id,
    )
    session.add(made)
    session.flush()
    record(session, None, "delegation_made", account=by, data=_data(made, absent, acting))
    return made


def revoke(session: Session, office: Office, by: Account, delegation: Delegation) -> None:
    """End it at once."""
    _check_may(by, delegation.absent)
    if delegation.revoked_at is None:
        delegation.revoked_at = now()
        data = _data(delegation, delegation.absent, delegation.acting)
        record(session, None, "delegation_revoked", account=by, data=data)


def acting_for(session: Session, absents: Sequence[Account]) -> list[Account]:
    """Who acts now for any of *absents*."""
    moment = now()
    wanted = (
        select(Account)
        .join(Delegation, Delegation.acting_id == Account.id)
        .where(
            Delegation.absent_id.in_([one.id for one in absents]),
            Delegation.revoked_at.is_(None),
            Delegation.starts_at <= moment,
            Delegation.ends_at > moment,
            Account.is_active,
        )
    )
    return list(session.scalars(wanted).unique())


def _check_may(by: Account, absent: Account) -> None:
    is_above = by.role == Role.HEAD and absent.dependencia.path.startswith(by.dependencia.path)
    if absent.role != Role.HEAD:
        raise InvalidInput("delegate_of", name=absent.person.name)
    if not (by.id == absent.id or is_above or by.role == Role.ADMINISTRATOR):
        raise InvalidInput("delegate_not_yours")


def _data(delegation: Delegation, absent: Account, acting: Account) -> dict[str, str]:
    return {
        "absent": absent.person.name,
        "acting": acting.person.name,
        "from": delegation.starts_at.isoformat(),
        "until": delegation.ends_at.isoformat(),
        "reason": delegation.reason,
    }
