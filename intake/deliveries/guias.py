"""Guías of carriers: ranges that were handed over, the next one, and those that are cancelled.

No number of a carrier serves twice: it is a row, unique, from the moment it is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from intake.deliveries import dispatch_notices
from intake.errors import InvalidInput
from intake.office import Office
from models.base import now
from models.carrier import Carrier, Guia, GuiaRange, GuiaState
from models.dispatch import Dispatch
from models.event import record
from models.person import Account
from models.rows import insert_missing

# More in one range is a slip of the finger.
MAX_RANGE = 1_000_000


def add_range(
    session: Session, by: Account, carrier: Carrier, *, first: str, last: str, prefix: str = "",
    suffix: str = "", received_on: date,
) -> GuiaRange:  # fmt: skip
    """Take over the guías *first* to *last*, with the zeros in front that *first* has."""
    if not (first.isdecimal() and last.isdecimal()) or not 0 <= int(last) - int(first) < MAX_RANGE:
        raise InvalidInput("guia_range", limit=MAX_RANGE)
    # Two people who enter the same sheet at the same moment.
    session.refresh(carrier, with_for_update=True)
    overlapping = select(GuiaRange).where(
        GuiaRange.carrier_id == carrier.id, GuiaRange.prefix == prefix, GuiaRange.suffix == suffix,
        GuiaRange.first <= int(last), GuiaRange.last >= int(first),
    )  # fmt: skip
    other = session.scalar(overlapping.limit(1))
    if other is not None:
        raise InvalidInput("guia_overlap", first=other.number(other.first), last=other.number(other.last))
    made = GuiaRange(
        carrier=carrier, prefix=prefix, suffix=suffix, width=len(first), first=int(first), last=int(last),
        next_number=int(first), received_on=received_on,
    )  # fmt: skip
    session.add(made)
    session.flush()
    data = {"name": carrier.name, "first": made.number(made.first), "last": made.number(made.last)}
    record(session, None, "guia_range_added", account=by, data=data)
    return made


def take_guia(
    session: Session, office: Office, carrier: Carrier, by: Account, dispatch: Dispatch | None,
    *, number: str = "",
) -> Guia:  # fmt: skip
    """The next guía of *carrier*, or that *number* which it gave by itself. Raises InvalidInput."""
    if number.strip():
        found = _keep(session, carrier, None, number.strip().upper(), by, dispatch)
        if found is None:
            raise InvalidInput("guia_taken", number=number.strip().upper())
        return found
    while True:
        source, value = _next_number(session, carrier)
        # Somebody may have typed this number before its turn came.
        found = _keep(session, carrier, source, source.number(value), by, dispatch)
        if found is not None:
            break
    left = stock_of(session, [carrier.id]).get(carrier.id, 0)
    if left in (carrier.low_stock - 1, 0):
        dispatch_notices.write_low_stock(session, office, carrier, left)
    return found


def _next_number(session: Session, carrier: Carrier) -> tuple[GuiaRange, int]:
    has_more = GuiaRange.next_number <= GuiaRange.last
    own = select(GuiaRange.id).where(GuiaRange.carrier_id == carrier.id, GuiaRange.is_active, has_more)
    while (range_id := session.scalar(own.order_by(GuiaRange.id).limit(1))) is not None:
        # One UPDATE … RETURNING: with read-then-write, two at the same moment would get the same number.
        taken = session.scalar(
            update(GuiaRange)
            .where(GuiaRange.id == range_id, GuiaRange.is_active, has_more)
            .values(next_number=GuiaRange.next_number + 1)
            .returning(GuiaRange.next_number)
            .execution_options(synchronize_session=False)
        )
        if taken is not None:
            source = session.get_one(GuiaRange, range_id, populate_existing=True)
            return source, taken - 1
        # Somebody took its last number while we waited; the next range may have more.
    raise InvalidInput("no_guias", name=carrier.name)


def _keep(
    session: Session, carrier: Carrier, source: GuiaRange | None, number: str, by: Account,
    dispatch: Dispatch | None,
) -> Guia | None:  # fmt: skip
    made = session.scalar(
        insert_missing(session, Guia)
        .values(
            carrier_id=carrier.id, range_id=source.id if source else None, number=number[:60],
            state=GuiaState.USED, dispatch_id=dispatch.id if dispatch else None, taken_at=now(),
            taken_by_id=by.id, reason="",
        )
        .returning(Guia.id)
    )  # fmt: skip
    return session.get_one(Guia, made) if made is not None else None


def cancel_guia(session: Session, guia: Guia, by: Account, *, reason: str) -> None:
    """It stays, with the reason, and is never used again."""
    if guia.state == GuiaState.CANCELLED:
        raise InvalidInput("guia_cancelled", number=guia.number)
    if not reason.strip():
        raise InvalidInput("reason_needed")
    guia.state, guia.cancelled_at, guia.reason = GuiaState.CANCELLED, now(), reason.strip()
    dispatch = session.get(Dispatch, guia.dispatch_id) if guia.dispatch_id else None
    data = {"guia": guia.number, "carrier": guia.carrier.name, "reason": guia.reason,
            **({"dispatch": dispatch.id} if dispatch else {})}  # fmt: skip
    record(session, dispatch.case if dispatch else None, "guia_cancelled", account=by, data=data)


def spoil_next(session: Session, office: Office, carrier: Carrier, by: Account, *, reason: str) -> Guia:
    """Cancel the next guía before it was used: its label is torn or lost."""
    if not reason.strip():
        raise InvalidInput("reason_needed")
    found = take_guia(session, office, carrier, by, None)
    cancel_guia(session, found, by, reason=reason)
    return found


def stock_of(session: Session, carrier_ids: Sequence[int]) -> dict[int, int]:
    """How many guías each of these carriers has left."""
    left = func.sum(GuiaRange.last - GuiaRange.next_number + 1)
    query = select(GuiaRange.carrier_id, left).where(
        GuiaRange.carrier_id.in_(carrier_ids), GuiaRange.is_active, GuiaRange.next_number <= GuiaRange.last
    )
    return {carrier: int(number) for carrier, number in session.execute(query.group_by(GuiaRange.carrier_id))}
