"""Equipment, preventive plans, articles."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from models.base import BigId, UtcDateTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "equipment",
        sa.Column("id", BigId, nullable=False),
        sa.Column("inventory_number", sa.String(length=60), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("owner_name", sa.Text(), nullable=False),
        sa.Column("owner_email", sa.String(length=254), nullable=False),
        sa.Column("dependencia_id", BigId, nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["dependencia_id"], ["dependencia.id"], name=op.f("fk_equipment_dependencia_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_equipment")),
        sa.UniqueConstraint("inventory_number", name=op.f("uq_equipment_inventory_number")),
    )
    op.create_index(op.f("ix_equipment_dependencia_id"), "equipment", ["dependencia_id"], unique=False)
    op.create_table(
        "article",
        sa.Column("id", BigId, nullable=False),
        sa.Column("slug", sa.String(length=80), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("keywords", sa.Text(), nullable=False),
        sa.Column("service_id", BigId, nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.Column("helped", sa.Integer(), nullable=False),
        sa.Column("did_not_help", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["service_id"], ["service.id"], name=op.f("fk_article_service_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_article")),
        sa.UniqueConstraint("slug", name=op.f("uq_article_slug")),
    )
    op.create_index(op.f("ix_article_service_id"), "article", ["service_id"], unique=False)
    op.create_table(
        "calendar_feed",
        sa.Column("account_id", BigId, nullable=False),
        sa.Column("token_sha256", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_calendar_feed_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_calendar_feed")),
        sa.UniqueConstraint("token_sha256", name=op.f("uq_calendar_feed_token_sha256")),
    )
    op.create_table(
        "plan",
        sa.Column("id", BigId, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("service_id", BigId, nullable=False),
        sa.Column("technician_id", BigId, nullable=True),
        sa.Column("instruction", sa.Text(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("every", sa.Integer(), nullable=False),
        sa.Column("unit", sa.String(40), nullable=False),
        sa.Column("ahead_days", sa.Integer(), nullable=False),
        sa.Column("made_until", sa.Date(), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["service_id"], ["service.id"], name=op.f("fk_plan_service_id")),
        sa.ForeignKeyConstraint(["technician_id"], ["account.id"], name=op.f("fk_plan_technician_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan")),
    )
    op.create_index(op.f("ix_plan_service_id"), "plan", ["service_id"], unique=False)
    op.create_index(op.f("ix_plan_technician_id"), "plan", ["technician_id"], unique=False)
    op.create_table(
        "plan_equipment",
        sa.Column("plan_id", BigId, nullable=False),
        sa.Column("equipment_id", BigId, nullable=False),
        sa.ForeignKeyConstraint(
            ["equipment_id"],
            ["equipment.id"],
            name=op.f("fk_plan_equipment_equipment_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["plan.id"], name=op.f("fk_plan_equipment_plan_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("plan_id", "equipment_id", name=op.f("pk_plan_equipment")),
    )
    op.create_index(op.f("ix_plan_equipment_equipment_id"), "plan_equipment", ["equipment_id"], unique=False)
    op.create_table(
        "visit",
        sa.Column("id", BigId, nullable=False),
        sa.Column("plan_id", BigId, nullable=False),
        sa.Column("equipment_id", BigId, nullable=False),
        sa.Column("planned_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("case_id", BigId, nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_visit_case_id")),
        sa.ForeignKeyConstraint(["equipment_id"], ["equipment.id"], name=op.f("fk_visit_equipment_id")),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name=op.f("fk_visit_plan_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visit")),
        sa.UniqueConstraint(
            "plan_id", "equipment_id", "planned_on", name=op.f("uq_visit_plan_id_equipment_id_planned_on")
        ),
    )
    op.create_index(op.f("ix_visit_case_id"), "visit", ["case_id"], unique=False)
    op.create_index(op.f("ix_visit_due_on"), "visit", ["due_on"], unique=False)
    op.create_index(op.f("ix_visit_equipment_id"), "visit", ["equipment_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_visit_equipment_id"), table_name="visit")
    op.drop_index(op.f("ix_visit_due_on"), table_name="visit")
    op.drop_index(op.f("ix_visit_case_id"), table_name="visit")
    op.drop_table("visit")
    op.drop_index(op.f("ix_plan_equipment_equipment_id"), table_name="plan_equipment")
    op.drop_table("plan_equipment")
    op.drop_index(op.f("ix_plan_technician_id"), table_name="plan")
    op.drop_index(op.f("ix_plan_service_id"), table_name="plan")
    op.drop_table("plan")
    op.drop_table("calendar_feed")
    op.drop_index(op.f("ix_article_service_id"), table_name="article")
    op.drop_table("article")
    op.drop_index(op.f("ix_equipment_dependencia_id"), table_name="equipment")
    op.drop_table("equipment")
