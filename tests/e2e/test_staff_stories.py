"""Clerks in chat over real HTTP against our own Bot API server: forum, group, private chat, `kill -9`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from intake import turnos
from intake.chat import chat_links
from intake.config import Settings
from intake.office import Office
from models.case import Case
from models.chat import Chat, ChatTopic
from models.dependencia import Dependencia
from models.message import Direction, Message
from models.outbox_message import OutboxMessage, OutboxStatus
from models.person import Account, Person
from models.session import Database, open_database
from tests.support.botapi import BotApi, Json
from tests.support.command import Place
from tests.support.institution import Institution, found_institution, open_case
from tests.support.telegram_door import telegram_door, with_bot
from tests.support.waiting import wait_until

SEND, RESOLVE, NOTE = "Enviar al solicitante", "Enviar y resolver", "Guardar como nota"
TAKE, TURN = "Tomar", "Turnar…"
PDF = b"%PDF-1.4\n" + b"0" * 50

# What people see does not depend on the database.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """A script taps faster than a person: the pace of Telegram has tests of its own."""
    monkeypatch.setattr("bots.pace.BURST", 1_000)
    monkeypatch.setattr("bots.pace.PER_GROUP_MINUTE", 100_000)


@pytest.fixture
def office(settings: Settings, bot_api: BotApi) -> Iterator[Office]:
    ours = {"institution": "Ayuntamiento de Ejemplo", "base_url": "https://oficialia.example.gob.mx"}
    opened = Office.open(with_bot(settings, bot_api).model_copy(update=ours))
    yield opened
    opened.database.close()


@pytest.fixture
def town(office: Office) -> Institution:
    with office.database.writing() as session:
        return found_institution(session)


@pytest.fixture
def door(office: Office, town: Institution) -> Iterator[None]:
    with telegram_door(office):
        yield


class Staff:
    """The people of Sistemas on their phones, as far as they linked their chats."""

    def __init__(self, server: BotApi, database: Database, town: Institution) -> None:
        self.server, self.database, self.town = server, database, town
        self.tomas, self.jaime = server.add_user("Tomás"), server.add_user("Jaime")
        self.olga = server.add_user("Olga")
        self.link("worker", self.tomas)
        self.link("head", self.jaime)

    def link(self, account: str, user: int) -> None:
        """As from *Mi Telegram* in the panel."""
        with self.database.writing() as session:
            person = session.get_one(Person, self.town.accounts[account].person_id)
            token = chat_links.person_token(session, person)
        self.server.open_link(user, token)
        self.server.wait_for(user, "es ahora el suyo")

    def bind(self, group: int) -> None:
        """As from the panel, by the head."""
        with self.database.writing() as session:
            token = chat_links.group_token(
                session, session.get_one(Dependencia, self.town.systems.id),
                session.get_one(Account, self.town.accounts["head"].id),
            )  # fmt: skip
        self.server.open_group_link(self.jaime, group, token)
        self.server.wait_for(group, "Dirección de Sistemas")

    def replies(self, user: int, chat: int, to: Json, text: str) -> Json:
        """A reply in the chat, and the bot's question."""
        self.server.send_text(user, text, chat=chat, reply_to=to["message_id"])
        return self.server.wait_for(chat, text)


@pytest.fixture
def staff(bot_api: BotApi, office: Office, town: Institution, door: None) -> Staff:
    return Staff(bot_api, office.database, town)


@pytest.fixture
def ana(bot_api: BotApi) -> int:
    return bot_api.add_user("Ana")


def ask(server: BotApi, user: int, text: str = "No enciende la impresora de Tesorería.") -> str:
    """A citizen asks Soporte for something; returns the folio."""
    server.send_command(user, "nueva")
    server.wait_for(user, "servicio")
    server.tap(user, "Soporte técnico")
    server.wait_for(user, "se trata")
    server.send_text(user, text)
    server.wait_for(user, "Cuénteme")
    server.send_text(user, "Desde ayer.")
    server.wait_for(user, "fotos o documentos")
    server.tap(user, "Listo")
    server.wait_for(user, "enviar")
    server.tap(user, "Enviar")
    acuse = server.wait_for(user, "Recibimos su solicitud")
    return next(word for word in str(acuse["text"]).split() if word.startswith("T-"))


