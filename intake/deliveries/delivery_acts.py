"""What a courier's phone sends, perhaps hours later and perhaps twice: delivered, or returned with reason.

Each act carries a key: the second time it changes nothing. One that comes after the delivery was given
to somebody else is kept with its files and told to the dispatch managers, and waits until one of them
believes it (`accept`) or puts it aside (`set_aside`). Only who once had that delivery may send one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.deliveries import dispatch_notices, dispatches
from intake.errors import InvalidInput
from intake.incoming import IncomingFile
from intake.office import Office
from intake.wording import moment
from models.base import now
from models.carrier import Courier
from models.case import lock
from models.dispatch import DeliveryAct, Dispatch, DispatchState, Route, allowed
from models.event import Event, of_case, record
from models.message import Message
from models.person import Account, Role
from models.workflow import NotAllowed


@dataclass(frozen=True, slots=True)
class Act:
    """One act as the phone tells it. `key` was made there; `done_at` is by its clock."""

    key: str
    outcome: DispatchState
    done_at: datetime
    receiver: str = ""
    reason: str = ""
    latitude: float | None = None
    longitude: float | None = None
    accuracy: float | None = None


def take_act(
    session: Session, office: Office, dispatch: Dispatch, by: Account, act: Act, files: Sequence[IncomingFile]
) -> DeliveryAct:
    """Do what *act* says, once. Raises InvalidInput when something is missing or it never was *by*'s."""
    # Two that were sent at the same moment wait here for each other.
    lock(session, dispatch.case)
    known = session.scalar(select(DeliveryAct).where(DeliveryAct.key == act.key))
    if known is not None:
        return known
    _check(session, dispatch, by, act, files)
    action = "deliver" if act.outcome == DispatchState.DELIVERED else "return"
    session.refresh(dispatch)
    is_applied = any(row.action == action for row in allowed(dispatch, by))
    message = _apply(session, office, dispatch, by, act, files) if is_applied else None
    if not is_applied:
        message = _keep(session, office, dispatch, by, act, files)
    made = DeliveryAct(
        key=act.key, dispatch_id=dispatch.id, account_id=by.id, outcome=act.outcome, done_at=act.done_at,
        latitude=act.latitude, longitude=act.longitude, accuracy=act.accuracy, receiver=act.receiver.strip(),
        reason=act.reason.strip(), message_id=message.id if message else None, is_applied=is_applied,
    )  # fmt: skip
    session.add(made)
    session.flush()
    return made


def _check(
    session: Session, dispatch: Dispatch, by: Account, act: Act, files: Sequence[IncomingFile]
) -> None:
    if not _was_given(session, dispatch, by):
        raise InvalidInput("dispatch_not_yours")
    if act.outcome == DispatchState.DELIVERED:
        if not act.receiver.strip():
            raise InvalidInput("dispatch_receiver")
        if not files:
            raise InvalidInput("dispatch_proof")
    elif not act.reason.strip():
        raise InvalidInput("reason_needed")


def _was_given(session: Session, dispatch: Dispatch, by: Account) -> bool:
    """Was this very delivery ever on a route of *by*? Another one of the same document is not enough."""
    history = select(Event.data).where(of_case(dispatch.case), Event.action == "dispatch_assign")
    folios = [data["route"] for data in session.scalars(history) if data["dispatch"] == dispatch.id]
    own = select(Route.id).join(Courier, Courier.id == Route.courier_id).where(
        Route.folio.in_(folios), Courier.account_id == by.id
    )  # fmt: skip
    return session.scalar(own.limit(1)) is not None


def accept(session: Session, office: Office, act: DeliveryAct, by: Account) -> None:
    """A manager believes an act that came late: it counts as done by who did it, then and there."""
    dispatch = act.dispatch
    _decide(session, act, by)
    told = {"place": _place(act), "phone_at": act.done_at.isoformat(), "carrying": act.account.person.name}
    if act.outcome == DispatchState.DELIVERED:
        dispatches.deliver(session, office, dispatch, by, receiver=act.receiver, at=act.done_at, told=told,
                           late=act.message)  # fmt: skip
    else:
        dispatches.give_back(session, office, dispatch, by, reason=act.reason, at=act.done_at, told=told,
                             is_late=True)  # fmt: skip
    act.is_applied = True
    carried = session.scalar(select(Courier).where(Courier.account_id == act.account_id))
    if carried is not None and dispatch.carrier_id is None:
        dispatch.courier = carried


def set_aside(session: Session, act: DeliveryAct, by: Account) -> None:
    """A manager has seen an act that came late; nothing follows from it, and it stays where it is."""
    if by.role != Role.DISPATCH_MANAGER:
        raise NotAllowed("dispatch_set_aside", f"dispatch_{act.dispatch.state}")
    _decide(session, act, by)
    data = {"dispatch": act.dispatch_id, "name": act.dispatch.name, "by": act.account.person.name}
    record(session, act.dispatch.case, "dispatch_set_aside", account=by, data=data)


def _decide(session: Session, act: DeliveryAct, by: Account) -> None:
    """Once, by whoever comes first."""
    lock(session, act.dispatch.case)
    session.refresh(act, ["is_applied", "decided_at"])
    if act.is_applied or act.decided_at is not None:
        raise InvalidInput("late_act_decided")
    act.decided_at, act.decided_by = now(), by


def _apply(
    session: Session, office: Office, dispatch: Dispatch, by: Account, act: Act, files: Sequence[IncomingFile]
) -> Message | None:
    told = {"place": _place(act), "phone_at": act.done_at.isoformat(), "received_at": now().isoformat()}
    if act.outcome == DispatchState.DELIVERED:
        return dispatches.deliver(session, office, dispatch, by, receiver=act.receiver, at=act.done_at,
                                  files=files, told=told)  # fmt: skip
    return dispatches.give_back(session, office, dispatch, by, reason=act.reason, at=act.done_at, files=files,
                                told=told)  # fmt: skip


def _keep(
    session: Session, office: Office, dispatch: Dispatch, by: Account, act: Act, files: Sequence[IncomingFile]
) -> Message | None:
    data = {
        "dispatch": dispatch.id, "name": dispatch.name, "outcome": act.outcome.value,
        "receiver": act.receiver, "reason": act.reason,
        "place": _place(act), "when": moment(act.done_at, office.settings.zone),
    }  # fmt: skip
    record(session, dispatch.case, "dispatch_late_act", account=by, data=data)
    dispatch_notices.write_late_act(session, office, dispatch, by)
    return dispatches.file_proof(session, office, dispatch, by, files, "late") if files else None


def _place(act: Act | DeliveryAct) -> str:
    if act.latitude is None or act.longitude is None:
        return ""
    near = f" ± {act.accuracy:.0f} m" if act.accuracy is not None else ""
    return f"{act.latitude:.5f}, {act.longitude:.5f}{near}"
