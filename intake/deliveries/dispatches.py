"""The verbs of deliveries (mensajería de salida): request, route, start, deliver, return, ask again.

Every verb asks `models.dispatch` first, writes one event in the chain of the document, and leaves
notices in the outbox; the caller commits. Raises NotAllowed or InvalidInput, and then nothing was changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.deliveries import dispatch_notices
from intake.deliveries.guias import cancel_guia, take_guia
from intake.errors import InvalidInput
from intake.incoming import IncomingFile
from intake.issued.issuing import answered_by
from intake.messages import file_outgoing, touch
from intake.office import Office
from intake.opening import local_year
from intake.services.commitments import calendar_of
from models.access import standing
from models.base import now
from models.carrier import Carrier, Courier, DispatchKind, Tariff, Zone, find_tariff, find_zone
from models.case import Case, lock
from models.dispatch import OPEN, Dispatch, DispatchState, DispatchTransition, Route, allowed, get_row
from models.event import record
from models.folio import draw_number
from models.message import Attachment, Direction, Message
from models.oficio import Flow, Oficio
from models.person import DISPATCH_ASKING, Account, Role
from models.recipient import Recipient
from models.task import Task, TaskKind, TaskState
from models.workflow import NotAllowed, State
from templates import say

ROUTE_SERIES = "R"
# Working days until a signed acuse is to be back, and how often its absence is told then.
ACUSE_DAYS = 5
REMIND_EVERY = timedelta(days=3)
_PROOFS = ("image/", "application/pdf")


@dataclass(frozen=True, slots=True)
class DispatchFields:
    """What the form asks: how far, to whom, where, and whether the signed acuse is to come back."""

    kind: DispatchKind
    name: str
    address: str
    institution: str = ""
    municipality: str = ""
    postal_code: str = ""
    phone: str = ""
    instruction: str = ""
    grams: int = 100
    wants_acuse: bool = False
    recipient_id: int | None = None


def request_dispatch(
    session: Session, office: Office, oficio: Oficio, by: Account, what: DispatchFields
) -> Dispatch:
    """Ask that the issued *oficio* be delivered; its zone is proposed by its postal code."""
    lock(session, oficio)
    is_issued = oficio.flow == Flow.ISSUED and oficio.state == State.SENT
    if by.role not in DISPATCH_ASKING or not is_issued or not standing(session, oficio, by):
        raise NotAllowed("dispatch_request", oficio.state)
    if what.recipient_id is not None:
        recipient = session.get(Recipient, what.recipient_id)
        if recipient is None or recipient.oficio_id != oficio.id:
            raise InvalidInput("choose_one")
    made = Dispatch(case=oficio, requested_by=by, zone=_zone_of(session, what), **_columns(what))
    session.add(made)
    session.flush()
    data = {"dispatch": made.id, "name": made.name, "kind": say(f"dispatch.kind.{made.kind}")}
    _tell(session, oficio, by, "request", data)
    touch(oficio)
    return made


def correct(
    session: Session, dispatch: Dispatch, by: Account, what: DispatchFields, *, zone: Zone | None,
    cost_cents: int | None = None,
) -> None:  # fmt: skip
    """The dispatch manager puts an address, a zone or a cost right, while it is not ended."""
    _renew(session, dispatch)
    if by.role != Role.DISPATCH_MANAGER or dispatch.state not in OPEN:
        raise NotAllowed("dispatch_correct", f"dispatch_{dispatch.state}")
    for name, value in _columns(what).items():
        setattr(dispatch, name, value)
    dispatch.zone = zone
    if cost_cents is not None:
        dispatch.cost_cents = cost_cents
    record(session, dispatch.case, "dispatch_correct", account=by,
           data={"dispatch": dispatch.id, "name": dispatch.name})  # fmt: skip


def _columns(what: DispatchFields) -> dict[str, Any]:
    found = {k: v.strip() if type(v) is str else v for k, v in asdict(what).items()}
    if not found["name"] or not found["address"]:
        raise InvalidInput("dispatch_address")
    if not 0 < what.grams <= 70_000:
        raise InvalidInput("dispatch_grams")
    return found


def _zone_of(session: Session, what: DispatchFields) -> Zone | None:
    zones = session.scalars(select(Zone).where(Zone.is_active)) if what.kind == DispatchKind.LOCAL else ()
    return find_zone(zones, what.postal_code.strip())


def make_route(
    session: Session, office: Office, dispatches: Sequence[Dispatch], by: Account, *, leaves_on: date,
    courier: Courier | None = None, carrier: Carrier | None = None,
) -> Route:  # fmt: skip
    """Give *dispatches* to a courier, or to a carrier with a guía each; they leave together."""
    if not dispatches:
        raise InvalidInput("dispatch_none")
    if (courier is None) == (carrier is None) or not (courier or carrier).is_active:  # type: ignore[union-attr]
        raise InvalidInput("dispatch_by_whom")
    year = local_year(office.settings.zone)
    zones = {one.zone_id for one in dispatches}
    route = Route(
        folio=f"{ROUTE_SERIES}-{year}-{draw_number(session, ROUTE_SERIES, year):06d}",
        leaves_on=leaves_on, zone_id=zones.pop() if len(zones) == 1 else None, courier=courier,
        carrier=carrier, created_by_id=by.id,
    )  # fmt: skip
    session.add(route)
    session.flush()
    tariffs = session.scalars(select(Tariff).where(Tariff.is_active)).all()
    # Two managers who lock the same cases do it in the same order, and before they wait for a guía.
    dispatches = sorted(dispatches, key=lambda each: each.case_id)
    for one in dispatches:
        _renew(session, one)
    for one in dispatches:
        _assign(session, office, one, by, route, tariffs)
    for position, one in enumerate(sorted(dispatches, key=_place), start=1):
        one.position = position
    return route


def _place(dispatch: Dispatch) -> tuple[str, str, int]:
    return dispatch.postal_code, dispatch.address, dispatch.id


def _assign(
    session: Session, office: Office, dispatch: Dispatch, by: Account, route: Route, tariffs: Sequence[Tariff]
) -> None:
    row = _check(session, dispatch, by, "assign")
    if dispatch.case.state == State.CANCELLED:
        raise InvalidInput("dispatch_cancelled_document", folio=dispatch.case.folio, name=dispatch.name)
    dispatch.route, dispatch.courier, dispatch.carrier = route, route.courier, route.carrier
    dispatch.assigned_at = now()
    tariff = find_tariff(tariffs, dispatch.kind, route.carrier_id, dispatch.zone_id, dispatch.grams)
    dispatch.cost_cents = tariff.cost_cents if tariff else 0
    session.flush()
    guia = take_guia(session, office, route.carrier, by, dispatch).number if route.carrier else ""
    if dispatch.wants_acuse:
        calendar = calendar_of(session, office)
        today = now().astimezone(calendar.zone).date()
        due = calendar.closing_of(calendar.working_day_after(max(today, route.leaves_on), ACUSE_DAYS))
        dispatch.acuse_due_at = dispatch.acuse_remind_at = due
    carrying = say("dispatch.by_carrier", name=route.carrier, guia=guia) if guia else str(route.courier)
    data = {"route": route.folio, "carrying": carrying, "guia": guia}
    _take(session, office, dispatch, by, row, data)
    session.expire(dispatch, ["guias"])


def unassign(session: Session, office: Office, dispatch: Dispatch, by: Account, *, reason: str) -> None:
    """Out of its route, back among what is requested; its guía is cancelled."""
    row = _check(session, dispatch, by, "unassign", reason)
    if dispatch.guia is not None:
        cancel_guia(session, dispatch.guia, by, reason=reason)
    route = dispatch.route
    _leave(dispatch)
    _take(session, office, dispatch, by, row, {"route": route.folio if route else ""}, reason)
    _close(session, route)


def replace_guia(
    session: Session, office: Office, dispatch: Dispatch, by: Account, *, reason: str, number: str = "",
    instead_of: str = "",
) -> None:  # fmt: skip
    """Cancel its guía and take the next one, or that *number* which the carrier gave by itself.

    *instead_of*: the guía that was seen when this was asked for; if it is another by now, InvalidInput.
    """
    _renew(session, dispatch)
    if by.role != Role.DISPATCH_MANAGER or dispatch.state not in OPEN or dispatch.carrier is None:
        raise NotAllowed("dispatch_replace_guia", f"dispatch_{dispatch.state}")
    if instead_of and (dispatch.guia is None or dispatch.guia.number != instead_of):
        raise InvalidInput("guia_replaced", number=instead_of)
    if dispatch.guia is not None:
        cancel_guia(session, dispatch.guia, by, reason=reason)
    taken = take_guia(session, office, dispatch.carrier, by, dispatch, number=number)
    session.expire(dispatch, ["guias"])
    data = {"dispatch": dispatch.id, "guia": taken.number, "carrier": dispatch.carrier.name}
    record(session, dispatch.case, "guia_taken", account=by, data=data)


def start(session: Session, office: Office, dispatch: Dispatch, by: Account) -> None:
    """It left the house."""
    row = _check(session, dispatch, by, "start")
    dispatch.started_at = now()
    if dispatch.route is not None:
        dispatch.route.started_at = dispatch.route.started_at or now()
    _take(session, office, dispatch, by, row, {"carrying": str(dispatch.courier or dispatch.carrier or "")})


def start_waiting(session: Session, office: Office, waiting: Sequence[Dispatch], by: Account) -> int:
    """All of *waiting* that may still leave; returns how many. Another may have taken one out meanwhile."""
    started = 0
    for one in sorted(waiting, key=lambda each: each.case_id):
        _renew(session, one)
        if any(row.action == "start" for row in allowed(one, by)):
            start(session, office, one, by)
            started += 1
    return started


def deliver(
    session: Session, office: Office, dispatch: Dispatch, by: Account, *, receiver: str, at: datetime,
    files: Sequence[IncomingFile] = (), told: dict[str, Any] | None = None, late: Message | None = None,
) -> Message | None:  # fmt: skip
    """It was handed to *receiver*; *files* (signature, acuse) go into the case, where the acuse is filed.

    *late*: the note with the proof that a courier sent who no longer had it, and that a manager believes.
    """
    row = _check(session, dispatch, by, "deliver" if late is None else "accept_late")
    if not receiver.strip():
        raise InvalidInput("dispatch_receiver")
    if dispatch.wants_acuse and not has_acuse(late.attachments if late else files):
        raise InvalidInput("dispatch_acuse")
    dispatch.receiver, dispatch.reason = receiver.strip(), ""
    message = late or (file_proof(session, office, dispatch, by, files, "delivered") if files else None)
    if dispatch.wants_acuse:
        dispatch.acuse_message_id = message.id if message else None
    _end(session, office, dispatch, by, row, at, {"receiver": dispatch.receiver, **(told or {})})
    if dispatch.recipient is not None:
        dispatch.recipient.delivered_at = dispatch.recipient.delivered_at or dispatch.ended_at
    return message


def give_back(
    session: Session, office: Office, dispatch: Dispatch, by: Account, *, reason: str, at: datetime,
    files: Sequence[IncomingFile] = (), told: dict[str, Any] | None = None, is_late: bool = False,
) -> Message | None:  # fmt: skip
    """It could not be delivered, and why. *is_late*: a courier says so who no longer had it."""
    row = _check(session, dispatch, by, "accept_late_return" if is_late else "return", reason)
    dispatch.reason = reason.strip()
    message = file_proof(session, office, dispatch, by, files, "returned") if files else None
    _end(session, office, dispatch, by, row, at, told or {}, reason)
    return message


def withdraw(session: Session, office: Office, dispatch: Dispatch, by: Account, *, reason: str) -> None:
    """It need not be delivered any more."""
    row = _check(session, dispatch, by, "withdraw", reason)
    dispatch.reason = reason.strip()
    _end(session, office, dispatch, by, row, now(), {}, reason)


def ask_again(session: Session, office: Office, dispatch: Dispatch, by: Account) -> None:
    """Another try at what came back; what happened before stays in the history."""
    row = _check(session, dispatch, by, "ask_again")
    dispatch.ended_at, dispatch.reason = None, ""
    _leave(dispatch)
    _take(session, office, dispatch, by, row, {})


def has_acuse(files: Sequence[IncomingFile | Attachment]) -> bool:
    """A scan or a photo; a signature on glass alone is none."""
    return any(one.content_type.startswith(_PROOFS) and not one.filename.startswith(SIGNATURE)
               for one in files)  # fmt: skip


# The beginning of the name of a signature on glass, by which it is told from a photo of the paper.
SIGNATURE = "firma"


def file_proof(
    session: Session, office: Office, dispatch: Dispatch, by: Account, files: Sequence[IncomingFile],
    outcome: str,
) -> Message:  # fmt: skip
    """Put what proves the delivery into the case, as a note with its files."""
    sentence = say(f"dispatch.proof.{outcome}", name=dispatch.name,
                   receiver=dispatch.receiver, reason=dispatch.reason)  # fmt: skip
    message = file_outgoing(session, office, dispatch.case, by, text=sentence, direction=Direction.NOTE,
                            recipients=[], files=files)  # fmt: skip
    session.flush()
    return message


def _check(
    session: Session, dispatch: Dispatch, by: Account, action: str, reason: str | None = None
) -> DispatchTransition:
    """Wait for whoever is changing it, then look whether *by* may."""
    _renew(session, dispatch)
    row = get_row(dispatch, action, by)
    if row.needs_reason and not (reason or "").strip():
        raise InvalidInput("reason_needed")
    return row


def _renew(session: Session, dispatch: Dispatch) -> None:
    """Wait for whoever is changing it, then read it anew, and its guías: all of it may have changed."""
    lock(session, dispatch.case)
    session.flush()
    session.refresh(dispatch)
    for guia in dispatch.guias:
        session.refresh(guia)


def _take(
    session: Session, office: Office, dispatch: Dispatch, by: Account, row: DispatchTransition,
    data: dict[str, Any], reason: str = "",
) -> None:  # fmt: skip
    """Change the state with its tasks, write the event and the notice."""
    dispatch.state = row.target
    _end_tasks(dispatch, by, row)
    if TaskKind.DELIVER in row.starts:
        dispatch.deliver_task = _task(dispatch, by, TaskKind.DELIVER)
    if TaskKind.RETURN_ACUSE in row.starts and dispatch.wants_acuse:
        dispatch.acuse_task = _task(dispatch, by, TaskKind.RETURN_ACUSE)
    said = {
        **data,
        "dispatch": dispatch.id,
        "name": dispatch.name,
        **({"reason": reason.strip()} if reason.strip() else {}),
    }
    kept = {key: value for key, value in said.items() if value not in ("", None)}
    _tell(session, dispatch.case, by, row.action, kept)
    touch(dispatch.case)
    if row.notice and dispatch.requested_by_id != by.id:
        session.flush()
        dispatch_notices.write_ended(session, office, dispatch, row.notice)


def _tell(session: Session, document: Case, by: Account, action: str, data: dict[str, Any]) -> None:
    """In the history of *document*, and of what it answers: whoever asks there must learn that it arrived."""
    record(session, document, f"dispatch_{action}", account=by, data=data)
    for case in answered_by(session, document):
        lock(session, case)
        record(session, case, f"dispatch_{action}", account=by, data={**data, "folio": document.folio})


def _end(
    session: Session, office: Office, dispatch: Dispatch, by: Account, row: DispatchTransition, at: datetime,
    data: dict[str, Any], reason: str = "",
) -> None:  # fmt: skip
    # The clock of a phone may be ahead of ours; nothing ends tomorrow.
    dispatch.ended_at = min(at, now())
    dispatch.acuse_remind_at = None
    _take(session, office, dispatch, by, row, data, reason)
    _close(session, dispatch.route)


def _close(session: Session, route: Route | None) -> None:
    """A route ends with the last of its deliveries."""
    if route is not None and route.closed_at is None:
        session.flush()
        left = select(Dispatch.id).where(Dispatch.route_id == route.id, Dispatch.state.in_(OPEN))
        route.closed_at = now() if session.scalar(left.limit(1)) is None else None


def _leave(dispatch: Dispatch) -> None:
    dispatch.route = dispatch.courier = dispatch.carrier = None
    dispatch.assigned_at = dispatch.started_at = dispatch.acuse_due_at = dispatch.acuse_remind_at = None
    dispatch.position = dispatch.cost_cents = 0


def _task(dispatch: Dispatch, by: Account, kind: TaskKind) -> Task:
    """For the courier; without an account, and of a carrier, for the dispatch managers."""
    account = dispatch.courier.account if dispatch.courier else None
    return Task(
        case=dispatch.case, kind=kind, account=account,
        dependencia_id=account.dependencia_id if account else by.dependencia_id,
        role=None if account else Role.DISPATCH_MANAGER, instruction=dispatch.instruction,
        due_at=dispatch.acuse_due_at if kind == TaskKind.RETURN_ACUSE else None,
    )  # fmt: skip


def _end_tasks(dispatch: Dispatch, by: Account, row: DispatchTransition) -> None:
    for task in (dispatch.deliver_task, dispatch.acuse_task):
        if task is not None and task.kind in row.ends and task.state == TaskState.OPEN:
            is_done = row.target == DispatchState.DELIVERED
            task.state = TaskState.DONE if is_done else TaskState.RETURNED
            task.ended_at, task.ended_by_id = now(), by.id
