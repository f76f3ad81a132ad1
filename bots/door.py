"""The Telegram door: receiver and courier around one bot. START READING HERE for the life of an update."""

from __future__ import annotations

import asyncio
import contextlib
import signal

import structlog
from sqlalchemy.exc import SQLAlchemyError

from bots.desk import Desk
from bots.identity import BotIdentity
from bots.receiving import Receiver
from bots.sending import Courier
from bots.starting import dress, drop_webhook, until_done
from bots.telegram import UPDATES, Telegram
from intake.chat import chat_outbox, chat_spool
from intake.doors.pulse import PERIOD, Pulse
from intake.office import Office

log = structlog.get_logger()

DOOR = "telegram"
# Seconds that answers wait for what people wrote while we were away.
_CATCH_UP = 5


class TelegramDoor:
    """Receiver and courier around one bot, until `stop`."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._pulse = Pulse(DOOR)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until *stop* is set; what was received by then stays in the spool."""
        desk = Desk(self._office)
        telegram = Telegram(self._office.settings, self._pulse)
        work = asyncio.create_task(self._work(telegram, desk))
        ended = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait([work, ended], return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                # A loop of ours has broken; the supervisor starts us anew.
                work.result()
        finally:
            work.cancel()
            ended.cancel()
            await asyncio.gather(work, ended, return_exceptions=True)
            await telegram.close()
            desk.close()

    async def _work(self, telegram: Telegram, desk: Desk) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._write_pulses(desk))
            bot = await self._introduce(telegram, desk)
            courier = Courier(self._office, telegram, desk)
            receiver = Receiver(self._office, telegram, desk, bot, courier, self._pulse)
            if url := self._office.settings.telegram_webhook_url:
                await self._set_webhook(telegram, url)
                receiver.is_caught_up.set()
            else:
                await drop_webhook(telegram)
                # Two cannot poll with one token, so whatever is still in hand was in a dead one's.
                await desk.do(chat_outbox.inherit, self._office)
                group.create_task(receiver.poll())
            group.create_task(receiver.process())
            group.create_task(self._deliver(courier, receiver))
            group.create_task(dress(telegram, self._office.settings.language))
            log.info("bot started", bot=bot.username, webhook=bool(url))

    async def _set_webhook(self, telegram: Telegram, url: str) -> None:
        await until_done(
            telegram,
            "setWebhook",
            url=url.rstrip("/") + chat_spool.webhook_path(self._office),
            secret_token=chat_spool.webhook_secret(self._office),
            allowed_updates=UPDATES,
        )

    async def _introduce(self, telegram: Telegram, desk: Desk) -> BotIdentity:
        me = await until_done(telegram, "getMe")
        self._pulse.contact()
        self._pulse.recover()
        bot = BotIdentity(int(me["id"]), str(me.get("username", "")))
        await desk.do(chat_spool.introduce, self._office, bot.username)
        return bot

    async def _deliver(self, courier: Courier, receiver: Receiver) -> None:
        """Send, once we know what people wrote meanwhile: what they have answered is not asked again."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CATCH_UP):
                await receiver.is_caught_up.wait()
        await courier.run()

    async def _write_pulses(self, desk: Desk) -> None:
        def write() -> None:
            with self._office.database.writing() as session:
                self._pulse.write(session)

        while True:
            await asyncio.sleep(PERIOD / 4)
            if self._pulse.is_due:
                try:
                    await desk.do(write)
                except (SQLAlchemyError, OSError) as error:
                    log.warning("pulse not written", error=str(error))


def serve(office: Office) -> None:
    """Run the door until SIGTERM or SIGINT."""
    asyncio.run(_serve(office))
    log.info("bot stopped")


async def _serve(office: Office) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await TelegramDoor(office).run(stop)
