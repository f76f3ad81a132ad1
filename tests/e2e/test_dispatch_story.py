"""A document is delivered: asked for at a desk, routed, brought by a courier whose phone has no net.

And what the dispatch managers run: acts that come late, carriers and their guías, couriers, zones.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from models.carrier import DispatchKind
from models.dispatch import DeliveryAct, Dispatch
from models.message import Message
from models.user import User
from tests.support.browser import must_fit, photograph
from tests.support.dispatch_panel import (
    PHONE,
    ask_at_desk,
    ask_for,
    camera,
    courier,
    deliver,
    leave,
    open_mensajeria,
    route,
)
from tests.support.documents import OUTSIDE, fields
from tests.support.documents_panel import DocumentOffice, document_office
from tests.support.panel import PASSWORD


@pytest.fixture(scope="module")
def shared_office(
    browser: Browser, migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DocumentOffice]:
    with document_office(tmp_path_factory.mktemp("dispatch"), migrated_sqlite, browser) as opened:
        open_mensajeria(opened)
        with opened.desk() as (session, who):
            user = select(User).where(User.person_id == who["courier"].person_id)
            session.scalars(user).one().username = "samuel.p"
        yield opened


def log_in_again(phone: Page) -> None:
    """With the user name (manual C: login) that was given to the courier."""
    phone.get_by_role("link", name="Entrar").click()
    phone.get_by_label("Correo o nombre de usuario").fill("samuel.p")
    phone.get_by_label("Contraseña").fill(PASSWORD)
    phone.get_by_role("button", name="Entrar").click()
    expect(phone.locator("#net")).to_have_text("En línea")
    expect(phone.locator("#done").get_by_text("Entregado", exact=True)).to_be_visible()


def acts(desk: DocumentOffice, document: int) -> list[tuple[str, str, float | None]]:
    with desk.office.database.reading() as session:
        wanted = select(DeliveryAct).join(Dispatch, Dispatch.id == DeliveryAct.dispatch_id)
        found = session.scalars(wanted.where(Dispatch.case_id == document)).all()
        return [(act.outcome.value, act.receiver, act.latitude) for act in found if act.is_applied]


def test_a_document_is_delivered_by_a_phone_without_a_net_and_its_acuse_is_filed(
    desk: DocumentOffice, tmp_path: Path
) -> None:
    picture = camera(tmp_path)
    document = desk.sent("Alumbrado de la calle Morelos", fields(desk.people, to=(OUTSIDE,),
                         subject="Alumbrado de la calle Morelos"))  # fmt: skip
    asked, managed = ask_for(desk, document, "Mtra. Elena Ruiz"), route(desk)
    expect(managed.get_by_role("link", name="Imprimir la hoja de ruta")).to_be_visible()
    phone = courier(desk)
    must_fit(phone)
    photograph(phone, "mensajero-lista")
    phone.set_viewport_size(PHONE)
    leave(phone)

    phone.context.set_offline(True)
    phone.reload()
    expect(phone.locator("#net")).to_contain_text("Sin conexión")
    deliver(phone, "Mtra. Elena Ruiz", picture)
    expect(phone.locator("#net")).to_have_text("Sin conexión: puede seguir trabajando · 1 por enviar")
    must_fit(phone)
    phone.reload()
    expect(phone.locator("#net")).to_contain_text("1 por enviar")
    expect(phone.locator("#done").get_by_text("Entregado · Por enviar")).to_be_visible()
    assert acts(desk, document) == []

    # Meanwhile the session ended: nothing is lost.
    phone.context.clear_cookies()
    phone.context.set_offline(False)
    expect(phone.get_by_text("Su sesión terminó. No se perdió nada")).to_be_visible()
    assert acts(desk, document) == []
    log_in_again(phone)
    assert acts(desk, document) == [("delivered", "Rosa Núñez", 20.6767)]

    with desk.office.database.reading() as session:
        one = session.scalars(select(Dispatch).where(Dispatch.case_id == document)).one()
        filed = session.get_one(Message, one.acuse_message_id)
        files = {file.filename: file for file in filed.attachments}
        assert set(files) == {"acuse.jpg", "firma.png"} and filed.case_id == document
        # Shrunk on the phone, from several megabytes.
        assert picture.stat().st_size > 2_000_000 > 1_700_000 > files["acuse.jpg"].size
    asked.reload()
    expect(asked.get_by_text("Rosa Núñez").first).to_be_visible()
    expect(asked.get_by_text("Archivado en el asunto")).to_be_visible()
    expect(asked.locator(".proofs img")).to_have_count(2)
    photograph(asked, "envio-entregado")
    managed.goto("/admin/mensajeria/acuses")
    expect(managed.get_by_text("No hay acuses pendientes")).to_be_visible()


def test_an_act_that_was_sent_after_another_got_the_delivery_is_shown_to_the_manager_who_decides(
    desk: DocumentOffice, tmp_path: Path
) -> None:
    number = ask_at_desk(desk, "Mtra. Julia Vera")
    managed = route(desk)
    phone = courier(desk)
    phone.context.set_offline(True)
    deliver(phone, "Mtra. Julia Vera", camera(tmp_path, (600, 450)))
    expect(phone.locator("#net")).to_contain_text("1 por enviar")

    managed.goto(f"/admin/envios/{number}/hacer/unassign")
    managed.get_by_label("¿Por qué se quita?").fill("Se le descompuso la moto")
    managed.get_by_role("button", name="Quitar de la ruta").click()
    managed.goto("/admin/mensajeria/")
    managed.get_by_label("Marcar el envío a Mtra. Julia Vera").check()
    managed.get_by_label("¿Quién los lleva?").select_option(label="Mensajero: Rosa Lara")
    managed.get_by_role("button", name="Crear la ruta").click()

    phone.context.set_offline(False)
    # Whoever was at the door learns that the office has it, and that it was not simply taken.
    expect(phone.locator("#late")).to_contain_text("La oficina recibió lo de Mtra. Julia Vera")
    expect(phone.locator("#net")).to_have_text("En línea")
    must_fit(phone)
    photograph(phone, "mensajero-tarde")

    managed.goto("/admin/mensajeria/")
    late = managed.get_by_role("region", name="Actos que llegaron tarde")
    photograph(managed, "mensajeria-actos-tardios")
    late.get_by_role("link", name="Samuel Plascencia: Entregado, envío a Mtra. Julia Vera").click()
    expect(managed.locator(".page-head")).to_contain_text("Asignado")
    photograph(managed, "envio-acto-tardio")
    managed.get_by_role("button", name="Dar por buena la entrega").click()
    expect(managed.locator(".page-head")).to_contain_text("Entregado")
    expect(managed.get_by_text("La dio por buena Dolores Camarena")).to_be_visible()
    expect(managed.get_by_text("Archivado en el asunto")).to_be_visible()

    # The same in the picture of its flow, and in that of all deliveries with their numbers.
    managed.get_by_role("link", name="Ver el recorrido en el diagrama").click()
    expect(managed.locator(".state.here")).to_contain_text("Entregado")
    photograph(managed, "envio-recorrido")
    managed.goto("/admin/mensajeria/")
    managed.get_by_role("link", name="Procesos").click()
    expect(managed.get_by_role("heading", name="Mensajería de salida")).to_be_visible()
    photograph(managed, "procesos-mensajeria")
    delivered = managed.locator("svg a").filter(has_text="Entregado")
    shown = int((delivered.locator(".number").text_content() or "").rstrip("*"))
    delivered.click()
    expect(managed.locator("tbody tr")).to_have_count(shown)
    expect(managed.locator("tbody")).to_contain_text("Mtra. Julia Vera")
    photograph(managed, "envios-entregados")
    phone.get_by_role("link", name="Procesos").click()
    expect(phone.locator(".step.own")).to_have_count(3)
    photograph(phone, "procesos-mensajero")


def test_the_manager_keeps_carriers_guias_couriers_and_zones_and_gives_a_delivery_its_guia(
    desk: DocumentOffice,
) -> None:
    ask_at_desk(desk, "Juzgado Primero", kind=DispatchKind.SEPOMEX)
    page = desk.enter("manager", "/admin/mensajerias/nuevo")
    page.get_by_label("Nombre").fill("SEPOMEX Centro")
    page.get_by_label("Tipo").select_option(label="SEPOMEX")
    page.get_by_role("button", name="Guardar").click()
    page.goto("/admin/mensajeros/nuevo")
    page.get_by_label("Nombre").fill("Eusebio Mora")
    page.get_by_role("button", name="Guardar").click()
    page.goto("/admin/zonas/nuevo")
    page.get_by_label("Nombre").fill("Poniente")
    page.get_by_label("Códigos postales").fill("450 451")
    page.get_by_role("button", name="Guardar").click()
    expect(page.get_by_text("Poniente").first).to_be_visible()
    page.goto("/admin/guias/")
    added = page.locator("form", has=page.get_by_role("heading", name="Registrar un rango"))
    added.get_by_role("combobox").select_option(label="SEPOMEX Centro")
    added.get_by_label("Antes del número").fill("MN")
    added.get_by_label("Primera").fill("0001")
    added.get_by_label("Última").fill("0003")
    added.get_by_role("button", name="Registrar un rango").click()
    expect(page.get_by_text("Se registraron 3 guías de SEPOMEX Centro.")).to_be_visible()

    page.goto("/admin/mensajeria/")
    # Fewer than it warns of.
    expect(page.get_by_text("Quedan 3 guías de SEPOMEX Centro.")).to_be_visible()
    page.get_by_label("Marcar el envío a Juzgado Primero").check()
    page.get_by_label("¿Quién los lleva?").select_option(label="SEPOMEX Centro (3 guías)")
    page.get_by_role("button", name="Crear la ruta").click()
    expect(page.get_by_text("MN0001")).to_be_visible()
    page.get_by_role("link", name="Juzgado Primero").click()
    page.get_by_role("link", name="Cambiar la guía").click()
    page.get_by_label("¿Por qué se cancela la guía?").fill("Se rompió la etiqueta")
    page.get_by_role("button", name="Cambiar la guía").click()
    expect(page.get_by_text("La guía nueva es MN0002.")).to_be_visible()
