"""Every notice has its three files, and every sentence exists in both languages with the same blanks."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.wording import beginning, instant, moment, paragraphs, plain_name, size, speaking, thread_subject
from templates import FOLDER, labels

ZONE = ZoneInfo("America/Mexico_City")
NOON = datetime(2026, 11, 20, 19, 45, tzinfo=UTC)
KINDS = sorted(path for path in (FOLDER / "email").iterdir() if path.is_dir())


@pytest.mark.parametrize("folder", KINDS, ids=lambda path: path.name)
def test_a_notice_has_a_subject_a_text_and_a_page(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == {"subject.txt", "text.txt", "body.html"}


def test_both_languages_say_the_same_sentences_with_the_same_blanks() -> None:
    spanish, english = (
        {
            key: set(re.findall(r"{(\w+)}", text))
            for key, text in labels(code).items()
            if key.startswith("mail.")
        }
        for code in ("es", "en")
    )
    assert spanish == english


def test_every_sentence_of_a_template_is_in_the_labels() -> None:
    used = set()
    for path in (FOLDER / "email").rglob("*"):
        if path.is_file():
            used |= set(re.findall(r'say\("([\w.]+)"[,)]', path.read_text(encoding="utf-8")))
    assert used <= set(labels("es"))


@pytest.mark.parametrize(
    ("code", "other"),
    [
        # «En caso de» speaks of no asunto.
        ("es", re.compile(r"(?<!en )\bcasos?\b", re.IGNORECASE)),
        ("en", re.compile(r"\b(?:a|new|this|whole|your) matter\b|\bthe matter(?! and)", re.IGNORECASE)),
    ],
)
def test_a_case_is_called_asunto_in_spanish_and_case_in_english(code: str, other: re.Pattern[str]) -> None:
    assert {key: text for key, text in labels(code).items() if other.search(text)} == {}


def test_an_instant_reads_in_the_zone_of_the_office() -> None:
    with speaking("es"):
        assert moment(NOON, ZONE) == "viernes 20 de noviembre de 2026, 13:45 h"
        assert instant(NOON, ZONE).endswith("(hora de Ciudad de México)")
    with speaking("en"):
        assert moment(NOON, ZONE) == "Friday, November 20, 2026, 13:45"


def test_a_language_we_do_not_speak_is_spanish() -> None:
    with speaking("fr"):
        assert moment(NOON, ZONE).startswith("viernes")


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 B"), (999, "999 B"), (245_311, "245 KB"), (1_234_567, "1.2 MB")]
)
def test_sizes_read_as_people_say_them(count: int, words: str) -> None:
    assert size(count) == words


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("Impresora", "Re: Impresora [T-2026-000001]"),
        ("RE: Rv:  Impresora", "Re: Impresora [T-2026-000001]"),
        ("Re[2]: Impresora [T-2026-000001]", "Re: Impresora [T-2026-000001]"),
        ("Reparación urgente", "Re: Reparación urgente [T-2026-000001]"),
        ("", "Re: (sin asunto) [T-2026-000001]"),
        ("uno\r\nBcc: otro", "Re: uno Bcc: otro [T-2026-000001]"),
    ],
)
def test_all_mail_of_a_case_has_one_subject(subject: str, expected: str) -> None:
    assert thread_subject(subject, "T-2026-000001") == expected


@pytest.mark.parametrize(
    ("name", "greeted"),
    [
        ("Ana López", "Ana López"),
        ("ana@x.example", ""),
        ("Gane en www.premio.example", ""),
        ("  ", ""),
        ("A" * 90, ""),
    ],
)
def test_only_a_name_is_greeted(name: str, greeted: str) -> None:
    assert plain_name(name, "ana@x.example") == greeted


@given(st.text())
def test_paragraphs_lose_no_word(text: str) -> None:
    together = " ".join(line for lines in paragraphs(text) for line in lines)
    assert together.split() == text.split()


@given(st.text(max_size=3000))
def test_a_quote_is_short_and_says_when_it_was_cut(text: str) -> None:
    quoted = beginning(text)
    assert len(quoted) <= 902
    assert quoted == text.strip() or quoted.endswith(" …")
