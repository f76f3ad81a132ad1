"""The pulse of a door for the page *Puertas*: last contact, last message, last failure.

Marks cost nothing and may come from any thread. They are written at most every
two seconds, best inside a transaction that commits anyway.
"""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from models.base import now
from models.mailbox import Door

# Seconds between two writes of one pulse.
PERIOD = 2.0
MAX_ERROR = 2_000


class Pulse:
    """What one door of this process has to say about itself."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._started: datetime | None = now()
        self._contact: datetime | None = None
        self._message: datetime | None = None
        self._error = ""
        self._error_at: datetime | None = None
        self._is_new = True
        self._written = 0.0

    def contact(self) -> None:
        """Somebody is on the other side."""
        self._contact = now()
        self._is_new = True

    def message(self) -> None:
        """A message came in and is safe, so whatever failed before works again."""
        self._contact = self._message = now()
        self.recover()

    def fail(self, error: str) -> None:
        self._error, self._error_at = error[:MAX_ERROR].replace("\0", ""), now()
        self._is_new = True

    def recover(self) -> None:
        self._error, self._error_at = "", None
        self._is_new = True

    @property
    def is_due(self) -> bool:
        """Whether there is something to write, and the last time is long enough ago."""
        return self._is_new and time.monotonic() - self._written >= PERIOD

    def write(self, session: Session) -> None:
        """Put it into the register, inside the caller's transaction; cannot conflict with another process."""
        # Before reading, so that a mark of this very moment is not forgotten.
        self._is_new = False
        self._written = time.monotonic()
        values = {
            "started_at": self._started,
            "last_contact_at": self._contact,
            "last_message_at": self._message,
            "error": self._error,
            "error_at": self._error_at,
        }
        insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
        statement = insert(Door).values(name=self.name, **{**values, "started_at": self._started or now()})
        changes: dict[str, ColumnElement[Any]] = {
            # What this process has not seen yet, another or an earlier one has.
            name: func.coalesce(statement.excluded[name], getattr(Door, name))
            for name in ("last_contact_at", "last_message_at")
        }
        changes |= {name: statement.excluded[name] for name in ("error", "error_at")}
        if self._started:
            changes["started_at"] = statement.excluded.started_at
        session.execute(statement.on_conflict_do_update(index_elements=[Door.name], set_=changes))
        self._started = None
