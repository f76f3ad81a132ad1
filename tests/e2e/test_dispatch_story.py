"""A document is delivered: asked for at a desk, routed, brought by a courier whose phone has no net."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from models.dispatch import DeliveryAct, Dispatch
from models.message import Message
from tests.support.browser import photograph
from tests.support.dispatch_panel import (
    PHONE,
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
        yield opened


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
    picture = camera(tmp_path)
    document = desk.sent("Alumbrado de la calle Morelos", fields(desk.people, to=(OUTSIDE,),
                         subject="Alumbrado de la calle Morelos"))  # fmt: skip
    asked, managed = ask_for(desk, document, "Mtra. Elena Ruiz"), route(desk)
    expect(managed.get_by_role("link", name="Imprimir la hoja de ruta")).to_be_visible()
    phone = courier(desk)
    assert fits(phone)
    photograph(phone, "mensajero-lista")
    phone.set_viewport_size(PHONE)
    leave(phone)

    phone.context.set_offline(True)
    phone.reload()
    expect(phone.locator("#net")).to_contain_text("Sin conexión")
    deliver(phone, "Mtra. Elena Ruiz", picture)
    expect(phone.locator("#net")).to_have_text("Sin conexión: puede seguir trabajando · 1 por enviar")
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
