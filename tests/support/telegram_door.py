"""The Telegram door in a thread of the test process, and notices for it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from io import BytesIO
from typing import Any

from PIL import Image
from pydantic import SecretStr
from sqlalchemy import select

from bots.door import TelegramDoor
from intake import outbox
from intake.config import Settings
from intake.office import Office
from models.case import Case
from models.chat import Chat
from models.mailbox import Door
from models.message import Message
from models.outbox_message import OutboxStatus
from tests.support.botapi import BotApi
from tests.support.desk import get_notice
from tests.support.waiting import wait_until

PDF = b"%PDF-1.4\n" + b"0" * 50


def png(shade: int) -> bytes:
    """A small picture, different for each *shade*."""
    kept = BytesIO()
    Image.new("RGB", (40, 30), (shade, 0, 0)).save(kept, "PNG")
    return kept.getvalue()


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


def texts(server: BotApi, chat: int) -> list[str]:
    """What the bot has written in a chat, without the greeting."""
    said = [each for each in server.messages(chat) if each["from"]["is_bot"]]
    return [each.get("text") or each.get("caption") or "" for each in said][1:]


def status(office: Office, notice: int) -> OutboxStatus:
    return get_notice(office, notice).status


def wait_for_status(office: Office, notice: int, wanted: OutboxStatus, timeout: float = 10) -> None:
    wait_until(lambda: status(office, notice) == wanted, timeout, lambda: repr(get_notice(office, notice)))


def door_error(office: Office) -> str:
    with office.database.reading() as session:
        return session.scalar(select(Door.error).where(Door.name == "telegram")) or ""
