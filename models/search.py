"""Full-text search over messages: FTS5 on SQLite, a GIN-indexed tsvector on PostgreSQL.

One row per message, its key the message's id, so newest first is the natural
order; words are only ever added. They match by prefix, without accents or case.
SQLite keeps the beginnings of words up to 12 letters, each with its messages: what
many messages have is then read from the newest on, and never all of it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import ColumnElement, Connection, TextClause, func, text
from sqlalchemy.orm import InstrumentedAttribute, Session

from models.rows import execute_after_flush

# More text than this per message adds nothing to finding it.
MAX_INDEXED = 100_000
_MARKS = re.compile("[\u0300-\u036f]+")
# Letters, but for those of New Tai Lue and Vedic at which SQLite's tokenizer ends a word.
_WORD = re.compile("[^\\W\u19b0-\u19c0\u19c8\u19c9\u1cf2\u1cf3]+")
_ACCENTS = tuple(zip("áéíóúüñÁÉÍÓÚÜÑ", "aeiouunaeiouun", strict=True))
_INDEX = text("INSERT INTO message_search (rowid, body) VALUES (:id, :body)")
# A message edited by its sender is found by what it said before, too. Of two rows with one key, FTS5
# reads the newer for a word that both have, and each for a word that only it has.
_INDEX_POSTGRESQL = text(
    "INSERT INTO message_search (rowid, body) VALUES (:id, to_tsvector('simple', :body))"
    " ON CONFLICT (rowid) DO UPDATE SET body = message_search.body || excluded.body"
)

# PostgreSQL guesses badly how rare the beginning of a word is. What many messages have is found among the
# newest ones; what few of them have, the index finds at once.
NEWEST, ENOUGH = 5_000, 100
_AMONG_NEWEST = text(
    "SELECT rowid FROM (SELECT rowid, body FROM message_search WHERE rowid < :before"
    " ORDER BY rowid DESC LIMIT :newest) AS newest"
    " WHERE body @@ to_tsquery('simple', :wanted) ORDER BY rowid DESC LIMIT :limit"
)
# The sums keep it from walking down the key instead; of a word that thousands have, only the last are kept.
_AMONG_ALL = text(
    "SELECT rowid FROM message_search WHERE body @@ to_tsquery('simple', :wanted) AND rowid + 0 < :before"
    " ORDER BY rowid + 0 DESC LIMIT :limit"
)

_OPEN_WORDS = text("CREATE VIRTUAL TABLE temp.message_word USING fts5vocab(main, message_search, instance)")
_WORDS = text("SELECT doc, group_concat(term, ' ') FROM temp.message_word GROUP BY doc")
_CLOSE_WORDS = text("DROP TABLE temp.message_word")
_LEXEMES = text(
    "SELECT rowid, array_to_string(tsvector_to_array(body), ' ') FROM message_search ORDER BY rowid"
)


def fold(words: str) -> str:
    """Lower case without accents: what both databases index and are asked for."""
    plain = unicodedata.normalize("NFKD", words[:MAX_INDEXED].casefold()).replace("\0", " ")
    # Spanish has no others, and a pattern looks at each character.
    for mark in "\u0301\u0303\u0308":
        plain = plain.replace(mark, "")
    return plain if plain.isascii() else _MARKS.sub("", plain)


def folded(column: ColumnElement[str] | InstrumentedAttribute[Any]) -> ColumnElement[str]:
    """*column* as `fold` would have it; no index helps, so for hundreds of rows and not for all cases."""
    found: Any = column
    for accented, plain in _ACCENTS:
        found = func.replace(found, accented, plain)
    folded_column: ColumnElement[str] = func.lower(found)
    return folded_column


def words_of(query: str) -> list[str]:
    """The words of *query* as they are indexed."""
    return _WORD.findall(fold(query).replace("_", " "))


def index_message(session: Session, message_id: int, parts: Iterable[str]) -> None:
    """Make the message found by the words of *parts* (folio, subject, names, addresses, text)."""
    session.connection().execute(*_entry(session, message_id, parts))


def index_new_message(session: Session, message_id: int, parts: Iterable[str]) -> None:
    """The same for a message that is pending in *session*, as soon as it is written."""
    execute_after_flush(session, *_entry(session, message_id, parts))


def _entry(session: Session, message_id: int, parts: Iterable[str]) -> tuple[TextClause, dict[str, Any]]:
    body = fold("\n".join(parts))
    if session.get_bind().dialect.name != "postgresql":
        return _INDEX, {"id": message_id, "body": body}
    # PostgreSQL keeps e-mail addresses and T-2026-000001 as one token; search asks for plain words.
    return _INDEX_POSTGRESQL, {"id": message_id, "body": " ".join(_WORD.findall(body.replace("_", " ")))}


def find_messages(session: Session, query: str, *, before: int | None = None, limit: int = 50) -> list[int]:
    """Ids of messages that have every word of *query* (prefixes), newest first, older than id *before*.

    Perhaps fewer than *limit* although there are more; none only when there is none.
    """
    words = words_of(query)
    # One letter is the beginning of every message, and costs as much as it says little.
    words = [word for word in words if len(word) > 1 or word.isdecimal()] or words
    if not words:
        return []
    limits = {"before": before or 2**62, "limit": limit}
    if session.get_bind().dialect.name == "postgresql":
        wanted = " & ".join(f"{word}:*" for word in words)
        rows = session.execute(_AMONG_NEWEST, {"wanted": wanted, "newest": NEWEST, **limits}).all()
        if len(rows) < ENOUGH:
            rows = session.execute(_AMONG_ALL, {"wanted": wanted, **limits}).all()
    else:
        wanted = " ".join(f'"{word}"*' for word in words)
        rows = session.execute(
            text(
                "SELECT rowid FROM message_search WHERE message_search MATCH :wanted"
                " AND rowid < :before ORDER BY rowid DESC LIMIT :limit"
            ),
            {"wanted": wanted, **limits},
        ).all()
    return [row[0] for row in rows]


def indexed_words(connection: Connection) -> Iterator[tuple[int, str]]:
    """(id, words) of each message that is found by any, in the order of ids."""
    if connection.dialect.name == "postgresql":
        for row in connection.execution_options(yield_per=500).execute(_LEXEMES):
            yield row[0], row[1]
        return
    connection.execute(_OPEN_WORDS)
    for row in connection.execute(_WORDS):
        yield row[0], row[1]
    connection.execute(_CLOSE_WORDS)
