"""Chat in the panel, in the browser: answers, revisions, ratings, links, uploads, failures, registering."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from pydantic import SecretStr
from sqlalchemy import select

from intake.chat import chat_files, chat_links, chat_spool, chats
from intake.chat.chat_files import KeptFile
from intake.config import Settings
from intake.office import Office
from models.case import Case
from models.chat import Chat, ChatKind, ChatUpdate, LinkPurpose, OneTimeLink, UpdateStatus
from models.contact import Address, AddressKind
from models.message import Attachment, Message
from models.outbox_message import OutboxMessage, OutboxStatus
from models.person import Account, Role
from tests.support.browser import photograph
from tests.support.chats import ANA, add, ask, enter_chat, messages_of, told, written
from tests.support.desk import get_case, later, notices
from tests.support.institution import Institution
from tests.support.mails import make_mail
from tests.support.panel import Clerk, arrive, log_in, open_case, panel_of

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)]

BOT = 123456
PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n%%EOF"
)


@pytest.fixture
def office(settings: Settings) -> Iterator[Office]:
    opened = Office.open(settings.model_copy(update={"telegram_token": SecretStr(f"{BOT}:secreto")}))
    yield opened
    opened.database.close()


def join_mail_and_chat(office: Office, town: Institution) -> tuple[int, int]:
    """Ana writes by mail and in chat, and links both; returns the two cases."""
    by_mail = arrive(office, make_mail())
    by_chat = ask(office, subject="No hay red", text="Se cayó la red en ventanilla 3.", service=town.support)
    with office.database.writing() as session:
        chat = session.get_one(Chat, ANA)
        token = chat_links.mint(session, LinkPurpose.CONTACT, lifetime=chat_links._MAILED, chat_id=ANA,
                                address="ana@correo.example")  # fmt: skip
        link = chat_links.spend(session, token, LinkPurpose.CONTACT)
        assert link is not None
        chat_links.link_contact(session, office, chat, link)
    return by_mail, by_chat


def test_one_persons_mail_and_chat_meet_in_one_case(
    page: Page, office: Office, town: Institution, address: str
) -> None:
    by_mail, _ = join_mail_and_chat(office, town)
    add(office, by_mail, "Sigue igual, ahora desde el teléfono.", remote_ids=[31])
    log_in(page, address, town.accounts["worker"])
    open_case(page, address, by_mail)
    expect(page.locator(".msg.in")).to_have_count(2)
    expect(page.locator(".msg.in .from").nth(0)).to_contain_text("ana@correo.example")
    expect(page.locator(".msg.in .from").nth(1)).to_contain_text("Telegram")
    expect(page.locator(".facts")).to_contain_text("Otros asuntos: 1")
    photograph(page, "correo-y-chat")


def test_the_clerk_sees_and_chooses_the_channel_of_an_answer(
    page: Page, office: Office, town: Institution, address: str
) -> None:
    """Zammad #1185: answers never reached the chat, and nobody saw it."""
    by_mail, by_chat = join_mail_and_chat(office, town)
    log_in(page, address, town.accounts["worker"])
    open_case(page, address, by_chat)
    page.get_by_role("textbox", name="Responder a").fill("Ya hay red.")
    expect(page.get_by_label("Por Telegram, a Ana")).to_be_checked()
    expect(page.get_by_label("ana@correo.example")).to_be_hidden()
    photograph(page, "responder-por-telegram")
    page.get_by_role("button", name="Enviar", exact=True).click()
    expect(page.locator(".msg.out .delivery")).to_have_text("en cola")
    expect(page.locator(".msg.out .from")).to_contain_text("Telegram")
    assert told(office)[-1].kind == "answer"
    with office.database.writing() as session:
        notice = session.get_one(OutboxMessage, told(office)[-1].id)
        notice.status, notice.last_error = OutboxStatus.FAILED, "bot was blocked by the user"
    page.reload()
    expect(page.locator(".msg.out")).to_contain_text("bot was blocked by the user")
    page.get_by_role("textbox", name="Responder a").fill("Se lo mando por correo.")
    page.get_by_label("Por correo").check()
    expect(page.get_by_label("ana@correo.example")).to_be_checked()
    page.get_by_role("button", name="Enviar", exact=True).click()
    expect(page.locator(".msg.out")).to_have_count(2)
    assert notices(office, "answer")[-1].to == ["ana@correo.example"]
    open_case(page, address, by_mail)
    page.get_by_role("textbox", name="Responder a").fill("x")
    expect(page.get_by_label("Por correo")).to_be_checked()


