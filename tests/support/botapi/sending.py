"""sendMessage and its kin, forwardMessage, copyMessage (documentation: "Available methods")."""

import time
from collections.abc import Sequence
from typing import Any

from tests.support.botapi import media
from tests.support.botapi.calls import Call
from tests.support.botapi.entities import units
from tests.support.botapi.errors import Json, bad_request
from tests.support.botapi.formatting import parse
from tests.support.botapi.keyboards import checked_markup
from tests.support.botapi.methods import CAPTION, SENDING, chat_of, method
from tests.support.botapi.world import Chat, World

# "1-4096 characters after entities parsing"; of captions, "0-1024 characters after entities parsing".
MAX_TEXT = 4096
MAX_CAPTION = 1024
SINGLE_MEDIA = {
    "photo": f"{CAPTION} show_caption_above_media has_spoiler",
    "document": f"{CAPTION} thumbnail disable_content_type_detection",
    "voice": f"{CAPTION} duration",
    "video": f"{CAPTION} show_caption_above_media duration width height thumbnail cover start_timestamp "
    "has_spoiler supports_streaming",
    "audio": f"{CAPTION} duration performer title thumbnail",
    "animation": f"{CAPTION} duration width height thumbnail has_spoiler show_caption_above_media",
    "sticker": "emoji",
}
SERVICE = {"forum_topic_created", "forum_topic_closed", "forum_topic_reopened", "forum_topic_edited",
           "new_chat_members", "left_chat_member", "migrate_to_chat_id", "migrate_from_chat_id"}  # fmt: skip
ENVELOPE = {
    "message_id", "from", "chat", "date", "edit_date", "reply_to_message", "reply_markup",
    "message_thread_id",
    "is_topic_message", "media_group_id", "forward_origin",
}  # fmt: skip


def text_of(call: Call, source: str) -> Json:
    """The fields text and entities, checked."""
    text, entities = parse(source, call.string("parse_mode"), call.structure("entities", list))
    if not text:
        raise bad_request("message text is empty")
    if units(text) > MAX_TEXT:
        raise bad_request("message is too long")
    return {"text": text} | ({"entities": entities} if entities else {})


def caption_of(caption: str, parse_mode: str, given: list[Json] | None) -> Json:
    text, entities = parse(caption, parse_mode, given)
    if units(text) > MAX_CAPTION:
        raise bad_request("message caption is too long")
    if not text:
        return {}
    return {"caption": text} | ({"caption_entities": entities} if entities else {})


def _caption(call: Call) -> Json:
    return caption_of(
        call.string("caption"), call.string("parse_mode"), call.structure("caption_entities", list)
    )


def _details(call: Call) -> Json:
    """What the sender says of a file itself."""
    details: Json = {name: call.integer(name) for name in ("duration", "width", "height") if call.has(name)}
    return details | {name: call.string(name) for name in ("performer", "title") if call.has(name)}


class Destination:
    """Where a message goes: chat, topic, what it replies to and its keyboard, all checked before anything."""

    def __init__(self, world: World, call: Call) -> None:
        self.world = world
        self.chat = chat_of(world, call)
        self.markup = checked_markup(call.structure("reply_markup", dict), call.warn)
        self.reply_to = _replied(world, self.chat, call)
        self.thread = self._thread(call)
        for flag in ("disable_notification", "protect_content"):
            call.boolean(flag)

    def _thread(self, call: Call) -> int | None:
        if not call.has("message_thread_id"):
            # An answer goes where the question stands.
            return self.reply_to.get("message_thread_id") if self.reply_to else None
        thread = call.integer("message_thread_id")
        topic = self.chat.topics.get(thread)
        if not topic:
            raise bad_request("message thread not found")
        if topic.closed and not self.chat.bot_may_manage_topics:
            raise bad_request("TOPIC_CLOSED")
        return thread

    def post(self, contents: Sequence[Json]) -> list[Json]:
        self.world.flood.take(self.chat.id, len(contents))
        inline = self.markup if self.markup and "inline_keyboard" in self.markup else None
        if inline and inline["inline_keyboard"]:
            contents = [content | {"reply_markup": inline} for content in contents]
        elif self.markup and "keyboard" in self.markup:
            self.chat.keyboard = self.markup
        elif self.markup and self.markup.get("remove_keyboard"):
            self.chat.keyboard = None
        posted = [
            self.world.post(self.chat, self.world.bot_as_user, content, self.thread, self.reply_to)
            for content in contents
        ]
        self.world.bot_acted(self.chat.id)
        return posted


def _replied(world: World, chat: Chat, call: Call) -> Json | None:
    """ReplyParameters, or reply_to_message_id of old."""
    parameters = call.structure("reply_parameters", dict)
    if parameters is None and call.has("reply_to_message_id"):
        parameters = {
            "message_id": call.integer("reply_to_message_id"),
            "allow_sending_without_reply": call.boolean("allow_sending_without_reply"),
        }
    if parameters is None:
        return None
    number = parameters.get("message_id")
    if isinstance(number, bool) or not isinstance(number, int):
        raise bad_request('field "message_id" of reply_parameters must be of type Integer')
    where = world.chats.get(Call(call.method, parameters).chat() or chat.id, chat)
    if number not in where.messages:
        if parameters.get("allow_sending_without_reply"):
            return None
        raise bad_request("message to be replied not found")
    quote = parameters.get("quote")
    message = where.messages[number]
    if quote and str(quote) not in str(message.get("text", message.get("caption", ""))):
        raise bad_request("QUOTE_TEXT_INVALID")
    return message


