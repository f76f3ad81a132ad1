"""A citizen at the portal without a browser, and their mailbox."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from werkzeug.test import TestResponse

from intake.office import Office
from models.outbox_message import OutboxMessage
from models.user import User
from tests.support.desk import as_sent
from tests.support.panel import panel_of

ANA = "ana@example.com"
PASSWORD = "cuatro palabras por recordar"


class Visitor:
    """Opens pages, sends forms with their token, reads the mail that the portal wrote."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.client = panel_of(office).test_client()

    def get(self, address: str, **query: Any) -> TestResponse:
        return self.client.get(address, query_string=query or None, follow_redirects=True,
                               buffered=True)  # fmt: skip

    def post(
        self, address: str, /, fields: Mapping[str, Any] | None = None, *, page: str = "", **more: Any
    ) -> TestResponse:
        """Send a form as *page* has it, which is the address itself unless named."""
        found = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', self.client.get(page or address).text)
        assert found, "a page without a form"
        data = {**(fields or {}), **more, "csrf_token": found[1]}
        return self.client.post(address, data=data, follow_redirects=True)

    def mails(self, to: str = ANA) -> list[OutboxMessage]:
        with self.office.database.reading() as session:
            found = session.scalars(select(OutboxMessage).order_by(OutboxMessage.id))
            return [one for one in as_sent(found) if one.to == [to]]

    def link(self, to: str = ANA) -> str:
        """The path of the link in the newest mail."""
        found = re.search(r"https?://[^/\s]+(/\S+)", self.mails(to)[-1].text)
        assert found
        return found[1]

    def create_account(self, email: str = ANA, name: str = "Ana Ruiz", password: str = PASSWORD) -> None:
        self.post("/crear-cuenta", email=email)
        assert self.post(self.link(email), name=name, password=password).status_code == 200

    def enter_as(self, user: User) -> None:
        """Be inside without comparing passwords, which is slow on purpose."""
        with self.client.session_transaction() as cookie:
            cookie["_user_id"], cookie["_fresh"] = user.fs_uniquifier, True
