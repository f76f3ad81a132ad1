"""Manual T, the board: menu, folders, administrations, search, answer, view, labels, directory, accounts."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import select

from intake.issued import approval, issuing
from intake.issued.drafts import Addressee
from models.base import now
from models.dependencia import Dependencia, DependenciaKind
from models.letterhead import Administration
from models.oficio import DocumentType, Oficio
from models.person import Account, Role
from tests.support.browser import photograph
from tests.support.documents import fields
from tests.support.documents_panel import DocumentOffice, editor
from tests.support.panel import log_in

pytestmark = pytest.mark.browser


def row(page: Page, subject: str) -> Locator:
    return page.locator(".documents tbody tr").filter(has_text=subject)


def open_folder(page: Page, name: str) -> None:
    page.get_by_role("navigation", name="Carpetas").get_by_role("heading", name=name).get_by_role(
        "link"
    ).click()
    expect(page.locator("#shown")).to_have_text(name)


def test_after_logging_in_the_menu_leads_to_board_new_document_directory_and_accounts(
    desk: DocumentOffice,
) -> None:
    page = desk.enter("worker", "/admin/cuenta/")
    page.context.clear_cookies()
    log_in(page, desk.address, desk.people.accounts["worker"])
    menu = page.get_by_role("navigation", name="Secciones")
    for name in ("Nuevo documento", "Directorio", "Tablero"):
        menu.get_by_role("link", name=name).click()
        expect(page.get_by_role("heading", level=1)).to_contain_text(name)
    page.get_by_title("Cambiar de cuenta").click()
    expect(page.get_by_role("heading", name="Selecciona cuenta")).to_be_visible()


def test_whoever_works_with_documents_sees_the_board_after_logging_in(desk: DocumentOffice) -> None:
    page = desk.enter("worker", "/admin/cuenta/")
    page.get_by_role("button", name="Tablero de documentos").click()
    expect(page.get_by_role("button", name="Tablero de documentos")).to_have_attribute("aria-pressed", "true")
    photograph(page, "cuenta")
    page.get_by_role("main").get_by_role("button", name="Salir").click()
    log_in(page, desk.address, desk.people.accounts["worker"])
    expect(page.get_by_role("heading", level=1)).to_have_text("Tablero de documentos")
    page.get_by_role("navigation", name="Secciones").get_by_role("link", name="Míos").click()
    expect(page).to_have_url(re.compile("bandeja=mine"))


def test_logging_out_leads_back_to_the_log_in_page(desk: DocumentOffice) -> None:
    page = desk.enter("worker")
    page.get_by_role("button", name="Salir").click()
    expect(page.get_by_label("Contraseña")).to_be_visible()


def test_the_board_has_six_folders_each_by_type_with_counts_that_agree_with_the_lists(
    desk: DocumentOffice,
) -> None:
    desk.sent("Conteo uno", fields(desk.people, subject="Conteo uno", document_type=DocumentType.MEMORANDUM))
    page = desk.enter("worker")
    folders = page.get_by_role("navigation", name="Carpetas")
    names = ("Recibidos", "Enviados", "Por aprobar", "Reasignados", "Descartados", "Cancelados")
    expect(folders.get_by_role("heading")).to_have_text([re.compile(rf"^{name}\s*\d+\+?$") for name in names])
    sent = folders.locator(".folder").filter(has_text="Enviados")
    expect(sent.get_by_role("listitem")).to_have_count(4)
    link = sent.get_by_role("link", name="Memorándum")
    number = int(link.locator("b").inner_text())
    link.click()
    expect(page.locator("#shown")).to_have_text("Enviados · Memorándum")
    expect(page.locator(".documents tbody tr")).to_have_count(number)
    photograph(page, "tablero-enviados")


def test_each_folder_holds_what_the_manual_says(desk: DocumentOffice) -> None:
    office = desk.office
    sent, pending = desk.sent("Carpeta enviado"), desk.submitted("Carpeta por aprobar")
    reassigned, cancelled = desk.sent("Carpeta reasignado"), desk.sent("Carpeta cancelado")
    discarded = desk.submitted("Carpeta descartado")
    with desk.desk() as (session, who):
        approval.discard(
            session, office, session.get_one(Oficio, discarded), who["head"], reason="No procede."
        )
        issuing.cancel(session, office, session.get_one(Oficio, cancelled), who["other"], reason="Error.")
        issuing.reassign(
            session, office, session.get_one(Oficio, reassigned), who["other"], account=who["worker"]
        )
    author, recipient = desk.enter("worker"), desk.enter("other")
    for name, subject in (
        ("Enviados", "Carpeta enviado"),
        ("Por aprobar", "Carpeta por aprobar"),
        ("Descartados", "Carpeta descartado"),
        ("Cancelados", "Carpeta cancelado"),
    ):
        open_folder(author, name)
        expect(row(author, subject)).to_be_visible()
    open_folder(author, "Recibidos")
    expect(row(author, "Carpeta reasignado")).to_be_visible()
    expect(row(recipient, "Carpeta enviado")).to_contain_text("Sin leer")
    expect(row(recipient, "Carpeta por aprobar")).to_have_count(0)
    for name, subject in (("Reasignados", "Carpeta reasignado"), ("Cancelados", "Carpeta cancelado")):
        open_folder(recipient, name)
        expect(row(recipient, subject)).to_be_visible()
    assert desk.state_of(sent) == "sent" and desk.state_of(pending) == "pending_approval"


def test_documents_of_a_past_administration_stay_readable_in_their_own_folders(desk: DocumentOffice) -> None:
    today = now().date()
    with desk.desk() as (session, _):
        old = Administration(name="2021-2024", starts_on=today - timedelta(days=1500),
                             ends_on=today - timedelta(days=400))  # fmt: skip
        session.add(old)
        session.flush()
        old_id = old.id
    document = desk.sent("Del gobierno anterior")
    desk.sent("De este gobierno")
    with desk.desk() as (session, _):
        session.get_one(Oficio, document).administration_id = old_id
    page = desk.enter("other")
    page.get_by_label("Administración").select_option(label="2021-2024")
    expect(page.locator(".documents tbody tr")).to_have_count(1)
    row(page, "Del gobierno anterior").get_by_role("link", name="Visualizar").click()
    expect(page.get_by_role("heading", name="Del gobierno anterior")).to_be_visible()


def test_advanced_search_finds_by_folio_organigrama_subject_sender_approver_and_period(
    desk: DocumentOffice,
) -> None:
    document = desk.sent("Alcantarillado norte")
    with desk.office.database.reading() as session:
        folio = session.get_one(Oficio, document).folio
    page = desk.enter("other")
    day = now().astimezone(desk.office.settings.zone).date()
    page.get_by_text("Búsqueda avanzada").click()
    form = page.get_by_role("search")
    tree = form.get_by_label("Organigrama")
    named = next(one for one in tree.locator("option").all_text_contents() if "Sistemas" in one)
    tree.select_option(label=named)
    for name, value in (
        ("Folio", folio),
        ("Asunto", "alcantarillado"),
        ("Emisor", "jaime"),
        ("Aprobado por", "torres"),
        ("Desde", day.isoformat()),
        ("Hasta", day.isoformat()),
    ):
        form.get_by_label(name, exact=True).fill(value)
    form.get_by_role("button", name="Buscar", exact=True).click()
    expect(page.locator("#shown")).to_have_text("Resultados de la búsqueda")
    expect(row(page, "Alcantarillado norte")).to_be_visible()
    page.goto(f"/admin/tablero/?asunto=alcantarillado&hasta={(day - timedelta(days=1)).isoformat()}")
    expect(page.get_by_text("Ningún documento coincide")).to_be_visible()
    photograph(page, "busqueda")


def test_nobody_finds_what_was_not_sent_to_them(desk: DocumentOffice) -> None:
    desk.submitted("Confidencial de sistemas")
    page = desk.enter("other", "/admin/tablero/?asunto=confidencial")
    expect(page.get_by_text("Ningún documento coincide")).to_be_visible()


def test_answering_a_received_document_opens_a_prefilled_new_document(desk: DocumentOffice) -> None:
    desk.sent("Pide informe")
    page = desk.enter("other")
    row(page, "Pide informe").get_by_role("button", name="Responder").click()
    expect(page.get_by_role("heading", name="Nuevo documento")).to_be_visible()
    expect(page.get_by_label("Asunto")).to_have_value(
        "Respuesta a " + desk.find("Pide informe").folio + ": Pide informe"
    )
    expect(page.get_by_role("list", name="Destinatarios")).to_contain_text("Jaime Torres")
    editor(page).fill("Se anexa el informe.")
    page.get_by_role("button", name="Enviar").click()
    expect(page.get_by_role("heading", name="Registrado con éxito")).to_be_visible()
    page.get_by_role("link", name="Visualizar").click()
    expect(page.get_by_role("heading", name="Correspondencia")).to_be_visible()
    expect(page.locator("aside")).to_contain_text(["Pide informe"])


def test_viewing_shows_the_pdf_and_a_received_document_can_be_reassigned(desk: DocumentOffice) -> None:
    document = desk.sent("Para reasignar")
    page = desk.enter("other", draws_pdf=True)
    row(page, "Para reasignar").get_by_role("link", name="Visualizar").click()
    shown = page.locator(".pdf iframe").get_attribute("src")
    assert shown is not None
    answer = page.request.get(desk.address + shown.partition("#")[0])
    assert answer.headers["content-type"] == "application/pdf" and answer.body().startswith(b"%PDF-1.7")
    expect(page.locator(".arrivals")).to_contain_text("Leído por Olga Peña")
    photograph(page, "visualizar")
    page.get_by_role("link", name="Reasignar").click()
    dialog = page.get_by_role("dialog")
    to = "Tomás Ibarra · Trabajador · Dirección de Sistemas"
    dialog.get_by_label("Reasignar a").select_option(label=to)
    dialog.get_by_label("Instrucción").fill("Para su atención.")
    dialog.get_by_role("button", name="Reasignar").click()
    expect(page.locator(".arrivals")).to_contain_text("reasignado por Olga Peña")
    assert desk.state_of(document) == "sent"


def test_documents_of_the_other_folders_can_only_be_viewed_from_the_list(desk: DocumentOffice) -> None:
    desk.sent("De solo lectura")
    page = desk.enter("worker", "/admin/tablero/?carpeta=sent")
    one = row(page, "De solo lectura")
    expect(one.get_by_role("link", name="Visualizar")).to_be_visible()
    expect(one.get_by_role("button")).to_have_count(0)
    one.get_by_role("link", name="Visualizar").click()
    expect(page.get_by_role("button", name="Responder")).to_have_count(0)
    expect(page.get_by_role("link", name="Reasignar")).to_have_count(0)


def test_whoever_received_a_document_cancels_it_with_a_reason_and_it_keeps_its_number(
    desk: DocumentOffice,
) -> None:
    document = desk.sent("Se cancelará")
    folio = desk.find("Se cancelará").folio
    page = desk.enter("other", f"/admin/documentos/{document}")
    page.get_by_role("link", name="Cancelar").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Por qué se cancela").fill("Se duplicó.")
    dialog.get_by_role("button", name="Cancelar").click()
    expect(page.locator(".toast")).to_contain_text("conserva su número")
    expect(page.locator(".banner")).to_contain_text("Olga Peña lo canceló: Se duplicó.")
    assert (desk.state_of(document), desk.find("Se cancelará").folio) == ("cancelled", folio)


def test_a_label_is_created_put_on_chosen_documents_and_filters_them(desk: DocumentOffice) -> None:
    desk.sent("Con etiqueta")
    desk.sent("Sin etiqueta")
    page = desk.enter("other")
    page.get_by_text("Nueva etiqueta").click()
    page.get_by_label("Nombre de la etiqueta").fill("Urgentes")
    page.get_by_role("button", name="Registrar").click()
    expect(page.locator(".toast")).to_contain_text("fue registrada con éxito")
    row(page, "Con etiqueta").get_by_role("checkbox").check()
    page.get_by_label("Etiqueta para los marcados").select_option(label="Urgentes")
    page.get_by_role("button", name="Etiquetar").click()
    expect(page.locator(".toast")).to_contain_text("Registrada con éxito")
    page.get_by_role("navigation", name="Etiquetas").get_by_role("link", name="Urgentes").click()
    expect(page.locator(".documents tbody tr")).to_have_count(1)
    expect(row(page, "Con etiqueta")).to_contain_text("Urgentes")


def test_the_directory_finds_a_person_by_name_and_begins_an_oficio_to_them(desk: DocumentOffice) -> None:
    page = desk.enter("worker", "/admin/directorio/")
    expect(page.get_by_role("region", name="Dirección de Obras Públicas")).to_contain_text("Olga Peña")
    photograph(page, "directorio")
    page.get_by_label("Búsqueda por nombre").fill("olga pena")
    page.keyboard.press("Enter")
    expect(page.locator(".person")).to_have_count(1)
    page.get_by_role("link", name="Enviar oficio").click()
    expect(page.get_by_role("heading", name="Nuevo documento")).to_be_visible()
    expect(page.get_by_role("list", name="Destinatarios")).to_contain_text("Olga Peña")


def test_the_directory_is_read_by_dependencia_and_by_level_of_the_organigrama(desk: DocumentOffice) -> None:
    with desk.desk() as (session, _):
        works = session.get_one(Dependencia, desk.people.works.id)
        works.kind = DependenciaKind.DEPARTAMENTO
    page = desk.enter("worker", "/admin/directorio/")
    page.get_by_label("Nivel").select_option(label="Departamento")
    page.get_by_role("button", name="Buscar").click()
    expect(page.locator(".person")).to_have_count(1)
    expect(page.locator(".person")).to_contain_text("Olga Peña")
    page.get_by_label("Nivel").select_option(label="Cualquier nivel")
    page.get_by_label("Organigrama").select_option(label="Dirección de Sistemas")
    page.get_by_role("button", name="Buscar").click()
    expect(page.locator(".person").filter(has_text="Tomás Ibarra")).to_be_visible()
    expect(page.locator(".person").filter(has_text="Olga Peña")).to_have_count(0)


def test_choosing_another_account_shows_the_board_of_that_account(desk: DocumentOffice) -> None:
    desk.submitted("Para la otra cuenta")
    with desk.desk() as (session, who):
        session.add(Account(person_id=who["other"].person_id, dependencia_id=desk.people.systems.id,
                            role=Role.HEAD))  # fmt: skip
    page = desk.enter("other")
    page.get_by_title("Cambiar de cuenta").click()
    page.get_by_role("button", name="Dirección de Sistemas").click()
    page.goto("/admin/tablero/?carpeta=pending")
    expect(row(page, "Para la otra cuenta")).to_be_visible()
    with desk.desk() as (session, who):
        extra = session.scalars(
            select(Account).where(Account.person_id == who["other"].person_id, Account.role == Role.HEAD,
                                  Account.dependencia_id == desk.people.systems.id)
        ).one()  # fmt: skip
        extra.is_active = False


def test_a_document_to_somebody_in_particular_is_not_in_the_folder_of_others(desk: DocumentOffice) -> None:
    to = (Addressee(account_id=desk.people.accounts["oficialia"].id),)
    desk.sent("Para Ofelia", fields(desk.people, subject="Para Ofelia", to=to))
    expect(row(desk.enter("oficialia"), "Para Ofelia")).to_be_visible()
    expect(row(desk.enter("other"), "Para Ofelia")).to_have_count(0)
