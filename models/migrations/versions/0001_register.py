"""The register: every table of the first release, and the full-text index."""

from __future__ import annotations

from alembic import op

import models
from models.search import POSTGRESQL_DDL, SQLITE_DDL

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    connection = op.get_bind()
    models.Base.metadata.create_all(connection)
    for statement in POSTGRESQL_DDL if connection.dialect.name == "postgresql" else SQLITE_DDL:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE message_search")
    models.Base.metadata.drop_all(op.get_bind())
