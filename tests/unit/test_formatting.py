"""Long texts in Telegram's HTML: every part is valid by itself, and together they say what the whole said."""

from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from bots.formatting import caption, escape, length, plain, split_html

TAGS = ["b", "i", "u", "s", "code", "pre", "blockquote", "tg-spoiler"]


class _Reader(HTMLParser):
    """Reads a part as strictly as Telegram: what is opened is closed, in order."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.opened: list[str] = []
        self.seen: list[tuple[str, tuple[str, ...]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.opened.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.opened and self.opened.pop() == tag

    def handle_data(self, data: str) -> None:
        self.seen += [(character, tuple(self.opened)) for character in data if not character.isspace()]


def read(part: str) -> list[tuple[str, tuple[str, ...]]]:
    """Every visible character and the tags around it."""
    reader = _Reader()
    reader.feed(part)
    reader.close()
    assert reader.opened == []
    return reader.seen


words = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=60).map(escape)
nested = st.recursive(
    words,
    lambda inner: st.tuples(st.sampled_from(TAGS), st.lists(inner, max_size=4)).map(
        lambda found: f"<{found[0]}>{' '.join(found[1])}</{found[0]}>"
    ),
    max_leaves=12,
)
texts = st.lists(nested, max_size=6).map("\n\n".join)


@given(texts, st.integers(min_value=2, max_value=200))
def test_every_part_is_valid_and_short_enough_and_nothing_is_lost(text: str, limit: int) -> None:
    parts = split_html(text, limit)
    assert all(length(plain(part).strip()) <= limit for part in parts)
    assert all(plain(part).strip() for part in parts)
    assert [seen for part in parts for seen in read(part)] == read(text)


@given(st.lists(st.from_regex(r"[a-zñá]{1,12}", fullmatch=True), max_size=80), st.integers(12, 60))
def test_no_word_that_fits_is_broken(words: list[str], limit: int) -> None:
    parts = split_html(" ".join(words), limit)
    assert [word for part in parts for word in part.split()] == words


def test_a_text_of_exactly_the_limit_is_one_message() -> None:
    assert split_html("ñ" * 4096) == ["ñ" * 4096]
    assert [length(part) for part in split_html("ñ" * 4097)] == [4096, 1]


def test_a_face_counts_two_as_telegram_counts_and_is_never_halved() -> None:
    assert split_html("😀" * 3, limit=5) == ["😀" * 2, "😀"]


def test_an_escaped_character_counts_one_and_stays_whole() -> None:
    assert split_html("&lt;" * 4096) == ["&lt;" * 4096]
    assert split_html("a&amp;&#233;", limit=2) == ["a&amp;", "&#233;"]


def test_a_break_is_sought_between_paragraphs_then_lines_then_words() -> None:
    assert split_html("uno dos tres\n\ncuatro\ncinco", limit=22) == ["uno dos tres", "cuatro\ncinco"]
    assert split_html("uno dos\ntres cuatro", limit=15) == ["uno dos", "tres cuatro"]
    assert split_html("uno dos tres", limit=9) == ["uno dos", "tres"]


def test_formatting_that_a_break_cuts_goes_on_in_the_next_part() -> None:
    link = '<a href="https://example.org/?a=1&amp;b=2">'
    assert split_html(f"<b>uno {link}dos tres</a></b>", limit=8) == [
        f"<b>uno {link}dos</a></b>",
        f"<b>{link}tres</a></b>",
    ]


def test_nothing_visible_is_no_message() -> None:
    assert split_html("") == [] == split_html(" <b> </b>\n")


def test_a_caption_is_at_most_1024_seen_characters() -> None:
    assert caption(f"<b>{'a' * 1024}</b>") is not None
    assert caption("a" * 1025) is None
