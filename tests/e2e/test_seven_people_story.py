"""Manual C from end to end with seven people: from a paper at the counter to the filed acuse of its answer.

Ventanilla, digitizer, CC reviewer, destinatario (head, who signs with e.firma), responsible, dispatch
manager and courier.
"""

from __future__ import annotations

import io
import random
import re
from datetime import timedelta
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import FilePayload, Page, expect
from sqlalchemy import select

from intake.counter.labels import read_label
from models.base import now
from models.dispatch import Dispatch
from models.message import Attachment, Message
from models.oficio import Oficio
from models.person import Role
from models.task import Task, TaskState
from tests.support.counter import discharge_and_copy, hire, name_a_responsible, newest, pending
from tests.support.digitizer import look_through, read_pages, upload
from tests.support.dispatch_panel import ask_for, camera, courier, deliver, leave, open_mensajeria, route
from tests.support.documents_panel import DocumentOffice
from tests.support.efirma import Authority, EfirmaFiles
from tests.support.scans import HALF, draw_paper, stack_pdf

pytestmark = pytest.mark.browser

SENDER = "Elvira Santos Luna"
YESTERDAY, DUE = (str((now() + timedelta(days=days)).date()) for days in (-1, 20))
WORDS = "La escuela primaria solicita la reparación del alumbrado de la calle Morelos."
# Each field of *Registrar Asunto* in manual C that is typed, by the name it has there.
REGISTERED = {
    "Número de oficio": "EPM/45/2026", "Institución": "Escuela Primaria Morelos",
    "Descripción del asunto *": WORDS, "Fecha requerida de respuesta": DUE, "Instrucción": "Dar respuesta",
    "Fecha de elaboración": YESTERDAY, "Fecha de recepción": YESTERDAY, "Tema": "Alumbrado",
    "Referencia": "Exp. 7", "Comentarios": "Trae un plano",
}  # fmt: skip
SEVEN = {
    "oficialia": "Ofelia Partida", "digitizer": "Diana Ruiz", "reviewer": "Raúl Vega", "head": "Jaime Torres",
    "worker": "Tomás Ibarra", "manager": "Dolores Camarena", "courier": "Samuel Plascencia",
}  # fmt: skip


def test_seven_people_bring_a_paper_from_the_counter_to_the_filed_acuse_of_its_answer(
    desk: DocumentOffice, tmp_path: Path
) -> None:
    hire(desk, "digitizer", SEVEN["digitizer"], Role.DIGITIZER)
    hire(desk, "reviewer", SEVEN["reviewer"], Role.REVIEWER)
    open_mensajeria(desk)
    efirma = signer(desk)

    folio, label = register(desk)
    digitize(desk, folio, label)
    received = newest(desk).id
    discharge_and_copy(desk, folio)
    name_a_responsible(desk, folio)
    document = answer_with_document(desk, folio)
    approve_and_sign(desk, document, efirma)
    assert desk.state_of(received) == "answered"

    asked = ask_for(desk, document, SENDER, by="head")
    route(desk)
    phone = courier(desk)
    leave(phone)
    deliver(phone, SENDER, camera(tmp_path, (600, 450)))
    expect(phone.locator("#done").get_by_text("Entregado", exact=True)).to_be_visible()
    asked.reload()
    expect(asked.get_by_text("Archivado en el asunto")).to_be_visible()

    conclude(desk, received)
    look_back(desk, received, document)


def signer(desk: DocumentOffice) -> EfirmaFiles:
    """The head may sign; the e.firma that SAT gave."""
    authority = Authority()
    authority.write_trust(desk.folder / "efirma")
    with desk.desk() as (_, who):
        who["head"].is_signer, who["head"].person.rfc = True, "TOLJ800101AB1"
    return authority.issue()


def register(desk: DocumentOffice) -> tuple[str, str]:
    """Ventanilla fills every field; gives the folio, and what a reader of codes sees on the label."""
    clerk = desk.enter("oficialia", "/admin/asunto/")
    clerk.get_by_role("combobox", name="Remitente").fill(SENDER)
    for name, words in REGISTERED.items():
        clerk.get_by_label(name, exact=True).fill(words)
    clerk.get_by_label("Tipo de documento").select_option(label="Memorándum")
    clerk.get_by_role("combobox", name="Destinatario").fill("dsi")
    clerk.locator("#addressee-list").get_by_role("option").first.click()
    # Any type of file: a plan that only its author's program opens.
    plan = FilePayload(name="plano.dwg", mimeType="application/octet-stream", buffer=b"AC1032" + bytes(64))
    clerk.get_by_label("Documentos").set_input_files(plan)
    expect(clerk.get_by_label("Por digitalizar")).to_be_checked()
    clerk.get_by_role("button", name="Registrar", exact=True).click()
    expect(clerk.locator(".toast")).to_contain_text("Quedó registrado con el folio OP-", timeout=30_000)
    folio = newest(desk).folio
    check_registered(desk)
    with clerk.expect_popup() as printed:
        clerk.get_by_role("link", name="Imprimir etiqueta").first.click()
    sticker = printed.value.locator("main.label")
    expect(sticker).to_contain_text(folio)
    (code,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(sticker.screenshot())))
    assert read_label(code.text) == folio
    return folio, code.text


