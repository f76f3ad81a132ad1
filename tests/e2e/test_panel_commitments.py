"""What was promised, in the browser: time left, the date of a project, the pieces asked for, and a pause."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from intake.office import Office
from models.base import now
from models.service import Service
from tests.support.browser import photograph
from tests.support.institution import Institution, found_institution
from tests.support.mails import make_mail
from tests.support.panel import arrive, give_logins, log_in, open_case

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)]


@pytest.fixture
def town(office: Office) -> Institution:
    with office.database.writing() as session:
        town = found_institution(session)
        give_logins(session, town)
        town.support.first_answer_minutes = 600
        town.support.unit_minutes, town.support.unit_name = 5, "credencial"
    return town


def test_a_clerk_says_how_many_pieces_and_sees_the_clock_stand_still_while_waiting(
    page: Page, office: Office, town: Institution, address: str
) -> None:
    case_id = arrive(office, make_mail(subject="Credenciales"))
    log_in(page, address, town.accounts["worker"])
    open_case(page, address, case_id)
    facts = page.get_by_role("complementary", name="Datos del asunto")
    expect(facts).to_contain_text("5 min por pieza (credencial); falta la cantidad")
    facts.get_by_role("link", name="Indicar cantidad").click()
    page.get_by_label("¿Cuántas piezas (credencial)?").fill("140")
    page.get_by_role("button", name="Indicar cantidad").click()
    expect(page.locator(".toast")).to_contain_text("Cantidad guardada")
    expect(facts).to_contain_text("5 min × 140 (credencial)")
    # 700 working minutes of a day of 360.
    expect(page.locator("#case > header")).to_contain_text("Queda 1 día hábil")
    page.get_by_role("textbox", name="Responder a").fill("¿Con qué fotografía?")
    page.get_by_role("button", name="Enviar y esperar").click()
    expect(page.locator("#case > header")).to_contain_text("En pausa: queda 1 día hábil")
    expect(facts).to_contain_text("Tomás Ibarra pidió respuesta al solicitante")
    photograph(page, "compromisos")


def test_a_head_agrees_on_the_date_of_a_project(
    page: Page, office: Office, town: Institution, address: str
) -> None:
    with office.database.writing() as session:
        service = session.get_one(Service, town.support.id)
        service.unit_minutes, service.agreed_from, service.agreed_to = None, "P1W", "P3M"
    case_id = arrive(office, make_mail(subject="Página de las fiestas"))
    log_in(page, address, town.accounts["head"])
    open_case(page, address, case_id)
    facts = page.get_by_role("complementary", name="Datos del asunto")
    expect(facts).to_contain_text(re.compile(r"Por acordar, entre el .+ y el .+ \d{4}"))
    facts.get_by_role("link", name="Acordar fecha").click()
    field = page.get_by_label("Fecha en que quedará listo")
    # The dialog knows the range; its last day is a working day.
    latest = field.get_attribute("max")
    assert latest is not None and latest > now().date().isoformat()
    field.fill(latest)
    page.get_by_role("button", name="Acordar fecha").click()
    expect(page.locator(".toast")).to_contain_text("Fecha acordada")
    expect(facts).to_contain_text("Fecha acordada")
    expect(facts).not_to_contain_text("Por acordar")
