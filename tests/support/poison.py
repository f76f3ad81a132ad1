"""A reader of mail that does what hostile mail makes readers do: told by the first word of the mail."""

import ctypes
import os

from intake.incoming import IncomingMessage
from intake.parsing import parse_email


def read(raw: bytes) -> IncomingMessage:
    """Read *raw*, or misbehave as its subject says."""
    message = parse_email(raw)
    action = {
        "loop": _loop,
        "wait": _wait,
        "swell": _swell,
        "leave": lambda: os._exit(0),
        "crash": lambda: ctypes.string_at(0),
        "raise": _raise,
    }.get(message.subject)
    if action:
        action()
    return message


def _loop() -> None:
    # One instruction of C that takes minutes and hears no signal of Python's.
    pow(3, 1 << 30_000_000, 1 << 3_000_000)


def _wait() -> None:
    ctypes.CDLL(None).pause()


def _swell() -> None:
    held = []
    while True:
        # Asked for and not filled: the limit is on addresses, and filling them would take the reader's time.
        held.append(bytes(64 << 20))


def _raise() -> None:
    raise RuntimeError("reader's own mistake")
