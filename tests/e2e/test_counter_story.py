"""The counter's story (manual C): an oficio on paper, registered by keyboard, until its answer is signed.

With the people of the manual: ventanilla, digitizer, two who are copied, the head it is turned to, and
the responsible whom that one names.
"""

from __future__ import annotations

import pytest
from playwright.sync_api import FilePayload, Page, expect
from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.counter.discharging import ask_discharge
from models.contact import Address, AddressKind, Contact
from models.oficio import Oficio
from models.outbox_message import OutboxMessage
from models.person import Account, Role
from models.signed_answer import SignedAnswer
from tests.support.browser import photograph
from tests.support.counter import discharge_and_copy, hire, name_a_responsible, newest, pending
from tests.support.documents_panel import DocumentOffice
from tests.support.efirma import Authority, EfirmaFiles

pytestmark = pytest.mark.browser

# A trained typist: 55 words of five letters a minute (Card, Moran and Newell: 0.2 s for each key).
SECONDS_PER_KEY = 0.2
SENDER = "Rosa Gil Prado"


@pytest.fixture(scope="module")
def efirma(shared_office: DocumentOffice) -> EfirmaFiles:
    """Who works at this counter besides, a sender we know, and the e.firma of the responsible."""
    authority = Authority()
    authority.write_trust(shared_office.folder / "efirma")
    hire(shared_office, "digitizer", "Diana Ruiz", Role.DIGITIZER)
    hire(shared_office, "reviewer", "Raúl Vega", Role.REVIEWER)
    with shared_office.desk() as (session, who):
        known = Contact(name=SENDER, institution="Escuela Benito Juárez", post="Directora")
        known.addresses.append(Address(kind=AddressKind.EMAIL, value="rosa@colegio.example"))
        session.add(known)
        who["worker"].is_signer, who["worker"].person.rfc = True, "TOLJ800101AB1"
    return authority.issue()


class Keys:
    """A clerk who never touches the mouse, and how many keys that takes."""

    def __init__(self, page: Page) -> None:
        self.page, self.pressed = page, 0

    def type(self, words: str) -> None:
        self.page.keyboard.type(words)
        self.pressed += len(words)

    def press(self, *names: str) -> None:
        for name in names:
            self.page.keyboard.press(name)
            self.pressed += 1

    def choose(self, words: str, *, first: bool) -> None:
        """From the list that appears while typing; *first*: what it marks by itself."""
        self.type(words)
        expect(self.page.get_by_role("option").first).to_be_visible()
        if not first:
            self.press("ArrowDown")
        self.press("Tab")


def test_an_oficio_on_paper_is_registered_turned_answered_and_signed(
    desk: DocumentOffice, efirma: EfirmaFiles
) -> None:
    folio = register_by_keyboard(desk)
    digitize(desk, folio)
    discharge_and_copy(desk, folio)
    name_a_responsible(desk, folio)
    with pending(desk, "other", "Recibir asunto CC", folio):
        pass
    answer_and_sign(desk, folio, efirma)
    with desk.office.database.reading() as session:
        answer = session.scalars(select(SignedAnswer)).one()
        assert answer.signed_at is not None and answer.oficio.state == "signed"
        sent = session.scalars(select(OutboxMessage).where(OutboxMessage.kind == "answer")).one()
        assert sent.to == ["rosa@colegio.example"]
    # The counter may see where it stands: the case, with the signed answer.
    case = desk.enter("oficialia", f"/admin/casos/{newest(desk).id}")
    expect(case.get_by_role("link", name="Respuesta firmada (PDF)")).to_be_visible()
    photograph(case, "asunto-contestado")


def register_by_keyboard(desk: DocumentOffice) -> str:
    """In less than half a minute; the folio. What comes next is compared with it."""
    clerk = desk.enter("oficialia", "/admin/asunto/")
    photograph(clerk, "registrar-asunto")
    keys = Keys(clerk)
    expect(clerk.get_by_label("Número de oficio")).to_be_focused()
    keys.type("DG/0123/2026")
    keys.press("Tab")
    keys.choose("rosa", first=False)
    expect(clerk.get_by_label("Institución")).to_have_value("Escuela Benito Juárez")
    expect(clerk.locator("#alike")).to_contain_text("Es lo primero que se registra de este remitente")
    keys.press("Tab", "Tab")
    keys.type("Se solicita internet para el aula 4.")
    keys.press("Tab")
    expect(clerk.get_by_label("Destinatario")).to_be_focused()
    keys.choose("dsi", first=True)
    keys.press("Control+Shift+Enter")
    # Pressed once more before the page answered, it registers once.
    clerk.keyboard.press("Control+Shift+Enter")
    # The first acuse of a process loads what draws and seals it.
    expect(clerk.locator(".toast")).to_contain_text("Quedó registrado con el folio OP-", timeout=30_000)
    assert keys.pressed * SECONDS_PER_KEY < 30, f"{keys.pressed} keys"
    # Registered and another: the form is empty, the acuse and the label of the last one are at hand.
    expect(clerk.get_by_label("Número de oficio")).to_be_focused()
    folio = newest(desk).folio
    expect(clerk.locator(".banner.last")).to_contain_text(folio)
    with desk.office.database.reading() as session:
        same = select(Oficio.folio).where(Oficio.sender_number == "DG/0123/2026")
        assert session.scalars(same).all() == [folio]
    keys.type("dg 123 2026")
    expect(clerk.locator("#alike")).to_contain_text("el mismo número de oficio")
    photograph(clerk, "registrar-asunto-duplicado")
    label = desk.enter("oficialia", f"/admin/asunto/{newest(desk).id}/etiqueta")
    expect(label.get_by_role("img", name=f"Código del folio {folio}")).to_be_visible()
    photograph(label, "etiqueta")
    return folio


def digitize(desk: DocumentOffice, folio: str) -> None:
    """The digitizer finds it, and passes it on."""
    with pending(desk, "digitizer", "Digitalizar", folio):
        pass
    with desk.desk() as (session, _):
        oficio = session.get_one(Oficio, newest(desk).id)
        ask_discharge(session, oficio, _account(session, desk, "digitizer"))


def answer_and_sign(desk: DocumentOffice, folio: str, efirma: EfirmaFiles) -> None:
    """The responsible answers, is asked for the e.firma, and signs."""
    with pending(desk, "worker", "Atender gestión", folio) as page:
        page.get_by_label("Su respuesta").fill("Se instalará internet en el aula 4 el lunes.")
        page.get_by_role("button", name="Responder y firmar").click()
        expect(page.get_by_role("heading", name="Firma electrónica")).to_be_visible(timeout=15_000)
        photograph(page, "firma-de-la-respuesta")
        page.get_by_label("Certificado (.cer)").set_input_files(_file("a.cer", efirma.certificate))
        page.get_by_label("Llave privada (.key)").set_input_files(_file("a.key", efirma.key))
        page.get_by_label("Contraseña de la llave privada").fill(efirma.password)
        page.get_by_role("button", name="Firmar y enviar").click()
        expect(page.locator(".toast")).to_contain_text("quedó firmada", timeout=15_000)


def _account(session: Session, desk: DocumentOffice, name: str) -> Account:
    return session.get_one(Account, desk.people.accounts[name].id)


def _file(name: str, content: bytes) -> FilePayload:
    return {"name": name, "mimeType": "application/octet-stream", "buffer": content}
