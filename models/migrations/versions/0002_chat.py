"""Chats with the bot, revisions of messages, ratings, and links that work once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy import text

from models.base import BigId, Json, UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "chat",
        sa.Column("id", BigId, autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.Column("language", sa.String(length=5), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("data", Json, server_default="{}", nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.Column("contact_id", BigId, nullable=True),
        sa.Column("person_id", BigId, nullable=True),
        sa.Column("dependencia_id", BigId, nullable=True),
        sa.Column("is_forum", sa.Boolean(), nullable=False),
        sa.Column("blocked_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_chat_contact_id")),
        sa.ForeignKeyConstraint(["dependencia_id"], ["dependencia.id"], name=op.f("fk_chat_dependencia_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_chat_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chat")),
        sa.UniqueConstraint("dependencia_id", name=op.f("uq_chat_dependencia_id")),
    )
    op.create_index(op.f("ix_chat_contact_id"), "chat", ["contact_id"], unique=False)
    op.create_index(op.f("ix_chat_person_id"), "chat", ["person_id"], unique=False)
    op.create_table(
        "chat_topic",
        sa.Column("chat_id", BigId, nullable=False),
        sa.Column("case_id", BigId, nullable=False),
        sa.Column("topic_id", BigId, nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["case.id"], name=op.f("fk_chat_topic_case_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["chat_id"], ["chat.id"], name=op.f("fk_chat_topic_chat_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("chat_id", "case_id", name=op.f("pk_chat_topic")),
    )
    op.create_table(
        "chat_update",
        sa.Column("bot_id", BigId, autoincrement=False, nullable=False),
        sa.Column("update_id", BigId, autoincrement=False, nullable=False),
        sa.Column("chat_id", BigId, nullable=False),
        sa.Column("body", Json, nullable=False),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("processed_at", UtcDateTime(), nullable=True),
        sa.Column("case_id", BigId, nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_chat_update_case_id")),
        sa.PrimaryKeyConstraint("bot_id", "update_id", name=op.f("pk_chat_update")),
    )
    op.create_index(op.f("ix_chat_update_case_id"), "chat_update", ["case_id"], unique=False)
    op.create_index(
        op.f("ix_chat_update_chat_id_received_at"), "chat_update", ["chat_id", "received_at"], unique=False
    )
    op.create_index(
        "ix_chat_update_failed",
        "chat_update",
        ["received_at"],
        unique=False,
        sqlite_where=text("status = 'failed'"),
        postgresql_where=text("status = 'failed'"),
    )
    op.create_index(op.f("ix_chat_update_received_at"), "chat_update", ["received_at"], unique=False)
    op.create_index(
        "ix_chat_update_waiting",
        "chat_update",
        ["chat_id", "update_id"],
        unique=False,
        sqlite_where=text("status = 'received'"),
        postgresql_where=text("status = 'received'"),
    )
    op.create_table(
        "rating",
        sa.Column("case_id", BigId, nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_rating_case_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_rating")),
    )
    op.create_table(
        "message_revision",
        sa.Column("id", BigId, nullable=False),
        sa.Column("message_id", BigId, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("replaced_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"], ["message.id"], name=op.f("fk_message_revision_message_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message_revision")),
    )
    op.create_index(op.f("ix_message_revision_message_id"), "message_revision", ["message_id"], unique=False)
    op.create_table(
        "chat_message",
        sa.Column("chat_id", BigId, autoincrement=False, nullable=False),
        sa.Column("remote_id", BigId, autoincrement=False, nullable=False),
        sa.Column("case_id", BigId, nullable=False),
        sa.Column("message_id", BigId, nullable=True),
        sa.Column("outbox_id", BigId, nullable=True),
        sa.ForeignKeyConstraint(
            ["case_id"], ["case.id"], name=op.f("fk_chat_message_case_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["message_id"], ["message.id"], name=op.f("fk_chat_message_message_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["outbox_id"], ["outbox_message.id"], name=op.f("fk_chat_message_outbox_id")),
        sa.PrimaryKeyConstraint("chat_id", "remote_id", name=op.f("pk_chat_message")),
    )
    op.create_index(op.f("ix_chat_message_case_id"), "chat_message", ["case_id"], unique=False)
    op.create_index(op.f("ix_chat_message_message_id"), "chat_message", ["message_id"], unique=False)
    op.create_index(op.f("ix_chat_message_outbox_id"), "chat_message", ["outbox_id"], unique=False)
    op.create_table(
        "one_time_link",
        sa.Column("token_sha256", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(40), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=True),
        sa.Column("address", sa.String(length=320), nullable=False),
        sa.Column("contact_id", BigId, nullable=True),
        sa.Column("person_id", BigId, nullable=True),
        sa.Column("dependencia_id", BigId, nullable=True),
        sa.Column("case_id", BigId, nullable=True),
        sa.Column("attachment_id", BigId, nullable=True),
        sa.Column("chat_id", BigId, nullable=False),
        sa.ForeignKeyConstraint(
            ["attachment_id"],
            ["attachment.id"],
            name=op.f("fk_one_time_link_attachment_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["case_id"], ["case.id"], name=op.f("fk_one_time_link_case_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_one_time_link_contact_id")),
        sa.ForeignKeyConstraint(
            ["dependencia_id"], ["dependencia.id"], name=op.f("fk_one_time_link_dependencia_id")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_one_time_link_person_id")),
        sa.PrimaryKeyConstraint("token_sha256", name=op.f("pk_one_time_link")),
    )
    op.create_index(op.f("ix_one_time_link_created_at"), "one_time_link", ["created_at"], unique=False)
    op.add_column("outbox_message", sa.Column("chat_options", Json, server_default="{}", nullable=False))
    op.add_column("door", sa.Column("known_as", sa.String(64), server_default="", nullable=False))
    op.add_column(
        "service", sa.Column("asks_location", sa.Boolean(), server_default=sa.false(), nullable=False)
    )


def downgrade() -> None:
    op.drop_column("service", "asks_location")
    op.drop_column("door", "known_as")
    op.drop_column("outbox_message", "chat_options")
    op.drop_index(op.f("ix_one_time_link_created_at"), table_name="one_time_link")
    op.drop_table("one_time_link")
    op.drop_index(op.f("ix_chat_message_outbox_id"), table_name="chat_message")
    op.drop_index(op.f("ix_chat_message_message_id"), table_name="chat_message")
    op.drop_index(op.f("ix_chat_message_case_id"), table_name="chat_message")
    op.drop_table("chat_message")
    op.drop_index(op.f("ix_message_revision_message_id"), table_name="message_revision")
    op.drop_table("message_revision")
    op.drop_table("rating")
    op.drop_index(
        "ix_chat_update_waiting",
        table_name="chat_update",
        sqlite_where=text("status = 'received'"),
        postgresql_where=text("status = 'received'"),
    )
    op.drop_index(op.f("ix_chat_update_received_at"), table_name="chat_update")
    op.drop_index(
        "ix_chat_update_failed",
        table_name="chat_update",
        sqlite_where=text("status = 'failed'"),
        postgresql_where=text("status = 'failed'"),
    )
    op.drop_index(op.f("ix_chat_update_chat_id_received_at"), table_name="chat_update")
    op.drop_index(op.f("ix_chat_update_case_id"), table_name="chat_update")
    op.drop_table("chat_update")
    op.drop_table("chat_topic")
    op.drop_index(op.f("ix_chat_person_id"), table_name="chat")
    op.drop_index(op.f("ix_chat_contact_id"), table_name="chat")
    op.drop_table("chat")
