"""A document is delivered: asked for at a desk, routed, brought by a courier whose phone has no net."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, expect
from sqlalchemy import select

from models.dispatch import DeliveryAct, Dispatch
from models.message import Message
from tests.support.browser import photograph
from tests.support.dispatch import found_deliveries
from tests.support.documents import OUTSIDE, fields
from tests.support.documents_panel import DocumentOffice, document_office
from tests.support.panel import PASSWORD, give_login

PHONE: ViewportSize = {"width": 390, "height": 800}


@pytest.fixture(scope="module")
def shared_office(
    browser: Browser, migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DocumentOffice]:
    with document_office(tmp_path_factory.mktemp("dispatch"), migrated_sqlite, browser) as opened:
        with opened.office.database.writing() as session:
            found_deliveries(session, opened.people)
            for name in ("manager", "courier", "stand_in"):
                give_login(session, opened.people.accounts[name])
        yield opened


def ask_for(desk: DocumentOffice, document: int) -> Page:
    """The author asks that it be delivered, from the page of the document."""
    page = desk.enter("worker", f"/admin/documentos/{document}")
    page.get_by_role("link", name="Solicitar envío").click()
    expect(page.get_by_label("Destinatario", exact=True)).to_have_value("Mtra. Elena Ruiz")
    page.get_by_label("Calle, número y colonia").fill("Av. Alcalde 500, Centro")
    page.get_by_label("Código postal").fill("44190")
    page.get_by_label("Teléfono").fill("33 1234 5678")
    page.get_by_label("Pedir que regrese el acuse firmado").check()
    photograph(page, "envio-solicitar")
    page.get_by_role("button", name="Solicitar envío").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Envío a Mtra. Elena Ruiz")
    return page


def route(desk: DocumentOffice) -> Page:
    """The dispatch manager gives a whole zone to the courier."""
    page = desk.enter("manager", "/admin/mensajeria/")
    photograph(page, "mensajeria")
    page.get_by_label("Marcar toda la zona Norte").check()
    # The zone's usual courier is proposed.
    expect(page.get_by_label("¿Quién los lleva?").locator("option:checked")).to_have_text(
        "Mensajero: Samuel Plascencia"
    )
    page.get_by_role("button", name="Crear la ruta").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Ruta R-")
    photograph(page, "mensajeria-ruta")
    return page


def courier(desk: DocumentOffice) -> Page:
    """The courier's phone, on which the page was opened while there was a net."""
    page = desk.enter("courier", "/admin/mensajero/")
    page.set_viewport_size(PHONE)
    page.context.grant_permissions(["geolocation"])
    page.context.set_geolocation({"latitude": 20.6767, "longitude": -103.3475, "accuracy": 15})
    expect(page.locator("#net")).to_have_text("En línea")
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    return page


def deliver(page: Page, picture: Path) -> None:
    """At the door: name, photo of the acuse, signature on glass."""
    page.get_by_role("link", name=re.compile("Mtra. Elena Ruiz")).click()
    page.get_by_role("button", name="Entregado", exact=True).click()
    page.get_by_label("Nombre de quien recibe").fill("Rosa Núñez")
    page.get_by_role("button", name="Guardar la entrega").click()
    expect(page.get_by_role("alert").filter(visible=True)).to_have_text("Tome la foto del acuse.")
    page.locator("form[data-outcome=delivered] input[type=file]").set_input_files(picture)
    expect(page.locator(".preview-photo").filter(visible=True)).to_have_count(1)
    sign(page)
    photograph(page, "mensajero-entrega")
    page.set_viewport_size(PHONE)
    page.get_by_role("button", name="Guardar la entrega").click()
    expect(page.locator("#net")).to_have_text("Sin conexión: puede seguir trabajando · 1 por enviar")


def sign(page: Page) -> None:
    canvas = page.locator("canvas.signature")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 30, box["y"] + 90)
    page.mouse.down()
    for step in range(1, 12):
        page.mouse.move(box["x"] + 30 + 22 * step, box["y"] + (60 if step % 2 else 120))
    page.mouse.up()


def log_in_again(phone: Page) -> None:
    phone.get_by_role("link", name="Entrar").click()
    phone.get_by_label("Correo o nombre de usuario").fill("samuel@example.gob.mx")
    phone.get_by_label("Contraseña").fill(PASSWORD)
    phone.get_by_role("button", name="Entrar").click()
    expect(phone.locator("#net")).to_have_text("En línea")
    expect(phone.locator("#done").get_by_text("Entregado", exact=True)).to_be_visible()


def acts(desk: DocumentOffice, document: int) -> list[tuple[str, str, float | None]]:
    with desk.office.database.reading() as session:
        wanted = select(DeliveryAct).join(Dispatch, Dispatch.id == DeliveryAct.dispatch_id)
        found = session.scalars(wanted.where(Dispatch.case_id == document)).all()
        return [(act.outcome.value, act.receiver, act.latitude) for act in found if act.is_applied]


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def test_a_document_is_delivered_by_a_phone_without_a_net_and_its_acuse_is_filed(
    desk: DocumentOffice, tmp_path: Path
) -> None:
    picture = tmp_path / "foto.jpg"
    # As large as a phone's camera makes them.
    Image.effect_noise((2_400, 1_800), 60).convert("RGB").save(picture, quality=90)
    document = desk.sent("Alumbrado de la calle Morelos", fields(desk.people, to=(OUTSIDE,),
                         subject="Alumbrado de la calle Morelos"))  # fmt: skip
    asked, managed = ask_for(desk, document), route(desk)
    expect(managed.get_by_role("link", name="Imprimir la hoja de ruta")).to_be_visible()
    phone = courier(desk)
    assert fits(phone)
    photograph(phone, "mensajero-lista")
    phone.set_viewport_size(PHONE)
    phone.get_by_role("button", name="Ya salí").click()
    expect(phone.locator("#todo").get_by_text("En camino")).to_be_visible()

    phone.context.set_offline(True)
    phone.reload()
    expect(phone.locator("#net")).to_contain_text("Sin conexión")
    deliver(phone, picture)
    assert fits(phone)
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
