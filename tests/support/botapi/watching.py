"""What a test sees: the bot's messages as they come, whole chats, files, warnings, calls and answer times.

What waits is described as a `Waiting`, so that the thread of a test and the HTTP door wait in their own ways.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass

from tests.support.botapi import transcripts
from tests.support.botapi.errors import Json
from tests.support.botapi.people import Impossible
from tests.support.botapi.world import Chat, World

TIMEOUT = 10.0


@dataclass
class Waiting:
    """Look when *key* rings; who waits in vain is told *complaint*."""

    key: Hashable
    look: Callable[[], Json | None]
    complaint: Callable[[], str]


class Watching:
    """Part of BotApi."""

    world: World

    def next_message(self, chat: int, timeout: float = TIMEOUT, *, thread: int | None = None) -> Json:
        """The oldest message the bot sent or edited in *chat* that was not returned before; waits for it.

        Of a message that was edited several times since, each version is returned in its turn.
        """
        return self._await(self.waiting_for_next_message(chat, thread=thread), timeout)

    def wait_for(self, chat: int, containing: str, timeout: float = TIMEOUT) -> Json:
        """The newest message of the bot in *chat* whose text or caption contains *containing*."""
        return self._await(self.waiting_for_wait_for(chat, containing), timeout)

    def tap_answer(self, callback_query_id: str, timeout: float = TIMEOUT) -> Json:
        """{text, show_alert, url} of the answerCallbackQuery."""
        return self._await(self.waiting_for_tap_answer(callback_query_id), timeout)

    def wait_until_confirmed(self, timeout: float = TIMEOUT) -> Json:
        """Until the bot has confirmed (or its webhook taken) every update."""
        return self._await(self.waiting_for_wait_until_confirmed(), timeout)

    def wait_for_call(self, method: str, count: int = 1, timeout: float = TIMEOUT) -> Json:
        """Until the bot has called *method* *count* times; returns that call, as in calls()."""
        return self._await(self.waiting_for_wait_for_call(method, count), timeout)

    def waiting_for_next_message(self, chat: int, *, thread: int | None = None) -> Waiting:
        where = self._watched(chat)

        def look() -> Json | None:
            for message in where.news:
                if thread is None or message.get("message_thread_id") == thread:
                    where.news.remove(message)
                    return message
            return None

        return Waiting(("chat", chat), look, lambda: f"The bot says nothing more:\n{self.transcript(chat)}")

    def waiting_for_wait_for(self, chat: int, containing: str) -> Waiting:
        where = self._watched(chat)

        def look() -> Json | None:
            for message in reversed(where.messages.values()):
                text = str(message.get("text", message.get("caption", "")))
                if message["from"]["id"] == self.world.bot["id"] and containing in text:
                    return message
            return None

        return Waiting(
            ("chat", chat), look, lambda: f"The bot does not say «{containing}»:\n{self.transcript(chat)}"
        )

    def waiting_for_tap_answer(self, callback_query_id: str) -> Waiting:
        tap = self.world.taps[callback_query_id]
        return Waiting(("tap", callback_query_id), lambda: tap.answer, lambda: "The tap got no answer.")

    def waiting_for_wait_until_confirmed(self) -> Waiting:
        def look() -> Json | None:
            return None if self.world.updates.pending else {"pending": 0}

        return Waiting("confirmed", look, lambda: f"{self.pending()} updates are not confirmed.")

    def waiting_for_wait_for_call(self, method: str, count: int = 1) -> Waiting:
        def look() -> Json | None:
            found = self.calls(method)
            return found[count - 1] if len(found) >= count else None

        return Waiting("calls", look, lambda: f"{len(self.calls(method))} of {count} calls of {method}.")

    def quiet(self, chat: int) -> bool:
        """Nothing is left that next_message would return at once."""
        with self.world.bell.lock:
            return not self._watched(chat).news

    def messages(self, chat: int) -> list[Json]:
        """Both sides, as they stand now, without deleted ones."""
        with self.world.bell.lock:
            return list(self._watched(chat).messages.values())

    def message(self, chat: int, message_id: int) -> Json:
        return self._watched(chat).messages[message_id]

    def buttons(self, message: Json) -> list[str]:
        """Texts of the inline keyboard of *message*, or of the reply keyboard shown in its chat."""
        rows = transcripts.button_rows(message)
        keyboard = self._watched(message["chat"]["id"]).keyboard
        if not rows and keyboard:
            rows = [[button["text"] for button in row] for row in keyboard["keyboard"]]
        return [text for row in rows for text in row]

    def transcript(self, chat: int, thread: int | None = None, *, words: dict[str, str] | None = None) -> str:
        """The chat as plain text, as for a README.

        *words* translates what the transcript itself says: photo, document, location, edited, deleted, …
        """
        with self.world.bell.lock:
            return transcripts.rendered(self.world, self._watched(chat), thread, words or {})

    def transcript_entries(self, chat: int, thread: int | None = None) -> list[Json]:
        with self.world.bell.lock:
            return transcripts.entries(self.world, self._watched(chat), thread)

    def topics(self, chat: int) -> list[Json]:
        """{message_thread_id, name, closed} of each topic of a forum."""
        with self.world.bell.lock:
            return [
                {"message_thread_id": topic.thread, "name": topic.name, "closed": topic.closed}
                for topic in self._watched(chat).topics.values()
            ]

    def file_bytes(self, file_id: str) -> bytes:
        return self.world.files.get(file_id).content

    def warnings(self) -> list[str]:
        """What the bot did that Telegram ignores, such as parameters that do not exist."""
        with self.world.bell.lock:
            return list(self.world.warnings)

    def calls(self, method: str = "") -> list[Json]:
        """Finished calls: method, chat_id, at, seconds, error_code, description, parameters."""
        with self.world.bell.lock:
            return [call for call in self.world.calls if method.lower() in ("", call["method"].lower())]

    def answer_times(self) -> list[Json]:
        """Per update: seconds from its making to its handing out, and on to the bot's first act in the chat.

        None where that has not happened.
        """
        with self.world.bell.lock:
            return [
                {
                    "update_id": update.update_id,
                    "chat_id": update.chat_id,
                    "times_handed_out": update.times_handed_out,
                    "waited": update.handed_out and update.handed_out - update.created,
                    "answered": update.answered and update.answered - (update.handed_out or update.created),
                    "whole": update.answered and update.answered - update.created,
                }
                for update in self.world.updates.all.values()
            ]

    def pending(self) -> int:
        return len(self.world.updates.pending)

    def _watched(self, chat: int) -> Chat:
        if chat not in self.world.chats:
            raise Impossible(f"There is no chat {chat}.")
        return self.world.chats[chat]

    def _await(self, waiting: Waiting, timeout: float) -> Json:
        found = self.world.bell.wait(waiting.key, waiting.look, timeout)
        if found is None:
            raise AssertionError(f"Waited {timeout:g} s in vain. {waiting.complaint()}")
        return found
