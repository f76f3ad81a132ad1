"""How often a bot may write (Bots FAQ, "My bot is hitting limits, how do I avoid this?").

One message per second in a chat with short bursts, 20 per minute in a group, about 30 per second overall.
"""

import math
import time
from collections import deque
from dataclasses import dataclass, field

from tests.support.botapi.errors import too_many_requests


@dataclass(frozen=True)
class Limits:
    """Messages per second in one chat, how many at once before that counts, and the limits beside it."""

    per_chat: float = 1.0
    burst: int = 5
    overall: float = 30.0
    per_group_minute: int = 20


@dataclass
class _Bucket:
    left: float
    at: float

    def wait_for(self, count: int, rate: float, capacity: float, now: float) -> float:
        """Seconds until *count* may pass."""
        self.left = min(capacity, self.left + (now - self.at) * rate)
        self.at = now
        # An album may be larger than the burst; it passes when the bucket is full.
        return max(0.0, (min(count, capacity) - self.left) / rate)


@dataclass
class Flood:
    """Counts what was sent. Without limits nothing is refused."""

    limits: Limits | None
    _chats: dict[int, _Bucket] = field(default_factory=dict)
    _groups: dict[int, deque[float]] = field(default_factory=dict)
    _all: _Bucket | None = None

    def take(self, chat_id: int, count: int = 1) -> None:
        """Let *count* messages pass, or raise 429; a refused message does not count."""
        if self.limits is None:
            return
        limits, now = self.limits, time.monotonic()
        chat = self._chats.setdefault(chat_id, _Bucket(limits.burst, now))
        if self._all is None:
            self._all = _Bucket(limits.overall, now)
        wait = max(
            chat.wait_for(count, limits.per_chat, limits.burst, now),
            self._all.wait_for(count, limits.overall, limits.overall, now),
            self._wait_of_group(chat_id, count, limits.per_group_minute, now),
        )
        if wait > 0:
            raise too_many_requests(math.ceil(wait))
        chat.left -= count
        self._all.left -= count
        if chat_id < 0:
            self._groups[chat_id].extend([now] * count)

    def _wait_of_group(self, chat_id: int, count: int, per_minute: int, now: float) -> float:
        if chat_id > 0:
            return 0.0
        sent = self._groups.setdefault(chat_id, deque())
        while sent and sent[0] <= now - 60:
            sent.popleft()
        excess = len(sent) + count - per_minute
        return sent[min(excess, len(sent)) - 1] + 60 - now if excess > 0 and sent else 0.0
