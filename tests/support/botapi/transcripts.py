"""A chat written down: entries for programs, plain text for people and READMEs."""

from datetime import UTC, datetime
from typing import Any

from tests.support.botapi.errors import Json
from tests.support.botapi.world import Chat, World

FILES = ("photo", "document", "voice", "video", "audio", "animation", "sticker")


def button_rows(message: Json) -> list[list[str]]:
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return [[button["text"] for button in row] for row in rows]


def entries(world: World, chat: Chat, thread: int | None = None) -> list[Json]:
    """One per message, in order, deleted ones too."""
    numbers = sorted(chat.messages.keys() | chat.deleted.keys())
    found = []
    for number in numbers:
        message = chat.messages.get(number) or chat.deleted[number]
        if thread is not None and message.get("message_thread_id") != thread:
            continue
        first = chat.first_versions.get(number, message)
        text = _text(message)
        found.append({
            "message_id": number,
            "who": _name(message["from"]),
            "is_bot": message["from"]["id"] == world.bot["id"],
            "at": datetime.fromtimestamp(message["date"], UTC).isoformat(),
            "text": text,
            "files": [_file(kind, message[kind]) for kind in _kinds(message)],
            "buttons": button_rows(message),
            "reply_to": message.get("reply_to_message", {}).get("message_id"),
            "thread": message.get("message_thread_id"),
            "edited": "edit_date" in message,
            "text_before": _text(first) if _text(first) != text else "",
            "deleted": number in chat.deleted,
            "other": {key: message[key] for key in OTHER if key in message},
        })  # fmt: skip
    return found


OTHER = (
    "location", "contact", "forum_topic_created", "forum_topic_edited", "forum_topic_closed",
    "forum_topic_reopened", "new_chat_members", "left_chat_member", "migrate_to_chat_id",
    "migrate_from_chat_id", "media_group_id", "forward_origin", "_reaction",
)  # fmt: skip


def rendered(world: World, chat: Chat, thread: int | None, words: dict[str, str]) -> str:
    """For example::

    Ana: /start
    Bot: Buenas tardes. ¿En qué le ayudamos?
         [Soporte técnico] [Otro]
    """
    lines: list[str] = []
    for entry in entries(world, chat, thread):
        who = entry["who"]
        indent = " " * (len(who) + 2)
        body = [line for line in entry["text"].splitlines() if line]
        shown = [(words.get(kind, kind), name) for kind, name in _shown(entry)]
        body += [f"<{kind}: {name}>" if name else f"<{kind}>" for kind, name in shown]
        marks = [words.get(mark, mark) for mark in ("edited", "deleted") if entry[mark]]
        if marks and body:
            body[-1] += f" ({', '.join(marks)})"
        body += [" ".join(f"[{text}]" for text in row) for row in entry["buttons"]]
        if entry["reply_to"] and entry["reply_to"] != entry["thread"]:
            body.insert(0, f"> {_quoted(chat, entry['reply_to'])}")
        lines += [f"{who}: {body[0]}" if body else f"{who}:"] + [indent + line for line in body[1:]]
    return "\n".join(lines) + "\n"


def _shown(entry: Json) -> list[tuple[str, str]]:
    shown = [(file["kind"], file["name"]) for file in entry["files"]]
    for kind, value in entry["other"].items():
        if kind == "location":
            shown.append((kind, f"{value['latitude']}, {value['longitude']}"))
        elif kind == "contact":
            shown.append((kind, f"{value['first_name']}, {value['phone_number']}"))
        elif kind.startswith(("forum_topic", "new_chat", "left_chat", "migrate")):
            name = value.get("name", "") if isinstance(value, dict) else str(value)
            shown.append((kind.replace("_", " "), name if kind.startswith(("forum", "migrate")) else ""))
    return shown


def _quoted(chat: Chat, number: int) -> str:
    message = chat.messages.get(number) or chat.deleted.get(number) or {}
    first = (_text(message).splitlines() or [""])[0]
    return first if len(first) <= 60 else first[:59] + "…"


def _kinds(message: Json) -> list[str]:
    # An animation carries a document of the same file.
    hidden = {"document"} if "animation" in message else set()
    return [kind for kind in FILES if kind in message and kind not in hidden]


def _file(kind: str, value: Any) -> Json:
    one: Json = value[-1] if isinstance(value, list) else value
    return {
        "kind": kind,
        "file_id": one["file_id"],
        "name": one.get("file_name", ""),
        "size": one.get("file_size", 0),
        "mime_type": one.get("mime_type", ""),
    }


def _text(message: Json) -> str:
    return str(message.get("text", message.get("caption", "")))


def _name(user: Json) -> str:
    return " ".join(filter(None, (user["first_name"], user.get("last_name"))))
