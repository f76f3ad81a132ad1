"""An office whose bot talks to our Bot API server, and Ana, who has opened it."""

from collections.abc import Iterator

import pytest

from intake.config import Settings
from intake.office import Office
from models.ticket import Ticket
from tests.support.botapi import BotApi
from tests.support.institution import Institution, open_case
from tests.support.telegram_door import telegram_door, with_bot


@pytest.fixture
def office(settings: Settings, bot_api: BotApi) -> Iterator[Office]:
    opened = Office.open(with_bot(settings, bot_api))
    yield opened
    opened.database.close()


@pytest.fixture
def ticket(office: Office, town: Institution) -> Ticket:
    with office.database.writing() as session:
        return open_case(session, town)


@pytest.fixture
def ana(bot_api: BotApi) -> int:
    """Somebody who has opened the bot, and whom nobody has answered yet."""
    user = bot_api.add_user("Ana")
    bot_api.open_link(user)
    return user


@pytest.fixture
def known_ana(office: Office, bot_api: BotApi, ana: int) -> int:
    """The same, greeted and silent."""
    with telegram_door(office):
        bot_api.next_message(ana)
        bot_api.wait_until_confirmed()
    return ana
