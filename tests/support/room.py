"""A chat with several people in it, without Telegram: what each writes and taps, and what the bot says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from sqlalchemy import select

from bots import counter
from bots.identity import BotIdentity
from intake.chat import chat_files, chat_links, chat_spool, chats
from intake.chat.chat_files import KeptFile
from intake.office import Office
from models.chat import Chat, ChatKind, ChatMessage, ChatTopic
from models.dependencia import Dependencia
from models.outbox_message import OutboxMessage, OutboxStatus
from models.person import Account, Person

BOT = BotIdentity(99, "oficialia_bot")
GROUP = -1001
JPEG = b"\xff\xd8\xff\xe0" + bytes(2_000)
_updates = count(100_001)
_messages = count(5_001)
_files = count(1)

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Said:
    """One message of the bot."""

    text: str
    buttons: Mapping[str, str]
    remote_id: int
    kind: str
    options: Mapping[str, Any]


@dataclass
class Room:
    """A private chat (its id is the person's) or a group."""

    office: Office
    id: int
    name: str = "Tomás"
    is_forum: bool = False
    heard: list[Said] = field(default_factory=list)
    last_id: int = 0
    kept: dict[str, KeptFile] = field(default_factory=dict)
    large: dict[str, str] = field(default_factory=dict)

    @property
    def _chat(self) -> Json:
        if self.id > 0:
            return {"id": self.id, "type": "private", "first_name": self.name}
        return {"id": self.id, "type": "supergroup", "title": self.name, "is_forum": self.is_forum}

    # What people do; each returns what the bot then says here.

    def says(self, text: str, *, by: int = 0, to: Said | int = 0, topic: int = 0, **more: Any) -> list[Said]:
        return self.hand_in([self.message({"text": text, **more}, by=by, to=to, topic=topic)])

    def sends(self, *names: str, by: int = 0, to: Said | int = 0, caption: str = "") -> list[Said]:
        """Photos, several as an album."""
        contents: list[Json] = [{"photo": [self._photo(name)]} for name in names]
        if len(names) > 1:
            contents = [{**each, "media_group_id": "1"} for each in contents]
        contents[0] |= {"caption": caption} if caption else {}
        return self.hand_in([self.message(each, by=by, to=to) for each in contents])

    def sends_large(self, name: str, *, by: int = 0, to: Said | int = 0) -> list[Said]:
        self.large["large"] = name
        return self.hand_in([self.message({"document": {"file_id": "large"}}, by=by, to=to)])

    def edits(self, message_id: int, text: str, *, by: int = 0) -> list[Said]:
        message = {"message_id": message_id, "chat": self._chat, "from": _user(by or self.id), "text": text}
        return self.hand_in([{"update_id": next(_updates), "edited_message": message}])

    def taps(self, label: str, *, by: int = 0, on: Said | None = None) -> list[Said]:
        """The newest button with these words, or that below *on*."""
        for said in reversed(self.heard):
            if label in said.buttons and on in (None, said):
                return self.presses(said.buttons[label], said, by=by)
        raise AssertionError(f"No button {label!r}: {self.heard[-2:]}")

    def presses(self, data: str, on: Said, *, by: int = 0) -> list[Said]:
        topic = on.options.get("topic")
        message = {"message_id": on.remote_id, "date": 0, "chat": self._chat, **_in_topic(topic)}
        tap = {"id": "1", "from": _user(by or self.id), "message": message, "data": data}
        return self.hand_in([{"update_id": next(_updates), "callback_query": tap}])

    def loses_bot(self) -> list[Said]:
        change = {"chat": self._chat, "from": _user(1), "new_chat_member": {"status": "kicked"}}
        return self.hand_in([{"update_id": next(_updates), "my_chat_member": change}])

    def message(self, content: Json, *, by: int, to: Said | int = 0, topic: int = 0) -> Json:
        self.last_id = next(_messages)
        number, where = (to.remote_id, to.options.get("topic")) if isinstance(to, Said) else (to, topic)
        answered = {"message_id": number, "chat": self._chat, "from": {"id": BOT.id, "is_bot": True}}
        message = {
            "message_id": self.last_id, "chat": self._chat, "from": _user(by or self.id), **content,
            **({"reply_to_message": answered} if number and "reply_to_message" not in content else {}),
            **_in_topic(where),
        }  # fmt: skip
        return {"update_id": next(_updates), "message": message}

    def hand_in(self, updates: list[Json]) -> list[Said]:
        before = len(self.heard)
        chat_spool.store(self.office, BOT.id, updates)
        counter.process(self.office, BOT, updates, self.kept, self.large, {})
        self.listens()
        return self.heard[before:]

    def _photo(self, name: str) -> Json:
        file_id = f"photo-{next(_files)}"
        self.kept[file_id] = chat_files.keep(self.office, name, "image/jpeg", JPEG)
        return {"file_id": file_id, "width": 10, "height": 10}

    def listens(self) -> list[Said]:
        """Telegram delivers here what the bot has queued; topics are opened as the door does."""
        before = len(self.heard)
        with self.office.database.writing() as session:
            waiting = select(OutboxMessage).where(
                OutboxMessage.channel == "telegram", OutboxMessage.status == OutboxStatus.QUEUED
            )
            for notice in session.scalars(waiting.order_by(OutboxMessage.id)):
                if notice.to != [str(self.id)]:
                    continue
                options = dict(notice.chat_options)
                if "new_topic" in options and notice.case_id is not None:
                    known = session.get(ChatTopic, (self.id, notice.case_id))
                    if known is None:
                        known = ChatTopic(chat_id=self.id, case_id=notice.case_id, topic_id=next(_messages))
                        session.add(known)
                        session.flush()
                    options["topic"] = known.topic_id
                notice.status, notice.remote_id = OutboxStatus.SENT, options.get("edits") or next(_messages)
                if notice.case_id is not None:
                    session.merge(ChatMessage(chat_id=self.id, remote_id=notice.remote_id,
                                              case_id=notice.case_id, outbox_id=notice.id))  # fmt: skip
                rows = options.get("buttons", [])
                buttons = {
                    button["text"]: button.get("data", button.get("url")) for row in rows for button in row
                }
                self.heard.append(Said(notice.text, buttons, notice.remote_id, notice.kind, options))
        return self.heard[before:]


def _user(number: int) -> Json:
    return {"id": number, "is_bot": False, "first_name": f"P{number}", "language_code": "es"}


def _in_topic(topic: int | None) -> Json:
    return {"message_thread_id": topic, "is_topic_message": True} if topic else {}


def link_clerk(office: Office, account: Account, user_id: int) -> None:
    """The person of *account* links a private chat, as from the panel."""
    with office.database.writing() as session:
        person = session.get_one(Person, account.person_id)
        chat = chats.chat_for(session, user_id, kind=ChatKind.PRIVATE, name=person.name, language="es")
        token = chat_links.person_token(session, person)
        link = chat_links.peek(session, token)
        assert link is not None
        chat_links.link_person(session, office, chat, link)


def bind_group(office: Office, dependencia: Dependencia, by: Account, room: Room) -> None:
    """A head binds *room*, as with the link of the panel."""
    with office.database.writing() as session:
        token = chat_links.group_token(
            session, session.get_one(Dependencia, dependencia.id), session.get_one(Account, by.id)
        )
    room.says(f"/start@{BOT.username} {token}", by=9_999)


def chat_of(office: Office, chat_id: int) -> Chat:
    with office.database.reading() as session:
        return session.get_one(Chat, chat_id)
