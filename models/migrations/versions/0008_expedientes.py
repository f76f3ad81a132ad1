"""Expedientes, archive series and terms, visto bueno, the daily digest."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy import text

from models.base import BigId, UtcDateTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "archive_series",
        sa.Column("id", BigId, nullable=False),
        sa.Column("parent_id", BigId, nullable=True),
        sa.Column("level", sa.String(40), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("process_years", sa.Integer(), nullable=False),
        sa.Column("concentration_years", sa.Integer(), nullable=False),
        sa.Column("is_administrative", sa.Boolean(), nullable=False),
        sa.Column("is_legal", sa.Boolean(), nullable=False),
        sa.Column("is_fiscal", sa.Boolean(), nullable=False),
        sa.Column("disposition", sa.String(40), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["archive_series.id"], name=op.f("fk_archive_series_parent_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_archive_series")),
        sa.UniqueConstraint("code", name=op.f("uq_archive_series_code")),
    )
    op.create_index(op.f("ix_archive_series_parent_id"), "archive_series", ["parent_id"], unique=False)
    op.create_table(
        "document_series",
        sa.Column("document_type", sa.String(40), nullable=False),
        sa.Column("series_id", BigId, nullable=False),
        sa.ForeignKeyConstraint(
            ["series_id"], ["archive_series.id"], name=op.f("fk_document_series_series_id")
        ),
        sa.PrimaryKeyConstraint("document_type", name=op.f("pk_document_series")),
    )
    op.create_table(
        "digest_setting",
        sa.Column("account_id", BigId, nullable=False),
        sa.Column("channel", sa.String(40), nullable=False),
        sa.Column("hour", sa.Integer(), nullable=False),
        sa.Column("told_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_digest_setting_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_digest_setting")),
    )
    op.create_index(
        "ix_digest_setting_wanted",
        "digest_setting",
        ["hour"],
        unique=False,
        sqlite_where=text("channel != 'off'"),
        postgresql_where=text("channel != 'off'"),
    )
    op.create_table(
        "expediente",
        sa.Column("id", BigId, nullable=False),
        sa.Column("number", sa.String(length=100), nullable=False),
        sa.Column("dependencia_id", BigId, nullable=False),
        sa.Column("series_id", BigId, nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("place", sa.String(length=120), nullable=False),
        sa.Column("opened_on", sa.Date(), nullable=False),
        sa.Column("opened_by_id", BigId, nullable=False),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.Column("closed_by_id", BigId, nullable=True),
        sa.Column("transfer_on", sa.Date(), nullable=True),
        sa.Column("final_on", sa.Date(), nullable=True),
        sa.Column("transferred_on", sa.Date(), nullable=True),
        sa.Column("transferred_by_id", BigId, nullable=True),
        sa.Column("pdf_asked_at", UtcDateTime(), nullable=True),
        sa.Column("pdf_made_at", UtcDateTime(), nullable=True),
        sa.Column("pdf_sha256", sa.String(length=64), nullable=True),
        sa.Column("pdf_error", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["closed_by_id"], ["account.id"], name=op.f("fk_expediente_closed_by_id")),
        sa.ForeignKeyConstraint(
            ["dependencia_id"], ["dependencia.id"], name=op.f("fk_expediente_dependencia_id")
        ),
        sa.ForeignKeyConstraint(["opened_by_id"], ["account.id"], name=op.f("fk_expediente_opened_by_id")),
        sa.ForeignKeyConstraint(["pdf_sha256"], ["blob.sha256"], name=op.f("fk_expediente_pdf_sha256")),
        sa.ForeignKeyConstraint(["series_id"], ["archive_series.id"], name=op.f("fk_expediente_series_id")),
        sa.ForeignKeyConstraint(
            ["transferred_by_id"], ["account.id"], name=op.f("fk_expediente_transferred_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_expediente")),
        sa.UniqueConstraint("number", name=op.f("uq_expediente_number")),
    )
    op.create_index(
        op.f("ix_expediente_dependencia_id_id"), "expediente", ["dependencia_id", "id"], unique=False
    )
    op.create_index(
        op.f("ix_expediente_dependencia_id_transfer_on"),
        "expediente",
        ["dependencia_id", "transfer_on"],
        unique=False,
    )
    op.create_index(op.f("ix_expediente_pdf_asked_at"), "expediente", ["pdf_asked_at"], unique=False)
    op.create_index(op.f("ix_expediente_pdf_sha256"), "expediente", ["pdf_sha256"], unique=False)
    op.create_index(op.f("ix_expediente_series_id"), "expediente", ["series_id"], unique=False)
    op.create_table(
        "expediente_entry",
        sa.Column("id", BigId, nullable=False),
        sa.Column("expediente_id", BigId, nullable=False),
        sa.Column("case_id", BigId, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("added_at", UtcDateTime(), nullable=False),
        sa.Column("added_by_id", BigId, nullable=False),
        sa.Column("pages", sa.Integer(), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["added_by_id"], ["account.id"], name=op.f("fk_expediente_entry_added_by_id")
        ),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_expediente_entry_case_id")),
        sa.ForeignKeyConstraint(
            ["expediente_id"], ["expediente.id"], name=op.f("fk_expediente_entry_expediente_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_expediente_entry")),
        sa.UniqueConstraint(
            "expediente_id", "case_id", name=op.f("uq_expediente_entry_expediente_id_case_id")
        ),
    )
    op.create_index(op.f("ix_expediente_entry_case_id"), "expediente_entry", ["case_id"], unique=False)
    op.create_table(
        "review",
        sa.Column("id", BigId, nullable=False),
        sa.Column("oficio_id", BigId, nullable=False),
        sa.Column("account_id", BigId, nullable=False),
        sa.Column("asked_by_id", BigId, nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("remark", sa.Text(), nullable=False),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("text_sha256", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_review_account_id")),
        sa.ForeignKeyConstraint(["asked_by_id"], ["account.id"], name=op.f("fk_review_asked_by_id")),
        sa.ForeignKeyConstraint(
            ["oficio_id"], ["oficio.id"], name=op.f("fk_review_oficio_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review")),
        sa.UniqueConstraint("oficio_id", "account_id", name=op.f("uq_review_oficio_id_account_id")),
    )
    op.create_index(op.f("ix_review_account_id"), "review", ["account_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_review_account_id"), table_name="review")
    op.drop_table("review")
    op.drop_index(op.f("ix_expediente_entry_case_id"), table_name="expediente_entry")
    op.drop_table("expediente_entry")
    op.drop_index(op.f("ix_expediente_series_id"), table_name="expediente")
    op.drop_index(op.f("ix_expediente_pdf_sha256"), table_name="expediente")
    op.drop_index(op.f("ix_expediente_pdf_asked_at"), table_name="expediente")
    op.drop_index(op.f("ix_expediente_dependencia_id_transfer_on"), table_name="expediente")
    op.drop_index(op.f("ix_expediente_dependencia_id_id"), table_name="expediente")
    op.drop_table("expediente")
    op.drop_index(
        "ix_digest_setting_wanted",
        table_name="digest_setting",
        sqlite_where=text("channel != 'off'"),
        postgresql_where=text("channel != 'off'"),
    )
    op.drop_table("digest_setting")
    op.drop_table("document_series")
    op.drop_index(op.f("ix_archive_series_parent_id"), table_name="archive_series")
    op.drop_table("archive_series")
