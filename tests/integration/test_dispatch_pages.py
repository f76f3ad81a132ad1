"""The pages of deliveries without a browser: who opens them, what they refuse, and the phone's sending."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import date, timedelta
from zipfile import ZipFile
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from intake.config import Settings
from intake.deliveries import dispatches
from intake.deliveries.dispatches import DispatchFields
from intake.issued import approval, drafts
from intake.office import Office
from intake.outbox import words_of
from models.base import now
from models.carrier import Carrier, Courier, DispatchKind, Guia, GuiaRange, Tariff
from models.dispatch import DeliveryAct, Dispatch, Route
from models.message import Attachment
from models.oficio import Oficio
from models.outbox_message import OutboxMessage
from tests.support.dispatch import found_deliveries, photo, signature
from tests.support.documents import OUTSIDE, acting, fields
from tests.support.institution import Institution, found_institution
from tests.support.panel import Clerk, give_logins

# Who opens what is no question of the database.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

ROLES = ("admin", "oficialia", "head", "worker", "other", "manager", "courier", "nobody")
# What each answers: y opens, n is turned away (403, 404 or the log-in page).
PAGES = {
    "/admin/mensajeria/": "nnnnnynn",
    "/admin/mensajeria/reportes/": "yynnnynn",
    "/admin/mensajerias/": "ynnnnynn",
    "/admin/guias/": "ynnnnynn",
    "/admin/envios/": "nyyyyynn",
    # Olga is head of another dependencia: the document is not hers to see.
    "/admin/envios/1": "nyyynynn",
    "/admin/envios/nuevo?documento=1": "nyyynnnn",
    "/admin/envios/1/corregir": "nnnnnynn",
    "/admin/envios/1/hacer/deliver": "nnnnnynn",
    "/admin/mensajero/estado": "nnnnnnyn",
    "/admin/tablero/": "nyyyynnn",
    "/admin/documentos/1": "nyyynnnn",
}  # fmt: skip


@pytest.fixture
def town(settings: Settings) -> Iterator[tuple[Office, Institution]]:
    """One document to somebody outside; its delivery is with the courier."""
    office = Office.open(settings)
    with office.database.writing() as session:
        people = found_institution(session)
        found_deliveries(session, people)
        give_logins(session, people)
    with acting(office, people) as (session, who):
        oficio = drafts.create_draft(session, office, who["worker"], fields(people, to=(OUTSIDE,)))
        approval.approve(session, office, oficio, who["head"])
        what = DispatchFields(DispatchKind.LOCAL, "=Elena", "Alcalde 500", postal_code="44190",
                              wants_acuse=True)  # fmt: skip
        made = dispatches.request_dispatch(session, office, oficio, who["worker"], what)
        courier = session.scalars(select(Courier).where(Courier.vehicle != "")).one()
        today = now().astimezone(office.settings.zone).date()
        dispatches.make_route(session, office, [made], who["manager"], leaves_on=today, courier=courier)
    yield office, people
    office.database.close()


def clerk(town: tuple[Office, Institution], name: str) -> Clerk:
    office, people = town
    return Clerk(office, people.accounts.get(name))


def test_each_page_opens_only_for_its_roles(town: tuple[Office, Institution]) -> None:
    opened = dict.fromkeys(PAGES, "")
    for name in ROLES:
        person = clerk(town, name)
        for address in PAGES:
            opened[address] += "y" if person.get(address).status_code == 200 else "n"
    assert opened == PAGES


def lateness() -> timedelta:
    """Three hours, but not into yesterday, whose stops a phone no longer shows."""
    local = now().astimezone(ZoneInfo("America/Mexico_City"))
    return min(timedelta(hours=3), (local - local.replace(hour=0, minute=0, second=0, microsecond=0)) / 2)


def send(person: Clerk, **changed: object) -> tuple[int, dict[str, object]]:
    """An act as the phone sends it, with the token that it asked for a moment before."""
    state = person.get("/admin/mensajero/estado")
    token = state.json["token"] if state.status_code == 200 and state.json else ""
    files = {name: (io.BytesIO(file.content), "blob") for name, file in
             (("photo", photo()), ("signature", signature()))}  # fmt: skip
    told = {
        "key": "0b7e1c52-5e0e-4b5f-8a53-1f7d3f0b9d11", "dispatch": 1, "outcome": "delivered",
        "done_at": (now() - lateness()).isoformat(), "receiver": "Rosa", "latitude": "20.6",
        "longitude": "-103.3", **files, **changed,
    }  # fmt: skip
    headers = {"X-CSRFToken": str(token)}
    answer = person.client.post("/admin/mensajero/acto", data=told, headers=headers,
                                content_type="multipart/form-data")  # fmt: skip
    return answer.status_code, answer.json if answer.is_json and answer.json else {}


def test_what_a_phone_sends_counts_once_and_only_from_who_carries_it(
    town: tuple[Office, Institution],
) -> None:
    office, _ = town
    late = lateness()
    courier = clerk(town, "courier")
    for wrong in (
        {"receiver": " "}, {"outcome": "lost"}, {"done_at": "2026-11-21T10:00"}, {"latitude": "nan"},
        {"key": "x"}, {"dispatch": 99}, {"photo": (io.BytesIO(b"MZ\x90\x00program"), "acuse.jpg")},
    ):  # fmt: skip
        status, said = send(courier, **wrong)
        assert (status, bool(said.get("why"))) == (422, True), wrong
    assert send(clerk(town, "stand_in"))[0] == 422
    assert send(clerk(town, "manager"))[0] in (400, 403)
    assert send(clerk(town, "nobody"))[0] in (400, 401)
    first, again = send(courier), send(courier)
    assert first == again == (200, {"key": "0b7e1c52-5e0e-4b5f-8a53-1f7d3f0b9d11", "applied": True})
    with office.database.reading() as session:
        (act,) = session.scalars(select(DeliveryAct)).all()
        # By the clock of the phone, long before it reached us.
        assert act.received_at - act.done_at >= late
        assert session.get_one(Dispatch, 1).ended_at == act.done_at
    state = courier.get("/admin/mensajero/estado").json
    assert state and [stop["state"] for stop in state["stops"]] == ["delivered"]
    with office.database.reading() as session:
        proof = session.scalars(select(Attachment.id).where(Attachment.filename == "acuse.jpg")).one()
        other = session.scalars(
            select(Attachment.id).where(Attachment.content_type == "application/pdf")
        ).first()
    manager = clerk(town, "manager")
    shown = manager.get(f"/admin/envios/1/comprobante/{proof}")
    assert (shown.status_code, shown.content_type) == (200, "image/jpeg")
    # The document itself is nothing for who only sends it.
    assert manager.get(f"/admin/envios/1/comprobante/{other}").status_code == 404
    assert clerk(town, "other").get(f"/admin/envios/1/comprobante/{proof}").status_code == 404


def test_a_return_that_came_late_counts_if_the_manager_believes_it(town: tuple[Office, Institution]) -> None:
    office, people = town
    courier, manager = clerk(town, "courier"), clerk(town, "manager")
    manager.post("/admin/envios/1/hacer/unassign", reason="Se enfermó")
    came_back = {"outcome": "returned", "reason": "Cerrado", "receiver": ""}
    assert send(courier, **came_back)[1]["applied"] is False
    page = manager.get("/admin/envios/1").text
    assert "Dar por buena la devolución" in page and "Dar por buena la entrega" not in page
    assert clerk(town, "worker").post("/admin/mensajeria/actos/1/aceptar").status_code == 403
    page = manager.post("/admin/mensajeria/actos/1/aceptar").text
    assert "La devolución se dio por buena." in page and "Cerrado" in page
    assert "Se dio por buena la devolución tardía de Samuel Plascencia: envío a =Elena" in page
    assert "Otra persona ya decidió" in manager.post("/admin/mensajeria/actos/1/aceptar").text
    with office.database.reading() as session:
        made, act = session.get_one(Dispatch, 1), session.get_one(DeliveryAct, 1)
        assert (made.state, made.reason, made.ended_at) == ("returned", "Cerrado", act.done_at)
        assert str(made.courier) == "Samuel Plascencia" and act.is_applied
        told = session.scalars(select(OutboxMessage).where(OutboxMessage.kind == "dispatch_returned")).all()
        assert [one.to for one in told] == [[people.accounts["worker"].person.email]]
        assert "Cerrado" in words_of(told[0])[0]
    # It may be tried again; what is over then is not undone by another that comes late.
    assert "Solicitado" in clerk(town, "worker").post("/admin/envios/1/hacer/ask_again").text
    manager.post("/admin/envios/1/hacer/withdraw", reason="Ya no")
    send(courier, **came_back, key="1b7e1c52-5e0e-4b5f-8a53-1f7d3f0b9d11")
    assert "Dar por buena" not in manager.get("/admin/envios/1").text
    assert "no se puede" in manager.post("/admin/mensajeria/actos/2/aceptar").text


def test_a_form_that_is_refused_keeps_its_words(town: tuple[Office, Institution]) -> None:
    worker, manager = clerk(town, "worker"), clerk(town, "manager")
    answer = worker.post("/admin/envios/nuevo?documento=1", kind="local", name="Mtra. Ruiz", address=" ",
                         grams="100", instruction="Preguntar por Lupita")  # fmt: skip
    assert answer.status_code == 422
    assert "Preguntar por Lupita" in answer.text and "Mtra. Ruiz" in answer.text
    answer = manager.post("/admin/mensajeria/rutas", by="courier-1", leaves_on="2026-11-23")
    assert (answer.status_code, "Marque al menos un envío." in answer.text) == (422, True)
    answer = manager.post("/admin/guias/rangos", carrier="1", first="0100", last="abc", prefix="pv",
                          received_on="2026-11-21")  # fmt: skip
    assert answer.status_code == 422 and 'value="0100"' in answer.text
    answer = manager.post("/admin/tarifas/nuevo", name="Cara", kind="local", pesos="mucho")
    assert "Escriba una cantidad de pesos" in answer.text


def test_carriers_zones_couriers_tariffs_and_guias_are_kept_in_the_panel(
    town: tuple[Office, Institution],
) -> None:
    office, _ = town
    manager = clerk(town, "manager")
    manager.post("/admin/mensajerias/nuevo", name="SEPOMEX", kind="sepomex", low_stock="5", is_active="y",
                 tracking_url="https://correos.example/{guia}")  # fmt: skip
    manager.post("/admin/mensajeros/nuevo", name="Eusebio", is_active="y")
    manager.post("/admin/zonas/nuevo", name="Poniente", postal_codes="450 451", is_active="y")
    manager.post("/admin/tarifas/nuevo", name="Registrado", kind="sepomex", pesos="62.50", carrier_id="2",
                 is_active="y")  # fmt: skip
    manager.post("/admin/guias/rangos", carrier="2", first="0001", last="0003", prefix="mn", suffix="mx",
                 received_on="2026-11-21")  # fmt: skip
    manager.post("/admin/guias/cancelar", carrier="2", reason="Etiqueta rota")
    with office.database.reading() as session:
        carrier = session.scalars(select(Carrier).where(Carrier.name == "SEPOMEX")).one()
        assert carrier.tracking_of("MN0001MX") == "https://correos.example/MN0001MX"
        assert session.scalars(select(Tariff.cost_cents).where(Tariff.carrier_id == carrier.id)).all() == [
            6_250
        ]
        assert (
            session.scalars(select(GuiaRange.next_number).where(GuiaRange.carrier_id == carrier.id)).one()
            == 2
        )
        spoilt = session.scalars(select(Guia).where(Guia.carrier_id == carrier.id)).one()
        assert (spoilt.number, spoilt.state.value, spoilt.reason) == (
            "MN0001MX",
            "cancelled",
            "Etiqueta rota",
        )
    page = manager.get("/admin/guias/").text
    assert "MN0001MX" in page and "Quedan 2 guías de SEPOMEX." in page


def test_a_report_says_the_same_on_the_page_in_excel_and_as_csv(town: tuple[Office, Institution]) -> None:
    office, people = town
    with acting(office, people) as (session, who):
        one = session.get_one(Dispatch, 1)
        dispatches.deliver(session, office, one, who["manager"], receiver="Rosa", at=now(), files=[photo()])
        session.scalars(select(Courier).where(Courier.vehicle != "")).one().name = "=HYPERLINK(1)"
        oficio = session.get_one(Oficio, 1)
        what = DispatchFields(DispatchKind.SEPOMEX, "Juan", "Lejos 1")
        dispatches.request_dispatch(session, office, oficio, who["worker"], what)
        assert session.scalars(select(Route)).one().closed_at is not None
    manager = clerk(town, "manager")
    made = manager.get("/admin/mensajeria/reportes/mensajeria.csv?por=courier")
    assert made.data.decode("utf-8-sig").splitlines()[1:] == [
        "Sin mensajero,1,0,0,1,,0.00",
        "'=HYPERLINK(1),1,1,0,0,0.0,30.00",
    ]
    with ZipFile(io.BytesIO(manager.get("/admin/mensajeria/reportes/mensajeria.xlsx?por=kind").data)) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert sheet.index("Local") < sheet.index("30.00") < sheet.index("SEPOMEX")
    page = manager.get(f"/admin/mensajeria/reportes/?por=kind&desde={date(2020, 1, 1)}").text
    assert "Local" in page and "30.00" in page
    empty = manager.get("/admin/mensajeria/reportes/?desde=2020-01-01&hasta=2020-01-31").text
    assert "No se solicitó ningún envío en este periodo." in empty