def check_registered(desk: DocumentOffice) -> None:
    """What was typed is in the register, under its own name."""
    with desk.office.database.reading() as session:
        made = session.get_one(Oficio, newest(desk).id)
        kept = {
            "Número de oficio": made.sender_number, "Institución": made.requester.institution,
            "Descripción del asunto *": made.description, "Instrucción": made.instruction,
            "Fecha requerida de respuesta": str(made.answer_required_on), "Tema": made.topic,
            "Fecha de elaboración": str(made.written_on), "Fecha de recepción": str(made.received_on),
            "Referencia": made.reference, "Comentarios": made.comments,
        }  # fmt: skip
        assert kept == REGISTERED
        assert (made.state, made.document_type, made.requester.name) == ("digitizing", "memorandum", SENDER)
        files = select(Attachment.filename).join(Message).where(Message.case_id == made.id)
        assert session.scalars(files).all() == ["plano.dwg"]


def digitize(desk: DocumentOffice, folio: str, label: str) -> None:
    """The digitizer scans the sheet with its label, which says by itself to which case it belongs."""
    sheet = draw_paper(random.Random(7), label=label, words=WORDS.split(), size=HALF, noise=0)
    with pending(desk, "digitizer", "Digitalizar", folio) as page:
        page.get_by_role("link", name="Volver a Digitalizar").click()
        upload(page, ("oficio.pdf", "application/pdf", stack_pdf([sheet.picture])))
        expect(page.get_by_role("region", name="Pilas en trabajo")).to_contain_text("oficio.pdf")
        look_through(desk)
        page.reload()
        page.get_by_role("link", name="Revisar").click()
        page.get_by_role("button", name=f"Archivar en {folio}").click()
        expect(page.get_by_text("Páginas por archivar: 1.")).to_be_visible()
        read_pages(desk)
        page.goto(f"/admin/digitalizar/asunto/{newest(desk).id}")
        page.get_by_role("button", name="Terminar digitalización").click()
        expect(page.get_by_text("pasó a «Descargar asunto»")).to_be_visible()
    with desk.office.database.reading() as session:
        notes = session.scalars(select(Message.text).where(Message.case_id == newest(desk).id)).all()
        assert any("reparación del alumbrado" in " ".join(one.split()) for one in notes), notes


def answer_with_document(desk: DocumentOffice, folio: str) -> int:
    """The responsible writes the oficio that answers and needs an e.firma, and sends it to be approved."""
    with pending(desk, "worker", "Atender gestión", folio) as page:
        page.get_by_role("link", name="Ver todo el asunto").click()
        page.locator("#case").get_by_text("Más", exact=True).click()
        page.get_by_role("button", name="Responder con un documento").click()
        expect(page.get_by_label("Asunto")).to_have_value(re.compile("EPM/45/2026"))
        # The editor, which takes the place of the plain field once its script runs.
        page.locator("#body-page").fill("El alumbrado se repara el lunes.")
        page.get_by_text("Lugar, plazo y firma").click()
        page.locator("input[name=needs_efirma]").check()
        page.get_by_role("button", name="Enviar", exact=True).click()
        expect(page.get_by_role("heading", name="Registrado con éxito")).to_be_visible()
    return newest(desk).id


def approve_and_sign(desk: DocumentOffice, document: int, efirma: EfirmaFiles) -> None:
    """The head approves what waits on the board, and is asked for the e.firma."""
    page = desk.enter("head", "/admin/tablero/?carpeta=pending")
    page.get_by_role("link", name="EPM/45/2026").first.click()
    page.get_by_role("button", name="Aprobar para firma").first.click()
    expect(page.locator(".toast")).to_be_visible(timeout=15_000)
    assert desk.state_of(document) == "pending_signature"
    page.goto(f"/admin/documentos/{document}")
    page.locator("main").get_by_role("link", name="Firmar", exact=True).click()
    for label, content in (("Certificado (.cer)", efirma.certificate), ("Llave privada (.key)", efirma.key)):
        file = FilePayload(name="firma", mimeType="application/octet-stream", buffer=content)
        page.get_by_label(label).set_input_files(file)
    page.get_by_label("Contraseña de la llave privada").fill(efirma.password)
    page.get_by_role("button", name="Firmar").click()
    expect(page.locator(".toast")).to_contain_text("quedó firmado y se envió", timeout=15_000)
    assert desk.state_of(document) == "sent"


def conclude(desk: DocumentOffice, case: int) -> None:
    """The responsible closes the matter, whose answer arrived."""
    page = desk.enter("worker", f"/admin/casos/{case}")
    page.locator("#case").get_by_role("button", name="Concluir").click()
    expect(page.locator(".toast")).to_be_visible()


def look_back(desk: DocumentOffice, received: int, document: int) -> None:
    """One history tells of all seven; the acuse lies in the case of the answer; nobody owes anything."""
    page: Page = desk.enter("oficialia", f"/admin/casos/{received}/historial")
    history = page.locator("ol.history")
    for name in SEVEN.values():
        expect(history.locator("li .small", has_text=name).first).to_be_visible()
    # In the pictures of Procesos it stands at its end, and so does the delivery of its answer.
    page.goto(f"/admin/procesos/asunto/{received}")
    expect(page.locator(".state.here .name")).to_have_text(["Concluido", "Entregado"])
    with desk.office.database.reading() as session:
        assert session.get_one(Oficio, received).state == "concluded"
        one = session.scalars(select(Dispatch).where(Dispatch.case_id == document)).one()
        filed = session.get_one(Message, one.acuse_message_id)
        assert {file.filename for file in filed.attachments} == {"acuse.jpg", "firma.png"}
        assert (filed.case_id, one.receiver) == (document, "Rosa Núñez")
        left = select(Task.kind, Task.case_id).where(
            Task.case_id.in_((received, document)), Task.state == TaskState.OPEN
        )
        # Olga Peña has not looked at the copy for her yet.
        assert session.execute(left).all() == [("review_copy", received)]
