"""Manual T, *Nuevo documento*: every field, circulars, formats, files, drafts, templates, preview."""

from __future__ import annotations

import base64
import re
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, Page, expect
from sqlalchemy import func, select

from models.letterhead import DocumentTemplate
from models.oficio import DocumentFile, DraftVersion, Oficio
from models.recipient import Delivery, Recipient
from tests.support.browser import photograph
from tests.support.documents_panel import DocumentOffice, editor

pytestmark = pytest.mark.browser

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVQI12P4z8AAAAMBAQAYQtk0AAAAAElFTkSuQmCC"
)
PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n%%EOF"
)
NEW = "/admin/redactar/"
PASTED = "<p style='color:red' onclick='x()'>Pegado<script>alert(1)</script></p>"
PASTE = """(html) => {
    const data = new DataTransfer();
    data.setData("text/html", html);
    const event = new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true});
    document.querySelector(".page").dispatchEvent(event);
}"""


def write(page: Page, subject: str, text: str = "Se le informa lo siguiente.") -> None:
    page.get_by_label("Asunto").fill(subject)
    editor(page).fill(text)


def add(page: Page, name: str, words: str) -> None:
    page.get_by_label("Trabajadores").fill(words)
    page.get_by_role("button", name=name, exact=True).click()


def wait_until_saved(page: Page) -> None:
    expect(page.locator("#saved")).to_have_text("Guardado")
    expect(page).to_have_url(re.compile(r"/admin/redactar/\d+$"))


def number_of(desk: DocumentOffice) -> int:
    with desk.office.database.reading() as session:
        return session.scalar(select(func.count()).select_from(Oficio)) or 0


def test_a_new_document_with_every_field_is_registered_and_offers_another_or_the_list(
    desk: DocumentOffice,
) -> None:
    page = desk.enter("worker", NEW)
    write(page, "Solicitud de equipo")
    page.get_by_label("Tipo de documento").select_option(label="Memorándum")
    page.get_by_label("Dependencia", exact=True).select_option(label="Dirección de Obras Públicas")
    page.get_by_role("button", name="Agregar a Olga Peña").click()
    page.get_by_label("Dependencia", exact=True).select_option(label="Elija una dependencia…")
    add(page, "Agregar copia para Ofelia Partida", "ofelia")
    page.get_by_label("Agregar adjunto").set_input_files(
        {"name": "equipo.pdf", "mimeType": "application/pdf", "buffer": PDF}
    )
    expect(page.get_by_role("list", name="Adjuntos")).to_contain_text("equipo.pdf")
    page.get_by_text("Lugar, plazo y firma").click()
    page.get_by_label("Lugar").fill("Tlaquepaque, Jalisco")
    page.get_by_label("Responder antes de").fill("2027-01-15")
    page.get_by_role("button", name="Enviar").click()
    expect(page.get_by_role("heading", name="Registrado con éxito")).to_be_visible()
    expect(page.get_by_role("link", name="Registrar otro")).to_be_visible()
    photograph(page, "registrado")
    page.get_by_role("link", name="Ver el listado").click()
    expect(page.locator(".documents tbody")).to_contain_text("Solicitud de equipo")
    made = desk.find("Solicitud de equipo")
    assert (made.state, made.document_type.value) == ("pending_approval", "memorandum")
    assert (made.place, str(made.answer_required_on)) == ("Tlaquepaque, Jalisco", "2027-01-15")
    with desk.office.database.reading() as session:
        said = session.execute(
            select(Recipient.name, Recipient.role)
            .where(Recipient.oficio_id == made.id)
            .order_by(Recipient.position)
        )
        assert [(name, role.value) for name, role in said] == [
            ("Olga Peña", "to"),
            ("Ofelia Partida", "copy"),
        ]


def test_a_circular_asks_for_no_dependencia_because_it_goes_to_all(desk: DocumentOffice) -> None:
    page = desk.enter("head", NEW)
    write(page, "Horario de fin de año")
    page.get_by_label("Tipo de documento").select_option(label="Circular")
    expect(page.get_by_label("Dependencia", exact=True)).to_be_hidden()
    expect(page.get_by_text("se envía a todas las dependencias")).to_be_visible()
    photograph(page, "circular")
    page.get_by_role("button", name="Enviar").click()
    expect(page.get_by_role("heading", name="Registrado con éxito")).to_be_visible()
    made = desk.find("Horario de fin de año")
    with desk.office.database.reading() as session:
        reached = session.scalars(select(Recipient.name).where(Recipient.oficio_id == made.id)).all()
    assert made.state == "sent"
    assert sorted(reached) == ["Dirección de Obras Públicas", "Dirección de Sistemas", "Presidencia"]
    page.get_by_role("link", name="Ver el listado").click()
    expect(page.locator("tbody tr").first).to_contain_text("Todas las dependencias")


