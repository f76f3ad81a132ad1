"""Texts and keyboards that our Bot API server takes and refuses, with Telegram's words, over raw HTTP.

Documentation: "Formatting options", MessageEntity, InlineKeyboardButton.
"""

from collections.abc import Iterator

import httpx
import pytest

from tests.support.botapi import BotApi
from tests.support.botapi.client import RawBot, inline

BOTH = {"text": "a", "url": "https://example.gob.mx", "callback_data": "a"}


@pytest.fixture
def bot(bot_api: BotApi) -> Iterator[RawBot]:
    # Without TLS: to read the certificates of all authorities takes longer than most of these tests.
    with httpx.Client(verify=False) as client:
        yield RawBot(bot_api, client)


def test_text_has_1_to_4096_utf16_units_after_formatting(bot: RawBot) -> None:
    assert bot.refusal("sendMessage", chat_id=bot.ana, text=" \n") == "Bad Request: message text is empty"
    assert bot.refusal("sendMessage", chat_id=bot.ana, text="x" * 4097) == "Bad Request: message is too long"
    # An emoji beyond the basic plane counts twice.
    assert bot.refusal("sendMessage", chat_id=bot.ana, text="😀" * 2049) == "Bad Request: message is too long"
    assert len(bot.say("<b>" + "&lt;" * 4096 + "</b>", parse_mode="HTML")["text"]) == 4096


def test_captions_have_at_most_1024(bot: RawBot) -> None:
    document = bot.upload("sendDocument", bot.ana, document=("a.pdf", b"%PDF"))["result"]["document"][
        "file_id"
    ]
    given = {"chat_id": bot.ana, "document": document}
    assert (
        bot.refusal("sendDocument", **given, caption="x" * 1025) == "Bad Request: message caption is too long"
    )
    assert bot.do("sendDocument", **given, caption="x" * 1024)["caption"] == "x" * 1024


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("<p>a</p>", 'Unsupported start tag "p"'),
        ("<b>a", 'Can\'t find end tag corresponding to start tag "b"'),
        ("<b><i>a</b></i>", 'expected "</i>", found "</b>"'),
        ("a</b>", "Unexpected end tag"),
        ("a < b", "Unsupported start tag"),
        ("a > b", "must be escaped"),
        ("Agua & luz", "must be escaped"),
        ("a&nbsp;b", "must be escaped"),
        ("<span>a</span>", 'must have class "tg-spoiler"'),
        ("<code>a<b>c</b></code>", "can't be inside"),
        ("<blockquote>a<blockquote>b</blockquote></blockquote>", "can't be nested"),
    ],
)
def test_html_that_the_documentation_does_not_allow_is_refused(bot: RawBot, text: str, why: str) -> None:
    refusal = bot.refusal("sendMessage", chat_id=bot.ana, text=text, parse_mode="HTML")
    assert refusal.startswith("Bad Request: can't parse entities: ")
    assert why in refusal


def test_html_comes_back_as_text_with_entities_in_utf16_units(bot: RawBot) -> None:
    said = bot.say(
        '😀 <b>Folio <i>1</i></b> &amp; <a href="https://example.gob.mx/?a=1&amp;b=2">aquí</a> '
        '<pre><code class="language-sql">x</code></pre>',
        parse_mode="HTML",
    )
    assert said["text"] == "😀 Folio 1 & aquí x"
    assert said["entities"] == [
        {"type": "bold", "offset": 3, "length": 7},
        {"type": "italic", "offset": 9, "length": 1},
        {"type": "text_link", "url": "https://example.gob.mx/?a=1&b=2", "offset": 13, "length": 4},
        {"type": "pre", "language": "sql", "offset": 18, "length": 1},
    ]


def test_entities_may_be_given_instead_of_formatting_if_they_fit(bot: RawBot) -> None:
    bold = {"type": "bold", "offset": 0, "length": 4}
    assert bot.say("Hola", entities=[bold])["entities"] == [bold]
    for wrong in ({"length": 5}, {"offset": -1}, {"type": "huge"}, {"offset": "0"}):
        assert "can't parse" in bot.refusal(
            "sendMessage", chat_id=bot.ana, text="Hola", entities=[bold | wrong]
        )


def test_markdown_v2_wants_its_escapes(bot: RawBot) -> None:
    refusal = bot.refusal("sendMessage", chat_id=bot.ana, text="Listo.", parse_mode="MarkdownV2")
    assert "Character '.' is reserved and must be escaped" in refusal
    assert "Can't find end" in bot.refusal("sendMessage", chat_id=bot.ana, text="*a", parse_mode="MarkdownV2")
    said = bot.say("*Listo\\.* [aquí](https://example.gob.mx)", parse_mode="MarkdownV2")
    assert (said["text"], [entity["type"] for entity in said["entities"]]) == (
        "Listo. aquí",
        ["bold", "text_link"],
    )
    assert bot.refusal("sendMessage", chat_id=bot.ana, text="a", parse_mode="BBCode").endswith("parse_mode")


@pytest.mark.parametrize(
    ("markup", "why"),
    [
        (inline({"text": "a"}), "Text buttons are unallowed in the inline keyboard"),
        (inline(BOTH), "exactly one action"),
        (inline({"text": "", "callback_data": "a"}), "text must be non-empty"),
        (inline({"text": "a", "callback_data": ""}), "BUTTON_DATA_INVALID"),
        (inline({"text": "a", "callback_data": "ñ" * 33}), "BUTTON_DATA_INVALID"),
        (inline({"text": "a", "url": "example"}), "Wrong HTTP URL"),
        (inline({"text": "a", "url": "http://localhost:8000/"}), "Wrong HTTP URL"),
        ({"inline_keyboard": [{"text": "a", "callback_data": "a"}]}, "Array of Arrays"),
        ({"teclado": []}, "can't parse reply keyboard markup"),
        ("[1]", "must be an Object"),
        ("{", "can't parse reply_markup JSON object"),
    ],
)
def test_a_keyboard_that_breaks_the_rules_is_refused(bot: RawBot, markup: object, why: str) -> None:
    assert why in bot.refusal("sendMessage", chat_id=bot.ana, text="a", reply_markup=markup)


def test_a_keyboard_within_the_rules_is_taken(bot: RawBot) -> None:
    markup = inline(
        {"text": "a", "callback_data": "ñ" * 32}, {"text": "b", "url": "http://127.0.0.1:8000/portal"}
    )
    assert bot.say("a", reply_markup=markup)["reply_markup"] == markup
