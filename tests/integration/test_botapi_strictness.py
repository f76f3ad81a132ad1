"""Our Bot API server refuses what the documentation forbids, with Telegram's words, over raw HTTP.

Each refusal is tested beside what is just allowed, so that a server that refuses everything fails too.
"""

import inspect
import json
import re
from collections.abc import Iterator

import httpx
import pytest
import telegram

from tests.support.botapi import BotApi, Json, Limits
from tests.support.botapi.client import RawBot, inline
from tests.support.botapi.methods import METHODS, Method


@pytest.fixture
def bot(bot_api: BotApi) -> Iterator[RawBot]:
    # Without TLS: to read the certificates of all authorities takes longer than most of these tests.
    with httpx.Client(verify=False) as client:
        yield RawBot(bot_api, client)


def test_an_unknown_method_is_not_found_and_a_known_one_is_found_in_any_case(bot: RawBot) -> None:
    assert bot.call("sendPigeon") == {"ok": False, "error_code": 404, "description": "Not Found"}
    assert bot.do("GETme")["is_bot"] is True


def test_a_wrong_token_is_unauthorized(bot: RawBot) -> None:
    answer = bot.client.get(f"{bot.server.base_url}123456:WRONG/getMe")
    assert answer.json() == {"ok": False, "error_code": 401, "description": "Unauthorized"}


@pytest.mark.parametrize("how", ["query", "form", "json", "multipart"])
def test_parameters_come_in_each_of_the_four_documented_ways(bot: RawBot, how: str) -> None:
    url = f"{bot.server.base_url}{bot.server.token}/sendMessage"
    markup = inline({"text": "Sí", "callback_data": "si"})
    given = {"chat_id": str(bot.ana), "text": "¿Sí?", "reply_markup": json.dumps(markup)}
    if how == "query":
        answer = bot.client.get(url, params=given)
    elif how == "form":
        answer = bot.client.post(url, data=given)
    elif how == "json":
        answer = bot.client.post(url, json=given | {"chat_id": bot.ana, "reply_markup": markup})
    else:
        answer = bot.client.post(url, files={name: (None, value) for name, value in given.items()})
    assert answer.json()["result"]["text"] == "¿Sí?"
    assert answer.json()["result"]["reply_markup"] == markup


def test_a_parameter_of_another_type_is_refused_and_one_that_does_not_exist_is_remembered(
    bot: RawBot,
) -> None:
    assert "Integer" in bot.refusal("sendMessage", chat_id=bot.ana, text="a", message_thread_id="uno")
    assert "String" in bot.refusal("sendMessage", chat_id=bot.ana, text=1)
    assert "Boolean" in bot.refusal("sendMessage", chat_id=bot.ana, text="a", disable_notification="maybe")
    assert bot.server.warnings() == []
    bot.say("a", texto="b")
    assert bot.server.warnings() == ["sendMessage: unknown parameter texto"]


@pytest.mark.parametrize(
    "parameters",
    [
        {"media": [{"type": "photo", "media": "x", "caption": 5}] * 2},
        {"media": [1, 2]},
        {"media": "[", "reply_parameters": []},
        {"media": [{"type": [], "media": {}}] * 2},
    ],
)
def test_nonsense_is_a_bad_request_and_no_failure_of_the_server(bot: RawBot, parameters: Json) -> None:
    answer = bot.call("sendMediaGroup", chat_id=bot.ana, **parameters)
    assert answer["error_code"] == 400
    assert bot.server.warnings() == []


def test_an_answer_to_a_missing_message_needs_permission_to_stand_alone(bot: RawBot) -> None:
    missing = {"message_id": 9999}
    refusal = bot.refusal("sendMessage", chat_id=bot.ana, text="a", reply_parameters=missing)
    assert refusal == "Bad Request: message to be replied not found"
    alone = bot.say("a", reply_parameters=missing | {"allow_sending_without_reply": True})
    assert "reply_to_message" not in alone
    answer = bot.say("b", reply_parameters={"message_id": alone["message_id"]})
    assert answer["reply_to_message"]["message_id"] == alone["message_id"]
    last = bot.say("c", reply_parameters={"message_id": answer["message_id"]})
    assert "reply_to_message" not in last["reply_to_message"]


