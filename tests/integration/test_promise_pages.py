"""Time left, pauses and their reasons in list and case; hours, days off and promises in the catalogues."""

from __future__ import annotations

import re
from datetime import date, datetime
from html import unescape
from zoneinfo import ZoneInfo

import pytest
import time_machine
from sqlalchemy import select

from intake import cases
from intake.clock import sweep
from intake.office import Office
from models.calendar import Calendar, DayOff
from models.case import Case, Priority
from models.commitment import CaseCommitment
from models.event import Event
from models.person import Account
from models.service import Service
from tests.support.desk import arrive
from tests.support.institution import Institution, found_institution
from tests.support.mails import make_mail
from tests.support.panel import Clerk, give_logins

# What a page says is the same on both databases.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

HOURS = dict.fromkeys(("monday", "tuesday", "wednesday", "thursday", "friday"), "09:00-15:00")
CALENDAR = {"name": "Palacio", "zone": "", **HOURS, "keeps_holidays": "y", "is_active": "y"}


def local(day: int, hour: int, minute: int = 0) -> datetime:
    # November 2026: the 16th is a holiday, the 18th a Wednesday, the 20th a Friday.
    return datetime(2026, 11, day, hour, minute, tzinfo=ZoneInfo("America/Mexico_City"))


@pytest.fixture
def town(office: Office) -> Institution:
    with office.database.writing() as session:
        town = found_institution(session)
        give_logins(session, town)
        town.support.first_answer_minutes, town.support.solution_minutes = 60, 720
    return town


@pytest.fixture
def admin(office: Office, town: Institution) -> Clerk:
    return Clerk(office, town.accounts["admin"])


@pytest.fixture
def case_id(office: Office, town: Institution) -> int:
    """Asked for on Wednesday 18 November 2026 at 10:00."""
    with time_machine.travel(local(18, 10), tick=False):
        return arrive(office, make_mail())


def service_form(town: Institution, **values: object) -> dict[str, object]:
    return {"name": "Soporte técnico", "slug": "soporte", "dependencia_id": town.systems.id, "is_active": "y",
            "first_answer_minutes": "60", "solution_minutes": "720", **values}  # fmt: skip