def test_an_edited_message_shows_what_it_said_before_on_a_click(
    page: Page, office: Office, town: Institution, address: str
) -> None:
    case_id = ask(office, text="No hay agua en Juárez 5", service=town.support)
    with office.database.writing() as session:
        chats.revise(session, office, session.get_one(Chat, ANA), 10, "No hay agua en Morelos 8")
    log_in(page, address, town.accounts["worker"])
    open_case(page, address, case_id)
    expect(page.locator(".msg.in > .text")).to_have_text("No hay agua en Morelos 8")
    before = page.get_by_text("No hay agua en Juárez 5")
    expect(before).to_be_hidden()
    page.get_by_text("Editado: ver lo que decía antes").click()
    expect(before).to_be_visible()


def test_the_rating_of_a_closed_case_is_shown(
    page: Page, office: Office, town: Institution, address: str
) -> None:
    case_id = ask(office, service=town.support)
    with office.database.writing() as session:
        chat, case = session.get_one(Chat, ANA), get_case(session, case_id)
        chats.close(session, office, chat, case)
        chats.rate(session, office, chat, case, 4, "Rápido y amable")
    log_in(page, address, town.accounts["worker"])
    open_case(page, address, case_id)
    expect(page.locator(".facts")).to_contain_text("4 de 5")
    expect(page.locator(".facts")).to_contain_text("«Rápido y amable»")
    photograph(page, "calificado")


# Linking in the panel.


def test_a_person_links_the_own_telegram_and_takes_it_back(
    page: Page, office: Office, town: Institution, address: str
) -> None:
    log_in(page, address, town.accounts["worker"])
    page.get_by_role("link", name="Actúa como").click()
    page.get_by_role("link", name="Mi Telegram").click()
    expect(page.get_by_text("El bot no está en marcha todavía")).to_be_visible()
    chat_spool.introduce(office, "OficialiaBot")
    page.reload()
    page.get_by_role("button", name="Vincular Telegram").click()
    opener = page.get_by_role("link", name="Abrir Telegram")
    found = re.fullmatch(r"https://t\.me/OficialiaBot\?start=([\w-]{43})", opener.get_attribute("href") or "")
    assert found is not None
    photograph(page, "mi-telegram")
    enter_chat(office, ANA, "Tomás en casa")
    with office.database.writing() as session:
        link = chat_links.spend(session, found[1], LinkPurpose.PERSON)
        assert link is not None
        chat_links.link_person(session, office, session.get_one(Chat, ANA), link)
    page.goto(f"{address}/admin/telegram/")
    expect(page.get_by_text("Tomás en casa")).to_be_visible()
    page.get_by_role("button", name="Desvincular").click()
    expect(page.get_by_text("Todavía no vincula ningún chat.")).to_be_visible()
    with office.database.reading() as session:
        assert session.get_one(Chat, ANA).person_id is None


