"""What was proposed and accepted, counts by day, scheduled reports."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy import text

from models.base import BigId, Json, UtcDateTime

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "counted_through",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("counted_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_counted_through")),
    )
    op.create_table(
        "day_count",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("dependencia_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("service_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("arrivals", sa.Integer(), nullable=False),
        sa.Column("still_open", sa.Integer(), nullable=False),
        sa.Column("overdue", sa.Integer(), nullable=False),
        sa.Column("ended", sa.Integer(), nullable=False),
        sa.Column("finished", sa.Integer(), nullable=False),
        sa.Column("answers_kept", sa.Integer(), nullable=False),
        sa.Column("answers_late", sa.Integer(), nullable=False),
        sa.Column("solutions_kept", sa.Integer(), nullable=False),
        sa.Column("solutions_late", sa.Integer(), nullable=False),
        sa.Column("rated_1", sa.Integer(), nullable=False),
        sa.Column("rated_2", sa.Integer(), nullable=False),
        sa.Column("rated_3", sa.Integer(), nullable=False),
        sa.Column("rated_4", sa.Integer(), nullable=False),
        sa.Column("rated_5", sa.Integer(), nullable=False),
        sa.Column("accepted", sa.Integer(), nullable=False),
        sa.Column("corrected", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", "dependencia_id", "service_id", "channel", name=op.f("pk_day_count")),
    )
    op.create_index(
        "ix_day_count_open",
        "day_count",
        ["day"],
        unique=False,
        sqlite_where=text("still_open > 0"),
        postgresql_where=text("still_open > 0"),
    )
    op.create_table(
        "day_mark",
        sa.Column("id", BigId, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_day_mark")),
    )
    op.create_table(
        "hour_count",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("dependencia_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("hour", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("arrivals", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("day", "dependencia_id", "hour", name=op.f("pk_hour_count")),
    )
    op.create_table(
        "learned_model",
        sa.Column("id", BigId, nullable=False),
        sa.Column("night", sa.Date(), nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("claimed_at", UtcDateTime(), nullable=False),
        sa.Column("learned_at", UtcDateTime(), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("cases", sa.Integer(), nullable=False),
        sa.Column("last_ended_at", UtcDateTime(), nullable=True),
        sa.Column("figures", Json, nullable=False),
        sa.ForeignKeyConstraint(["sha256"], ["blob.sha256"], name=op.f("fk_learned_model_sha256")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_learned_model")),
        sa.UniqueConstraint("night", name=op.f("uq_learned_model_night")),
    )
    op.create_index(op.f("ix_learned_model_sha256"), "learned_model", ["sha256"], unique=False)
    op.create_table(
        "scheduled_report",
        sa.Column("id", BigId, nullable=False),
        sa.Column("account_id", BigId, nullable=False),
        sa.Column("dependencia_id", BigId, nullable=True),
        sa.Column("frequency", sa.String(40), nullable=False),
        sa.Column("to", Json, nullable=False),
        sa.Column("next_on", sa.Date(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("last_sent_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_scheduled_report_account_id")),
        sa.ForeignKeyConstraint(
            ["dependencia_id"], ["dependencia.id"], name=op.f("fk_scheduled_report_dependencia_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scheduled_report")),
    )
    op.create_index(op.f("ix_scheduled_report_account_id"), "scheduled_report", ["account_id"], unique=False)
    op.create_index(op.f("ix_scheduled_report_next_on"), "scheduled_report", ["next_on"], unique=False)
    op.create_table(
        "suggestion",
        sa.Column("case_id", BigId, nullable=False),
        sa.Column("model_id", BigId, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("service_id", BigId, nullable=True),
        sa.Column("service_confidence", sa.Float(), nullable=False),
        sa.Column("dependencia_id", BigId, nullable=True),
        sa.Column("dependencia_confidence", sa.Float(), nullable=False),
        sa.Column("priority", sa.String(40), nullable=True),
        sa.Column("priority_confidence", sa.Float(), nullable=False),
        sa.Column("words", Json, nullable=False),
        sa.Column("outcome", sa.String(40), nullable=False),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("decided_by_id", BigId, nullable=True),
        sa.ForeignKeyConstraint(
            ["case_id"], ["case.id"], name=op.f("fk_suggestion_case_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["decided_by_id"], ["account.id"], name=op.f("fk_suggestion_decided_by_id")),
        sa.ForeignKeyConstraint(
            ["dependencia_id"], ["dependencia.id"], name=op.f("fk_suggestion_dependencia_id")
        ),
        sa.ForeignKeyConstraint(["model_id"], ["learned_model.id"], name=op.f("fk_suggestion_model_id")),
        sa.ForeignKeyConstraint(["service_id"], ["service.id"], name=op.f("fk_suggestion_service_id")),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_suggestion")),
    )
    op.create_index(
        "ix_suggestion_decided",
        "suggestion",
        ["decided_at"],
        unique=False,
        sqlite_where=text("decided_at IS NOT NULL"),
        postgresql_where=text("decided_at IS NOT NULL"),
    )
    op.create_index(op.f("ix_suggestion_model_id"), "suggestion", ["model_id"], unique=False)
    op.create_index(op.f("ix_rating_created_at"), "rating", ["created_at"], unique=False)
    op.add_column("case", sa.Column("ended_at", UtcDateTime(), nullable=True))
    op.create_index("ix_case_created_at", "case", ["created_at"], unique=False)
    op.create_index(
        "ix_case_ended_at",
        "case",
        ["ended_at"],
        unique=False,
        sqlite_where=text("ended_at IS NOT NULL"),
        postgresql_where=text("ended_at IS NOT NULL"),
    )

    # Cases that ended before this was written down.
    op.execute(
        'UPDATE "case" SET ended_at = coalesce(resolved_at, closed_at, last_activity_at) WHERE NOT is_open'
    )


def downgrade() -> None:
    op.drop_index(
        "ix_case_ended_at",
        table_name="case",
        sqlite_where=text("ended_at IS NOT NULL"),
        postgresql_where=text("ended_at IS NOT NULL"),
    )
    op.drop_index("ix_case_created_at", table_name="case")
    op.drop_column("case", "ended_at")
    op.drop_index(op.f("ix_rating_created_at"), table_name="rating")
    op.drop_index(op.f("ix_suggestion_model_id"), table_name="suggestion")
    op.drop_index(
        "ix_suggestion_decided",
        table_name="suggestion",
        sqlite_where=text("decided_at IS NOT NULL"),
        postgresql_where=text("decided_at IS NOT NULL"),
    )
    op.drop_table("suggestion")
    op.drop_index(op.f("ix_scheduled_report_next_on"), table_name="scheduled_report")
    op.drop_index(op.f("ix_scheduled_report_account_id"), table_name="scheduled_report")
    op.drop_table("scheduled_report")
    op.drop_index(op.f("ix_learned_model_sha256"), table_name="learned_model")
    op.drop_table("learned_model")
    op.drop_table("hour_count")
    op.drop_table("day_mark")
    op.drop_index(
        "ix_day_count_open",
        table_name="day_count",
        sqlite_where=text("still_open > 0"),
        postgresql_where=text("still_open > 0"),
    )
    op.drop_table("day_count")
    op.drop_table("counted_through")
