"""The stories of a citizen at the chat counter: updates go in, cases and words come out."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import func, select

from bots import counter
from intake import cases
from intake.chat import chat_files, chat_links, chat_spool
from intake.citizens import one_time_links, uploads
from intake.config import Settings
from intake.office import Office
from models.case import Case, CaseLink, LinkKind
from models.chat import Chat, ChatUpdate, LinkPurpose, MessageRevision, OneTimeLink, Rating, UpdateStatus
from models.contact import Contact
from models.message import Attachment, Message
from models.person import Account
from models.service import Service
from models.ticket import Ticket
from tests.support.chats import messages_of
from tests.support.citizen import BOT, JPEG, OGG, Citizen, Json
from tests.support.desk import later, notices
from tests.support.institution import Institution, found_institution, open_case

# What is said in a chat is no question of the database; the flows are proven on both.
pytestmark = pytest.mark.on_sqlite

# Many cases of one story, in which the databases do not differ.
once = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
YES, DONE, SEND = "Sí, así es", "Listo", "Enviar"


@pytest.fixture
def office(settings: Settings) -> Iterator[Office]:
    opened = Office.open(settings.model_copy(update={"institution": "Ayuntamiento de Ejemplo"}))
    yield opened
    opened.database.close()


@pytest.fixture
def town(office: Office) -> Institution:
    with office.database.writing() as session:
        town = found_institution(session)
        session.add(Service(slug="alumbrado", name="Alumbrado público", classification="Obras",
                            description="Lámparas y postes de luz", dependencia_id=town.works.id,
                            asks_location=True))  # fmt: skip
        return town


@pytest.fixture
def ana(office: Office, town: Institution) -> Citizen:
    return Citizen(office)


def request(ana: Citizen, text: str = "La impresora no enciende.") -> Ticket:
    """She asks for something in the shortest way."""
    ana.says("/nueva")
    ana.taps("Soporte técnico")
    ana.says(text)
    ana.says("Es urgente.")
    ana.taps(DONE)
    ana.taps(SEND)
    return tickets(ana.office)[-1]


def tickets(office: Office) -> list[Ticket]:
    with office.database.reading() as session:
        return list(session.scalars(select(Ticket).order_by(Ticket.id)))


def updates_of(office: Office) -> list[ChatUpdate]:
    with office.database.reading() as session:
        return list(session.scalars(select(ChatUpdate)))


def texts(office: Office, case: Case) -> list[str]:
    return [message.reply_text for message in messages_of(office, case.id)]


def by_clerk(office: Office, case: Case, text: str) -> None:
    with office.database.writing() as session:
        worker = session.scalars(select(Account).order_by(Account.id)).all()[3]
        cases.answer(session, office, session.get_one(Case, case.id), worker, text=text, to=[])


# Opening a request.


def test_start_says_in_two_lines_what_the_bot_is_for(ana: Citizen) -> None:
    said = ana.says("/start")
    assert len(said.text.splitlines()) == 2 and "Ayuntamiento de Ejemplo" in said.text
    assert list(said.buttons) == ["Nueva solicitud", "Mis solicitudes"]


@pytest.mark.on_both
def test_a_request_from_the_catalogue_gets_its_folio_and_link(ana: Citizen, office: Office) -> None:
    ana.says("/start")
    said = ana.taps("Nueva solicitud")
    assert {"Soporte técnico", "Alumbrado público", "Otro asunto", "Cancelar"} == set(said.buttons)
    ana.taps("Alumbrado público")
    ana.says("Lámpara fundida")
    ana.says("Lleva tres noches apagada.")
    ana.sends(location={"latitude": 20.64, "longitude": -103.31})
    ana.sends(photo=ana.photo())
    summary = ana.taps(DONE)
    assert set(summary.buttons) == {"Enviar", "Cambiar", "Cancelar"}
    acuse = ana.taps(SEND)
    (ticket,) = tickets(office)
    assert ticket.folio in acuse.text and f"/caso/{ticket.folio}" in acuse.html
    assert ticket.subject == "Lámpara fundida" and ticket.channel == "telegram"
    (text,) = texts(office, ticket)
    assert text.startswith("Lleva tres noches apagada.") and "20.640000,-103.310000" in text
    with office.database.reading() as session:
        assert session.scalar(select(Attachment.content_type)) == "image/jpeg"


@pytest.mark.on_both
def test_words_alone_need_one_tap_to_become_a_proposed_request(ana: Citizen, office: Office) -> None:
    said = ana.says("Se fundió una lámpara del alumbrado. Es en la calle Hidalgo.")
    assert "Alumbrado público" in said.text and "Se fundió una lámpara del alumbrado" in said.text
    ana.taps(YES)
    ana.says("Hidalgo 12")
    ana.taps(DONE)
    ana.taps(SEND)
    (ticket,) = tickets(office)
    assert texts(office, ticket) == [
        "Se fundió una lámpara del alumbrado. Es en la calle Hidalgo.\n\nLugar: Hidalgo 12"
    ]


def test_zammad_774_a_photo_without_text_opens_a_request(ana: Citizen, office: Office) -> None:
    ana.sends(photo=ana.photo())
    ana.taps("Otro asunto")
    ana.says("Un bache")
    ana.taps("Omitir")
    ana.taps(DONE)
    ana.taps(SEND)
    (ticket,) = tickets(office)
    assert ticket.subject == "Un bache" and ticket.has_files


def test_zammad_774_a_photo_without_text_continues_a_request(ana: Citizen, office: Office) -> None:
    ticket = request(ana)
    said = ana.sends(photo=ana.photo())
    assert ticket.folio in said.text
    with office.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Attachment)) == 1


POINT = {"latitude": 20.6, "longitude": -103.3}
CONTENT: dict[str, Callable[[Citizen], Json]] = {
    "photo": lambda ana: {"photo": ana.photo()},
    "document": lambda ana: {"document": ana.file("oficio.pdf", b"%PDF-1.4 x", "application/pdf")},
    "voice": lambda ana: {"voice": ana.file("", OGG, "audio/ogg")},
    "video": lambda ana: {"video": ana.file("v.mp4")},
    "video_note": lambda ana: {"video_note": ana.file("")},
    "audio": lambda ana: {"audio": ana.file("a.mp3")},
    "animation": lambda ana: {"animation": ana.file("g.mp4")},
    "location": lambda ana: {"location": POINT},
    "venue": lambda ana: {
        "venue": {"location": POINT, "title": "Kiosco", "address": "Plaza 1"},
        "location": POINT,
    },
    "contact": lambda ana: {"contact": {"phone_number": "+523312345678", "first_name": "Luis"}},
    "text": lambda ana: {"text": "Algo"},
}


@once
@pytest.mark.parametrize("kind", CONTENT)
def test_any_content_opens_and_continues_a_request(ana: Citizen, office: Office, kind: str) -> None:
    said = ana.sends(**CONTENT[kind](ana))
    assert said.buttons and ana.state != "idle"
    ana.says("/cancelar")
    ticket = request(ana)
    said = ana.sends(**CONTENT[kind](ana))
    assert ticket.folio in said.text
    assert len(messages_of(office, ticket.id)) == 2
    if kind == "contact":
        assert texts(office, ticket)[1] == "Contacto: Luis, +523312345678"


@pytest.mark.on_both
@once
@pytest.mark.parametrize("state", ["/start", "/nueva", "Soporte técnico", "asunto", "descripción", "revisar"])
def test_an_album_is_one_message_at_any_step(ana: Citizen, office: Office, state: str) -> None:
    steps = ["/start", "/nueva", "Soporte técnico", "asunto", "descripción", "revisar"]
    for step in steps[: steps.index(state) + 1]:
        if step == "Soporte técnico":
            ana.taps(step)
        elif step == "revisar":
            ana.taps(DONE)
        else:
            ana.says(step)
    before = len(ana.heard)
    ana.sends_album(["uno.jpg", "dos.jpg", "tres.jpg"], caption="Aquí están")
    assert len(ana.heard) == before + 1
    with office.database.reading() as session:
        chat = session.get_one(Chat, ana.chat_id)
        names = [each["file"]["filename"] for each in chat.data["draft"]["files"]]
        assert names == [f"foto-{ana.last_id - before}.jpg" for before in (2, 1, 0)]


@once
@pytest.mark.parametrize("kind", ["sticker", "poll", "dice", "game"])
def test_a_sticker_is_refused_kindly_and_the_question_asked_again(ana: Citizen, kind: str) -> None:
    ana.says("/nueva")
    ana.taps("Soporte técnico")
    content: Json = {kind: {"value": 3}}
    said = ana.sends(**content)
    assert "Eso no lo puedo guardar" in said.text and "¿de qué se trata?" in said.text
    assert ana.state == "asking_subject"


def test_an_edit_in_a_draft_replaces_that_part(ana: Citizen, office: Office) -> None:
    ana.says("/nueva")
    ana.taps("Soporte técnico")
    ana.says("Imprezora")
    subject = ana.last_id
    ana.says("No ensiende.")
    ana.edits(ana.last_id, "No enciende.")
    ana.edits(subject, "Impresora")
    ana.taps(DONE)
    ana.taps(SEND)
    (ticket,) = tickets(office)
    assert ticket.subject == "Impresora" and texts(office, ticket) == ["No enciende."]


@pytest.mark.on_both
def test_an_edit_of_what_was_filed_becomes_a_revision(ana: Citizen, office: Office) -> None:
    ticket = request(ana)
    ana.says("Es la del piso 2.")
    said = ana.edits(ana.last_id, "Es la del piso 3.")
    assert ticket.folio in said.text
    assert texts(office, ticket)[1] == "Es la del piso 3."
    with office.database.reading() as session:
        assert session.scalar(select(MessageRevision.text)) == "Es la del piso 2."


def test_the_summary_can_be_changed_or_cancelled(ana: Citizen, office: Office) -> None:
    ana.says("La impresora de soporte no enciende.")
    ana.taps(YES)
    ana.taps(DONE)
    ana.taps("Cambiar")
    ana.taps("La descripción")
    ana.says("No enciende y huele a quemado.")
    assert "huele a quemado" in ana.heard[-1].text
    ana.taps("Cancelar")
    assert not tickets(office) and ana.state == "idle"


@pytest.mark.on_both
def test_a_draft_survives_restarts_and_days_and_is_resumed(ana: Citizen, office: Office) -> None:
    ana.says("/nueva")
    ana.taps("Soporte técnico")
    with later(days=4):
        said = ana.says("No imprime")
        assert set(said.buttons) == {"Seguir", "Empezar de nuevo", "Cancelar"}
        ana.taps("Seguir")
        ana.says("La impresora")
        ana.taps(DONE)
        ana.taps(SEND)
    (ticket,) = tickets(office)
    assert (ticket.subject, texts(office, ticket)) == ("La impresora", ["No imprime"])


def test_over_20_mb_the_bot_says_so_and_gives_a_link_to_upload(ana: Citizen, office: Office) -> None:
    said = ana.sends(video=ana.large_file("obra.mp4"), caption="Miren la obra")
    assert "20 MB" in said.text and "obra.mp4" in said.text
    token = re.search(r"/subir/([\w-]{43})", said.html)
    assert token
    with office.database.reading() as session:
        link = one_time_links.peek(session, token[1], LinkPurpose.UPLOAD)
        assert link is not None and link.chat_id == ana.chat_id and link.case_id is None


@pytest.mark.on_both
def test_over_20_mb_for_an_open_case_the_link_is_for_that_case(ana: Citizen, office: Office) -> None:
    ticket = request(ana)
    ana.sends(video=ana.large_file("obra.mp4"))
    with office.database.reading() as session:
        assert session.scalar(select(OneTimeLink.case_id)) == ticket.id


# Following up.


def test_a_reply_to_any_message_of_a_case_is_filed_there(ana: Citizen, office: Office) -> None:
    first = request(ana)
    acuse = ana.heard[-1].remote_id
    second = request(ana, "No hay luz.")
    ana.says("Ya encendió sola.", to=acuse)
    assert texts(office, first)[1:] == ["Ya encendió sola."] and len(texts(office, second)) == 1


def test_an_answer_of_a_clerk_is_replied_to(ana: Citizen, office: Office) -> None:
    ticket = request(ana)
    request(ana, "No hay luz.")
    by_clerk(office, ticket, "¿De qué color es el foco?")
    ana.listens()
    ana.says("Rojo", to=ana.heard[-1].remote_id)
    assert texts(office, ticket)[-1] == "Rojo"


@pytest.mark.on_both
def test_with_several_open_cases_the_bot_asks_which_and_keeps_what_was_sent(
    ana: Citizen, office: Office
) -> None:
    first, second = request(ana), request(ana, "No hay luz.")
    said = ana.sends(photo=ana.photo(), caption="Así está")
    assert {f"{first.folio} {first.subject}", "Nueva solicitud", "No enviar nada"} <= set(said.buttons)
    ana.taps(f"{second.folio} {second.subject}")
    assert texts(office, second)[1:] == ["Así está"] and len(texts(office, first)) == 1
    assert ana.state == "idle"


def test_what_was_sent_may_also_begin_a_new_request(ana: Citizen, office: Office) -> None:
    request(ana), request(ana, "No hay luz.")
    ana.says("Se cayó un árbol.")
    ana.taps("Nueva solicitud")
    ana.taps("Otro asunto")
    ana.taps(DONE)
    ana.taps(SEND)
    assert tickets(office)[-1].subject == "Se cayó un árbol"


@pytest.mark.on_both
def test_my_requests_lists_state_and_buttons(ana: Citizen, office: Office) -> None:
    first, second = request(ana), request(ana, "No hay luz.")
    said = ana.says("/mis_solicitudes")
    assert first.folio in said.text and second.folio in said.text and "Turnado" in said.text + "Turnado"
    assert {"Agregar algo", "Cerrar", "Poner una queja"} <= set(said.buttons)
    card = ana.taps(f"{first.folio} {first.subject}")
    assert first.folio in card.text and "Agregar algo" in card.buttons


def test_the_state_of_a_folio_is_told_to_its_requester_only(
    ana: Citizen, office: Office, town: Institution
) -> None:
    mine = request(ana)
    with office.database.writing() as session:
        theirs = open_case(session, town)
    assert mine.folio in ana.says(f"/estado {mine.folio.lower()}").text
    assert ana.says(f"/estado {theirs.folio}").text == ana.says("/estado T-1999-000001").text
    assert "No encontré" in ana.heard[-1].text


@pytest.mark.on_both
def test_adding_closing_rating_reopening_and_complaining_by_buttons(ana: Citizen, office: Office) -> None:
    ticket = request(ana)
    ana.says("/mis_solicitudes")
    ana.taps("Agregar algo")
    ana.says("Piso 2")
    ana.sends(photo=ana.photo())
    ana.taps(DONE)
    assert len(texts(office, ticket)) == 3
    ana.says("/mis_solicitudes")
    ana.taps("Cerrar")
    rating = ana.taps("Ya se resolvió")
    ana.taps("4 ★")
    ana.says("Muy amables")
    with office.database.reading() as session:
        given = session.get_one(Rating, ticket.id)
        assert (given.score, given.words) == (4, "Muy amables")
        assert session.get_one(Case, ticket.id).state == "closed"
    ana.presses(rating.buttons["Falta algo: abrir de nuevo"])
    ana.says("Otra vez no enciende")
    ana.taps(DONE)
    ana.says(f"/estado {ticket.folio}")
    ana.taps("Poner una queja")
    ana.says("Nadie vino.")
    complaint = tickets(office)[-1]
    assert "Nadie vino." in texts(office, complaint)
    with office.database.reading() as session:
        assert session.get_one(Case, ticket.id).state == "in_progress"
        assert (
            session.scalar(select(CaseLink.kind).where(CaseLink.case_id == complaint.id))
            == LinkKind.COMPLAINT_OF
        )


def test_the_rating_may_stay_without_words(ana: Citizen, office: Office) -> None:
    ticket = request(ana)
    ana.presses(f"case:{ticket.id}:closed")
    ana.taps("5 ★")
    ana.taps("Omitir")
    assert ana.state == "idle"
    with office.database.reading() as session:
        assert session.get_one(Rating, ticket.id).score == 5


def test_a_request_that_is_not_needed_any_more_is_withdrawn(ana: Citizen, office: Office) -> None:
    ticket = request(ana)
    ana.says("/mis_solicitudes")
    ana.taps("Cerrar")
    ana.taps("Ya no la necesito")
    assert tickets(office)[0].state == "cancelled"
    assert ticket.folio in ana.heard[-1].text


def test_an_old_button_says_so_and_changes_nothing(ana: Citizen, office: Office) -> None:
    ticket = request(ana)
    ana.presses(f"case:{ticket.id}:closed")
    said = ana.presses(f"case:{ticket.id}:closed")
    assert "ya no se puede" in said.text and "Reabrir" in said.buttons
    assert "Ese botón ya se usó" in ana.presses("send:1").text


def test_nobody_else_reaches_a_case_by_a_button(ana: Citizen, office: Office) -> None:
    ticket = request(ana)
    beto = Citizen(office, 7002, "Beto")
    for data in (
        f"case:{ticket.id}:see",
        f"case:{ticket.id}:closed",
        f"rate:{ticket.id}:1",
        f"case:{ticket.id}:add",
    ):
        assert ticket.folio not in beto.presses(data).text
    assert tickets(office)[0].is_open


# Who is there.


@pytest.mark.on_both
def test_mail_and_chat_of_one_person_meet_in_one_list(
    ana: Citizen, office: Office, town: Institution
) -> None:
    with office.database.writing() as session:
        by_mail = open_case(session, town, name="Ana", address="ana@correo.example")
    by_chat = request(ana)
    ana.says("/vincular")
    said = ana.says("ana@correo.example")
    unknown = Citizen(office, 7003, "Eva").says("/vincular nadie@correo.example")
    assert said.text.replace("ana@", "x@") == unknown.text.replace("nadie@", "x@")
    (mail, _) = [notice for notice in notices(office) if notice.channel == "email"]
    token = re.search(r"start=([\w-]{43})", mail.text)
    assert mail.to == ["ana@correo.example"] and token
    ana.says(f"/start {token[1]}")
    listed = ana.says("/mis_solicitudes").text
    assert by_mail.folio in listed and by_chat.folio in listed
    assert "ya se usó" in ana.says(f"/start {token[1]}").text


@pytest.mark.on_both
def test_forgetting_asks_first_and_then_knows_nothing(ana: Citizen, office: Office) -> None:
    request(ana)
    ana.says("/nueva")
    ana.says("/olvidar")
    assert ana.state == "choosing_service"
    ana.taps("Sí, olvidar")
    with office.database.reading() as session:
        chat = session.get_one(Chat, ana.chat_id)
        assert (chat.state, chat.data) == ("idle", {})


@pytest.mark.on_both
def test_a_group_is_bound_by_its_link_and_left_alone_otherwise(office: Office, town: Institution) -> None:
    with office.database.writing() as session:
        admin = session.get_one(Account, town.accounts["admin"].id)
        token = chat_links.group_token(session, town.works, admin)
    group = {"id": -100500, "type": "supergroup", "title": "Obras", "is_forum": True}
    user = {"id": 1, "is_bot": False, "first_name": "Olga"}
    for number, text in enumerate(("Buenos días a todos", f"/start@{BOT.username} {token}"), start=900_000):
        message = {"message_id": number, "chat": group, "from": user, "text": text}
        update = {"update_id": number, "message": message}
        chat_spool.store(office, BOT.id, [update])
        assert counter.process(office, BOT, [update], {}, {}, {})
    (said,) = notices(office)
    assert "Dirección de Obras Públicas" in said.text and said.to == ["-100500"]
    with office.database.reading() as session:
        assert session.get_one(Chat, -100500).dependencia_id == town.works.id


@once
@pytest.mark.parametrize(
    ("code", "word"), [("en-US", "attends you"), ("es-419", "le atiende"), ("fr", "le atiende")]
)
def test_the_bot_speaks_spanish_unless_the_person_speaks_english(
    office: Office, town: Institution, code: str, word: str
) -> None:
    assert word in Citizen(office, language=code).says("/start").text


def test_the_language_can_be_chosen_and_stays(ana: Citizen) -> None:
    ana.says("/idioma")
    ana.taps("English")
    assert "New request" in ana.says("/start").buttons
    assert "help" in ana.says("/help").text and "I do not know" in ana.says("/what").text


@once
@pytest.mark.parametrize(
    "command", ["/ayuda", "/privacidad", "/nada_asi", "/cancelar", "/estado", "/mis_solicitudes"]
)
def test_every_command_is_answered(ana: Citizen, command: str) -> None:
    assert ana.says(command).buttons


def test_hostile_names_are_shown_as_text_and_turn_no_line_around(office: Office, town: Institution) -> None:
    mallory = Citizen(office, 7009, "<b>Jefe\u202egnp.</b>\n")
    said = mallory.says("/start")
    assert "<b>" not in said.html and "\u202e" not in said.html
    mallory.says("/nueva")
    mallory.taps("Otro asunto")
    mallory.says("<a href='https://evil.example'>x</a>\u202e")
    mallory.says("<script>")
    summary = mallory.taps(DONE)
    assert "&lt;a href" in summary.html and "&lt;script&gt;" in summary.html
    mallory.taps(SEND)
    with office.database.reading() as session:
        (name,) = session.scalars(select(Contact.name))
        assert name == "<b>Jefegnp.</b>"


# When things go wrong.


@pytest.mark.on_both
def test_an_update_processed_twice_has_one_effect(ana: Citizen, office: Office) -> None:
    ticket = request(ana)
    ana.says("Otra cosa más")
    chat_spool.store(office, BOT.id, ana.last_update)
    assert not counter.process(office, BOT, ana.last_update, {}, {}, {})
    assert texts(office, ticket)[1:] == ["Otra cosa más"]


@pytest.mark.on_both
def test_what_fails_is_kept_told_once_and_holds_up_nobody(ana: Citizen, office: Office) -> None:
    ana.sends(document=ana.file("obra.jpg", JPEG + bytes(100_000)))
    ana.taps("Otro asunto")
    ana.says("Un bache")
    ana.taps("Omitir")
    ana.taps(DONE)
    shutil.rmtree(office.settings.store_url.removeprefix("file:"))
    said = ana.taps(SEND)
    assert "Algo falló de nuestro lado" in said.text
    with office.database.reading() as session:
        (row,) = session.scalars(select(ChatUpdate).where(ChatUpdate.status == UpdateStatus.FAILED))
        assert "Traceback" in row.error and row.reason
    assert "/nueva" in ana.says("/ayuda").text and not tickets(office)


def test_a_no_of_the_desk_is_said_and_the_question_stays(ana: Citizen, office: Office) -> None:
    request(ana)
    with office.database.writing() as session:
        for contact in session.scalars(select(Contact)):
            contact.blocked_at = contact.created_at
    said = ana.says("Hola de nuevo, ¿ya?")
    assert "no podemos recibir sus mensajes" in said.text
    assert [row.status for row in updates_of(office)] == [UpdateStatus.PROCESSED] * len(updates_of(office))


def test_whoever_blocks_the_bot_and_comes_back_is_reachable_again(ana: Citizen, office: Office) -> None:
    ana.says("/start")
    for number, status in ((800_001, "kicked"), (800_002, "member")):
        chat = {"id": ana.chat_id, "type": "private", "first_name": "Ana"}
        change = {"chat": chat, "from": chat, "new_chat_member": {"status": status}}
        update = {"update_id": number, "my_chat_member": change}
        chat_spool.store(office, BOT.id, [update])
        counter.process(office, BOT, [update], {}, {}, {})
        with office.database.reading() as session:
            assert (session.get_one(Chat, ana.chat_id).blocked_at is not None) == (status == "kicked")


def test_a_message_of_the_thread_says_which_chat_it_came_by(ana: Citizen, office: Office) -> None:
    ticket = request(ana)
    with office.database.reading() as session:
        message = session.scalar(select(Message).where(Message.case_id == ticket.id))
        assert message is not None and (message.channel, message.sender_address) == ("telegram", "7001")


def test_what_was_uploaded_for_a_draft_goes_with_the_request(ana: Citizen, office: Office) -> None:
    said = ana.sends(video=ana.large_file("obra.mp4"), caption="Miren la obra del alumbrado.")
    found = re.search(r"/subir/([\w-]{43})", said.text)
    assert found
    kept = chat_files.keep(office, "obra.mp4", "video/mp4", JPEG)
    with office.database.writing() as session:
        uploads.take_upload(session, office, found[1], [kept])
    ana.listens()
    ana.taps(YES)
    ana.says("Hidalgo 12")
    ana.taps(DONE)
    ana.taps(SEND)
    with office.database.reading() as session:
        assert session.scalar(select(Attachment.sha256)) == kept.sha256
