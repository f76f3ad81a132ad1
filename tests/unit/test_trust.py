"""When a name or a domain is taken for an imitation, and when not."""

from __future__ import annotations

import pytest

from intake.senders.trust import mixes_alphabets, name_words


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Lic. Jaime Torres", {"jaime", "torres"}),
        ("TORRES, Jaime", {"jaime", "torres"}),
        ("María de la Luz Peña", {"maria", "luz", "pena"}),
        ("Ing. J. Torres", {"torres"}),
        ("", set()),
    ],
)
def test_names_compare_without_accents_titles_and_particles(name: str, words: set[str]) -> None:
    assert name_words(name) == words


def test_a_word_of_two_alphabets_is_a_disguise() -> None:
    assert mixes_alphabets("J\N{CYRILLIC SMALL LETTER A}ime Torres")
    assert mixes_alphabets("Ana L\N{GREEK SMALL LETTER OMICRON}pez")


@pytest.mark.parametrize(
    "name", ["Jaime Torres", "José Ñúñez", "Иван Петров", "Иван Петров / Ivan Petrov", "李 Wei"]
)
def test_an_honest_name_is_no_disguise(name: str) -> None:
    assert not mixes_alphabets(name)
