"""The bandeja and the frame in the browser: trays, counts, filters, search, phone, and who is let in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from admin import auth
from intake import cases
from intake.office import Office
from models.base import now
from models.case import Case
from models.listing import PAGE_SIZE
from models.person import Account
from tests.support.browser import must_fit
from tests.support.institution import Institution, open_case
from tests.support.panel import PASSWORD, log_in, served_panel

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)]


@pytest.fixture
def address(office: Office, town: Institution) -> Iterator[str]:
    auth.throttle = auth.Throttle()
    with served_panel(office) as address:
        yield address


def open_cases(office: Office, town: Institution, number: int) -> list[int]:
    """Cases of Sistemas, the newest last, a minute apart."""
    with office.database.writing() as session:
        made = [
            open_case(session, town, address=f"p{one}@example.com", subject=f"Asunto {one}")
            for one in range(number)
        ]
        for one, case in enumerate(made):
            case.last_activity_at = now() - timedelta(minutes=number - one)
        return [case.id for case in made]


def test_counts_in_the_rail_agree_with_the_lists(
    page: Page, office: Office, town: Institution, address: str
) -> None:
    first, *_ = open_cases(office, town, 3)
    with office.database.writing() as session:
        worker = session.get_one(Account, town.accounts["worker"].id)
        cases.take(session, office, session.get_one(Case, first), worker)
    log_in(page, address, town.accounts["worker"])
    for name, expected in (("Por asignar", 2), ("Míos", 1), ("Mi dependencia", 3)):
        link = page.get_by_role("navigation", name="Secciones").get_by_role("link", name=name)
        expect(link.locator("b")).to_have_text(str(expected))
        link.click()
        expect(page.locator(".row")).to_have_count(expected)


def test_a_long_tray_is_paged_forth_and_back(
    page: Page, office: Office, town: Institution, address: str
) -> None:
    open_cases(office, town, PAGE_SIZE + 5)
    log_in(page, address, town.accounts["head"])
    newest = page.locator(".row .subject").first.inner_text()
    page.get_by_role("link", name="Anteriores").click()
    expect(page.locator(".row")).to_have_count(5)
    page.get_by_role("link", name="Más recientes").click()
    expect(page.locator(".row")).to_have_count(PAGE_SIZE)
    assert page.locator(".row .subject").first.inner_text() == newest


def test_filters_and_search_narrow_the_list(
    page: Page, office: Office, town: Institution, address: str
) -> None:
    first, second = open_cases(office, town, 2)
    with office.database.writing() as session:
        head = session.get_one(Account, town.accounts["head"].id)
        case = session.get_one(Case, first)
        cases.add_note(session, office, case, head, text="Es la impresora de la ventanilla tres.")
        cases.add_tag(session, case, head, "ventanilla")
        folio = session.get_one(Case, second).folio
    log_in(page, address, town.accounts["head"])
    page.get_by_role("link", name="Filtros").click()
    page.get_by_role("dialog").get_by_label("Etiqueta").select_option(label="ventanilla")
    page.get_by_role("dialog").get_by_role("button", name="Aplicar").click()
    expect(page.locator(".row .subject")).to_have_text(["Asunto 0"])
    page.keyboard.press("/")
    page.keyboard.type("IMPRESORA ventaníl")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Resultados")).to_be_visible()
    expect(page.locator(".row .subject")).to_have_text(["Asunto 0"])
    page.get_by_role("searchbox").fill(folio.lower())
    page.keyboard.press("Enter")
    expect(page.locator(".row .subject")).to_have_text(["Asunto 1"])


def test_on_a_phone_list_and_case_are_two_pages_with_a_bottom_rail(
    browser: Browser, office: Office, town: Institution, address: str
) -> None:
    open_cases(office, town, 2)
    context = browser.new_context(viewport={"width": 390, "height": 844}, locale="es-MX", has_touch=True)
    page = context.new_page()
    log_in(page, address, town.accounts["worker"])
    expect(page.locator("#case")).to_be_hidden()
    page.locator(".row a").first.tap()
    expect(page.locator("#list")).to_be_hidden()
    expect(page.locator("#case h1")).to_be_visible()
    must_fit(page)
    page.get_by_label("Volver a la lista").tap()
    expect(page.locator("#list")).to_be_visible()
    page.get_by_role("navigation", name="Secciones").get_by_text("Más").tap()
    expect(page.locator(".sheet-up").get_by_role("link", name="Todos")).to_be_visible()
    context.close()


def test_an_administrator_sees_no_cases(page: Page, office: Office, town: Institution, address: str) -> None:
    (case_id,) = open_cases(office, town, 1)
    log_in(page, address, town.accounts["admin"])
    expect(page.locator(".row")).to_have_count(0)
    assert page.request.get(f"{address}/admin/casos/{case_id}").status == 403
    assert page.request.get(f"{address}/admin/folio/T-{now().year}-000001").status == 403


def test_a_stranger_is_sent_to_the_door_and_comes_back_to_where_it_wanted(
    page: Page, office: Office, town: Institution, address: str
) -> None:
    (case_id,) = open_cases(office, town, 1)
    page.goto(f"{address}/admin/casos/{case_id}")
    expect(page.get_by_role("heading", name="Entrar")).to_be_visible()
    page.get_by_label("Correo o nombre de usuario").fill("Tomas@Example.gob.mx")
    page.get_by_label("Contraseña").fill(PASSWORD)
    page.get_by_role("button", name="Entrar").click()
    expect(page.locator("#case")).to_have_attribute("data-id", str(case_id))
    page.get_by_role("button", name="Salir").click()
    expect(page.get_by_role("heading", name="Entrar")).to_be_visible()


def test_guessing_a_password_is_slowed_down(page: Page, town: Institution, address: str) -> None:
    for _ in range(auth.MAX_FAILURES + 1):
        page.goto(f"{address}/entrar")
        page.get_by_label("Correo o nombre de usuario").fill("tomas@example.gob.mx")
        page.get_by_label("Contraseña").fill("adivinada")
        page.get_by_role("button", name="Entrar").click()
    expect(page.get_by_role("alert")).to_contain_text("Demasiados intentos")
    page.get_by_label("Contraseña").fill(PASSWORD)
    page.get_by_role("button", name="Entrar").click()
    expect(page.get_by_role("alert")).to_contain_text("Demasiados intentos")


def test_pages_carry_a_strict_policy_and_machines_get_their_answers(
    page: Page, town: Institution, address: str
) -> None:
    answer = page.request.get(f"{address}/entrar")
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert page.request.get(f"{address}/healthz").status == 200
    assert page.request.get(f"{address}/readyz").status == 200
    assert "oficialia_inbound_mails" in page.request.get(f"{address}/metrics").text()


def test_a_new_case_comes_into_the_list_by_itself(
    page: Page, office: Office, town: Institution, address: str
) -> None:
    open_cases(office, town, 1)
    log_in(page, address, town.accounts["worker"])
    expect(page.locator(".row")).to_have_count(1)
    with office.database.writing() as session:
        open_case(session, town, address="nueva@example.com", subject="Recién llegado")
    # What the page does every half minute.
    page.evaluate("htmx.trigger('#list', 'refresh')")
    expect(page.locator(".row .subject").first).to_have_text("Recién llegado")
    expect(page.get_by_role("link", name="Por asignar 2")).to_be_visible()
    with office.database.reading() as session:
        assert len(session.scalars(select(Case)).all()) == 2
