"""Acuses that should be back: whoever owes one is told when its day has passed, and every few days after."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Select, select

from intake.deliveries import dispatch_notices
from intake.deliveries.dispatches import REMIND_EVERY
from intake.office import Office
from models.case import lock
from models.dispatch import Dispatch
from models.event import record

_BATCH = 50


def remind(office: Office, at: datetime) -> None:
    """Tell of every acuse that was due before *at* and has not been told of lately."""
    while _remind(office, at) == _BATCH:
        pass


def _remind(office: Office, at: datetime) -> int:
    with office.database.reading() as session:
        if session.scalar(_missed(at).with_only_columns(Dispatch.id).limit(1)) is None:
            return 0
    with office.database.writing() as session:
        # Another worker has the locked ones in hand.
        found = session.scalars(
            _missed(at).limit(_BATCH).with_for_update(skip_locked=True, of=Dispatch)
        ).all()  # fmt: skip
        for one in found:
            lock(session, one.case)
            one.acuse_remind_at = at + REMIND_EVERY
            due = one.acuse_due_at.isoformat() if one.acuse_due_at else ""
            carrying = str(one.courier or one.carrier or "")
            data = {"dispatch": one.id, "name": one.name, "due": due, "carrying": carrying}
            record(session, one.case, "acuse_owed", actor="clock", data=data)
            dispatch_notices.write_acuse_owed(session, office, one)
        return len(found)


def _missed(at: datetime) -> Select[Dispatch]:
    return select(Dispatch).where(Dispatch.acuse_remind_at <= at).order_by(Dispatch.acuse_remind_at)
