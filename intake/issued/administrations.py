"""Terms of government: one follows the other, and every document belongs to that of its day."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from intake.errors import InvalidInput
from models.letterhead import Administration
from models.oficio import Oficio


def check(session: Session, starts_on: date, ends_on: date | None, *, own: int | None = None) -> None:
    """Raises InvalidInput when the term ends before it begins, or is partly that of another one.

    One that still lasts and began before is no hindrance: `settle` ends it.
    """
    if ends_on is not None and ends_on < starts_on:
        raise InvalidInput("term_ends_first")
    wanted = select(Administration).where(
        Administration.id != (own or 0),
        or_(Administration.ends_on.is_(None), Administration.ends_on >= starts_on),
    )
    if ends_on is not None:
        wanted = wanted.where(Administration.starts_on <= ends_on)
    for other in session.scalars(wanted):
        if other.ends_on is None and other.starts_on < starts_on:
            continue
        raise InvalidInput("term_overlaps", name=other.name)


def settle(session: Session, administration: Administration) -> Administration | None:
    """End the term before the new one, and give the new one the documents of its days that have none.

    Returns the one that was ended.
    """
    session.flush()
    before = session.scalar(
        select(Administration).where(
            Administration.id != administration.id,
            Administration.ends_on.is_(None),
            Administration.starts_on < administration.starts_on,
        )
    )
    if before is not None:
        before.ends_on = administration.starts_on - timedelta(days=1)
    day = func.coalesce(Oficio.received_on, Oficio.written_on)
    of_its_days = [Oficio.administration_id.is_(None), day >= administration.starts_on]
    if administration.ends_on is not None:
        of_its_days.append(day <= administration.ends_on)
    session.execute(
        update(Oficio)
        .where(*of_its_days)
        .values(administration_id=administration.id)
    )  # fmt: skip
    return before