def case_with(office: Office, folio: str) -> Case:
    with office.database.reading() as session:
        case = session.scalars(select(Case).where(Case.folio == folio)).one()
        _ = case.holder and case.holder.person.name
        return case


def said_by_clerks(database: Database, direction: Direction = Direction.OUT) -> list[tuple[str, str]]:
    """Who wrote what, by the name on the account."""
    with database.reading() as session:
        wanted = select(Message).where(Message.direction == direction).order_by(Message.id)
        return [(m.author.person.name, m.text) for m in session.scalars(wanted) if m.author is not None]


def wait_for_message(database: Database, text: str) -> None:
    wait_until(lambda: any(said == text for _, said in said_by_clerks(database)), 20)


def answers_seen(server: BotApi, user: int) -> list[str]:
    return [
        str(each.get("text") or each.get("caption")) for each in server.messages(user)
        if each["from"]["is_bot"] and "Respuesta a su solicitud" in str(each)
    ]  # fmt: skip


def test_a_forum_has_a_topic_for_each_case_and_the_answer_reaches_the_citizen(
    bot_api: BotApi, office: Office, staff: Staff, ana: int
) -> None:
    group = bot_api.add_group("Sistemas", [staff.jaime, staff.tomas, staff.olga], is_forum=True)
    staff.bind(group)
    folio, other = ask(bot_api, ana), ask(bot_api, bot_api.add_user("Beto"), "El correo no abre.")
    first, second = (bot_api.wait_for(group, each) for each in (folio, other))
    names = [topic["name"] for topic in bot_api.topics(group)]
    assert names == [f"{folio} · No enciende la impresora de Tesorería.", f"{other} · El correo no abre."]
    thread = first["message_thread_id"]
    assert thread != second["message_thread_id"]

    # A document with words, as the bot asks it and as it arrives.
    bot_api.send_document(
        staff.tomas,
        PDF,
        file_name="guia.pdf",
        caption="Siga la guía.",
        chat=group,
        reply_to=first["message_id"],
    )
    question = bot_api.wait_for(group, "Siga la guía.")
    assert question["message_thread_id"] == thread and "guia.pdf" in question["text"]
    # A colleague's tap does nothing; that of who wrote it does.
    bot_api.tap(staff.jaime, SEND, chat=group, message_id=question["message_id"])
    bot_api.wait_for(group, "sólo lo confirma quien lo escribió")
    assert said_by_clerks(office.database) == []
    bot_api.tap(staff.tomas, SEND, chat=group, message_id=question["message_id"])
    done = bot_api.wait_for(group, "Tomás Ibarra contestó a Ana")
    assert done["message_id"] == question["message_id"] and not bot_api.buttons(done)
    answer = bot_api.wait_for(ana, "Siga la guía.")
    assert "Tomás Ibarra" in (answer.get("caption") or answer["text"])
    assert said_by_clerks(office.database) == [("Tomás Ibarra", "Siga la guía.")]

    # The citizen goes on, in the same topic.
    bot_api.send_text(ana, "Ya la seguí y nada.", reply_to=answer["message_id"])
    again = bot_api.wait_for(group, "Ya la seguí y nada.")
    assert again["message_thread_id"] == thread
    # Talk in the topic is nobody's business; a note by command is the case's.
    bot_api.send_text(staff.jaime, "¿Quién puede ir?", chat=group, thread=thread)
    bot_api.send_text(staff.jaime, "/nota Va Tomás a las diez.", chat=group, thread=thread)
    bot_api.wait_for(group, "dejó una nota")
    assert said_by_clerks(office.database, Direction.NOTE) == [("Jaime Torres", "Va Tomás a las diez.")]
    staff.replies(staff.jaime, group, again, "Mañana a las diez va un técnico.")
    bot_api.tap(staff.jaime, RESOLVE, chat=group)
    bot_api.wait_for(ana, "Mañana a las diez va un técnico.")
    assert case_with(office, folio).state == "resolved"
    assert "¿Quién puede ir?" not in str(said_by_clerks(office.database))
    assert bot_api.warnings() == []