@method("sendMessage", f"{SENDING} text parse_mode entities link_preview_options")
def send_message(world: World, call: Call) -> Json:
    where = Destination(world, call)
    call.structure("link_preview_options", dict)
    return where.post([text_of(call, call.string("text"))])[0]


def _send_single(kind: str) -> None:
    @method(f"send{kind.capitalize()}", f"{SENDING} {kind} {SINGLE_MEDIA[kind]}")
    def send(world: World, call: Call) -> Json:
        where = Destination(world, call)
        caption = _caption(call)
        file = media.of_parameter(world.files, call, kind, call.given.get(kind) or f"attach://{kind}")
        return where.post([media.content_of(world.files, kind, file, _details(call)) | caption])[0]


for _kind in SINGLE_MEDIA:
    _send_single(_kind)


@method(
    "sendLocation",
    f"{SENDING} latitude longitude horizontal_accuracy live_period heading proximity_alert_radius",
)
def send_location(world: World, call: Call) -> Json:
    where = Destination(world, call)
    latitude, longitude = call.number("latitude"), call.number("longitude")
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise bad_request("invalid location specified")
    return where.post([{"location": {"latitude": latitude, "longitude": longitude}}])[0]


@method("sendContact", f"{SENDING} phone_number first_name last_name vcard")
def send_contact(world: World, call: Call) -> Json:
    where = Destination(world, call)
    contact = {name: call.string(name) for name in ("phone_number", "first_name", "last_name", "vcard")}
    if not contact["phone_number"]:
        raise bad_request("phone number is empty")
    if not contact["first_name"]:
        raise bad_request("first name is empty")
    return where.post([{"contact": {key: value for key, value in contact.items() if value}}])[0]


@method(
    "sendMediaGroup",
    "business_connection_id chat_id message_thread_id direct_messages_topic_id disable_notification "
    "protect_content allow_paid_broadcast message_effect_id reply_parameters media",
)
def send_media_group(world: World, call: Call) -> list[Json]:
    where = Destination(world, call)
    items: list[Any] = call.structure("media", list) or []
    # sendMediaGroup: "A JSON-serialized array describing messages to be sent, must include 2-10 items".
    if not 2 <= len(items) <= 10:
        raise bad_request("group must include 2-10 items")
    if not all(isinstance(item, dict) for item in items):
        raise bad_request("can't parse media: expected an Object")
    kinds = {str(item.get("type")) for item in items}
    # "Documents and audio files can be only grouped in an album with messages of the same type."
    if not (kinds <= {"photo", "video"} or kinds == {"document"} or kinds == {"audio"}):
        raise bad_request("can't use the media of the specified type in the album")
    group = str(time.time_ns())
    contents = []
    for item in items:
        file = media.of_parameter(world.files, call, item["type"], item.get("media"))
        # InputMedia has the fields that a call of its own would have.
        part = Call(call.method, item)
        content = media.content_of(world.files, item["type"], file, _details(part)) | _caption(part)
        contents.append(content | {"media_group_id": group})
    return where.post(contents)


@method("sendChatAction", "business_connection_id chat_id message_thread_id action")
def send_chat_action(world: World, call: Call) -> bool:
    chat_of(world, call)
    if call.string("action") not in {
        "typing", "upload_photo", "record_video", "upload_video", "record_voice", "upload_voice",
        "upload_document", "choose_sticker", "find_location", "record_video_note", "upload_video_note",
    }:  # fmt: skip
        raise bad_request("wrong parameter action in request")
    return True


def _original(world: World, call: Call, verb: str) -> Json:
    source = chat_of(world, call, "from_chat_id")
    number = call.integer("message_id")
    if number not in source.messages:
        raise bad_request(f"message to {verb} not found")
    message = source.messages[number]
    if SERVICE & message.keys():
        raise bad_request(f"the message can't be {'forwarded' if verb == 'forward' else 'copied'}")
    return message


@method(
    "forwardMessage",
    "chat_id message_thread_id direct_messages_topic_id from_chat_id video_start_timestamp "
    "disable_notification protect_content message_effect_id suggested_post_parameters message_id",
)
def forward_message(world: World, call: Call) -> Json:
    where = Destination(world, call)
    message = _original(world, call, "forward")
    origin = {"type": "user", "date": message["date"], "sender_user": message["from"]}
    content = {key: value for key, value in message.items() if key not in ENVELOPE}
    return where.post([content | {"forward_origin": message.get("forward_origin", origin)}])[0]


@method(
    "copyMessage",
    f"{SENDING.removeprefix('business_connection_id ')} {CAPTION} show_caption_above_media from_chat_id "
    "message_id video_start_timestamp",
)
def copy_message(world: World, call: Call) -> Json:
    where = Destination(world, call)
    message = _original(world, call, "copy")
    content = {key: value for key, value in message.items() if key not in ENVELOPE}
    if "caption" in call.given and "text" not in content:
        content = {key: value for key, value in content.items() if not key.startswith("caption")}
        content |= _caption(call)
    return {"message_id": where.post([content])[0]["message_id"]}
