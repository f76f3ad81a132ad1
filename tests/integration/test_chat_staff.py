"""Clerks in chat: they answer, note, take and hand on from their private chats and from the group."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from intake import cases, notices, turnos
from intake.chat import chat_files, chat_links
from intake.chat.chat_files import KeptFile
from intake.incoming import Channel, IncomingMessage
from intake.office import Office
from intake.outbox import words_of
from models.base import now
from models.case import Case, CaseAccess
from models.chat import Chat, ChatTopic, LinkPurpose
from models.event import Event
from models.message import Direction, Message
from models.outbox_message import OutboxMessage, OutboxStatus
from models.person import Account, Person, Role
from models.ticket import Ticket
from models.turno import Turno
from tests.support.chats import ANA, ask
from tests.support.desk import later
from tests.support.institution import Institution, open_case
from tests.support.room import BOT, GROUP, Room, Said, bind_group, chat_of, link_clerk

# Who may do what in a chat is no question of the database; the flows are proven on both.
pytestmark = pytest.mark.on_sqlite

TOMAS, JAIME, OLGA, OFELIA, STRANGER = 8001, 8002, 8003, 8004, 8005
SEND, RESOLVE, NOTE, DISCARD = (
    "Enviar al solicitante", "Enviar y resolver", "Guardar como nota", "Descartar",
)  # fmt: skip
TAKE, TURN, PANEL = "Tomar", "Turnar…", "Ver en el panel"


@pytest.fixture
def ticket(office: Office, town: Institution) -> Ticket:
    with office.database.writing() as session:
        return open_case(session, town)


@pytest.fixture
def tomas(office: Office, town: Institution) -> Room:
    """The private chat of a worker of Sistemas."""
    link_clerk(office, town.accounts["worker"], TOMAS)
    return Room(office, TOMAS)


@pytest.fixture
def group(office: Office, town: Institution) -> Room:
    """The group of Sistemas, with its head and its worker linked."""
    link_clerk(office, town.accounts["worker"], TOMAS)
    link_clerk(office, town.accounts["head"], JAIME)
    room = Room(office, GROUP, "Sistemas")
    bind_group(office, town.systems, town.accounts["head"], room)
    return room


def hand_to(
    office: Office, town: Institution, ticket: Ticket, name: str = "worker", by: str = "oficialia"
) -> None:
    with office.database.writing() as session:
        account = session.get_one(Account, town.accounts[name].id)
        turnos.assign(session, office, session.get_one(Case, ticket.id),
                      session.get_one(Account, town.accounts[by].id), dependencia=account.dependencia,
                      account=account, instruction="Con prisa.")  # fmt: skip


def give_to_dependencia(office: Office, town: Institution, ticket: Ticket) -> None:
    with office.database.writing() as session:
        # From Obras, so that it is new in Sistemas.
        case = session.get_one(Case, ticket.id)
        case.dependencia_id = town.works.id
        turnos.assign(session, office, case, session.get_one(Account, town.accounts["oficialia"].id),
                      dependencia=session.get_one(Account, town.accounts["head"].id).dependencia)  # fmt: skip


def notice(room: Room) -> Said:
    """What the bot told of its own accord."""
    return room.listens()[-1]


def written(office: Office, ticket: Ticket, direction: Direction) -> list[Message]:
    with office.database.reading() as session:
        wanted = select(Message).where(Message.case_id == ticket.id, Message.direction == direction)
        found = list(session.scalars(wanted.order_by(Message.id)))
        for message in found:
            assert message.author is not None
            _ = message.author.person.name, message.attachments, message.text
        return found


def case_of(office: Office, ticket: Ticket) -> Case:
    with office.database.reading() as session:
        case = session.get_one(Case, ticket.id)
        _ = case.holder and case.holder.person.name, case.dependencia and case.dependencia.name
        return case


def to_requester(office: Office, kind: str = "answer") -> list[OutboxMessage]:
    with office.database.reading() as session:
        return list(session.scalars(select(OutboxMessage).where(OutboxMessage.kind == kind)))


# In the private chat.


@pytest.mark.on_both
def test_a_clerk_answers_a_turno_by_reply_and_a_confirming_tap(
    office: Office, town: Institution, ticket: Ticket, tomas: Room
) -> None:
    hand_to(office, town, ticket)
    told = notice(tomas)
    assert list(told.buttons) == [TAKE, TURN, PANEL]
    assert told.buttons[PANEL].endswith(f"/admin/casos/{ticket.id}")

    (question,) = tomas.says("Ya quedó <la> impresora & su cable.", to=told)
    assert "Ya quedó <la> impresora & su cable." in question.text
    assert "Lucía Gómez" in question.text and "lucia@example.com" in question.text
    assert list(question.buttons) == [SEND, RESOLVE, NOTE, DISCARD]
    assert not written(office, ticket, Direction.OUT)

    (done,) = tomas.taps(SEND)
    assert done.options["edits"] == question.remote_id and not done.buttons
    (message,) = written(office, ticket, Direction.OUT)
    assert message.text == "Ya quedó <la> impresora & su cable."
    assert message.author is not None and message.author.id == town.accounts["worker"].id
    (mail,) = to_requester(office)
    assert mail.to == ["lucia@example.com"] and mail.channel == "email"
    assert case_of(office, ticket).state == "in_progress"


@pytest.mark.on_both
def test_an_answer_may_resolve_the_case(
    office: Office, town: Institution, ticket: Ticket, tomas: Room
) -> None:
    hand_to(office, town, ticket)
    tomas.says("Listo.", to=notice(tomas))
    tomas.taps(RESOLVE)
    assert case_of(office, ticket).state == "resolved"


def test_a_requester_in_chat_is_answered_in_chat(office: Office, town: Institution, tomas: Room) -> None:
    case_id = ask(office, service=town.support)
    hand_to(office, town, Ticket(id=case_id))
    (question,) = tomas.says("Va el técnico.", to=notice(tomas))
    assert "por Telegram" in question.text
    tomas.taps(SEND)
    (answer,) = to_requester(office)
    assert answer.channel == "telegram" and answer.to == [str(ANA)]


def test_words_that_are_discarded_go_nowhere(
    office: Office, town: Institution, ticket: Ticket, tomas: Room
) -> None:
    hand_to(office, town, ticket)
    (question,) = tomas.says("Esto no.", to=notice(tomas))
    tomas.taps(DISCARD)
    (again,) = tomas.taps(SEND, on=question)
    assert "ya se usó" in again.text
    assert not written(office, ticket, Direction.OUT) and not written(office, ticket, Direction.NOTE)


@pytest.mark.on_both
def test_a_second_tap_sends_nothing_a_second_time(
    office: Office, town: Institution, ticket: Ticket, tomas: Room
) -> None:
    hand_to(office, town, ticket)
    (question,) = tomas.says("Una vez.", to=notice(tomas))
    tomas.taps(SEND)
    tomas.taps(SEND, on=question)
    tomas.taps(RESOLVE, on=question)
    assert len(written(office, ticket, Direction.OUT)) == 1


def test_words_under_confirmation_may_be_kept_as_a_note(
    office: Office, town: Institution, ticket: Ticket, tomas: Room
) -> None:
    hand_to(office, town, ticket)
    tomas.says("Llamé y no contestan.", to=notice(tomas))
    tomas.taps(NOTE)
    (note,) = written(office, ticket, Direction.NOTE)
    assert note.text == "Llamé y no contestan."
    assert not to_requester(office)


def test_a_note_by_command_is_kept_at_once(
    office: Office, town: Institution, ticket: Ticket, tomas: Room
) -> None:
    hand_to(office, town, ticket)
    told = notice(tomas)
    (done,) = tomas.says("/nota Falta el cable.", to=told)
    assert "nota" in done.text
    tomas.sends("cable.jpg", to=told, caption="/nota Así está")
    first, second = written(office, ticket, Direction.NOTE)
    assert first.text == "Falta el cable." and second.text == "Así está"
    assert [file.content_type for file in second.attachments] == ["image/jpeg"]
    (how,) = tomas.says("/nota sin responder a nada")
    assert "Responda con /nota" in how.text
    (empty,) = tomas.says("/nota", to=told)
    assert "después de /nota" in empty.text
    assert len(written(office, ticket, Direction.NOTE)) == 2


@pytest.mark.on_both
def test_files_and_albums_go_along_with_the_words(
    office: Office, town: Institution, ticket: Ticket, tomas: Room
) -> None:
    hand_to(office, town, ticket)
    told = notice(tomas)
    tomas.sends("antes.jpg", "después.jpg", to=told, caption="Así quedó.")
    (question,) = tomas.says("Cualquier cosa, avise.", to=told)
    assert question.text.count("📎") == 2 and "Así quedó.\n\nCualquier cosa, avise." in question.text
    tomas.taps(SEND)
    (message,) = written(office, ticket, Direction.OUT)
    assert len(message.attachments) == 2
    assert message.text == "Así quedó.\n\nCualquier cosa, avise."


def test_a_button_of_before_something_was_added_sends_nothing(
    office: Office, town: Institution, ticket: Ticket, tomas: Room
) -> None:
    hand_to(office, town, ticket)
    told = notice(tomas)
    (question,) = tomas.says("Primero.", to=told)
    (newer,) = tomas.says("Segundo.", to=question)
    (old,) = tomas.taps(SEND, on=question)
    assert "antes de un cambio" in old.text
    tomas.taps(SEND, on=newer)
    (message,) = written(office, ticket, Direction.OUT)
    assert message.text == "Primero.\n\nSegundo."


def test_an_edit_before_the_tap_changes_what_is_sent_and_after_it_nothing(
    office: Office, town: Institution, ticket: Ticket, tomas: Room
) -> None:
    hand_to(office, town, ticket)
    tomas.says("Mañana va el tecnico.", to=notice(tomas))
    mine = tomas.last_id
    (question,) = tomas.edits(mine, "Mañana va el técnico.")
    assert "el técnico" in question.text and "tecnico" not in question.text
    tomas.taps(SEND)
    (late,) = tomas.edits(mine, "Otra cosa.")
    assert "no cambia al editarlo" in late.text
    (message,) = written(office, ticket, Direction.OUT)
    assert message.text == "Mañana va el técnico."


def test_a_file_over_the_limit_is_uploaded_in_the_panel(
    office: Office, town: Institution, ticket: Ticket, tomas: Room
) -> None:
    hand_to(office, town, ticket)
    (said,) = tomas.sends_large("plano.pdf", to=notice(tomas))
    assert "plano.pdf" in said.text and "20 MB" in said.text and not said.buttons


def test_a_quarantined_file_is_not_sent_and_the_words_still_wait(
    office: Office, town: Institution, ticket: Ticket, tomas: Room
) -> None:
    hand_to(office, town, ticket)
    tomas.kept["virus"] = _dangerous(office)
    assert tomas.kept["virus"].danger
    file = {"file_id": "virus", "file_name": "malo.exe"}
    update = tomas.message({"document": file, "caption": "Va."}, by=TOMAS, to=notice(tomas))
    (question,) = tomas.hand_in([update])
    (refused,) = tomas.taps(SEND)
    assert "cuarentena" in refused.text
    assert not written(office, ticket, Direction.OUT)
    tomas.taps(NOTE, on=question)
    assert len(written(office, ticket, Direction.NOTE)) == 1


def _dangerous(office: Office) -> KeptFile:
    return chat_files.keep(office, "malo.exe", "application/octet-stream", b"MZ" + bytes(200))


@pytest.mark.on_both
def test_a_clerk_takes_a_case_that_waits_for_the_dependencia(
    office: Office, town: Institution, ticket: Ticket, tomas: Room
) -> None:
    (listed,) = tomas.says("/pendientes")
    assert ticket.folio in listed.text and "sin quien lo atienda" in listed.text
    (card,) = tomas.taps(f"{ticket.folio} {ticket.subject}")
    assert "Buenos días, la impresora" in card.text
    (done,) = tomas.taps(TAKE)
    assert "atiende ahora" in done.text
    assert case_of(office, ticket).holder_id == town.accounts["worker"].id
    (again,) = tomas.taps(TAKE, on=card)
    assert "no se puede" in again.text
    (listed,) = tomas.says("/pendientes")
    assert "sin quien lo atienda" not in listed.text


@pytest.mark.on_both
def test_a_clerk_hands_on_to_a_colleague_or_to_another_dependencia(
    office: Office, town: Institution, ticket: Ticket, tomas: Room
) -> None:
    hand_to(office, town, ticket)
    notice(tomas)
    (choice,) = tomas.taps(TURN)
    assert list(choice.buttons) == [
        "Jaime Torres",
        "🏛 Dirección de Obras Públicas",
        "🏛 Presidencia",
        "No turnar",
    ]
    (kept,) = tomas.taps("No turnar")
    assert kept.options["edits"] == choice.remote_id
    assert case_of(office, ticket).holder_id == town.accounts["worker"].id
    (done,) = tomas.taps("🏛 Dirección de Obras Públicas", on=choice)
    assert "Obras" in done.text and done.options["edits"] == choice.remote_id
    case = case_of(office, ticket)
    assert case.dependencia_id == town.works.id and case.holder_id is None
    with office.database.reading() as session:
        turno = session.scalars(select(Turno).order_by(Turno.id.desc())).first()
        assert turno is not None and turno.from_account_id == town.accounts["worker"].id
    # It is not his any more.
    (no,) = tomas.taps("Jaime Torres", on=choice)
    assert "no se puede" in no.text


def test_many_targets_are_paged(office: Office, town: Institution, ticket: Ticket, tomas: Room) -> None:
    with office.database.writing() as session:
        for number in range(12):
            person = Person(name=f"Colega {number:02}", dependencia_id=town.systems.id)
            session.add(person)
            session.flush()
            session.add(Account(person_id=person.id, dependencia_id=town.systems.id, role=Role.WORKER))
    hand_to(office, town, ticket)
    notice(tomas)
    (first,) = tomas.taps(TURN)
    assert len(first.buttons) == 10 and "Siguientes ▶" in first.buttons
    (second,) = tomas.taps("Siguientes ▶")
    assert second.options["edits"] == first.remote_id and "◀ Anteriores" in second.buttons
    tomas.taps("Colega 10")
    holder = case_of(office, ticket).holder
    assert holder is not None and holder.person.name == "Colega 10"


def test_what_the_state_does_not_allow_is_said_kindly_and_a_note_is_offered(
    office: Office, town: Institution, ticket: Ticket, tomas: Room
) -> None:
    hand_to(office, town, ticket)
    told = notice(tomas)
    (before,) = tomas.says("Ya casi.", to=told)
    with office.database.writing() as session:
        cases.close(session, office, session.get_one(Case, ticket.id),
                    session.get_one(Account, town.accounts["head"].id))  # fmt: skip
    said = tomas.taps(SEND, on=before)
    assert "no se puede" in said[-1].text and list(said[-1].buttons) == [NOTE, DISCARD]
    (no,) = tomas.taps(TAKE, on=told)
    assert "no se puede" in no.text
    tomas.taps(NOTE)
    assert not written(office, ticket, Direction.OUT)
    assert len(written(office, ticket, Direction.NOTE)) == 1


def test_of_several_accounts_the_one_that_may_acts(
    office: Office, town: Institution, ticket: Ticket, tomas: Room
) -> None:
    with office.database.writing() as session:
        worker = session.get_one(Account, town.accounts["worker"].id)
        session.add(Account(person_id=worker.person_id, dependencia_id=town.works.id, role=Role.HEAD))
    hand_to(office, town, ticket, "other")
    tomas.listens()
    with office.database.reading() as session:
        boss = session.scalars(
            select(Account).where(
                Account.person_id == town.accounts["worker"].person_id, Account.role == Role.HEAD
            )
        ).one()
    (listed,) = tomas.says("/pendientes")
    assert "No tiene" in listed.text
    card = tomas.presses(f"st:see:{ticket.id}", Said("", {}, 1, "", {}))[0]
    tomas.says("De Obras.", to=card)
    tomas.taps(SEND)
    (message,) = written(office, ticket, Direction.OUT)
    assert message.author_id == boss.id


def test_words_that_answer_nothing_are_a_citizens_request(
    office: Office, town: Institution, ticket: Ticket, tomas: Room
) -> None:
    hand_to(office, town, ticket)
    notice(tomas)
    (said,) = tomas.says("En mi calle no hay luz.")
    assert said.kind == "dialog"
    assert not chat_of(office, TOMAS).data.get("staff")
    (welcome,) = tomas.says("/start")[:1]
    assert "/pendientes" in welcome.text and "Toque un botón" in welcome.text


def test_what_waits_for_a_tap_and_the_citizens_conversation_do_not_disturb_each_other(
    office: Office, town: Institution, ticket: Ticket, tomas: Room
) -> None:
    hand_to(office, town, ticket)
    told = notice(tomas)
    tomas.says("/nueva")
    (question,) = tomas.says("Respuesta.", to=told)
    state = chat_of(office, TOMAS).state
    assert state == "choosing_service"
    tomas.says("No hay luz.")
    tomas.taps(SEND, on=question)
    assert len(written(office, ticket, Direction.OUT)) == 1
    assert chat_of(office, TOMAS).data["draft"]


def test_who_left_can_no_longer_act(office: Office, town: Institution, ticket: Ticket, tomas: Room) -> None:
    hand_to(office, town, ticket)
    told = notice(tomas)
    (question,) = tomas.says("Antes de irme.", to=told)
    with office.database.writing() as session:
        session.get_one(Person, town.accounts["worker"].person_id).is_active = False
    for said in (tomas.taps(SEND, on=question), tomas.says("Y esto.", to=told), tomas.taps(TAKE, on=told),
                 tomas.says("/nota Algo", to=told)):  # fmt: skip
        assert "ya no está activa" in said[-1].text
    assert not written(office, ticket, Direction.OUT) and not written(office, ticket, Direction.NOTE)
    assert case_of(office, ticket).state == "assigned"


def test_an_account_that_was_closed_can_no_longer_act(
    office: Office, town: Institution, ticket: Ticket, tomas: Room
) -> None:
    hand_to(office, town, ticket)
    (question,) = tomas.says("Antes del cambio.", to=notice(tomas))
    with office.database.writing() as session:
        session.get_one(Account, town.accounts["worker"].id).is_active = False
    tomas.taps(SEND, on=question)
    assert not written(office, ticket, Direction.OUT)


def test_a_notice_leads_nowhere_in_another_chat(
    office: Office, town: Institution, ticket: Ticket, tomas: Room
) -> None:
    """Whoever gets a forwarded notice neither replies to it nor uses its buttons."""
    hand_to(office, town, ticket)
    told = notice(tomas)
    stranger = Room(office, STRANGER, "Nadie")
    stranger.says("Respondo yo.", to=told)
    (no,) = stranger.presses(told.buttons[TAKE], told)
    assert "no sé quién es usted" in no.text.lower()
    link_clerk(office, town.accounts["other"], OLGA)
    (no,) = Room(office, OLGA, "Olga").presses(told.buttons[TAKE], told)
    assert "no está a su cargo" in no.text and ticket.subject not in no.text
    assert case_of(office, ticket).holder_id == town.accounts["worker"].id
    assert not written(office, ticket, Direction.OUT)


@pytest.mark.on_both
def test_a_clerk_is_told_of_overdue_cases_with_buttons(
    office: Office, town: Institution, ticket: Ticket, tomas: Room
) -> None:
    hand_to(office, town, ticket)
    notice(tomas)
    with office.database.writing() as session:
        case = session.get_one(Case, ticket.id)
        case.due_at = now()
        notices.write_overdue(session, office, case)
    assert list(notice(tomas).buttons) == [TAKE, TURN, PANEL]


@pytest.mark.on_both
@pytest.mark.parametrize("is_group", [False, True])
def test_a_reply_to_a_notice_that_a_killed_bot_had_just_sent_is_no_lost_word(
    office: Office, town: Institution, ticket: Ticket, tomas: Room, group: Room, is_group: bool
) -> None:
    """It arrived, and nobody lived to write down its number."""
    hand_to(office, town, ticket)
    room = group if is_group else tomas
    with office.database.writing() as session:
        for told in session.scalars(select(OutboxMessage).where(OutboxMessage.to == [str(room.id)])):
            told.status = OutboxStatus.SENDING if told.case_id else OutboxStatus.SENT
    answered = {
        "message_id": 4_000,
        "from": {"id": BOT.id},
        "text": f"Le turnaron {ticket.folio} No enciende",
    }
    (question,) = room.says("Enseguida voy.", by=TOMAS, reply_to_message=answered)
    assert ticket.folio in question.text and SEND in question.buttons
    other = {**answered, "text": "Le turnaron T-2020-000009 Otra cosa"}
    said = room.says("¿Y esto?", by=TOMAS, reply_to_message=other)
    assert all(each.kind == "dialog" for each in said)


# In the group.


@pytest.mark.on_both
def test_a_new_case_appears_in_the_group_and_who_answers_is_recorded_by_name(
    office: Office, town: Institution, ticket: Ticket, group: Room
) -> None:
    give_to_dependencia(office, town, ticket)
    told = notice(group)
    assert told.kind == "new_case" and ticket.folio in told.text and TAKE in told.buttons
    (question,) = group.says("Yo lo veo.", by=JAIME, to=told)
    assert question.options["reply_to"] == group.last_id
    (done,) = group.taps(SEND, by=JAIME)
    assert "Jaime Torres contestó a Lucía Gómez" in done.text
    (message,) = written(office, ticket, Direction.OUT)
    assert message.author is not None and message.author.person.name == "Jaime Torres"
    assert message.author_id == town.accounts["head"].id


def test_only_who_wrote_confirms(office: Office, town: Institution, ticket: Ticket, group: Room) -> None:
    give_to_dependencia(office, town, ticket)
    told = notice(group)
    (his,) = group.says("Lo de Tomás.", by=TOMAS, to=told)
    (hers,) = group.says("Lo de Jaime.", by=JAIME, to=told)
    for label in (SEND, RESOLVE, NOTE, DISCARD):
        (no,) = group.taps(label, by=JAIME, on=his)
        assert "sólo lo confirma quien lo escribió" in no.text
    group.taps(SEND, by=TOMAS, on=his)
    group.taps(SEND, by=JAIME, on=hers)
    assert [(m.author.person.name, m.text) for m in written(office, ticket, Direction.OUT) if m.author] == [
        ("Tomás Ibarra", "Lo de Tomás."), ("Jaime Torres", "Lo de Jaime."),
    ]  # fmt: skip


def test_a_member_who_is_not_linked_is_told_how_once_an_hour(
    office: Office, town: Institution, ticket: Ticket, group: Room
) -> None:
    give_to_dependencia(office, town, ticket)
    told = notice(group)
    (how,) = group.says("Yo contesto.", by=STRANGER, to=told)
    assert "Mi Telegram" in how.text and "start=" not in how.text
    assert not group.says("¿Hola?", by=STRANGER, to=told)
    assert not group.taps(TAKE, by=STRANGER, on=told)
    with later(minutes=61):
        assert group.says("¿Y ahora?", by=STRANGER, to=told)
    assert not written(office, ticket, Direction.OUT)


def test_a_linked_member_without_standing_is_told_so(
    office: Office, town: Institution, ticket: Ticket, group: Room
) -> None:
    link_clerk(office, town.accounts["other"], OLGA)
    give_to_dependencia(office, town, ticket)
    told = notice(group)
    (no,) = group.says("Yo, de Obras.", by=OLGA, to=told)
    assert "no está a su cargo" in no.text
    assert not written(office, ticket, Direction.OUT)


def test_ordinary_talk_in_the_group_is_ignored(
    office: Office, town: Institution, ticket: Ticket, group: Room
) -> None:
    give_to_dependencia(office, town, ticket)
    told = notice(group)
    user = {"id": JAIME, "first_name": "Jaime"}
    assert not group.says("Buenos días a todos", by=TOMAS)
    assert not group.says("¿vamos?", by=TOMAS, reply_to_message={"message_id": 3, "from": user})
    assert not group.says("/otracosa", by=TOMAS)
    assert not group.says("/nueva", by=TOMAS)
    with office.database.reading() as session:
        assert not session.get_one(Chat, GROUP).data
    assert told.remote_id and case_of(office, ticket).state == "assigned"


@pytest.mark.on_both
def test_a_forum_gets_a_topic_for_each_case_and_everything_of_it_goes_there(
    office: Office, town: Institution, ticket: Ticket, group: Room
) -> None:
    group.is_forum = True
    group.says("/ayuda", by=TOMAS)
    with office.database.writing() as session:
        session.get_one(Case, ticket.id).subject = "Impresora 🖨" * 20
    give_to_dependencia(office, town, ticket)
    told = notice(group)
    name = str(told.options["new_topic"])
    assert name.startswith(f"{ticket.folio} · Impresora") and 100 < len(name.encode("utf-16-le")) // 2 <= 128
    topic = told.options["topic"]
    # What people write in a topic "answers" the message that opened it.
    opening = {"message_id": topic, "from": {"id": BOT.id}, "forum_topic_created": {"name": name}}
    assert not group.says("¿Quién va?", by=JAIME, topic=topic, reply_to_message=opening)
    (question,) = group.says("Voy yo.", by=TOMAS, to=told)
    assert question.options["topic"] == topic
    (done,) = group.taps(SEND, by=TOMAS)
    assert done.options["topic"] == topic
    with office.database.writing() as session:
        case = session.get_one(Case, ticket.id)
        incoming = _mail("¿A qué hora?")
        cases.follow_up(session, office, case, incoming, reason="")
    again = notice(group)
    assert again.kind == "follow_up" and again.options["topic"] == topic
    (noted,) = group.says("/nota A las diez.", by=TOMAS, topic=topic)
    assert noted.options["topic"] == topic
    assert [note.text for note in written(office, ticket, Direction.NOTE)] == ["A las diez."]


def _mail(text: str) -> IncomingMessage:
    return IncomingMessage(channel=Channel.EMAIL, subject="Re", from_addr="lucia@example.com",
                           from_name="Lucía Gómez", text=text, reply_text=text)  # fmt: skip


def test_in_a_topic_a_reply_to_any_message_of_the_bot_belongs_to_its_case(
    office: Office, town: Institution, ticket: Ticket, group: Room
) -> None:
    with office.database.writing() as session:
        session.get_one(Chat, GROUP).is_forum = True
        session.add(ChatTopic(chat_id=GROUP, case_id=ticket.id, topic_id=77))
    group.is_forum = True
    (question,) = group.says("Esto.", by=TOMAS, to=4_321, topic=77)
    assert ticket.folio in question.text


def test_without_topics_what_follows_hangs_below_the_first_notice(
    office: Office, town: Institution, ticket: Ticket, group: Room
) -> None:
    give_to_dependencia(office, town, ticket)
    told = notice(group)
    with office.database.writing() as session:
        cases.take(session, office, session.get_one(Case, ticket.id),
                   session.get_one(Account, town.accounts["worker"].id))  # fmt: skip
    change = notice(group)
    assert change.kind == "staff_change" and "Tomás Ibarra lo tomó" in change.text
    assert "En atención" in change.text or "progreso" in change.text.lower()
    assert change.options["reply_to"] == told.remote_id
    (question,) = group.says("Sobre eso.", by=TOMAS, to=change)
    assert ticket.folio in question.text


def test_state_changes_are_told_shortly_but_not_twice(
    office: Office, town: Institution, ticket: Ticket, group: Room
) -> None:
    give_to_dependencia(office, town, ticket)
    notice(group)
    (taken,) = group.taps(TAKE, by=TOMAS)
    assert taken.kind == "staff_reply"
    hand_to(office, town, ticket, "head", by="oficialia")
    (change,) = group.listens()
    assert "Ofelia Partida lo turnó a Jaime Torres" in change.text
    with office.database.writing() as session:
        head = session.get_one(Account, town.accounts["head"].id)
        cases.answer(session, office, session.get_one(Case, ticket.id), head, text="Listo.",
                     to=["lucia@example.com"], then="answer_and_resolve")  # fmt: skip
    (change,) = group.listens()
    assert "Jaime Torres contestó" in change.text and "Resuelt" in change.text


def test_handing_on_in_the_group_tells_both_groups(
    office: Office, town: Institution, ticket: Ticket, group: Room
) -> None:
    other = Room(office, GROUP - 1, "Obras")
    bind_group(office, town.works, town.accounts["other"], other)
    give_to_dependencia(office, town, ticket)
    notice(group)
    other.listens()
    (choice,) = group.taps(TURN, by=JAIME)
    (done,) = group.taps("🏛 Dirección de Obras Públicas", by=JAIME, on=choice)
    assert "Jaime Torres turnó" in done.text
    (new,) = other.listens()
    assert new.kind == "new_case" and ticket.folio in new.text


def test_pending_in_a_group_shows_nothing_of_other_dependencias(
    office: Office, town: Institution, ticket: Ticket, group: Room
) -> None:
    with office.database.writing() as session:
        worker = session.get_one(Account, town.accounts["worker"].id)
        boss = Account(person_id=worker.person_id, dependencia_id=town.works.id, role=Role.HEAD)
        session.add(boss)
        other = open_case(session, town, address="otra@example.com", subject="Secreto de Obras")
        for access in session.scalars(select(CaseAccess).where(CaseAccess.case_id == other.id)):
            access.dependencia_id = town.works.id
        other.dependencia_id = town.works.id
    (private,) = Room(office, TOMAS).says("/pendientes")
    assert "Secreto de Obras" in private.text
    (listed,) = group.says("/pendientes", by=TOMAS)
    assert ticket.folio in listed.text and "Secreto" not in listed.text
    (no,) = group.presses(f"st:see:{other.id}", Said("", {}, 1, "", {}), by=TOMAS)
    assert "No encuentro" in no.text


def test_the_heads_are_told_when_the_group_throws_the_bot_out(
    office: Office, town: Institution, ticket: Ticket, group: Room
) -> None:
    jaime = Room(office, JAIME, "Jaime")
    group.loses_bot()
    assert chat_of(office, GROUP).dependencia_id is None
    assert "quedó desvinculado" in jaime.listens()[-1].text
    with office.database.reading() as session:
        mail = session.scalars(
            select(OutboxMessage).where(OutboxMessage.kind == "group_lost", OutboxMessage.channel == "email")
        ).one()
        assert mail.to == ["jaime@example.gob.mx"] and "Sistemas" in words_of(mail)[0]
        assert session.scalar(select(Event.action).where(Event.action == "group_lost"))
    give_to_dependencia(office, town, ticket)
    assert not group.listens()


def test_a_personal_link_shown_in_a_group_is_made_void(
    office: Office, town: Institution, group: Room
) -> None:
    with office.database.writing() as session:
        token = chat_links.person_token(session, session.get_one(Person, town.accounts["other"].person_id))
    (said,) = group.says(f"/start@{BOT.username} {token}", by=OLGA)
    assert "anulé" in said.text
    with office.database.reading() as session:
        assert chat_links.peek(session, token, LinkPurpose.PERSON) is None


def test_the_bot_never_shows_a_token_in_a_group(
    office: Office, town: Institution, ticket: Ticket, group: Room
) -> None:
    give_to_dependencia(office, town, ticket)
    told = notice(group)
    group.sends_large("plano.pdf", by=TOMAS, to=told)
    group.says("Yo.", by=STRANGER, to=told)
    group.says("/start", by=STRANGER)
    for said in group.heard:
        assert "/subir/" not in said.text and "start=" not in said.text and "clave=" not in said.text
    with office.database.reading() as session:
        for html in session.scalars(select(OutboxMessage.html).where(OutboxMessage.to == [str(GROUP)])):
            assert "/subir/" not in html and "start=" not in html and "clave=" not in html
