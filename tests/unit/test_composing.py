"""From a notice to calls of the Bot API; and the plainer words after a refusal, which never lose any."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.composing import Call, File, as_file, compose, instead
from bots.formatting import plain

ANA = 7
OK = {"inline_keyboard": [[{"text": "Bien", "callback_data": "ok"}]]}
BUTTONS = {"buttons": [[{"text": "Bien", "data": "ok"}]]}


def photo(number: int = 0) -> File:
    return as_file(f"{number}.jpg", "image/jpeg", b"\xff\xd8\xff")


def document() -> File:
    return as_file("a.pdf", "application/pdf", b"%PDF")


def said(calls: list[Call]) -> str:
    return " ".join(
        plain(call.arguments.get("text") or call.arguments.get("caption") or "") for call in calls
    )


def methods(calls: list[Call]) -> list[str]:
    return [call.method for call in calls]


def test_a_short_text_is_one_message_with_its_buttons_and_no_preview() -> None:
    [call] = compose(ANA, "Hola", {**BUTTONS, "reply_to": 4, "topic": 9})
    assert call.method == "sendMessage" and call.chat_id == ANA
    assert call.arguments["reply_markup"] == OK
    assert call.arguments["reply_parameters"]["message_id"] == 4
    assert call.arguments["message_thread_id"] == 9
    # A preview would open a link that works only once.
    assert call.arguments["link_preview_options"] == {"is_disabled": True}


def test_one_file_carries_the_words_as_its_caption() -> None:
    [call] = compose(ANA, "Va el oficio", BUTTONS, [document()])
    assert call.method == "sendDocument" and call.arguments["caption"] == "Va el oficio"
    assert call.arguments["reply_markup"] == OK


def test_words_too_long_for_a_caption_go_before_the_file() -> None:
    assert methods(compose(ANA, "a" * 1025, {}, [photo()])) == ["sendMessage", "sendPhoto"]


def test_pictures_go_together_and_documents_together_in_tens() -> None:
    files = [photo(number) for number in range(12)] + [document(), document()]
    calls = compose(ANA, "Van", BUTTONS, files)
    assert methods(calls) == ["sendMessage", "sendMediaGroup", "sendMediaGroup", "sendMediaGroup"]
    assert [call.messages for call in calls] == [1, 10, 2, 2]
    # An album cannot carry buttons.
    assert calls[0].arguments["reply_markup"] == OK


def test_a_picture_too_heavy_for_a_photo_is_a_document() -> None:
    assert as_file("a.jpg", "image/jpeg", bytes(10_000_001)).kind == "document"


def test_nothing_to_say_is_no_call() -> None:
    assert compose(ANA, " ", {}) == []


def test_an_edit_without_buttons_takes_the_old_ones_away() -> None:
    [call] = compose(ANA, "Listo", {"edits": 5})
    assert call.method == "editMessageText" and call.arguments["message_id"] == 5
    assert call.arguments["reply_markup"] == {"inline_keyboard": []}


def test_a_location_is_asked_for_with_a_button_of_its_own() -> None:
    [call] = compose(ANA, "¿Dónde?", {"request": "location"})
    assert call.arguments["reply_markup"]["keyboard"][0][0]["request_location"] is True


REFUSALS = [
    "can't parse entities: unexpected end tag",
    "message to edit not found",
    "message can't be edited",
    "message to be replied not found",
    "message thread not found",
    "TOPIC_CLOSED",
    "message is too long",
    "message caption is too long",
    "inline keyboard button URL 'x' is invalid",
    "BUTTON_DATA_INVALID",
    "PHOTO_INVALID_DIMENSIONS",
    "wrong file identifier",
    "VOICE_MESSAGES_FORBIDDEN",
    "something new",
]
notices = st.builds(
    compose,
    st.just(ANA),
    st.sampled_from(["", "<b>Uno</b> dos", "palabra " * 100, "a" * 9000]),
    st.fixed_dictionaries(
        {},
        optional={
            "buttons": st.just(
                [[{"text": "Ver", "url": "https://example.org"}, {"text": "Bien", "data": "ok"}]]
            ),
            "reply_to": st.just(3),
            "topic": st.just(8),
            "edits": st.just(5),
        },
    ),
    st.lists(st.sampled_from([photo(), document(), as_file("v.ogg", "audio/ogg", b"OggS")]), max_size=4),
)


@given(notices, st.data())
def test_however_often_it_is_refused_it_ends_and_no_word_is_lost(
    calls: list[Call], data: st.DataObject
) -> None:
    words = said(calls).split()
    files = sum(len(call.files) for call in calls)
    sent: list[Call] = []
    for _ in range(400):
        if not calls:
            break
        call, *calls = calls
        refusal = data.draw(st.sampled_from([*REFUSALS, ""]))
        plainer = instead(call, refusal) if refusal else []
        if plainer:
            calls = plainer + calls
        else:
            sent.append(call)
    assert not calls
    heard = said(sent).split()
    assert [word for word in heard if word in set(words)] == words or "".join(words) in "".join(heard)
    assert sum(len(call.files) for call in sent) == files


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_document_with_nothing_to_leave_out_is_given_up(refusal: str) -> None:
    [call] = compose(ANA, "", {}, [document()])
    assert instead(call, refusal) == []
