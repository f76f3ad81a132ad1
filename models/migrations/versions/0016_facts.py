"""Notices keep the facts that their words are drawn from when they are sent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from models.base import Json

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("outbox_message", sa.Column("facts", Json, server_default="{}", nullable=False))


def downgrade() -> None:
    op.drop_column("outbox_message", "facts")
