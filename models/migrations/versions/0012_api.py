"""Tokens, idempotency keys and webhooks; who gets complaints about a service."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy import text

from models.base import BigId, Json, UtcDateTime

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "api_token",
        sa.Column("id", BigId, nullable=False),
        sa.Column("account_id", BigId, nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("token_sha256", sa.String(length=64), nullable=False),
        sa.Column("hint", sa.String(length=16), nullable=False),
        sa.Column("scopes", Json, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("last_used_at", UtcDateTime(), nullable=True),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_api_token_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_token")),
        sa.UniqueConstraint("token_sha256", name=op.f("uq_api_token_token_sha256")),
    )
    op.create_index(op.f("ix_api_token_account_id"), "api_token", ["account_id"], unique=False)
    op.create_table(
        "webhook",
        sa.Column("id", BigId, nullable=False),
        sa.Column("account_id", BigId, nullable=False),
        sa.Column("url", sa.String(length=2000), nullable=False),
        sa.Column("events", Json, nullable=False),
        sa.Column("salt", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("last_delivered_at", UtcDateTime(), nullable=True),
        sa.Column("failing_since", UtcDateTime(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.Column("disabled_at", UtcDateTime(), nullable=True),
        sa.Column("deleted_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_webhook_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook")),
    )
    op.create_index(op.f("ix_webhook_account_id"), "webhook", ["account_id"], unique=False)
    op.create_index(
        "ix_webhook_active",
        "webhook",
        ["id"],
        unique=False,
        sqlite_where=text("disabled_at IS NULL AND deleted_at IS NULL"),
        postgresql_where=text("disabled_at IS NULL AND deleted_at IS NULL"),
    )
    op.create_table(
        "idempotency_key",
        sa.Column("token_id", BigId, nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("request_sha256", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("content_type", sa.String(length=80), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["token_id"], ["api_token.id"], name=op.f("fk_idempotency_key_token_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_id", "key", name=op.f("pk_idempotency_key")),
    )
    op.create_index(op.f("ix_idempotency_key_created_at"), "idempotency_key", ["created_at"], unique=False)
    op.add_column("outbox_message", sa.Column("webhook_id", BigId, nullable=True))
    with op.batch_alter_table("service") as batch_op:
        batch_op.add_column(sa.Column("complaint_to_id", BigId, nullable=True))
        batch_op.create_foreign_key(
            op.f("fk_service_complaint_to_id"), "dependencia", ["complaint_to_id"], ["id"]
        )


def downgrade() -> None:
    with op.batch_alter_table("service") as batch_op:
        batch_op.drop_constraint(op.f("fk_service_complaint_to_id"), type_="foreignkey")
        batch_op.drop_column("complaint_to_id")
    op.drop_column("outbox_message", "webhook_id")
    op.drop_index(op.f("ix_idempotency_key_created_at"), table_name="idempotency_key")
    op.drop_table("idempotency_key")
    op.drop_index(
        "ix_webhook_active",
        table_name="webhook",
        sqlite_where=text("disabled_at IS NULL AND deleted_at IS NULL"),
        postgresql_where=text("disabled_at IS NULL AND deleted_at IS NULL"),
    )
    op.drop_index(op.f("ix_webhook_account_id"), table_name="webhook")
    op.drop_table("webhook")
    op.drop_index(op.f("ix_api_token_account_id"), table_name="api_token")
    op.drop_table("api_token")
