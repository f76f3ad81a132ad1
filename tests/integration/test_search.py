"""The index of words: what is found by which words, whatever is typed, and that no copy of it loses any."""

from __future__ import annotations

import sys
import unicodedata
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config

from models import migrations
from models.search import find_messages, index_message, words_of
from models.session import Database, open_database


def test_a_word_is_found_by_each_of_its_beginnings(database: Database) -> None:
    with database.writing() as session:
        index_message(session, 1, ["Refrendo extemporáneo del fraccionamiento Anticonstitucional"])
        index_message(session, 2, ["Refrendo de fraccionamientos"])
    with database.reading() as session:
        for word, found in (
            ("fraccionamiento", [2, 1]),
            ("fraccionamientos", [2]),
            ("anticonstitucional", [1]),
        ):
            for length in range(1, len(word) + 1):
                expected = found if length == len(word) else find_messages(session, word[: length + 1])
                assert set(find_messages(session, word[:length])) >= set(expected), word[:length]
            assert find_messages(session, word) == found
        assert find_messages(session, "extempo fraccionamiento") == [1]
        assert find_messages(session, "refrendo fraccion") == [2, 1]


def test_a_word_that_a_message_got_later_is_found_beside_the_first_ones(database: Database) -> None:
    with database.writing() as session:
        index_message(session, 1, ["calle Juárez"])
    with database.writing() as session:
        index_message(session, 1, ["calle Morelos"])
    with database.reading() as session:
        for typed in ("juarez", "morelos", "calle", "juarez morelos"):
            assert find_messages(session, typed) == [1], typed


def test_no_letter_of_any_script_stops_a_search(database: Database) -> None:
    letters = [chr(code) for code in range(sys.maxunicode) if unicodedata.category(chr(code))[0] in "LN"]
    assert len(letters) > 100_000
    with database.reading() as session:
        for start in range(0, len(letters), 400):
            typed = " ".join(f"a{letter}b" for letter in letters[start : start + 400])
            assert words_of(typed)
            assert find_messages(session, typed) == []


def test_words_that_stand_in_no_message_outlive_a_change_of_the_index(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'register.db'}")
    _migrate(database, "0014")
    with database.writing() as session:
        index_message(session, 7, ["Oficio de Tránsito"])
        index_message(session, 7, ["leído en el escaneo"])
        index_message(session, 9, ["Otro oficio"])
    _migrate(database, "head")
    with database.reading() as session:
        assert find_messages(session, "transito escan") == [7]
        assert find_messages(session, "oficio") == [9, 7]
    database.close()


def _migrate(database: Database, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with database.engine.execution_options(begin="IMMEDIATE").begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


@pytest.mark.parametrize("typed", ['"', "*", "NEAR(a b)", "a AND", "folio:uno", "^uno", "-uno", "(", "'"])
def test_signs_of_query_languages_are_only_signs(database: Database, typed: str) -> None:
    with database.writing() as session:
        index_message(session, 1, ["uno dos"])
    with database.reading() as session:
        assert isinstance(find_messages(session, typed), list)
        assert find_messages(session, f"uno {typed}" if not words_of(typed) else "uno") == [1]
