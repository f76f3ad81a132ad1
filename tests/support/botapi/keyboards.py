"""reply_markup (documentation: InlineKeyboardMarkup, InlineKeyboardButton, ReplyKeyboardMarkup, …)."""

import ipaddress
import re
from collections.abc import Callable
from urllib.parse import urlsplit

from tests.support.botapi.errors import Json, bad_request

Warn = Callable[[str], None]

# InlineKeyboardButton: "Exactly one of the fields other than text, icon_custom_emoji_id, and style must be
# used to specify the type of the button."
ACTIONS = {
    "url", "callback_data", "web_app", "login_url", "switch_inline_query",
    "switch_inline_query_current_chat", "switch_inline_query_chosen_chat", "copy_text", "callback_game",
    "pay",
}  # fmt: skip
LOOKS = {"text", "icon_custom_emoji_id", "style"}
# KeyboardButton: "At most one of the fields other than text, … can be used".
KEYBOARD_ACTIONS = {
    "request_users", "request_chat", "request_contact", "request_location", "request_poll", "web_app",
    "request_managed_bot",
}  # fmt: skip
KEYBOARD_FIELDS = {
    "keyboard", "is_persistent", "resize_keyboard", "one_time_keyboard", "input_field_placeholder",
    "selective",
}  # fmt: skip


def checked_markup(markup: object, warn: Warn, *, inline_only: bool = False) -> Json | None:
    """Return *markup* if the documentation allows it, None if there is none, or raise 400."""
    if markup is None or markup == "":
        return None
    if not isinstance(markup, dict):
        raise bad_request("object expected as reply markup")
    if "inline_keyboard" in markup:
        rows = _rows(markup["inline_keyboard"], "inline keyboard")
        return {"inline_keyboard": [[_inline(button, warn) for button in row] for row in rows if row]}
    if not markup:
        return {"inline_keyboard": []}
    if inline_only:
        raise bad_request("inline keyboard expected")
    if "keyboard" in markup:
        _warn_of_unknown(markup, KEYBOARD_FIELDS, "ReplyKeyboardMarkup", warn)
        rows = _rows(markup["keyboard"], "keyboard")
        return markup | {"keyboard": [[_plain(button, warn) for button in row] for row in rows if row]}
    if markup.get("remove_keyboard") is True or markup.get("force_reply") is True:
        _placeholder(markup)
        return markup
    raise bad_request("can't parse reply keyboard markup JSON object")


def _rows(rows: object, what: str) -> list[list[object]]:
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise bad_request(f"field {what} of the reply markup must be an Array of Arrays")
    return rows


def _inline(button: object, warn: Warn) -> Json:
    if not isinstance(button, dict):
        raise bad_request("can't parse inline keyboard button: expected an Object")
    _text(button, "inline keyboard button")
    _warn_of_unknown(button, ACTIONS | LOOKS, "InlineKeyboardButton", warn)
    used = ACTIONS & button.keys()
    if not used:
        raise bad_request(
            "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard"
        )
    if len(used) > 1:
        raise bad_request(
            f"can't parse inline keyboard button: exactly one action is allowed, found {sorted(used)}"
        )
    if "callback_data" in button:
        data = button["callback_data"]
        # InlineKeyboardButton: "Data to be sent in a callback query …, 1-64 bytes".
        if not isinstance(data, str) or not 1 <= len(data.encode()) <= 64:
            raise bad_request("BUTTON_DATA_INVALID")
    if "url" in button:
        _address(button["url"])
    if "copy_text" in button:
        copied = button["copy_text"]
        if not isinstance(copied, dict) or not 1 <= len(str(copied.get("text", ""))) <= 256:
            raise bad_request("BUTTON_COPY_TEXT_INVALID")
    return button


def _plain(button: object, warn: Warn) -> Json:
    if isinstance(button, str):
        button = {"text": button}
    if not isinstance(button, dict):
        raise bad_request("can't parse keyboard button: expected an Object or a String")
    _text(button, "keyboard button")
    _warn_of_unknown(button, KEYBOARD_ACTIONS | LOOKS, "KeyboardButton", warn)
    if len(KEYBOARD_ACTIONS & button.keys()) > 1:
        raise bad_request("can't parse keyboard button: at most one action is allowed")
    return button


def _text(button: Json, what: str) -> None:
    if not isinstance(button.get("text"), str):
        raise bad_request(f"can't parse {what}: field text must be a String")
    if not button["text"].strip():
        raise bad_request(f"can't parse {what}: text must be non-empty")


def _address(url: object) -> None:
    """InlineKeyboardButton.url: "HTTP or tg:// URL to be opened when the button is pressed"."""
    try:
        parts = urlsplit(url if isinstance(url, str) else "")
    except ValueError:
        parts = urlsplit("")
    if parts.scheme == "tg":
        return
    host = parts.hostname if parts.scheme in ("http", "https") else None
    # A name without a dot, as localhost, is no address to Telegram; numbers are.
    if not host or re.search(r"\s", str(url)) or not ("." in host.strip(".") or _is_number(host)):
        raise bad_request(f"inline keyboard button URL '{url}' is invalid: Wrong HTTP URL")


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _placeholder(markup: Json) -> None:
    placeholder = markup.get("input_field_placeholder")
    if placeholder is not None and not 1 <= len(str(placeholder)) <= 64:
        raise bad_request("input field placeholder must be of length 1-64")


def _warn_of_unknown(given: Json, known: set[str], what: str, warn: Warn) -> None:
    for name in sorted(given.keys() - known):
        warn(f"{what} has no field {name}")
