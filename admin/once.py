"""Forms that register something carry a key (`once()` in admin/pieces.html), and are carried out once.

The same form with the same words leads to the page of what it made the first time. With other words it
is another form: whoever goes back and changes something means it.
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
from templates import say

FIELD = "form_key"
# What says nothing about what was filled in: the keys, and the button that was pressed.
_ASIDE = frozenset({FIELD, "csrf_token", "then", "do"})


class AlreadySent(Exception):
    """The form was carried out before; `led_to` is the page of what it made."""

    def __init__(self, led_to: str) -> None:
        super().__init__(led_to)
        self.led_to = led_to


def take(write: Session) -> None:
    """First in the transaction of what the form causes. Raises AlreadySent."""
    if request.form.get(FIELD):
        g.sent_form = _digest()
        led_to = sent_forms.take(write, g.sent_form)
        if led_to is not None:
            raise AlreadySent(led_to)


def leads_to(write: Session, address: str) -> str:
    """Last in it: the page of what the form made, where whoever sends it again is led. Gives *address*."""
    if "sent_form" in g:
        sent_forms.keep(write, g.sent_form, address)
    return address


def _digest() -> str:
    """Of who sends the form, its key and what is in it."""
    user = frame.user()
    found = hashlib.sha256()

    def add(*words: str) -> None:
        for word in words:
            encoded = word.encode("utf-8", "replace")
            found.update(len(encoded).to_bytes(8, "big") + encoded)

    add(str(user.id) if user else "", request.path, request.form[FIELD])
    for name, value in request.form.items(multi=True):
        if name not in _ASIDE:
            add(name, value)
    for name, upload in request.files.items(multi=True):
        upload.stream.seek(0)
        add(name, upload.filename or "", hashlib.file_digest(cast(Any, upload.stream), "sha256").hexdigest())
        upload.stream.seek(0)
    return found.hexdigest()


def init_app(app: Flask) -> None:
    """Draw keys, and answer forms that were sent before."""
    app.jinja_env.globals["form_key"] = lambda: secrets.token_urlsafe(16)

    @app.errorhandler(AlreadySent)
    def already(error: AlreadySent) -> Response:
        flash(say("panel.already_sent"), "info")
        return go(error.led_to)