def test_a_head_binds_a_group_and_the_administrator_any(
    page: Page, office: Office, town: Institution, address: str
) -> None:
    chat_spool.introduce(office, "OficialiaBot")
    log_in(page, address, town.accounts["head"])
    page.goto(f"{address}/admin/telegram/")
    page.get_by_role("button", name="Vincular grupo").click()
    command = page.locator(".long").inner_text()
    token = command.removeprefix("/start@OficialiaBot ")
    photograph(page, "vincular-grupo")
    enter_chat(office, -70, "Grupo de Sistemas", kind=ChatKind.GROUP)
    with office.database.writing() as session:
        link = chat_links.spend(session, token, LinkPurpose.GROUP)
        assert link is not None
        chat_links.link_group(session, office, session.get_one(Chat, -70), link)
    page.goto(f"{address}/admin/telegram/")
    expect(page.get_by_text("Grupo de Sistemas")).to_be_visible()
    worker = Clerk(office, town.accounts["worker"])
    worker.post("/admin/telegram/desvincular", dependencia=town.systems.id)
    with office.database.reading() as session:
        assert session.get_one(Chat, -70).dependencia_id == town.systems.id, "A worker takes no group away."
    admin = Clerk(office, town.accounts["admin"])
    assert "Grupo de Sistemas" in admin.get(f"/admin/telegram/?dependencia={town.systems.id}").text
    admin.post("/admin/telegram/desvincular", dependencia=town.systems.id)
    with office.database.reading() as session:
        assert session.get_one(Chat, -70).dependencia_id is None


# Files by the portal.


def link_to_upload(office: Office, case_id: int | None) -> str:
    with office.database.writing() as session:
        case = get_case(session, case_id) if case_id else None
        url = chat_links.upload_link(session, office, session.get_one(Chat, ANA), case)
    return url.removeprefix(office.settings.base_url)


def test_a_file_too_large_for_telegram_is_uploaded_once_to_its_case(
    page: Page, office: Office, town: Institution, address: str, tmp_path: Path
) -> None:
    case_id = ask(office, service=town.support)
    path = link_to_upload(office, case_id)
    large, small = tmp_path / "video.mp4", tmp_path / "recibo.pdf"
    large.write_bytes(b"\x00\x00\x00\x18ftypmp42" + bytes(range(256)) * 100_000)
    small.write_bytes(PDF)
    page.goto(address + path)
    expect(page.get_by_text("Se agregarán a su solicitud T-")).to_be_visible()
    photograph(page, "subir")
    page.get_by_label("Archivos").set_input_files([large, small])
    page.get_by_role("button", name="Subir").click()
    expect(page.get_by_role("heading", name="Recibimos sus archivos")).to_be_visible()
    message = messages_of(office, case_id)[-1]
    with office.database.reading() as session:
        files = session.scalars(select(Attachment).where(Attachment.message_id == message.id)).all()
        assert {file.filename: file.sha256 for file in files} == {
            one.name: hashlib.sha256(one.read_bytes()).hexdigest() for one in (large, small)
        }
        assert session.get_one(Case, case_id).is_unanswered
    assert message.channel == "portal"
    assert told(office)[-1].kind == "uploaded"
    page.goto(address + path)
    expect(page.get_by_role("heading", name="Este enlace ya no sirve")).to_be_visible()


def test_an_upload_for_a_draft_waits_in_the_conversation(
    page: Page, office: Office, town: Institution, address: str, tmp_path: Path
) -> None:
    enter_chat(office)
    with office.database.writing() as session:
        session.get_one(Chat, ANA).data = {"draft": {"key": 1, "files": []}}
    path = link_to_upload(office, None)
    file = tmp_path / "croquis.pdf"
    file.write_bytes(PDF)
    page.goto(address + path)
    page.get_by_label("Archivos").set_input_files(file)
    page.get_by_role("button", name="Subir").click()
    expect(page.get_by_text("Ya puede volver al chat")).to_be_visible()
    with office.database.reading() as session:
        (kept,) = session.get_one(Chat, ANA).data["draft"]["files"]
    assert KeptFile.from_json(kept["file"]).filename == "croquis.pdf"
    assert kept["id"] == 0


def test_a_link_shown_in_a_preview_is_not_spent_and_a_foreign_one_is_worth_nothing(
    office: Office, town: Institution
) -> None:
    case_id = ask(office)
    path = link_to_upload(office, case_id)
    client = panel_of(office).test_client()
    assert [client.get(path).status_code for _ in range(3)] == [200] * 3
    assert client.get("/subir/" + "A" * 43).status_code == 404
    assert client.get(path.replace("subir", "bajar")).status_code == 404
    with later(hours=25):
        assert client.get(path).status_code == 404
    with office.database.reading() as session:
        assert session.scalars(select(OneTimeLink)).one().used_at is None


