"""Waiting for something to become true: the only place in the tests that sleeps."""

import time
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


def wait_until(
    condition: Callable[[], Result], timeout: float = 10.0, message: str | Callable[[], str] = ""
) -> Result:
    """Call *condition* until its answer is true, and return that answer.

    After *timeout* seconds the test fails with *message*; a function is asked for it only then, so that
    it can show the log as it is at that moment.
    """
    deadline = time.monotonic() + timeout
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline:
            reason = message() if callable(message) else message
            raise AssertionError(f"Waited {timeout:g} s in vain. {reason or condition}")
        time.sleep(0.02)
