"""How fast the bot may speak: 30 messages a second to all, one a second to a chat, 20 a minute to a group.

Pure: every instant is handed in, in seconds of any clock that only grows. What Telegram
itself says (429 with retry_after) is obeyed above these ("My bot is hitting limits", Bots FAQ).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

OVERALL, PER_GROUP_MINUTE = 30, 20
# One message a second, with so many at once after a silence.
BURST = 3
# Theirs and our clock do not start a second at the same moment.
_SECOND, _MINUTE = 1.02, 60.5
# A chat that has been silent this long has its whole burst again, and need not be remembered.
_FORGET = 120.0
_MANY = 5_000


@dataclass(slots=True)
class _Chat:
    # When its bucket will be full again.
    full_at: float = 0.0
    held_until: float = 0.0
    # The latest messages of a group.
    sent: deque[float] = field(default_factory=lambda: deque(maxlen=PER_GROUP_MINUTE))


class Pace:
    """The buckets of all chats. For one thread."""

    def __init__(self) -> None:
        self._sent: deque[float] = deque(maxlen=OVERALL)
        self._held_until = 0.0
        self._chats: dict[int, _Chat] = {}

    def wait(self, chat_id: int, now: float) -> float:
        """Seconds until a message may go to *chat_id*; 0 means at once."""
        ready = self._held_until
        if len(self._sent) == OVERALL:
            ready = max(ready, self._sent[0] + _SECOND)
        if chat := self._chats.get(chat_id):
            ready = max(ready, chat.held_until, chat.full_at - (BURST - 1) * _SECOND)
            if len(chat.sent) == PER_GROUP_MINUTE:
                ready = max(ready, chat.sent[0] + _MINUTE)
        return max(0.0, ready - now)

    def take(self, chat_id: int, now: float, messages: int = 1) -> None:
        """Count *messages* that go to *chat_id* now; an album is one call and several messages."""
        chat = self._chat(chat_id, now)
        for _ in range(messages):
            self._sent.append(now)
            chat.full_at = max(chat.full_at, now) + _SECOND
            # Ids of groups are negative.
            if chat_id < 0:
                chat.sent.append(now)

    def hold(self, chat_id: int, now: float, seconds: float) -> None:
        """Telegram said 429 for this chat; said for a second chat meanwhile, it means the whole bot."""
        until = now + seconds
        if any(chat.held_until > now for other, chat in self._chats.items() if other != chat_id):
            self._held_until = max(self._held_until, until)
        self._chat(chat_id, now).held_until = until

    def _chat(self, chat_id: int, now: float) -> _Chat:
        if len(self._chats) > _MANY:
            self._chats = {
                key: chat
                for key, chat in self._chats.items()
                if max(chat.full_at, chat.held_until, *chat.sent, 0.0) > now - _FORGET
            }
        return self._chats.setdefault(chat_id, _Chat())
