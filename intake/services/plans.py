"""Preventive maintenance: makes the tickets of plans before their visits, each visit once.

`make_ahead` belongs to the clock: it may run in several workers and as often as one likes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, selectinload

from intake import memory
from intake.contacts import contact_for
from intake.incoming import Channel, IncomingMessage
from intake.office import Office
from intake.opening import Route
from intake.services import commitments
from intake.tickets import open_ticket
from intake.wording import speaking
from models.access import visible_to
from models.case import Case
from models.contact import AddressKind, Contact
from models.deadline import BusinessCalendar
from models.person import Account
from models.plan import Equipment, Plan, Visit, planned_days
from models.service import Service
from templates import say


def make_ahead(office: Office, at: datetime) -> None:
    """Open the tickets of all visits that are near enough at *at* (UTC)."""
    today = at.astimezone(office.settings.zone).date()
    with office.database.reading() as session:
        waiting = [plan.id for plan in session.scalars(_active()) if _lacks(plan, today)]
    for plan_id in waiting:
        with office.database.writing() as session, speaking(office.settings.language):
            memory.remember(session)
            plan = session.scalar(_active().where(Plan.id == plan_id).with_for_update(of=Plan))
            if plan is not None and _lacks(plan, today):
                _make(session, office, plan, today)


def _active() -> Select[Plan]:
    return select(Plan).where(Plan.is_active).order_by(Plan.id)


def _lacks(plan: Plan, today: date) -> bool:
    return plan.made_until is None or plan.made_until < today + timedelta(days=plan.ahead_days)


def _make(session: Session, office: Office, plan: Plan, today: date) -> None:
    calendar = commitments.calendar_of(session, office, plan.service.calendar_id)
    last = today + timedelta(days=plan.ahead_days)
    # What fell due while no worker ran is made up for; what a changed plan would have had before is not.
    first = plan.made_until + timedelta(days=1) if plan.made_until else today
    known = select(Visit.equipment_id, Visit.planned_on)
    rows = session.execute(known.where(Visit.plan_id == plan.id, Visit.planned_on >= first))
    made = {(row.equipment_id, row.planned_on) for row in rows}
    for day in planned_days(plan, first, last):
        for one in plan.equipment:
            if one.is_active and (one.id, day) not in made:
                _open(session, office, plan, one, day, calendar)
    plan.made_until = last


def _open(
    session: Session, office: Office, plan: Plan, one: Equipment, day: date, calendar: BusinessCalendar
) -> None:
    due_on = calendar.working_day_from(day)
    about = {
        "plan": plan.name, "equipment": one.name, "number": one.inventory_number, "owner": one.owner_name,
        "place": one.place or one.dependencia.name, "dependencia": one.dependencia.name,
        "instruction": plan.instruction,
    }  # fmt: skip
    text = say("plan.ticket_text", date=f"{due_on:%d/%m/%Y}", **about)
    incoming = IncomingMessage(
        channel=Channel.API,
        subject=say("plan.ticket_subject", **about),
        from_addr=one.owner_email,
        from_name=one.owner_name,
        text=text,
        reply_text=text,
        should_auto_respond=bool(one.owner_email),
    )
    technician = plan.technician if plan.technician and plan.technician.is_active else None
    ticket, _ = open_ticket(
        session,
        office,
        incoming,
        to=Route(
            service=plan.service, dependencia=plan.service.dependencia, account=technician,
            instruction=plan.instruction, reason=say("plan.reason", plan=plan.name),
        ),
        reason=say("plan.reason", plan=plan.name),
        requester=_owner(session, one),
    )  # fmt: skip
    session.flush()
    commitments.fix_due(session, office, ticket, calendar.closing_of(due_on))
    session.add(Visit(plan_id=plan.id, equipment_id=one.id, planned_on=day, due_on=due_on, case_id=ticket.id))


def _owner(session: Session, one: Equipment) -> Contact:
    """Whom the visit concerns; somebody without an address is told by whoever comes."""
    if one.owner_email:
        return contact_for(session, AddressKind.EMAIL, one.owner_email, one.owner_name)
    made = Contact(name=one.owner_name)
    session.add(made)
    return made


def visits_between(
    session: Session,
    first: date,
    last: date,
    *,
    technician: Account | None = None,
    seen_by: Account | None = None,
) -> Sequence[Visit]:
    """The visits whose tickets were made, by day: that *technician* holds and *seen_by* may see, if given."""
    wanted = (
        select(Visit)
        .join(Case, Case.id == Visit.case_id)
        .where(Visit.due_on >= first, Visit.due_on <= last)
        .order_by(Visit.due_on, Visit.id)
        .options(selectinload(Visit.equipment).selectinload(Equipment.dependencia), selectinload(Visit.case),
                 selectinload(Visit.plan))
    )  # fmt: skip
    if technician is not None:
        wanted = wanted.where(Case.holder_id == technician.id)
    if seen_by is not None:
        wanted = wanted.where(visible_to(seen_by))
    return session.scalars(wanted).all()


def foreseen(session: Session, office: Office, first: date, last: date) -> list[tuple[date, Plan, Equipment]]:
    """Visits between both days for which there is no ticket yet."""
    found = []
    plans = session.scalars(
        _active().options(
            selectinload(Plan.equipment), selectinload(Plan.service).selectinload(Service.dependencia)
        )
    ).all()
    for plan in plans:
        calendar = commitments.calendar_of(session, office, plan.service.calendar_id)
        begins = max(first, plan.made_until + timedelta(days=1) if plan.made_until else first)
        for day in planned_days(plan, begins, last):
            due_on = calendar.working_day_from(day)
            if due_on <= last:
                found += [(due_on, plan, one) for one in plan.equipment if one.is_active]
    return sorted(found, key=lambda each: (each[0], each[1].id, each[2].id))
