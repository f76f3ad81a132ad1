"""What a bot is and says of itself, its files and webhook (documentation: getMe, BotCommand, setWebhook)."""

import re
from urllib.parse import urlsplit

from tests.support.botapi.calls import Call
from tests.support.botapi.errors import ApiError, ConnectionBroken, Json, bad_request, conflict
from tests.support.botapi.methods import method
from tests.support.botapi.updates import KINDS
from tests.support.botapi.world import Webhook, World

SCOPES = {
    "default", "all_private_chats", "all_group_chats", "all_chat_administrators", "chat",
    "chat_administrators", "chat_member",
}  # fmt: skip
# setWebhook: "Ports currently supported for webhooks: 443, 80, 88, 8443".
WEBHOOK_PORTS = {443, 80, 88, 8443}


@method("getMe")
def get_me(world: World, call: Call) -> Json:
    return world.bot


@method("getFile", "file_id")
def get_file(world: World, call: Call) -> Json:
    return world.files.downloadable(call.string("file_id"))


@method("logOut")
@method("close")
def close(world: World, call: Call) -> bool:
    return True


def _audience(call: Call) -> tuple[str, str]:
    scope = call.structure("scope", dict) or {"type": "default"}
    if scope.get("type") not in SCOPES:
        raise bad_request("can't parse BotCommandScope: unsupported type specified")
    chat = f":{scope['chat_id']}" if "chat_id" in scope else ""
    user = f":{scope['user_id']}" if "user_id" in scope else ""
    language = call.string("language_code")
    if language and not re.fullmatch("[a-z]{2}", language):
        raise bad_request("invalid language code specified")
    return f"{scope['type']}{chat}{user}", language


@method("setMyCommands", "commands scope language_code")
def set_my_commands(world: World, call: Call) -> bool:
    """BotCommand: command of 1-32 characters a-z, 0-9 and _; description of 1-256; at most 100 of them."""
    commands = call.structure("commands", list)
    if commands is None:
        raise bad_request('parameter "commands" is required')
    if len(commands) > 100:
        raise bad_request("BOT_COMMANDS_TOO_MUCH")
    kept = []
    for command in commands:
        if not isinstance(command, dict):
            raise bad_request("can't parse BotCommand: expected an Object")
        name, description = command.get("command"), command.get("description")
        if not isinstance(name, str) or not re.fullmatch("[a-z0-9_]{1,32}", name.removeprefix("/")):
            raise bad_request("BOT_COMMAND_INVALID")
        if not isinstance(description, str) or not 1 <= len(description.strip()) <= 256:
            raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
        kept.append({"command": name.removeprefix("/"), "description": description.strip()})
    world.profile.commands[_audience(call)] = kept
    return True


@method("getMyCommands", "scope language_code")
def get_my_commands(world: World, call: Call) -> list[Json]:
    return world.profile.commands.get(_audience(call), [])


@method("deleteMyCommands", "scope language_code")
def delete_my_commands(world: World, call: Call) -> bool:
    world.profile.commands.pop(_audience(call), None)
    return True


def _words(name: str, table: str, limit: int) -> None:
    """Define set… and get… of one of the texts a bot shows about itself."""
    field = re.sub("(?<!^)([A-Z])", r"_\1", name).lower()

    @method(f"setMy{name}", f"{field} language_code")
    def set_words(world: World, call: Call) -> bool:
        words = call.string(field)
        if len(words) > limit:
            raise bad_request(f"bot {field.replace('_', ' ')} is too long")
        getattr(world.profile, table)[call.string("language_code")] = words
        return True

    @method(f"getMy{name}", "language_code")
    def get_words(world: World, call: Call) -> Json:
        kept: dict[str, str] = getattr(world.profile, table)
        return {field: kept.get(call.string("language_code"), kept.get("", ""))}


# "0-512 characters", "0-120 characters", "0-64 characters".
_words("Description", "descriptions", 512)
_words("ShortDescription", "short_descriptions", 120)
_words("Name", "names", 64)


@method("setChatMenuButton", "chat_id menu_button")
def set_chat_menu_button(world: World, call: Call) -> bool:
    button = call.structure("menu_button", dict) or {"type": "default"}
    if button.get("type") not in {"default", "commands", "web_app"}:
        raise bad_request("can't parse MenuButton")
    return True


