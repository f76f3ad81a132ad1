"""Manual C in Chromium: *Seguimiento* and *Procesos*, a visto bueno before approval, an expediente closed."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from intake import turnos
from intake.archiving import archive
from intake.archiving.archive import SeriesFields
from intake.archiving.binding import bind
from tests.support.browser import must_fit_a_phone, photograph
from tests.support.documents_panel import DocumentOffice
from tests.support.institution import open_case

pytestmark = pytest.mark.browser


def hand_over(desk: DocumentOffice, *subjects: str) -> list[str]:
    """Tickets that oficialía turns to the worker; their folios."""
    folios = []
    with desk.desk() as (session, who):
        for subject in subjects:
            case = open_case(
                session, desk.people, subject=subject, address=f"{subject.split()[-1]}@example.com"
            )
            turnos.assign(session, desk.office, case, who["oficialia"],
                          dependencia=who["worker"].dependencia, account=who["worker"])  # fmt: skip
            folios.append(case.folio)
    return folios


def fits_a_phone(page: Page, name: str) -> None:
    photograph(page, name)
    must_fit_a_phone(page)


def test_users_attend_the_tasks_that_wait_for_them_in_seguimiento(desk: DocumentOffice) -> None:
    hand_over(desk, "Cambiar el tóner", "Configurar el correo", "Sin relación")
    page = desk.enter("worker", "/admin/seguimiento/")
    expect(page.get_by_role("heading", name="Pendientes", exact=True)).to_be_visible()
    fits_a_phone(page, "seguimiento")
    # The section of filters narrows the section of pending tasks.
    page.get_by_label("Folio o asunto").fill("correo")
    page.get_by_role("button", name="Filtrar").click()
    expect(page.locator(".pending")).to_have_count(1)
    page.get_by_role("link", name="Quitar filtros").click()
    several = page.get_by_role("button", name="Hacer algo con los marcados")
    expect(several).to_be_disabled()
    for subject in ("tóner", "correo"):
        page.locator(".pending").filter(has_text=subject).get_by_role("checkbox").check()
    several.click()
    page.get_by_role("button", name="Resolver (2)").click()
    expect(page.get_by_text("se hizo en 2 asuntos")).to_be_visible()
    expect(page.locator(".pending")).to_have_count(1)


def test_users_see_the_flows_of_their_roles_in_procesos(desk: DocumentOffice) -> None:
    (folio,) = hand_over(desk, "Cableado del archivo")
    page = desk.enter("head", "/admin/procesos/")
    page.get_by_role("link", name="Solicitudes de servicio").click()
    assigned = page.locator("svg a").filter(has_text="Turnado")
    number = assigned.locator(".number").text_content() or ""
    fits_a_phone(page, "procesos")
    # By keyboard too: what a number counts is the list that it opens.
    assigned.focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-case]")).to_have_count(int(number))
    page.get_by_role("link", name=re.compile(folio)).click()
    page.get_by_role("link", name="Ver el recorrido en el diagrama").click()
    expect(page.get_by_text("Está en: Turnado.")).to_be_visible()
    expect(page.locator(".state.here")).to_contain_text("Turnado")
    fits_a_phone(page, "recorrido")


def test_a_document_waits_for_its_visto_bueno_and_ends_in_an_expediente(desk: DocumentOffice) -> None:
    subject = "Dictamen de bajas de equipo"
    number = desk.submitted(subject)
    with desk.desk() as (session, _):
        fondo = archive.save_series(session, None, None, SeriesFields("fondo", "MX", "Municipio"))
        below = SeriesFields("seccion", "5C", "Recursos", fondo.id)
        section = archive.save_series(session, None, None, below)
        archive.save_series(session, None, None, SeriesFields("serie", "5C.7", "Bajas", section.id, 1, 6))
    author = desk.enter("worker", f"/admin/documentos/{number}")
    author.get_by_role("link", name="Pedir visto bueno").click()
    author.get_by_role("checkbox", name=re.compile("Olga Peña")).check()
    author.get_by_role("button", name="Pedir visto bueno").click()
    expect(author.get_by_text("Se pidió el visto bueno")).to_be_visible()

    head = desk.enter("head", f"/admin/documentos/{number}")
    head.get_by_role("button", name="Aprobar").click()
    expect(head.get_by_text("Falta el visto bueno de Olga Peña")).to_be_visible()

    asked = desk.enter("other", "/admin/seguimiento/")
    task = asked.locator(".pending").filter(has_text=subject)
    expect(task).to_contain_text("Dar visto bueno")
    asked.goto(f"/admin/documentos/{number}")
    asked.get_by_role("link", name="Dar visto bueno").click()
    asked.get_by_label("Observación (opcional)").fill("Cifras revisadas")
    asked.get_by_role("button", name="Dar visto bueno").click()
    expect(asked.get_by_text("«Cifras revisadas»")).to_be_visible()
    photograph(asked, "visto-bueno")

    head.get_by_role("button", name="Aprobar").click()
    expect(head.get_by_text("Enviado", exact=True).first).to_be_visible()
    folio = desk.find(subject).folio
    head.get_by_role("link", name="Integrar a expediente").click()
    head.get_by_label("Serie documental").select_option(label="5C.7 Bajas")
    head.get_by_role("button", name="Abrir expediente").click()
    expect(head.get_by_role("cell", name=folio, exact=True)).to_be_visible()
    head.on("dialog", lambda dialog: dialog.accept())
    head.get_by_role("button", name="Cerrar expediente").click()
    expect(head.get_by_text("Se está formando. Vuelva a cargar")).to_be_visible()
    bind(desk.office)
    head.reload()
    # This window draws no PDF, so the file is fetched as the link would.
    address = head.get_by_role("link", name="Descargar el PDF").get_attribute("href")
    saved = head.request.get(address or "")
    assert saved.body()[:4] == b"%PDF" and "DSI-5C.7-0001-2026.pdf" in saved.headers["content-disposition"]
    fits_a_phone(head, "expediente")
