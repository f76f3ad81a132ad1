"""Programs as tests need them: one that asks the API with a token, and one that is called by webhooks."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol, Self, cast

from flask import Flask
from werkzeug.datastructures import Headers

from intake.office import Office
from intake.programs import tokens
from models.api_token import Scope
from models.person import Account

EVERYTHING = tuple(one.value for one in Scope)


class Reply(Protocol):
    """What a test reads of an answer."""

    status_code: int
    content_type: str
    headers: Headers
    data: bytes
    text: str
    json: Any


class Program:
    """Asks the API of *app*. It has no cookies."""

    def __init__(
        self, app: Flask, office: Office, account: Account, scopes: Sequence[str] = EVERYTHING
    ) -> None:
        self.client = app.test_client(use_cookies=False)
        with office.database.writing() as session:
            by = session.get_one(Account, account.id)
            token, self.secret = tokens.make(session, by, name="Prueba", scopes=scopes, days=30)
            self.token_id = token.id

    def call(self, method: str, path: str, *, key: str = "", headers: dict[str, str] | None = None,
             **content: Any) -> Reply:  # fmt: skip
        """Ask for *path* below /api/v1."""
        sent = {"Authorization": f"Bearer {self.secret}", **(headers or {})}
        if key:
            sent["Idempotency-Key"] = key
        return cast(Reply, self.client.open(f"/api/v1{path}", method=method, headers=sent, **content))

    def get(self, path: str, /, **content: Any) -> Reply:
        return self.call("GET", path, **content)

    def post(self, path: str, /, body: Any = None, **content: Any) -> Reply:
        return self.call("POST", path, json={} if body is None else body, **content)

    def everything(self, path: str) -> list[Any]:
        """All rows of a list, page by page."""
        found: list[Any] = []
        sign, cursor = "&" if "?" in path else "?", ""
        while True:
            page = self.get(f"{path}{cursor and sign + 'cursor=' + cursor}").json
            found += page["items"]
            if page["next"] is None:
                return found
            cursor = page["next"]


@dataclass(frozen=True)
class Heard:
    """One call that arrived."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def is_signed(self, secret: str) -> bool:
        """As a subscriber checks it (Standard Webhooks 1.0, "Verifying signatures")."""
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        signed = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode() + self.body
        expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        return any(
            hmac.compare_digest(one, f"v1,{expected}") for one in self.headers["webhook-signature"].split()
        )


class Subscriber:
    """A web server in a thread; answers 204, or what the test said it should answer next."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.answers: deque[tuple[int, dict[str, str]]] = deque()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                outer.heard.append(Heard(self.path, headers, body))
                status, more = outer.answers.popleft() if outer.answers else (204, {})
                self.send_response(status)
                for name, value in {"Content-Length": "0", **more}.items():
                    self.send_header(name, value)
                self.end_headers()

            def do_GET(self) -> None:
                outer.heard.append(Heard(self.path, {}, b""))
                self.send_response(204)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """A line for every call says nothing to a test."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="subscriber")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/avisos"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
