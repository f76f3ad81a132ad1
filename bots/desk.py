"""The desk's verbs as the bot's loop calls them: in threads of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from intake.office import Office

# PostgreSQL serves as many at once.
_THREADS = 4

P = ParamSpec("P")
Result = TypeVar("Result")


class Desk:
    """Runs the desk's verbs in threads: one after another on SQLite, where several writers only wait."""

    def __init__(self, office: Office) -> None:
        self._threads = ThreadPoolExecutor(1 if office.database.is_sqlite else _THREADS, "desk")

    async def do(self, verb: Callable[P, Result], /, *args: P.args, **kwargs: P.kwargs) -> Result:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: verb(*args, **kwargs))

    def close(self) -> None:
        self._threads.shutdown()
