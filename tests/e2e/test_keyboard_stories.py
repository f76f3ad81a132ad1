"""Whole stories without a mouse: everything is reached with Tab, and where the focus is can be seen.

The counter registers by keyboard in tests/e2e/test_counter_story.py.
"""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from intake.outbox import words_of
from models.case import Case
from models.catalogue import Classification
from models.outbox_message import OutboxMessage
from tests.support.browser import clerks_window, draw_no_pdf
from tests.support.documents_panel import DocumentOffice, editor
from tests.support.keyboard import Keyboard
from tests.support.mails import make_mail
from tests.support.panel import arrive

pytestmark = pytest.mark.browser
ANA = "ana.ruiz@example.com"


def window(desk: DocumentOffice) -> Page:
    """Of somebody who has not entered yet."""
    opened = desk.windows.enter_context(clerks_window(desk.browser, desk.address)).new_page()
    opened.on("pageerror", lambda error: desk.errors.append(str(error)))
    draw_no_pdf(opened)
    return opened


def test_a_head_turns_a_case_with_an_instruction_and_a_clerk_answers_and_resolves_it(
    desk: DocumentOffice,
) -> None:
    case_id = arrive(desk.office, make_mail(subject="No imprime"))
    head = window(desk)
    keys = Keyboard(head)
    keys.log_in(desk.address, desk.people.accounts["head"])
    keys.press_on(head.get_by_role("link", name=re.compile("No imprime")))
    expect(head.locator("#case")).to_have_attribute("data-id", str(case_id))
    keys.press_on(head.get_by_role("link", name="Turnar"))
    dialog = head.get_by_role("dialog")
    keys.go_to(dialog.locator("select[name=account]"))
    keys.type("Tomás")
    keys.fill(dialog.locator("textarea[name=instruction]"), "Revise el cable.")
    keys.press_on(dialog.get_by_role("button", name="Turnar"))
    expect(head.locator(".toast")).to_be_visible()

    worker = window(desk)
    keys = Keyboard(worker)
    keys.log_in(desk.address, desk.people.accounts["worker"])
    keys.press_on(worker.get_by_role("link", name=re.compile("Míos")))
    expect(worker).to_have_url(re.compile("bandeja=mine"))
    keys.press_on(worker.get_by_role("link", name=re.compile("No imprime")))
    expect(worker.locator("#case")).to_contain_text("Revise el cable.")
    keys.fill(worker.get_by_role("textbox", name="Responder a"), "Era el cable.")
    keys.press_on(worker.get_by_role("button", name="Enviar y resolver"))
    expect(worker.locator(".msg.out")).to_contain_text("Era el cable.")
    with desk.office.database.reading() as session:
        assert session.get_one(Case, case_id).state == "resolved"


def test_a_worker_writes_a_document_and_the_head_approves_it(desk: DocumentOffice) -> None:
    worker = window(desk)
    keys = Keyboard(worker)
    keys.log_in(desk.address, desk.people.accounts["worker"])
    keys.press_on(worker.get_by_role("link", name="Nuevo documento").first)
    expect(worker).to_have_url(re.compile("/admin/redactar/"))
    keys.fill(worker.get_by_label("Asunto"), "Sin ratón")
    keys.fill(worker.get_by_label("Trabajadores"), "olga")
    keys.press_on(worker.get_by_role("button", name="Agregar a Olga Peña"))
    keys.fill(editor(worker), "Se solicita apoyo.")
    keys.press_on(worker.get_by_role("button", name="Enviar"))
    expect(worker.get_by_role("heading", name="Registrado con éxito")).to_be_visible()

    head = window(desk)
    keys = Keyboard(head)
    keys.log_in(desk.address, desk.people.accounts["head"])
    keys.press_on(head.get_by_role("link", name=re.compile("Por aprobar")).first)
    expect(head).to_have_url(re.compile("carpeta=pending"))
    keys.press_on(head.get_by_role("link", name=re.compile("Sin ratón")).first)
    keys.press_on(head.get_by_role("button", name="Aprobar").first)
    expect(head.locator(".toast")).to_be_visible(timeout=30_000)
    assert desk.find("Sin ratón").state == "sent"


def test_a_citizen_creates_an_account_asks_with_a_file_follows_up_and_closes(desk: DocumentOffice) -> None:
    with desk.desk() as (session, _):
        session.add(Classification(name="Soporte técnico", description="asistencia tecnológica"))
    page = window(desk)
    keys = Keyboard(page)
    page.goto("/")
    keys.press_on(page.get_by_role("link", name="Crear cuenta").first)
    expect(page).to_have_url(re.compile("/crear-cuenta"))
    keys.fill(page.get_by_label("Correo electrónico"), ANA)
    keys.press("Enter")
    expect(page.get_by_role("heading", name="Revise su correo")).to_be_visible()
    page.goto(_link(desk))
    keys.fill(page.get_by_label("Nombre completo"), "Ana Ruiz")
    keys.fill(page.get_by_label("Contraseña"), "cuatro palabras por recordar")
    keys.press("Enter")
    # The list has a field of that name, too.
    expect(page.get_by_role("heading", name="Todavía no tiene solicitudes")).to_be_visible(timeout=15_000)
    keys.press_on(page.get_by_role("link", name=re.compile("Nuev")).first)
    expect(page).to_have_url(re.compile("/solicitudes/nueva"))
    keys.fill(page.get_by_label("Asunto"), "No prende")
    keys.fill(page.get_by_label("Descripción"), "La impresora de ventanilla.")
    _choose_file(keys, page)
    keys.press_on(page.get_by_role("radio", name=re.compile("Soporte")), "Space")
    keys.press_on(page.get_by_role("button", name="Enviar solicitud"))
    expect(page.locator(".said-files")).to_contain_text("foto.txt")
    keys.fill(page.get_by_label("Mensaje", exact=True), "Ya prendió.")
    keys.press_on(page.get_by_role("button", name="Enviar mensaje"))
    expect(page.locator(".said").last).to_contain_text("Ya prendió.")
    keys.press_on(page.get_by_role("button", name="Ya se resolvió: cerrar"))
    expect(page.locator(".toast")).to_contain_text("quedó cerrada")


def _choose_file(keys: Keyboard, page: Page) -> None:
    """The space bar opens the system's own window of files, in which this chooses one."""
    keys.go_to(page.locator("input[type=file]"))
    with page.expect_file_chooser() as chosen:
        keys.press("Space")
    chosen.value.set_files({"name": "foto.txt", "mimeType": "text/plain", "buffer": b"No prende"})


def _link(desk: DocumentOffice) -> str:
    """The path of the link in the newest mail to Ana."""
    with desk.office.database.reading() as session:
        mails = session.scalars(select(OutboxMessage).order_by(OutboxMessage.id.desc()))
        text, _ = words_of(next(one for one in mails if one.to == [ANA]))
    found = re.search(r"https?://[^/\s]+(/\S+)", text)
    assert found
    return found[1]
