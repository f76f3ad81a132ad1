"""The courier: takes notices for chats out of the outbox and says them, until it is told to stop.

Chats are served side by side, each in the order of its notices, at the pace that Telegram
allows. Nothing is given up for the network's sake. What may have arrived before a crash or
a broken connection is looked for in the chat before it is sent again.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from bots.composing import Call, as_file, compose, instead
from bots.errors import Blocked, BotApiError, Moved, Rejected, TooFast, Unreachable, WrongToken
from bots.formatting import escape, plain
from bots.pace import Pace
from intake.chat import chat_moves, chat_outbox
from intake.chat.chat_outbox import Claimed, Outcome
from intake.errors import StoreFailed
from intake.office import Office
from intake.outbox import NotDelivered
from intake.wording import speaking
from models.outbox_message import OutboxMessage

if TYPE_CHECKING:
    from bots.desk import Desk
    from bots.telegram import Telegram

log = structlog.get_logger()

# Seconds between two looks at what other processes have queued.
LOOK = 0.3
# Notices in hand at a time; each holds its chat, and most wait for the network.
_ROOM = 64
# While the server is there but fails on one call: so often at once, then the outbox tries later.
_TRIES = 6
_RENEW = chat_outbox.LEASE.total_seconds() / 3
# Message ids after the last known one among which a message in doubt is looked for.
_LOOKED_AT = 12
# Seconds that a request under way gets when the bot stops.
_GRACE = 3.0


class Courier:
    """Delivers the notices of the channel telegram."""

    def __init__(self, office: Office, telegram: Telegram, desk: Desk) -> None:
        self._office, self._telegram, self._desk = office, telegram, desk
        self._pace = Pace()
        self._wake = asyncio.Event()
        self._in_hand: dict[int, tuple[OutboxMessage, asyncio.Task[None]]] = {}
        self._outcomes: list[Outcome] = []
        self._renewed = time.monotonic()

    def wake(self) -> None:
        """There may be something to send."""
        self._wake.set()

    async def run(self) -> None:
        """Deliver until cancelled; what is under way is then ended, and the rest given back."""
        try:
            while True:
                is_told = self._wake.is_set()
                self._wake.clear()
                await self._exchange(_ROOM - len(self._in_hand), is_told=is_told)
                await self._renew()
                with contextlib.suppress(TimeoutError):
                    # wait_for of Python 3.11 may swallow the cancellation that ends us.
                    async with asyncio.timeout(LOOK):
                        await self._wake.wait()
        finally:
            await self._end()

    async def _exchange(self, room: int, *, is_told: bool = False) -> None:
        outcomes, self._outcomes = self._outcomes, []
        work = asyncio.ensure_future(
            self._desk.do(chat_outbox.exchange, self._office, outcomes, room, is_told=is_told)
        )
        try:
            # Once begun it is committed, whether we are told to end meanwhile or not.
            claimed = await asyncio.shield(work)
        except asyncio.CancelledError:
            self._outcomes += [Outcome(each.notice, is_given_back=True) for each in await work]
            raise
        except (OperationalError, OSError) as error:
            # The database is busy or its disk is full: what became of the notices is told later.
            self._outcomes = outcomes + self._outcomes
            log.error("outbox not written", error=str(error))
            await asyncio.sleep(1)
            return
        except SQLAlchemyError:
            log.exception("outbox not written", notices=[each.notice.id for each in outcomes])
            await self._settle_singly(outcomes)
            return
        for each in claimed:
            task = asyncio.create_task(self._deliver(each))
            self._in_hand[each.notice.id] = (each.notice, task)

    async def _settle_singly(self, outcomes: list[Outcome]) -> None:
        """One that cannot be written (its case is gone) must not keep the others from being written."""
        for outcome in outcomes:
            try:
                await self._desk.do(chat_outbox.exchange, self._office, [outcome], 0)
            except SQLAlchemyError as error:
                log.error("notice not settled", outbox=outcome.notice.id, error=str(error))
                await asyncio.sleep(1)

    async def _renew(self) -> None:
        if self._in_hand and time.monotonic() - self._renewed > _RENEW:
            self._renewed = time.monotonic()
            notices = [notice for notice, _ in self._in_hand.values()]
            # Not done this time, it is done the next, before the lease ends.
            with contextlib.suppress(OperationalError):
                await self._desk.do(chat_outbox.renew, self._office, notices)

    async def _end(self) -> None:
        tasks = [task for _, task in self._in_hand.values()]
        if tasks:
            await asyncio.wait(tasks, timeout=_GRACE)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._exchange(0)

    async def _deliver(self, claimed: Claimed) -> None:
        """Say one notice, and keep what became of it."""
        notice = claimed.notice
        delivery = _Delivery(self, claimed)
        try:
            outcome = await delivery.run()
        except asyncio.CancelledError:
            outcome = Outcome(notice, is_given_back=True, is_in_doubt=delivery.is_in_doubt)
        except Exception as error:
            # A fault of ours: visible on the case, and the chat goes on.
            log.exception("notice failed", outbox=notice.id)
            words = f"{type(error).__name__}: {error}"
            outcome = Outcome(notice, refused=NotDelivered(words, is_permanent=True))
        if outcome.refused is not None:
            log.warning("notice not delivered", outbox=notice.id, words=outcome.refused.words)
        del self._in_hand[notice.id]
        self._outcomes.append(outcome)
        self.wake()


class _Delivery:
    """One notice on its way."""

    def __init__(self, courier: Courier, claimed: Claimed) -> None:
        self._office, self._telegram = courier._office, courier._telegram
        self._desk, self._pace = courier._desk, courier._pace
        self._claimed, self._notice, self._chat_id = claimed, claimed.notice, claimed.chat_id
        self._sent: list[int] = []
        # A request was begun whose end is not known, or some of several messages are said.
        self.is_in_doubt = claimed.is_in_doubt

    async def run(self) -> Outcome:
        try:
            calls = await self._compose()
            if self._claimed.is_in_doubt:
                calls = await self._leave_out_said(calls)
            while calls:
                calls = await self._say(calls)
        except StoreFailed as error:
            return Outcome(self._notice, refused=NotDelivered(str(error)))
        except (Blocked, Rejected) as error:
            words = str(error)
            is_dead = isinstance(error, Blocked) or "chat not found" in words.lower()
            refused = NotDelivered(words, is_permanent=True)
            return Outcome(self._notice, tuple(self._sent), refused, is_chat_dead=is_dead)
        except BotApiError as error:
            return Outcome(self._notice, tuple(self._sent), NotDelivered(str(error)))
        return Outcome(self._notice, tuple(self._sent))

    async def _compose(self) -> list[Call]:
        notice, options = self._notice, dict(self._notice.chat_options)
        if options.get("new_topic") and notice.case_id is not None:
            options["topic"] = await self._topic(notice.case_id, options["new_topic"])
        files = []
        if notice.message_id is not None:
            enclosures = await asyncio.to_thread(chat_outbox.open_files, self._office, notice)
            files = [as_file(each.filename, each.content_type, each.content) for each in enclosures]
        with speaking(self._claimed.language):
            return compose(self._chat_id, notice.html or escape(notice.text), options, files)

    async def _topic(self, case_id: int, name: str) -> int | None:
        """The topic of the case in this group, made when there is none; None where the bot may not."""
        topic = await asyncio.to_thread(chat_outbox.find_topic, self._office, self._chat_id, case_id)
        if topic is None:
            call = Call("createForumTopic", {"chat_id": self._chat_id, "name": name})
            try:
                made = await self._call(call)
            except Rejected as error:
                log.warning("no topic", chat=self._chat_id, words=str(error))
                return None
            topic = int(made["message_thread_id"])
            await self._desk.do(chat_outbox.keep_topic, self._office, self._chat_id, case_id, topic)
        return topic

    async def _say(self, calls: list[Call]) -> list[Call]:
        """Make the first of *calls*, and return those that are left."""
        call, rest = calls[0], calls[1:]
        try:
            result = await self._call(call)
        except Rejected as error:
            words = str(error).lower()
            if call.method == "editMessageText" and "not modified" in words:
                self._sent.append(call.arguments["message_id"])
                return rest
            if "thread not found" in words and self._notice.case_id is not None:
                # Somebody deleted the topic; the next notice makes a new one.
                await self._desk.do(
                    chat_outbox.keep_topic, self._office, self._chat_id, self._notice.case_id, None
                )
            plainer = instead(call, words)
            if not plainer:
                raise
            log.info("said in a plainer way", outbox=self._notice.id, words=str(error))
            return plainer + rest
        self._sent += _ids(result)
        return rest

    async def _call(self, call: Call) -> Any:
        """The result of *call*, however long the network or Telegram's limits make us wait for it."""
        tries = 0
        while True:
            call = call.to(self._chat_id)
            await self._wait_for_turn(call)
            try:
                # Until the answer is here, nobody knows.
                self.is_in_doubt = True
                result = await self._telegram.call(call)
            except TooFast as error:
                self.is_in_doubt = self._claimed.is_in_doubt or bool(self._sent)
                log.info("told to wait", chat=self._chat_id, seconds=error.seconds)
                self._pace.hold(self._chat_id, time.monotonic(), error.seconds)
            except Moved as error:
                await self._desk.do(chat_moves.move_chat, self._office, self._chat_id, error.chat_id)
                self._chat_id = error.chat_id
            except (Unreachable, WrongToken) as error:
                tries += 1
                is_open = isinstance(error, Unreachable) and error.is_in_doubt
                self.is_in_doubt = is_open or self._claimed.is_in_doubt or bool(self._sent)
                await self._telegram.recovered(error)
                if is_open:
                    if found := await self._find(call):
                        return found
                    if tries >= _TRIES:
                        raise
                    await asyncio.sleep(0.25 * 2**tries * random.uniform(0.8, 1.2))
            else:
                return result

    async def _wait_for_turn(self, call: Call) -> None:
        while seconds := self._pace.wait(self._chat_id, time.monotonic()):
            await asyncio.sleep(seconds)
        self._pace.take(self._chat_id, time.monotonic(), call.messages)

    async def _leave_out_said(self, calls: list[Call]) -> list[Call]:
        """What is left of *calls* after those that an earlier attempt already made."""
        while calls and (found := await self._find(calls[0])):
            self._sent += _ids(found)
            calls = calls[1:]
        return calls

    async def _find(self, call: Call) -> list[dict[str, int]]:
        """The messages of *call* if they are in the chat already: asked for twice, an answer confuses.

        The bot cannot read the chat. But giving one of its messages the buttons it has is
        refused as "not modified", and any other id as not found, so nothing changes.
        """
        if not call.method.startswith("send"):
            return []
        markup = call.arguments.get("reply_markup", {"inline_keyboard": []})
        if "inline_keyboard" not in markup:
            # What has another keyboard cannot be edited.
            return []
        places = [max(self._sent)] if self._sent else await asyncio.to_thread(
            chat_outbox.last_known, self._office, self._notice
        )  # fmt: skip
        found: list[dict[str, int]] = []
        for candidate in sorted({place + step for place in places for step in range(1, _LOOKED_AT + 1)}):
            arguments = {"chat_id": self._chat_id, "message_id": candidate, "reply_markup": markup}
            probe = Call("editMessageReplyMarkup", arguments)
            if await self._is_ours(probe, _words(call)):
                found.append({"message_id": candidate})
            if len(found) == call.messages:
                return found
        return []

    async def _is_ours(self, probe: Call, words: str) -> bool:
        try:
            edited = await self._telegram.call(probe)
        except Rejected as error:
            return "not modified" in str(error).lower()
        except BotApiError:
            return False
        # It had other buttons, or the server does not look: only the words can tell.
        said = edited.get("text") or edited.get("caption") if isinstance(edited, dict) else None
        return bool(said) and " ".join(str(said).split()) == words


def _words(call: Call) -> str:
    """What *call* says, as the chat shows it."""
    words = str(call.arguments.get("text") or call.arguments.get("caption") or "")
    return " ".join((plain(words) if "parse_mode" in call.arguments else words).split())


def _ids(result: object) -> list[int]:
    """Ids of the messages that a sending method returned: one, or those of an album."""
    messages = result if isinstance(result, list) else [result]
    return [int(each["message_id"]) for each in messages if isinstance(each, dict) and "message_id" in each]
