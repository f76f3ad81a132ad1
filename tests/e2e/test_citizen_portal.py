"""A citizen's whole story in the portal (manual R), and the catalogue (manual O), in a real browser."""

from __future__ import annotations

import base64
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from pydantic import SecretStr
from sqlalchemy import select

from intake import cases
from intake.config import Settings
from intake.demo import demo
from intake.office import Office
from intake.outbox import words_of
from models.chat import Rating
from models.outbox_message import OutboxMessage
from models.person import Account, Person
from models.ticket import Ticket
from tests.support.browser import clerks_window, must_fit_a_phone, photograph
from tests.support.manual_of_services import SENTENCES, TOWN, flat
from tests.support.panel import served_panel
from tests.support.portal import PASSWORD

pytestmark = pytest.mark.browser
ANA = "ana.ruiz@example.com"
# One red point.
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)
PASTE = """(bytes) => {
  const data = new DataTransfer();
  data.items.add(new File([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))], "image.png",
                          { type: "image/png" }));
  document.querySelector("textarea[name=text]").dispatchEvent(
    new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
}"""

DROP = """(bytes) => {
  const data = new DataTransfer();
  data.items.add(new File([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))], "suelta.png",
                          { type: "image/png" }));
  document.querySelector("[data-drop]").dispatchEvent(
    new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
}"""


@dataclass
class Town:
    """The demo institution, and where its pages are."""

    office: Office
    address: str
    browser: Browser

    def link(self, to: str) -> str:
        """The path of the link in the newest mail to *to*."""
        with self.office.database.reading() as session:
            mails = session.scalars(select(OutboxMessage).order_by(OutboxMessage.id.desc()))
            text, _ = words_of(next(one for one in mails if one.to == [to]))
        found = re.search(r"https?://[^/\s]+(/\S+)", text)
        assert found
        return found[1]

    def newest(self) -> Ticket:
        with self.office.database.reading() as session:
            return session.scalars(select(Ticket).order_by(Ticket.id.desc()).limit(1)).one()


