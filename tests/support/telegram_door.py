"""The Telegram door in a thread of the test process, and notices for it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from pydantic import SecretStr

from bots.telegram import TelegramDoor
from intake import outbox
from intake.config import Settings
from intake.office import Office
from models.case import Case
from models.chat import Chat
from models.message import Message
from tests.support.botapi import BotApi


def with_bot(settings: Settings, server: BotApi) -> Settings:
    """The settings of an office whose bot talks to *server*."""
    return settings.model_copy(
        update={
            "telegram_token": SecretStr(server.token),
            "telegram_base_url": server.base_url,
            "telegram_file_url": server.file_url,
        }
    )


@contextmanager
def telegram_door(office: Office) -> Iterator[None]:
    """The door, open until the block ends."""
    opened: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def run() -> None:
        stop = asyncio.Event()
        opened.set_result((asyncio.get_running_loop(), stop))
        await TelegramDoor(office).run(stop)

    thread = threading.Thread(target=lambda: asyncio.run(run()), name="telegram-door")
    thread.start()
    loop, stop = opened.result()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(15)
        assert not thread.is_alive(), "The door did not close."


def queue_for_chat(office: Office, chat_id: int, text: str, *, case: Case | None = None,
                   message: Message | None = None, kind: str = "answer",
                   options: Mapping[str, Any] | None = None) -> int:  # fmt: skip
    """Leave a notice for a chat in the outbox (*text* in Telegram's HTML), and return its id."""
    with office.database.writing() as session:
        if session.get(Chat, chat_id) is None:
            session.add(Chat(id=chat_id))
            session.flush()
        notice = outbox.queue(
            session, office, kind=kind, channel="telegram", to=[str(chat_id)], subject="",
            text=text, html=text, case=case, message=message, chat_options=options or {},
        )  # fmt: skip
        return notice.id
