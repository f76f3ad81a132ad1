"""From a notice to the calls of the Bot API that say it, and what to say instead when one is refused.

Pure. Long texts become several messages with the buttons under the last; files go as
photo, voice or document, several of them as albums. A refusal of form (bad markup, a
picture too wide, a deleted message) never loses the words: `instead` finds plainer ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bots.formatting import MESSAGE, caption, escape, length, plain, split_html
from templates import say

# Bytes that sendDocument and sendPhoto take.
MAX_FILE, MAX_PHOTO = 50_000_000, 10_000_000
_ALBUM = 10
_KINDS = {"image/jpeg": "photo", "image/png": "photo", "image/webp": "photo", "audio/ogg": "voice"}


@dataclass(frozen=True, slots=True)
class File:
    """A file to send; `kind` is the argument of the Bot API that holds it."""

    kind: str
    filename: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Call:
    """One request to the Bot API. With several files it is an album."""

    method: str
    arguments: Mapping[str, Any]
    files: tuple[File, ...] = ()

    @property
    def messages(self) -> int:
        """How many messages appear in the chat."""
        return max(1, len(self.files))

    @property
    def chat_id(self) -> int:
        return int(self.arguments["chat_id"])

    def to(self, chat_id: int) -> Call:
        return replace(self, arguments={**self.arguments, "chat_id": chat_id})

    def without(self, *names: str) -> Call:
        return replace(self, arguments={k: v for k, v in self.arguments.items() if k not in names})


def as_file(filename: str, content_type: str, content: bytes) -> File:
    """How a file of this type is shown in a chat."""
    kind = _KINDS.get(content_type, "document")
    if kind == "photo" and len(content) > MAX_PHOTO:
        kind = "document"
    return File(kind, filename, content)


def compose(chat_id: int, text: str, options: Mapping[str, Any], files: Sequence[File] = ()) -> list[Call]:
    """The calls that say *text* (Telegram's HTML) with *files*, in order; none when there is nothing.

    *options*: `OutboxMessage.chat_options`.
    """
    base: dict[str, Any] = {"chat_id": chat_id}
    if options.get("topic"):
        base["message_thread_id"] = options["topic"]
    markup = _markup(options)
    parts = split_html(text)
    if options.get("edits") and len(parts) == 1 and not files and "keyboard" not in (markup or {}):
        arguments = {"chat_id": chat_id, "message_id": options["edits"], **_said(parts[0])}
        # Without buttons those of before go away.
        return [Call("editMessageText", {**arguments, "reply_markup": markup or {"inline_keyboard": []}})]
    calls: list[Call] = []
    if len(files) == 1 and (not parts or caption(text) is not None):
        words = {"caption": parts[0], "parse_mode": "HTML"} if parts else {}
        calls = [_single(base, files[0], words)]
        parts = []
    calls = [Call("sendMessage", {**base, **_said(part)}) for part in parts] + calls
    if markup and calls:
        # An album cannot carry buttons, so they stand above the files.
        calls[-1] = replace(calls[-1], arguments={**calls[-1].arguments, "reply_markup": markup})
    if not calls or parts:
        calls += _with_files(base, files)
    if calls and options.get("reply_to"):
        reply = {"message_id": options["reply_to"], "allow_sending_without_reply": True}
        calls[0] = replace(calls[0], arguments={**calls[0].arguments, "reply_parameters": reply})
    return calls


def _said(part: str) -> dict[str, Any]:
    # Telegram opens the links of a text for its preview, which would use up those that work once.
    return {"text": part, "parse_mode": "HTML", "link_preview_options": {"is_disabled": True}}


def _single(base: Mapping[str, Any], file: File, words: Mapping[str, Any]) -> Call:
    return Call(f"send{file.kind.title()}", {**base, **words}, (file,))


def _with_files(base: Mapping[str, Any], files: Sequence[File]) -> Iterator[Call]:
    """Pictures together, documents together (sendMediaGroup does not mix them), voices one by one."""
    for kind in ("photo", "document"):
        alike = [file for file in files if file.kind == kind]
        for start in range(0, len(alike), _ALBUM):
            album = tuple(alike[start : start + _ALBUM])
            yield Call("sendMediaGroup", base, album) if len(album) > 1 else _single(base, album[0], {})
    for file in files:
        if file.kind == "voice":
            yield _single(base, file, {})


def _markup(options: Mapping[str, Any]) -> dict[str, Any] | None:
    if request := options.get("request"):
        button = {"text": say(f"bot.share.{request}"), f"request_{request}": True}
        return {"keyboard": [[button]], "resize_keyboard": True, "one_time_keyboard": True}
    if rows := options.get("buttons"):
        return {"inline_keyboard": [[_button(button) for button in row] for row in rows]}
    return None


def _button(button: Mapping[str, str]) -> dict[str, str]:
    if "url" in button:
        return {"text": button["text"], "url": button["url"]}
    return {"text": button["text"], "callback_data": button["data"]}


def instead(call: Call, words: str) -> list[Call]:
    """Calls that say the same in a plainer way, after *call* was refused with *words*; or none.

    Every answer is plainer than the question, so asking again and again ends.
    """
    words = words.lower()
    if "can't parse" in words and "parse_mode" in call.arguments:
        return [_in_plain_words(call)]
    if call.method == "editMessageText":
        # Deleted, too old, or a picture: said anew.
        return [replace(call.without("message_id"), method="sendMessage")]
    if "repl" in words and "reply_parameters" in call.arguments:
        return [call.without("reply_parameters")]
    if ("thread" in words or "topic" in words) and "message_thread_id" in call.arguments:
        return [call.without("message_thread_id")]
    if "too long" in words:
        return _shorter(call)
    if "button" in words and "reply_markup" in call.arguments:
        return [_links_in_words(call)]
    if len(call.files) > 1:
        base = call.arguments
        return [_single(base, replace(file, kind="document"), {}) for file in call.files]
    if call.files and call.files[0].kind != "document":
        document = replace(call.files[0], kind="document")
        return [replace(call, method="sendDocument", files=(document,))]
    return []


def _in_plain_words(call: Call) -> Call:
    name = "caption" if "caption" in call.arguments else "text"
    words = plain(call.arguments[name])
    return replace(
        call.without("parse_mode"), arguments={**call.without("parse_mode").arguments, name: words}
    )


def _shorter(call: Call) -> list[Call]:
    """The text in halves; a caption as a message of its own, before its file."""
    arguments = call.arguments
    if "caption" in arguments:
        text = {"text": arguments["caption"], "parse_mode": arguments.get("parse_mode")}
        spoken = {k: v for k, v in {**call.without("caption", "reply_markup").arguments, **text}.items() if v}
        return [Call("sendMessage", spoken), call.without("caption", "parse_mode", "reply_parameters")]
    text = arguments.get("text", "")
    half = min(length(plain(text)), MESSAGE) // 2
    if half < 100:
        return []
    parts = split_html(text if "parse_mode" in arguments else escape(text), half)
    calls = [call.without("reply_markup", "reply_parameters") for _ in parts]
    calls[0], calls[-1] = call.without("reply_markup"), call.without("reply_parameters")
    return [
        replace(each, arguments={**each.arguments, "text": part, "parse_mode": "HTML"})
        for each, part in zip(calls, parts, strict=True)
    ]


def _links_in_words(call: Call) -> Call:
    """Without the links among the buttons, which Telegram checks; they are written out below the text."""
    rows = call.arguments["reply_markup"].get("inline_keyboard", [])
    links = [button for row in rows for button in row if "url" in button]
    if not links:
        return call.without("reply_markup")
    kept = [row for each in rows if (row := [button for button in each if "url" not in button])]
    name = "caption" if "caption" in call.arguments else "text"
    lines = [f"{escape(link['text'])}: {escape(link['url'])}" for link in links]
    words = "\n".join([call.arguments.get(name, ""), "", *lines]).strip()
    changed = {**call.arguments, name: words, "reply_markup": {"inline_keyboard": kept}}
    return replace(call, arguments=changed)
