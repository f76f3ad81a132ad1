"""Driving the server over HTTP: POST /control/<name> with the arguments of BotApi's method as JSON.

bytes travel as base64; the answer is {"ok": true, "result": …} or {"ok": false, "error": …}.
"""

import base64
import inspect
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.support.botapi.errors import ApiError, Json
from tests.support.botapi.exchange import Request, Response
from tests.support.botapi.limits import Limits
from tests.support.botapi.watching import TIMEOUT, Waiting

if TYPE_CHECKING:
    from tests.support.botapi.server import BotApi

NOT_OFFERED = {"start", "stop"}
BYTES = {"content"}
COMMON = "chat: int | None = None, thread: int | None = None, reply_to: int | None = None"


def verbs(server_class: type) -> dict[str, Callable[..., Any]]:
    """The public methods of BotApi that make sense over HTTP."""
    functions = inspect.getmembers(server_class, inspect.isfunction)
    return {
        name: function
        for name, function in functions
        if not name.startswith(("_", "waiting_for_")) and name not in NOT_OFFERED
    }


def described(server_class: type) -> str:
    """One verb a line, with its arguments, and what it does."""
    lines = []
    for name, function in verbs(server_class).items():
        parameters = list(inspect.signature(function).parameters.values())[1:]
        shown = ", ".join(str(parameter) for parameter in parameters).replace(
            "**common: Unpack[Place]", COMMON
        )
        lines.append(f"{name}({shown})")
        lines += [f"    {line}" for line in (inspect.getdoc(function) or "").splitlines() if line]
    return "\n".join(lines)


class Control:
    def __init__(self, server: "BotApi") -> None:
        self._server = server

    async def answer(self, request: Request) -> Response:
        name = urlsplit(request.target).path.removeprefix("/control").strip("/")
        if not name:
            return Response(200, described(type(self._server)).encode(), "text/plain; charset=utf-8")
        try:
            result = await self._result(name, json.loads(request.body or b"{}"))
            if isinstance(result, bytes):
                return Response(200, result, "application/octet-stream")
            if isinstance(result, str):
                return Response(200, result.encode(), "text/plain; charset=utf-8")
            return _json({"ok": True, "result": result}, 200)
        except TimeoutError as error:
            return _json({"ok": False, "error": str(error)}, 408)
        # Whatever a caller did wrong is for the caller to read.
        except (AssertionError, TypeError, ValueError, KeyError, ApiError) as error:
            return _json({"ok": False, "error": f"{type(error).__name__}: {error}"}, 400)

    async def _result(self, name: str, arguments: object) -> object:
        if not isinstance(arguments, dict):
            raise TypeError("the arguments must be a JSON object")
        if name not in verbs(type(self._server)):
            raise KeyError(f"no verb {name}; GET /control lists them")
        waiting = getattr(self._server, f"waiting_for_{name}", None)
        if waiting:
            timeout = float(arguments.pop("timeout", TIMEOUT))
            return await self._awaited(waiting(**arguments), timeout)
        return getattr(self._server, name)(**_decoded(name, arguments))

    async def _awaited(self, waiting: Waiting, timeout: float) -> Json:
        found = await self._server.world.bell.wait_in_loop(waiting.key, waiting.look, timeout)
        if found is None:
            raise TimeoutError(f"Waited {timeout:g} s in vain. {waiting.complaint()}")
        return found


def _decoded(name: str, arguments: Json) -> Json:
    if name == "set_limits" and arguments.get("limits"):
        return {"limits": Limits(**arguments["limits"])}
    decoded = {
        key: base64.b64decode(value) if key in BYTES and isinstance(value, str) else value
        for key, value in arguments.items()
    }
    files = decoded.get("files")
    if isinstance(files, list):
        decoded["files"] = [base64.b64decode(str(file)) for file in files]
    return decoded


def _json(answer: Json, status: int) -> Response:
    return Response(status, json.dumps(answer, ensure_ascii=False).encode())