@pytest.fixture(scope="module")
def town(browser: Browser, migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("town")
    shutil.copy(migrated_sqlite, folder / "office.db")
    office = Office.open(Settings(
        _env_file=None, database_url=f"sqlite:///{folder / 'office.db'}",
        store_url=f"file:{folder / 'files'}", outgoing_dir=folder / "outgoing", domain="sanmarcos.example",
        institution=TOWN,
        secret_key=SecretStr("only for tests, and longer than thirty-two bytes"),
    ))  # fmt: skip
    with office.database.writing() as session:
        demo.install(session, demo.read_plan(office), hash_password=lambda password: "not for entering")
    with served_panel(office) as address:
        yield Town(office, address, browser)
    office.database.close()


@pytest.fixture
def window(town: Town) -> Iterator[Page]:
    with ExitStack() as stack:
        page = stack.enter_context(clerks_window(town.browser, town.address)).new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        yield page
        assert errors == []


def create_account(town: Town, page: Page) -> None:
    """From the first page to the empty list."""
    page.goto("/")
    must_fit_a_phone(page)
    photograph(page, "portal-inicio")
    page.get_by_role("link", name="Crear cuenta").click()
    expect(page.locator("main")).to_contain_text("será su nombre de usuario")
    page.get_by_label("Correo electrónico").fill(ANA)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Revise su correo")).to_be_visible()
    page.goto(town.link(ANA))
    page.get_by_label("Nombre completo").fill("Ana Ruiz")
    page.get_by_label("Contraseña").fill(PASSWORD)
    page.get_by_role("button", name="Crear mi cuenta").click()
    expect(page.get_by_role("heading", name="Todavía no tiene solicitudes")).to_be_visible()


def ask(town: Town, page: Page) -> Ticket:
    """A request with a pasted screenshot and what the service asks."""
    page.get_by_role("link", name="Nuevo").click()
    expect(page.locator(".areas")).to_contain_text(
        "1.- Sistemas de información: son los programas desarrollados para la administración pública "
        "los cuales permiten la obtención de objetivos gubernamentales. Ej. OperGob, Sistemas de "
        "Recursos Humanos (trámites, Capacitación, Servicio Social), Sideol, Portal del Servidor "
        "Público, Página web de la Sefiplan."
    )
    expect(page.locator(".areas")).to_contain_text(
        "2.- Soporte técnico: son los servicios de asistencia tecnológica Ej: Fallas de internet, "
        "mantenimiento de equipos, instalación de redes, equipos no funcionan."
    )
    page.get_by_label("Asunto").fill("Necesito credenciales")
    page.get_by_label("Descripción").fill("Son dos, para el área de archivo.")
    page.evaluate(PASTE, base64.b64encode(PNG).decode())
    expect(page.locator(".picked-files li")).to_have_text(re.compile(r"captura-\d{4}-.*\.png"))
    page.evaluate(DROP, base64.b64encode(PNG).decode())
    expect(page.locator(".picked-files li").last).to_contain_text("suelta.png")
    page.get_by_role("radio", name=re.compile("Soporte técnico: son")).check()
    page.get_by_label(re.compile(r"^Servicio")).select_option("Impresión de credenciales")
    page.get_by_label("Nombres como irán en las credenciales").fill("Luz Mar\nSol Paz")
    must_fit_a_phone(page)
    photograph(page, "portal-nueva")
    page.get_by_role("button", name="Enviar solicitud").click()
    expect(page.locator(".toast")).to_contain_text("Recibimos su solicitud")
    expect(page.get_by_role("complementary")).to_contain_text("Luz Mar")
    expect(page.locator(".said-files")).to_contain_text("captura-")
    expect(page.locator(".said-files")).to_contain_text("suelta.png")
    expect(page.get_by_role("complementary")).to_contain_text("Soporte técnico")
    expect(page.locator(".talk")).to_contain_text("Son dos, para el área de archivo.")
    town.link(ANA)
    ticket = town.newest()
    assert ticket.channel == "portal" and ticket.classification == "Soporte técnico"
    return ticket


def answer(town: Town, ticket: Ticket) -> None:
    """A clerk answers and resolves."""
    with town.office.database.writing() as session:
        person = select(Person.id).where(Person.name == "Mariana Quezada Robles")
        mariana = session.scalars(select(Account).where(Account.person_id.in_(person))).one()
        case = session.get_one(Ticket, ticket.id)
        cases.answer(session, town.office, case, mariana, text="Mañana quedan listas.", to=[ANA],
                     then="answer_and_resolve")  # fmt: skip


def follow_up_and_rate(town: Town, page: Page, ticket: Ticket) -> None:
    """A message with a file, closing, and five stars."""
    page.get_by_label("Mensaje", exact=True).fill("Gracias, paso por ellas.")
    page.get_by_label("Elegir archivos").set_input_files(
        {"name": "oficio.png", "mimeType": "image/png", "buffer": PNG}
    )
    page.get_by_role("button", name="Enviar mensaje").click()
    expect(page.locator(".said").last).to_contain_text("Gracias, paso por ellas.")
    expect(page.locator(".said").last).to_contain_text("oficio.png")
    page.get_by_role("button", name="Ya se resolvió: cerrar").click()
    expect(page.locator(".toast")).to_contain_text("quedó cerrada")
    page.get_by_label("5 ★").check()
    page.get_by_label("¿Quiere decirnos por qué?").fill("Rápido")
    page.get_by_role("button", name="Calificar").click()
    expect(page.locator(".rate")).to_contain_text("Usted dio 5 de 5.")
    with town.office.database.reading() as session:
        assert session.get_one(Rating, ticket.id).words == "Rápido"


def show_profile(page: Page) -> None:
    """*Mi perfil*, with a picture of one's own."""
    page.get_by_role("link", name="Mi perfil").click()
    page.get_by_label("Elegir una imagen").set_input_files(
        {"name": "yo.png", "mimeType": "image/png", "buffer": PNG}
    )
    page.get_by_role("button", name="Guardar imagen").click()
    expect(page.get_by_role("img", name="Su imagen de perfil")).to_be_visible()
    page.get_by_label("Contraseña actual").fill(PASSWORD)
    page.get_by_label("Contraseña nueva").fill(f"{PASSWORD} siempre")
    page.get_by_role("button", name="Cambiar contraseña").click()
    expect(page.locator(".toast")).to_contain_text("contraseña cambió")
    must_fit_a_phone(page)
    photograph(page, "portal-perfil")


def test_a_citizen_creates_an_account_asks_with_a_screenshot_reads_the_answer_live_and_rates_it(
    town: Town, window: Page
) -> None:
    page = window
    create_account(town, page)
    ticket = ask(town, page)
    page.get_by_label("Mensaje", exact=True).fill("Gracias, ")
    page.evaluate("window.isTheSamePage = true")
    answer(town, ticket)
    # Nobody reloads the page.
    expect(page.locator(".talk")).to_contain_text("Mañana quedan listas.", timeout=12_000)
    expect(page.locator("#living")).to_contain_text("Resuelto")
    expect(page.locator("#told")).to_have_text("Hay novedades en su solicitud.")
    assert page.evaluate("window.isTheSamePage")
    expect(page.get_by_label("Mensaje", exact=True)).to_have_value("Gracias, ")
    must_fit_a_phone(page)
    photograph(page, "portal-solicitud")
    follow_up_and_rate(town, page, ticket)
    show_profile(page)
    page.get_by_role("link", name="Mis solicitudes").click()
    page.get_by_label("Folio").fill(ticket.folio)
    page.get_by_label("Asunto").fill("CREDENCIALES")
    page.get_by_label("Estado").select_option("Cerrado")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".requests li")).to_have_count(1)
    must_fit_a_phone(page)
    photograph(page, "portal-solicitudes")


