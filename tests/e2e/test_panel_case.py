"""A clerk's day in the browser: log in, read, answer, hand over; and what the panel keeps from whom."""

from __future__ import annotations

from email.message import EmailMessage

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from admin.thread import PAGE_SIZE
from intake import cases
from intake.office import Office
from intake.reply_address import case_link
from models.canned_reply import CannedReply
from models.case import Case
from models.message import Attachment, Direction, Message
from models.outbox_message import OutboxMessage, OutboxStatus
from models.person import Account
from models.ticket import Ticket
from models.turno import Turno
from tests.support.browser import clerks_window, photograph
from tests.support.institution import Institution, found_institution
from tests.support.mails import make_mail
from tests.support.panel import SUPPORT, arrive, give_logins, log_in, open_case

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)]

PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n%%EOF"
)
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108020000009077"
    "53de0000000c4944415408d763f8cfc0000003010100c9fe92ef0000000049454e44ae426082"
)


@pytest.fixture
def town(office: Office) -> Institution:
    with office.database.writing() as session:
        town = found_institution(session)
        give_logins(session, town)
        body = "{{ requester }}: su solicitud {{ folio }} quedó atendida."
        session.add(CannedReply(shortcut="atendido", title="Quedó atendido", body=body))
    return town


def test_a_clerk_logs_in_reads_takes_answers_and_resolves(
    page: Page, office: Office, town: Institution, address: str
) -> None:
    case_id = arrive(office, make_mail(files=[("resguardo.pdf", "application/pdf", PDF)]))
    page.goto(address)
    photograph(page, "entrar")
    log_in(page, address, town.accounts["worker"])
    photograph(page, "bandeja")
    page.get_by_role("link", name="No enciende la impresora").click()
    expect(page.locator("#thread")).to_contain_text("La impresora de ventanilla 3 no enciende.")
    expect(page.locator("#thread")).to_contain_text("resguardo.pdf")
    photograph(page, "caso")
    page.get_by_role("button", name="Tomar").click()
    expect(page.locator(".toast")).to_contain_text("El asunto es suyo")
    page.get_by_role("textbox", name="Responder a").fill("Va un técnico antes de las 12:00.")
    expect(page.get_by_label("ana@correo.example")).to_be_checked()
    page.get_by_role("button", name="Enviar y resolver").click()
    expect(page.locator(".toast")).to_contain_text("Respuesta en camino y asunto resuelto")
    expect(page.locator(".msg.out .delivery")).to_have_text("en cola")
    with office.database.reading() as session:
        case = session.get_one(Case, case_id)
        assert (case.state, case.holder_id) == ("resolved", town.accounts["worker"].id)
        notice = session.scalars(select(OutboxMessage).where(OutboxMessage.kind == "answer")).one()
        assert notice.to == ["ana@correo.example"]


def test_a_wrong_password_says_so_and_nothing_more(page: Page, town: Institution, address: str) -> None:
    for login in ("tomas@example.gob.mx", "nadie@example.gob.mx"):
        page.goto(f"{address}/entrar")
        page.get_by_label("Correo o nombre de usuario").fill(login)
        page.get_by_label("Contraseña").fill("no es ésta")
        page.get_by_role("button", name="Entrar").click()
        expect(page.get_by_role("alert")).to_have_text("El usuario o la contraseña no son correctos.")


def test_whoever_has_several_accounts_chooses_one_and_switches(
    page: Page, office: Office, town: Institution, address: str
) -> None:
    with office.database.writing() as session:
        worker = session.get_one(Account, town.accounts["worker"].id)
        session.add(Account(person_id=worker.person_id, dependencia_id=town.works.id, role=worker.role))
    log_in(page, address, town.accounts["worker"])
    page.get_by_role("link", name="Actúa como").click()
    expect(page.get_by_role("heading", name="Selecciona cuenta")).to_be_visible()
    photograph(page, "cuentas")
    page.get_by_role("button", name="Obras Públicas").click()
    expect(page.locator(".account")).to_contain_text("Dirección de Obras Públicas")


