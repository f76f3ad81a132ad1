"""The index of words on SQLite keeps more beginnings of words, and where in a message they are no longer."""

from __future__ import annotations

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _make_anew("detail=none, prefix='2 3 4 5 6 7 8 9 10 11 12'")


def downgrade() -> None:
    _make_anew("prefix='2 3 4'")


def _make_anew(options: str) -> None:
    """The words come from the index itself: some, as those of a scan, are in no message."""
    if op.get_bind().dialect.name != "sqlite":
        return
    for statement in (
        "CREATE VIRTUAL TABLE message_word USING fts5vocab(message_search, instance)",
        "CREATE VIRTUAL TABLE message_index"
        f" USING fts5(body, content='', tokenize='unicode61 remove_diacritics 2', {options})",
        "INSERT INTO message_index (rowid, body)"
        " SELECT doc, group_concat(term, ' ') FROM message_word GROUP BY doc",
        "DROP TABLE message_word",
        "DROP TABLE message_search",
        "ALTER TABLE message_index RENAME TO message_search",
    ):
        op.execute(statement)