def test_bold_lists_tables_and_links_are_kept_and_scripts_are_not(desk: DocumentOffice) -> None:
    page = desk.enter("worker", NEW)
    page.get_by_label("Asunto").fill("Con formatos")
    text = editor(page)
    tools = page.get_by_role("toolbar", name="Formato del texto")
    text.click()
    tools.get_by_role("button", name="Negrita").click()
    page.keyboard.type("Importante")
    tools.get_by_role("button", name="Negrita").click()
    page.keyboard.type(" y urgente")
    page.keyboard.press("Enter")
    tools.get_by_role("button", name="Lista", exact=True).click()
    page.keyboard.type("Uno")
    page.keyboard.press("Enter")
    page.keyboard.type("Dos")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    tools.get_by_role("button", name="Insertar tabla").click()
    page.keyboard.type("Colonia")
    page.keyboard.press("Tab")
    page.keyboard.type("Avance")
    tools.get_by_role("button", name="Agregar fila").click()
    expect(text.locator("tr")).to_have_count(4)
    tools.get_by_role("button", name="Quitar columna").click()
    expect(text.locator("tr").first.locator("th, td")).to_have_count(2)
    page.keyboard.press("Control+End")
    page.keyboard.press("Control+k")
    page.get_by_label("Dirección del enlace").fill("https://example.org/obras")
    page.get_by_role("button", name="Poner enlace").click()
    expect(text.get_by_role("link", name="https://example.org/obras")).to_be_visible()
    page.evaluate(PASTE, PASTED)
    expect(text).to_contain_text("Pegado")
    photograph(page, "editor")
    wait_until_saved(page)
    page.get_by_role("button", name="Guardar borrador").click()
    expect(page.locator(".toast")).to_contain_text("Borrador guardado")
    html = desk.find("Con formatos").body_html.replace("&nbsp;", " ")
    assert (
        "<p><b>Importante</b> y urgente</p>" in html and "<li>Uno</li>" in html and "<th>Avance</th>" in html
    )
    assert 'href="https://example.org/obras"' in html
    assert "Pegado" in html and "script" not in html and "onclick" not in html and "color" not in html
    expect(editor(page).locator("li")).to_have_count(2)


def test_files_are_attached_one_by_one_and_what_is_not_allowed_is_told(desk: DocumentOffice) -> None:
    page = desk.enter("worker", NEW)
    write(page, "Con adjuntos")
    upload = page.get_by_label("Agregar adjunto")
    files: list[FilePayload] = [
        {"name": "foto.png", "mimeType": "image/png", "buffer": PNG},
        {"name": "plano.pdf", "mimeType": "application/pdf", "buffer": PDF},
        {"name": "programa.exe", "mimeType": "application/x-msdownload", "buffer": b"MZ" + b"\0" * 200},
    ]
    upload.set_input_files(files)
    listed = page.get_by_role("list", name="Adjuntos")
    expect(listed).to_contain_text("foto.png")
    expect(listed).to_contain_text("plano.pdf")
    expect(page.locator("#uploading")).to_contain_text("«programa.exe» no se puede adjuntar")
    photograph(page, "adjuntos")
    upload.set_input_files({"name": "otro.png", "mimeType": "image/png", "buffer": PNG})
    expect(listed).to_contain_text("otro.png")
    listed.get_by_role("button", name="Quitar foto.png").click()
    expect(listed).not_to_contain_text("foto.png")
    wait_until_saved(page)
    with desk.office.database.reading() as session:
        kept = session.scalars(
            select(DocumentFile.filename).where(DocumentFile.oficio_id == desk.find("Con adjuntos").id)
        ).all()
    assert sorted(kept) == ["otro.png", "plano.pdf"]


def test_a_draft_saves_itself_and_is_found_among_the_drafts(desk: DocumentOffice) -> None:
    page = desk.enter("worker", NEW)
    write(page, "Se guarda solo")
    wait_until_saved(page)
    page.goto("/admin/tablero/?carpeta=drafts")
    page.get_by_role("link", name="Se guarda solo").click()
    expect(page.get_by_label("Asunto")).to_have_value("Se guarda solo")
    expect(editor(page)).to_have_text("Se le informa lo siguiente.")


