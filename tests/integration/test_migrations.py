"""The migrations make the very schema that the code describes, and nothing is lost on the way there."""

from __future__ import annotations

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

import models
from models import migrations
from models.session import Database, open_database

# SQLAlchemy cannot read these back from SQLite; the test on PostgreSQL compares them.
EXPRESSIONS = ("uq_case_access", "uq_event_chain")


@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based index")
@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
def test_the_migrations_make_the_schema_of_the_tables(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "include_name": lambda name, kind, _: (
                    not (kind == "table" and str(name).startswith("message_search"))
                ),
            },
        )
        found = compare_metadata(context, models.Base.metadata)
    assert [each for each in found if not str(each[1]).startswith("Index") or _is_told(each[1])] == []


def _is_told(index: object) -> bool:
    return getattr(index, "name", "") not in EXPRESSIONS


def test_the_indexes_on_expressions_are_there(database: Database) -> None:
    source = "pg_indexes" if database.engine.dialect.name == "postgresql" else "sqlite_master"
    column = "indexname" if source == "pg_indexes" else "name"
    with database.engine.connect() as connection:
        names = set(connection.scalars(text(f"SELECT {column} FROM {source}")))
    assert names.issuperset(EXPRESSIONS)


def test_an_empty_database_is_brought_up_to_date_and_back(empty_database_url: str) -> None:
    database = open_database(empty_database_url)
    assert not migrations.is_current(database)
    migrations.upgrade(database)
    assert migrations.is_current(database)
    migrations.upgrade(database)
    assert {"case", "ticket", "oficio", "inbound_mail"} <= set(inspect(database.engine).get_table_names())
    database.close()
