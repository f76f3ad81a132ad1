"""What the Bot API says no with, told apart by what the bot then does. Each carries Telegram's words."""

from __future__ import annotations


class BotApiError(Exception):
    """Any of them."""


class Unreachable(BotApiError):
    """Nobody answers, or the server itself fails: try again later, for ever.

    `is_in_doubt`: the request may have had its effect all the same.
    """

    def __init__(self, words: str, *, is_in_doubt: bool) -> None:
        super().__init__(words)
        self.is_in_doubt = is_in_doubt


class WrongToken(BotApiError):
    """Telegram does not know this token: a person must look at the settings."""


class AnotherReader(BotApiError):
    """409: somebody else polls with our token, or a webhook is set."""


class TooFast(BotApiError):
    """429: wait so many seconds."""

    def __init__(self, words: str, seconds: float) -> None:
        super().__init__(words)
        self.seconds = seconds


class Blocked(BotApiError):
    """403: the person blocked the bot, or the group threw it out."""


class Moved(BotApiError):
    """The group became a supergroup, with another id."""

    def __init__(self, words: str, chat_id: int) -> None:
        super().__init__(words)
        self.chat_id = chat_id


class Rejected(BotApiError):
    """400: this request can never succeed as it is."""
