"""Our Bot API server as Telegram around a bot: updates, webhook, people, groups, faults, transcripts.

Once with python-telegram-bot, as the product uses it; the finer points over raw HTTP.
"""

import asyncio
import base64
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from telegram import InlineKeyboardButton, InlineKeyboardMarkup, Update
from telegram.ext import (
    Application,
    ApplicationBuilder,
    CallbackQueryHandler,
    ContextTypes,
    MessageHandler,
    filters,
)

from tests.support.botapi import BotApi, Impossible, Json
from tests.support.botapi.client import RawBot
from tests.support.ports import free_port
from tests.support.waiting import wait_until

Context = ContextTypes.DEFAULT_TYPE


@pytest.fixture
def bot(bot_api: BotApi) -> Iterator[RawBot]:
    """A bot that has seen all updates so far."""
    # Without TLS: to read the certificates of all authorities takes longer than most of these tests.
    with httpx.Client(timeout=30, verify=False) as client:
        raw = RawBot(bot_api, client)
        raw.do("getUpdates", offset=-1)
        raw.do("getUpdates", offset=raw.do("getUpdates")[-1]["update_id"] + 1)
        yield raw


@pytest.fixture
def aside() -> Iterator[ThreadPoolExecutor]:
    """Threads for calls that wait."""
    with ThreadPoolExecutor(4) as pool:
        yield pool


def ids(updates: list[Json]) -> list[int]:
    return [update["update_id"] for update in updates]


async def repeat(update: Update, context: Context) -> None:
    message = update.effective_message
    assert message
    if message.photo:
        content = await (await message.photo[-1].get_file()).download_as_bytearray()
        await message.reply_photo(bytes(content), caption="<b>La misma</b>", parse_mode="HTML")
    else:
        buttons = [[InlineKeyboardButton("Enviar", callback_data="send")]]
        await message.reply_text(f"Eco: {message.text}", reply_markup=InlineKeyboardMarkup(buttons))


async def take_tap(update: Update, context: Context) -> None:
    query = update.callback_query
    assert query
    await query.answer("Recibido")
    await query.edit_message_text("Enviado")


@contextmanager
def library_bot(server: BotApi) -> Iterator[None]:
    """python-telegram-bot, polling in a thread of its own."""
    loop, ready, over = asyncio.new_event_loop(), threading.Event(), asyncio.Event()

    async def live() -> None:
        builder = ApplicationBuilder().token(server.token).base_url(server.base_url)
        application: Application = builder.base_file_url(server.file_url).build()  # type: ignore[type-arg]
        application.add_handler(CallbackQueryHandler(take_tap))
        application.add_handler(MessageHandler(filters.ALL, repeat))
        async with application:
            await application.start()
            assert application.updater
            await application.updater.start_polling(timeout=5)
            ready.set()
            await over.wait()
            await application.updater.stop()
            await application.stop()

    thread = threading.Thread(target=loop.run_until_complete, args=(live(),))
    thread.start()
    ready.wait(10)
    try:
        yield
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()


def test_python_telegram_bot_talks_to_it_with_files_buttons_and_edits(bot_api: BotApi) -> None:
    ana = bot_api.add_user("Ana")
    with library_bot(bot_api):
        bot_api.open_link(ana, "abc")
        assert bot_api.next_message(ana)["text"] == "Eco: /start abc"
        tapped = bot_api.tap(ana, "send")
        assert bot_api.tap_answer(tapped["callback_query"]["id"])["text"] == "Recibido"
        assert bot_api.next_message(ana)["text"] == "Enviado"
        sent = bot_api.send_photo(ana, caption="La calle")["message"]["photo"][-1]
        back = bot_api.next_message(ana)
        bot_api.wait_until_confirmed()
    assert bot_api.file_bytes(back["photo"][-1]["file_id"]) == bot_api.file_bytes(sent["file_id"])
    assert back["photo"][-1]["file_unique_id"] == sent["file_unique_id"]
    assert bot_api.warnings() == []
    assert all(0 < times["answered"] <= times["whole"] for times in bot_api.answer_times())
    who = bot_api.bot["first_name"]
    assert bot_api.transcript(ana).splitlines() == [
        "Ana: /start abc",
        f"{who}: Enviado (edited)",
        "Ana: La calle",
        "     <photo>",
        f"{who}: La misma",
        f"{' ' * len(who)}  <photo>",
    ]