def test_two_windows_on_one_draft_are_told_of_each_other_and_nothing_is_lost(desk: DocumentOffice) -> None:
    document = desk.draft("Dos ventanas")
    one = desk.enter("worker", f"{NEW}{document}")
    two = desk.enter("worker", f"{NEW}{document}")
    editor(one).fill("Texto de la primera ventana.")
    wait_until_saved(one)
    editor(two).fill("Texto de la segunda ventana.")
    expect(two.get_by_role("alert")).to_contain_text("se guardó desde otra ventana")
    photograph(two, "conflicto")
    assert "primera ventana" in desk.find("Dos ventanas").body_html
    two.get_by_role("button", name="Guardar la mía").click()
    expect(two.get_by_role("alert")).to_be_hidden()
    assert "segunda ventana" in desk.find("Dos ventanas").body_html
    with desk.office.database.reading() as session:
        kept = session.scalars(select(DraftVersion).where(DraftVersion.oficio_id == document)).all()
        assert any("primera ventana" in one.content["body_html"] for one in kept)
    two.reload()
    two.get_by_text("Versiones guardadas").click()
    two.locator(".versions li").filter(has_text="Dos ventanas").get_by_role(
        "button", name="Recuperar"
    ).first.click()
    expect(two.locator(".toast")).to_contain_text("Versión recuperada")


def test_a_template_of_the_type_and_dependencia_begins_the_text(desk: DocumentOffice) -> None:
    head = desk.enter("head", "/admin/plantillas/nuevo")
    head.get_by_label("Nombre").fill("Invitación a evento")
    head.get_by_label("Tipo de documento").select_option(label="Invitación")
    head.get_by_label("Dependencia").select_option(label="\u2003Dirección de Sistemas")
    head.get_by_label("Asunto").fill("Invitación")
    head.get_by_role("textbox", name="Texto").fill("Tenemos el gusto de invitarle.")
    head.get_by_role("button", name="Guardar").click()
    expect(head.locator("table")).to_contain_text("Invitación a evento")
    with desk.office.database.writing() as session:
        session.add(DocumentTemplate(dependencia_id=desk.people.works.id, document_type="oficio",
                                     name="De Obras", body_html="<p>x</p>"))  # fmt: skip
    page = desk.enter("worker", NEW)
    assert "De Obras" not in page.get_by_label("Plantilla").inner_text()
    page.get_by_label("Plantilla").select_option(label="Invitación · Invitación a evento")
    page.get_by_role("button", name="Usar").click()
    expect(editor(page)).to_have_text("Tenemos el gusto de invitarle.")
    expect(page.get_by_label("Tipo de documento")).to_have_value("invitacion")


def test_the_preview_beside_the_text_is_the_very_pdf(desk: DocumentOffice, tmp_path: Path) -> None:
    page = desk.enter("worker", NEW, draws_pdf=True)
    # Whether a browser draws PDF files itself is its own matter; the frame is shown when it has loaded.
    page.route("**/pdf*", lambda route: route.fulfill(body="…", content_type="text/plain"))
    write(page, "Vista previa", "Esto se lee en el PDF.")
    expect(page.locator(".preview iframe:not(.next)")).to_be_visible(timeout=15_000)
    photograph(page, "vista-previa")
    address = page.locator(".preview iframe:not(.next)").get_attribute("src") or ""
    shown = tmp_path / "preview.pdf"
    shown.write_bytes(page.request.get(desk.address + address.partition("#")[0]).body())
    text = subprocess.run(["pdftotext", str(shown), "-"], capture_output=True, text=True, check=True).stdout
    assert "Esto se lee en el PDF." in " ".join(text.split()) and "(sin número)" in text


