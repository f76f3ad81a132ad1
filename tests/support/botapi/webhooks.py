"""Delivery of updates to a webhook (documentation: setWebhook, WebhookInfo).

"In case of an unsuccessful request (a request with response HTTP status code different from 2XY), we will
repeat the request and give up after a reasonable amount of attempts": here it never gives up.
"""

import asyncio
import contextlib
import itertools
import ssl
import time

import httpx

from tests.support.botapi.updates import Update
from tests.support.botapi.world import Webhook, World

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 5.0


class Deliverer:
    """Up to max_connections at once, one after the other in each chat."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._busy: dict[int, asyncio.Task[None]] = {}
        self._webhook: Webhook | None = None

    async def run(self) -> None:
        async with contextlib.AsyncExitStack() as clients:
            try:
                await self._deliver_all(clients)
            finally:
                for task in self._busy.values():
                    task.cancel()
                await asyncio.gather(*self._busy.values(), return_exceptions=True)

    async def _deliver_all(self, clients: contextlib.AsyncExitStack) -> None:
        while True:
            found = await self.world.bell.wait_in_loop("updates", self._next, 3600)
            if found:
                webhook, update = found
                if webhook is not self._webhook:
                    client = httpx.AsyncClient(verify=_trust(webhook), trust_env=False)
                    self._client = await clients.enter_async_context(client)
                    self._webhook = webhook
                self._busy[update.chat_id] = asyncio.create_task(self._deliver(webhook, update))

    def _next(self) -> tuple[Webhook, Update] | None:
        webhook = self.world.webhook
        if not webhook.url or len(self._busy) >= webhook.max_connections or self.world.faults.down:
            return None
        waiting = itertools.chain(self.world.updates.again, self.world.updates.pending)
        update = next((update for update in waiting if update.chat_id not in self._busy), None)
        return (webhook, update) if update else None

    async def _deliver(self, webhook: Webhook, update: Update) -> None:
        pause = FIRST_PAUSE
        headers = {"Content-Type": "application/json"}
        if webhook.secret_token:
            headers["X-Telegram-Bot-Api-Secret-Token"] = webhook.secret_token
        try:
            while self.world.webhook is webhook:
                with self.world.bell.lock:
                    self.world.updates.hand_out(update)
                if await self._posted(webhook, update, headers):
                    with self.world.bell.lock:
                        self.world.updates.done(update)
                    return
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
        finally:
            del self._busy[update.chat_id]
            self.world.bell.ring("updates")

    async def _posted(self, webhook: Webhook, update: Update, headers: dict[str, str]) -> bool:
        try:
            response = await self._client.post(webhook.url, content=update.encoded, headers=headers)
            if response.is_success:
                return True
            error = f"Wrong response from the webhook: {response.status_code} {response.reason_phrase}"
        except httpx.HTTPError as failure:
            error = f"Connection failed: {str(failure) or type(failure).__name__}"
        with self.world.bell.lock:
            webhook.last_error, webhook.last_error_at = error, int(time.time())
        return False


def _trust(webhook: Webhook) -> ssl.SSLContext | bool:
    """A self-signed certificate, given with setWebhook, is trusted for it."""
    if not webhook.certificate:
        return webhook.url.startswith("https")
    return ssl.create_default_context(cadata=webhook.certificate.decode())
