"""Manual T in the browser, from *Nuevo documento* to *Cerrar sesión*: each test is a part of the manual."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from intake.config import Settings
from intake.office import Office
from models.oficio import Oficio
from tests.support.browser import clerks_window, photograph
from tests.support.institution import Institution, found_institution
from tests.support.panel import give_logins, log_in, served_panel

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)]


@pytest.fixture
def office(settings: Settings) -> Iterator[Office]:
    opened = Office.open(settings)
    yield opened
    opened.database.close()


@pytest.fixture
def town(office: Office) -> Institution:
    with office.database.writing() as session:
        town = found_institution(session)
        give_logins(session, town)
    return town


@pytest.fixture
def address(office: Office, town: Institution) -> Iterator[str]:
    with served_panel(office) as address:
        yield address


def test_a_worker_writes_the_head_approves_and_the_recipient_finds_it(
    browser: Browser, page: Page, office: Office, town: Institution, address: str
) -> None:
    log_in(page, address, town.accounts["worker"])
    page.get_by_role("link", name="Nuevo documento").first.click()
    page.get_by_label("Asunto").fill("Junta urgente")
    page.get_by_label("Trabajadores").fill("peña")
    page.get_by_role("button", name="Agregar a Olga Peña").click()
    expect(page.get_by_role("list", name="Destinatarios")).to_contain_text("Olga Peña")
    page.get_by_role("textbox", name="Información adicional").click()
    page.keyboard.type("Se le convoca a junta el lunes.")
    expect(page.locator("#saved")).to_have_text("Guardado")
    photograph(page, "redactar")
    page.get_by_role("button", name="Enviar").click()
    expect(page.get_by_role("heading", name="Registrado con éxito")).to_be_visible()
    with ExitStack() as stack:
        head = stack.enter_context(clerks_window(browser)).new_page()
        log_in(head, address, town.accounts["head"])
        head.get_by_role("link", name="Por aprobar").first.click()
        head.get_by_role("link", name="Junta urgente").click()
        photograph(head, "por-aprobar")
        head.get_by_role("button", name="Aprobar").click()
        expect(head.locator(".toast")).to_contain_text("DSI/0001/")
        other = stack.enter_context(clerks_window(browser)).new_page()
        log_in(other, address, town.accounts["other"])
        other.get_by_role("link", name="Tablero").first.click()
        expect(other.locator(".documents tbody tr")).to_contain_text("Junta urgente")
        photograph(other, "tablero")
        other.get_by_role("link", name="Junta urgente").click()
        expect(other.get_by_role("button", name="Responder")).to_be_visible()
        photograph(other, "documento")
    with office.database.reading() as session:
        oficio = session.scalars(select(Oficio)).one()
        assert oficio.state == "sent" and "convoca a junta" in oficio.body_html
