"""Who the bot is, as getMe says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BotIdentity:
    """The bot behind the token."""

    id: int
    # Without @.
    username: str
