"""What people send: into the spool first, and then to the counter, each chat in order, chats side by side.

Telegram is told that an Update arrived (by the next offset) only when it is committed.
An album is handed over as one; files are fetched and kept before anything is decided.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from bots import counter
from bots.errors import AnotherReader, BotApiError, Rejected, TooFast, Unreachable, WrongToken
from bots.identity import BotIdentity
from intake.chat import chat_files, chat_moves, chat_spool
from intake.chat.chat_files import KeptFile
from intake.doors.pulse import Pulse
from intake.errors import StoreFailed
from intake.office import Office
from intake.wording import speaking
from templates import say

if TYPE_CHECKING:
    from bots.desk import Desk
    from bots.sending import Courier
    from bots.telegram import Telegram

log = structlog.get_logger()

Update = dict[str, Any]

# Seconds between two looks at what the web role (webhook) or a clerk's *retry* left in the spool.
LOOK = 0.3
# An album comes as one Update per file; so long after the last one it is whole.
ALBUM = 0.7
# Bytes of a file that getFile gives ("20 MB"); between both readings of that the server decides.
MAX_FILE = 20 << 20
# Who waits longer than this for an answer sees that we are writing.
_TYPING_AFTER, _TYPING_EVERY = 1.0, 4.5
_FETCHES = 4
_FETCH_TRIES = 3
_AFTER_ERROR, _LONGEST_DELAY = 1.0, 30.0
_KINDS = ("document", "video", "voice", "audio", "video_note", "animation")


@dataclass(slots=True)
class Fetched:
    """The files of some updates by file_id: those we have, and the names of those we have not."""

    files: dict[str, KeptFile] = field(default_factory=dict)
    too_large: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)


class Receiver:
    """Polls for Updates, and works off the spool."""

    def __init__(self, office: Office, telegram: Telegram, desk: Desk, bot: BotIdentity,
                 courier: Courier, pulse: Pulse) -> None:  # fmt: skip
        self._office, self._telegram, self._desk = office, telegram, desk
        self._bot, self._courier, self._pulse = bot, courier, pulse
        self._wake = asyncio.Event()
        # What people wrote while we were away is stored and answered.
        self.is_caught_up = asyncio.Event()
        self._has_polled = False
        self._busy: dict[int, asyncio.Task[None]] = {}
        # Chats that had more to say while one of their messages was worked on.
        self._behind: set[int] = set()
        # Last Update of an album that may not be whole yet, and since when it is the last.
        self._albums: dict[int, tuple[int, float]] = {}
        self._fetches = asyncio.Semaphore(_FETCHES)
        self._background: set[asyncio.Task[None]] = set()

    async def poll(self) -> None:
        """Ask for Updates for ever."""
        offset: int | None = None
        delay, trouble = 1.0, ""
        while True:
            try:
                updates = await self._telegram.updates(offset)
            except (Unreachable, WrongToken) as error:
                await self._telegram.recovered(error)
                continue
            except TooFast as error:
                await asyncio.sleep(error.seconds)
                continue
            except BotApiError as error:
                if trouble != str(error):
                    trouble = str(error)
                    log.error("no updates", words=trouble, error=type(error).__name__)
                self._tell_trouble(error)
                self.is_caught_up.set()
                await asyncio.sleep(delay)
                delay = min(delay * 2, _LONGEST_DELAY)
                continue
            if trouble:
                log.info("updates come again")
                delay, trouble = 1.0, ""
                self._pulse.recover()
            self._pulse.contact()
            if updates:
                await self._store(updates)
                offset = max(int(update["update_id"]) for update in updates) + 1
            elif offset is None:
                # From now on there is something to wait for.
                offset = 0
            self._has_polled = True
            self._wake.set()

    def _tell_trouble(self, error: BotApiError) -> None:
        with speaking(self._office.settings.language):
            key = "another_reader" if isinstance(error, AnotherReader) else "unreachable"
            if "webhook" in str(error):
                key = "has_webhook"
            self._pulse.fail(say(f"bot.door.{key}", words=str(error)))

    async def _store(self, updates: Sequence[Update]) -> None:
        """Commit *updates*; returns only when they are safe."""
        trouble = ""
        while True:
            try:
                await self._desk.do(chat_spool.store, self._office, self._bot.id, updates)
            except (SQLAlchemyError, OSError, StoreFailed) as error:
                if trouble != str(error):
                    trouble = str(error)
                    log.error("updates not stored", updates=len(updates), error=trouble)
                self._pulse.fail(trouble)
                await asyncio.sleep(1)
            except Exception:
                # One that we cannot even store must not keep the others from us for ever.
                log.exception("update not understood", updates=updates)
                if len(updates) == 1:
                    return
                for update in updates:
                    await self._store([update])
                return
            else:
                self._pulse.message()
                return

    async def process(self) -> None:
        """Hand what waits in the spool to the counter, for ever."""
        try:
            while True:
                self._wake.clear()
                await self._distribute()
                with contextlib.suppress(TimeoutError):
                    # wait_for of Python 3.11 may swallow the cancellation that ends us.
                    async with asyncio.timeout(LOOK / 3 if self._albums else LOOK):
                        await self._wake.wait()
        finally:
            for task in (*self._busy.values(), *self._background):
                task.cancel()
            await asyncio.gather(*self._busy.values(), *self._background, return_exceptions=True)

    async def _distribute(self) -> None:
        has_polled = self._has_polled
        try:
            waiting = await self._desk.do(chat_spool.waiting, self._office, self._bot.id)
        except (SQLAlchemyError, OSError) as error:
            log.error("spool not read", error=str(error))
            await asyncio.sleep(1)
            return
        if has_polled and not waiting:
            self.is_caught_up.set()
        self._behind = waiting.keys() & self._busy.keys()
        for chat_id, updates in waiting.items():
            if chat_id not in self._busy:
                groups = gather(updates)
                if not self._is_whole(chat_id, groups[-1]):
                    groups.pop()
                if groups:
                    self._busy[chat_id] = asyncio.create_task(self._serve(chat_id, groups))

    def _is_whole(self, chat_id: int, group: Sequence[Update]) -> bool:
        """Whether nothing more of an album is to be expected."""
        if not album_of(group[-1]):
            self._albums.pop(chat_id, None)
            return True
        last, since = self._albums.get(chat_id, (0, 0.0))
        if last != group[-1]["update_id"]:
            self._albums[chat_id] = (group[-1]["update_id"], time.monotonic())
            return False
        if time.monotonic() - since < ALBUM:
            return False
        del self._albums[chat_id]
        return True

    async def _serve(self, chat_id: int, groups: Sequence[Sequence[Update]]) -> None:
        try:
            for group in groups:
                typing = asyncio.create_task(self._type(chat_id, group[-1]))
                try:
                    if not await self._hand_over(group):
                        # The database or the store is away; what comes later waits behind it.
                        await asyncio.sleep(_AFTER_ERROR)
                        break
                finally:
                    typing.cancel()
        finally:
            del self._busy[chat_id]
            if chat_id in self._behind:
                self._wake.set()

    async def _hand_over(self, group: Sequence[Update]) -> bool:
        """One message or album: its files, the counter, the tap answered. False: it still waits."""
        try:
            fetched = await self._fetch(group)
            if "migrate_to_chat_id" in (group[0].get("message") or {}):
                await self._desk.do(chat_moves.follow_move, self._office, self._bot.id, group[0])
                return True
            is_done = await self._desk.do(
                counter.process, self._office, self._bot, group, fetched.files, fetched.too_large,
                fetched.missing,
            )  # fmt: skip
        except (OperationalError, StoreFailed) as error:
            log.error("update waits", error=str(error))
            return False
        except Exception as error:
            is_done = True
            await self._desk.do(counter.give_up, self._office, self._bot, group, error)
        self._courier.wake()
        for update in group:
            if tap := update.get("callback_query"):
                self._start(self._answer(str(tap["id"])))
        return is_done

    def _start(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _answer(self, tap_id: str) -> None:
        """Let the button stop turning; a tap of long ago has nobody waiting."""
        with contextlib.suppress(BotApiError):
            await self._telegram.ask("answerCallbackQuery", callback_query_id=tap_id)

    async def _type(self, chat_id: int, update: Update) -> None:
        if chat_id <= 0 or "my_chat_member" in update:
            return
        await asyncio.sleep(_TYPING_AFTER)
        with contextlib.suppress(BotApiError):
            while True:
                await self._telegram.ask("sendChatAction", chat_id=chat_id, action="typing")
                await asyncio.sleep(_TYPING_EVERY)

    async def _fetch(self, group: Sequence[Update]) -> Fetched:
        fetched = Fetched()
        for update in group:
            for file in files_of(update.get("message") or update.get("edited_message") or {}):
                if file.size > MAX_FILE:
                    fetched.too_large[file.id] = file.name
                else:
                    await self._fetch_one(file, fetched)
        return fetched

    async def _fetch_one(self, file: RemoteFile, fetched: Fetched) -> None:
        for attempt in range(1, _FETCH_TRIES + 1):
            try:
                async with self._fetches:
                    content = await self._telegram.download(file.id)
                    kept = await asyncio.to_thread(
                        chat_files.keep, self._office, file.name, file.declared_type, content
                    )
            except Rejected as error:
                if "too big" in str(error).lower():
                    fetched.too_large[file.id] = file.name
                    return
                log.warning("file not given", words=str(error), attempt=attempt)
            except TooFast as error:
                await asyncio.sleep(error.seconds)
            except (Unreachable, WrongToken) as error:
                await self._telegram.recovered(error)
            except BotApiError as error:
                log.warning("file not given", words=str(error), attempt=attempt)
            else:
                fetched.files[file.id] = kept
                return
            await asyncio.sleep(attempt / 2)
        fetched.missing[file.id] = file.name


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file that a message names; its bytes are still with Telegram."""

    id: str
    name: str
    declared_type: str
    size: int


