"""The schema's history (Alembic) and the one way to bring a database up to date."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import inspect, text

from models.session import Database

_HERE = Path(__file__).parent


def upgrade(database: Database) -> None:
    """Create or update every table, in one transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_HERE))
    with database.engine.execution_options(begin="IMMEDIATE").begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def current_revision(database: Database) -> str | None:
    """The revision of the schema that the database has; None without any table of ours."""
    with database.engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
        return found


def is_current(database: Database) -> bool:
    """True when the database has the schema this code needs.

    Every program asks this when it starts, and to load Alembic takes a twentieth of a start.
    """
    newest = max(path.name for path in (_HERE / "versions").glob("[0-9]*.py"))
    return current_revision(database) == newest.partition("_")[0]
