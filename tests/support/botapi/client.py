"""A bot without a library, for tests of the server itself: one JSON body per call."""

from typing import Any

import httpx

from tests.support.botapi.errors import Json
from tests.support.botapi.server import BotApi


class RawBot:
    """Knows one user, Ana, who has opened it."""

    def __init__(self, server: BotApi, client: httpx.Client) -> None:
        self.server = server
        self.client = client
        self.ana = server.add_user("Ana")
        server.open_link(self.ana)

    def call(self, method: str, **parameters: object) -> Json:
        url = f"{self.server.base_url}{self.server.token}/{method}"
        answer = self.client.post(url, json=parameters)
        given: Json = answer.json()
        assert answer.status_code == given.get("error_code", 200)
        return given

    def do(self, method: str, **parameters: object) -> Any:
        answer = self.call(method, **parameters)
        assert answer["ok"], answer
        return answer["result"]

    def refusal(self, method: str, **parameters: object) -> str:
        answer = self.call(method, **parameters)
        assert not answer["ok"], answer
        return str(answer["description"])

    def upload(self, method: str, chat: int, **files: tuple[str, bytes]) -> Json:
        url = f"{self.server.base_url}{self.server.token}/{method}"
        given: Json = self.client.post(url, data={"chat_id": str(chat)}, files=files, timeout=60).json()
        return given

    def say(self, text: str, chat: int | None = None, **parameters: object) -> Json:
        said: Json = self.do("sendMessage", chat_id=chat or self.ana, text=text, **parameters)
        return said


def inline(*buttons: Json) -> Json:
    """One row of inline keyboard."""
    return {"inline_keyboard": [list(buttons)]}