def allow_updates(world: World, call: Call) -> None:
    """allowed_updates: "If not specified, the previous setting will be used."."""
    allowed = call.structure("allowed_updates", list)
    if allowed is None:
        return
    if not all(isinstance(kind, str) for kind in allowed):
        raise bad_request('field "allowed_updates" must be an Array of String')
    for kind in allowed:
        if kind not in KINDS:
            call.warn(f"allowed_updates has no kind {kind}")
    world.updates.allowed = [kind for kind in allowed if kind in KINDS]


def terminate_poll(world: World, why: str) -> None:
    """End a getUpdates that waits, with a conflict."""
    if world.poll:
        world.terminated[world.poll] = f"terminated by {why}"
        world.poll = 0
        world.bell.ring("updates")


@method(
    "setWebhook",
    "url certificate ip_address max_connections allowed_updates drop_pending_updates secret_token",
)
def set_webhook(world: World, call: Call) -> bool:
    url = call.string("url")
    if not url:
        return delete_webhook(world, call) is True
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and world.allow_http_webhook):
        raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
    if not parts.hostname:
        raise bad_request("bad webhook: URL host is empty")
    if (parts.port or 443) not in WEBHOOK_PORTS and not world.allow_http_webhook:
        raise bad_request("bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443")
    secret = call.string("secret_token")
    # "A secret token …, 1-256 characters. Only characters A-Z, a-z, 0-9, _ and - are allowed."
    if len(secret) > 256:
        raise bad_request("secret token is too long")
    if not re.fullmatch("[A-Za-z0-9_-]*", secret):
        raise bad_request("secret token contains unallowed characters")
    connections = call.integer("max_connections", 40)
    if not 1 <= connections <= 100:
        raise bad_request("max_connections must be 1-100")
    allow_updates(world, call)
    _drop_pending(world, call)
    terminate_poll(world, "setWebhook request")
    certificate = call.uploads["certificate"].content if "certificate" in call.uploads else b""
    world.webhook = Webhook(url, secret, connections, certificate)
    world.bell.ring("updates")
    return True


@method("deleteWebhook", "drop_pending_updates")
def delete_webhook(world: World, call: Call) -> bool:
    _drop_pending(world, call)
    world.webhook = Webhook()
    return True


def _drop_pending(world: World, call: Call) -> None:
    if call.boolean("drop_pending_updates"):
        world.updates.pending.clear()
        world.bell.ring("confirmed")


@method("getWebhookInfo")
def get_webhook_info(world: World, call: Call) -> Json:
    webhook = world.webhook
    info: Json = {
        "url": webhook.url,
        "has_custom_certificate": bool(webhook.certificate),
        "pending_update_count": len(world.updates.pending),
    }
    if webhook.url:
        info["max_connections"] = webhook.max_connections
    if webhook.last_error:
        info |= {"last_error_date": webhook.last_error_at, "last_error_message": webhook.last_error}
    if world.updates.allowed:
        info["allowed_updates"] = world.updates.allowed
    return info


def begin_poll(world: World, call: Call) -> int:
    """First half of getUpdates: confirm, and take the place of any other poll. Returns the poll's number.

    The second half, waiting, is in `web.py`.
    """
    if world.webhook.url:
        raise conflict(
            "can't use getUpdates method while webhook is active; "
            "use deleteWebhook to delete the webhook first"
        )
    call.integer("timeout", 0)
    # As getUpdates says of limit: "Values between 1-100 are accepted. Defaults to 100."
    if not 1 <= call.integer("limit", 100) <= 100:
        raise bad_request("limit must be 1-100")
    allow_updates(world, call)
    terminate_poll(world, "other getUpdates request; make sure that only one bot instance is running")
    world.updates.confirm(call.integer("offset", 0))
    world.poll = id(call)
    return world.poll


def poll_again(world: World, poll: int, limit: int) -> list[bytes] | None:
    """What a waiting poll gets now, None if nothing; raises 409 when another took its place."""
    if world.faults.down:
        raise ConnectionBroken
    if poll in world.terminated:
        raise ApiError(409, f"Conflict: {world.terminated.pop(poll)}")
    updates = world.updates.batch(limit)
    return [update.encoded for update in updates] if updates else None


@method("getUpdates", "offset limit timeout allowed_updates")
def get_updates(world: World, call: Call) -> object:
    raise NotImplementedError("The HTTP door waits for updates itself.")