def test_a_bot_cannot_write_to_strangers_nor_to_who_blocked_it(bot: RawBot) -> None:
    luis = bot.server.add_user("Luis")
    assert bot.refusal("sendMessage", chat_id=luis, text="a") == "Bad Request: chat not found"
    assert bot.refusal("sendMessage", chat_id=77, text="a") == "Bad Request: chat not found"
    assert bot.refusal("sendMessage", text="a") == "Bad Request: chat_id is empty"
    bot.server.block_bot(bot.ana)
    assert bot.refusal("sendMessage", chat_id=bot.ana, text="a") == "Forbidden: bot was blocked by the user"
    bot.server.unblock_bot(bot.ana)
    assert bot.say("a")["text"] == "a"


def test_a_bot_knows_from_a_group_whom_it_cannot_write_to(bot: RawBot) -> None:
    luis = bot.server.add_user("Luis")
    bot.server.add_group("Obras", [bot.ana, luis])
    refusal = bot.refusal("sendMessage", chat_id=luis, text="a")
    assert refusal == "Forbidden: bot can't initiate conversation with a user"


def test_a_bot_thrown_out_of_a_group_is_forbidden_there(bot: RawBot) -> None:
    group = bot.server.add_group("Obras", [bot.ana])
    assert bot.say("a", group)["chat"]["type"] == "supergroup"
    bot.server.remove_bot(group, bot.ana)
    refusal = bot.refusal("sendMessage", chat_id=group, text="a")
    assert refusal == "Forbidden: bot was kicked from the supergroup chat"
    other = bot.server.add_group("Parques", [bot.ana])
    assert bot.do("leaveChat", chat_id=other) is True
    assert "not a member" in bot.refusal("sendMessage", chat_id=other, text="a")


def test_a_group_that_became_a_supergroup_says_its_new_number(bot: RawBot) -> None:
    group = bot.server.add_group("Obras", [bot.ana], is_supergroup=False)
    new = bot.server.migrate(group)
    assert bot.call("sendMessage", chat_id=group, text="a")["parameters"] == {"migrate_to_chat_id": new}
    assert bot.say("a", new)["chat"]["id"] == new


def test_edits_say_what_is_missing_or_the_same(bot: RawBot) -> None:
    said = bot.say("a", reply_markup=inline({"text": "Sí", "callback_data": "si"}))
    this = {"chat_id": bot.ana, "message_id": said["message_id"]}
    same = bot.refusal("editMessageText", **this, text="a", reply_markup=said["reply_markup"])
    assert same.startswith("Bad Request: message is not modified: ")
    missing = bot.refusal("editMessageText", chat_id=bot.ana, message_id=999, text="b")
    assert missing == "Bad Request: message to edit not found"
    foreign = bot.server.messages(bot.ana)[0]["message_id"]
    assert "can't be edited" in bot.refusal("editMessageText", chat_id=bot.ana, message_id=foreign, text="b")
    assert "no caption" in bot.refusal("editMessageCaption", **this, caption="b")
    assert "message text is empty" in bot.refusal("editMessageText", **this, text="")
    assert bot.do("editMessageText", **this, text="b")["edit_date"]
    assert "reply_markup" not in bot.server.message(bot.ana, said["message_id"])
    assert "not modified" in bot.refusal("editMessageReplyMarkup", **this)


def test_what_is_deleted_is_gone(bot: RawBot) -> None:
    said = bot.say("a")
    assert bot.do("deleteMessage", chat_id=bot.ana, message_id=said["message_id"]) is True
    again = bot.refusal("deleteMessage", chat_id=bot.ana, message_id=said["message_id"])
    assert again == "Bad Request: message to delete not found"