def words(page: str) -> str:
    """The page as it reads."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


def page_at(office: Office, by: Account, address: str, when: datetime) -> str:
    # The clerk enters at that time too: a session from the future would have ended.
    with time_machine.travel(when, tick=False):
        return words(Clerk(office, by).get(address).text)


def act(office: Office, case_id: int, by: Account, when: datetime, action: str, **form: object) -> str:
    with time_machine.travel(when, tick=False):
        page = Clerk(office, by).post(f"/admin/casos/{case_id}/hacer/{action}", **form)
    return words(page.text)


def wait(office: Office, case_id: int, by: Account, when: datetime) -> None:
    with time_machine.travel(when, tick=False), office.database.writing() as session:
        case, worker = session.get_one(Case, case_id), session.get_one(Account, by.id)
        cases.answer(session, office, case, worker, text="¿Cuál?", to=["ana@correo.example"],
                     then="answer_and_wait")  # fmt: skip


@pytest.mark.parametrize(
    ("address", "when", "says"),
    [
        ("/admin/?bandeja=dependencia", local(18, 10, 12), "Respuesta: 48 min"),
        ("/admin/?bandeja=dependencia", local(18, 12, 30), "Respuesta: vencida 1 h 30 min"),
        ("/admin/casos/{}", local(18, 10, 12), "Primera respuesta: 48 min"),
        ("/admin/casos/{}", local(18, 12, 30), "Primera respuesta: vencida hace 1 h 30 min"),
    ],
)
def test_list_and_case_show_the_time_left_for_the_first_answer(
    office: Office, town: Institution, case_id: int, address: str, when: datetime, says: str
) -> None:
    assert says in page_at(office, town.accounts["worker"], address.format(case_id), when)


@pytest.mark.parametrize("address", ["/admin/?bandeja=dependencia", "/admin/casos/{}"])
@pytest.mark.parametrize(
    ("when", "says"),
    [
        (local(18, 10, 30), "Queda 1 día hábil"),
        (local(19, 13), "Quedan 3 h"),
        (local(20, 9, 59), "Quedan 1 min"),
        (local(23, 10), "Vencido hace 1 día hábil"),
    ],
)
def test_list_and_case_show_the_working_time_left_for_the_solution(
    office: Office, town: Institution, case_id: int, address: str, when: datetime, says: str
) -> None:
    worker = town.accounts["worker"]
    with time_machine.travel(local(18, 10, 10), tick=False), office.database.writing() as session:
        case, by = session.get_one(Case, case_id), session.get_one(Account, worker.id)
        cases.answer(session, office, case, by, text="Va.", to=["ana@correo.example"])
    page = page_at(office, worker, address.format(case_id), when)
    assert says in page and "Primera respuesta:" not in page


def test_a_pause_is_shown_with_its_reason_who_asked_and_how_long_it_was(
    office: Office, town: Institution, case_id: int
) -> None:
    worker = town.accounts["worker"]
    wait(office, case_id, worker, local(18, 11))
    page = page_at(office, worker, f"/admin/casos/{case_id}", local(19, 13))
    assert "En pausa: queda 1 día hábil" in page
    assert "Tomás Ibarra pidió respuesta al solicitante desde el 18 nov 2026, 11:00" in page
    assert "En pausa" in page_at(office, worker, "/admin/?bandeja=waiting", local(19, 13))
    with time_machine.travel(local(19, 14), tick=False):
        folio = re.search(r"T-2026-\d+", page)
        assert folio
        arrive(office, make_mail(subject=f"Re: [{folio[0]}]"))
        sweep(office, local(19, 14))
    page = page_at(office, worker, f"/admin/casos/{case_id}", local(19, 14, 5))
    # One hour was used before, five minutes after: 10 hours and 55 minutes are left.
    assert "del 18 nov 2026, 11:00 al 19 nov 2026, 14:00: 1 día hábil" in page
    assert "Queda 1 día hábil · vence 23 nov 2026, 13:00" in page


def test_what_was_kept_says_in_how_much_working_time(office: Office, town: Institution, case_id: int) -> None:
    worker = town.accounts["worker"]
    act(office, case_id, worker, local(18, 10, 40), "take")
    act(office, case_id, worker, local(19, 9, 20), "resolve")
    page = page_at(office, worker, f"/admin/casos/{case_id}", local(25, 10))
    assert "Primera respuesta Cumplida tarde, en 5 h 20 min" in page
    assert "Solución Cumplida en 5 h 20 min" in page


def test_the_quantity_is_asked_where_each_piece_is_promised(
    office: Office, town: Institution, admin: Clerk
) -> None:
    changed = service_form(town, solution_minutes="", unit_minutes="5", unit_name="credencial")
    admin.post(f"/admin/servicios/editar?id={town.support.id}", **changed)
    with time_machine.travel(local(18, 10), tick=False):
        case_id = arrive(office, make_mail())
    worker, address = town.accounts["worker"], f"/admin/casos/{case_id}"
    assert "5 min por pieza (credencial); falta la cantidad" in page_at(
        office, worker, address, local(18, 10)
    )
    assert "credencial" in page_at(office, worker, f"{address}/pedir/set_quantity", local(18, 10))
    refused = act(office, case_id, worker, local(18, 10), "set_quantity", quantity="muchas")
    assert "Escriba cuántas piezas" in refused
    page = act(office, case_id, worker, local(18, 10, 1), "set_quantity", quantity="14")
    assert "5 min × 14 (credencial)" in page and "vence 18 nov 2026, 11:10" in page


def test_no_quantity_is_asked_where_nothing_is_promised_by_the_piece(
    office: Office, town: Institution, case_id: int
) -> None:
    page = page_at(office, town.accounts["worker"], f"/admin/casos/{case_id}", local(18, 10))
    assert "Indicar cantidad" not in page


def test_a_project_shows_its_range_until_a_date_is_agreed(
    office: Office, town: Institution, admin: Clerk
) -> None:
    changed = service_form(town, solution_minutes="", agreed_from="P1W", agreed_to="P3M")
    admin.post(f"/admin/servicios/editar?id={town.support.id}", **changed)
    with time_machine.travel(local(20, 10), tick=False):
        case_id = arrive(office, make_mail())
    head, address = town.accounts["head"], f"/admin/casos/{case_id}"
    says = "Por acordar, entre el 27 nov 2026 y el 22 feb 2027"
    assert says in page_at(office, head, address, local(20, 11))
    assert "22 feb 2027" in page_at(office, head, f"{address}/pedir/agree_date", local(20, 11))
    for wrong, why in (("", "no se entiende"), ("2026-11-24", "Se puede acordar entre"),
                       ("2026-12-25", "el siguiente día hábil es el")):  # fmt: skip
        assert why in act(office, case_id, head, local(20, 11), "agree_date", on=wrong)
    page = act(office, case_id, head, local(20, 11), "agree_date", on="2026-12-04")
    assert "Fecha acordada 4 dic 2026" in page and "vence 4 dic 2026, 15:00" in page


def test_a_deadline_set_by_hand_counts_too(office: Office, town: Institution, case_id: int) -> None:
    with office.database.writing() as session:
        session.delete(session.get_one(CaseCommitment, case_id))
        session.get_one(Case, case_id).due_at = local(19, 11)
    worker, address = town.accounts["worker"], f"/admin/casos/{case_id}"
    assert "Quedan 5 h" in page_at(office, worker, address, local(18, 12))
    wait(office, case_id, worker, local(18, 14))
    assert "En pausa: quedan 3 h" in page_at(office, worker, address, local(20, 12))


# The catalogues


def test_the_administrator_keeps_office_hours(office: Office, admin: Clerk) -> None:
    changed = {**CALENDAR, "friday": " 9:00 - 14:00 , 16:00-18:00", "saturday": "09:00-13:00"}
    page = words(admin.post("/admin/horarios/nuevo", **changed).text)
    assert "Lunes a Jueves 09:00-15:00 · Viernes 09:00-14:00, 16:00-18:00 · Sábado 09:00-13:00" in page
    with office.database.reading() as session:
        (made,) = session.scalars(select(Calendar)).all()
        assert made.friday == "09:00-14:00, 16:00-18:00" and made.sunday == ""
        event = session.scalars(select(Event).where(Event.action == "calendar_created")).one()
        assert event.account_id is not None


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"monday": "de nueve a tres"}, "«de nueve a tres» no se entiende."),
        ({"monday": "15:00-09:00"}, "«15:00-09:00» no se entiende."),
        (dict.fromkeys(HOURS, ""), "Indique las horas de al menos un día."),
        ({"name": ""}, "Falta este dato."),
        ({"zone": "Europa/Madrid"}, ""),
    ],
)
def test_hours_are_refused_in_clear_words(
    office: Office, admin: Clerk, changes: dict[str, str], sentence: str
) -> None:
    page = words(admin.post("/admin/horarios/nuevo", **{**CALENDAR, **changes}).text)
    assert sentence in page
    with office.database.reading() as session:
        assert session.scalars(select(Calendar)).all() == []


def test_days_off_move_the_deadlines_of_open_cases(office: Office, town: Institution, case_id: int) -> None:
    fields = {"name": "Feria", "starts_on": "2026-11-19", "ends_on": "", "is_active": "y"}
    with time_machine.travel(local(18, 10, 5), tick=False):
        page = words(Clerk(office, town.accounts["admin"]).post("/admin/dias-inhabiles/nuevo", **fields).text)
    assert "Feria 19 nov 2026 19 nov 2026 Todos" in page
    with time_machine.travel(local(18, 10, 10), tick=False):
        sweep(office, local(18, 10, 10))
    with office.database.reading() as session:
        assert session.get_one(Case, case_id).due_at == local(23, 10)
        assert session.scalars(select(DayOff.ends_on)).all() == [date(2026, 11, 19)]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"ends_on": "2026-03-29"}, "Termina antes de empezar."),
        ({"ends_on": "2028-03-29"}, "Son más de 366 días"),
        ({"starts_on": ""}, "Falta este dato."),
    ],
)
def test_days_off_are_refused_in_clear_words(
    office: Office, admin: Clerk, changes: dict[str, str], sentence: str
) -> None:
    fields = {"name": "Semana Santa", "starts_on": "2026-03-30", "ends_on": "2026-04-03", "is_active": "y"}
    assert sentence in words(admin.post("/admin/dias-inhabiles/nuevo", **{**fields, **changes}).text)
    with office.database.reading() as session:
        assert session.scalars(select(DayOff)).all() == []


@pytest.mark.parametrize("role", ["oficialia", "head", "worker"])
@pytest.mark.parametrize("page", ["horarios", "dias-inhabiles"])
def test_only_the_administrator_sets_hours_and_days_off(
    office: Office, town: Institution, role: str, page: str
) -> None:
    assert Clerk(office, town.accounts[role]).get(f"/admin/{page}/").status_code == 403


def test_a_service_says_what_it_promises_by_priority(office: Office, town: Institution, admin: Clerk) -> None:
    address = f"/admin/servicios/editar?id={town.support.id}"
    admin.post(address, **service_form(town, urgent_first_answer="15", high_solution="360"))
    with office.database.reading() as session:
        service = session.get_one(Service, town.support.id)
        found = {
            one.priority: (one.first_answer_minutes, one.solution_minutes) for one in service.commitments
        }
        assert found == {Priority.URGENT: (15, None), Priority.HIGH: (None, 360)}
        event = session.scalars(select(Event).where(Event.action == "service_changed")).all()[-1]
        assert event.data["changes"]["urgent_first_answer_minutes"] == [None, 15]
    shown = admin.get(address).text
    assert re.search(r'name="urgent_first_answer"[^>]* value="15"', shown)
    admin.post(address, **service_form(town, urgent_first_answer="", high_solution="300"))
    with office.database.reading() as session:
        service = session.get_one(Service, town.support.id)
        found = {
            one.priority: (one.first_answer_minutes, one.solution_minutes) for one in service.commitments
        }
        assert found == {Priority.URGENT: (None, None), Priority.HIGH: (None, 300)}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"agreed_from": "P3M", "agreed_to": "P1W"}, "Indique los dos extremos del rango"),
        ({"agreed_from": "P1W"}, "Indique los dos extremos del rango"),
        ({"solution_minutes": "200001"}, "No puede pasar de 200,000."),
        ({"urgent_solution": "-5"}, "No puede ser menor que cero"),
    ],
)
def test_a_promise_that_cannot_be_is_refused(
    office: Office, town: Institution, admin: Clerk, changes: dict[str, str], sentence: str
) -> None:
    address = f"/admin/servicios/editar?id={town.support.id}"
    assert sentence in words(admin.post(address, **service_form(town, **changes)).text)
    with office.database.reading() as session:
        assert session.get_one(Service, town.support.id).solution_minutes == 720
