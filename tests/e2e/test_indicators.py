"""A proposal is accepted with one key, and the tablero de indicadores is read without eyes or colours."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from playwright.sync_api import expect
from sqlalchemy.orm import Session

from models.base import now
from models.chat import Rating
from models.person import Account
from models.service import Service
from models.suggestion import LearnedModel, ModelState, Suggestion
from models.ticket import Ticket
from models.workflow import State, enter
from tests.support.barriers import barriers
from tests.support.browser import must_fit, photograph
from tests.support.documents_panel import DocumentOffice
from tests.support.institution import open_case

pytestmark = pytest.mark.browser


def propose(session: Session, desk: DocumentOffice, accounts: dict[str, Account]) -> int:
    """A new case of Sistemas that the model holds to be a pothole."""
    model = LearnedModel(night=date(2026, 1, 1), state=ModelState.READY, cases=312)
    potholes = Service(slug="bacheo", name="Bacheo", dependencia_id=desk.people.works.id)
    session.add_all([model, potholes])
    case = open_case(session, desk.people, subject="Hay un hoyo enorme",
                     text="En la calle Hidalgo hay un bache que ya ponchó dos carros.")  # fmt: skip
    session.flush()
    session.add(
        Suggestion(case_id=case.id, model_id=model.id, service_id=potholes.id, service_confidence=0.934,
                   words=["hoyo", "bache", "carros"])
    )  # fmt: skip
    return case.id


def test_one_key_accepts_what_was_learnt_and_the_words_that_decided_are_marked(desk: DocumentOffice) -> None:
    with desk.desk() as (session, accounts):
        case_id = propose(session, desk, accounts)
    page = desk.enter("oficialia", f"/admin/casos/{case_id}")
    proposal = page.get_by_role("region", name="Propuesta para este asunto")
    expect(proposal).to_contain_text("Bacheo")
    expect(proposal).to_contain_text("93 % de certeza")
    expect(proposal.locator("mark")).to_have_text(["hoyo", "bache", "carros"])
    assert not barriers(page)
    photograph(page, "propuesta")
    page.keyboard.press("a")
    expect(page.locator(".toast")).to_contain_text("se aplicó la propuesta")
    expect(proposal).to_have_count(0)
    with desk.office.database.reading() as session:
        moved = session.get_one(Ticket, case_id)
        assert moved.service is not None and moved.service.slug == "bacheo"
        assert moved.dependencia_id == desk.people.works.id


def test_a_head_reads_every_chart_as_a_table_and_has_the_report_mailed(desk: DocumentOffice) -> None:
    with desk.desk() as (session, _):
        for number in range(6):
            case = open_case(session, desk.people, address=f"p{number}@example.com")
            case.created_at = now() - timedelta(days=number)
            if number % 2:
                enter(case, State.RESOLVED)
                session.add(Rating(case_id=case.id, score=5 - number % 3))
    page = desk.enter("head", "/admin/")
    page.get_by_role("link", name="Indicadores").click()
    expect(page.get_by_role("heading", name="Tablero de indicadores", level=1)).to_be_visible()
    for picture in page.get_by_role("figure").all():
        expect(picture.get_by_role("img")).to_have_accessible_name(re.compile("tabla"))
        picture.get_by_text("Ver como tabla").press("Enter")
        expect(picture.get_by_role("table")).to_be_visible()
    ages = page.get_by_role("table", name="Antigüedad de lo pendiente").get_by_role("cell")
    assert sum(int(one) for one in ages.all_inner_texts()) >= 3
    assert not barriers(page)
    photograph(page, "indicadores")
    page.set_viewport_size({"width": 390, "height": 844})
    must_fit(page)
    page.get_by_role("link", name="Esta semana").click()
    expect(page.get_by_role("link", name="Esta semana")).to_have_attribute("aria-current", "page")
    page.get_by_text("Descargar").click()
    page.get_by_role("link", name="Recibirlo por correo").click()
    page.get_by_label("Cada cuándo").select_option(label="Cada lunes, de la semana anterior")
    page.get_by_label("Correos").fill("cabildo@example.gob.mx")
    page.get_by_role("button", name="Programar informe").click()
    expect(page.locator(".toast")).to_contain_text("Listo: el primero sale el")
    assert not barriers(page)
    page.get_by_role("button", name="Dejar de enviar").click()
    expect(page.get_by_text("No hay informes programados")).to_be_visible()
