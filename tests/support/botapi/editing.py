"""Changing and removing messages, answering taps, reactions (documentation: "Updating messages")."""

import time

from tests.support.botapi.calls import Call
from tests.support.botapi.errors import Json, bad_request
from tests.support.botapi.keyboards import checked_markup
from tests.support.botapi.methods import chat_of, method
from tests.support.botapi.sending import SERVICE, caption_of, text_of
from tests.support.botapi.world import Chat, World

EDITING = "business_connection_id chat_id message_id inline_message_id reply_markup"
MEDIA = {"photo", "document", "voice", "video", "audio", "animation"}
# As deleteMessage says, "a message can only be deleted if it was sent less than 48 hours ago."
DELETABLE_SECONDS = 48 * 3600
# A client waits about this long for answerCallbackQuery; later answers are refused.
TAP_SECONDS = 15 * 60
# ReactionTypeEmoji, the beginning of its list; enough to tell a reaction from any other text.
REACTIONS = set(
    "👍👎❤🔥🥰👏😁🤔🤯😱🤬😢🎉🤩🤮💩🙏👌🕊🤡🥱🥴😍🐳🌚🌭💯🤣⚡🍌🏆💔🤨😐🍓🍾💋🖕😈😴😭🤓👻👀🎃🙈😇😨🤝✍🤗🫡🎅🎄☃💅🤪🗿🆒💘🙉🦄😘💊🙊😎👾😡"
)


def _message_to_edit(world: World, call: Call) -> tuple[Chat, Json]:
    if call.has("inline_message_id"):
        raise bad_request("MESSAGE_ID_INVALID")
    chat = chat_of(world, call)
    if not call.has("message_id"):
        raise bad_request("message identifier is not specified")
    number = call.integer("message_id")
    if number not in chat.messages:
        raise bad_request("message to edit not found")
    message = chat.messages[number]
    if message["from"]["id"] != world.bot["id"] or SERVICE & message.keys():
        raise bad_request("message can't be edited")
    return chat, message


def _edit(world: World, chat: Chat, message: Json, changes: Json) -> Json:
    if all(message.get(key) == value for key, value in changes.items()):
        raise bad_request(
            "message is not modified: specified new message content and reply markup are exactly the same as "
            "a current content and reply markup of the message"
        )
    only_markup = all(message.get(key) == value for key, value in changes.items() if key != "reply_markup")
    edited = world.edit(chat, message["message_id"], changes, stamp=not only_markup)
    world.bot_acted(chat.id)
    return edited


def _markup(call: Call) -> Json | None:
    """An edit without reply_markup takes the keyboard away, as one with an empty keyboard does."""
    markup = checked_markup(call.structure("reply_markup", dict), call.warn, inline_only=True)
    return markup if markup and markup["inline_keyboard"] else None


@method("editMessageText", f"{EDITING} text parse_mode entities link_preview_options")
def edit_message_text(world: World, call: Call) -> Json:
    chat, message = _message_to_edit(world, call)
    content = text_of(call, call.string("text"))
    if "text" not in message:
        raise bad_request("there is no text in the message to edit")
    return _edit(world, chat, message, {"entities": None} | content | {"reply_markup": _markup(call)})


@method(
    "editMessageCaption",
    f"{EDITING} caption parse_mode caption_entities show_caption_above_media",
)
def edit_message_caption(world: World, call: Call) -> Json:
    chat, message = _message_to_edit(world, call)
    content = caption_of(
        call.string("caption"), call.string("parse_mode"), call.structure("caption_entities", list)
    )
    if not MEDIA & message.keys():
        raise bad_request("there is no caption in the message to edit")
    empty: Json = {"caption": None, "caption_entities": None}
    return _edit(world, chat, message, empty | content | {"reply_markup": _markup(call)})


@method("editMessageReplyMarkup", EDITING)
def edit_message_reply_markup(world: World, call: Call) -> Json:
    chat, message = _message_to_edit(world, call)
    return _edit(world, chat, message, {"reply_markup": _markup(call)})


@method("deleteMessage", "chat_id message_id")
def delete_message(world: World, call: Call) -> bool:
    chat = chat_of(world, call)
    _delete(world, chat, call.integer("message_id"))
    return True


@method("deleteMessages", "chat_id message_ids")
def delete_messages(world: World, call: Call) -> bool:
    chat = chat_of(world, call)
    numbers = call.structure("message_ids", list) or []
    if not 1 <= len(numbers) <= 100:
        raise bad_request("too many message identifiers specified" if numbers else "message ids are empty")
    if not all(type(number) is int for number in numbers):
        raise bad_request("message identifier must be of type Integer")
    # "If some of the specified messages can't be found, they are skipped."
    for number in numbers:
        if number in chat.messages:
            _delete(world, chat, number)
    return True


def _delete(world: World, chat: Chat, number: int) -> None:
    if number not in chat.messages:
        raise bad_request("message to delete not found")
    message = chat.messages[number]
    foreign = message["from"]["id"] != world.bot["id"]
    may_delete_foreign = chat.is_private or chat.bot_is == "administrator"
    if message["date"] < time.time() - DELETABLE_SECONDS or (foreign and not may_delete_foreign):
        raise bad_request("message can't be deleted")
    world.delete(chat, number)


@method("answerCallbackQuery", "callback_query_id text show_alert url cache_time")
def answer_callback_query(world: World, call: Call) -> bool:
    tap = world.taps.get(call.string("callback_query_id"))
    # A second answer finds nobody waiting any more.
    if tap is None or tap.answer is not None or tap.at < time.time() - TAP_SECONDS:
        raise bad_request("query is too old and response timeout expired or query ID is invalid")
    text = call.string("text")
    # answerCallbackQuery: "Text of the notification. … 0-200 characters".
    if len(text) > 200:
        raise bad_request("MESSAGE_TOO_LONG")
    tap.answer = {"text": text, "show_alert": call.boolean("show_alert"), "url": call.string("url")}
    world.bot_acted(tap.chat)
    world.bell.ring(("tap", call.string("callback_query_id")))
    return True


@method("setMessageReaction", "chat_id message_id reaction is_big")
def set_message_reaction(world: World, call: Call) -> bool:
    chat = chat_of(world, call)
    number = call.integer("message_id")
    if number not in chat.messages:
        raise bad_request("message to react not found")
    reactions = call.structure("reaction", list) or []
    # "Currently, as non-premium users, bots can set up to one reaction per message."
    if len(reactions) > 1:
        raise bad_request("REACTIONS_TOO_MANY")
    for reaction in reactions:
        emoji = reaction.get("emoji", "") if isinstance(reaction, dict) else ""
        if not emoji or not set(emoji) - {"\ufe0f", "\u200d"} & REACTIONS:
            raise bad_request("REACTION_INVALID")
    # Kept beside the fields of a Message; a getter of reactions does not exist.
    chat.first_versions.setdefault(number, chat.messages[number])
    chat.messages[number] = chat.messages[number] | {"_reaction": [item["emoji"] for item in reactions]}
    world.bell.ring(("chat", chat.id))
    return True
