"""Dispatches, carriers, guias, couriers, zones and routes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy import text

from models.base import BigId, UtcDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "carrier",
        sa.Column("id", BigId, nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("phone", sa.String(length=40), nullable=False),
        sa.Column("contact", sa.Text(), nullable=False),
        sa.Column("tracking_url", sa.Text(), nullable=False),
        sa.Column("low_stock", sa.Integer(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_carrier")),
        sa.UniqueConstraint("name", name=op.f("uq_carrier_name")),
    )
    op.create_table(
        "guia_range",
        sa.Column("id", BigId, nullable=False),
        sa.Column("carrier_id", BigId, nullable=False),
        sa.Column("prefix", sa.String(length=20), nullable=False),
        sa.Column("suffix", sa.String(length=10), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("first", BigId, nullable=False),
        sa.Column("last", BigId, nullable=False),
        sa.Column("next_number", BigId, nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["carrier_id"], ["carrier.id"], name=op.f("fk_guia_range_carrier_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_guia_range")),
    )
    op.create_index(op.f("ix_guia_range_carrier_id_id"), "guia_range", ["carrier_id", "id"], unique=False)
    op.create_table(
        "courier",
        sa.Column("id", BigId, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("account_id", BigId, nullable=True),
        sa.Column("vehicle", sa.String(length=80), nullable=False),
        sa.Column("phone", sa.String(length=40), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_courier_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_courier")),
        sa.UniqueConstraint("account_id", name=op.f("uq_courier_account_id")),
    )
    op.create_table(
        "zone",
        sa.Column("id", BigId, nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("postal_codes", sa.Text(), nullable=False),
        sa.Column("courier_id", BigId, nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["courier_id"], ["courier.id"], name=op.f("fk_zone_courier_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_zone")),
        sa.UniqueConstraint("name", name=op.f("uq_zone_name")),
    )
    op.create_table(
        "route",
        sa.Column("id", BigId, nullable=False),
        sa.Column("folio", sa.String(length=40), nullable=False),
        sa.Column("leaves_on", sa.Date(), nullable=False),
        sa.Column("zone_id", BigId, nullable=True),
        sa.Column("courier_id", BigId, nullable=True),
        sa.Column("carrier_id", BigId, nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("created_by_id", BigId, nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=True),
        sa.Column("closed_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["carrier_id"], ["carrier.id"], name=op.f("fk_route_carrier_id")),
        sa.ForeignKeyConstraint(["courier_id"], ["courier.id"], name=op.f("fk_route_courier_id")),
        sa.ForeignKeyConstraint(["created_by_id"], ["account.id"], name=op.f("fk_route_created_by_id")),
        sa.ForeignKeyConstraint(["zone_id"], ["zone.id"], name=op.f("fk_route_zone_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_route")),
        sa.UniqueConstraint("folio", name=op.f("uq_route_folio")),
    )
    op.create_index(
        "ix_route_open",
        "route",
        ["id"],
        unique=False,
        sqlite_where=text("closed_at IS NULL"),
        postgresql_where=text("closed_at IS NULL"),
    )
    op.create_table(
        "tariff",
        sa.Column("id", BigId, nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("carrier_id", BigId, nullable=True),
        sa.Column("zone_id", BigId, nullable=True),
        sa.Column("up_to_grams", sa.Integer(), nullable=True),
        sa.Column("cost_cents", sa.Integer(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["carrier_id"], ["carrier.id"], name=op.f("fk_tariff_carrier_id")),
        sa.ForeignKeyConstraint(["zone_id"], ["zone.id"], name=op.f("fk_tariff_zone_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tariff")),
    )
    op.create_table(
        "dispatch",
        sa.Column("id", BigId, nullable=False),
        sa.Column("case_id", BigId, nullable=False),
        sa.Column("recipient_id", BigId, nullable=True),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("institution", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("municipality", sa.String(length=120), nullable=False),
        sa.Column("postal_code", sa.String(length=10), nullable=False),
        sa.Column("phone", sa.String(length=40), nullable=False),
        sa.Column("instruction", sa.Text(), nullable=False),
        sa.Column("grams", sa.Integer(), nullable=False),
        sa.Column("wants_acuse", sa.Boolean(), nullable=False),
        sa.Column("requested_at", UtcDateTime(), nullable=False),
        sa.Column("requested_by_id", BigId, nullable=False),
        sa.Column("zone_id", BigId, nullable=True),
        sa.Column("route_id", BigId, nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("courier_id", BigId, nullable=True),
        sa.Column("carrier_id", BigId, nullable=True),
        sa.Column("cost_cents", sa.Integer(), nullable=False),
        sa.Column("assigned_at", UtcDateTime(), nullable=True),
        sa.Column("started_at", UtcDateTime(), nullable=True),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("receiver", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("acuse_due_at", UtcDateTime(), nullable=True),
        sa.Column("acuse_remind_at", UtcDateTime(), nullable=True),
        sa.Column("acuse_message_id", BigId, nullable=True),
        sa.Column("deliver_task_id", BigId, nullable=True),
        sa.Column("acuse_task_id", BigId, nullable=True),
        sa.ForeignKeyConstraint(["deliver_task_id"], ["task.id"], name=op.f("fk_dispatch_deliver_task_id")),
        sa.ForeignKeyConstraint(["acuse_task_id"], ["task.id"], name=op.f("fk_dispatch_acuse_task_id")),
        sa.ForeignKeyConstraint(
            ["acuse_message_id"], ["message.id"], name=op.f("fk_dispatch_acuse_message_id")
        ),
        sa.ForeignKeyConstraint(["carrier_id"], ["carrier.id"], name=op.f("fk_dispatch_carrier_id")),
        sa.ForeignKeyConstraint(
            ["case_id"], ["oficio.id"], name=op.f("fk_dispatch_case_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["courier_id"], ["courier.id"], name=op.f("fk_dispatch_courier_id")),
        sa.ForeignKeyConstraint(["recipient_id"], ["recipient.id"], name=op.f("fk_dispatch_recipient_id")),
        sa.ForeignKeyConstraint(
            ["requested_by_id"], ["account.id"], name=op.f("fk_dispatch_requested_by_id")
        ),
        sa.ForeignKeyConstraint(["route_id"], ["route.id"], name=op.f("fk_dispatch_route_id")),
        sa.ForeignKeyConstraint(["zone_id"], ["zone.id"], name=op.f("fk_dispatch_zone_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispatch")),
    )
    op.create_index(op.f("ix_dispatch_case_id_id"), "dispatch", ["case_id", "id"], unique=False)
    op.create_index(
        "ix_dispatch_courier",
        "dispatch",
        ["courier_id", "id"],
        unique=False,
        sqlite_where=text("state IN ('assigned', 'in_transit')"),
        postgresql_where=text("state IN ('assigned', 'in_transit')"),
    )
    op.create_index(
        "ix_dispatch_owed",
        "dispatch",
        ["acuse_remind_at", "id"],
        unique=False,
        sqlite_where=text("acuse_remind_at IS NOT NULL"),
        postgresql_where=text("acuse_remind_at IS NOT NULL"),
    )
    op.create_index(op.f("ix_dispatch_recipient_id"), "dispatch", ["recipient_id"], unique=False)
    op.create_index(
        "ix_dispatch_requested",
        "dispatch",
        ["id"],
        unique=False,
        sqlite_where=text("state = 'requested'"),
        postgresql_where=text("state = 'requested'"),
    )
    op.create_index(op.f("ix_dispatch_requested_at"), "dispatch", ["requested_at"], unique=False)
    op.create_index(op.f("ix_dispatch_route_id_position"), "dispatch", ["route_id", "position"], unique=False)
    op.create_table(
        "delivery_act",
        sa.Column("id", BigId, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("dispatch_id", BigId, nullable=False),
        sa.Column("account_id", BigId, nullable=False),
        sa.Column("outcome", sa.String(40), nullable=False),
        sa.Column("done_at", UtcDateTime(), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.Column("accuracy", sa.Double(), nullable=True),
        sa.Column("receiver", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("message_id", BigId, nullable=True),
        sa.Column("is_applied", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_delivery_act_account_id")),
        sa.ForeignKeyConstraint(
            ["dispatch_id"], ["dispatch.id"], name=op.f("fk_delivery_act_dispatch_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name=op.f("fk_delivery_act_message_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery_act")),
        sa.UniqueConstraint("key", name=op.f("uq_delivery_act_key")),
    )
    op.create_index(op.f("ix_delivery_act_dispatch_id"), "delivery_act", ["dispatch_id"], unique=False)
    op.create_table(
        "guia",
        sa.Column("id", BigId, nullable=False),
        sa.Column("carrier_id", BigId, nullable=False),
        sa.Column("range_id", BigId, nullable=True),
        sa.Column("number", sa.String(length=60), nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("dispatch_id", BigId, nullable=True),
        sa.Column("taken_at", UtcDateTime(), nullable=False),
        sa.Column("taken_by_id", BigId, nullable=True),
        sa.Column("cancelled_at", UtcDateTime(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["carrier_id"], ["carrier.id"], name=op.f("fk_guia_carrier_id")),
        sa.ForeignKeyConstraint(["dispatch_id"], ["dispatch.id"], name=op.f("fk_guia_dispatch_id")),
        sa.ForeignKeyConstraint(["range_id"], ["guia_range.id"], name=op.f("fk_guia_range_id")),
        sa.ForeignKeyConstraint(["taken_by_id"], ["account.id"], name=op.f("fk_guia_taken_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_guia")),
        sa.UniqueConstraint("carrier_id", "number", name=op.f("uq_guia_carrier_id_number")),
    )
    op.create_index(op.f("ix_guia_dispatch_id"), "guia", ["dispatch_id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_guia_dispatch_id"), table_name="guia")
    op.drop_table("guia")
    op.drop_index(op.f("ix_delivery_act_dispatch_id"), table_name="delivery_act")
    op.drop_table("delivery_act")
    op.drop_index(op.f("ix_dispatch_route_id_position"), table_name="dispatch")
    op.drop_index(op.f("ix_dispatch_requested_at"), table_name="dispatch")
    op.drop_index(
        "ix_dispatch_requested",
        table_name="dispatch",
        sqlite_where=text("state = 'requested'"),
        postgresql_where=text("state = 'requested'"),
    )
    op.drop_index(op.f("ix_dispatch_recipient_id"), table_name="dispatch")
    op.drop_index(
        "ix_dispatch_owed",
        table_name="dispatch",
        sqlite_where=text("acuse_remind_at IS NOT NULL"),
        postgresql_where=text("acuse_remind_at IS NOT NULL"),
    )
    op.drop_index(
        "ix_dispatch_courier",
        table_name="dispatch",
        sqlite_where=text("state IN ('assigned', 'in_transit')"),
        postgresql_where=text("state IN ('assigned', 'in_transit')"),
    )
    op.drop_index(op.f("ix_dispatch_case_id_id"), table_name="dispatch")
    op.drop_table("dispatch")
    op.drop_table("tariff")
    op.drop_index(
        "ix_route_open",
        table_name="route",
        sqlite_where=text("closed_at IS NULL"),
        postgresql_where=text("closed_at IS NULL"),
    )
    op.drop_table("route")
    op.drop_table("zone")
    op.drop_table("courier")
    op.drop_index(op.f("ix_guia_range_carrier_id_id"), table_name="guia_range")
    op.drop_table("guia_range")
    op.drop_table("carrier")