def test_the_whole_work_can_be_done_by_keyboard(
    page: Page, office: Office, town: Institution, address: str
) -> None:
    case_id = arrive(office, make_mail(subject="Uno", sender="u@correo.example"), make_mail(subject="Dos"))
    log_in(page, address, town.accounts["head"])
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator("#case")).to_have_attribute("data-id", str(case_id))
    page.keyboard.press("r")
    page.keyboard.type("/aten")
    expect(page.get_by_role("option", name="/atendido")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_role("textbox", name="Responder a")).to_have_value(
        f"Ana López: su solicitud {_folio(office, case_id)} quedó atendida."
    )
    page.keyboard.press("Control+Enter")
    expect(page.locator(".msg.out")).to_contain_text("quedó atendida")
    page.keyboard.press("Escape")
    page.locator("#case").focus()
    page.keyboard.press("t")
    expect(page.get_by_role("dialog")).to_contain_text("¿A quién?")
    photograph(page, "turnar")
    page.keyboard.press("Escape")
    page.locator("#case").focus()
    page.keyboard.press("e")
    expect(page.locator(".toast")).to_contain_text("Resuelto")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Teclas")).to_be_visible()


def _folio(office: Office, case_id: int) -> str:
    with office.database.reading() as session:
        return session.get_one(Case, case_id).folio


def test_a_case_is_turned_to_an_account_with_instruction_and_due_date(
    page: Page, office: Office, town: Institution, address: str
) -> None:
    case_id = arrive(office, make_mail())
    log_in(page, address, town.accounts["oficialia"])
    open_case(page, address, case_id)
    page.get_by_role("link", name="Turnar").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Buscar dependencia").fill("obras")
    dialog.get_by_role("radio", name="Dirección de Obras Públicas").check()
    dialog.get_by_label("Cuenta").select_option(label="Olga Peña · Jefatura · Dirección de Obras Públicas")
    dialog.get_by_label("Instrucción").fill("Revisar la instalación")
    dialog.get_by_label("Fecha límite").fill("2030-01-15T13:00")
    dialog.get_by_role("button", name="Turnar").click()
    expect(page.locator(".toast")).to_contain_text("Turnado")
    expect(page.locator(".facts")).to_contain_text("Olga Peña")
    with office.database.reading() as session:
        turno = session.scalars(select(Turno).order_by(Turno.id.desc())).first()
        assert turno is not None
        assert (turno.to_account_id, turno.instruction) == (
            town.accounts["other"].id,
            "Revisar la instalación",
        )
        assert turno.due_at is not None
        assert turno.due_at.astimezone(office.settings.zone).strftime("%Y-%m-%d %H:%M") == "2030-01-15 13:00"


def test_two_clerks_on_one_case_see_each_other_and_what_is_new(
    browser: Browser, page: Page, office: Office, town: Institution, address: str
) -> None:
    case_id = arrive(office, make_mail())
    log_in(page, address, town.accounts["worker"])
    open_case(page, address, case_id)
    with clerks_window(browser) as window:
        other = window.new_page()
        log_in(other, address, town.accounts["head"])
        open_case(other, address, case_id)
        expect(other.locator("#presence")).to_contain_text("Tomás Ibarra también lo está viendo")
        other.get_by_role("tab", name="Nota interna").click()
        other.get_by_role("textbox", name="Nota interna").fill("Lo veo yo.")
        other.get_by_role("button", name="Guardar nota").click()
        expect(other.locator(".msg.note")).to_contain_text("Lo veo yo.")
    page.evaluate("htmx.trigger('#presence', 'refresh')")
    expect(page.locator("#presence")).to_contain_text("Jaime Torres también lo está viendo")
    page.get_by_role("link", name="Hay algo nuevo").click()
    expect(page.locator(".msg.note")).to_contain_text("Lo veo yo.")