def test_a_tap_is_answered_once_and_only_if_it_happened(bot: RawBot) -> None:
    old = "Bad Request: query is too old and response timeout expired or query ID is invalid"
    assert bot.refusal("answerCallbackQuery", callback_query_id="1") == old
    bot.say("a", reply_markup=inline({"text": "Sí", "callback_data": "si"}))
    query = bot.server.tap(bot.ana, "Sí")["callback_query"]["id"]
    assert bot.do("answerCallbackQuery", callback_query_id=query, text="Hecho") is True
    assert bot.server.tap_answer(query)["text"] == "Hecho"
    assert bot.refusal("answerCallbackQuery", callback_query_id=query) == old


def test_files_have_their_limits(bot: RawBot) -> None:
    too_large = bot.upload("sendDocument", bot.ana, document=("a.bin", b"\0" * (50 * 1024 * 1024 + 1)))
    assert (too_large["error_code"], too_large["description"]) == (413, "Request Entity Too Large")
    photo = bot.upload("sendPhoto", bot.ana, photo=("a.jpg", b"\0" * (10 * 1024 * 1024 + 1)))
    assert photo["error_code"] == 400 and "too big for a photo" in photo["description"]
    assert "IMAGE_PROCESS_FAILED" in bot.upload("sendPhoto", bot.ana, photo=("a.jpg", b"x"))["description"]
    assert "non-empty" in bot.upload("sendDocument", bot.ana, document=("a.pdf", b""))["description"]
    large = bot.upload("sendDocument", bot.ana, document=("a.bin", b"\0" * (49 * 1024 * 1024)))
    assert large["ok"]


def test_files_over_20_mb_cannot_be_fetched(bot: RawBot) -> None:
    large = bot.server.send_document(bot.ana, declared_size=21 * 1024 * 1024)["message"]["document"]
    assert bot.refusal("getFile", file_id=large["file_id"]) == "Bad Request: file is too big"
    assert bot.refusal("getFile", file_id="nothing") == "Bad Request: invalid file_id"
    small = bot.server.send_document(bot.ana, b"%PDF-1.7")["message"]["document"]
    path = bot.do("getFile", file_id=small["file_id"])["file_path"]
    assert bot.client.get(f"{bot.server.file_url}{bot.server.token}/{path}").content == b"%PDF-1.7"
    assert bot.client.get(f"{bot.server.file_url}123456:WRONG/{path}").status_code == 401
    twin = bot.server.send_document(bot.ana, b"%PDF-1.7")["message"]["document"]
    assert twin["file_unique_id"] == small["file_unique_id"] and twin["file_id"] != small["file_id"]


def test_an_album_has_2_to_10_items_that_go_together(bot: RawBot) -> None:
    file = bot.server.send_photo(bot.ana)["message"]["photo"][-1]["file_id"]
    photo, document = {"type": "photo", "media": file}, {"type": "document", "media": file}
    for media in ([photo], [photo] * 11):
        assert "2-10" in bot.refusal("sendMediaGroup", chat_id=bot.ana, media=media)
    assert "album" in bot.refusal("sendMediaGroup", chat_id=bot.ana, media=[photo, document])
    url = f"{bot.server.base_url}{bot.server.token}/sendMediaGroup"
    items = json.dumps(
        [{"type": "document", "media": "attach://uno"}, {"type": "document", "media": "attach://dos"}]
    )
    files = {"uno": ("1.pdf", b"%PDF1"), "dos": ("2.pdf", b"%PDF2")}
    sent = bot.client.post(url, data={"chat_id": str(bot.ana), "media": items}, files=files).json()["result"]
    assert len({message["media_group_id"] for message in sent}) == 1
    assert bot.server.file_bytes(sent[1]["document"]["file_id"]) == b"%PDF2"


