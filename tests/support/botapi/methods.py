"""The table of methods: name → the parameters the documentation gives it, and the function that does it.

Modules that define methods are imported at the end of `server.py`; `run` is what the HTTP door calls.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tests.support.botapi.calls import Call
from tests.support.botapi.errors import ApiError, bad_request, forbidden
from tests.support.botapi.world import ADMITTED, Chat, World

Result = object
Function = Callable[[World, Call], Result]

# Documented for every method that sends something.
SENDING = (
    "business_connection_id chat_id message_thread_id direct_messages_topic_id disable_notification "
    "protect_content allow_paid_broadcast message_effect_id suggested_post_parameters reply_parameters "
    "reply_markup"
)
CAPTION = "caption parse_mode caption_entities"
# Of before Bot API 7.0; the server still takes them.
OUTDATED = {"reply_to_message_id", "allow_sending_without_reply", "disable_web_page_preview"}


@dataclass(frozen=True)
class Method:
    name: str
    parameters: frozenset[str]
    run: Function


METHODS: dict[str, Method] = {}


def method(name: str, parameters: str = "") -> Callable[[Function], Function]:
    """Register a function as the method *name* with its documented *parameters*."""

    def register(function: Function) -> Function:
        # "All methods in the Bot API are case-insensitive."
        METHODS[name.lower()] = Method(name, frozenset(parameters.split()), function)
        return function

    return register


def find_method(name: str) -> Method:
    if name.lower() not in METHODS:
        raise ApiError(404, "Not Found")
    return METHODS[name.lower()]


def run(world: World, found: Method, call: Call) -> Result:
    for name in sorted((call.given.keys() | call.uploads.keys()) - found.parameters):
        if name in OUTDATED:
            call.warn(f"parameter {name} is outdated")
        elif name not in call.uploads:
            call.warn(f"unknown parameter {name}")
    return found.run(world, call)


def chat_of(world: World, call: Call, name: str = "chat_id") -> Chat:
    """The chat a call names, if the bot may act there; else the error that Telegram gives."""
    if not call.has(name):
        raise bad_request(f"{name} is empty")
    value = call.given[name]
    if isinstance(value, str) and value.startswith("@"):
        known = (chat for chat in world.chats.values() if chat.facts.get("username") == value[1:])
        chat = next((chat for chat in known if not chat.is_private), None)
        if chat is None:
            raise bad_request("chat not found")
    else:
        try:
            chat = world.chat(call.integer(name))
        except ApiError as error:
            raise bad_request("chat not found") from error
    if chat.migrated_to:
        raise ApiError(
            400,
            "Bad Request: group chat was upgraded to a supergroup chat",
            migrate_to_chat_id=chat.migrated_to,
        )
    _refuse_where_not_admitted(world, chat)
    return chat


def _refuse_where_not_admitted(world: World, chat: Chat) -> None:
    if chat.bot_is == "never":
        # A bot can't write first; whom it has met in a group it at least knows.
        groups = (group for group in world.chats.values() if not group.is_private)
        if any(chat.id in group.members and group.bot_is in ADMITTED for group in groups):
            raise forbidden("bot can't initiate conversation with a user")
        raise bad_request("chat not found")
    if chat.bot_is == "kicked":
        if chat.is_private:
            raise forbidden("bot was blocked by the user")
        raise forbidden(f"bot was kicked from the {chat.kind} chat")
    if chat.bot_is == "left":
        raise forbidden(f"bot is not a member of the {chat.kind} chat")
