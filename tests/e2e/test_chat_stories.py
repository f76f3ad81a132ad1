"""A citizen and the bot, over real HTTP against our own Bot API server: the stories from beginning to end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from intake import cases
from intake.config import Settings
from intake.incoming import IncomingFile
from intake.mailer import deliver_mail
from intake.office import Office
from models.base import now
from models.case import Case
from models.chat import Rating
from models.message import Attachment, Message
from models.person import Account
from models.service import Service
from models.ticket import Ticket
from tests.support.botapi import BotApi, Json
from tests.support.desk import arrive, sent_files
from tests.support.institution import Institution, found_institution
from tests.support.mails import make_mail
from tests.support.telegram_door import telegram_door, with_bot
from tests.support.waiting import wait_until

JPEG = b"\xff\xd8\xff\xe0" + bytes(2_000)
PDF = b"%PDF-1.4\n" + b"0" * 50
WORDS = {"photo": "foto", "document": "documento", "location": "ubicación"}
README = Path(__file__).parents[2] / "README.md"


# What a person sees does not depend on the database.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """A script taps faster than a person: the pace of one message a second has tests of its own."""
    monkeypatch.setattr("bots.pace.BURST", 1_000)


@pytest.fixture
def office(settings: Settings, bot_api: BotApi) -> Iterator[Office]:
    ours = {"institution": "Ayuntamiento de Ejemplo", "base_url": "https://oficialia.example.gob.mx"}
    opened = Office.open(with_bot(settings, bot_api).model_copy(update=ours))
    yield opened
    opened.database.close()


@pytest.fixture
def town(office: Office) -> Institution:
    with office.database.writing() as session:
        town = found_institution(session)
        session.add(Service(slug="alumbrado", name="Alumbrado público", description="Lámparas y postes",
                            dependencia_id=town.works.id, asks_location=True))  # fmt: skip
        return town


@pytest.fixture
def door(office: Office, town: Institution) -> Iterator[None]:
    with telegram_door(office):
        yield


class Person:
    """Somebody with Telegram on the phone; every act waits for what the bot says to it."""

    def __init__(self, server: BotApi, name: str, language: str = "es") -> None:
        self.server, self.name = server, name
        self.id = server.add_user(name, language_code=language)
        # How many messages the chat had when a button was tapped, and which.
        self._taps: list[tuple[int, str]] = []

    def says(self, text: str, *, to: Json | None = None) -> Json:
        self.server.send_text(self.id, text, reply_to=to["message_id"] if to else None)
        return self.hears()

    def taps(self, button: str) -> Json:
        self._taps.append((len(self.server.messages(self.id)), button))
        self.server.tap(self.id, button)
        return self.hears()

    def sends(self, kind: str, *arguments: Any, **values: Any) -> Json:
        getattr(self.server, f"send_{kind}")(self.id, *arguments, **values)
        return self.hears()

    def hears(self) -> Json:
        return self.server.next_message(self.id, 20)

    def transcript(self) -> str:
        """The chat as it reads on the phone, with the taps, which leave no message."""
        told = self.server.transcript(self.id, words=WORDS)
        # A message begins where a line is not indented.
        messages = re.split(r"^(?=\S)", told, flags=re.MULTILINE)[1:]
        for count, button in reversed(self._taps):
            messages.insert(count, f"{self.name}: (toca «{button}»)\n")
        return "".join(messages).replace(f"T-{now().year}-", "T-2026-")


def tickets(office: Office) -> list[Ticket]:
    with office.database.reading() as session:
        return list(session.scalars(select(Ticket).order_by(Ticket.id)))


def texts(office: Office, case: Case) -> list[str]:
    with office.database.reading() as session:
        wanted = select(Message.reply_text).where(Message.case_id == case.id).order_by(Message.id)
        return list(session.scalars(wanted))


def plain(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def by_clerk(office: Office, town: Institution, case: Case, text: str, *files: IncomingFile) -> None:
    with office.database.writing() as session:
        head = session.get_one(Account, town.accounts["other"].id)
        cases.answer(session, office, session.get_one(Case, case.id), head, text=text, to=[], files=files)


@pytest.mark.usefixtures("door")
def test_the_story_in_the_readme_is_what_happens(bot_api: BotApi, office: Office, town: Institution) -> None:
    """From /start to the rating; the README shows this very transcript."""
    ana = Person(bot_api, "Ana")
    ana.says("/start")
    ana.says("Se fundió una lámpara del alumbrado. Lleva tres noches apagada.")
    ana.taps("Sí, así es")
    ana.sends("location", 20.640123, -103.311456)
    ana.sends("photo", JPEG, caption="Es este poste")
    ana.taps("Listo")
    ana.taps("Enviar")
    (ticket,) = tickets(office)
    by_clerk(office, town, ticket, "Mañana pasa la cuadrilla. Adjunto la orden de trabajo.",
             IncomingFile.of("orden.pdf", "application/pdf", PDF))  # fmt: skip
    answer = ana.hears()
    ana.says("Muchas gracias, aquí los espero.", to=answer)
    ana.says("/mis_solicitudes")
    ana.taps("Cerrar")
    ana.taps("Ya se resolvió")
    ana.taps("5 ★")
    ana.says("Vinieron rápido.")
    said = texts(office, ticket)
    assert said[0].startswith("Se fundió una lámpara") and said[-1] == "Muchas gracias, aquí los espero."
    with office.database.reading() as session:
        rating = session.get_one(Rating, ticket.id)
        assert (rating.score, rating.words) == (5, "Vinieron rápido.")
        names = session.scalars(select(Attachment.filename).order_by(Attachment.id)).all()
        assert len(names) == 2 and names[1] == "orden.pdf"
    told = ana.transcript()
    assert f"```text\n{told}```" in README.read_text(encoding="utf-8"), told


@pytest.mark.usefixtures("door")
def test_everything_that_telegram_can_send_reaches_the_case(bot_api: BotApi, office: Office) -> None:
    ana = Person(bot_api, "Ana")
    ana.says("/nueva")
    ana.taps("Otro asunto")
    ana.sends("voice", b"OggS" + bytes(900))
    ana.says("Un árbol caído")
    bot_api.send_album(ana.id, [JPEG + b"1", JPEG + b"2", JPEG + b"3"], caption="Así quedó la calle")
    ana.hears()
    ana.sends("document", PDF, file_name="oficio.pdf")
    ana.sends("contact", "+523312345678", "Luis", own=False)
    assert "no lo puedo guardar" in ana.sends("sticker")["text"]
    ana.taps("Listo")
    ana.taps("Enviar")
    (ticket,) = tickets(office)
    (text,) = texts(office, ticket)
    assert "Así quedó la calle" in text and "Contacto: Luis, +523312345678" in text
    with office.database.reading() as session:
        kinds = session.scalars(select(Attachment.content_type).order_by(Attachment.position)).all()
    assert kinds == ["audio/ogg", "image/jpeg", "image/jpeg", "image/jpeg", "application/pdf"]


@pytest.mark.usefixtures("door")
def test_zammad_774_a_photo_without_text_opens_a_request_over_http(bot_api: BotApi, office: Office) -> None:
    ana = Person(bot_api, "Ana")
    assert "[Otro asunto]" in str(bot_api.buttons(ana.sends("photo", JPEG))).replace("'", "[").replace(
        "[, [", "] ["
    )
    ana.taps("Otro asunto")
    ana.says("Un bache")
    ana.taps("Omitir")
    ana.taps("Listo")
    ana.taps("Enviar")
    (ticket,) = tickets(office)
    assert ticket.has_files and ticket.subject == "Un bache"


@pytest.mark.usefixtures("door")
def test_edits_reach_the_draft_and_then_the_case(bot_api: BotApi, office: Office) -> None:
    ana = Person(bot_api, "Ana")
    ana.says("/nueva")
    ana.taps("Soporte técnico")
    bot_api.send_text(ana.id, "Imprezora")
    subject = bot_api.messages(ana.id)[-1]["message_id"]
    ana.hears()
    update = bot_api.send_text(ana.id, "No ensiende")
    ana.hears()
    bot_api.edit_text(ana.id, subject, "Impresora")
    ana.hears()
    ana.taps("Listo")
    ana.taps("Enviar")
    bot_api.edit_text(ana.id, update["message"]["message_id"], "No enciende")
    assert "Guardé la corrección" in ana.hears()["text"]
    (ticket,) = tickets(office)
    assert ticket.subject == "Impresora" and texts(office, ticket) == ["No enciende"]


def test_a_conversation_goes_on_after_a_restart(bot_api: BotApi, office: Office, town: Institution) -> None:
    ana = Person(bot_api, "Ana")
    with telegram_door(office):
        ana.says("/nueva")
        ana.taps("Soporte técnico")
        ana.says("Impresora")
    bot_api.send_text(ana.id, "No enciende")
    with telegram_door(office):
        ana.hears()
        ana.taps("Listo")
        ana.taps("Enviar")
    (ticket,) = tickets(office)
    assert texts(office, ticket) == ["No enciende"]


@pytest.mark.usefixtures("door")
def test_replies_find_their_case_and_other_words_ask_which(bot_api: BotApi, office: Office) -> None:
    ana = Person(bot_api, "Ana")
    acuses = []
    for words in ("Impresora descompuesta", "Teclado roto"):
        ana.says("/nueva")
        ana.taps("Soporte técnico")
        ana.says(words)
        ana.says("Por favor.")
        ana.taps("Listo")
        acuses.append(ana.taps("Enviar"))
    first, second = tickets(office)
    ana.says("Es la del piso 2", to=acuses[0])
    ana.says("Ya no sirve para nada")
    ana.taps(f"{second.folio} Teclado roto")
    assert texts(office, first)[1:] == ["Es la del piso 2"]
    assert texts(office, second)[1:] == ["Ya no sirve para nada"]
    assert first.folio in ana.says(f"/estado {first.folio}")["text"]


@pytest.mark.usefixtures("door")
def test_mail_and_chat_of_one_person_meet_in_one_case(bot_api: BotApi, office: Office) -> None:
    case_id = arrive(office, make_mail("Ana <ana@correo.example>"))
    with office.database.reading() as session:
        folio = session.get_one(Case, case_id).folio
    ana = Person(bot_api, "Ana")
    assert folio not in ana.says("/mis_solicitudes")["text"]
    ana.says("/vincular")
    ana.says("ana@correo.example")
    deliver_mail(office)
    links = [re.search(r"start=([\w-]{43})", plain(mail)) for mail in sent_files(office)]
    (token,) = [link[1] for link in links if link]
    bot_api.open_link(ana.id, token)
    assert "quedaron unidos" in ana.hears()["text"]
    assert folio in ana.says("/mis_solicitudes")["text"]
    ana.says("Lo escribo ahora desde el teléfono.")
    with office.database.reading() as session:
        wanted = select(Message.channel).where(Message.case_id == case_id).order_by(Message.id)
        assert session.scalars(wanted).all() == ["email", "telegram"]


@pytest.mark.usefixtures("door")
def test_over_20_mb_there_is_a_link_to_upload(bot_api: BotApi) -> None:
    ana = Person(bot_api, "Ana")
    said = ana.sends("video", caption="La obra", declared_size=30_000_000)
    assert "20 MB" in said["text"]
    assert re.search(r"https://oficialia\.example\.gob\.mx/subir/[\w-]{43}\b", said["text"])


@pytest.mark.usefixtures("door")
def test_old_buttons_unknown_commands_and_english_are_answered(bot_api: BotApi, office: Office) -> None:
    ana = Person(bot_api, "Ana")
    ana.says("/nueva")
    ana.taps("Cancelar")
    assert "ya se usó" in ana.taps("Otro asunto")["text"]
    assert "No conozco ese comando" in ana.says("/quehay")["text"]
    assert "Seguro" in ana.says("/olvidar")["text"]
    ana.taps("Sí, olvidar")
    bob = Person(bot_api, "Bob", "en")
    assert "attends you" in bob.says("/start")["text"]
    assert not bot_api.warnings()


@pytest.mark.usefixtures("door")
def test_a_replayed_update_has_no_second_effect(bot_api: BotApi, office: Office) -> None:
    ana = Person(bot_api, "Ana")
    ana.says("Hola")
    ana.says("Un bache en la calle")
    ana.taps("Otro asunto")
    ana.taps("Listo")
    ana.taps("Enviar")
    bot_api.replay()
    bot_api.wait_until_confirmed()
    beto = Person(bot_api, "Beto")
    beto.says("/start")
    assert len(tickets(office)) == 1 and bot_api.quiet(ana.id)
    wait_until(lambda: bot_api.pending() == 0, 5)