def test_updates_come_again_until_a_higher_offset_confirms_them(bot: RawBot) -> None:
    first, second, third = (bot.server.send_text(bot.ana, text)["update_id"] for text in "abc")
    assert ids(bot.do("getUpdates")) == [first, second, third]
    assert ids(bot.do("getUpdates", limit=2)) == [first, second]
    assert ids(bot.do("getUpdates", offset=second)) == [second, third]
    assert ids(bot.do("getUpdates")) == [second, third]
    assert ids(bot.do("getUpdates", offset=-1)) == [third]
    assert ids(bot.do("getUpdates", offset=third + 1)) == []
    assert bot.server.pending() == 0


def test_a_confirmed_update_can_be_handed_out_once_more(bot: RawBot) -> None:
    update = bot.server.send_text(bot.ana, "a")
    bot.do("getUpdates", offset=update["update_id"] + 1)
    bot.server.replay()
    assert bot.do("getUpdates", offset=update["update_id"] + 1) == [update]
    assert bot.do("getUpdates", offset=update["update_id"] + 1) == []


def test_a_long_poll_ends_when_something_comes(bot: RawBot, aside: ThreadPoolExecutor) -> None:
    polling = aside.submit(bot.do, "getUpdates", timeout=20)
    sent = bot.server.send_text(bot.ana, "a")
    assert polling.result(5) == [sent]


def test_a_second_poller_ends_the_first_with_a_conflict(bot: RawBot, aside: ThreadPoolExecutor) -> None:
    polls: list[Future[Json]] = [aside.submit(bot.call, "getUpdates", timeout=20) for _ in range(2)]
    ended = next(as_completed(polls, timeout=10)).result()
    assert ended == {
        "ok": False,
        "error_code": 409,
        "description": "Conflict: terminated by other getUpdates request; "
        "make sure that only one bot instance is running",
    }
    sent = bot.server.send_text(bot.ana, "a")
    assert [poll.result(5) for poll in polls if poll.result(5)["ok"]] == [{"ok": True, "result": [sent]}]


def test_a_killed_poller_gets_nothing_that_the_next_one_is_to_get(bot: RawBot) -> None:
    update = bot.server.send_text(bot.ana, "a")
    bot.do("getUpdates", offset=update["update_id"] + 1)
    polls = len(bot.server.calls("getUpdates"))
    with socket.create_connection(("127.0.0.1", bot.server.port)) as killed:
        killed.sendall(
            f"GET /bot{bot.server.token}/getUpdates?timeout=20 HTTP/1.1\r\nHost: a\r\n\r\n".encode()
        )
        wait_until(lambda: bot.server.world.poll)
    bot.server.replay(update["update_id"])
    assert bot.server.wait_for_call("getUpdates", polls + 1)["description"] == "connection broken"
    assert bot.do("getUpdates", timeout=5) == [update]


def test_only_the_kinds_of_updates_asked_for_are_kept(bot: RawBot) -> None:
    bot.do("getUpdates", allowed_updates=["callback_query"])
    bot.server.send_text(bot.ana, "a")
    assert bot.do("getUpdates") == []
    bot.do("getUpdates", allowed_updates=[])
    sent = bot.server.send_text(bot.ana, "b")
    assert bot.do("getUpdates") == [sent]