def test_two_clerks_and_a_stranger_in_a_group_in_privacy_mode(
    bot_api: BotApi, office: Office, staff: Staff, ana: int
) -> None:
    group = bot_api.add_group("Sistemas", [staff.jaime, staff.tomas, staff.olga], bot_is="member")
    staff.bind(group)
    folio = ask(bot_api, ana)
    told = bot_api.wait_for(group, folio)
    assert bot_api.buttons(told)[:2] == [TAKE, TURN]

    assert bot_api.send_text(staff.tomas, "Buenos días", chat=group)["update_id"] == 0
    bot_api.send_text(staff.olga, "Yo contesto", chat=group, reply_to=told["message_id"])
    how = bot_api.wait_for(group, "no sé quién es usted")
    assert "start=" not in str(how)
    bot_api.send_text(staff.olga, "¿Hola?", chat=group, reply_to=told["message_id"])
    his = staff.replies(staff.tomas, group, told, "Lo de Tomás.")
    hers = staff.replies(staff.jaime, group, told, "Lo de Jaime.")
    bot_api.tap(staff.jaime, SEND, chat=group, message_id=hers["message_id"])
    bot_api.tap(staff.tomas, SEND, chat=group, message_id=his["message_id"])
    bot_api.wait_for(ana, "Lo de Tomás.")
    bot_api.wait_for(ana, "Lo de Jaime.")
    assert said_by_clerks(office.database) == [
        ("Jaime Torres", "Lo de Jaime."), ("Tomás Ibarra", "Lo de Tomás."),
    ]  # fmt: skip
    words = [str(each.get("text")) for each in bot_api.messages(group) if each["from"]["is_bot"]]
    assert sum("no sé quién es usted" in each for each in words) == 1

    # Handed on by a tap, and thrown out: the head hears it in private.
    bot_api.tap(staff.jaime, TURN, chat=group)
    bot_api.wait_for(group, "A quién le turno")
    bot_api.tap(staff.jaime, "Tomás Ibarra", chat=group)
    bot_api.wait_for(group, "Jaime Torres turnó")
    bot_api.remove_bot(group, staff.tomas)
    bot_api.wait_for(staff.jaime, "quedó desvinculado")
    with office.database.reading() as session:
        assert session.get_one(Chat, group).dependencia_id is None
    assert bot_api.warnings() == []


def test_a_group_that_becomes_a_supergroup_goes_on(
    bot_api: BotApi, office: Office, staff: Staff, ana: int
) -> None:
    group = bot_api.add_group("Sistemas", [staff.jaime, staff.tomas], is_supergroup=False, bot_is="member")
    staff.bind(group)
    new = bot_api.migrate(group)
    folio = ask(bot_api, ana)
    told = bot_api.wait_for(new, folio)
    staff.replies(staff.tomas, new, told, "Desde el supergrupo.")
    bot_api.tap(staff.tomas, SEND, chat=new)
    bot_api.wait_for(ana, "Desde el supergrupo.")


