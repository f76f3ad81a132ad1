"""What a manager decided about an act that came late; deliveries of whoever asked for them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy import text

from models.base import BigId, UtcDateTime

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_LATE = text("NOT is_applied AND decided_at IS NULL")


def upgrade() -> None:
    with op.batch_alter_table("delivery_act") as table:
        table.add_column(sa.Column("decided_at", UtcDateTime(), nullable=True))
        table.add_column(sa.Column("decided_by_id", BigId, nullable=True))
        table.create_foreign_key(op.f("fk_delivery_act_decided_by_id"), "account", ["decided_by_id"], ["id"])
        table.create_index("ix_delivery_act_late", ["id"], sqlite_where=_LATE, postgresql_where=_LATE)
    op.create_index(op.f("ix_dispatch_requested_by_id_id"), "dispatch", ["requested_by_id", "id"])


def downgrade() -> None:
    op.drop_index(op.f("ix_dispatch_requested_by_id_id"), "dispatch")
    with op.batch_alter_table("delivery_act") as table:
        table.drop_index("ix_delivery_act_late")
        table.drop_constraint(op.f("fk_delivery_act_decided_by_id"), type_="foreignkey")
        table.drop_column("decided_by_id")
        table.drop_column("decided_at")