class Hook:
    """A web server of the bot, which refuses the first *refusals* requests."""

    def __init__(self, refusals: int) -> None:
        self.received: list[tuple[str | None, bytes]] = []
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.received.append((self.headers["X-Telegram-Bot-Api-Secret-Token"], body))
                self.send_response(500 if len(hook.received) <= refusals else 200)
                self.end_headers()

            def log_message(self, format: str, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"


@pytest.fixture
def hook() -> Iterator[Hook]:
    running = Hook(refusals=1)
    thread = threading.Thread(target=running.server.serve_forever, args=(0.02,))
    thread.start()
    yield running
    running.server.shutdown()
    thread.join()
    running.server.server_close()


def test_a_webhook_gets_the_secret_and_every_update_until_it_says_200(bot: RawBot, hook: Hook) -> None:
    assert bot.do("setWebhook", url=hook.url, secret_token="un-secreto_1") is True
    refused = bot.call("getUpdates")
    assert refused["error_code"] == 409
    assert refused["description"].startswith("Conflict: can't use getUpdates method while webhook is active")
    sent = bot.server.send_text(bot.ana, "a")
    bot.server.wait_until_confirmed()
    secrets, bodies = zip(*hook.received, strict=True)
    assert secrets == ("un-secreto_1", "un-secreto_1")
    assert [httpx.Response(200, content=body).json() for body in bodies] == [sent, sent]
    info = bot.do("getWebhookInfo")
    assert info["last_error_message"].startswith("Wrong response from the webhook: 500")
    assert info["pending_update_count"] == 0
    assert bot.do("deleteWebhook") is True
    assert bot.do("getUpdates") == []


@pytest.mark.parametrize("secret", ["con espacio", "ñ", "x" * 257])
def test_a_webhook_with_a_bad_secret_is_refused(bot: RawBot, secret: str) -> None:
    assert "secret token" in bot.refusal("setWebhook", url="https://example.gob.mx/", secret_token=secret)


def test_a_webhook_without_https_is_refused() -> None:
    with BotApi(allow_http_webhook=False) as server, httpx.Client() as client:
        refusal = RawBot(server, client).refusal("setWebhook", url="http://example.gob.mx/")
    assert refusal == "Bad Request: bad webhook: An HTTPS URL must be provided for webhook"


def test_people_can_do_only_what_a_client_offers(bot: RawBot) -> None:
    with pytest.raises(Impossible, match="No button «Enviar»"):
        bot.server.tap(bot.ana, "Enviar")
    with pytest.raises(Impossible, match="splits"):
        bot.server.send_text(bot.ana, "x" * 4097)
    bot.server.block_bot(bot.ana)
    with pytest.raises(Impossible, match="blocked"):
        bot.server.send_text(bot.ana, "a")


def test_each_kind_of_content_arrives_as_documented(bot: RawBot) -> None:
    server, ana = bot.server, bot.ana
    question = bot.say("¿Dónde?")["message_id"]
    command = server.send_command(ana, "estado", "T-2026-000001")["message"]
    assert command["entities"] == [{"type": "bot_command", "offset": 0, "length": 7}]
    assert server.send_location(ana, 20.6, -103.3, reply_to=question)["message"]["reply_to_message"]
    assert server.send_contact(ana, "+523312345678", "Ana")["message"]["contact"]["user_id"] == ana
    assert server.send_voice(ana)["message"]["voice"]["mime_type"] == "audio/ogg"
    assert server.send_video(ana, caption="a")["message"]["caption"] == "a"
    assert server.send_audio(ana)["message"]["audio"]["file_name"] == "audio.mp3"
    assert server.send_sticker(ana)["message"]["sticker"]["type"] == "regular"
    album = [update["message"] for update in server.send_album(ana, caption="Tres")]
    assert len({message["media_group_id"] for message in album}) == 1
    assert [message.get("caption") for message in album] == ["Tres", None, None]
    mine = server.send_text(ana, "hoal")["message"]["message_id"]
    edited = server.edit_text(ana, mine, "hola")["edited_message"]
    assert (edited["message_id"], edited["text"]) == (mine, "hola") and edited["edit_date"]
    blocked = server.block_bot(ana)["my_chat_member"]
    assert (blocked["old_chat_member"]["status"], blocked["new_chat_member"]["status"]) == (
        "member",
        "kicked",
    )


def test_in_a_group_a_bot_that_is_no_administrator_sees_only_what_is_for_it(bot: RawBot) -> None:
    server = bot.server
    group = server.add_group("Obras", [bot.ana], bot_is="left")
    server.open_group_link(bot.ana, group, "clave")
    server.send_text(bot.ana, "entre nosotros", chat=group)
    server.send_command(bot.ana, "ayuda", chat=group)
    said = bot.say("a", group)["message_id"]
    server.send_text(bot.ana, "para el bot", chat=group, reply_to=said)
    seen = bot.do("getUpdates")
    assert seen[0]["my_chat_member"]["new_chat_member"]["status"] == "member"
    assert [update["message"]["text"] for update in seen[1:]] == [
        f"/start@{server.bot['username']} clave",
        "/ayuda",
        "para el bot",
    ]


def test_a_topic_of_a_person_and_answers_in_it(bot: RawBot) -> None:
    forum = bot.server.add_group("Agua", [bot.ana], is_forum=True)
    topic = bot.server.create_topic(forum, bot.ana, "Fugas")
    asked = bot.server.send_text(bot.ana, "¿Cuándo?", chat=forum, thread=topic)["message"]
    answer = bot.say("Hoy", forum, reply_parameters={"message_id": asked["message_id"]})
    assert answer["message_thread_id"] == topic
    assert bot.server.next_message(forum, thread=topic)["text"] == "Hoy"
    assert "Hoy" in bot.server.transcript(forum, topic)


def test_faults_come_as_planned_and_then_no_more(bot: RawBot) -> None:
    bot.server.fail_next("sendMessage", 429, retry_after=7)
    assert bot.call("sendMessage", chat_id=bot.ana, text="a")["parameters"] == {"retry_after": 7}
    bot.server.fail_next("sendMessage", 500, times=2)
    bot.server.fail_next("*", 403, chat=bot.ana + 1)
    assert bot.refusal("sendMessage", chat_id=bot.ana, text="a") == "Internal Server Error"
    assert bot.refusal("sendMessage", chat_id=bot.ana, text="a") == "Internal Server Error"
    assert bot.say("a")["text"] == "a"


@pytest.mark.parametrize(("after_effect", "said"), [(False, 0), (True, 1)])
def test_a_connection_breaks_before_or_after_the_effect(bot: RawBot, after_effect: bool, said: int) -> None:
    bot.server.drop_next("sendMessage", after_effect=after_effect)
    with pytest.raises(httpx.TransportError):
        bot.say("a")
    written = [message for message in bot.server.messages(bot.ana) if message["from"]["is_bot"]]
    assert len(written) == said


def test_while_telegram_is_down_nothing_answers(bot: RawBot) -> None:
    bot.server.go_down()
    with pytest.raises(httpx.TransportError):
        bot.do("getMe")
    bot.server.come_up()
    bot.server.delay("getMe", 0.2, times=1)
    assert bot.do("getMe") == bot.server.bot
    assert bot.server.calls("getMe")[-1]["seconds"] >= 0.2


def test_a_thousand_chats_get_their_own_answers(bot_api: BotApi) -> None:
    people = [bot_api.add_user(f"Persona {number}") for number in range(1000)]
    with httpx.Client() as client:
        bot = RawBot(bot_api, client)
        for person in people:
            bot_api.send_text(person, f"Soy {person}")
        offset = 0
        while updates := bot.do("getUpdates", offset=offset):
            for update in updates:
                bot.say(update["message"]["text"], update["message"]["chat"]["id"])
            offset = updates[-1]["update_id"] + 1
    assert all(bot_api.next_message(person)["text"] == f"Soy {person}" for person in people)
    assert all(bot_api.quiet(person) for person in people)


def test_others_drive_it_over_http() -> None:
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "tests.support.botapi",
        "--listen",
        f"127.0.0.1:{port}",
        "--token",
        "1:ABC",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program, httpx.Client() as client:
        assert program.stdout
        assert program.stdout.readline() == f"base_url  http://127.0.0.1:{port}/bot\n"
        control = f"http://127.0.0.1:{port}/control"
        try:
            ana = client.post(f"{control}/add_user", json={"first_name": "Ana"}).json()["result"]
            assert client.post(f"{control}/open_link", json={"user": ana}).json()["ok"]
            content = base64.b64encode(b"%PDF-1.7").decode()
            sent = client.post(f"{control}/send_document", json={"user": ana, "content": content}).json()
            file_id = sent["result"]["message"]["document"]["file_id"]
            assert client.post(f"{control}/file_bytes", json={"file_id": file_id}).content == b"%PDF-1.7"
            said = client.get(
                f"http://127.0.0.1:{port}/bot1:ABC/sendMessage", params={"chat_id": ana, "text": "Hola"}
            )
            assert said.json()["ok"]
            next_message = client.post(f"{control}/next_message", json={"chat": ana}).json()
            assert next_message["result"]["text"] == "Hola"
            late = client.post(f"{control}/next_message", json={"chat": ana, "timeout": 0.05})
            assert late.status_code == 408 and "says nothing more" in late.json()["error"]
            tap = client.post(f"{control}/tap", json={"user": ana, "button": "Sí"})
            assert tap.status_code == 400 and "No button" in tap.json()["error"]
            assert "Ana: /start" in client.post(f"{control}/transcript", json={"chat": ana}).text
            assert "next_message(chat: int" in client.get(control).text
        finally:
            program.terminate()
    assert program.returncode == 0
