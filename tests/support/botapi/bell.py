"""Waiting without polling: whoever waits listens to one key, and is woken when that key is rung.

Waits from the threads of tests and from the event loop of the server, on state behind one lock.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import TypeVar

Found = TypeVar("Found")
Look = Callable[[], Found | None]


class Bell:
    """Its `lock` guards the whole state of a server; ring() may be called with or without it."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._guard = threading.Lock()
        self._listeners: dict[Hashable, list[Callable[[], object]]] = {}

    def ring(self, key: Hashable) -> None:
        with self._guard:
            listeners = list(self._listeners.get(key, ()))
        for wake in listeners:
            wake()

    def wait(self, key: Hashable, look: Look[Found], timeout: float) -> Found | None:
        """Return the first answer of *look* that is not None, or None after *timeout* seconds."""
        deadline = time.monotonic() + timeout
        rung = threading.Event()
        with self._listening(key, rung.set):
            while True:
                rung.clear()
                with self.lock:
                    found = look()
                remaining = deadline - time.monotonic()
                if found is not None or remaining <= 0:
                    return found
                rung.wait(remaining)

    async def wait_in_loop(self, key: Hashable, look: Look[Found], timeout: float) -> Found | None:
        """The same for a coroutine."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        rung = asyncio.Event()
        with self._listening(key, lambda: loop.call_soon_threadsafe(rung.set)):
            while True:
                rung.clear()
                with self.lock:
                    found = look()
                remaining = deadline - loop.time()
                if found is not None or remaining <= 0:
                    return found
                try:
                    async with asyncio.timeout(remaining):
                        await rung.wait()
                except TimeoutError:
                    pass

    @contextmanager
    def _listening(self, key: Hashable, wake: Callable[[], object]) -> Iterator[None]:
        with self._guard:
            self._listeners.setdefault(key, []).append(wake)
        try:
            yield
        finally:
            with self._guard:
                listeners = self._listeners[key]
                listeners.remove(wake)
                if not listeners:
                    del self._listeners[key]
