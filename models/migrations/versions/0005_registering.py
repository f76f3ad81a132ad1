"""The fields of manual C, and the answers that are signed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from models.base import BigId, Json, UtcDateTime
from models.contact import contact_key
from models.oficio import number_key

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "signed_answer",
        sa.Column("id", BigId, nullable=False),
        sa.Column("oficio_id", BigId, nullable=False),
        sa.Column("message_id", BigId, nullable=False),
        sa.Column("account_id", BigId, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("pdf_sha256", sa.String(length=64), nullable=False),
        sa.Column("verification_code", sa.String(length=40), nullable=False),
        sa.Column("mail", Json, nullable=False),
        sa.Column("signed_at", UtcDateTime(), nullable=True),
        sa.Column("serial", sa.String(length=80), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("level", sa.String(length=8), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_signed_answer_account_id")),
        sa.ForeignKeyConstraint(
            ["message_id"], ["message.id"], name=op.f("fk_signed_answer_message_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["oficio_id"], ["oficio.id"], name=op.f("fk_signed_answer_oficio_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["pdf_sha256"], ["blob.sha256"], name=op.f("fk_signed_answer_pdf_sha256")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signed_answer")),
        sa.UniqueConstraint("verification_code", name=op.f("uq_signed_answer_verification_code")),
    )
    op.create_index(op.f("ix_signed_answer_message_id"), "signed_answer", ["message_id"], unique=False)
    op.create_index(op.f("ix_signed_answer_oficio_id_id"), "signed_answer", ["oficio_id", "id"], unique=False)
    op.create_index(op.f("ix_signed_answer_pdf_sha256"), "signed_answer", ["pdf_sha256"], unique=False)
    op.add_column("contact", sa.Column("post", sa.Text(), server_default="", nullable=False))
    op.add_column("contact", sa.Column("institution", sa.Text(), server_default="", nullable=False))
    op.add_column("contact", sa.Column("phone", sa.String(length=40), server_default="", nullable=False))
    op.add_column("contact", sa.Column("postal_address", sa.Text(), server_default="", nullable=False))
    op.add_column(
        "contact", sa.Column("federative_state", sa.String(length=60), server_default="", nullable=False)
    )
    op.add_column("contact", sa.Column("name_key", sa.String(length=200), server_default="", nullable=False))
    op.create_index(op.f("ix_contact_name_key"), "contact", ["name_key"], unique=False)
    with op.batch_alter_table("oficio") as batch_op:
        batch_op.add_column(
            sa.Column("sender_number_key", sa.String(length=80), server_default="", nullable=False)
        )
        batch_op.add_column(sa.Column("reference", sa.String(length=120), server_default="", nullable=False))
        batch_op.add_column(sa.Column("topic", sa.String(length=200), server_default="", nullable=False))
        batch_op.add_column(sa.Column("description", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("comments", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("instruction", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("addressee_dependencia_id", BigId, nullable=True))
        batch_op.add_column(sa.Column("addressee_id", BigId, nullable=True))
        batch_op.add_column(sa.Column("copies", Json, server_default="[]", nullable=False))
        batch_op.create_index(batch_op.f("ix_oficio_sender_number_key"), ["sender_number_key"], unique=False)
        batch_op.create_index(batch_op.f("ix_oficio_topic"), ["topic"], unique=False)
        batch_op.create_foreign_key(
            batch_op.f("fk_oficio_addressee_dependencia_id"),
            "dependencia",
            ["addressee_dependencia_id"],
            ["id"],
        )
        batch_op.create_foreign_key(batch_op.f("fk_oficio_addressee_id"), "account", ["addressee_id"], ["id"])
    _write_keys()


def _write_keys() -> None:
    """What was there before is looked up like what comes: SQL cannot take accents away."""
    contact = sa.table("contact", sa.column("id"), sa.column("name"), sa.column("name_key"))
    oficio = sa.table("oficio", sa.column("id"), sa.column("sender_number"), sa.column("sender_number_key"))
    connection = op.get_bind()
    keys = [
        {"the_id": one.id, "key": contact_key(one.name, "")}
        for one in connection.execute(sa.select(contact.c.id, contact.c.name))
    ]
    numbers = [
        {"the_id": one.id, "key": number_key(one.sender_number)}
        for one in connection.execute(
            sa.select(oficio.c.id, oficio.c.sender_number).where(oficio.c.sender_number != "")
        )
    ]
    by_id: sa.BindParameter[int] = sa.bindparam("the_id")
    key: sa.BindParameter[str] = sa.bindparam("key")
    if keys:
        connection.execute(sa.update(contact).where(contact.c.id == by_id).values(name_key=key), keys)
    if numbers:
        connection.execute(
            sa.update(oficio).where(oficio.c.id == by_id).values(sender_number_key=key), numbers
        )


def downgrade() -> None:
    with op.batch_alter_table("oficio") as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_oficio_addressee_id"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("fk_oficio_addressee_dependencia_id"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_oficio_topic"))
        batch_op.drop_index(batch_op.f("ix_oficio_sender_number_key"))
        for name in ("copies", "addressee_id", "addressee_dependencia_id", "instruction", "comments",
                     "description", "topic", "reference", "sender_number_key"):  # fmt: skip
            batch_op.drop_column(name)
    op.drop_index(op.f("ix_contact_name_key"), table_name="contact")
    for name in ("name_key", "federative_state", "postal_address", "phone", "institution", "post"):
        op.drop_column("contact", name)
    op.drop_table("signed_answer")