def test_outside_contacts_are_written_to_by_mail_or_courier(desk: DocumentOffice) -> None:
    page = desk.enter("worker", NEW)
    write(page, "Para fuera")
    page.get_by_text("Alguien de fuera").click()
    outside = page.locator(".outside")
    outside.get_by_label("Nombre").fill("Mtra. Elena Ruiz")
    outside.get_by_label("Institución").fill("Secretaría de Obras")
    outside.get_by_label("Correo electrónico").fill("elena@obras.example")
    outside.get_by_role("button", name="Agregar destinatario").click()
    chosen = page.get_by_role("list", name="Destinatarios")
    expect(chosen).to_contain_text("Mtra. Elena Ruiz")
    outside.get_by_label("Nombre").fill("Vecinos de la colonia")
    outside.get_by_label("Cómo se entrega").select_option(label="Por mensajería")
    outside.get_by_role("button", name="Agregar c.c.p.").click()
    expect(chosen.get_by_role("listitem")).to_have_count(2)
    add(page, "Agregar a Olga Peña", "olga")
    chosen.get_by_role("button", name="Quitar a Olga Peña").click()
    expect(chosen.get_by_role("listitem")).to_have_count(2)
    wait_until_saved(page)
    page.get_by_role("button", name="Guardar borrador").click()
    expect(page.locator(".toast")).to_be_visible()
    with desk.office.database.reading() as session:
        made = session.scalars(
            select(Recipient)
            .where(Recipient.oficio_id == desk.find("Para fuera").id)
            .order_by(Recipient.position)
        ).all()
    assert [(one.email, one.delivery) for one in made] == [
        ("elena@obras.example", Delivery.MAIL), ("", Delivery.DISPATCH)]  # fmt: skip


def test_what_is_missing_is_told_and_what_was_typed_stays(desk: DocumentOffice) -> None:
    page = desk.enter("worker", NEW)
    write(page, "Sin destinatario", "No se pierde.")
    page.get_by_role("button", name="Enviar").click()
    expect(page.locator(".toast.error")).to_contain_text("Elija al menos un destinatario")
    expect(editor(page)).to_have_text("No se pierde.")
    assert desk.find("Sin destinatario").state == "draft"


@pytest.mark.parametrize("scripts", [True, False])
def test_an_empty_form_leaves_no_draft_behind(desk: DocumentOffice, scripts: bool) -> None:
    before, page = number_of(desk), desk.enter("worker", NEW, scripts=scripts)
    if scripts:
        with page.expect_response("**/guardar") as answer:
            page.get_by_label("Asunto").fill(" ")
        assert answer.value.status == 204
        expect(page.locator("#saved")).to_have_text("")
    for button in ("Guardar borrador", "Enviar"):
        page.get_by_role("button", name=button).last.click()
        expect(page.locator(".toast.error")).to_contain_text("no se guardó ningún borrador")
    assert number_of(desk) == before
    page.get_by_label("Asunto").fill(f"Ya con asunto, con scripts: {scripts}")
    page.get_by_role("button", name="Guardar borrador").last.click()
    expect(page.locator(".toast")).to_contain_text("Borrador guardado")
    assert number_of(desk) == before + 1


def test_a_file_alone_begins_a_draft(desk: DocumentOffice) -> None:
    before, page = number_of(desk), desk.enter("worker", NEW)
    page.get_by_label("Agregar adjunto").set_input_files(
        {"name": "sola.pdf", "mimeType": "application/pdf", "buffer": PDF}
    )
    expect(page.locator("#attachments")).to_contain_text("sola.pdf")
    assert number_of(desk) == before + 1


def test_a_document_is_written_without_scripts(desk: DocumentOffice) -> None:
    page = desk.enter("worker", NEW, scripts=False)
    page.get_by_label("Asunto").fill("Sin scripts")
    page.get_by_label("Información adicional").fill("Primer párrafo.\n\nSegundo párrafo.")
    page.get_by_role("button", name="Guardar borrador").click()
    expect(page.locator(".toast")).to_contain_text("Borrador guardado")
    page.get_by_label("Trabajadores").fill("olga")
    page.get_by_role("button", name="Buscar destinatarios").click()
    page.get_by_role("button", name="Agregar a Olga Peña").click()
    expect(page.get_by_role("list", name="Destinatarios")).to_contain_text("Olga Peña")
    page.get_by_label("Agregar adjunto").set_input_files(
        {"name": "nota.pdf", "mimeType": "application/pdf", "buffer": PDF}
    )
    page.get_by_role("button", name="Enviar").click()
    expect(page.get_by_role("heading", name="Registrado con éxito")).to_be_visible()
    made = desk.find("Sin scripts")
    assert made.body_html == "<p>Primer párrafo.</p><p>Segundo párrafo.</p>"
    assert made.state == "pending_approval"
    with desk.office.database.reading() as session:
        assert session.scalars(select(DocumentFile.filename).where(DocumentFile.oficio_id == made.id)).all()
