"""A Bot API server, or a proxy before it, that answers nonsense: the bot goes on, and loses nothing."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

import pytest
from pydantic import SecretStr

from intake.chat import chat_spool
from intake.config import Settings
from intake.office import Office
from models.chat import UpdateStatus
from models.outbox_message import OutboxMessage, OutboxStatus
from tests.support.desk import get_notice
from tests.support.telegram_door import queue_for_chat, telegram_door
from tests.support.waiting import wait_until

# What a server says wrongly is no question of the database.
pytestmark = pytest.mark.on_sqlite

ANA = 7001
PDF = b"%PDF-1.4\n" + b"0" * 50
NONSENSE = [
    b'{"ok":true,"result":true}',
    b'{"ok":true,"result":[null]}',
    b'{"ok":true,"result":[{"update_id":"7"}]}',
    b'{"ok":true}',
    b"[]",
    b"<html>Bad Gateway</html>",
    b"\xff\xfe",
]


class Server(ThreadingHTTPServer):
    """Knows getMe, getUpdates and sendMessage, and says *true* to everything else."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.instead: list[bytes] = []
        self.updates: list[dict[str, Any]] = []
        self.said: list[str] = []
        self.file: object = True

    def answer(self, method: str, arguments: dict[str, Any]) -> object:
        if method == "getMe":
            return {"id": 99, "is_bot": True, "first_name": "Bot", "username": "oficialia_bot"}
        if method == "getUpdates":
            offset = int(arguments.get("offset") or 0)
            return [each for each in self.updates if each["update_id"] >= offset]
        if method == "getFile":
            return self.file
        if method == "sendMessage":
            self.said.append(arguments["text"])
            chat = {"id": int(arguments["chat_id"]), "type": "private"}
            return {"message_id": 500 + len(self.said), "date": 0, "chat": chat, "text": arguments["text"]}
        return True


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        self._say(PDF if self.path.endswith("/file/bot99:x/documents/1.pdf") else b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        method = self.path.rpartition("/")[2]
        arguments = _arguments(self.headers.get("Content-Type", ""), body)
        if method == "getUpdates" and self.server.instead:
            said = self.server.instead.pop(0)
        else:
            said = json.dumps({"ok": True, "result": self.server.answer(method, arguments)}).encode()
        self._say(said)

    def _say(self, said: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""


def _arguments(content_type: str, body: bytes) -> dict[str, Any]:
    if "json" in content_type:
        found: dict[str, Any] = json.loads(body or b"{}")
        return found
    return dict(parse_qsl(body.decode()))


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    thread = threading.Thread(target=made.serve_forever, args=(0.02,))
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


@pytest.fixture
def office(settings: Settings, server: Server) -> Iterator[Office]:
    here = f"http://127.0.0.1:{server.server_port}"
    ours = {"telegram_token": SecretStr("99:x"), "telegram_base_url": f"{here}/bot",
            "telegram_file_url": f"{here}/file/bot"}  # fmt: skip
    opened = Office.open(settings.model_copy(update=ours))
    yield opened
    opened.database.close()


def sent(update_id: int, **content: object) -> dict[str, Any]:
    user = {"id": ANA, "is_bot": False, "first_name": "Ana", "language_code": "es"}
    chat = {"id": ANA, "type": "private"}
    return {
        "update_id": update_id,
        "message": {"message_id": update_id, "date": 0, "chat": chat, "from": user, **content},
    }


@pytest.mark.on_both
def test_nonsense_instead_of_updates_ends_nothing(office: Office, server: Server) -> None:
    server.instead = list(NONSENSE)
    server.updates = [sent(7, text="/ayuda")]
    with telegram_door(office):
        wait_until(lambda: bool(server.said), 20)
    assert server.instead == [] and len(server.said) == 1


@pytest.mark.parametrize("file", [True, {"file_id": "F"}, {"file_id": "F", "file_path": ""}])
def test_who_sends_a_file_without_a_path_is_asked_for_it_again(
    office: Office, server: Server, file: object
) -> None:
    server.file = file
    server.updates = [sent(7, document={"file_id": "F", "file_name": "oficio.pdf"})]
    with telegram_door(office):
        wait_until(lambda: bool(server.said), 20)
    assert "mándelo de nuevo" in server.said[0] and "oficio.pdf" in server.said[0]


def test_a_path_that_begins_with_a_slash_is_fetched_all_the_same(office: Office, server: Server) -> None:
    server.file = {"file_id": "F", "file_path": "/documents/1.pdf"}
    server.updates = [sent(7, document={"file_id": "F", "file_name": "oficio.pdf"})]
    with telegram_door(office):
        wait_until(lambda: bool(server.said), 20)
    assert "Archivos guardados: 1" in server.said[0]


def test_a_fault_of_ours_while_a_file_is_fetched_is_told_to_the_person(
    office: Office, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("intake.chat.chat_files.keep", broken)
    server.file = {"file_id": "F", "file_path": "documents/1.pdf"}
    server.updates = [sent(7, document={"file_id": "F", "file_name": "oficio.pdf"})]
    with telegram_door(office):
        wait_until(lambda: bool(server.said), 20)
    with office.database.reading() as session:
        assert [row.status for row in chat_spool.stuck(session)] == [UpdateStatus.FAILED]


@pytest.mark.on_both
def test_a_server_that_says_yes_to_everything_loses_no_notice_in_doubt(
    office: Office, server: Server
) -> None:
    """What may have been said before a crash is looked for; *true* is no proof that it is there."""
    before = queue_for_chat(office, ANA, "Buenos días")
    notice = queue_for_chat(office, ANA, "Su respuesta")
    with office.database.writing() as session:
        earlier = session.get_one(OutboxMessage, before)
        earlier.status, earlier.remote_id = OutboxStatus.SENT, 400
        session.get_one(OutboxMessage, notice).status = OutboxStatus.SENDING
    with telegram_door(office):
        wait_until(lambda: get_notice(office, notice).status == OutboxStatus.SENT, 20)
    assert server.said == ["Su respuesta"]