def unread(page: Page) -> list[str]:
    """The sentences of manual O that are on no page of the catalogue."""
    read = page.locator("body").inner_text()
    links = page.locator(".requests li a").all()
    for address in [one.get_attribute("href") or "" for one in links]:
        with page.context.new_page() as one:
            one.goto(address)
            read += one.locator("body").inner_text()
    return [one for one in SENTENCES.strip().splitlines() if flat(one) not in flat(read)]


def test_the_catalogue_is_read_printed_and_leads_to_a_request_also_without_scripts(
    town: Town, window: Page
) -> None:
    page = window
    page.goto("/servicios")
    expect(page.locator(".requests li")).to_have_count(6)
    assert unread(page) == [], "Every sentence of the manual stands in the pages of the catalogue."
    must_fit_a_phone(page)
    photograph(page, "servicios")
    page.get_by_role("link", name=re.compile("Desarrollo de plataformas web")).click()
    expect(page.get_by_role("img", name="Diagrama de flujo: Desarrollo de plataformas web")).to_be_visible()
    expect(page.locator("table")).to_contain_text("Puede variar 1 semana a 3 meses aproximadamente")
    must_fit_a_phone(page)
    photograph(page, "servicio")
    assert page.request.get("/servicios/manual.pdf").body().startswith(b"%PDF")
    with clerks_window(town.browser, town.address, scripts=False) as plain:
        bare = plain.new_page()
        bare.goto("/crear-cuenta")
        bare.get_by_label("Correo electrónico").fill("sin.scripts@example.com")
        bare.get_by_role("button", name="Crear cuenta").click()
        bare.goto(town.link("sin.scripts@example.com"))
        bare.get_by_label("Nombre completo").fill("Beto")
        bare.get_by_role("button", name="Crear mi cuenta").click()
        bare.goto("/servicios/impresion-de-credenciales")
        bare.get_by_role("link", name="Solicitar").click()
        bare.get_by_label("Asunto").fill("Una credencial")
        bare.get_by_label("Descripción").fill("La perdí.")
        bare.get_by_label("Nombres como irán en las credenciales").fill("Beto")
        bare.get_by_role("button", name="Enviar solicitud").click()
        expect(bare.locator(".toast")).to_contain_text("Recibimos su solicitud")
    assert town.newest().subject == "Una credencial"
