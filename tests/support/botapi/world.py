"""The Telegram of one bot: people, chats, their messages, and what the bot is told of them.

Messages are never changed in place: an edit puts a new object where the old one was, so whoever holds one
keeps what it was. Everything here expects the caller to hold `bell.lock`.
"""

import itertools
import secrets
import time
from collections import deque
from dataclasses import dataclass, field

from tests.support.botapi.bell import Bell
from tests.support.botapi.errors import Json, bad_request
from tests.support.botapi.faults import Faults
from tests.support.botapi.files import Files
from tests.support.botapi.limits import Flood, Limits
from tests.support.botapi.updates import Update, Updates

# How the bot stands in a chat where it may write.
ADMITTED = ("member", "administrator")


@dataclass
class Topic:
    thread: int
    name: str
    icon_color: int = 0x6FB9F0
    closed: bool = False


@dataclass
class Chat:
    """A chat, and how the bot stands in it: never, member, administrator, left or kicked.

    In a private chat *kicked* is what the user did who blocked the bot (ChatMemberUpdated).
    """

    id: int
    facts: Json
    bot_is: str
    bot_may_manage_topics: bool = False
    members: set[int] = field(default_factory=set)
    topics: dict[int, Topic] = field(default_factory=dict)
    messages: dict[int, Json] = field(default_factory=dict)
    first_versions: dict[int, Json] = field(default_factory=dict)
    deleted: dict[int, Json] = field(default_factory=dict)
    keyboard: Json | None = None
    news: deque[Json] = field(default_factory=deque)
    migrated_to: int = 0
    numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    @property
    def kind(self) -> str:
        return str(self.facts["type"])

    @property
    def is_private(self) -> bool:
        return self.kind == "private"

    @property
    def is_forum(self) -> bool:
        return bool(self.facts.get("is_forum"))


@dataclass
class Tap:
    """A callback query and what the bot answered to it."""

    chat: int
    at: float
    answer: Json | None = None


@dataclass
class Webhook:
    url: str = ""
    secret_token: str = ""
    max_connections: int = 40
    certificate: bytes = b""
    last_error_at: int = 0
    last_error: str = ""


@dataclass
class Profile:
    """What a bot says of itself: commands by (scope, language), descriptions by language."""

    commands: dict[tuple[str, str], list[Json]] = field(default_factory=dict)
    descriptions: dict[str, str] = field(default_factory=dict)
    short_descriptions: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)


