"""With a public address Telegram calls the web role; the bot role only works off the spool and answers."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from pydantic import SecretStr

from intake.chat.chat_spool import webhook_path, webhook_secret
from intake.config import Settings
from intake.office import Office
from models import migrations
from tests.support.botapi import BotApi
from tests.support.command import Place
from tests.support.institution import found_institution
from tests.support.ports import is_listening
from tests.support.telegram_door import with_bot
from tests.support.waiting import wait_until


@pytest.fixture
def place(tmp_path: Path, bot_api: BotApi) -> Place:
    return Place(
        tmp_path / "office",
        {
            "OFICIALIA_TELEGRAM_TOKEN": bot_api.token,
            "OFICIALIA_TELEGRAM_BASE_URL": bot_api.base_url,
            "OFICIALIA_TELEGRAM_FILE_URL": bot_api.file_url,
            "OFICIALIA_DATABASE_URL": f"sqlite:///{tmp_path / 'register.db'}",
            "OFICIALIA_SECRET_KEY": "only for tests, and longer than thirty-two bytes",
        },
    )


@pytest.fixture
def office(place: Place, bot_api: BotApi) -> Office:
    settings = Settings(
        _env_file=None,
        database_url=place.settings["OFICIALIA_DATABASE_URL"],
        secret_key=SecretStr(place.settings["OFICIALIA_SECRET_KEY"]),
    )
    opened = Office.open(with_bot(settings, bot_api))
    migrations.upgrade(opened.database)
    with opened.database.writing() as session:
        found_institution(session)
    return opened


def post(address: str, secret: str) -> int:
    request = urllib.request.Request(
        address,
        json.dumps({"update_id": 1}).encode(),
        {"Content-Type": "application/json", "X-Telegram-Bot-Api-Secret-Token": secret},
    )
    try:
        with urllib.request.urlopen(request) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def test_telegram_brings_the_messages_and_the_bot_answers(
    place: Place, office: Office, bot_api: BotApi
) -> None:
    place.settings["OFICIALIA_TELEGRAM_WEBHOOK_URL"] = f"http://127.0.0.1:{place.web_port}/"
    web, bot = place.program("web"), place.program("bot")
    web.start(lambda: is_listening(place.web_port), 60)
    bot.start(lambda: "bot started" in bot.output, 60)
    with web, bot:
        ana = bot_api.add_user("Ana")
        bot_api.open_link(ana)
        assert bot_api.next_message(ana)
        # Telegram repeats what was not confirmed in time.
        bot_api.replay()
        bot_api.send_command(ana, "ayuda")
        assert bot_api.next_message(ana)
        bot_api.wait_until_confirmed()
        assert bot_api.quiet(ana)
        assert bot_api.calls("getUpdates") == []
    assert bot.stop() == 0
    office.database.close()


def test_nobody_but_telegram_can_bring_messages(place: Place, office: Office, bot_api: BotApi) -> None:
    web = place.program("web")
    with web.start(lambda: is_listening(place.web_port), 60):
        address = f"http://127.0.0.1:{place.web_port}"
        assert post(address + webhook_path(office), "guess") in (401, 403, 404)
        assert post(f"{address}/telegram/guess", webhook_secret(office)) == 404
    office.database.close()


def test_without_an_address_a_webhook_of_before_is_taken_away(
    place: Place, office: Office, bot_api: BotApi
) -> None:
    place.settings["OFICIALIA_TELEGRAM_WEBHOOK_URL"] = f"http://127.0.0.1:{place.web_port}"
    before = place.program("bot")
    before.start(lambda: "bot started" in before.output, 60).stop()
    del place.settings["OFICIALIA_TELEGRAM_WEBHOOK_URL"]
    bot = place.program("bot")
    ana = bot_api.add_user("Ana")
    bot_api.open_link(ana)
    with bot.start(lambda: bot.output.count("bot started") == 2, 60):
        assert bot_api.next_message(ana)
        wait_until(lambda: bot_api.calls("getUpdates"))
        found = [each for each in place.run("check", "--json").values if each["name"] == "telegram"]
        assert [each["level"] for each in found] == ["ok", "ok"], found
    office.database.close()
