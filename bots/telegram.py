"""`Telegram` is the Bot API as the rest of `bots/` sees it.

The only file that imports telegram. Its library's errors become those of `bots.errors`,
Updates stay the plain JSON they came as, and the token never gets into a message or log.
"""

from __future__ import annotations

import asyncio
import random
import ssl
import warnings
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx
import structlog
from telegram import Bot, InputFile, InputMedia, InputMediaDocument, InputMediaPhoto
from telegram import error as said
from telegram.request import BaseRequest, RequestData
from telegram.warnings import PTBDeprecationWarning, PTBUserWarning

from bots.composing import Call
from bots.errors import (
    AnotherReader,
    Blocked,
    BotApiError,
    Moved,
    Rejected,
    TooFast,
    Unreachable,
    WrongToken,
)
from intake.config import Settings
from intake.doors.pulse import Pulse
from intake.wording import speaking
from templates import say

log = structlog.get_logger()

UPDATES = ["message", "edited_message", "callback_query", "my_chat_member"]
# Seconds that Telegram may let a question for updates wait.
POLL = 25
_TIMEOUT, _MEDIA_TIMEOUT = 15.0, 120.0
_CONNECTIONS = 64
# Seconds between attempts to reach Telegram again; with a wrong token only a person can help.
_FIRST_DELAY, _LONGEST_DELAY, _WRONG_TOKEN_DELAY = 0.25, 15.0, 60.0
# What aiohttp says when no byte of the request left this machine.
_NOT_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)