def test_an_answer_to_a_case_that_got_news_meanwhile_asks_first_and_keeps_the_text(
    page: Page, office: Office, town: Institution, address: str
) -> None:
    first = make_mail(message_id="<uno@correo.example>")
    case_id = arrive(office, first)
    log_in(page, address, town.accounts["worker"])
    open_case(page, address, case_id)
    page.get_by_role("textbox", name="Responder a").fill("¿Cuál es el modelo?")
    arrive(office, make_mail(text="Es una HP 404.", in_reply_to="<uno@correo.example>"))
    page.get_by_role("button", name="Enviar", exact=True).click()
    expect(page.locator(".toast")).to_contain_text("llegó algo nuevo")
    expect(page.locator("#thread")).to_contain_text("Es una HP 404.")
    expect(page.get_by_role("textbox", name="Responder a")).to_have_value("¿Cuál es el modelo?")
    with office.database.reading() as session:
        assert session.scalar(select(Message.id).where(Message.direction == Direction.OUT)) is None
    page.get_by_role("button", name="Enviar", exact=True).click()
    expect(page.locator(".toast")).to_contain_text("Respuesta en camino")


def test_formatted_mail_is_shown_without_scripts_and_remote_pictures(
    page: Page, office: Office, town: Institution, address: str
) -> None:
    case_id = arrive(office, _formatted_mail())
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    log_in(page, address, town.accounts["worker"])
    open_case(page, address, case_id)
    page.get_by_text("Formato original").or_(page.get_by_text("Mostrar firma")).first.click()
    frame = page.frame_locator(".msg iframe")
    expect(frame.get_by_text("mundo")).to_be_visible()
    expect(frame.locator("img")).to_have_count(2)
    assert frame.locator("img").nth(1).evaluate("image => image.naturalWidth") == 1
    assert frame.locator("script, form, button").count() == 0
    assert "espia.example" not in "".join(asked)
    assert page.title() != "roto"


