"""From an Update of the Bot API to the one plain `Input` of the dialog. Pure.

An album is one input. Locations, venues and contacts are written out in words; what
nobody wrote (a title changed, a message pinned, a live location that moves) is None.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from bots.dialog_terms import Input, Kind
from intake.chat.chat_files import KeptFile
from templates import say

Json = Mapping[str, Any]

_COMMAND = re.compile(r"/(\w{1,32})(?:@(\w+))?(?:\s+(.*))?", re.DOTALL)
_FILES = ("document", "video", "voice", "audio", "video_note", "animation")
_CONTENT = ("text", "photo", "location", "venue", "contact", *_FILES)
# Content that could not be filed; any other message without content is a service message.
_REFUSED = (
    "sticker", "poll", "dice", "game", "story", "checklist", "paid_media", "giveaway", "giveaway_winners",
    "invoice", "gift", "unique_gift",
)  # fmt: skip


def message_of(update: Json) -> Json:
    """The message of an Update, whether new, edited, or the one whose button was tapped; else empty."""
    tap = update.get("callback_query") or {}
    found = update.get("message") or update.get("edited_message") or tap.get("message") or {}
    return found if isinstance(found, Mapping) else {}


def sender_of(update: Json) -> Json:
    """The User who acts."""
    for part in ("message", "edited_message", "callback_query", "my_chat_member"):
        if part in update:
            found = update[part].get("from") or {}
            return found if isinstance(found, Mapping) else {}
    return {}


def read(
    updates: Sequence[Json],
    files: Mapping[str, KeptFile],
    too_large: Mapping[str, str],
    missing: Mapping[str, str],
    username: str,
) -> Input | None:
    """What *updates* (one, or those of an album) say; files by their file_id. None: nothing to answer."""
    first = updates[0]
    if "callback_query" in first:
        tap = first["callback_query"]
        ids = (int(message_of(first).get("message_id", 0)),)
        return Input(Kind.TAP, tap=str(tap.get("data", ""))[:64], remote_ids=ids)
    messages = [message_of(update) for update in updates]
    message = messages[0]
    if not any(name in message for name in _CONTENT):
        return Input(Kind.REFUSED) if any(name in message for name in _REFUSED) else None
    if "edited_message" in first and "location" in message:
        return None
    said = [_read_one(each, files, too_large, missing) for each in messages]
    answered = message.get("reply_to_message") or {}
    given = Input(
        Kind.EDIT if "edited_message" in first else Kind.CONTENT,
        text="\n\n".join(each.text for each in said if each.text),
        is_place="location" in message or "venue" in message,
        files=tuple(file for each in said for file in each.files),
        too_large=tuple(name for each in said for name in each.too_large),
        missing=tuple(name for each in said for name in each.missing),
        remote_ids=tuple(int(each["message_id"]) for each in messages),
        replied_to=int(answered.get("message_id", 0)),
        answered=_words(answered) if (answered.get("from") or {}).get("is_bot") else "",
        parts=tuple(said) if len(said) > 1 else (),
    )
    return given if given.kind == Kind.EDIT else _as_command(given, message, username)


def _read_one(
    message: Json, files: Mapping[str, KeptFile], too_large: Mapping[str, str], missing: Mapping[str, str]
) -> Input:
    """One message of perhaps several, with what it brought."""
    named = dict(_files_in(message))
    return Input(
        Kind.CONTENT,
        text=_words(message),
        files=tuple(_named(files[file_id], name) for file_id, name in named.items() if file_id in files),
        too_large=_names(list(named), too_large),
        missing=_names(list(named), missing),
        remote_ids=(int(message["message_id"]),),
    )


def _as_command(given: Input, message: Json, username: str) -> Input | None:
    match = _COMMAND.fullmatch(given.text.strip()) if "text" in message else None
    if match is None:
        return given
    if match[2] and match[2].lower() != username.lower():
        # For another bot of the group.
        return None
    return Input(
        Kind.COMMAND, command=match[1].lower(), argument=(match[3] or "").strip(),
        remote_ids=given.remote_ids, replied_to=given.replied_to,
    )  # fmt: skip


def _names(found: Sequence[str], names: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(one_line(names[each]) or say("chat.text.unnamed") for each in found if each in names)


def _files_in(message: Json) -> list[tuple[str, str]]:
    """Each file_id, and what to call the file when its sender gave it no name."""
    found = [(size["file_id"], "photo") for size in message.get("photo") or ()]
    found += [
        (message[kind]["file_id"], "" if message[kind].get("file_name") else kind)
        for kind in _FILES
        if kind in message
    ]
    number = message["message_id"]
    return [(file_id, say(f"chat.file.{kind}", number=number) if kind else "") for file_id, kind in found]


def _named(file: KeptFile, name: str) -> KeptFile:
    suffix = file.filename.rpartition(".")[2]
    return replace(file, filename=f"{name}.{suffix}") if name else file


def _words(message: Json) -> str:
    text = clean(str(message.get("text") or message.get("caption") or ""))
    if text:
        return text
    if venue := message.get("venue"):
        title, address = one_line(venue.get("title", "")), one_line(venue.get("address", ""))
        return say("chat.text.venue", title=title, address=address, point=_point(venue["location"]))
    if location := message.get("location"):
        return _point(location)
    if contact := message.get("contact"):
        name = one_line(f"{contact.get('first_name', '')} {contact.get('last_name', '')}")
        return say("chat.text.contact", name=name, phone=one_line(contact.get("phone_number", "")))
    return ""


def _point(location: Json) -> str:
    point = f"{float(location['latitude']):.6f},{float(location['longitude']):.6f}"
    return f"{point} https://www.openstreetmap.org/?mlat={point.replace(',', '&mlon=')}#map=18"


def clean(text: str) -> str:
    """*text* without what no database takes: NUL and halves of surrogate pairs."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "").strip()


def one_line(text: str) -> str:
    """A name in one line without control and invisible characters, which can turn the line around."""
    shown = (" " if unicodedata.category(c) == "Cc" else c for c in clean(str(text)))
    return " ".join("".join(c for c in shown if unicodedata.category(c) != "Cf").split())[:200]