def test_a_file_is_fetched_by_its_link_while_it_is_safe(office: Office, town: Institution) -> None:
    kept = chat_files.keep(office, "plano ñ.pdf", "application/pdf", PDF)
    ask(office, files=[kept])
    with office.database.writing() as session:
        file = session.scalars(select(Attachment)).one()
        path = chat_links.download_link(session, office, file).removeprefix(office.settings.base_url)
    client = panel_of(office).test_client()
    page = client.get(path).text
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token is not None and "plano ñ.pdf" in page
    fetched = client.post(path, data={"csrf_token": token[1]})
    assert (fetched.data, fetched.headers["Content-Disposition"][:10]) == (PDF, "attachment")
    assert client.post(path).status_code == 400, "Only the button of the page."
    with office.database.writing() as session:
        session.scalars(select(Attachment)).one().danger = "malware: Eicar"
    assert client.get(path).status_code == 404


# What Telegram brings.


def call_webhook(office: Office, body: object, *, path: str = "", secret: str | None = None) -> int:
    client = panel_of(office).test_client()
    headers = {
        "X-Telegram-Bot-Api-Secret-Token": chat_spool.webhook_secret(office) if secret is None else secret
    }
    return client.post(path or chat_spool.webhook_path(office), json=body, headers=headers).status_code


def test_the_webhook_keeps_what_telegram_brings_and_nobody_elses(office: Office, town: Institution) -> None:
    update = written(5, ANA, "hola")
    assert call_webhook(office, update, secret="otro") == 404
    assert call_webhook(office, update, secret="") == 404
    assert call_webhook(office, update, path="/telegram/adivinada") == 404
    assert call_webhook(office, ["no", "es"]) == 400
    assert chat_spool.waiting(office, BOT) == {}
    assert [call_webhook(office, update) for _ in range(2)] == [200, 200]
    assert chat_spool.waiting(office, BOT) == {ANA: [update]}


def test_a_failed_update_is_seen_and_retried_on_puertas(
    page: Page, office: Office, town: Institution, address: str
) -> None:
    chat_spool.introduce(office, "OficialiaBot")
    chat_spool.store(office, BOT, [written(5, ANA, "mensaje privado")])
    chat_spool.fail(office, BOT, [5], RuntimeError("se rompió"))
    log_in(page, address, town.accounts["oficialia"])
    page.goto(f"{address}/admin/puertas/")
    expect(page.get_by_text("@OficialiaBot")).to_be_visible()
    page.get_by_role("link", name="Mensajes de Telegram que fallaron").click()
    expect(page.get_by_text("mensaje privado")).to_be_visible()
    page.get_by_text("Ver el fallo").click()
    expect(page.get_by_text("RuntimeError: se rompió")).to_be_visible()
    photograph(page, "telegram-fallidos")
    page.get_by_role("button", name="Reintentar").click()
    expect(page.locator(".toast")).to_contain_text("El bot lo procesará de nuevo")
    with office.database.reading() as session:
        assert session.scalar(select(ChatUpdate.status)) == UpdateStatus.RECEIVED
    chat_spool.fail(office, BOT, [5], RuntimeError())
    administrator = Clerk(office, town.accounts["admin"]).get("/admin/puertas/telegram")
    assert administrator.status_code == 200
    assert "mensaje privado" not in administrator.text


# Registering for somebody.