def files_of(message: Update) -> list[RemoteFile]:
    """The files of a message; of a photo the largest size, of a moving picture what it really is."""
    found = []
    if photo := message.get("photo"):
        largest = max(photo, key=lambda size: size.get("width", 0) * size.get("height", 0))
        found.append(_file(largest, "photo", "image/jpeg"))
    for kind in _KINDS:
        # A GIF comes as animation and, for older programs, once more as document.
        if kind in message and not (kind == "document" and "animation" in message):
            found.append(_file(message[kind], kind, _TYPES.get(kind, "")))
    return found


_TYPES = {"voice": "audio/ogg", "video_note": "video/mp4"}


def _file(value: Update, kind: str, usual_type: str) -> RemoteFile:
    return RemoteFile(
        str(value["file_id"]),
        str(value.get("file_name") or ""),
        str(value.get("mime_type") or usual_type),
        int(value.get("file_size") or 0),
    )


def album_of(update: Update) -> str:
    """The id that all Updates of an album share."""
    return str((update.get("message") or {}).get("media_group_id") or "")


def gather(updates: Sequence[Update]) -> list[list[Update]]:
    """*updates* of one chat, oldest first, with those of an album together."""
    groups: list[list[Update]] = []
    for update in updates:
        if groups and album_of(update) and album_of(update) == album_of(groups[-1][-1]):
            groups[-1].append(update)
        else:
            groups.append([update])
    return groups
