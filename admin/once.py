"""Forms that register something carry a key (`once()` in admin/pieces.html), and are carried out once.

The same form with the same words leads to the page of what it made the first time. With other words it
is another form: whoever goes back and changes something means it. The same words in a form that was drawn
anew, as *back* does, are asked about: whoever sends that once more means it.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Any, cast

from flask import Flask, flash, g, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from admin import frame
from admin.portal.inside import go
from intake import sent_forms
from intake.errors import InvalidInput
from templates import say

KEY, SURE = "form_key", "form_sure"
# What nobody filled in: keys, the button that was pressed, and how far the page had been read.
_ASIDE = frozenset({KEY, SURE, "csrf_token", "then", "do", "last_message_id"})


class AlreadySent(Exception):
    """The form was carried out before; `led_to` is the page of what it made."""

    def __init__(self, led_to: str) -> None:
        super().__init__(led_to)
        self.led_to = led_to


def take(write: Session, *, asks: bool = True) -> None:
    """First in the transaction of what the form causes. Raises AlreadySent, and InvalidInput to ask.

    *asks*: False for a form that is only a button, which may well be pressed again.
    """
    if not request.form.get(KEY):
        return
    words = _digest()
    form = hashlib.sha256(f"{words}{request.form[KEY]}".encode()).hexdigest()
    led_to = sent_forms.take(write, form)
    if led_to is not None:
        raise AlreadySent(led_to)
    if asks and not request.form.get(SURE) and sent_forms.was_sent_alike(write, words):
        g.asks_whether_sure = True
        raise InvalidInput("sent_alike")
    g.sent_form = form, words


def leads_to(write: Session, address: str) -> str:
    """Last in it: the page of what the form made, where whoever sends it again is led. Gives *address*."""
    if "sent_form" in g:
        form, words = g.sent_form
        sent_forms.keep(write, form, words, address)
    return address


def _digest() -> str:
    """Of who sends the form, from where, and what is in it."""
    user = frame.user()
    found = hashlib.sha256()

    def add(*words: str) -> None:
        for word in words:
            encoded = word.encode("utf-8", "replace")
            found.update(len(encoded).to_bytes(8, "big") + encoded)

    add(str(user.id) if user else "", request.path)
    for name, value in request.form.items(multi=True):
        if name not in _ASIDE:
            add(name, value)
    for name, upload in request.files.items(multi=True):
        upload.stream.seek(0)
        content = hashlib.file_digest(cast(Any, upload.stream), "sha256").hexdigest()
        add(name, upload.filename or "", content)
        upload.stream.seek(0)
    return found.hexdigest()


def init_app(app: Flask) -> None:
    """Draw keys, and answer forms that were sent before."""
    app.jinja_env.globals["form_key"] = lambda: secrets.token_urlsafe(16)
    app.jinja_env.globals["asks_whether_sure"] = lambda: g.get("asks_whether_sure", False)

    @app.errorhandler(AlreadySent)
    def already(error: AlreadySent) -> Response:
        flash(say("panel.already_sent"), "info")
        return go(error.led_to)
