"""What people do in Telegram: write, send files, tap, block; each act becomes an Update for the bot.

An act that a Telegram client does not offer (a button that is not there, writing to a blocked bot) fails
the test with `Impossible`.
"""

import itertools
import secrets
import time
from typing import TypedDict, Unpack

from tests.support.botapi import media
from tests.support.botapi.entities import found_entities, units
from tests.support.botapi.errors import Json
from tests.support.botapi.files import a_picture
from tests.support.botapi.world import ADMITTED, Chat, Tap, World

SUFFIXES = {"photo": ".jpg", "voice": ".oga", "video": ".mp4", "audio": ".mp3", "sticker": ".webp"}


class Impossible(AssertionError):
    """No Telegram client would let a person do that."""


class Place(TypedDict, total=False):
    """Where a person acts: by default in the private chat, in no topic, replying to nothing."""

    chat: int | None
    thread: int | None
    reply_to: int | None


class FileOptions(Place, total=False):
    caption: str
    file_name: str
    mime_type: str
    declared_size: int


class People:
    """Part of BotApi; `common` arguments: the private chat of the user unless *chat*, no topic, no reply."""

    world: World
    _pictures = itertools.count(1)

    def add_user(
        self,
        first_name: str = "Ana",
        *,
        last_name: str = "",
        username: str = "",
        language_code: str = "es",
    ) -> int:
        """Somebody who has not opened the bot yet; returns the id of user and private chat."""
        facts = {"first_name": first_name, "last_name": last_name, "username": username}
        with self.world.bell.lock:
            return int(self.world.add_person(facts | {"language_code": language_code})["id"])

    def open_link(self, user: int, payload: str = "") -> Json:
        """Tap *Start* in the chat opened by t.me/bot?start=payload (1-64 characters A-Z a-z 0-9 _ -)."""
        return self.send_text(user, f"/start {checked_payload(payload)}".strip())

    def send_text(
        self,
        user: int,
        text: str,
        *,
        chat: int | None = None,
        thread: int | None = None,
        reply_to: int | None = None,
    ) -> Json:
        if not text.strip() or units(text) > 4096:
            raise Impossible("A client sends 1-4096 characters; it splits what is longer.")
        entities = found_entities(text.strip())
        content: Json = {"text": text.strip()} | ({"entities": entities} if entities else {})
        return self._say(user, content, chat, thread, reply_to)

    def send_command(self, user: int, command: str, arguments: str = "", **common: Unpack[Place]) -> Json:
        return self.send_text(user, f"/{command.removeprefix('/')} {arguments}".strip(), **common)

    def send_photo(
        self, user: int, content: bytes | None = None, *, caption: str = "", **common: Unpack[Place]
    ) -> Json:
        return self.send_file(user, "photo", content, caption=caption, **common)

    def send_document(
        self,
        user: int,
        content: bytes = b"%PDF-1.4\n%%EOF\n",
        *,
        file_name: str = "documento.pdf",
        mime_type: str = "application/pdf",
        caption: str = "",
        declared_size: int = 0,
        **common: Unpack[Place],
    ) -> Json:
        """*declared_size*: say that the file is larger than it is, for what is over 20 MB."""
        return self.send_file(
            user, "document", content, caption=caption, file_name=file_name, mime_type=mime_type,
            declared_size=declared_size, **common,
        )  # fmt: skip

    def send_voice(self, user: int, content: bytes = b"OggS voz", **options: Unpack[FileOptions]) -> Json:
        return self.send_file(user, "voice", content, **options)

    def send_video(
        self, user: int, content: bytes = b"\0\0\0\x18ftypmp42", **options: Unpack[FileOptions]
    ) -> Json:
        return self.send_file(user, "video", content, **options)

    def send_audio(
        self, user: int, content: bytes = b"ID3\x04 audio", **options: Unpack[FileOptions]
    ) -> Json:
        return self.send_file(user, "audio", content, **options)

    def send_sticker(self, user: int, **common: Unpack[Place]) -> Json:
        return self.send_file(user, "sticker", b"RIFF\x08\0\0\0WEBP", **common)

    def send_file(
        self,
        user: int,
        kind: str,
        content: bytes | None = None,
        *,
        caption: str = "",
        file_name: str = "",
        mime_type: str = "",
        declared_size: int = 0,
        media_group_id: str = "",
        **common: Unpack[Place],
    ) -> Json:
        """Of kind photo, document, voice, video, audio, animation or sticker."""
        if content is None:
            content = a_picture(next(self._pictures))
        mime_type = mime_type or media.DEFAULT_TYPES.get(kind, "")
        name = file_name or ("" if kind in ("photo", "voice") else kind + SUFFIXES.get(kind, ""))
        with self.world.bell.lock:
            file = self.world.files.keep(kind, content, name, mime_type, declared_size)
            said = media.content_of(self.world.files, kind, file, {}, strict=False)
            if caption:
                entities = found_entities(caption)
                said |= {"caption": caption} | ({"caption_entities": entities} if entities else {})
            if media_group_id:
                said["media_group_id"] = media_group_id
            return self._say(user, said, **common)

    def send_album(
        self, user: int, files: list[bytes] | None = None, *, caption: str = "", kind: str = "photo",
        **common: Unpack[Place],
    ) -> list[Json]:  # fmt: skip
        """Several files as one: messages that share media_group_id, the caption on the first."""
        contents = files or [a_picture(next(self._pictures)) for _ in range(3)]
        group = str(time.time_ns())
        with self.world.bell.lock:
            return [
                self.send_file(
                    user, kind, content, caption="" if number else caption, media_group_id=group, **common
                )
                for number, content in enumerate(contents)
            ]

    def send_location(self, user: int, latitude: float, longitude: float, **common: Unpack[Place]) -> Json:
        return self._say(user, {"location": {"latitude": latitude, "longitude": longitude}}, **common)

    def send_contact(
        self, user: int, phone_number: str, first_name: str, *, own: bool = True, **common: Unpack[Place]
    ) -> Json:
        """*own*: the contact is the sender, as after a button with request_contact."""
        contact: Json = {"phone_number": phone_number, "first_name": first_name}
        return self._say(user, {"contact": contact | ({"user_id": user} if own else {})}, **common)

    def edit_text(self, user: int, message_id: int, text: str, *, chat: int | None = None) -> Json:
        """Edit an own message, or its caption; the bot gets edited_message."""
        with self.world.bell.lock:
            where = self._chat(chat or user)
            message = where.messages.get(message_id)
            if message is None or message["from"]["id"] != user:
                raise Impossible(f"{user} has no message {message_id} to edit.")
            field = "text" if "text" in message else "caption"
            entities = "entities" if field == "text" else "caption_entities"
            changes = {field: text, entities: found_entities(text) or None}
            return self.world.tell("edited_message", self.world.edit(where, message_id, changes), where)

    def tap(self, user: int, button: str, *, message_id: int | None = None, chat: int | None = None) -> Json:
        """Tap a button, found by its text or callback_data on the newest message that has it.

        A button of the reply keyboard sends its text.
        """
        with self.world.bell.lock:
            where = self._chat(chat or user)
            self._may_act(user, where)
            for message in reversed(list(where.messages.values())):
                if message_id in (None, message["message_id"]):
                    pressed = _button(message, button)
                    if pressed:
                        return self._pressed(user, where, message, pressed)
            rows = where.keyboard["keyboard"] if where.keyboard and message_id is None else []
            if any(key["text"] == button for row in rows for key in row):
                return self.send_text(user, button, chat=chat)
            raise Impossible(f"No button «{button}» in chat {where.id}.")

    def _pressed(self, user: int, chat: Chat, message: Json, button: Json) -> Json:
        if "callback_data" not in button:
            raise Impossible(f"The button «{button['text']}» opens {button.get('url', 'something')}.")
        query_id = str(secrets.randbits(62))
        self.world.taps[query_id] = Tap(chat.id, time.time())
        query: Json = {
            "id": query_id,
            "from": self.world.people[user],
            "message": message,
            "chat_instance": self.world.instance,
            "data": button["callback_data"],
        }
        return self.world.tell("callback_query", query, chat)

    def block_bot(self, user: int) -> Json:
        """The bot gets my_chat_member with the status kicked, and 403 for whatever it sends."""
        return self._blocked(user, "kicked")

    def unblock_bot(self, user: int) -> Json:
        return self._blocked(user, "member")

    def _blocked(self, user: int, status: str) -> Json:
        with self.world.bell.lock:
            return self.world.bot_status(self._chat(user), status, self.world.people[user])

    def replay(self, update_id: int | None = None) -> Json:
        """Hand an update, the newest by default, out once more, even if it was confirmed."""
        with self.world.bell.lock:
            return self.world.updates.replay(update_id)

    def _say(
        self,
        user: int,
        content: Json,
        chat: int | None = None,
        thread: int | None = None,
        reply_to: int | None = None,
    ) -> Json:
        with self.world.bell.lock:
            where = self._chat(chat or user)
            if where.is_private and where.bot_is == "never":
                where.bot_is = "member"
            self._may_act(user, where)
            replied = None
            if reply_to is not None:
                if reply_to not in where.messages:
                    raise Impossible(f"No message {reply_to} in chat {where.id} to reply to.")
                replied = where.messages[reply_to]
                thread = thread or replied.get("message_thread_id")
            if thread and thread not in where.topics:
                raise Impossible(f"No topic {thread} in chat {where.id}.")
            message = self.world.post(where, self.world.people[user], content, thread, replied)
            if where.bot_is in ADMITTED and self._bot_sees(where, message):
                return self.world.tell("message", message, where)
            return {"update_id": 0, "message": message}

    def _bot_sees(self, chat: Chat, message: Json) -> bool:
        """Privacy mode: in a group, a bot that is no administrator sees only what is meant for it."""
        if chat.is_private or chat.bot_is == "administrator" or self.world.bot["can_read_all_group_messages"]:
            return True
        own_name = f"@{self.world.bot['username']}"
        words = str(message.get("text", message.get("caption", ""))).split()
        addressed = any(word == own_name or (word[0] == "/" and word.endswith(own_name)) for word in words)
        command = bool(words) and words[0].startswith("/") and "@" not in words[0]
        return (
            addressed or command or message.get("reply_to_message", {}).get("from") == self.world.bot_as_user
        )

    def _chat(self, chat_id: int) -> Chat:
        if chat_id not in self.world.chats:
            raise Impossible(f"There is no chat {chat_id}.")
        return self.world.chats[chat_id]

    def _may_act(self, user: int, chat: Chat) -> None:
        if chat.migrated_to:
            raise Impossible(f"Chat {chat.id} is now {chat.migrated_to}.")
        if user not in chat.members:
            raise Impossible(f"{user} is no member of chat {chat.id}.")
        if chat.is_private and chat.bot_is == "kicked":
            raise Impossible(f"{user} has blocked the bot.")


def _button(message: Json, wanted: str) -> Json | None:
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return next(
        (key for row in rows for key in row if wanted in (key["text"], key.get("callback_data"))), None
    )


def checked_payload(payload: str) -> str:
    """Bot features, "Deep linking": up to 64 characters A-Z, a-z, 0-9, _ and -."""
    if len(payload) > 64 or not all(c.isascii() and (c.isalnum() or c in "_-") for c in payload):
        raise Impossible(f"«{payload}» can't be in a deep link.")
    return payload
