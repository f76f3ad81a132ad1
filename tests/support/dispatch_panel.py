"""The pages of mensajería as people use them: who asks, who routes, and the courier at the door."""

from __future__ import annotations

import re
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, ViewportSize, expect

from intake.deliveries import dispatches
from intake.deliveries.dispatches import DispatchFields
from models.carrier import DispatchKind
from models.oficio import Oficio
from tests.support.browser import photograph
from tests.support.dispatch import found_deliveries
from tests.support.documents import OUTSIDE, fields
from tests.support.documents_panel import DocumentOffice
from tests.support.panel import give_login

PHONE: ViewportSize = {"width": 390, "height": 800}


def open_mensajeria(desk: DocumentOffice) -> None:
    """A manager and couriers who can enter, zones, a carrier and tariffs."""
    with desk.office.database.writing() as session:
        found_deliveries(session, desk.people)
        for name in ("manager", "courier", "stand_in"):
            give_login(session, desk.people.accounts[name])


def ask_for(desk: DocumentOffice, document: int, name: str, by: str = "worker") -> Page:
    """*by* asks from the page of the document that it be delivered to its recipient *name*."""
    page = desk.enter(by, f"/admin/documentos/{document}")
    page.get_by_role("link", name="Solicitar envío").click()
    expect(page.get_by_label("Destinatario", exact=True)).to_have_value(name)
    page.get_by_label("Calle, número y colonia").fill("Av. Alcalde 500, Centro")
    page.get_by_label("Código postal").fill("44190")
    page.get_by_label("Teléfono").fill("33 1234 5678")
    page.get_by_label("Pedir que regrese el acuse firmado").check()
    photograph(page, "envio-solicitar")
    page.get_by_role("button", name="Solicitar envío").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Envío a {name}")
    return page


def ask_at_desk(desk: DocumentOffice, name: str, kind: DispatchKind = DispatchKind.LOCAL) -> int:
    """The same of a document of its own, without a browser; the number of the delivery."""
    document = desk.sent(f"Para {name}", fields(desk.people, to=(OUTSIDE,), subject=f"Para {name}"))
    with desk.desk() as (session, who):
        what = DispatchFields(kind, name, "Av. Alcalde 500", postal_code="44190",
                              wants_acuse=kind == DispatchKind.LOCAL)  # fmt: skip
        oficio = session.get_one(Oficio, document)
        return dispatches.request_dispatch(session, desk.office, oficio, who["worker"], what).id


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
    # Of two debuggers of one page, each says whether there is a net: here it is only Playwright's.
    page = desk.enter("courier", "/admin/mensajero/", draws_pdf=True)
    page.set_viewport_size(PHONE)
    page.context.grant_permissions(["geolocation"])
    page.context.set_geolocation({"latitude": 20.6767, "longitude": -103.3475, "accuracy": 15})
    expect(page.locator("#net")).to_have_text("En línea")
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    return page


def leave(phone: Page) -> None:
    """The courier leaves the house with what is routed."""
    phone.get_by_role("button", name="Ya salí").click()
    expect(phone.locator("#todo").get_by_text("En camino")).to_be_visible()


def camera(folder: Path, size: tuple[int, int] = (2_400, 1_800)) -> Path:
    """A photo, by its measures as large as a phone's camera makes them."""
    picture = folder / "foto.jpg"
    Image.effect_noise(size, 60).convert("RGB").save(picture, quality=90)
    return picture


def deliver(page: Page, name: str, picture: Path) -> None:
    """At the door: who receives, photo of the acuse, signature on glass."""
    page.get_by_role("link", name=re.compile(name)).click()
    page.get_by_role("button", name="Entregado", exact=True).click()
    page.get_by_label("Nombre de quien recibe").fill("Rosa Núñez")
    page.get_by_role("button", name="Guardar la entrega").click()
    expect(page.get_by_role("alert").filter(visible=True)).to_have_text("Tome la foto del acuse.")
    page.locator("form[data-outcome=delivered] input[type=file]").set_input_files(picture)
    expect(page.locator(".preview-photo").filter(visible=True)).to_have_count(1)
    _sign(page)
    photograph(page, "mensajero-entrega")
    page.set_viewport_size(PHONE)
    page.get_by_role("button", name="Guardar la entrega").click()


def _sign(page: Page) -> None:
    canvas = page.locator("canvas.signature")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 30, box["y"] + 90)
    page.mouse.down()
    for step in range(1, 12):
        page.mouse.move(box["x"] + 30 + 22 * step, box["y"] + (60 if step % 2 else 120))
    page.mouse.up()
