"""The register of the first release: every table, and the full-text index."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy import text

from models.base import BigId, Json, UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SQLITE = (
    "CREATE VIRTUAL TABLE message_search USING fts5(body, content='', tokenize='unicode61 remove_diacritics 2', prefix='2 3 4')",
)
POSTGRESQL = (
    "CREATE TABLE message_search (rowid bigint PRIMARY KEY, body tsvector NOT NULL)",
    "CREATE INDEX ix_message_search_body ON message_search USING gin (body) WITH (fastupdate = on)",
)

TABLES = (
    "blob",
    "dependencia",
    "door",
    "folio_series",
    "imap_cursor",
    "canned_reply",
    "person",
    "service",
    "account",
    "contact",
    "mailbox",
    "address",
    "case",
    "routing_rule",
    "tag",
    "user",
    "case_access",
    "case_link",
    "case_tag",
    "event",
    "inbound_mail",
    "message",
    "oficio",
    "presence",
    "thread_id",
    "ticket",
    "turno",
    "attachment",
    "outbox_message",
    "task",
)


def upgrade() -> None:
    op.create_table(
        "blob",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", BigId, nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_blob")),
    )
    op.create_table(
        "dependencia",
        sa.Column("id", BigId, nullable=False),
        sa.Column("parent_id", BigId, nullable=True),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("siglas", sa.String(length=20), nullable=False),
        sa.Column("path", sa.String(length=255), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["parent_id"], ["dependencia.id"], name=op.f("fk_dependencia_parent_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dependencia")),
        sa.UniqueConstraint("siglas", name=op.f("uq_dependencia_siglas")),
    )
    op.create_index(op.f("ix_dependencia_parent_id"), "dependencia", ["parent_id"], unique=False)
    op.create_index(op.f("ix_dependencia_path"), "dependencia", ["path"], unique=False)
    op.create_table(
        "door",
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("last_contact_at", UtcDateTime(), nullable=True),
        sa.Column("last_message_at", UtcDateTime(), nullable=True),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("error_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_door")),
    )
    op.create_table(
        "folio_series",
        sa.Column("series", sa.String(length=40), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("last_number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("series", "year", name=op.f("pk_folio_series")),
    )
    op.create_table(
        "imap_cursor",
        sa.Column("source", sa.String(length=255), nullable=False),
        sa.Column("uidvalidity", BigId, nullable=False),
        sa.Column("last_uid", BigId, nullable=False),
        sa.Column("marked_uid", BigId, nullable=False),
        sa.PrimaryKeyConstraint("source", name=op.f("pk_imap_cursor")),
    )
    op.create_table(
        "canned_reply",
        sa.Column("id", BigId, nullable=False),
        sa.Column("shortcut", sa.String(length=40), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("dependencia_id", BigId, nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["dependencia_id"], ["dependencia.id"], name=op.f("fk_canned_reply_dependencia_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_canned_reply")),
        sa.UniqueConstraint("shortcut", name=op.f("uq_canned_reply_shortcut")),
    )
    op.create_table(
        "person",
        sa.Column("id", BigId, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("post", sa.Text(), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column("phone", sa.String(length=40), nullable=False),
        sa.Column("dependencia_id", BigId, nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["dependencia_id"], ["dependencia.id"], name=op.f("fk_person_dependencia_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
        sa.UniqueConstraint("email", name=op.f("uq_person_email")),
    )
    op.create_index(op.f("ix_person_dependencia_id"), "person", ["dependencia_id"], unique=False)
    op.create_table(
        "service",
        sa.Column("id", BigId, nullable=False),
        sa.Column("slug", sa.String(length=80), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("classification", sa.Text(), nullable=False),
        sa.Column("dependencia_id", BigId, nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("requirements", sa.Text(), nullable=False),
        sa.Column("validity", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("commitment", sa.Text(), nullable=False),
        sa.Column("cost", sa.Text(), nullable=False),
        sa.Column("complaint_mechanism", sa.Text(), nullable=False),
        sa.Column("legal_basis", sa.Text(), nullable=False),
        sa.Column("first_answer_minutes", sa.Integer(), nullable=True),
        sa.Column("solution_minutes", sa.Integer(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["dependencia_id"], ["dependencia.id"], name=op.f("fk_service_dependencia_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service")),
        sa.UniqueConstraint("slug", name=op.f("uq_service_slug")),
    )
    op.create_index(op.f("ix_service_dependencia_id"), "service", ["dependencia_id"], unique=False)
    op.create_table(
        "account",
        sa.Column("id", BigId, nullable=False),
        sa.Column("person_id", BigId, nullable=False),
        sa.Column("dependencia_id", BigId, nullable=False),
        sa.Column("role", sa.String(40), nullable=False),
        sa.Column("is_signer", sa.Boolean(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["dependencia_id"], ["dependencia.id"], name=op.f("fk_account_dependencia_id")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_account_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint(
            "person_id", "dependencia_id", "role", name=op.f("uq_account_person_id_dependencia_id_role")
        ),
    )
    op.create_index(op.f("ix_account_dependencia_id"), "account", ["dependencia_id"], unique=False)
    op.create_index(op.f("ix_account_person_id"), "account", ["person_id"], unique=False)
    op.create_table(
        "contact",
        sa.Column("id", BigId, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("language", sa.String(length=5), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("blocked_at", UtcDateTime(), nullable=True),
        sa.Column("person_id", BigId, nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_contact_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact")),
    )
    op.create_index(op.f("ix_contact_person_id"), "contact", ["person_id"], unique=False)
    op.create_table(
        "mailbox",
        sa.Column("id", BigId, nullable=False),
        sa.Column("address", sa.String(length=254), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("dependencia_id", BigId, nullable=True),
        sa.Column("service_id", BigId, nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["dependencia_id"], ["dependencia.id"], name=op.f("fk_mailbox_dependencia_id")
        ),
        sa.ForeignKeyConstraint(["service_id"], ["service.id"], name=op.f("fk_mailbox_service_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mailbox")),
        sa.UniqueConstraint("address", name=op.f("uq_mailbox_address")),
    )
    op.create_table(
        "address",
        sa.Column("id", BigId, nullable=False),
        sa.Column("contact_id", BigId, nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("value", sa.String(length=320), nullable=False),
        sa.Column("verified_at", UtcDateTime(), nullable=True),
        sa.Column("failed_at", UtcDateTime(), nullable=True),
        sa.Column("failure", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_address_contact_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_address")),
        sa.UniqueConstraint("kind", "value", name=op.f("uq_address_kind_value")),
    )
    op.create_index(op.f("ix_address_contact_id"), "address", ["contact_id"], unique=False)
    op.create_table(
        "case",
        sa.Column("id", BigId, nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("folio", sa.String(length=60), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("is_open", sa.Boolean(), nullable=False),
        sa.Column("priority", sa.String(40), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("requester_id", BigId, nullable=False),
        sa.Column("dependencia_id", BigId, nullable=True),
        sa.Column("holder_id", BigId, nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("last_activity_at", UtcDateTime(), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=True),
        sa.Column("is_overdue", sa.Boolean(), nullable=False),
        sa.Column("has_files", sa.Boolean(), nullable=False),
        sa.Column("is_unanswered", sa.Boolean(), nullable=False),
        sa.Column("snoozed_until", UtcDateTime(), nullable=True),
        sa.Column("resolved_at", UtcDateTime(), nullable=True),
        sa.Column("closed_at", UtcDateTime(), nullable=True),
        sa.Column("merged_into_id", BigId, nullable=True),
        sa.Column("routing_reason", sa.Text(), nullable=False),
        sa.Column("event_count", sa.Integer(), nullable=False),
        sa.Column("event_head", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["dependencia_id"], ["dependencia.id"], name=op.f("fk_case_dependencia_id")),
        sa.ForeignKeyConstraint(["holder_id"], ["account.id"], name=op.f("fk_case_holder_id")),
        sa.ForeignKeyConstraint(["merged_into_id"], ["case.id"], name=op.f("fk_case_merged_into_id")),
        sa.ForeignKeyConstraint(["requester_id"], ["contact.id"], name=op.f("fk_case_requester_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case")),
        sa.UniqueConstraint("folio", name=op.f("uq_case_folio")),
    )
    op.create_index(
        "ix_case_due",
        "case",
        ["due_at"],
        unique=False,
        sqlite_where=text("is_open AND due_at IS NOT NULL"),
        postgresql_where=text("is_open AND due_at IS NOT NULL"),
    )
    op.create_index("ix_case_requester", "case", ["requester_id", "last_activity_at"], unique=False)
    op.create_index(
        "ix_case_snoozed",
        "case",
        ["snoozed_until"],
        unique=False,
        sqlite_where=text("snoozed_until IS NOT NULL"),
        postgresql_where=text("snoozed_until IS NOT NULL"),
    )
    op.create_index("ix_case_tray_all", "case", ["last_activity_at", "id"], unique=False)
    op.create_index(
        "ix_case_tray_dependencia", "case", ["dependencia_id", "last_activity_at", "id"], unique=False
    )
    op.create_index(
        "ix_case_tray_holder",
        "case",
        ["holder_id", "last_activity_at", "id"],
        unique=False,
        sqlite_where=text("is_open"),
        postgresql_where=text("is_open"),
    )
    op.create_index(
        "ix_case_tray_open",
        "case",
        ["last_activity_at", "id"],
        unique=False,
        sqlite_where=text("is_open"),
        postgresql_where=text("is_open"),
    )
    op.create_index(
        "ix_case_tray_open_dependencia",
        "case",
        ["dependencia_id", "last_activity_at", "id"],
        unique=False,
        sqlite_where=text("is_open"),
        postgresql_where=text("is_open"),
    )
    op.create_index(
        "ix_case_tray_overdue",
        "case",
        ["last_activity_at", "id"],
        unique=False,
        sqlite_where=text("is_overdue"),
        postgresql_where=text("is_overdue"),
    )
    op.create_index(
        "ix_case_tray_overdue_dependencia",
        "case",
        ["dependencia_id", "last_activity_at", "id"],
        unique=False,
        sqlite_where=text("is_overdue"),
        postgresql_where=text("is_overdue"),
    )
    op.create_index("ix_case_tray_state", "case", ["state", "last_activity_at", "id"], unique=False)
    op.create_index(
        "ix_case_tray_unassigned",
        "case",
        ["last_activity_at", "id"],
        unique=False,
        sqlite_where=text("is_open AND holder_id IS NULL"),
        postgresql_where=text("is_open AND holder_id IS NULL"),
    )
    op.create_index(
        "ix_case_tray_unassigned_dependencia",
        "case",
        ["dependencia_id", "last_activity_at", "id"],
        unique=False,
        sqlite_where=text("is_open AND holder_id IS NULL"),
        postgresql_where=text("is_open AND holder_id IS NULL"),
    )
    op.create_index(
        "ix_case_tray_waiting",
        "case",
        ["last_activity_at", "id"],
        unique=False,
        sqlite_where=text("(state = 'waiting' OR snoozed_until IS NOT NULL)"),
        postgresql_where=text("(state = 'waiting' OR snoozed_until IS NOT NULL)"),
    )
    op.create_index(
        "ix_case_tray_waiting_dependencia",
        "case",
        ["dependencia_id", "last_activity_at", "id"],
        unique=False,
        sqlite_where=text("(state = 'waiting' OR snoozed_until IS NOT NULL)"),
        postgresql_where=text("(state = 'waiting' OR snoozed_until IS NOT NULL)"),
    )
    op.create_table(
        "routing_rule",
        sa.Column("id", BigId, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("conditions", Json, nullable=False),
        sa.Column("case_kind", sa.String(40), nullable=False),
        sa.Column("service_id", BigId, nullable=True),
        sa.Column("dependencia_id", BigId, nullable=True),
        sa.Column("account_id", BigId, nullable=True),
        sa.Column("priority", sa.String(40), nullable=True),
        sa.Column("instruction", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_routing_rule_account_id")),
        sa.ForeignKeyConstraint(
            ["dependencia_id"], ["dependencia.id"], name=op.f("fk_routing_rule_dependencia_id")
        ),
        sa.ForeignKeyConstraint(["service_id"], ["service.id"], name=op.f("fk_routing_rule_service_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_routing_rule")),
    )
    op.create_index(op.f("ix_routing_rule_position"), "routing_rule", ["position"], unique=False)
    op.create_table(
        "tag",
        sa.Column("id", BigId, nullable=False),
        sa.Column("account_id", BigId, nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_tag_account_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tag")),
        sa.UniqueConstraint("account_id", "name", name=op.f("uq_tag_account_id_name")),
    )
    op.create_table(
        "user",
        sa.Column("id", BigId, nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("username", sa.String(length=80), nullable=True),
        sa.Column("password", sa.String(length=255), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("fs_uniquifier", sa.String(length=64), nullable=False),
        sa.Column("confirmed_at", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("language", sa.String(length=5), nullable=False),
        sa.Column("person_id", BigId, nullable=True),
        sa.Column("contact_id", BigId, nullable=True),
        sa.Column("account_id", BigId, nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_user_account_id")),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_user_contact_id")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_user_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user")),
        sa.UniqueConstraint("contact_id", name=op.f("uq_user_contact_id")),
        sa.UniqueConstraint("email", name=op.f("uq_user_email")),
        sa.UniqueConstraint("fs_uniquifier", name=op.f("uq_user_fs_uniquifier")),
        sa.UniqueConstraint("person_id", name=op.f("uq_user_person_id")),
        sa.UniqueConstraint("username", name=op.f("uq_user_username")),
    )
    op.create_table(
        "case_access",
        sa.Column("id", BigId, nullable=False),
        sa.Column("case_id", BigId, nullable=False),
        sa.Column("dependencia_id", BigId, nullable=False),
        sa.Column("account_id", BigId, nullable=True),
        sa.Column("last_activity_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_case_access_account_id")),
        sa.ForeignKeyConstraint(
            ["case_id"], ["case.id"], name=op.f("fk_case_access_case_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["dependencia_id"], ["dependencia.id"], name=op.f("fk_case_access_dependencia_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_access")),
    )
    op.create_index(
        op.f("ix_case_access_account_id_case_id"), "case_access", ["account_id", "case_id"], unique=False
    )
    op.create_index(
        op.f("ix_case_access_dependencia_id_case_id"),
        "case_access",
        ["dependencia_id", "case_id"],
        unique=False,
    )
    op.create_index(
        "ix_case_access_list_account",
        "case_access",
        ["account_id", "last_activity_at", "case_id"],
        unique=False,
    )
    op.create_index(
        "ix_case_access_list_dependencia",
        "case_access",
        ["dependencia_id", "last_activity_at", "case_id"],
        unique=False,
    )
    op.create_table(
        "case_link",
        sa.Column("id", BigId, nullable=False),
        sa.Column("case_id", BigId, nullable=False),
        sa.Column("other_id", BigId, nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["case.id"], name=op.f("fk_case_link_case_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["other_id"], ["case.id"], name=op.f("fk_case_link_other_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_link")),
        sa.UniqueConstraint("case_id", "other_id", "kind", name=op.f("uq_case_link_case_id_other_id_kind")),
    )
    op.create_index(op.f("ix_case_link_other_id"), "case_link", ["other_id"], unique=False)
    op.create_table(
        "case_tag",
        sa.Column("tag_id", BigId, nullable=False),
        sa.Column("case_id", BigId, nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["case.id"], name=op.f("fk_case_tag_case_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["tag_id"], ["tag.id"], name=op.f("fk_case_tag_tag_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("tag_id", "case_id", name=op.f("pk_case_tag")),
    )
    op.create_index(op.f("ix_case_tag_case_id"), "case_tag", ["case_id"], unique=False)
    op.create_table(
        "event",
        sa.Column("id", BigId, nullable=False),
        sa.Column("case_id", BigId, nullable=True),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("account_id", BigId, nullable=True),
        sa.Column("actor", sa.String(length=24), nullable=False),
        sa.Column("data", Json, nullable=False),
        sa.Column("previous_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_event_account_id")),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_event_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
    )
    op.create_table(
        "inbound_mail",
        sa.Column("id", BigId, nullable=False),
        sa.Column("door", sa.String(length=16), nullable=False),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("outcome", sa.String(40), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("processed_at", UtcDateTime(), nullable=True),
        sa.Column("envelope_from", sa.String(length=320), nullable=False),
        sa.Column("envelope_to", sa.String(length=320), nullable=False),
        sa.Column("peer", sa.String(length=255), nullable=False),
        sa.Column("helo", sa.String(length=255), nullable=False),
        sa.Column("size", BigId, nullable=False),
        sa.Column("raw_sha256", sa.String(length=64), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=True),
        sa.Column("imap_source", sa.String(length=255), nullable=True),
        sa.Column("imap_uidvalidity", BigId, nullable=True),
        sa.Column("imap_uid", BigId, nullable=True),
        sa.Column("from_header", sa.Text(), nullable=False),
        sa.Column("subject_header", sa.Text(), nullable=False),
        sa.Column("authentication", Json, server_default="{}", nullable=False),
        sa.Column("case_id", BigId, nullable=True),
        sa.Column("message_id", BigId, nullable=True),
        sa.Column("decided_by_id", BigId, nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_inbound_mail_case_id")),
        sa.ForeignKeyConstraint(
            ["decided_by_id"], ["account.id"], name=op.f("fk_inbound_mail_decided_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbound_mail")),
        sa.UniqueConstraint(
            "imap_source",
            "imap_uidvalidity",
            "imap_uid",
            name=op.f("uq_inbound_mail_imap_source_imap_uidvalidity_imap_uid"),
        ),
    )
    op.create_index(op.f("ix_inbound_mail_case_id"), "inbound_mail", ["case_id"], unique=False)
    op.create_index(op.f("ix_inbound_mail_raw_sha256"), "inbound_mail", ["raw_sha256"], unique=False)
    op.create_index(op.f("ix_inbound_mail_received_at"), "inbound_mail", ["received_at"], unique=False)
    op.create_index(
        "ix_inbound_mail_stuck",
        "inbound_mail",
        ["status", "id"],
        unique=False,
        sqlite_where=text("status IN ('held', 'failed')"),
        postgresql_where=text("status IN ('held', 'failed')"),
    )
    op.create_index(
        "ix_inbound_mail_waiting",
        "inbound_mail",
        ["id"],
        unique=False,
        sqlite_where=text("status = 'received'"),
        postgresql_where=text("status = 'received'"),
    )
    op.create_table(
        "message",
        sa.Column("id", BigId, nullable=False),
        sa.Column("case_id", BigId, nullable=False),
        sa.Column("direction", sa.String(40), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("sender_name", sa.Text(), nullable=False),
        sa.Column("sender_address", sa.String(length=320), nullable=False),
        sa.Column("author_id", BigId, nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("sent_at", UtcDateTime(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("reply_text", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), nullable=False),
        sa.Column("recipients", Json, nullable=False),
        sa.Column("rfc_message_id", sa.String(length=512), nullable=False),
        sa.Column("references", Json, nullable=False),
        sa.Column("match_reason", sa.Text(), nullable=False),
        sa.Column("authentication", Json, nullable=False),
        sa.Column("defects", Json, nullable=False),
        sa.Column("left_out", Json, server_default="[]", nullable=False),
        sa.Column("robot", sa.String(length=16), nullable=False),
        sa.Column("inbound_mail_id", BigId, nullable=True),
        sa.Column("fingerprint", sa.String(length=64), nullable=True),
        sa.Column("moved_from_id", BigId, nullable=True),
        sa.ForeignKeyConstraint(["author_id"], ["account.id"], name=op.f("fk_message_author_id")),
        sa.ForeignKeyConstraint(
            ["case_id"], ["case.id"], name=op.f("fk_message_case_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["moved_from_id"], ["case.id"], name=op.f("fk_message_moved_from_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_message_fingerprint")),
    )
    op.create_index(op.f("ix_message_case_id_id"), "message", ["case_id", "id"], unique=False)
    op.create_index(op.f("ix_message_inbound_mail_id"), "message", ["inbound_mail_id"], unique=False)
    op.create_table(
        "oficio",
        sa.Column("id", BigId, nullable=False),
        sa.Column("flow", sa.String(40), nullable=False),
        sa.Column("document_type", sa.String(40), nullable=False),
        sa.Column("sender_number", sa.String(length=80), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=True),
        sa.Column("written_on", sa.Date(), nullable=True),
        sa.Column("answer_required_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["id"], ["case.id"], name=op.f("fk_oficio_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_oficio")),
    )
    op.create_index(op.f("ix_oficio_sender_number"), "oficio", ["sender_number"], unique=False)
    op.create_table(
        "presence",
        sa.Column("case_id", BigId, nullable=False),
        sa.Column("account_id", BigId, nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.Column("is_writing", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_presence_account_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["case_id"], ["case.id"], name=op.f("fk_presence_case_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("case_id", "account_id", name=op.f("pk_presence")),
    )
    op.create_table(
        "thread_id",
        sa.Column("value", sa.String(length=512), nullable=False),
        sa.Column("case_id", BigId, nullable=False),
        sa.Column("is_ours", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["case.id"], name=op.f("fk_thread_id_case_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("value", "case_id", name=op.f("pk_thread_id")),
    )
    op.create_index(op.f("ix_thread_id_case_id"), "thread_id", ["case_id"], unique=False)
    op.create_table(
        "ticket",
        sa.Column("id", BigId, nullable=False),
        sa.Column("service_id", BigId, nullable=True),
        sa.ForeignKeyConstraint(["id"], ["case.id"], name=op.f("fk_ticket_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["service_id"], ["service.id"], name=op.f("fk_ticket_service_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket")),
    )
    op.create_index(op.f("ix_ticket_service_id"), "ticket", ["service_id"], unique=False)
    op.create_table(
        "turno",
        sa.Column("id", BigId, nullable=False),
        sa.Column("case_id", BigId, nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("from_account_id", BigId, nullable=True),
        sa.Column("to_dependencia_id", BigId, nullable=False),
        sa.Column("to_account_id", BigId, nullable=True),
        sa.Column("instruction", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=True),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_turno_case_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["from_account_id"], ["account.id"], name=op.f("fk_turno_from_account_id")),
        sa.ForeignKeyConstraint(["to_account_id"], ["account.id"], name=op.f("fk_turno_to_account_id")),
        sa.ForeignKeyConstraint(
            ["to_dependencia_id"], ["dependencia.id"], name=op.f("fk_turno_to_dependencia_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_turno")),
    )
    op.create_index(op.f("ix_turno_case_id_id"), "turno", ["case_id", "id"], unique=False)
    op.create_index(
        "ix_turno_open_account",
        "turno",
        ["to_account_id", "case_id"],
        unique=False,
        sqlite_where=text("state = 'open'"),
        postgresql_where=text("state = 'open'"),
    )
    op.create_table(
        "attachment",
        sa.Column("id", BigId, nullable=False),
        sa.Column("message_id", BigId, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("content_type", sa.String(length=255), nullable=False),
        sa.Column("declared_type", sa.String(length=255), nullable=False),
        sa.Column("size", BigId, nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("is_inline", sa.Boolean(), nullable=False),
        sa.Column("content_id", sa.Text(), nullable=False),
        sa.Column("danger", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"], ["message.id"], name=op.f("fk_attachment_message_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["sha256"], ["blob.sha256"], name=op.f("fk_attachment_sha256")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attachment")),
    )
    op.create_index(op.f("ix_attachment_message_id"), "attachment", ["message_id"], unique=False)
    op.create_index(op.f("ix_attachment_sha256"), "attachment", ["sha256"], unique=False)
    op.create_index(
        "ix_attachment_unscanned",
        "attachment",
        ["id"],
        unique=False,
        sqlite_where=text("danger = 'unscanned'"),
        postgresql_where=text("danger = 'unscanned'"),
    )
    op.create_table(
        "outbox_message",
        sa.Column("id", BigId, nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("status", sa.String(40), nullable=False),
        sa.Column("case_id", BigId, nullable=True),
        sa.Column("message_id", BigId, nullable=True),
        sa.Column("to", Json, nullable=False),
        sa.Column("cc", Json, nullable=False),
        sa.Column("from_addr", sa.String(length=320), nullable=False),
        sa.Column("from_name", sa.Text(), nullable=False),
        sa.Column("reply_to", sa.String(length=320), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), nullable=False),
        sa.Column("rfc_message_id", sa.String(length=255), nullable=False),
        sa.Column("in_reply_to", sa.String(length=512), nullable=False),
        sa.Column("references", Json, nullable=False),
        sa.Column("auto_submitted", sa.String(length=24), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("next_attempt_at", UtcDateTime(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("sent_at", UtcDateTime(), nullable=True),
        sa.Column("settled", Json, nullable=False),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.Column("remote_id", BigId, nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_outbox_message_case_id")),
        sa.ForeignKeyConstraint(["message_id"], ["message.id"], name=op.f("fk_outbox_message_message_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox_message")),
        sa.UniqueConstraint("rfc_message_id", name=op.f("uq_outbox_message_rfc_message_id")),
    )
    op.create_index(
        "ix_outbox_message_alert",
        "outbox_message",
        ["created_at"],
        unique=False,
        sqlite_where=text("kind = 'alert'"),
        postgresql_where=text("kind = 'alert'"),
    )
    op.create_index(op.f("ix_outbox_message_case_id_id"), "outbox_message", ["case_id", "id"], unique=False)
    op.create_index(
        "ix_outbox_message_due",
        "outbox_message",
        ["channel", "next_attempt_at", "id"],
        unique=False,
        sqlite_where=text("status IN ('queued', 'retrying', 'sending')"),
        postgresql_where=text("status IN ('queued', 'retrying', 'sending')"),
    )
    op.create_index(op.f("ix_outbox_message_message_id"), "outbox_message", ["message_id"], unique=False)
    op.create_index(op.f("ix_outbox_message_status_id"), "outbox_message", ["status", "id"], unique=False)
    op.create_table(
        "task",
        sa.Column("id", BigId, nullable=False),
        sa.Column("case_id", BigId, nullable=False),
        sa.Column("turno_id", BigId, nullable=True),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("account_id", BigId, nullable=True),
        sa.Column("dependencia_id", BigId, nullable=True),
        sa.Column("role", sa.String(40), nullable=True),
        sa.Column("instruction", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=True),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("ended_by_id", BigId, nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_task_account_id")),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_task_case_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["dependencia_id"], ["dependencia.id"], name=op.f("fk_task_dependencia_id")),
        sa.ForeignKeyConstraint(["ended_by_id"], ["account.id"], name=op.f("fk_task_ended_by_id")),
        sa.ForeignKeyConstraint(["turno_id"], ["turno.id"], name=op.f("fk_task_turno_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_task")),
    )
    op.create_index(op.f("ix_task_case_id_id"), "task", ["case_id", "id"], unique=False)
    op.create_index(
        "ix_task_open_account",
        "task",
        ["account_id", "due_at"],
        unique=False,
        sqlite_where=text("state = 'open'"),
        postgresql_where=text("state = 'open'"),
    )
    op.create_index(
        "ix_task_open_role",
        "task",
        ["dependencia_id", "role", "due_at"],
        unique=False,
        sqlite_where=text("state = 'open'"),
        postgresql_where=text("state = 'open'"),
    )

    op.create_index(
        "uq_case_access",
        "case_access",
        ["case_id", "dependencia_id", text("coalesce(account_id, 0)")],
        unique=True,
    )
    op.create_index("uq_event_chain", "event", [text("coalesce(case_id, 0)"), "sequence"], unique=True)
    for statement in POSTGRESQL if op.get_bind().dialect.name == "postgresql" else SQLITE:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE message_search")
    for table in reversed(TABLES):
        op.drop_table(table)
