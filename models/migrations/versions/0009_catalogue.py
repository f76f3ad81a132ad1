"""Custom fields and versions of services, profiles of requesters."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from models.base import BigId, Json, UtcDateTime

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "classification",
        sa.Column("id", BigId, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("examples", sa.Text(), nullable=False),
        sa.Column("dependencia_id", BigId, nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["dependencia_id"], ["dependencia.id"], name=op.f("fk_classification_dependencia_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_classification")),
        sa.UniqueConstraint("name", name=op.f("uq_classification_name")),
    )
    op.create_index(
        op.f("ix_classification_dependencia_id"), "classification", ["dependencia_id"], unique=False
    )
    op.create_table(
        "manual",
        sa.Column("id", BigId, nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("government", sa.Text(), nullable=False),
        sa.Column("period", sa.String(length=40), nullable=False),
        sa.Column("introduction", sa.Text(), nullable=False),
        sa.Column("objective", sa.Text(), nullable=False),
        sa.Column("legal_basis", sa.Text(), nullable=False),
        sa.Column("transitory", sa.Text(), nullable=False),
        sa.Column("authorised_by", sa.Text(), nullable=False),
        sa.Column("authorised_post", sa.Text(), nullable=False),
        sa.Column("prepared_by", sa.Text(), nullable=False),
        sa.Column("prepared_post", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_manual")),
    )
    op.create_table(
        "service_field",
        sa.Column("id", BigId, nullable=False),
        sa.Column("service_id", BigId, nullable=False),
        sa.Column("label", sa.String(length=120), nullable=False),
        sa.Column("help", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("choices", Json, nullable=False),
        sa.Column("is_required", sa.Boolean(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["service_id"], ["service.id"], name=op.f("fk_service_field_service_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_field")),
    )
    op.create_index(op.f("ix_service_field_service_id"), "service_field", ["service_id"], unique=False)
    op.create_table(
        "catalogue_version",
        sa.Column("id", BigId, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("published_at", UtcDateTime(), nullable=False),
        sa.Column("published_by_id", BigId, nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("content", Json, nullable=False),
        sa.ForeignKeyConstraint(
            ["published_by_id"], ["account.id"], name=op.f("fk_catalogue_version_published_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalogue_version")),
        sa.UniqueConstraint("number", name=op.f("uq_catalogue_version_number")),
    )
    op.create_table(
        "field_value",
        sa.Column("id", BigId, nullable=False),
        sa.Column("case_id", BigId, nullable=False),
        sa.Column("field_id", BigId, nullable=False),
        sa.Column("label", sa.String(length=120), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("attachment_id", BigId, nullable=True),
        sa.ForeignKeyConstraint(
            ["attachment_id"],
            ["attachment.id"],
            name=op.f("fk_field_value_attachment_id"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["case_id"], ["case.id"], name=op.f("fk_field_value_case_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["field_id"], ["service_field.id"], name=op.f("fk_field_value_field_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_field_value")),
        sa.UniqueConstraint("case_id", "field_id", name=op.f("uq_field_value_case_id_field_id")),
    )
    op.create_index(op.f("ix_field_value_attachment_id"), "field_value", ["attachment_id"], unique=False)
    op.create_index(op.f("ix_field_value_field_id"), "field_value", ["field_id"], unique=False)
    with op.batch_alter_table("contact") as batch_op:
        batch_op.add_column(sa.Column("tells_email", sa.Boolean(), server_default=sa.true(), nullable=False))
        batch_op.add_column(sa.Column("tells_chat", sa.Boolean(), server_default=sa.true(), nullable=False))
        batch_op.add_column(sa.Column("erased_at", UtcDateTime(), nullable=True))
    with op.batch_alter_table("service") as batch_op:
        for name in ("procedure", "beneficiary", "characteristics", "flow"):
            batch_op.add_column(sa.Column(name, sa.Text(), server_default="", nullable=False))
    with op.batch_alter_table("ticket") as batch_op:
        batch_op.add_column(sa.Column("classification", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("catalogue_version_id", BigId, nullable=True))
        batch_op.create_foreign_key(
            op.f("fk_ticket_catalogue_version_id"), "catalogue_version", ["catalogue_version_id"], ["id"]
        )
    with op.batch_alter_table("user") as batch_op:
        batch_op.add_column(sa.Column("avatar_sha256", sa.String(length=64), nullable=True))
        batch_op.create_foreign_key(op.f("fk_user_avatar_sha256"), "blob", ["avatar_sha256"], ["sha256"])


def downgrade() -> None:
    with op.batch_alter_table("user") as batch_op:
        batch_op.drop_constraint(op.f("fk_user_avatar_sha256"), type_="foreignkey")
        batch_op.drop_column("avatar_sha256")
    with op.batch_alter_table("ticket") as batch_op:
        batch_op.drop_constraint(op.f("fk_ticket_catalogue_version_id"), type_="foreignkey")
        batch_op.drop_column("catalogue_version_id")
        batch_op.drop_column("classification")
    with op.batch_alter_table("service") as batch_op:
        for name in ("flow", "characteristics", "beneficiary", "procedure"):
            batch_op.drop_column(name)
    with op.batch_alter_table("contact") as batch_op:
        for name in ("erased_at", "tells_chat", "tells_email"):
            batch_op.drop_column(name)
    op.drop_index(op.f("ix_field_value_field_id"), table_name="field_value")
    op.drop_index(op.f("ix_field_value_attachment_id"), table_name="field_value")
    op.drop_table("field_value")
    op.drop_table("catalogue_version")
    op.drop_index(op.f("ix_service_field_service_id"), table_name="service_field")
    op.drop_table("service_field")
    op.drop_table("manual")
    op.drop_index(op.f("ix_classification_dependencia_id"), table_name="classification")
    op.drop_table("classification")