class _Requests(BaseRequest):
    """HTTP by aiohttp, for the library's own way takes several times the processor's time."""

    def __init__(self, connections: int, trusted: ssl.SSLContext) -> None:
        self._connections, self._trusted = connections, trusted
        self._session: aiohttp.ClientSession | None = None

    @property
    def read_timeout(self) -> float:
        return _TIMEOUT

    async def initialize(self) -> None:
        pass

    async def shutdown(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def do_request(
        self, url: str, method: str, request_data: RequestData | None = None, read_timeout: Any = None,
        write_timeout: Any = None, connect_timeout: Any = None, pool_timeout: Any = None,
    ) -> tuple[int, bytes]:  # fmt: skip
        if self._session is None:
            # Here, for it belongs to the loop that runs now.
            connector = aiohttp.TCPConnector(limit=self._connections, ssl=self._trusted)
            # By itself (trust_env) it would look for a proxy anew, in a thread, for every request.
            server = urlsplit(url)
            proxy = None if proxy_bypass(server.hostname or "") else getproxies().get(server.scheme)
            self._session = aiohttp.ClientSession(connector=connector, proxy=proxy)
        seconds = aiohttp.ClientTimeout(
            read_timeout + _MEDIA_TIMEOUT, sock_connect=_TIMEOUT, sock_read=read_timeout
        )
        body = _body(request_data) if request_data else None
        try:
            async with self._session.request(method, url, data=body, timeout=seconds) as answer:
                return answer.status, await answer.read()
        except TimeoutError as error:
            raise said.TimedOut from error
        except aiohttp.ClientError as error:
            raise said.NetworkError(f"{type(error).__name__}: {error}") from error


def _body(data: RequestData) -> aiohttp.FormData:
    # Names of files go as they are written: Telegram does not undo percent signs.
    form = aiohttp.FormData(data.json_parameters, quote_fields=False)
    for name, (filename, content, content_type) in data.multipart_data.items():
        # Bytes would be sent at one go, while nothing else can happen.
        body = BytesIO(content) if isinstance(content, bytes) else content
        form.add_field(name, body, filename=filename, content_type=content_type)
    return form


class Telegram:
    """The Bot API. Every method raises BotApiError."""

    def __init__(self, settings: Settings, pulse: Pulse) -> None:
        # Every method is called by its name; the library would rather have its own functions called,
        # which read the answer into objects and fail on what a newer Bot API adds.
        warnings.filterwarnings("ignore", "Please use 'Bot", PTBUserWarning)
        # We take both kinds.
        warnings.filterwarnings("ignore", ".*`retry_after` will be of type", PTBDeprecationWarning)
        self._settings, self._pulse = settings, pulse
        self._token = settings.telegram_token.get_secret_value()
        trusted = httpx.create_ssl_context()
        self._request, self._polling = _Requests(_CONNECTIONS, trusted), _Requests(1, trusted)
        self._bot = Bot(
            self._token,
            base_url=settings.telegram_base_url,
            base_file_url=settings.telegram_file_url,
            request=self._request,
            get_updates_request=self._polling,
        )
        self._recovery: asyncio.Task[None] | None = None

    async def close(self) -> None:
        if self._recovery:
            self._recovery.cancel()
        await self._request.shutdown()
        await self._polling.shutdown()

    async def call(self, call: Call) -> Any:
        """Make one request, with its files; returns what the Bot API answers."""
        arguments = {**call.arguments, **_uploads(call)}
        return await self._ask(call.method, arguments, _MEDIA_TIMEOUT if call.files else _TIMEOUT)

    async def ask(self, method: str, **arguments: Any) -> Any:
        return await self._ask(method, arguments, _TIMEOUT)

    async def _ask(self, method: str, arguments: dict[str, Any], seconds: float) -> Any:
        try:
            return await self._bot.do_api_request(method, arguments, read_timeout=seconds)
        except said.TelegramError as error:
            raise self._translated(error) from error
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            # JSON, but not what the Bot API answers: the library falls over it. Some proxies do so.
            raise Unreachable(f"{method}: {error!r}", is_in_doubt=True) from error

    async def updates(self, offset: int | None) -> list[dict[str, Any]]:
        """Wait for Updates; *offset* confirms all before it. Without one, return at once."""
        wait = 0 if offset is None else POLL
        arguments = {"offset": offset, "limit": 100, "timeout": wait, "allowed_updates": UPDATES}
        found = await self._ask("getUpdates", arguments, wait + _TIMEOUT)
        updates = [each for each in found if _is_update(each)] if isinstance(found, list) else []
        if found != updates:
            log.error("not updates", said=repr(found)[:500])
            if not updates:
                # A proxy on the way, or a server that is not well: asked again later.
                raise Unreachable("getUpdates", is_in_doubt=False)
        return updates

    async def download(self, file_id: str) -> bytes:
        """The bytes of a file that somebody sent. Raises Rejected where there is none, or over 20 MB."""
        found = await self.ask("getFile", file_id=file_id)
        path = str(found.get("file_path") or "") if isinstance(found, dict) else ""
        if not path:
            # It may be left out (Bot API, File): there is nothing to be had.
            raise Rejected(f"no file_path: {file_id}")
        local = Path(path)
        if local.is_absolute() and await asyncio.to_thread(local.is_file):
            # A Bot API server of one's own in its local mode leaves files on the disk they share.
            return await asyncio.to_thread(local.read_bytes)
        try:
            return await self._request.retrieve(
                f"{self._bot.base_file_url}/{quote(path.lstrip('/'))}", read_timeout=_MEDIA_TIMEOUT
            )
        except said.InvalidToken as error:
            # Any 404; the token was good a moment ago.
            raise Rejected(f"file not found: {path}") from error
        except said.TelegramError as error:
            raise self._translated(error) from error

    def _translated(self, error: said.TelegramError) -> BotApiError:
        words = str(error).replace(self._token, "…")
        match error:
            case said.RetryAfter():
                wait = error.retry_after
                seconds = wait.total_seconds() if isinstance(wait, timedelta) else float(wait)
                return TooFast(words, seconds)
            case said.ChatMigrated():
                return Moved(words, error.new_chat_id)
            case said.Forbidden():
                return Blocked(words)
            case said.InvalidToken() | said.EndPointNotFound():
                return WrongToken(words)
            case said.Conflict():
                return AnotherReader(words)
            case said.BadRequest():
                return Rejected(words)
        if "Entity Too Large" in words:
            # 413, which the library takes for a failure of the network.
            return Rejected(words)
        return Unreachable(words, is_in_doubt=not isinstance(error.__cause__, _NOT_SENT))

    async def recovered(self, error: BotApiError) -> None:
        """Return when Telegram answers again, after *error*; many may wait, one asks."""
        if self._recovery is None:
            self._recovery = asyncio.create_task(self._recover(error))
        await asyncio.shield(self._recovery)

    async def _recover(self, error: BotApiError) -> None:
        delay = _FIRST_DELAY
        words = ""
        try:
            while True:
                if str(error) != words:
                    words = str(error)
                    log.warning("telegram not reached", words=words, error=type(error).__name__)
                key = "wrong_token" if isinstance(error, WrongToken) else "unreachable"
                with speaking(self._settings.language):
                    self._pulse.fail(say(f"bot.door.{key}", words=words))
                await asyncio.sleep(delay * random.uniform(0.8, 1.2))
                longest = _WRONG_TOKEN_DELAY if isinstance(error, WrongToken) else _LONGEST_DELAY
                delay = min(delay * 2, longest)
                try:
                    await self.ask("getMe")
                except TooFast as slow:
                    delay = max(delay, slow.seconds)
                except (Unreachable, WrongToken) as again:
                    error = again
                else:
                    break
            log.info("telegram reached again")
            self._pulse.contact()
            self._pulse.recover()
        finally:
            self._recovery = None


def _is_update(value: object) -> bool:
    return isinstance(value, dict) and type(value.get("update_id")) is int


def _uploads(call: Call) -> dict[str, Any]:
    if len(call.files) == 1:
        (file,) = call.files
        return {file.kind: InputFile(file.content, filename=file.filename)}
    media: list[InputMedia] = []
    for file in call.files:
        upload = InputFile(file.content, filename=file.filename, attach=True)
        media.append(InputMediaPhoto(upload) if file.kind == "photo" else InputMediaDocument(upload))
    return {"media": media} if media else {}
