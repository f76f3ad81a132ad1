"""The panel, served on a real socket, and people who log in to it."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from playwright.sync_api import Page
from sqlalchemy.orm import Session
from werkzeug.serving import WSGIRequestHandler, make_server

from admin.app import create_app
from admin.auth import hash_password
from intake.office import Office
from models.base import now
from models.person import Account
from models.user import User
from tests.support.institution import Institution

PASSWORD = "una contraseña de prueba"


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:
        """A line for every file of a page says nothing to a test."""


@contextmanager
def served_panel(office: Office) -> Iterator[str]:
    """Serve the panel of *office*; gives its address."""
    server = make_server("127.0.0.1", 0, create_app(office), threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, name="panel")
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@cache
def _password_hash() -> str:
    # argon2 is slow on purpose; once is enough for all tests.
    return hash_password(PASSWORD)


def give_login(session: Session, account: Account) -> User:
    """A login for the person of *account*, who acts in it."""
    user = User(
        email=account.person.email,
        password=_password_hash(),
        fs_uniquifier=uuid.uuid4().hex,
        confirmed_at=now(),
        person_id=account.person_id,
        account_id=account.id,
    )
    session.add(user)
    session.flush()
    return user


def give_logins(session: Session, institution: Institution) -> None:
    """A login for everybody."""
    for account in institution.accounts.values():
        give_login(session, account)


def log_in(page: Page, address: str, account: Account) -> None:
    """Enter the panel as the person of *account*."""
    page.goto(f"{address}/entrar")
    page.get_by_label("Correo o nombre de usuario").fill(account.person.email or "")
    page.get_by_label("Contraseña").fill(PASSWORD)
    page.get_by_role("button", name="Entrar").click()
    page.wait_for_url("**/admin/**")
