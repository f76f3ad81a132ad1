"""The HTTP door: /bot<token>/<method>, /file/bot<token>/<path> and /control/…, HTTP/1.1 with keep-alive.

One event loop in a thread of its own; methods are short and run in it, under the lock of the world.
"""

import asyncio
import json
import threading
import time
import traceback
from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import unquote, urlsplit

import h11

from tests.support.botapi import methods, profile
from tests.support.botapi.calls import Call
from tests.support.botapi.errors import ApiError, ConnectionBroken, Json
from tests.support.botapi.exchange import Request, Response, encoded, read_call, read_request
from tests.support.botapi.world import World

Control = Callable[[Request], Coroutine[Any, Any, Response]]


class HttpDoor:
    """Listens from start() to stop()."""

    def __init__(self, world: World, host: str, port: int, control: Control) -> None:
        self.world = world
        self.host = host
        self.port = port
        self.loop = asyncio.new_event_loop()
        self._control = control
        self._ready = threading.Event()
        self._thread: threading.Thread | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._stop = asyncio.Event()
        self._error: OSError | None = None

    def start(self, *beside: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Listen; *beside* are coroutines that run as long."""
        self._thread = threading.Thread(target=self.loop.run_until_complete, args=(self._run(beside),))
        self._thread.daemon = True
        self._thread.start()
        self._ready.wait()
        if self._error:
            raise self._error

    def stop(self) -> None:
        if self._thread:
            self.loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()
            self.loop.close()

    async def _run(self, beside: tuple[Callable[[], Coroutine[Any, Any, None]], ...]) -> None:
        try:
            server = await asyncio.start_server(self._accept, self.host, self.port, backlog=2048)
        except OSError as error:
            self._error = error
            self._ready.set()
            return
        self.port = server.sockets[0].getsockname()[1]
        for coroutine in beside:
            self._keep(asyncio.ensure_future(coroutine()))
        self._ready.set()
        await self._stop.wait()
        server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _keep(self, task: "asyncio.Task[None]") -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._keep(asyncio.ensure_future(self._serve(reader, writer)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h11.Connection(h11.SERVER)
        try:
            while request := await read_request(connection, reader, writer):
                response = await self._answer(request)
                writer.write(encoded(connection, request, response))
                await writer.drain()
                if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
                    break
                connection.start_next_cycle()
        except ConnectionBroken:
            writer.transport.abort()
        except (h11.RemoteProtocolError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, request: Request) -> Response:
        path = unquote(urlsplit(request.target).path)
        if path.startswith("/control"):
            return await self._control(request)
        if self.world.faults.down:
            raise ConnectionBroken
        if path.startswith("/file/bot"):
            return self._file(path.removeprefix("/file/bot"))
        if path.startswith("/bot"):
            token, _, method = path.removeprefix("/bot").partition("/")
            return await self._method(request, token, method)
        return _json(ApiError(404, "Not Found").as_json(), 404)

    def _file(self, path: str) -> Response:
        token, _, name = path.partition("/")
        stored = self.world.files.at_path(name)
        self.world.faults.strike_before("download", None)
        if token != self.world.token or stored is None:
            error = ApiError(401, "Unauthorized") if stored else ApiError(404, "Not Found")
            return _json(error.as_json(), error.code)
        return Response(200, stored.content, stored.mime_type)

    async def _method(self, request: Request, token: str, name: str) -> Response:
        began = time.monotonic()
        call = Call(name, {})
        error: ApiError | None = None
        body = b""
        try:
            if token != self.world.token:
                raise ApiError(401, "Unauthorized")
            found = methods.find_method(name)
            call = read_call(found.name, request)
            body = b'{"ok":true,"result":' + await self._result(found, call, request) + b"}"
        except ApiError as refused:
            error = refused
            body = json.dumps(refused.as_json(), ensure_ascii=False).encode()
        except ConnectionBroken:
            error = ApiError(0, "connection broken")
            raise
        # A defect of this server: told to the bot as Telegram tells its own, and to the test as a warning.
        except Exception as defect:
            error = ApiError(500, "Internal Server Error")
            call.warn(f"this test server failed: {''.join(traceback.format_exception(defect))}")
            body = json.dumps(error.as_json()).encode()
        finally:
            self._record(call, time.monotonic() - began, error)
        return Response(error.code if error else 200, body)

    async def _result(self, found: methods.Method, call: Call, request: Request) -> bytes:
        world, chat = self.world, call.chat()
        with world.bell.lock:
            seconds = world.faults.seconds_of_delay(call.method, chat)
        if seconds:
            world.faults.delayed += 1
            try:
                await asyncio.sleep(seconds)
            finally:
                world.faults.delayed -= 1
        with world.bell.lock:
            world.faults.strike_before(call.method, chat)
            if found.name != "getUpdates":
                result = methods.run(world, found, call)
                world.faults.strike_after(call.method, chat)
                return json.dumps(_public(result), ensure_ascii=False).encode()
        updates = await self._updates(call, request)
        with world.bell.lock:
            world.faults.strike_after(call.method, chat)
        return b"[" + b",".join(updates) + b"]"

    async def _updates(self, call: Call, request: Request) -> list[bytes]:
        """getUpdates: answer at once what there is, else wait up to *timeout* seconds."""
        with self.world.bell.lock:
            poll = profile.begin_poll(self.world, call)
        limit, seconds = call.integer("limit", 100), call.integer("timeout", 0)

        def look() -> list[bytes] | None:
            # A bot that was killed while it waited gets nothing more.
            if request.is_gone():
                raise ConnectionBroken
            return profile.poll_again(self.world, poll, limit)

        try:
            return await self.world.bell.wait_in_loop("updates", look, min(max(seconds, 0), 50)) or []
        finally:
            with self.world.bell.lock:
                self.world.terminated.pop(poll, None)
                if self.world.poll == poll:
                    self.world.poll = 0

    def _record(self, call: Call, seconds: float, error: ApiError | None) -> None:
        world = self.world
        with world.bell.lock:
            world.warnings += call.warnings
            world.calls.append({
                "method": call.method,
                "chat_id": call.chat(),
                "at": call.at,
                "seconds": seconds,
                "error_code": error.code if error else None,
                "description": error.description if error else "",
                "parameters": call.recorded_parameters(),
            })  # fmt: skip
        world.bell.ring("calls")


def _public(result: object) -> object:
    """Without the fields this server keeps for itself, whose names begin with an underscore."""
    if isinstance(result, dict) and any(key.startswith("_") for key in result):
        return {key: value for key, value in result.items() if not key.startswith("_")}
    return result


def _json(answer: Json, status: int = 200) -> Response:
    return Response(status, json.dumps(answer, ensure_ascii=False).encode())
