"""Who works at the counter besides, and the screens of the tasks of manual C as people go through them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Page, expect
from sqlalchemy import select

from models.oficio import Oficio
from models.person import Account, Person, Role
from tests.support.browser import photograph
from tests.support.documents_panel import DocumentOffice
from tests.support.panel import give_login


def hire(desk: DocumentOffice, name: str, called: str, role: Role) -> None:
    """Somebody more in Presidencia, who can enter."""
    place = desk.people.presidency.id
    with desk.desk() as (session, _):
        person = Person(name=called, email=f"{name}@example.gob.mx", dependencia_id=place)
        session.add(person)
        session.flush()
        made = Account(person_id=person.id, dependencia_id=place, role=role)
        session.add(made)
        session.flush()
        give_login(session, made)
        desk.people.accounts[name] = made


def newest(desk: DocumentOffice) -> Oficio:
    with desk.office.database.reading() as session:
        return session.scalars(select(Oficio).order_by(Oficio.id.desc()).limit(1)).one()


@contextmanager
def pending(desk: DocumentOffice, who: str, task: str, folio: str) -> Iterator[Page]:
    """*who* finds the task in *Seguimiento*, and opens it."""
    page = desk.enter(who, "/admin/seguimiento/")
    page.get_by_role("link", name=re.compile(f"{task}.*{folio}", re.DOTALL)).first.click()
    expect(page.get_by_text(folio).first).to_be_visible()
    yield page
    page.context.close()


def choose(page: Page, label: str, words: str, name: str) -> None:
    """From the list that appears while typing, which nobody listens to before the page's scripts ran."""
    page.wait_for_load_state()
    page.get_by_label(label).fill(words)
    page.get_by_role("option", name=name).click()


def discharge_and_copy(desk: DocumentOffice, folio: str) -> None:
    """The counter turns it to Sistemas, marks CC to Raúl Vega (`reviewer`), who reviews it (way A)."""
    with pending(desk, "oficialia", "Descargar asunto", folio) as page:
        photograph(page, "descargar-asunto")
        expect(page.get_by_label("Destinatario")).to_have_value("DSI · Dirección de Sistemas")
        choose(page, "Con copia (CC) 1", "raúl", "Raúl Vega")
        page.get_by_role("button", name="Guardar y turnar").click()
        expect(page.locator(".toast")).to_contain_text(f"{folio} quedó turnado")
    with pending(desk, "reviewer", "Recibir asunto CC", folio) as page:
        photograph(page, "recibir-cc")
        page.get_by_role("button", name="Recibido").click()
        expect(page.locator(".toast")).to_contain_text("quedó revisado")


def name_a_responsible(desk: DocumentOffice, folio: str) -> None:
    """Way B: who it was turned to asks for a responsible, and marks CC."""
    with pending(desk, "head", "Atender gestión", folio) as page:
        photograph(page, "atender-gestion")
        page.get_by_role("button", name="Asignar responsable").click()
        expect(page.get_by_role("heading", name="Asignar responsable")).to_be_visible()
        choose(page, "Responsable", "tomás", "Tomás Ibarra")
        choose(page, "Con copia (CC) 1", "olga", "Olga Peña")
        photograph(page, "asignar-responsable")
        page.get_by_role("button", name="Asignar", exact=True).click()
        expect(page.locator(".toast")).to_contain_text("Tomás Ibarra es responsable")
