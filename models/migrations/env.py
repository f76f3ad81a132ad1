"""Alembic's entry; the connection comes from `models.migrations.upgrade`, or from OFICIALIA_DATABASE_URL."""

from __future__ import annotations

import os

from alembic import context

import models
from models.session import open_database

if (connection := context.config.attributes.get("connection")) is not None:
    context.configure(connection=connection, target_metadata=models.Base.metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()
else:
    database = open_database(os.environ.get("OFICIALIA_DATABASE_URL", "sqlite:///var/oficialia.db"))
    with database.engine.connect() as connection:
        context.configure(connection=connection, target_metadata=models.Base.metadata, render_as_batch=True)
        with context.begin_transaction():
            context.run_migrations()