def test_a_clerk_registers_a_request_for_somebody_at_the_counter(
    page: Page, office: Office, town: Institution, address: str
) -> None:
    log_in(page, address, town.accounts["oficialia"])
    page.get_by_role("link", name="Registrar solicitud").click()
    photograph(page, "registrar")
    page.get_by_label("Nombre").fill("Rosa Méndez")
    page.get_by_label("Correo", exact=True).fill("rosa@correo.example")
    page.get_by_label("Asunto").fill("No imprime")
    page.get_by_label("Qué necesita").fill("Vino a ventanilla: su impresora no imprime.")
    page.get_by_label("Servicio").select_option("Soporte técnico")
    page.get_by_label("Archivos").set_input_files(
        {"name": "nota.pdf", "mimeType": "application/pdf", "buffer": PDF}
    )
    page.get_by_role("button", name="Registrar").click()
    expect(page.locator(".toast")).to_contain_text("Quedó registrada con el folio T-")
    expect(page.locator("#thread")).to_contain_text("Vino a ventanilla")
    expect(page.locator("#thread")).to_contain_text("nota.pdf")
    assert [notice.to for notice in notices(office, "acuse")] == [["rosa@correo.example"]]


def test_a_clerk_opens_a_case_to_a_telegram_user(
    page: Page, office: Office, town: Institution, address: str
) -> None:
    """Zammad #5275: clerks could not open a case to somebody known from Telegram."""
    first = ask(office, service=town.support)
    log_in(page, address, town.accounts["worker"])
    open_case(page, address, first)
    page.locator("#case summary", has_text="Más").click()
    page.get_by_role("link", name="Registrar otra solicitud de esta persona").click()
    expect(page.get_by_label("Telegram")).to_be_checked()
    photograph(page, "registrar-para-telegram")
    page.get_by_label("Asunto").fill("Visita programada")
    page.get_by_label("Qué necesita").fill("Iremos el martes.")
    page.get_by_label("Servicio").select_option("Soporte técnico")
    page.get_by_role("button", name="Registrar").click()
    expect(page.locator(".toast")).to_contain_text("Quedó registrada con el folio")
    assert [notice.kind for notice in told(office)] == ["acuse", "acuse"]
    page.get_by_role("textbox", name="Responder a").fill("Confirme, por favor.")
    page.get_by_role("button", name="Enviar", exact=True).click()
    expect(page.locator(".msg.out .delivery")).to_have_text("en cola")
    assert "Confirme, por favor." in told(office)[-1].html
    with office.database.reading() as session:
        assert len(chats.cases_of(session, session.get_one(Chat, ANA))) == 2


def test_only_people_whose_cases_one_sees_are_found(office: Office, town: Institution) -> None:
    case_id = ask(office, name="Ana Ruiz", service=town.support)
    with office.database.reading() as session:
        contact_id = get_case(session, case_id).requester_id
    inside, outside = Clerk(office, town.accounts["worker"]), Clerk(office, town.accounts["other"])
    for words in ("ana", "Ruiz", str(ANA)):
        assert "Ana Ruiz" in inside.get(f"/admin/registrar/?quien={words}").text
        assert "Ana Ruiz" not in outside.get(f"/admin/registrar/?quien={words}").text
    assert outside.get(f"/admin/registrar/?contacto={contact_id}").status_code == 404
    sent = {"contact": contact_id, "address": str(ANA), "subject": "Engaño", "text": "x"}
    assert outside.post("/admin/registrar/", **sent).status_code == 404
    assert [notice.kind for notice in told(office)] == ["acuse"]


def test_what_was_typed_comes_back_with_the_reason(office: Office, town: Institution) -> None:
    clerk = Clerk(office, town.accounts["oficialia"])
    answer = clerk.post(
        "/admin/registrar/", name="Rosa", address="no es correo", subject="Asunto", text="Largo"
    )
    assert answer.status_code == 422
    assert "no es una dirección de correo" in answer.text
    assert 'value="Rosa"' in answer.text and ">Largo</textarea>" in answer.text
    with office.database.reading() as session:
        assert session.scalars(select(Message)).all() == []
        assert session.scalars(select(Address).where(Address.kind == AddressKind.EMAIL)).all() == []
        assert session.scalars(select(Account).where(Account.role == Role.OFICIALIA)).all()
