"""What the bot settles with Telegram when it starts: how updates come, its commands, its description."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import structlog

from bots.dialog_person import menu
from bots.errors import BotApiError, TooFast, Unreachable, WrongToken
from bots.staff_door import group_menu
from intake.wording import speaking
from templates import LANGUAGES, say

if TYPE_CHECKING:
    from bots.telegram import Telegram

log = structlog.get_logger()


async def dress(telegram: Telegram, default: str) -> None:
    """Tell Telegram the commands and what to show in an empty chat, in each language."""
    try:
        for code in ("", *LANGUAGES):
            with speaking(code or default):
                values = {"language_code": code} if code else {}
                await telegram.ask("setMyCommands", commands=_commands(menu()), **values)
                await telegram.ask(
                    "setMyCommands", commands=_commands(group_menu()),
                    scope={"type": "all_group_chats"}, **values,
                )  # fmt: skip
                await telegram.ask("setMyDescription", description=say("bot.description"), **values)
                await telegram.ask(
                    "setMyShortDescription", short_description=say("bot.short_description"), **values
                )
    except BotApiError as error:
        # Nobody waits for it, and the next start does it again.
        log.warning("commands not told", words=str(error))


async def drop_webhook(telegram: Telegram) -> None:
    """Polling and a webhook exclude each other; a server that knows no webhooks has none to drop."""
    while True:
        try:
            await telegram.ask("deleteWebhook")
            return
        except TooFast as error:
            await asyncio.sleep(error.seconds)
        except Unreachable as error:
            await telegram.recovered(error)
        except BotApiError as error:
            log.warning("webhook not dropped", words=str(error))
            return


def _commands(menu: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"command": name, "description": what} for name, what in menu]


async def until_done(telegram: Telegram, method: str, **arguments: Any) -> Any:
    """Ask until Telegram does it: before that there is nothing else to do."""
    while True:
        try:
            return await telegram.ask(method, **arguments)
        except TooFast as error:
            await asyncio.sleep(error.seconds)
        except (Unreachable, WrongToken) as error:
            await telegram.recovered(error)
