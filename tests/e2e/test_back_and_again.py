"""What a browser draws after *back* is a new page with old words: who sends it is asked first."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import func, select

from models.oficio import Oficio
from tests.support.documents_panel import DocumentOffice

pytestmark = pytest.mark.browser


def fill_and_send(page: Page) -> None:
    page.locator("[name=sender]").fill("Colegio Prado")
    page.locator("[name=description]").fill("Solicita internet para el aula 4.")
    page.get_by_role("button", name="Registrar", exact=True).click()


def number_of(desk: DocumentOffice) -> int:
    with desk.office.database.reading() as session:
        return session.scalar(select(func.count()).select_from(Oficio)) or 0


@pytest.mark.parametrize("scripts", [True, False])
def test_who_goes_back_and_sends_again_registers_nothing_twice_unless_it_is_meant(
    desk: DocumentOffice, scripts: bool
) -> None:
    before, page = number_of(desk), desk.enter("oficialia", "/admin/asunto/", scripts=scripts)
    # Of the second run, other words than of the first.
    page.locator("[name=sender_number]").fill(f"CP/{before}/2026")
    fill_and_send(page)
    expect(page.get_by_role("link", name="Registrar otro")).to_be_visible()
    page.go_back()
    page.locator("[name=sender_number]").fill(f"CP/{before}/2026")
    fill_and_send(page)
    expect(page.locator(".toast.error")).to_contain_text("se recibió esto mismo, y no se registró otra vez")
    expect(page.locator("[name=description]")).to_have_value("Solicita internet para el aula 4.")
    assert number_of(desk) == before + 1
    page.get_by_role("button", name="Registrar", exact=True).click()
    expect(page.get_by_role("link", name="Registrar otro")).to_be_visible()
    assert number_of(desk) == before + 2
