"""Calendars with hours and days off; commitments by priority, per unit and as ranges; clocks that pause."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy import text

from models.base import BigId, UtcDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def upgrade() -> None:
    op.create_table(
        "calendar",
        sa.Column("id", BigId, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("zone", sa.String(length=64), nullable=False),
        *(sa.Column(day, sa.String(length=80), nullable=False) for day in _WEEKDAYS),
        sa.Column("keeps_holidays", sa.Boolean(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calendar")),
    )
    op.create_table(
        "day_off",
        sa.Column("id", BigId, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("calendar_id", BigId, nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["calendar_id"], ["calendar.id"], name=op.f("fk_day_off_calendar_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_day_off")),
    )
    op.create_index(op.f("ix_day_off_calendar_id"), "day_off", ["calendar_id"], unique=False)
    with op.batch_alter_table("service") as batch_op:
        batch_op.add_column(sa.Column("unit_minutes", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("unit_name", sa.String(length=60), server_default="", nullable=False))
        batch_op.add_column(sa.Column("agreed_from", sa.String(length=5), server_default="", nullable=False))
        batch_op.add_column(sa.Column("agreed_to", sa.String(length=5), server_default="", nullable=False))
        batch_op.add_column(sa.Column("calendar_id", BigId, nullable=True))
        batch_op.create_foreign_key(op.f("fk_service_calendar_id"), "calendar", ["calendar_id"], ["id"])
        batch_op.create_index(op.f("ix_service_calendar_id"), ["calendar_id"], unique=False)
    with op.batch_alter_table("ticket") as batch_op:
        batch_op.add_column(sa.Column("quantity", sa.Integer(), nullable=True))
    op.create_table(
        "commitment",
        sa.Column("service_id", BigId, nullable=False),
        sa.Column("priority", sa.String(40), nullable=False),
        sa.Column("first_answer_minutes", sa.Integer(), nullable=True),
        sa.Column("solution_minutes", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["service_id"], ["service.id"], name=op.f("fk_commitment_service_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("service_id", "priority", name=op.f("pk_commitment")),
    )
    op.create_table(
        "case_commitment",
        sa.Column("case_id", BigId, nullable=False),
        sa.Column("counts_from", UtcDateTime(), nullable=False),
        sa.Column("calendar_id", BigId, nullable=True),
        sa.Column("answer_minutes", sa.Integer(), nullable=True),
        sa.Column("solution_minutes", sa.Integer(), nullable=True),
        sa.Column("earliest_on", sa.Date(), nullable=True),
        sa.Column("latest_on", sa.Date(), nullable=True),
        *(
            sa.Column(name, UtcDateTime(), nullable=True)
            for name in (
                "agreed_at", "agreed_due_at", "answer_due_at", "answered_at", "solved_at",
                "answer_soon_told_at", "answer_overdue_told_at", "answer_escalated_at",
                "solution_soon_told_at", "solution_overdue_told_at", "solution_escalated_at", "next_at",
            )
        ),
        sa.ForeignKeyConstraint(
            ["calendar_id"], ["calendar.id"], name=op.f("fk_case_commitment_calendar_id")
        ),
        sa.ForeignKeyConstraint(
            ["case_id"], ["case.id"], name=op.f("fk_case_commitment_case_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_case_commitment")),
    )  # fmt: skip
    op.create_index(
        "ix_case_commitment_next",
        "case_commitment",
        ["next_at"],
        unique=False,
        sqlite_where=text("next_at IS NOT NULL"),
        postgresql_where=text("next_at IS NOT NULL"),
    )
    op.create_table(
        "case_pause",
        sa.Column("id", BigId, nullable=False),
        sa.Column("case_id", BigId, nullable=False),
        sa.Column("reason", sa.String(40), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["case_id"], ["case.id"], name=op.f("fk_case_pause_case_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_pause")),
    )
    op.create_index(op.f("ix_case_pause_case_id_id"), "case_pause", ["case_id", "id"], unique=False)
    # Cases that wait right now go on pausing; since when is not known better.
    op.execute(
        "INSERT INTO case_pause (case_id, reason, started_at) "
        "SELECT id, 'requester', last_activity_at FROM \"case\" WHERE state = 'waiting'"
    )


def downgrade() -> None:
    op.drop_table("case_pause")
    op.drop_table("case_commitment")
    op.drop_table("commitment")
    with op.batch_alter_table("ticket") as batch_op:
        batch_op.drop_column("quantity")
    with op.batch_alter_table("service") as batch_op:
        batch_op.drop_index(op.f("ix_service_calendar_id"))
        batch_op.drop_constraint(op.f("fk_service_calendar_id"), type_="foreignkey")
        for name in ("calendar_id", "agreed_to", "agreed_from", "unit_name", "unit_minutes"):
            batch_op.drop_column(name)
    op.drop_table("day_off")
    op.drop_table("calendar")
