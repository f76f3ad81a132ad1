"""BotApi: the server with all that a test may do with it, and `bot_api()`, which runs one for a while."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from tests.support.botapi import chats, editing, profile, sending
from tests.support.botapi.control import Control
from tests.support.botapi.errors import Json
from tests.support.botapi.groups import Groups
from tests.support.botapi.limits import Flood, Limits
from tests.support.botapi.methods import METHODS
from tests.support.botapi.watching import Watching
from tests.support.botapi.web import HttpDoor
from tests.support.botapi.webhooks import Deliverer
from tests.support.botapi.world import World

# The modules that define methods; without them the table would be empty.
DEFINING = (chats, editing, profile, sending)
DOCUMENTED_LIMITS = Limits()


class BotApi(Groups, Watching):
    """Use as a context manager. Everything may be called while it runs, from any thread."""

    def __init__(
        self,
        listen: str = "127.0.0.1",
        port: int = 0,
        token: str = "123456:TEST",
        *,
        limits: Limits | None = DOCUMENTED_LIMITS,
        privacy: bool = True,
        allow_http_webhook: bool = True,
        name: str = "Bot",
    ) -> None:
        """*limits* None: the bot may write as fast as it can. *privacy*: what the bot sees in groups."""
        self.world = World(token, limits, privacy=privacy, allow_http_webhook=allow_http_webhook, name=name)
        self._door = HttpDoor(self.world, listen, port, Control(self).answer)

    @property
    def token(self) -> str:
        return self.world.token

    @property
    def port(self) -> int:
        return self._door.port

    @property
    def bot(self) -> Json:
        """The bot's User, as getMe returns it."""
        return self.world.bot

    @property
    def base_url(self) -> str:
        """What python-telegram-bot calls base_url; the token follows without a slash."""
        return f"{self._url}/bot"

    @property
    def file_url(self) -> str:
        return f"{self._url}/file/bot"

    @property
    def control_url(self) -> str:
        return f"{self._url}/control"

    @property
    def _url(self) -> str:
        return f"http://{self._door.host}:{self.port}"

    @property
    def methods(self) -> list[str]:
        """Names of the methods it knows."""
        return sorted(method.name for method in METHODS.values())

    def start(self) -> None:
        self._door.start(Deliverer(self.world).run)

    def stop(self) -> None:
        self._door.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def fail_next(
        self,
        method: str,
        code: int,
        description: str = "",
        *,
        retry_after: int = 0,
        times: int = 1,
        chat: int | None = None,
    ) -> None:
        """Answer the next calls of *method* ("*": of any) with an error; times=0: until clear_faults()."""
        with self.world.bell.lock:
            self.world.faults.fail(method, code, description, retry_after, times, chat)

    def drop_next(
        self, method: str, *, after_effect: bool = False, times: int = 1, chat: int | None = None
    ) -> None:
        """Break the connection instead of answering; *after_effect*: what was asked has been done."""
        with self.world.bell.lock:
            self.world.faults.drop(method, after_effect, times, chat)

    def delay(self, method: str, seconds: float, *, times: int = 0) -> None:
        """Be slow before the effect; times=0: until clear_faults()."""
        with self.world.bell.lock:
            self.world.faults.delay(method, seconds, times)

    def go_down(self) -> None:
        """Telegram is gone: every connection of the bot is broken, until come_up()."""
        self.world.faults.down = True
        self.world.bell.ring("updates")

    def come_up(self) -> None:
        """Telegram is there again, with what people wrote meanwhile."""
        self.world.faults.down = False
        self.world.bell.ring("updates")

    def clear_faults(self) -> None:
        """No fault is planned any more, and Telegram is there."""
        with self.world.bell.lock:
            self.world.faults.planned.clear()
        self.come_up()

    def set_limits(self, limits: Limits | None = DOCUMENTED_LIMITS) -> None:
        """None: nothing is refused for being too fast."""
        with self.world.bell.lock:
            self.world.flood = Flood(limits)


@contextmanager
def bot_api(
    *, limits: Limits | None = DOCUMENTED_LIMITS, token: str = "123456:TEST", privacy: bool = True
) -> Iterator[BotApi]:
    with BotApi(token=token, limits=limits, privacy=privacy) as server:
        yield server