def test_topics_need_a_forum_and_the_right_to_manage_them(bot: RawBot) -> None:
    plain = bot.server.add_group("Obras", [bot.ana])
    assert "not a forum" in bot.refusal("createForumTopic", chat_id=plain, name="T-1")
    member = bot.server.add_group("Parques", [bot.ana], is_forum=True, bot_may_manage_topics=False)
    assert "not enough rights" in bot.refusal("createForumTopic", chat_id=member, name="T-1")
    forum = bot.server.add_group("Agua", [bot.ana], is_forum=True)
    topic = bot.do("createForumTopic", chat_id=forum, name="T-1")["message_thread_id"]
    said = bot.say("a", forum, message_thread_id=topic)
    assert said["is_topic_message"] and said["message_thread_id"] == topic
    missing = bot.refusal("sendMessage", chat_id=forum, text="a", message_thread_id=999)
    assert missing == "Bad Request: message thread not found"
    assert bot.do("closeForumTopic", chat_id=forum, message_thread_id=topic) is True
    again = bot.refusal("closeForumTopic", chat_id=forum, message_thread_id=topic)
    assert again == "Bad Request: TOPIC_NOT_MODIFIED"
    assert bot.do("reopenForumTopic", chat_id=forum, message_thread_id=topic) is True
    assert bot.do("editForumTopic", chat_id=forum, message_thread_id=topic, name="T-2") is True
    assert bot.server.topics(forum) == [{"message_thread_id": topic, "name": "T-2", "closed": False}]
    assert "EMPTY" in bot.refusal("createForumTopic", chat_id=forum, name=" ")


def test_a_closed_topic_is_closed_to_a_bot_that_may_not_manage_topics(bot: RawBot) -> None:
    forum = bot.server.add_group("Agua", [bot.ana], is_forum=True, bot_may_manage_topics=False)
    topic = bot.server.create_topic(forum, bot.ana, "Fugas")
    assert bot.say("a", forum, message_thread_id=topic)["message_thread_id"] == topic
    bot.server.close_topic(forum, bot.ana, topic)
    refusal = bot.refusal("sendMessage", chat_id=forum, text="a", message_thread_id=topic)
    assert refusal == "Bad Request: TOPIC_CLOSED"


def test_chats_and_members_are_described(bot: RawBot) -> None:
    group = bot.server.add_group("Obras", [bot.ana])
    luis = bot.server.add_user("Luis")
    assert bot.do("getChat", chat_id=group)["title"] == "Obras"
    assert bot.do("getChat", chat_id=bot.ana)["first_name"] == "Ana"
    members = [bot.do("getChatMember", chat_id=group, user_id=user) for user in (bot.ana, luis, 123456)]
    assert [member["status"] for member in members] == ["member", "left", "administrator"]
    assert members[2]["can_manage_topics"] is True
    assert "user_id" in bot.refusal("getChatMember", chat_id=group, user_id=77)
    assert bot.do("getChatMemberCount", chat_id=group) == 2


def test_in_a_group_only_an_administrator_deletes_what_others_wrote(bot: RawBot) -> None:
    for bot_is, allowed in (("member", False), ("administrator", True)):
        group = bot.server.add_group("Obras", [bot.ana], bot_is=bot_is)
        written = bot.server.send_text(bot.ana, "a", chat=group)["message"]["message_id"]
        assert bot.call("deleteMessage", chat_id=group, message_id=written)["ok"] is allowed


@pytest.mark.parametrize("method", METHODS.values(), ids=lambda method: method.name)
def test_each_method_has_the_parameters_that_python_telegram_bot_knows(method: Method) -> None:
    """A second reading of the documentation; the library adds conveniences of its own."""
    own = {"filename", "location", "contact", "allow_sending_without_reply", "reply_to_message_id"}
    own |= {"caption", "parse_mode", "caption_entities"} if method.name == "sendMediaGroup" else set()
    own |= {"disable_web_page_preview", "api_kwargs", "self"}
    function = getattr(telegram.Bot, re.sub("([A-Z])", r"_\1", method.name).lower())
    known = set(inspect.signature(function).parameters) - own
    assert (
        method.parameters
        == {name for name in known if not name.endswith("_timeout")} | method.parameters & own
    )


