"""The digitizer in the browser: what waits, a stack goes up, pages by hand, filing, the end of the task."""

from __future__ import annotations

import random
import re
from datetime import date

import pytest
from playwright.sync_api import FilePayload, Page, expect
from sqlalchemy import select

from intake.counter import reception
from intake.counter.labels import label_text
from intake.counter.reception import Entry, Sender
from models.oficio import Oficio
from models.person import Role
from models.task import Task, TaskKind, TaskState
from tests.support.barriers import barriers
from tests.support.browser import must_fit, photograph
from tests.support.counter import hire
from tests.support.digitizer import look_through, read_pages, upload
from tests.support.documents_panel import DocumentOffice
from tests.support.scans import HALF, draw_paper, photograph_by_telephone, stack_pdf, write_words

pytestmark = pytest.mark.browser


def counter(desk: DocumentOffice) -> Oficio:
    """A digitizer at the counter, and a paper that was registered there."""
    hire(desk, "digitizer", "Diana Ruiz", Role.DIGITIZER)
    made: list[Oficio] = []
    entry = Entry(Sender("Rosa Gil Prado"), "Se piden luminarias en la calle Hidalgo.", date(2026, 11, 20))
    desk.decide(
        lambda session, who: made.append(reception.register(session, desk.office, who["oficialia"], entry))
    )
    return made[0]


def test_a_digitizer_uploads_a_stack_sorts_its_pages_files_them_and_ends_the_task(
    desk: DocumentOffice,
) -> None:
    oficio, chance = counter(desk), random.Random(4)
    papers = [draw_paper(chance, label=label, words=write_words(chance, 12), size=HALF, noise=0)
              for label in ("", label_text(oficio))]  # fmt: skip
    page = desk.enter("digitizer", "/admin/seguimiento/")
    page.get_by_role("link").filter(has_text=oficio.folio).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Digitalizar {oficio.folio}")
    page.get_by_role("link", name="Volver a Digitalizar").click()
    pdf = stack_pdf([paper.picture for paper in papers])
    upload(page, ("pila.pdf", "application/pdf", pdf), ("nota.txt", "text/plain", b"hola"))
    received = page.get_by_role("list", name="Lo que se subió")
    expect(received).to_contain_text(re.compile(r"✓ Se recibió «pila\.pdf» \(\d+ kB\): es la pila \d+\."))
    expect(page.get_by_text("Archivos recibidos: 1 de 2.")).to_be_visible()
    look_through(desk)
    # It says by itself that the stack was looked through; what was received stays to be read.
    expect(page.get_by_text("1 por asignar")).to_be_visible()
    expect(received).to_contain_text("Se recibió «pila.pdf»")
    photograph(page, "digitalizar")
    assert barriers(page) == []
    page.get_by_role("link", name="Revisar").click()

    page.get_by_label("Marcar página 1").check()
    page.get_by_label("Folio del asunto").fill(oficio.folio)
    page.get_by_role("button", name="Asignar").click()
    expect(page.get_by_text(f"Asignadas a {oficio.folio}")).to_be_visible()
    page.get_by_role("button", name="Mover después la página 1").click()
    expect(page.locator(".scan-page .tick").first).to_contain_text("Página 2")
    page.get_by_role("button", name="Girar la página 1").click()
    page.get_by_role("button", name="Girar la página 1").click()
    expect(page.locator(".turned-180")).to_have_count(1)
    photograph(page, "digitalizar-pila")
    assert barriers(page) == []
    check_width(page)
    page.get_by_role("button", name="Archivar todo lo asignado").click()
    expect(page.get_by_text("Páginas por archivar: 2.")).to_be_visible()

    photograph_for(desk, page, oficio, papers[0].picture)
    page.goto(f"/admin/digitalizar/asunto/{oficio.id}")
    page.get_by_role("button", name="Terminar digitalización").click()
    expect(page.get_by_text(f"Todavía se leen páginas de {oficio.folio}").first).to_be_visible()
    read_pages(desk)
    page.reload()
    assert barriers(page) == []
    check_width(page)
    photograph(page, "digitalizar-asunto")
    page.get_by_role("button", name="Terminar digitalización").click()
    expect(page.get_by_text("pasó a «Descargar asunto»")).to_be_visible()
    with desk.office.database.reading() as session:
        wanted = select(Task).where(Task.case_id == oficio.id, Task.state == TaskState.OPEN)
        assert session.scalars(wanted).one().kind == TaskKind.DISCHARGE


def photograph_for(desk: DocumentOffice, page: Page, oficio: Oficio, picture: bytes) -> None:
    """A photo by the phone's camera, on the page of one case, is received as a stack; it is left out."""
    page.goto(f"/admin/digitalizar/asunto/{oficio.id}")
    page.set_viewport_size({"width": 390, "height": 844})
    page.get_by_label("Tomar foto").set_input_files(
        FilePayload(name="foto.jpg", mimeType="image/jpeg", buffer=photograph_by_telephone(picture))
    )
    page.get_by_role("button", name="Subir").click()
    expect(page.get_by_text("Archivos recibidos: 1 de 1.")).to_be_visible()
    expect(page.get_by_role("region", name="Pilas en trabajo")).to_contain_text("foto.jpg")
    photograph(page, "digitalizar-asunto-recibido")
    page.get_by_role("link", name="Ver la pila").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Pila")
    look_through(desk)
    page.reload()
    page.get_by_label("Marcar página 1").check()
    page.get_by_role("button", name="Quitar", exact=True).click()


def check_width(page: Page) -> None:
    """On a telephone nothing goes sideways."""
    page.set_viewport_size({"width": 390, "height": 844})
    must_fit(page)
