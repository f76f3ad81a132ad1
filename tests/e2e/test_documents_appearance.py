"""The administrator gives documents their look: term of government, letterhead with its page, numbers."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Request, Route, expect

from models.base import now
from tests.support.browser import photograph
from tests.support.documents import poppler
from tests.support.documents_panel import DocumentOffice

pytestmark = pytest.mark.browser


def is_of(slogan: str) -> Callable[[Request], bool]:
    """Does a request for the page carry *slogan*?"""
    return lambda request: (
        "pagina.pdf" in request.url and slogan.encode() in (request.post_data_buffer or b"")
    )


def test_the_administrator_sets_terms_and_letterheads_and_sees_the_page_that_they_make(
    desk: DocumentOffice, tmp_path: Path
) -> None:
    today = now().astimezone(desk.office.settings.zone).date()
    page = desk.enter("admin", "/admin/administraciones/")
    for name, starts_on in (("2021-2024", today - timedelta(days=900)), ("2024-2027", today)):
        page.get_by_role("link", name="Nueva administración").click()
        page.get_by_label("Nombre").fill(name)
        page.get_by_label("Desde el").fill(starts_on.isoformat())
        page.get_by_role("button", name="Guardar").click()
    expect(page.locator("tbody tr").filter(has_text="2024-2027")).to_contain_text("Vigente")
    expect(page.locator("tbody tr").filter(has_text="2021-2024")).to_contain_text("se siguen leyendo")
    photograph(page, "administraciones")

    # The page beside the form is the real one; a viewer of PDF files would only hide its bytes.
    pages: list[bytes] = []

    def keep(route: Route) -> None:
        pages.append(route.fetch().body())
        route.fulfill(body="…", content_type="text/plain")

    page.route("**/pagina.pdf*", keep)
    page.get_by_role("link", name="Membretes", exact=True).click()
    page.get_by_role("link", name="Nuevo membrete").click()
    page.get_by_label("Dependencia").select_option(label="\u2003Dirección de Sistemas")
    page.get_by_label("Administración").select_option(label="2024-2027")
    logo = io.BytesIO()
    Image.new("RGB", (300, 300), "#6b1d3a").save(logo, "PNG")
    page.get_by_label("Logotipo").set_input_files(
        {"name": "escudo.jpg", "mimeType": "image/jpeg", "buffer": logo.getvalue()}
    )
    page.get_by_label("Pie de página").fill("Independencia 58, Centro")
    with page.expect_request(is_of("2026, año de las obras")) as asked:
        page.get_by_label("Lema").fill("2026, año de las obras")
    asked.value.response()
    words = poppler("pdftotext", pages[-1], tmp_path)
    assert "2026, año de las obras" in words and "Independencia 58" in words and "DSI/0001/" in words
    assert "image" in poppler("pdfimages", pages[-1], tmp_path, "-list")
    page.get_by_role("button", name="Guardar").click()
    expect(page.locator("tbody tr")).to_contain_text(["Dirección de Sistemas"])
    expect(page.locator("tbody tr")).to_contain_text(["Con logotipo"])
    page.get_by_role("link", name="Nuevo membrete").click()
    page.get_by_label("Logotipo").set_input_files(
        {"name": "logo.png", "mimeType": "image/png", "buffer": b"MZ no picture"}
    )
    page.get_by_role("button", name="Guardar").click()
    expect(page.locator(".wrong")).to_contain_text("«logo.png» no es una imagen")


def test_the_administrator_sets_how_documents_are_numbered_and_sees_the_next_number(
    desk: DocumentOffice,
) -> None:
    year = now().astimezone(desk.office.settings.zone).year
    page = desk.enter("admin", "/admin/numeros/nuevo")
    page.get_by_label("Dependencia").select_option(label="\u2003Dirección de Sistemas")
    page.get_by_label("Formato").fill("OF-{siglas}-{number:03}-{year}")
    expect(page.locator("#next")).to_contain_text(f"OF-DSI-001-{year}")
    page.get_by_label("Formato").fill("{siglas}/{number}")
    expect(page.locator("#next")).to_contain_text("no sirve como numeración")
    page.get_by_role("button", name="Guardar").click()
    expect(page.locator(".wrong")).to_be_visible()
    photograph(page, "numeros-nuevo")
    page.get_by_label("Formato").fill("OF-{siglas}-{number:03}-{year}")
    page.get_by_role("button", name="Guardar").click()
    expect(page.locator("tbody tr")).to_contain_text([f"OF-DSI-001-{year}"])
    photograph(page, "numeros")
    desk.sent("Con su nuevo número")
    assert desk.find("Con su nuevo número").folio == f"OF-DSI-001-{year}"
