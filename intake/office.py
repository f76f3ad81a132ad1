"""What every verb of the desk needs at hand: settings, database and store, opened once per process."""

from __future__ import annotations

from dataclasses import dataclass

from intake.config import Settings
from intake.programs.publishing import publish
from intake.store import Store, open_store
from models.session import Database, open_database


@dataclass(frozen=True, slots=True)
class Office:
    """The open office. Verbs take it with the caller's session; they never open their own."""

    settings: Settings
    database: Database
    store: Store

    @classmethod
    def open(cls, settings: Settings) -> Office:
        """Open database and store as *settings* say. Raises ValueError on a wrong URL."""
        database = open_database(settings.database_url)
        database.before_commit(publish)
        return cls(settings, database, open_store(settings.store_url))
