"""*Programas y avisos automáticos*: an account's tokens and webhooks; what is secret is shown once."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask, flash, redirect, request, url_for
from flask_admin import Admin, expose
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from admin import frame
from admin.db import office, session, writing
from intake.errors import DeskError, InvalidInput
from intake.programs import tokens, webhooks
from models.api_token import Scope
from models.webhook import Webhook
from templates import say

DAYS = (30, 90, 180, 365)


class ApiKeysView(frame.PanelView):
    """One page. Everybody sees and changes only what is their own account's."""

    @expose("/")
    def index(self) -> str:
        return self._page()

    def _page(self, *, token: str = "", secret: str = "") -> str:
        who = frame.account()
        return str(
            self.render(
                "admin/api_keys.html",
                tokens=tokens.of_account(session(), who),
                scopes=list(Scope),
                days=DAYS,
                webhooks=webhooks.of_account(session(), who),
                topics=webhooks.SUBSCRIBABLE,
                token=token,
                secret=secret,
                # What was made is not typed again.
                form=MultiDict() if token or secret else request.form,
            )
        )

    @expose("/claves", methods=["POST"])
    def make_token(self) -> str | tuple[str, int]:
        form = request.form
        try:
            with writing() as write:
                _, secret = tokens.make(
                    write,
                    frame.account(),
                    name=form.get("name", ""),
                    scopes=form.getlist("scope"),
                    days=form.get("days", 0, int),
                )
        except DeskError as error:
            flash(str(error), "error")
            return self._page(), 422
        return self._page(token=secret)

    @expose("/claves/revocar", methods=["POST"])
    def revoke_token(self) -> Response:
        number = request.form.get("token", 0, int)
        return self._change(lambda write: tokens.revoke(write, frame.account(), number), "revoked")

    @expose("/avisos", methods=["POST"])
    def make_webhook(self) -> str | tuple[str, int]:
        form = request.form
        try:
            with writing() as write:
                _, secret = webhooks.subscribe(write, office(), frame.account(), url=form.get("url", ""),
                                               events=form.getlist("event"))  # fmt: skip
        except DeskError as error:
            flash(str(error), "error")
            return self._page(), 422
        return self._page(secret=secret)

    @expose("/avisos/terminar", methods=["POST"])
    def delete_webhook(self) -> Response:
        return self._change(lambda write: webhooks.delete(write, frame.account(), _own(write)), "deleted")

    @expose("/avisos/activar", methods=["POST"])
    def enable_webhook(self) -> Response:
        return self._change(
            lambda write: webhooks.enable(write, office(), frame.account(), _own(write)), "enabled"
        )

    @expose("/avisos/probar", methods=["POST"])
    def ping_webhook(self) -> Response:
        return self._change(lambda write: webhooks.ping(write, _own(write)), "pinged")

    def _change(self, verb: Callable[[Session], object], done: str) -> Response:
        try:
            with writing() as write:
                verb(write)
        except DeskError as error:
            flash(str(error), "error")
        else:
            flash(say(f"api.panel.{done}"), "success")
        return redirect(url_for(".index"))


def _own(write: Session) -> Webhook:
    found = webhooks.find(write, frame.account(), request.form.get("webhook", 0, int))
    if found is None:
        raise InvalidInput("choose_one")
    return found


def register(app: Flask, admin: Admin) -> None:
    """Add the page, to which *Selecciona cuenta* leads."""
    admin.add_view(ApiKeysView(name="api_keys", endpoint="api_keys", url="/admin/api"))
