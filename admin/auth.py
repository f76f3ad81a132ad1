"""Logging in with e-mail or user name and password (Flask-Security, argon2), slowed down for guessers."""

from __future__ import annotations

import threading
import time
import unicodedata
from collections import deque
from datetime import timedelta
from typing import Any, cast

from argon2 import PasswordHasher
from flask import Flask, request
from flask_security import LoginForm, Security, SQLAlchemyUserDatastore, UserMixin
from flask_security.utils import lookup_identity
from sqlalchemy import bindparam, select
from sqlalchemy.orm import joinedload
from wtforms import StringField
from wtforms.validators import InputRequired

from admin.db import db, session
from models.person import Account, Person
from models.user import User
from templates import say

# A person forgets a password a few times; a program tries thousands.
MAX_FAILURES = 8
MAX_FAILURES_OF_CLIENT = 60
FORGOTTEN_AFTER_SECONDS = 15 * 60.0


class Throttle:
    """Counts failed log-ins per login and client, and per client, in the memory of this process."""

    def __init__(self) -> None:
        self._failures: dict[tuple[str, str], deque[float]] = {}
        self._lock = threading.Lock()

    def _recent(self, key: tuple[str, str]) -> int:
        times = self._failures.get(key)
        if times is None:
            return 0
        while times and times[0] < time.monotonic() - FORGOTTEN_AFTER_SECONDS:
            times.popleft()
        if not times:
            del self._failures[key]
        return len(times)

    def is_closed(self, client: str, login: str) -> bool:
        """Must *client* wait before trying *login* again?"""
        with self._lock:
            return (
                self._recent((client, login.casefold())) >= MAX_FAILURES
                or self._recent((client, "")) >= MAX_FAILURES_OF_CLIENT
            )

    def fail(self, client: str, login: str) -> None:
        """Remember a failure, for both counts."""
        with self._lock:
            for key in ((client, login.casefold()), (client, "")):
                self._failures.setdefault(key, deque(maxlen=MAX_FAILURES_OF_CLIENT)).append(time.monotonic())

    def succeed(self, client: str, login: str) -> None:
        """Whoever knew the password is no guesser."""
        with self._lock:
            self._failures.pop((client, login.casefold()), None)


throttle = Throttle()


class PanelLoginForm(LoginForm):
    """One field for e-mail or user name; one sentence for every failure tells guessers nothing."""

    email = None
    identity = StringField(validators=[InputRequired()])

    def validate(self, **kwargs: Any) -> bool:
        login, client = (self.identity.data or "").strip(), request.remote_addr or ""
        self.ifield, self.user = self.identity, None
        if throttle.is_closed(client, login):
            self.form_errors = [say("panel.login.too_many", minutes=int(FORGOTTEN_AFTER_SECONDS // 60))]
            return False
        if login:
            self.user = lookup_identity(login)
        is_right: bool = super().validate(**kwargs)
        if is_right:
            throttle.succeed(client, login)
        else:
            throttle.fail(client, login)
            # An expired form is no wrong password.
            key = "panel.login.expired" if "csrf_token" in self.errors else "panel.login.wrong"
            self.form_errors = [say(key)]
        return is_right


def hash_password(password: str) -> str:
    """The argon2 hash that `User.password` keeps; needs no Flask, for `init` and `demo`."""
    # Flask-Security compares in this form, so that ñ is ñ on every keyboard.
    return PasswordHasher().hash(unicodedata.normalize("NFKD", password))


# Both are kept in lower case, so that their unique index finds them.
def _as_email(identity: str) -> str | None:
    return identity.lower() if "@" in identity else None


def _as_username(identity: str) -> str | None:
    return identity.lower() if "@" not in identity else None


# Every page asks for the login and the accounts.
_LOGGED_IN = (
    select(User)
    .where(User.fs_uniquifier == bindparam("fs_uniquifier"))
    .options(joinedload(User.person).joinedload(Person.accounts).lazyload(Account.person))
)


class _Users(SQLAlchemyUserDatastore):
    """Flask-Security's way to our users: with whoever is logged in come the accounts to choose from."""

    def find_user(self, case_insensitive: bool = False, **kwargs: Any) -> UserMixin | None:
        if "fs_uniquifier" not in kwargs:
            return super().find_user(case_insensitive, **kwargs)
        return session().scalars(_LOGGED_IN, kwargs).unique().one_or_none()


def init_app(app: Flask, *, secret: bytes, is_https: bool) -> None:
    """Set up sessions, cookies and the log-in page of *app*."""
    app.config.update(
        SECRET_KEY=secret,
        SESSION_COOKIE_NAME="oficialia",
        SESSION_COOKIE_SECURE=is_https,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        REMEMBER_COOKIE_SECURE=is_https,
        REMEMBER_COOKIE_HTTPONLY=True,
        REMEMBER_COOKIE_SAMESITE="Lax",
        SECURITY_PASSWORD_SALT="unused",
        # The hash alone decides: `init` writes it without knowing any of these settings.
        SECURITY_PASSWORD_SINGLE_HASH=True,
        SECURITY_PASSWORD_HASH="argon2",
        SECURITY_JOIN_USER_ROLES=False,
        SECURITY_USER_IDENTITY_ATTRIBUTES=[
            {"email": {"mapper": _as_email}},
            {"username": {"mapper": _as_username}},
        ],
        SECURITY_LOGIN_URL="/entrar",
        SECURITY_LOGOUT_URL="/salir",
        SECURITY_LOGOUT_CSRF=True,
        # The panel for the office's people, their requests for everybody else (`admin.portal.entry.home`).
        SECURITY_POST_LOGIN_VIEW="/",
        SECURITY_POST_LOGOUT_VIEW="/entrar",
        SECURITY_LOGIN_USER_TEMPLATE="admin/login.html",
        SECURITY_FLASH_MESSAGES=False,
        SECURITY_STATIC_FOLDER=None,
        # Nothing asks for a password again; with this its page, which is not one of ours, does not exist.
        SECURITY_FRESHNESS=timedelta(minutes=-1),
    )
    # Roles are our accounts', not Flask-Security's, and the sessions are the panel's.
    users = _Users(cast(Any, db), User, cast(Any, None))
    Security(app, users, login_form=PanelLoginForm)