def test_a_clerk_is_told_of_a_turno_and_works_from_the_private_chat(
    bot_api: BotApi, office: Office, staff: Staff
) -> None:
    with office.database.writing() as session:
        ticket = open_case(session, staff.town)
        worker = session.get_one(Account, staff.town.accounts["worker"].id)
        turnos.assign(session, office, ticket, session.get_one(Account, staff.town.accounts["oficialia"].id),
                      dependencia=worker.dependencia, account=worker)  # fmt: skip
    told = bot_api.wait_for(staff.tomas, ticket.folio)
    assert bot_api.buttons(told) == [TAKE, TURN, "Ver en el panel"]
    bot_api.tap(staff.tomas, TAKE)
    bot_api.wait_for(staff.tomas, "atiende ahora")
    bot_api.send_album(staff.tomas, caption="Así quedó.", reply_to=told["message_id"])
    question = bot_api.wait_for(staff.tomas, "Así quedó.")
    assert question["text"].count("📎") == 3
    bot_api.tap(staff.tomas, RESOLVE)
    bot_api.wait_for(staff.tomas, "queda resuelto")
    assert case_with(office, ticket.folio).state == "resolved"
    # Without replying he is a citizen like everybody.
    bot_api.send_text(staff.tomas, "En mi calle no hay luz")
    bot_api.wait_for(staff.tomas, "En mi calle no hay luz")
    assert len(said_by_clerks(office.database)) == 1
    assert bot_api.warnings() == []


def test_kill_minus_9_between_the_tap_and_the_sending_makes_one_answer(
    tmp_path: Path, bot_api: BotApi, database_url: str
) -> None:
    place = Place(
        tmp_path / "office",
        {
            "OFICIALIA_TELEGRAM_TOKEN": bot_api.token,
            "OFICIALIA_TELEGRAM_BASE_URL": bot_api.base_url,
            "OFICIALIA_TELEGRAM_FILE_URL": bot_api.file_url,
            "OFICIALIA_DATABASE_URL": database_url,
        },
    )
    database = open_database(database_url)
    with database.writing() as session:
        town = found_institution(session)
    bot = place.program("bot")
    starts = 0

    def start() -> None:
        nonlocal starts
        starts += 1
        bot.start(lambda: bot.output.count("bot started") >= starts, 60)

    start()
    staff, ana = Staff(bot_api, database, town), bot_api.add_user("Ana")
    group = bot_api.add_group("Sistemas", [staff.jaime, staff.tomas], is_forum=True)
    staff.bind(group)
    told = bot_api.wait_for(group, ask(bot_api, ana))
    for number in range(1, 4):
        text = f"Respuesta número {number}."
        question = staff.replies(staff.tomas, group, told, text)
        # The answer is decided and committed, and on its way when the bot dies.
        bot_api.delay("sendMessage", 3)
        bot_api.tap(staff.tomas, SEND, chat=group, message_id=question["message_id"])
        wait_for_message(database, text)
        bot.kill()
        bot_api.clear_faults()
        # What Telegram has taken, it does; what it does after we looked for it, nobody can know.
        wait_until(lambda: bot_api.world.faults.delayed == 0)
        # He sees no answer to his tap, and taps again.
        if SEND in bot_api.buttons(bot_api.message(group, question["message_id"])):
            bot_api.tap(staff.tomas, SEND, chat=group, message_id=question["message_id"])
        start()
        bot_api.wait_for(ana, text, 60)
    wait_until(lambda: bot_api.pending() == 0 and all_settled(database), 40, bot.explain)
    assert bot.stop() == 0
    assert [text for _, text in said_by_clerks(database)] == [f"Respuesta número {n}." for n in (1, 2, 3)]
    for number in range(1, 4):
        seen = [each for each in answers_seen(bot_api, ana) if f"número {number}." in each]
        assert len(seen) == 1, bot_api.transcript(ana)
    with database.reading() as session:
        assert len(session.scalars(select(ChatTopic)).all()) == len(bot_api.topics(group)) == 1
    database.close()


def all_settled(database: Database) -> bool:
    open_notices = (OutboxStatus.QUEUED, OutboxStatus.SENDING, OutboxStatus.RETRYING)
    with database.reading() as session:
        unsent = select(OutboxMessage.id).where(
            OutboxMessage.channel == "telegram", OutboxMessage.status.in_(open_notices)
        )
        return session.scalar(unsent.limit(1)) is None
