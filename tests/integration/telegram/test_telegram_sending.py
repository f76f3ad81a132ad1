"""What the bot sends, over HTTP: long texts, files, edits, topics; no refusal of form loses the words."""

from __future__ import annotations

from hashlib import sha256

import pytest
from sqlalchemy import select

from intake.attachments import keep_files
from intake.incoming import IncomingFile
from intake.office import Office
from models.chat import Chat, ChatKind, ChatMessage, ChatTopic
from models.message import Direction, Message
from models.outbox_message import OutboxStatus
from models.ticket import Ticket
from tests.support.botapi import BotApi
from tests.support.desk import get_notice
from tests.support.institution import Institution, write_message
from tests.support.telegram_door import (
    PDF,
    png,
    queue_for_chat,
    telegram_door,
    texts,
    wait_for_status,
)

# How a text is cut is no question of the database.
pytestmark = pytest.mark.on_sqlite


def answer_with(office: Office, ticket: Ticket, *files: tuple[str, str, bytes]) -> Message:
    """A clerk's message with files."""
    with office.database.writing() as session:
        case = session.get_one(Ticket, ticket.id)
        message = write_message(session, case, text="Van los archivos.", direction=Direction.OUT)
        keep_files(session, office, message, [_file(*each) for each in files])
        return message


def _file(name: str, kind: str, content: bytes) -> IncomingFile:
    return IncomingFile(name, kind, content, sha256(content).hexdigest())


@pytest.mark.on_both
def test_what_was_sent_leads_to_its_case(
    office: Office, bot_api: BotApi, known_ana: int, ticket: Ticket
) -> None:
    with telegram_door(office):
        notice = queue_for_chat(office, known_ana, "b " * 3000, case=ticket)
        wait_for_status(office, notice, OutboxStatus.SENT)
    said = [each["message_id"] for each in bot_api.messages(known_ana) if each["from"]["is_bot"]][1:]
    with office.database.reading() as session:
        kept = session.scalars(select(ChatMessage.remote_id).where(ChatMessage.case_id == ticket.id)).all()
    assert len(said) == 2 and sorted(kept) == said
    assert get_notice(office, notice).remote_id == said[-1]


def test_a_long_text_goes_in_parts_with_the_buttons_under_the_last(
    office: Office, bot_api: BotApi, known_ana: int
) -> None:
    body = "\n\n".join(f"<b>Párrafo {number}</b> " + "palabra " * 60 for number in range(20))
    with telegram_door(office):
        notice = queue_for_chat(office, known_ana, body,
                                options={"buttons": [[{"text": "Bien", "data": "ok"}]]})  # fmt: skip
        wait_for_status(office, notice, OutboxStatus.SENT)
    parts = [each for each in bot_api.messages(known_ana) if each["from"]["is_bot"]][1:]
    assert len(parts) == 3
    assert [bot_api.buttons(part) for part in parts] == [[], [], ["Bien"]]
    assert (
        " ".join(part["text"] for part in parts).split()
        == body.replace("<b>", "").replace("</b>", "").split()
    )


def test_words_are_never_lost_to_bad_markup(office: Office, bot_api: BotApi, known_ana: int) -> None:
    with telegram_door(office):
        notice = queue_for_chat(office, known_ana, "Uno <b>dos</i> &amp; tres")
        wait_for_status(office, notice, OutboxStatus.SENT)
    assert texts(bot_api, known_ana) == ["Uno dos & tres"]


def test_a_button_that_telegram_refuses_becomes_a_line(
    office: Office, bot_api: BotApi, known_ana: int
) -> None:
    bot_api.fail_next(
        "sendMessage", 400, "Bad Request: inline keyboard button URL 'http://localhost' is invalid"
    )
    with telegram_door(office):
        notice = queue_for_chat(
            office, known_ana, "Su caso",
            options={"buttons": [[{"text": "Ver", "url": "https://example.org/c"},
                                  {"text": "Cerrar", "data": "x"}]]},
        )  # fmt: skip
        wait_for_status(office, notice, OutboxStatus.SENT)
    [said] = [each for each in bot_api.messages(known_ana) if each["from"]["is_bot"]][1:]
    assert "Ver: https://example.org/c" in said["text"] and bot_api.buttons(said) == ["Cerrar"]


