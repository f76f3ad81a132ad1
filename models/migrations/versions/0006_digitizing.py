"""Scans, their pages, and what was read on them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy import text

from models.base import BigId, Json, UtcDateTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "scan",
        sa.Column("id", BigId, nullable=False),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("content_type", sa.String(length=255), nullable=False),
        sa.Column("size", BigId, nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("source", sa.String(40), nullable=False),
        sa.Column("account_id", BigId, nullable=True),
        sa.Column("sender", sa.String(length=320), nullable=False),
        sa.Column("dependencia_id", BigId, nullable=True),
        sa.Column("case_id", BigId, nullable=True),
        sa.Column("is_finished", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("page_count", sa.Integer(), nullable=False),
        sa.Column("pages_done", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("leased_until", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_scan_account_id")),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_scan_case_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["dependencia_id"], ["dependencia.id"], name=op.f("fk_scan_dependencia_id")),
        sa.ForeignKeyConstraint(["sha256"], ["blob.sha256"], name=op.f("fk_scan_sha256")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scan")),
        sa.UniqueConstraint("sha256", name=op.f("uq_scan_sha256")),
    )
    op.create_index(
        "ix_scan_unfinished",
        "scan",
        ["id"],
        unique=False,
        sqlite_where=text("NOT is_finished"),
        postgresql_where=text("NOT is_finished"),
    )
    op.create_index(
        "ix_scan_working",
        "scan",
        ["id"],
        unique=False,
        sqlite_where=text("state IN ('queued', 'running')"),
        postgresql_where=text("state IN ('queued', 'running')"),
    )
    op.create_table(
        "scan_filing",
        sa.Column("id", BigId, nullable=False),
        sa.Column("case_id", BigId, nullable=False),
        sa.Column("account_id", BigId, nullable=False),
        sa.Column("message_id", BigId, nullable=True),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("page_count", sa.Integer(), nullable=False),
        sa.Column("pages_done", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("leased_until", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_scan_filing_account_id")),
        sa.ForeignKeyConstraint(
            ["case_id"], ["case.id"], name=op.f("fk_scan_filing_case_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["message_id"], ["message.id"], name=op.f("fk_scan_filing_message_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scan_filing")),
    )
    op.create_index(op.f("ix_scan_filing_case_id_id"), "scan_filing", ["case_id", "id"], unique=False)
    op.create_index(op.f("ix_scan_filing_message_id"), "scan_filing", ["message_id"], unique=False)
    op.create_index(
        "ix_scan_filing_undone",
        "scan_filing",
        ["id"],
        unique=False,
        sqlite_where=text("state <> 'done'"),
        postgresql_where=text("state <> 'done'"),
    )
    op.create_index(
        "ix_scan_filing_working",
        "scan_filing",
        ["id"],
        unique=False,
        sqlite_where=text("state IN ('queued', 'running')"),
        postgresql_where=text("state IN ('queued', 'running')"),
    )
    op.create_table(
        "scan_page",
        sa.Column("id", BigId, nullable=False),
        sa.Column("scan_id", BigId, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("rotation", sa.Integer(), nullable=False),
        sa.Column("labels", Json, nullable=False),
        sa.Column("case_id", BigId, nullable=True),
        sa.Column("held_because", sa.String(40), nullable=True),
        sa.Column("is_discarded", sa.Boolean(), nullable=False),
        sa.Column("thumbnail", sa.LargeBinary(), nullable=True),
        sa.Column("filing_id", BigId, nullable=True),
        sa.ForeignKeyConstraint(
            ["case_id"], ["case.id"], name=op.f("fk_scan_page_case_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["filing_id"], ["scan_filing.id"], name=op.f("fk_scan_page_filing_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["scan_id"], ["scan.id"], name=op.f("fk_scan_page_scan_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scan_page")),
    )
    op.create_index(op.f("ix_scan_page_case_id"), "scan_page", ["case_id"], unique=False)
    op.create_index(op.f("ix_scan_page_filing_id"), "scan_page", ["filing_id"], unique=False)
    op.create_index(op.f("ix_scan_page_scan_id_position"), "scan_page", ["scan_id", "position"], unique=False)
    op.add_column("mailbox", sa.Column("purpose", sa.String(40), server_default="cases", nullable=False))
    op.add_column("mailbox", sa.Column("senders", Json, server_default="[]", nullable=False))


def downgrade() -> None:
    op.drop_column("mailbox", "senders")
    op.drop_column("mailbox", "purpose")
    op.drop_index(op.f("ix_scan_page_scan_id_position"), table_name="scan_page")
    op.drop_index(op.f("ix_scan_page_filing_id"), table_name="scan_page")
    op.drop_index(op.f("ix_scan_page_case_id"), table_name="scan_page")
    op.drop_table("scan_page")
    op.drop_index("ix_scan_filing_undone", table_name="scan_filing")
    op.drop_index(
        "ix_scan_filing_working",
        table_name="scan_filing",
        sqlite_where=text("state IN ('queued', 'running')"),
        postgresql_where=text("state IN ('queued', 'running')"),
    )
    op.drop_index(op.f("ix_scan_filing_message_id"), table_name="scan_filing")
    op.drop_index(op.f("ix_scan_filing_case_id_id"), table_name="scan_filing")
    op.drop_table("scan_filing")
    op.drop_index(
        "ix_scan_working",
        table_name="scan",
        sqlite_where=text("state IN ('queued', 'running')"),
        postgresql_where=text("state IN ('queued', 'running')"),
    )
    op.drop_index(
        "ix_scan_unfinished",
        table_name="scan",
        sqlite_where=text("NOT is_finished"),
        postgresql_where=text("NOT is_finished"),
    )
    op.drop_table("scan")
