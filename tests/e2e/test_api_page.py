"""*Programas y avisos automáticos* in the browser: a key is made, shown once, and nothing is in the way."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.support.barriers import barriers
from tests.support.browser import must_fit
from tests.support.documents_panel import DocumentOffice


def test_a_person_finds_the_page_makes_a_key_and_sees_it_once(desk: DocumentOffice) -> None:
    page = desk.enter("worker", "/admin/cuenta/")
    page.get_by_role("link", name="Programas y avisos automáticos").click()
    page.get_by_label("Para qué programa").fill("Sistema de catastro")
    page.get_by_label("Consultar asuntos y sus archivos").check()
    page.keyboard.press("Enter")
    shown = page.get_by_role("status").get_by_label("Clave")
    expect(shown).to_be_visible()
    key = shown.input_value()
    assert key.startswith("ofi_")
    assert barriers(page) == []
    page.set_viewport_size({"width": 390, "height": 800})
    must_fit(page)
    page.goto("/admin/api/")
    expect(page.get_by_text("Sistema de catastro")).to_be_visible()
    assert key not in page.content()
