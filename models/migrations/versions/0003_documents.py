"""Issued documents: drafts, recipients, signatures, letterheads, delegations; acuses and proposals."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from models.base import BigId, Json, UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "administration",
        sa.Column("id", BigId, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_administration")),
    )
    op.create_table(
        "document_template",
        sa.Column("id", BigId, nullable=False),
        sa.Column("dependencia_id", BigId, nullable=True),
        sa.Column("document_type", sa.String(length=24), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body_html", sa.Text(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["dependencia_id"], ["dependencia.id"], name=op.f("fk_document_template_dependencia_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_document_template")),
    )
    op.create_index(
        op.f("ix_document_template_dependencia_id"), "document_template", ["dependencia_id"], unique=False
    )
    op.create_table(
        "letterhead",
        sa.Column("id", BigId, nullable=False),
        sa.Column("dependencia_id", BigId, nullable=True),
        sa.Column("administration_id", BigId, nullable=True),
        sa.Column("logo_sha256", sa.String(length=64), nullable=True),
        sa.Column("logo_type", sa.String(length=40), nullable=False),
        sa.Column("slogan", sa.Text(), nullable=False),
        sa.Column("footer", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["administration_id"], ["administration.id"], name=op.f("fk_letterhead_administration_id")
        ),
        sa.ForeignKeyConstraint(
            ["dependencia_id"], ["dependencia.id"], name=op.f("fk_letterhead_dependencia_id")
        ),
        sa.ForeignKeyConstraint(["logo_sha256"], ["blob.sha256"], name=op.f("fk_letterhead_logo_sha256")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_letterhead")),
    )
    op.create_index(op.f("ix_letterhead_dependencia_id"), "letterhead", ["dependencia_id"], unique=False)
    op.create_table(
        "number_pattern",
        sa.Column("id", BigId, nullable=False),
        sa.Column("dependencia_id", BigId, nullable=False),
        sa.Column("document_type", sa.String(length=24), nullable=False),
        sa.Column("pattern", sa.String(length=80), nullable=False),
        sa.ForeignKeyConstraint(
            ["dependencia_id"], ["dependencia.id"], name=op.f("fk_number_pattern_dependencia_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_number_pattern")),
        sa.UniqueConstraint(
            "dependencia_id", "document_type", name=op.f("uq_number_pattern_dependencia_id_document_type")
        ),
    )
    op.create_table(
        "delegation",
        sa.Column("id", BigId, nullable=False),
        sa.Column("absent_id", BigId, nullable=False),
        sa.Column("acting_id", BigId, nullable=False),
        sa.Column("starts_at", UtcDateTime(), nullable=False),
        sa.Column("ends_at", UtcDateTime(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_by_id", BigId, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["absent_id"], ["account.id"], name=op.f("fk_delegation_absent_id")),
        sa.ForeignKeyConstraint(["acting_id"], ["account.id"], name=op.f("fk_delegation_acting_id")),
        sa.ForeignKeyConstraint(["created_by_id"], ["account.id"], name=op.f("fk_delegation_created_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delegation")),
    )
    op.create_index(op.f("ix_delegation_absent_id"), "delegation", ["absent_id"], unique=False)
    op.create_index(
        op.f("ix_delegation_acting_id_ends_at"), "delegation", ["acting_id", "ends_at"], unique=False
    )
    op.create_table(
        "acuse",
        sa.Column("id", BigId, nullable=False),
        sa.Column("case_id", BigId, nullable=False),
        sa.Column("issued_at", UtcDateTime(), nullable=False),
        sa.Column("verification_code", sa.String(length=40), nullable=False),
        sa.Column("pdf_sha256", sa.String(length=64), nullable=False),
        sa.Column("files", Json, nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_acuse_case_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["pdf_sha256"], ["blob.sha256"], name=op.f("fk_acuse_pdf_sha256")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_acuse")),
        sa.UniqueConstraint("verification_code", name=op.f("uq_acuse_verification_code")),
    )
    op.create_index(op.f("ix_acuse_case_id"), "acuse", ["case_id"], unique=False)
    op.create_index(op.f("ix_acuse_pdf_sha256"), "acuse", ["pdf_sha256"], unique=False)
    op.create_table(
        "document_file",
        sa.Column("id", BigId, nullable=False),
        sa.Column("oficio_id", BigId, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("content_type", sa.String(length=255), nullable=False),
        sa.Column("size", BigId, nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["oficio_id"], ["oficio.id"], name=op.f("fk_document_file_oficio_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["sha256"], ["blob.sha256"], name=op.f("fk_document_file_sha256")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_document_file")),
    )
    op.create_index(op.f("ix_document_file_oficio_id"), "document_file", ["oficio_id"], unique=False)
    op.create_table(
        "draft_version",
        sa.Column("id", BigId, nullable=False),
        sa.Column("oficio_id", BigId, nullable=False),
        sa.Column("account_id", BigId, nullable=False),
        sa.Column("saved_at", UtcDateTime(), nullable=False),
        sa.Column("content", Json, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_draft_version_account_id")),
        sa.ForeignKeyConstraint(
            ["oficio_id"], ["oficio.id"], name=op.f("fk_draft_version_oficio_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_draft_version")),
    )
    op.create_index(op.f("ix_draft_version_oficio_id_id"), "draft_version", ["oficio_id", "id"], unique=False)
    op.create_table(
        "proposal",
        sa.Column("id", BigId, nullable=False),
        sa.Column("oficio_id", BigId, nullable=False),
        sa.Column("field", sa.String(length=40), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("quote", sa.Text(), nullable=False),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("decided_by_id", BigId, nullable=True),
        sa.Column("is_confirmed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["decided_by_id"], ["account.id"], name=op.f("fk_proposal_decided_by_id")),
        sa.ForeignKeyConstraint(
            ["oficio_id"], ["oficio.id"], name=op.f("fk_proposal_oficio_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proposal")),
    )
    op.create_index(op.f("ix_proposal_oficio_id_id"), "proposal", ["oficio_id", "id"], unique=False)
    op.create_table(
        "signature",
        sa.Column("id", BigId, nullable=False),
        sa.Column("oficio_id", BigId, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("account_id", BigId, nullable=True),
        sa.Column("signed_at", UtcDateTime(), nullable=True),
        sa.Column("serial", sa.String(length=80), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("level", sa.String(length=8), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_signature_account_id")),
        sa.ForeignKeyConstraint(
            ["oficio_id"], ["oficio.id"], name=op.f("fk_signature_oficio_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signature")),
    )
    op.create_index(op.f("ix_signature_account_id"), "signature", ["account_id"], unique=False)
    op.create_index(
        op.f("ix_signature_oficio_id_position"), "signature", ["oficio_id", "position"], unique=False
    )
    op.create_table(
        "outbox_file",
        sa.Column("id", BigId, nullable=False),
        sa.Column("outbox_id", BigId, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("content_type", sa.String(length=255), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["outbox_id"], ["outbox_message.id"], name=op.f("fk_outbox_file_outbox_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["sha256"], ["blob.sha256"], name=op.f("fk_outbox_file_sha256")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox_file")),
    )
    op.create_index(op.f("ix_outbox_file_outbox_id"), "outbox_file", ["outbox_id"], unique=False)
    op.create_table(
        "recipient",
        sa.Column("id", BigId, nullable=False),
        sa.Column("oficio_id", BigId, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(40), nullable=False),
        sa.Column("delivery", sa.String(40), nullable=False),
        sa.Column("dependencia_id", BigId, nullable=True),
        sa.Column("account_id", BigId, nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("post", sa.Text(), nullable=False),
        sa.Column("institution", sa.Text(), nullable=False),
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("token", sa.String(length=40), nullable=True),
        sa.Column("outbox_id", BigId, nullable=True),
        sa.Column("delivered_at", UtcDateTime(), nullable=True),
        sa.Column("read_at", UtcDateTime(), nullable=True),
        sa.Column("read_by_id", BigId, nullable=True),
        sa.Column("reassigned_by_id", BigId, nullable=True),
        sa.Column("reassigned_at", UtcDateTime(), nullable=True),
        sa.Column("instruction", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_recipient_account_id")),
        sa.ForeignKeyConstraint(
            ["dependencia_id"], ["dependencia.id"], name=op.f("fk_recipient_dependencia_id")
        ),
        sa.ForeignKeyConstraint(
            ["oficio_id"], ["oficio.id"], name=op.f("fk_recipient_oficio_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["outbox_id"], ["outbox_message.id"], name=op.f("fk_recipient_outbox_id")),
        sa.ForeignKeyConstraint(["read_by_id"], ["account.id"], name=op.f("fk_recipient_read_by_id")),
        sa.ForeignKeyConstraint(
            ["reassigned_by_id"], ["account.id"], name=op.f("fk_recipient_reassigned_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recipient")),
        sa.UniqueConstraint("token", name=op.f("uq_recipient_token")),
    )
    op.create_index(
        op.f("ix_recipient_account_id_oficio_id"), "recipient", ["account_id", "oficio_id"], unique=False
    )
    op.create_index(
        op.f("ix_recipient_dependencia_id_oficio_id"),
        "recipient",
        ["dependencia_id", "oficio_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_recipient_oficio_id_position"), "recipient", ["oficio_id", "position"], unique=False
    )
    op.create_index(op.f("ix_recipient_outbox_id"), "recipient", ["outbox_id"], unique=False)
    op.create_index(op.f("ix_recipient_reassigned_by_id"), "recipient", ["reassigned_by_id"], unique=False)
    with op.batch_alter_table("oficio") as batch_op:
        batch_op.add_column(sa.Column("signatory", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("author_id", BigId, nullable=True))
        batch_op.add_column(sa.Column("issuer_id", BigId, nullable=True))
        batch_op.add_column(sa.Column("absent_id", BigId, nullable=True))
        batch_op.add_column(sa.Column("place", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("body_html", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(
            sa.Column("needs_efirma", sa.Boolean(), server_default=sa.false(), nullable=False)
        )
        batch_op.add_column(sa.Column("number", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("approved_at", UtcDateTime(), nullable=True))
        batch_op.add_column(sa.Column("sent_at", UtcDateTime(), nullable=True))
        batch_op.add_column(sa.Column("cancelled_at", UtcDateTime(), nullable=True))
        batch_op.add_column(sa.Column("verification_code", sa.String(length=40), nullable=True))
        batch_op.add_column(sa.Column("pdf_sha256", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("administration_id", BigId, nullable=True))
        batch_op.create_index(
            batch_op.f("ix_oficio_administration_id_id"), ["administration_id", "id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_oficio_author_id_id"), ["author_id", "id"], unique=False)
        for column in ("approved_at", "pdf_sha256", "received_on"):
            batch_op.create_index(batch_op.f(f"ix_oficio_{column}"), [column], unique=False)
        batch_op.create_unique_constraint(batch_op.f("uq_oficio_verification_code"), ["verification_code"])
        batch_op.create_foreign_key(
            batch_op.f("fk_oficio_administration_id"), "administration", ["administration_id"], ["id"]
        )
        batch_op.create_foreign_key(batch_op.f("fk_oficio_pdf_sha256"), "blob", ["pdf_sha256"], ["sha256"])
        batch_op.create_foreign_key(batch_op.f("fk_oficio_absent_id"), "account", ["absent_id"], ["id"])
        batch_op.create_foreign_key(batch_op.f("fk_oficio_author_id"), "account", ["author_id"], ["id"])
        batch_op.create_foreign_key(batch_op.f("fk_oficio_issuer_id"), "account", ["issuer_id"], ["id"])
    op.add_column("person", sa.Column("rfc", sa.String(length=13), server_default="", nullable=False))
    op.add_column("person", sa.Column("curp", sa.String(length=18), server_default="", nullable=False))


def downgrade() -> None:
    op.drop_column("person", "curp")
    op.drop_column("person", "rfc")
    with op.batch_alter_table("oficio") as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_oficio_issuer_id"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("fk_oficio_author_id"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("fk_oficio_absent_id"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("fk_oficio_pdf_sha256"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("fk_oficio_administration_id"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("uq_oficio_verification_code"), type_="unique")
        batch_op.drop_index(batch_op.f("ix_oficio_author_id_id"))
        for column in ("approved_at", "pdf_sha256", "received_on"):
            batch_op.drop_index(batch_op.f(f"ix_oficio_{column}"))
        batch_op.drop_index(batch_op.f("ix_oficio_administration_id_id"))
        batch_op.drop_column("administration_id")
        batch_op.drop_column("pdf_sha256")
        batch_op.drop_column("verification_code")
        batch_op.drop_column("cancelled_at")
        batch_op.drop_column("sent_at")
        batch_op.drop_column("approved_at")
        batch_op.drop_column("number")
        batch_op.drop_column("needs_efirma")
        batch_op.drop_column("body_html")
        batch_op.drop_column("place")
        batch_op.drop_column("absent_id")
        batch_op.drop_column("issuer_id")
        batch_op.drop_column("author_id")
        batch_op.drop_column("signatory")
    op.drop_index(op.f("ix_recipient_reassigned_by_id"), table_name="recipient")
    op.drop_index(op.f("ix_recipient_outbox_id"), table_name="recipient")
    op.drop_index(op.f("ix_recipient_oficio_id_position"), table_name="recipient")
    op.drop_index(op.f("ix_recipient_dependencia_id_oficio_id"), table_name="recipient")
    op.drop_index(op.f("ix_recipient_account_id_oficio_id"), table_name="recipient")
    op.drop_table("recipient")
    op.drop_index(op.f("ix_outbox_file_outbox_id"), table_name="outbox_file")
    op.drop_table("outbox_file")
    op.drop_index(op.f("ix_signature_oficio_id_position"), table_name="signature")
    op.drop_index(op.f("ix_signature_account_id"), table_name="signature")
    op.drop_table("signature")
    op.drop_index(op.f("ix_proposal_oficio_id_id"), table_name="proposal")
    op.drop_table("proposal")
    op.drop_index(op.f("ix_draft_version_oficio_id_id"), table_name="draft_version")
    op.drop_table("draft_version")
    op.drop_index(op.f("ix_document_file_oficio_id"), table_name="document_file")
    op.drop_table("document_file")
    op.drop_index(op.f("ix_acuse_pdf_sha256"), table_name="acuse")
    op.drop_index(op.f("ix_acuse_case_id"), table_name="acuse")
    op.drop_table("acuse")
    op.drop_index(op.f("ix_delegation_acting_id_ends_at"), table_name="delegation")
    op.drop_index(op.f("ix_delegation_absent_id"), table_name="delegation")
    op.drop_table("delegation")
    op.drop_table("number_pattern")
    op.drop_index(op.f("ix_letterhead_dependencia_id"), table_name="letterhead")
    op.drop_table("letterhead")
    op.drop_index(op.f("ix_document_template_dependencia_id"), table_name="document_template")
    op.drop_table("document_template")
    op.drop_table("administration")
