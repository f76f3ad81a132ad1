"""What the desk says no with. Each error carries a label key, so that people read it in their language."""

from __future__ import annotations


class DeskError(Exception):
    """A clear no to a person. `key` names the sentence in `templates/labels`, `values` fill it."""

    def __init__(self, key: str, **values: str | int) -> None:
        super().__init__(key)
        self.key = key
        self.values = values

    def __str__(self) -> str:
        from templates import say

        return say(f"error.{self.key}", **self.values)


class Refused(DeskError):
    """The sender's fault, said to the sender (unknown recipient, too large, too many)."""


class InvalidInput(DeskError):
    """A form or command asks for something that cannot be; nothing was changed."""


class Conflict(DeskError):
    """Somebody else changed the case meanwhile; nothing was changed."""


class StoreFailed(Exception):
    """Ours: the bytes could not be made durable (disk full, store away). Retry later; never a 5xx."""


class FileLost(StoreFailed):
    """The store answers, but has no such bytes: trying again by itself would not help."""