def test_files_go_as_what_they_are(office: Office, bot_api: BotApi, known_ana: int, ticket: Ticket) -> None:
    message = answer_with(
        office, ticket, ("a.png", "image/png", png(1)), ("b.png", "image/png", png(2)),
        ("c.pdf", "application/pdf", PDF), ("nota.ogg", "audio/ogg", b"OggS" + b"0" * 40),
    )  # fmt: skip
    with telegram_door(office):
        notice = queue_for_chat(office, known_ana, "Van", case=ticket, message=message)
        wait_for_status(office, notice, OutboxStatus.SENT)
    said = [each for each in bot_api.messages(known_ana) if each["from"]["is_bot"]][1:]
    kinds = [next(kind for kind in ("text", "photo", "document", "voice") if kind in each) for each in said]
    assert kinds == ["text", "photo", "photo", "document", "voice"]
    assert said[1]["media_group_id"] == said[2]["media_group_id"]
    assert bot_api.file_bytes(said[3]["document"]["file_id"]) == PDF


def test_one_file_carries_the_text_as_its_caption_unless_it_is_too_long(
    office: Office, bot_api: BotApi, known_ana: int, ticket: Ticket
) -> None:
    message = answer_with(office, ticket, ("c.pdf", "application/pdf", PDF))
    with telegram_door(office):
        queue_for_chat(office, known_ana, "Breve", case=ticket, message=message)
        notice = queue_for_chat(office, known_ana, "d" * 1025, case=ticket, message=message)
        wait_for_status(office, notice, OutboxStatus.SENT)
    said = [each for each in bot_api.messages(known_ana) if each["from"]["is_bot"]][1:]
    assert [each.get("caption") for each in said] == ["Breve", None, None]
    assert "document" in said[2] and len(said[1]["text"]) == 1025


def test_an_edit_replaces_a_message_and_a_deleted_one_is_said_anew(
    office: Office, bot_api: BotApi, known_ana: int
) -> None:
    with telegram_door(office):
        first = queue_for_chat(office, known_ana, "Resumen")
        wait_for_status(office, first, OutboxStatus.SENT)
        number = get_notice(office, first).remote_id
        for text in ("Resumen nuevo", "Resumen nuevo"):
            notice = queue_for_chat(office, known_ana, text, options={"edits": number})
            wait_for_status(office, notice, OutboxStatus.SENT)
        assert texts(bot_api, known_ana) == ["Resumen nuevo"]
        notice = queue_for_chat(office, known_ana, "Otro", options={"edits": 4_000})
        wait_for_status(office, notice, OutboxStatus.SENT)
    assert texts(bot_api, known_ana) == ["Resumen nuevo", "Otro"]


# Groups.


@pytest.fixture
def forum(office: Office, bot_api: BotApi, town: Institution) -> int:
    """A group with topics, bound to Sistemas."""
    group = bot_api.add_group("Sistemas", [bot_api.add_user("Tomás")], is_forum=True)
    with office.database.writing() as session:
        session.add(Chat(id=group, kind=ChatKind.GROUP, dependencia_id=town.systems.id, is_forum=True))
    return group


@pytest.mark.on_both
def test_a_case_gets_one_topic_in_a_group_that_has_topics(
    office: Office, bot_api: BotApi, forum: int, ticket: Ticket
) -> None:
    with telegram_door(office):
        for text in ("Caso nuevo", "Seguimiento"):
            notice = queue_for_chat(office, forum, text, case=ticket, options={"new_topic": "T-1 Impresora"})
            wait_for_status(office, notice, OutboxStatus.SENT)
    with office.database.reading() as session:
        [topic] = session.scalars(select(ChatTopic.topic_id))
    assert len(bot_api.calls("createForumTopic")) == 1
    said = [each for each in bot_api.messages(forum) if each.get("text")]
    assert {each["message_thread_id"] for each in said} == {topic}


@pytest.mark.on_both
def test_a_group_that_becomes_a_supergroup_is_followed(
    office: Office, bot_api: BotApi, town: Institution, ticket: Ticket
) -> None:
    group = bot_api.add_group("Obras", [bot_api.add_user("Olga")], is_supergroup=False)
    with office.database.writing() as session:
        session.add(Chat(id=group, kind=ChatKind.GROUP, dependencia_id=town.works.id))
    moved = bot_api.migrate(group)
    with telegram_door(office):
        notice = queue_for_chat(office, group, "Caso nuevo", case=ticket)
        wait_for_status(office, notice, OutboxStatus.SENT)
        assert bot_api.wait_for(moved, "Caso nuevo")
    with office.database.reading() as session:
        assert session.get(Chat, group) is None
        assert session.get_one(Chat, moved).dependencia_id == town.works.id