@pytest.mark.parametrize(
    "command",
    [
        {"command": "Ayuda", "description": "a"},
        {"command": "mis-solicitudes", "description": "a"},
        {"command": "a" * 33, "description": "a"},
        {"command": "ayuda", "description": ""},
        {"command": "ayuda", "description": "a" * 257},
    ],
)
def test_a_command_that_breaks_the_rules_is_refused(bot: RawBot, command: Json) -> None:
    assert "BOT_COMMAND" in bot.refusal("setMyCommands", commands=[command])


def test_at_most_100_commands_are_kept_by_language(bot: RawBot) -> None:
    commands = [{"command": f"c{number}", "description": "a"} for number in range(101)]
    assert bot.refusal("setMyCommands", commands=commands) == "Bad Request: BOT_COMMANDS_TOO_MUCH"
    assert bot.do("setMyCommands", commands=commands[:100], language_code="es") is True
    assert bot.do("getMyCommands", language_code="es") == commands[:100]
    assert bot.do("getMyCommands") == []
    assert bot.do("deleteMyCommands", language_code="es") is True
    assert bot.do("getMyCommands", language_code="es") == []
    assert "too long" in bot.refusal("setMyShortDescription", short_description="a" * 121)
    assert "too long" in bot.refusal("setMyDescription", description="a" * 513)


def test_reactions_and_actions_are_of_the_documented_ones(bot: RawBot) -> None:
    said = bot.say("a")
    this = {"chat_id": bot.ana, "message_id": said["message_id"]}
    assert bot.do("setMessageReaction", **this, reaction=[{"type": "emoji", "emoji": "👍"}]) is True
    assert "REACTION_INVALID" in bot.refusal(
        "setMessageReaction", **this, reaction=[{"type": "emoji", "emoji": "x"}]
    )
    assert "action" in bot.refusal("sendChatAction", chat_id=bot.ana, action="sleeping")
    assert bot.do("sendChatAction", chat_id=bot.ana, action="typing") is True


def test_copies_and_forwards_need_an_original(bot: RawBot) -> None:
    original = bot.server.send_text(bot.ana, "hola")["message"]["message_id"]
    there = {"chat_id": bot.ana, "from_chat_id": bot.ana}
    assert "not found" in bot.refusal("forwardMessage", **there, message_id=999)
    assert "not found" in bot.refusal("copyMessage", **there, message_id=999)
    forwarded = bot.do("forwardMessage", **there, message_id=original)
    assert forwarded["forward_origin"]["sender_user"]["first_name"] == "Ana"
    copied = bot.do("copyMessage", **there, message_id=original)["message_id"]
    assert "forward_origin" not in bot.server.message(bot.ana, copied)


def test_places_and_contacts_are_checked(bot: RawBot) -> None:
    assert "location" in bot.refusal("sendLocation", chat_id=bot.ana, latitude=91, longitude=0)
    assert bot.do("sendLocation", chat_id=bot.ana, latitude=20.6, longitude=-103.3)["location"]
    assert "phone" in bot.refusal("sendContact", chat_id=bot.ana, phone_number="", first_name="Ana")


def test_too_many_messages_are_told_to_wait(bot: RawBot) -> None:
    bot.server.set_limits(Limits(per_chat=1, burst=2, overall=1000, per_group_minute=3))
    bot.say("1")
    bot.say("2")
    refused = bot.call("sendMessage", chat_id=bot.ana, text="3")
    assert refused["description"] == "Too Many Requests: retry after 1"
    assert refused["parameters"] == {"retry_after": 1}
    bot.server.set_limits(Limits(per_chat=1000, burst=1000, overall=1000, per_group_minute=3))
    group = bot.server.add_group("Obras", [bot.ana])
    for text in "123":
        bot.say(text, group)
    assert 50 < bot.call("sendMessage", chat_id=group, text="4")["parameters"]["retry_after"] <= 60
    bot.server.set_limits(Limits(per_chat=1000, burst=1000, overall=2))
    bot.say("1")
    bot.say("2")
    assert bot.refusal("sendMessage", chat_id=bot.ana, text="3").startswith("Too Many Requests")
