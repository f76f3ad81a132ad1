"""`kill -9` of the bot in the middle of conversations: nothing lost, nothing asked twice, no double case."""

from __future__ import annotations

import random
import re
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from models import migrations
from models.case import Case
from models.chat import ChatUpdate, UpdateStatus
from models.message import Message
from models.outbox_message import OutboxMessage, OutboxStatus
from models.session import Database, open_database
from tests.support.botapi import BotApi
from tests.support.command import Place
from tests.support.institution import found_institution
from tests.support.waiting import wait_until

PEOPLE, KILLS = 6, 8
PATIENCE = 60
_FOLIO = re.compile(r"T-\d{4}-\d{6}")


class Person(threading.Thread):
    """Somebody who opens a request and adds to it, and does the next thing when the bot has answered."""

    def __init__(self, server: BotApi, number: int, over: threading.Event) -> None:
        super().__init__()
        self.server, self.over = server, over
        self.place = f"manzana {number}"
        self.chat = server.add_user(f"Persona {number}")
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.server.open_link(self.chat)
            self.answer()
            self.server.send_text(self.chat, f"No hay agua en la {self.place} desde el lunes")
            for verb in ("srv:", "done:", "send:"):
                self.tap(verb)
            assert _FOLIO.search(self.answer()["text"])
            self.server.send_document(
                self.chat, b"%PDF-1.4 " + self.place.encode(), caption=f"Foto de la {self.place}"
            )
            self.answer()
        except BaseException as error:
            self.error = error

    def tap(self, verb: str) -> None:
        rows = self.answer()["reply_markup"]["inline_keyboard"]
        data = next(
            each["callback_data"] for row in rows for each in row if each["callback_data"].startswith(verb)
        )
        # People read before they tap, and so the bot dies at other moments of the story.
        self.over.wait(random.uniform(0, 0.8))
        self.server.tap(self.chat, data)

    def answer(self) -> dict[str, Any]:
        return self.server.next_message(self.chat, PATIENCE)


@pytest.fixture
def place(tmp_path: Path, bot_api: BotApi) -> Place:
    made = Place(
        tmp_path / "office",
        {
            "OFICIALIA_TELEGRAM_TOKEN": bot_api.token,
            "OFICIALIA_TELEGRAM_BASE_URL": bot_api.base_url,
            "OFICIALIA_TELEGRAM_FILE_URL": bot_api.file_url,
            "OFICIALIA_DATABASE_URL": f"sqlite:///{tmp_path / 'register.db'}",
        },
    )
    database = open_database(made.settings["OFICIALIA_DATABASE_URL"])
    migrations.upgrade(database)
    with database.writing() as session:
        found_institution(session)
    database.close()
    return made


def all_settled(database: Database) -> bool:
    """Whether nothing waits: no update, no notice."""
    open_notices = (OutboxStatus.QUEUED, OutboxStatus.SENDING, OutboxStatus.RETRYING)
    with database.reading() as session:
        waiting = session.scalar(
            select(ChatUpdate).where(ChatUpdate.status == UpdateStatus.RECEIVED).limit(1)
        )
        unsent = session.scalar(
            select(OutboxMessage)
            .where(OutboxMessage.channel == "telegram", OutboxMessage.status.in_(open_notices))
            .limit(1)
        )
        return waiting is None and unsent is None


def test_kill_minus_9_in_the_middle_of_every_story(place: Place, bot_api: BotApi) -> None:
    bot, over = place.program("bot"), threading.Event()
    people = [Person(bot_api, number, over) for number in range(1, PEOPLE + 1)]
    starts = 0

    def start() -> None:
        nonlocal starts
        starts += 1
        bot.start(lambda: bot.output.count("bot started") >= starts, 60)

    start()
    for person in people:
        person.start()
    for _ in range(KILLS):
        over.wait(random.uniform(0.05, 1.2))
        bot.kill()
        start()
    for person in people:
        person.join(PATIENCE)
    over.set()
    assert [person.error for person in people if person.error] == [], bot.output[-3000:]
    database = open_database(place.settings["OFICIALIA_DATABASE_URL"])
    wait_until(lambda: bot_api.pending() == 0 and all_settled(database), 30)
    assert bot.stop() == 0
    check(database, bot_api, people)
    database.close()


def check(database: Database, server: BotApi, people: list[Person]) -> None:
    with database.reading() as session:
        failed = select(ChatUpdate.error).where(ChatUpdate.status == UpdateStatus.FAILED)
        assert session.scalars(failed).all() == []
        cases = session.scalars(select(Case).order_by(Case.folio)).all()
        assert len(cases) == len(people)
        assert [int(case.folio[-6:]) for case in cases] == list(range(1, len(cases) + 1))
        for case in cases:
            messages = session.scalars(select(Message).where(Message.case_id == case.id)).all()
            assert len(messages) == 2, [message.text for message in messages]
            assert [len(message.attachments) for message in messages] == [0, 1]
    for person in people:
        said = [each for each in server.messages(person.chat) if each["from"]["is_bot"]]
        twice = [text for text, count in Counter(each["text"] for each in said).items() if count > 1]
        assert twice == [], server.transcript(person.chat)
