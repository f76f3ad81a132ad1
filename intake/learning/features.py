"""What the learnt proposals see of a text: stems, pairs of stems, and pieces of words. Pure.

Everything without accents or case. Pieces let a word that a thumb typed wrongly still be
known by most of its letters; each feature remembers the word it came from, so that a
proposal can show the words that decided.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Protocol

from models.search import fold
from templates import LANGUAGES, labels

# Longer texts say what they want at their beginning; below are signatures and quoted mails.
MAX_TEXT = 2_000
_WORD = re.compile(r"[^\W_]+")
_PIECES = (3, 4, 5)
_STEMMERS = {"es": "spanish", "en": "english"}


class _Stemmer(Protocol):
    def stemWord(self, word: str) -> str: ...  # noqa: N802


def words_of(text: str) -> list[tuple[int, int, str]]:
    """Beginning, end and folded letters of each word of *text*."""
    return [(one.start(), one.end(), fold(one[0])) for one in _WORD.finditer(text[:MAX_TEXT])]


def features_of(words: list[str]) -> Iterator[tuple[str, int]]:
    """Each feature of the folded *words*, with the number of the word that it came from."""
    language = _language(words)
    before = ""
    for number, word in enumerate(words):
        stem = _stem(language, word)
        yield f"w{stem}", number
        if before:
            yield f"p{before} {stem}", number
        before = stem
        padded = f" {word} "
        for length in _PIECES:
            for start in range(len(padded) - length + 1):
                yield f"c{padded[start : start + length]}", number


def telling_stems(text: str) -> set[str]:
    """The stems of what *text* is about."""
    words = [word for _, _, word in words_of(text)]
    language = _language(words)
    return {_stem(language, word) for word in words if is_telling(word)}


def _language(words: list[str]) -> str:
    """The language whose small words are most; the first of ours when none is known."""
    return max(LANGUAGES, key=lambda code: sum(word in _small_words(code) for word in words))


def is_telling(word: str) -> bool:
    """False for what every sentence has: such a word decides nothing that a person would understand."""
    return len(word) > 2 and not any(word in _small_words(code) for code in LANGUAGES)


@cache
def _small_words(code: str) -> frozenset[str]:
    return frozenset(fold(labels(code)["chat_desk.small_words"]).split())


@lru_cache(50_000)
def _stem(language: str, word: str) -> str:
    return _stemmer(language).stemWord(word)


@cache
def _stemmer(language: str) -> _Stemmer:
    # Not at the top: a door that never proposes anything does not load it.
    import snowballstemmer

    found: _Stemmer = snowballstemmer.stemmer(_STEMMERS[language])
    return found
