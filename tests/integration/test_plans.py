"""Preventive maintenance: tickets made ahead, each visit once, on working days, in a calendar."""

from datetime import UTC, date, datetime, timedelta

import pytest
from icalendar import Calendar
from sqlalchemy import select

from intake.office import Office
from intake.services.plans import make_ahead
from models.outbox_message import OutboxMessage
from models.plan import Equipment, Every, Plan, Visit
from models.ticket import Ticket
from tests.support.institution import Institution, found_institution
from tests.support.panel import Clerk, give_logins

# A Monday.
TODAY = datetime(2026, 11, 9, 16, tzinfo=UTC)


@pytest.fixture
def town(office: Office) -> Institution:
    with office.database.writing() as session:
        town = found_institution(session)
        give_logins(session, town)
    return town


@pytest.fixture
def plan(office: Office, town: Institution) -> int:
    """Two printers of Obras, every month from 16 November, a day of rest; the worker of Sistemas goes."""
    with office.database.writing() as session:
        made = Plan(
            name="Impresoras", service_id=town.support.id, technician_id=town.accounts["worker"].id,
            instruction="Limpiar el fusor.", starts_on=date(2026, 11, 16), every=1, unit=Every.MONTHS,
            ahead_days=14,
        )  # fmt: skip
        made.equipment = [
            Equipment(inventory_number=f"IMP-{number}", name="Impresora", owner_name="Olga Peña",
                      owner_email="olga@example.gob.mx", place="Ventanilla 2",
                      dependencia_id=town.works.id)
            for number in (1, 2)
        ]  # fmt: skip
        session.add(made)
        session.flush()
        return made.id


def visits(office: Office) -> list[tuple[str, date, date]]:
    with office.database.reading() as session:
        found = session.scalars(select(Visit).order_by(Visit.id))
        return [(one.equipment.inventory_number, one.planned_on, one.due_on) for one in found]


def test_each_visit_becomes_one_ticket_ahead_of_its_day_however_often_the_clock_looks(
    office: Office, town: Institution, plan: int
) -> None:
    for hours in (0, 1, 30):
        make_ahead(office, TODAY + timedelta(hours=hours))
    # The third Monday of November is a day of rest (Ley Federal del Trabajo, 74).
    wanted = [(f"IMP-{number}", date(2026, 11, 16), date(2026, 11, 17)) for number in (1, 2)]
    assert visits(office) == wanted
    with office.database.reading() as session:
        ticket = session.scalars(select(Ticket).order_by(Ticket.id)).first()
        assert ticket is not None and ticket.due_at is not None
        assert (ticket.holder_id, ticket.requester.name) == (town.accounts["worker"].id, "Olga Peña")
        assert ticket.due_at.astimezone(office.settings.zone).isoformat()[:16] == "2026-11-17T15:00"
        told = session.scalars(select(OutboxMessage.kind).where(OutboxMessage.case_id == ticket.id)).all()
        assert sorted(told) == ["acuse", "assigned"]
    make_ahead(office, TODAY + timedelta(days=30))
    assert [day for _, day, _ in visits(office)] == [date(2026, 11, 16)] * 2 + [date(2026, 12, 16)] * 2


def test_what_fell_due_while_nothing_ran_is_made_up_for(office: Office, plan: int) -> None:
    make_ahead(office, TODAY)
    make_ahead(office, TODAY + timedelta(days=90))
    assert [day for number, day, _ in visits(office) if number == "IMP-1"] == [
        date(2026, 11, 16), date(2026, 12, 16), date(2027, 1, 16), date(2027, 2, 16),
    ]  # fmt: skip


def test_equipment_that_joins_a_plan_is_visited_and_the_others_not_twice(
    office: Office, town: Institution, plan: int
) -> None:
    make_ahead(office, TODAY)
    admin = Clerk(office, town.accounts["admin"])
    admin.post("/admin/equipos/nuevo", inventory_number="IMP-3", name="Impresora", owner_name="Tomás Ibarra",
               owner_email="", dependencia_id=town.systems.id, place="", is_active="y")  # fmt: skip
    page = admin.get(f"/admin/planes/editar?id={plan}").text
    assert "IMP-3" in page and "Impresoras" in page
    with office.database.reading() as session:
        ids = session.scalars(select(Equipment.id).order_by(Equipment.id)).all()
    admin.post(f"/admin/planes/editar?id={plan}", name="Impresoras", service_id=town.support.id,
               technician_id=town.accounts["worker"].id, starts_on="2026-11-16", every=1, unit="months",
               ahead_days=14, equipment_ids=ids, is_active="y")  # fmt: skip
    make_ahead(office, TODAY + timedelta(hours=1))
    assert [number for number, _, _ in visits(office)] == ["IMP-1", "IMP-2", "IMP-3"]


def test_the_calendar_shows_visits_with_folio_to_who_sees_the_case_and_the_feed_to_its_technician(
    office: Office, town: Institution, plan: int
) -> None:
    make_ahead(office, TODAY)
    worker = Clerk(office, town.accounts["worker"])
    page = worker.get("/admin/mantenimiento/?mes=2026-11").text
    assert "T-2026-000001" in page and "IMP-2" in page
    assert "Prevista" in worker.get("/admin/mantenimiento/?mes=2027-03").text
    assert "T-2026" not in Clerk(office, town.accounts["admin"]).get("/admin/mantenimiento/?mes=2026-11").text
    made = worker.post("/admin/mantenimiento/direccion").text
    address = made.split("/calendario/")[1].split("<")[0]
    feed = worker.client.get(f"/calendario/{address}")
    events = Calendar.from_ical(feed.data).walk("VEVENT")
    assert feed.mimetype == "text/calendar"
    assert [str(one["summary"]) for one in events] == [
        "T-2026-000001 IMP-1 · Impresora", "T-2026-000002 IMP-2 · Impresora",
    ]  # fmt: skip
    assert [one.decoded("dtstart") for one in events] == [date(2026, 11, 17)] * 2
    worker.post("/admin/mantenimiento/direccion")
    assert worker.client.get(f"/calendario/{address}").status_code == 404
