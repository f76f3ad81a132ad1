"""The panel, served on a real socket, and people who log in to it."""

from __future__ import annotations

import re
import threading
import uuid
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from flask import Flask
from jinja2.bccache import Bucket, BytecodeCache
from playwright.sync_api import Page, expect
from sqlalchemy import event, select
from sqlalchemy.orm import Session
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.test import TestResponse

from admin.app import create_app
from admin.auth import hash_password
from intake import spool
from intake.office import Office
from intake.pipeline import process_spooled
from models.base import now
from models.case import Case
from models.person import Account
from models.user import User
from tests.support.institution import Institution

SUPPORT = "soporte@example.gob.mx"
PASSWORD = "una contraseña de prueba"


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:
        """A line for every file of a page says nothing to a test."""


@contextmanager
def served_panel(office: Office) -> Iterator[str]:
    """Serve the panel of *office*; gives its address."""
    server = make_server("127.0.0.1", 0, panel_of(office), threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), name="panel")
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Compiled(BytecodeCache):
    """Templates, compiled once for all tests."""

    def __init__(self) -> None:
        self._code: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if code := self._code.get(bucket.key):
            bucket.bytecode_from_string(code)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._code[bucket.key] = bucket.bytecode_to_string()


_COMPILED = _Compiled()


# Panels with their offices, and those whose office was closed, by what a panel is put together from.
_PANELS: deque[tuple[Office, Flask]] = deque(maxlen=4)
_FREE: dict[tuple[object, ...], list[Flask]] = {}


def panel_of(office: Office) -> Flask:
    """The panel of *office*: the same for everybody who opens it, and the next office's when this one is
    closed, as it takes 0.3 s to put together and to draw its first page."""
    for known, app in _PANELS:
        if known is office:
            return app
    free = _FREE.get(_made_from(office))
    app = _bound(free.pop(), office) if free else _new_panel(office)
    _PANELS.append((office, app))
    # Whoever closes an office closes its database.
    event.listen(office.database.engine, "engine_disposed", lambda _engine: _free(app), once=True)
    return app


def _made_from(office: Office) -> tuple[object, ...]:
    settings = office.settings
    is_https = settings.base_url.startswith("https:")
    return is_https, settings.secret, settings.telegram_token, settings.language, settings.timezone


def _new_panel(office: Office) -> Flask:
    app = create_app(office)
    app.jinja_env.bytecode_cache = _COMPILED
    app.config["AS_NEW"] = {**app.config}, {**app.extensions}
    return app


def _bound(app: Flask, office: Office) -> Flask:
    """*app* over another office, without what it remembers of the last one."""
    config, extensions = app.config["AS_NEW"]
    app.config.clear()
    app.config.update(config, AS_NEW=(config, extensions))
    app.extensions.clear()
    app.extensions.update(extensions, oficialia=office)
    return app


def _free(app: Flask) -> None:
    for known in [one for one in _PANELS if one[1] is app]:
        _PANELS.remove(known)
        _FREE.setdefault(_made_from(known[0]), []).append(app)


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


def arrive(office: Office, *mails: bytes) -> int:
    """Mails come in as through a door; gives the id of the newest case."""
    for raw in mails:
        spool.store(office, [spool.Arrival(door="smtp", raw=raw, envelope_to=(SUPPORT,))])
    process_spooled(office)
    with office.database.reading() as session:
        return session.scalars(select(Case.id).order_by(Case.id.desc())).first() or 0


def open_case(page: Page, address: str, case_id: int) -> None:
    """Go to the page of a case."""
    page.goto(f"{address}/admin/casos/{case_id}")
    expect(page.locator("#case")).to_have_attribute("data-id", str(case_id))


class Clerk:
    """Somebody at the panel without a browser: opens pages, sends forms with their token.

    Is inside already, because comparing passwords is slow on purpose; `enter` is for tests of that.
    """

    def __init__(self, office: Office, account: Account | None) -> None:
        self.client = panel_of(office).test_client()
        if account is not None:
            with office.database.reading() as reading, self.client.session_transaction() as cookie:
                user = reading.scalars(select(User).where(User.person_id == account.person_id)).one()
                cookie["_user_id"], cookie["_fresh"] = user.fs_uniquifier, True

    def enter(self, identity: str, password: str) -> TestResponse:
        token = _token(self.client.get("/entrar").text)
        fields = {"identity": identity, "password": password, "csrf_token": token}
        return self.client.post("/entrar", data=fields)

    def get(self, address: str) -> TestResponse:
        return self.client.get(address)

    def post(self, address: str, /, **fields: object) -> TestResponse:
        """Send a form; follows to the page that says what came of it."""
        token = _token(self.client.get("/admin/cuenta/").text)
        return self.client.post(address, data={**fields, "csrf_token": token}, follow_redirects=True)


def _token(page: str) -> str:
    found = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', page)
    assert found, "a page without a form"
    return found[1]