class World:
    def __init__(
        self, token: str, limits: Limits | None, *, privacy: bool, allow_http_webhook: bool, name: str
    ) -> None:
        self.token = token
        self.bell = Bell()
        # getMe returns these fields beside those of any User.
        self.bot: Json = {
            "id": int(token.partition(":")[0]),
            "is_bot": True,
            "first_name": name,
            "username": "oficialia_test_bot",
            "can_join_groups": True,
            "can_read_all_group_messages": not privacy,
            "supports_inline_queries": False,
            "can_connect_to_business": False,
            "has_main_web_app": False,
        }
        self.allow_http_webhook = allow_http_webhook
        self.people: dict[int, Json] = {}
        self.chats: dict[int, Chat] = {}
        self.updates = Updates(self.bell)
        self.files = Files()
        self.flood = Flood(limits)
        self.faults = Faults()
        self.webhook = Webhook()
        self.profile = Profile()
        self.taps: dict[str, Tap] = {}
        self.calls: list[Json] = []
        self.warnings: list[str] = []
        self.poll = 0
        self.terminated: dict[int, str] = {}
        # Private chats and basic groups share one sequence of message_id; a supergroup has its own.
        self._numbers = itertools.count(1)
        self._ids = itertools.count(1)
        self.instance = str(secrets.randbits(62))

    @property
    def bot_as_user(self) -> Json:
        return {key: self.bot[key] for key in ("id", "is_bot", "first_name", "username")}

    def add_person(self, facts: Json) -> Json:
        user_id = 1_000_000 + next(self._ids)
        person = {"id": user_id, "is_bot": False} | {key: value for key, value in facts.items() if value}
        self.people[user_id] = person
        private = {"id": user_id, "type": "private"} | {
            key: person[key] for key in ("first_name", "last_name", "username") if key in person
        }
        self.chats[user_id] = Chat(user_id, private, "never", members={user_id}, numbers=self._numbers)
        return person

    def add_group(self, title: str, members: set[int], *, is_supergroup: bool, is_forum: bool) -> Chat:
        number = next(self._ids)
        facts: Json = {"id": -100_2000_000_000 - number if is_supergroup else -5_000_000 - number}
        facts |= {"type": "supergroup" if is_supergroup else "group", "title": title}
        if is_forum:
            facts["is_forum"] = True
        chat = Chat(facts["id"], facts, "left", members=set(members))
        if not is_supergroup:
            chat.numbers = self._numbers
        self.chats[chat.id] = chat
        return chat

    def chat(self, chat_id: int) -> Chat:
        if chat_id not in self.chats:
            raise bad_request("chat not found")
        return self.chats[chat_id]

    def post(
        self,
        chat: Chat,
        sender: Json,
        content: Json,
        thread: int | None = None,
        reply_to: Json | None = None,
    ) -> Json:
        """Put a message into *chat* and return it."""
        message: Json = {
            "message_id": next(chat.numbers),
            "from": sender,
            "chat": chat.facts,
            "date": int(time.time()),
        }
        if thread:
            message |= {"message_thread_id": thread, "is_topic_message": True}
        if reply_to:
            # Message.reply_to_message: "the Message object in this field will not contain further
            # reply_to_message fields even if it itself is a reply."
            message["reply_to_message"] = {k: v for k, v in reply_to.items() if k != "reply_to_message"}
        message |= content
        chat.messages[message["message_id"]] = message
        self._show(chat, message)
        return message

    def edit(self, chat: Chat, message_id: int, changes: Json, *, stamp: bool = True) -> Json:
        """Replace fields of a message; a value None takes the field away."""
        old = chat.messages[message_id]
        chat.first_versions.setdefault(message_id, old)
        stamped = old | changes | ({"edit_date": int(time.time())} if stamp else {})
        message = {key: value for key, value in stamped.items() if value is not None}
        chat.messages[message_id] = message
        self._show(chat, message)
        return message

    def delete(self, chat: Chat, message_id: int) -> None:
        chat.deleted[message_id] = chat.messages.pop(message_id)
        self.bell.ring(("chat", chat.id))

    def tell(self, kind: str, payload: Json, chat: Chat) -> Json:
        """Queue an update of something that happened in *chat*."""
        return self.updates.add(kind, payload, chat.id)

    def bot_acted(self, chat_id: int) -> None:
        """The bot has answered what it was given from this chat."""
        self.updates.answered(chat_id)

    def bot_status(self, chat: Chat, status: str, by: Json) -> Json:
        """Change how the bot stands in *chat* and return the my_chat_member update."""
        changed: Json = {
            "chat": chat.facts,
            "from": by,
            "date": int(time.time()),
            "old_chat_member": self.bot_member(chat),
        }
        chat.bot_is = status
        return self.tell("my_chat_member", changed | {"new_chat_member": self.bot_member(chat)}, chat)

    def bot_member(self, chat: Chat) -> Json:
        """ChatMember of the bot."""
        status = "left" if chat.bot_is == "never" else chat.bot_is
        member: Json = {"user": self.bot_as_user, "status": status}
        if status == "kicked":
            member["until_date"] = 0
        if status == "administrator":
            member |= administrator_rights(chat.bot_may_manage_topics)
        return member

    def update_times(self) -> list[Update]:
        return list(self.updates.all.values())

    def _show(self, chat: Chat, message: Json) -> None:
        if message["from"]["id"] == self.bot["id"]:
            chat.news.append(message)
        self.bell.ring(("chat", chat.id))


def administrator_rights(may_manage_topics: bool) -> Json:
    """ChatMemberAdministrator, with every field that is not optional."""
    refused = (
        "can_be_edited is_anonymous can_restrict_members can_promote_members can_change_info "
        "can_post_stories can_edit_stories can_delete_stories"
    )
    allowed = "can_manage_chat can_delete_messages can_manage_video_chats can_invite_users can_pin_messages"
    rights: Json = dict.fromkeys(refused.split(), False) | dict.fromkeys(allowed.split(), True)
    return rights | {"can_manage_topics": may_manage_topics}
