"""A person at the chat counter, without Telegram: updates in the Bot API's words, and what is said back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from sqlalchemy import select

from bots import counter
from bots.identity import BotIdentity
from intake.chat import chat_files, chat_spool
from intake.chat.chat_files import KeptFile
from intake.office import Office
from models.chat import Chat, ChatMessage
from models.outbox_message import OutboxMessage, OutboxStatus

BOT = BotIdentity(99, "oficialia_bot")
JPEG = b"\xff\xd8\xff\xe0" + bytes(2_000)
OGG = b"OggS" + bytes(2_000)
_updates = count(1)
_messages = count(100)
_files = count(1)

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Said:
    """One message of the bot."""

    text: str
    html: str
    buttons: Mapping[str, str]
    remote_id: int
    kind: str


class Citizen:
    """Ana, who writes to the bot in her private chat."""

    def __init__(self, office: Office, chat_id: int = 7001, name: str = "Ana", language: str = "es") -> None:
        self.office, self.chat_id = office, chat_id
        self._user = {"id": chat_id, "is_bot": False, "first_name": name, "language_code": language}
        self._chat = {"id": chat_id, "type": "private", "first_name": name}
        self.heard: list[Said] = []
        self.last_id = 0
        self.last_update: list[Json] = []
        self._kept: dict[str, KeptFile] = {}
        self._large: dict[str, str] = {}

    # What she does; each returns the newest message of the bot.

    def says(self, text: str, *, to: int = 0) -> Said:
        return self._send({"text": text}, to=to)

    def sends(self, *, to: int = 0, caption: str = "", **content: Any) -> Said:
        """`sends(location={…})`, or a kept file: `sends(photo=ana.file("foto.jpg"))`."""
        return self._send({**content, **({"caption": caption} if caption else {})}, to=to)

    def sends_album(self, names: list[str], caption: str = "") -> Said:
        updates = [
            self._update("message", {"photo": self.photo(name), "media_group_id": "1",
                                     **({"caption": caption} if number == 0 and caption else {})})
            for number, name in enumerate(names)
        ]  # fmt: skip
        return self._hand_in(updates)

    def edits(self, message_id: int, text: str) -> Said:
        return self.edits_to(message_id, text=text)

    def edits_to(self, message_id: int, **content: Any) -> Said:
        """The message is something else now: `edits_to(7, photo=ana.photo())`."""
        message = {"message_id": message_id, "chat": self._chat, "from": self._user, **content}
        return self._hand_in([{"update_id": next(_updates), "edited_message": message}])

    def taps(self, label: str) -> Said:
        """The newest button with these words."""
        for said in reversed(self.heard):
            if label in said.buttons:
                return self.presses(said.buttons[label], said.remote_id)
        raise AssertionError(f"No button {label!r}; the last are {self.heard[-1]}")

    def presses(self, data: str, message_id: int = 1) -> Said:
        message = {"message_id": message_id, "date": 0, "chat": self._chat}
        tap = {"id": "1", "from": self._user, "message": message, "data": data}
        return self._hand_in([{"update_id": next(_updates), "callback_query": tap}])

    # Files as the door hands them over.

    def photo(self, name: str = "foto.jpg") -> list[Json]:
        return [{"file_id": "its thumbnail", "width": 1, "height": 1}, self.file(name)]

    def file(self, name: str, content: bytes = JPEG, declared_type: str = "image/jpeg") -> Json:
        file_id = f"file-{next(_files)}"
        self._kept[file_id] = chat_files.keep(self.office, name, declared_type, content)
        return {"file_id": file_id, "width": 10, "height": 10, "file_size": len(content)}

    def large_file(self, name: str) -> Json:
        file_id = f"file-{next(_files)}"
        self._large[file_id] = name
        return {"file_id": file_id, "file_size": 50_000_000}

    # How it gets to the counter and back.

    def _send(self, content: Json, *, to: int = 0) -> Said:
        reply = {"reply_to_message": {"message_id": to, "chat": self._chat}} if to else {}
        return self._hand_in([self._update("message", {**content, **reply})])

    def _update(self, kind: str, content: Json) -> Json:
        self.last_id = next(_messages)
        message = {"message_id": self.last_id, "chat": self._chat, "from": self._user, **content}
        return {"update_id": next(_updates), kind: message}

    def _hand_in(self, updates: list[Json]) -> Said:
        self.last_update = updates
        before = len(self.heard)
        chat_spool.store(self.office, BOT.id, updates)
        counter.process(self.office, BOT, updates, self._kept, self._large, {})
        self.listens()
        assert len(self.heard) > before, "The bot says nothing."
        return self.heard[-1]

    def listens(self) -> None:
        """Telegram delivers what the bot has queued for her."""
        with self.office.database.writing() as session:
            waiting = select(OutboxMessage).where(
                OutboxMessage.channel == "telegram", OutboxMessage.status == OutboxStatus.QUEUED
            )
            for notice in session.scalars(waiting.order_by(OutboxMessage.id)):
                if notice.to != [str(self.chat_id)]:
                    continue
                notice.status, notice.remote_id = OutboxStatus.SENT, next(_messages)
                if notice.case_id is not None:
                    session.add(ChatMessage(chat_id=self.chat_id, remote_id=notice.remote_id,
                                            case_id=notice.case_id, outbox_id=notice.id))  # fmt: skip
                rows = notice.chat_options.get("buttons", [])
                buttons = {
                    button["text"]: button.get("data", button.get("url")) for row in rows for button in row
                }
                self.heard.append(Said(notice.text, notice.html, buttons, notice.remote_id, notice.kind))

    @property
    def state(self) -> str:
        with self.office.database.reading() as session:
            return session.get_one(Chat, self.chat_id).state