def _formatted_mail() -> bytes:
    """With a script, a form, a picture of its own and one that tells its sender who reads."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "Ana <ana@correo.example>", SUPPORT, "Formato"
    mail["Message-ID"] = "<formato@correo.example>"
    mail.set_content(
        '<p style="color:red">Hola <b>mundo</b></p><script>parent.document.title="roto"</script>'
        '<img src="https://espia.example/pixel.png"><img src="cid:foto@correo">'
        '<a href="javascript:alert(1)">enlace</a><form action="/salir"><button>no</button></form>',
        subtype="html",
    )
    mail.add_related(PNG, "image", "png", cid="<foto@correo>")
    return mail.as_bytes()


def test_files_are_shown_when_safe_saved_when_not_and_never_when_dangerous(
    page: Page, office: Office, town: Institution, address: str
) -> None:
    arrive(office, make_mail(files=[
        ("foto.png", "image/png", PNG),
        ("aviso.html", "text/html", b"<html><script>alert(1)</script></html>"),
        ("factura.pdf.exe", "application/octet-stream", b"MZ" + b"\0" * 100),
    ]))  # fmt: skip
    log_in(page, address, town.accounts["worker"])
    with office.database.reading() as session:
        files = {file.filename: file.id for file in session.scalars(select(Attachment))}
    shown = page.request.get(f"{address}/admin/archivos/{files['foto.png']}/foto.png?ver=1")
    assert shown.headers["content-type"] == "image/png"
    assert shown.headers["content-disposition"].startswith("inline")
    assert shown.headers["x-content-type-options"] == "nosniff"
    assert page.request.get(f"{address}/admin/archivos/{files['factura.pdf.exe']}/x").status == 404
    other = page.request.get(f"{address}/admin/archivos/{files['aviso.html']}/aviso.html?ver=1")
    assert other.status == 404 or other.headers["content-disposition"].startswith("attachment")


def test_a_stranger_to_the_case_gets_404_for_page_files_and_verbs(
    page: Page, office: Office, town: Institution, address: str
) -> None:
    case_id = arrive(office, make_mail(files=[("resguardo.pdf", "application/pdf", PDF)]))
    log_in(page, address, town.accounts["other"])
    token = page.locator("meta[name=csrf-token]").get_attribute("content") or ""
    with office.database.reading() as session:
        file_id = session.scalars(select(Attachment.id)).one()
        message_id = session.scalars(select(Message.id)).one()
    for path in (f"casos/{case_id}", f"casos/{case_id}/historial", f"archivos/{file_id}/resguardo.pdf",
                 f"archivos/correo/{message_id}", f"casos/{case_id}/texto/{message_id}",
                 f"folio/{_folio(office, case_id)}"):  # fmt: skip
        assert page.request.get(f"{address}/admin/{path}").status == 404, path
    for path in (f"casos/{case_id}/hacer/take", f"escribir/{case_id}/responder", f"escribir/{case_id}/nota",
                 f"casos/{case_id}/etiquetas", f"casos/{case_id}/presencia"):  # fmt: skip
        answer = page.request.post(
            f"{address}/admin/{path}", form={"csrf_token": token, "text": "x", "name": "x"}
        )
        assert answer.status == 404, path
    with office.database.reading() as session:
        assert session.get_one(Case, case_id).holder_id is None


def test_a_verb_without_its_token_or_not_in_the_table_changes_nothing(
    page: Page, office: Office, town: Institution, address: str
) -> None:
    case_id = arrive(office, make_mail())
    log_in(page, address, town.accounts["worker"])
    token = page.locator("meta[name=csrf-token]").get_attribute("content") or ""
    assert page.request.post(f"{address}/admin/casos/{case_id}/hacer/take").status == 400
    answer = page.request.post(f"{address}/admin/casos/{case_id}/hacer/reopen", form={"csrf_token": token})
    assert answer.status == 409
    assert "Reabrir" in answer.text()
    with office.database.reading() as session:
        assert session.get_one(Case, case_id).state == "new"


def test_zammad_200_a_huge_thread_opens_with_its_newest_messages_and_the_rest_on_demand(
    page: Page, office: Office, town: Institution, address: str
) -> None:
    case_id = arrive(office, make_mail(text="El primero de todos."))
    with office.database.writing() as session:
        case, worker = session.get_one(Case, case_id), session.get_one(Account, town.accounts["worker"].id)
        for number in range(2 * PAGE_SIZE):
            cases.add_note(session, office, case, worker, text=f"Nota número {number}.")
    log_in(page, address, town.accounts["worker"])
    open_case(page, address, case_id)
    expect(page.locator(".msg")).to_have_count(PAGE_SIZE)
    expect(page.get_by_text(f"Nota número {2 * PAGE_SIZE - 1}.")).to_be_visible()
    page.get_by_role("link", name="Mensajes anteriores").click()
    expect(page.locator(".msg")).to_have_count(2 * PAGE_SIZE)
    page.get_by_role("link", name="Mensajes anteriores").click()
    expect(page.get_by_text("El primero de todos.")).to_be_attached()
    texts = page.locator(".msg .text").all_inner_texts()
    assert texts[0].startswith("El primero")
    assert texts[1:] == [f"Nota número {number}." for number in range(2 * PAGE_SIZE)]


def test_zammad_5275_the_delivery_state_of_each_answer_is_shown_with_the_servers_words(
    page: Page, office: Office, town: Institution, address: str
) -> None:
    case_id = arrive(office, make_mail())
    with office.database.writing() as session:
        case, worker = session.get_one(Case, case_id), session.get_one(Account, town.accounts["worker"].id)
        message = cases.answer(
            session, office, case, worker, text="Va un técnico.", to=["ana@correo.example"]
        )
        session.flush()
        notice = session.scalars(select(OutboxMessage).where(OutboxMessage.message_id == message.id)).one()
        notice.status, notice.last_error = OutboxStatus.FAILED, "550 5.1.1 no such user"
    log_in(page, address, town.accounts["worker"])
    open_case(page, address, case_id)
    expect(page.locator(".msg.out")).to_contain_text("falló")
    expect(page.locator(".msg.out")).to_contain_text("El servidor dijo: 550 5.1.1 no such user")


def test_a_message_is_split_into_a_case_of_its_own_and_cases_are_joined_by_folio(
    page: Page, office: Office, town: Institution, address: str
) -> None:
    case_id = arrive(office, make_mail(message_id="<uno@correo.example>"))
    arrive(office, make_mail(text="Y tampoco hay internet.", in_reply_to="<uno@correo.example>"))
    log_in(page, address, town.accounts["oficialia"])
    open_case(page, address, case_id)
    page.get_by_role("article").filter(has_text="internet").get_by_label("Acciones del mensaje").click()
    page.get_by_role("link", name="Dividir").last.click()
    page.get_by_role("dialog").get_by_role("button", name="Dividir").click()
    expect(page.locator(".toast")).to_contain_text("Se abrió T-")
    expect(page.locator("#thread")).to_contain_text("tampoco hay internet")
    page.locator("#case").get_by_text("Más", exact=True).click()
    page.get_by_role("link", name="Unir a otro folio").click()
    page.get_by_label("Folio con el que se une").fill(_folio(office, case_id))
    page.get_by_role("dialog").get_by_role("button", name="Unir").click()
    expect(page.locator(".toast")).to_contain_text(_folio(office, case_id))
    with office.database.reading() as session:
        assert {case.state for case in session.scalars(select(Ticket))} == {"new", "merged"}


def test_a_draft_survives_leaving_the_page_and_goes_when_sent(
    page: Page, office: Office, town: Institution, address: str
) -> None:
    case_id = arrive(office, make_mail())
    log_in(page, address, town.accounts["worker"])
    open_case(page, address, case_id)
    page.get_by_role("textbox", name="Responder a").fill("A medias")
    open_case(page, address, case_id)
    expect(page.get_by_role("textbox", name="Responder a")).to_have_value("A medias")
    page.get_by_role("button", name="Enviar", exact=True).click()
    expect(page.locator(".msg.out")).to_contain_text("A medias")
    open_case(page, address, case_id)
    expect(page.get_by_role("textbox", name="Responder a")).to_have_value("")


def test_the_same_work_without_scripts(
    browser: Browser, office: Office, town: Institution, address: str
) -> None:
    case_id = arrive(office, make_mail())
    context = browser.new_context(java_script_enabled=False, locale="es-MX")
    page = context.new_page()
    log_in(page, address, town.accounts["worker"])
    page.get_by_role("link", name="No enciende la impresora").click()
    page.get_by_role("link", name="Turnar").click()
    page.get_by_role("radio", name="Dirección de Obras Públicas").check()
    page.get_by_role("button", name="Turnar").click()
    expect(page.locator(".toast")).to_contain_text("Turnado")
    context.close()
    with office.database.reading() as session:
        assert session.get_one(Case, case_id).dependencia_id == town.works.id


def test_a_requester_opens_the_public_page_with_the_signed_link_and_nobody_without(
    page: Page, office: Office, town: Institution, address: str
) -> None:
    case_id = arrive(office, make_mail())
    with office.database.writing() as session:
        case, worker = session.get_one(Case, case_id), session.get_one(Account, town.accounts["worker"].id)
        cases.answer(session, office, case, worker, text="Va un técnico.", to=["ana@correo.example"])
        cases.add_note(session, office, case, worker, text="Solo entre nosotros.")
        link = case_link(office, case.folio).replace(office.settings.base_url, address)
    page.goto(link)
    expect(page.get_by_role("heading", name="No enciende la impresora")).to_be_visible()
    expect(page.locator("main")).to_contain_text("Va un técnico.")
    expect(page.locator("main")).not_to_contain_text("Solo entre nosotros.")
    photograph(page, "publica")
    assert page.request.get(link[:-1] + "x").status == 404
