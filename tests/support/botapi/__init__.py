"""A strict Telegram Bot API server for tests, written from the Bot API documentation (9.x, 10.0).

    with bot_api(limits=None) as server:        # or the pytest fixture `bot_api` (limits=None)
        # point the bot at server.token, server.base_url, server.file_url
        ana = server.add_user("Ana")            # ids are plain integers; a private chat has its user's id
        server.send_command(ana, "start")
        greeting = server.next_message(ana)     # waits for what the bot sends or edits next in that chat
        server.tap(ana, "Continuar")            # by text or callback_data; Impossible without such a button
        print(server.transcript(ana))

Messages and updates are the JSON objects of the documentation, as dict[str, Any] (`Json`). Acts of people
return the Update that the bot gets (`update["message"]["message_id"]`); where the bot is not told (privacy
mode, not in the group) its update_id is 0. `common` is chat=None (default: the private chat), thread=None (a
message_thread_id), reply_to=None (a message_id). What no client offers raises Impossible (AssertionError).

BotApi(listen="127.0.0.1", port=0, token="123456:TEST", *, limits=Limits(), privacy=True,
       allow_http_webhook=True, name="Bot")      limits=None: never 429 by itself
    token base_url file_url control_url port methods        bot: Json (its User)
    start() stop(), or `with`
  people
    add_user(first_name="Ana", *, last_name="", username="", language_code="es") -> int
    open_link(user, payload="") -> Update            t.me/bot?start=payload
    send_text(user, text, *, common)  send_command(user, command, arguments="", *, common)
    send_photo(user, content=None, *, caption="", common)
    send_document(user, content=b"…", *, file_name="documento.pdf", mime_type="application/pdf", caption="",
                  declared_size=0, common)           declared_size: pretend a bigger file (over 20 MB)
    send_voice / send_video / send_audio(user, content=b"…", *, caption="", file_name="", mime_type="",
                  declared_size=0, common)           send_file(user, kind, content=None, …): any kind
    send_sticker(user, *, common)
    send_location(user, latitude, longitude, *, common)
    send_contact(user, phone_number, first_name, *, own=True, common)
    send_album(user, files=None, *, caption="", kind="photo", common) -> list[Update]
    edit_text(user, message_id, text, *, chat=None)  of the user's own message; captions too
    tap(user, button, *, message_id=None, chat=None) -> Update   newest message that has the button
    block_bot(user)  unblock_bot(user)
    replay(update_id=None)                           hands an update (the newest) out once more
  groups
    add_group(title, members=(), *, is_forum=False, bot_may_manage_topics=True, is_supergroup=True,
              bot_is="administrator") -> int         bot_is: administrator, member or left
    open_group_link(user, group, payload="")         t.me/bot?startgroup=payload, sends /start@bot payload
    join(group, user)  leave(group, user)  add_bot(group, by, *, bot_is="member")  remove_bot(group, by)
    migrate(group) -> int                            new supergroup id; the bot gets migrate_to_chat_id
    create_topic(group, by, name) -> int             its message_thread_id; close_topic(group, by, thread)
  watching
    next_message(chat, timeout=10, *, thread=None) -> Json   next sent or edited by the bot, not yet returned
    wait_for(chat, containing, timeout=10) -> Json   newest message of the bot (since ever) with these words
    tap_answer(callback_query_id, timeout=10) -> Json            what answerCallbackQuery showed
    wait_until_confirmed(timeout=10)                 until the bot has confirmed every update
    wait_for_call(method, count=1, timeout=10) -> Json
    quiet(chat) -> bool                              nothing left that next_message would return
    messages(chat) -> list[Json]                     as they stand now, both sides, without deleted ones
    message(chat, message_id) -> Json
    buttons(message) -> list[str]                    texts of its inline or the chat's reply keyboard
    transcript(chat, thread=None, *, words=None) -> str          plain text; words={"photo": "foto", …}
    transcript_entries(chat, thread=None) -> list[Json]
    topics(chat) -> list[Json]                       file_bytes(file_id) -> bytes
    warnings() -> list[str]                          what Telegram ignores: parameters that do not exist …
    calls(method="") -> list[Json]                   method chat_id at seconds error_code parameters …
    answer_times() -> list[Json]                     update_id chat_id times_handed_out waited answered whole
    pending() -> int                                 updates not confirmed yet
  faults (method "*" is any; times=0: until clear_faults())
    fail_next(method, code, description="", *, retry_after=0, times=1, chat=None)
    drop_next(method, *, after_effect=False, times=1, chat=None)     connection broken before/after the effect
    delay(method, seconds, *, times=0)               the method "download" stands for file downloads
    go_down() come_up() clear_faults()               Telegram unreachable: every connection is broken
    set_limits(Limits | None)                        Limits(per_chat, burst, overall, per_group_minute)

Over HTTP each of these is `POST {control_url}/<name>` with its arguments as a JSON object (bytes in base64),
answer {"ok": true, "result": …}; `GET {control_url}` lists them. `python -m tests.support.botapi --help`.
"""

from tests.support.botapi.errors import Json
from tests.support.botapi.limits import Limits
from tests.support.botapi.people import Impossible
from tests.support.botapi.server import BotApi, bot_api

__all__ = ["BotApi", "Impossible", "Json", "Limits", "bot_api"]
