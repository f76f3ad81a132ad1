"""The queue of updates (documentation: "Getting updates", Update, getUpdates, allowed_updates).

An update is handed out again and again until a getUpdates asks for a higher offset.
"""

import json
import time
from collections import deque
from dataclasses import dataclass, field

from tests.support.botapi.bell import Bell
from tests.support.botapi.errors import Json

# "Specify an empty list to receive all update types except chat_member, message_reaction, and
# message_reaction_count (default)."
NOT_BY_DEFAULT = {"chat_member", "message_reaction", "message_reaction_count"}
KINDS = {
    "message", "edited_message", "channel_post", "edited_channel_post", "business_connection",
    "business_message", "edited_business_message", "deleted_business_messages", "message_reaction",
    "message_reaction_count", "inline_query", "chosen_inline_result", "callback_query", "shipping_query",
    "pre_checkout_query", "purchased_paid_media", "poll", "poll_answer", "my_chat_member", "chat_member",
    "chat_join_request", "chat_boost", "removed_chat_boost", "managed_bot",
}  # fmt: skip


@dataclass
class Update:
    """An update with its encoded form, and the instants (monotonic) that make the bot's answer time."""

    update_id: int
    chat_id: int
    as_json: Json
    encoded: bytes
    created: float
    handed_out: float | None = None
    answered: float | None = None
    times_handed_out: int = 0


@dataclass
class Updates:
    """What the bot has not confirmed, oldest first, and everything there ever was, by id."""

    bell: Bell
    pending: deque[Update] = field(default_factory=deque)
    again: deque[Update] = field(default_factory=deque)
    all: dict[int, Update] = field(default_factory=dict)
    allowed: list[str] = field(default_factory=list)
    next_id: int = 700_000_001
    _unanswered: dict[int, list[Update]] = field(default_factory=dict)

    def add(self, kind: str, payload: Json, chat_id: int) -> Json:
        """Queue an update, unless the bot does not want its kind; return it in either case."""
        as_json: Json = {"update_id": self.next_id, kind: payload}
        self.next_id += 1
        wanted = kind in self.allowed if self.allowed else kind not in NOT_BY_DEFAULT
        if wanted:
            encoded = json.dumps(as_json, ensure_ascii=False).encode()
            update = Update(as_json["update_id"], chat_id, as_json, encoded, time.monotonic())
            self.all[update.update_id] = update
            self.pending.append(update)
            self._unanswered.setdefault(chat_id, []).append(update)
            self.bell.ring("updates")
        return as_json

    def replay(self, update_id: int | None) -> Json:
        """Hand an update, the newest by default, out once more, confirmed or not."""
        update = self.all[update_id or max(self.all)]
        self.again.append(update)
        self.bell.ring("updates")
        return update.as_json

    def confirm(self, offset: int) -> None:
        """Forget what is below *offset*; a negative one keeps that many from the end of the queue."""
        if offset < 0:
            while len(self.pending) > -offset:
                self.pending.popleft()
        while offset > 0 and self.pending and self.pending[0].update_id < offset:
            self.pending.popleft()
        if not self.pending:
            self.bell.ring("confirmed")

    def done(self, update: Update) -> None:
        """A webhook has taken *update*."""
        if update in self.again:
            self.again.remove(update)
        else:
            self.pending.remove(update)
        if not self.pending:
            self.bell.ring("confirmed")

    def batch(self, limit: int) -> list[Update] | None:
        """The next ones to hand out, None if there are none."""
        chosen: list[Update] = []
        while self.again and len(chosen) < limit:
            chosen.append(self.again.popleft())
        for update in self.pending:
            if len(chosen) >= limit:
                break
            chosen.append(update)
        for update in chosen:
            self.hand_out(update)
        return chosen or None

    def hand_out(self, update: Update) -> None:
        update.times_handed_out += 1
        update.handed_out = update.handed_out or time.monotonic()

    def answered(self, chat_id: int) -> None:
        """The bot has acted in the chat: what it was given from there counts as answered."""
        now, waiting = time.monotonic(), self._unanswered.pop(chat_id, [])
        later = [update for update in waiting if update.handed_out is None]
        for update in waiting:
            if update.handed_out is not None:
                update.answered = now
        if later:
            self._unanswered[chat_id] = later
