"""What may stand in a document's text, how it is numbered, and how its code is typed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.errors import InvalidInput
from intake.issued.numbering import check_pattern, write_number
from intake.issued.rich_text import clean, is_empty, plain
from intake.proofs.codes import make_code, read_code
from models.oficio import DocumentType


def test_formats_of_a_letter_stay_and_everything_else_goes() -> None:
    html = (
        '<h1>Uno</h1><p style="text-align: center; color: red" onclick="x()">Dos <b>tres</b></p>'
        '<ul><li>cuatro</li></ul><table><tr><td colspan="2">cinco</td></tr></table>'
        '<a href="javascript:x()">seis</a><a href="https://example.gob.mx">siete</a>'
        '<img src="http://x.example/pixel.png"><script>ocho()</script><style>p{}</style><iframe></iframe>'
    )
    cleaned = clean(html)
    for kept in ("<h2>Uno</h2>", "text-align:center", "<b>tres</b>", "<li>cuatro</li>", 'colspan="2"',
                 'href="https://example.gob.mx"', "seis"):  # fmt: skip
        assert kept in cleaned, cleaned
    for gone in ("onclick", "color", "javascript", "img", "ocho", "iframe", "p{}"):
        assert gone not in cleaned, cleaned


@given(st.text(max_size=300))
def test_cleaning_twice_is_cleaning_once(html: str) -> None:
    assert clean(clean(html)) == clean(html)


@pytest.mark.parametrize("html", ["", "<p></p>", "<p><br></p>", "<p>&nbsp;</p>", "<ul><li></li></ul>"])
def test_what_shows_nothing_is_empty(html: str) -> None:
    assert is_empty(clean(html))


def test_the_plain_words_are_a_line_per_paragraph() -> None:
    assert plain("<p>Uno <b>dos</b></p><p>tres</p>").split("\n")[0] == "Uno dos"


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("{siglas}/{number:04}/{year}", "DSI/0012/2026"),
        ("{siglas}.{year}.{number}", "DSI.2026.12"),
        ("No. {number:3} {siglas}-{year}", "No. 012 DSI-2026"),
    ],
)
def test_a_pattern_writes_the_number(pattern: str, said: str) -> None:
    assert check_pattern(f" {pattern} ") == pattern
    kind = DocumentType.OFICIO
    assert write_number(pattern, siglas="DSI", number=12, year=2026, document_type=kind) == said


@pytest.mark.parametrize(
    ("pattern", "kind"),
    [
        ("{number}/{year}", ""),
        ("{siglas}/{number}", ""),
        ("{siglas}/{year}", ""),
        ("{siglas}/{number}/{number}/{year}", ""),
        ("{siglas}/{number}/{year}/{mes}", ""),
        ("{siglas}/{type}/{number}/{year}", ""),
        ("{siglas}/{number}/{year}", "memorandum"),
        ("{siglas}/<b>/{number}/{year}", ""),
        ("", ""),
    ],
)
def test_a_pattern_by_which_two_documents_could_get_one_number_is_refused(pattern: str, kind: str) -> None:
    with pytest.raises(InvalidInput):
        check_pattern(pattern, kind)


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_different_numbers_are_written_differently(one: int, other: int) -> None:
    def said(number: int) -> str:
        return write_number("{siglas}/{number:04}/{year}", siglas="DSI", number=number, year=2026,
                            document_type=DocumentType.OFICIO)  # fmt: skip

    assert (said(one) == said(other)) == (one == other)


def test_a_code_is_read_as_people_type_it() -> None:
    code = make_code()
    assert code != make_code()
    for typed in (code, code.lower(), code.replace("-", ""), f" {code.replace('-', ' ')} "):
        assert read_code(typed) == code


@pytest.mark.parametrize(
    "typed", ["", "hola", "AAAAA-AAAAA-AAAAA", "AAAAA-AAAAA-AAAAA-AAAA!", "../../etc/passwd"]
)
def test_what_is_no_code_is_none(typed: str) -> None:
    assert read_code(typed) is None
