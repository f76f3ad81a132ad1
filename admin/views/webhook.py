"""Where Telegram calls us when a public address is set: what it brings is committed before it gets its 200.

The path and a secret are known to Telegram alone; everybody else is told that there is nothing here.
"""

from __future__ import annotations

import hmac

from flask import Flask, abort, request
from flask_admin import Admin
from flask_wtf import CSRFProtect
from werkzeug.exceptions import BadRequest

from admin.db import office
from intake.chat import chat_spool

# Updates carry no files; the longest text has 4,096 characters.
MAX_BYTES = 1_000_000


def webhook(key: str) -> tuple[str, int]:
    """One Update as JSON. Not 200 means: send it again."""
    settings = office().settings
    token = settings.telegram_token.get_secret_value()
    secret = request.headers.get("X-Telegram-Bot-Api-Secret-Token", "")
    expected = chat_spool.webhook_secret(office())
    is_known = hmac.compare_digest(f"/telegram/{key}".encode(), chat_spool.webhook_path(office()).encode())
    if not (token and is_known and hmac.compare_digest(secret.encode(), expected.encode())):
        abort(404)
    if (request.content_length or 0) > MAX_BYTES:
        abort(413)
    update = request.get_json(force=True)
    if not isinstance(update, dict) or not isinstance(update.get("update_id"), int):
        raise BadRequest
    # The number before the colon is the bot's own id (Bot API, "Authorizing your bot").
    chat_spool.store(office(), int(token.partition(":")[0]), [update])
    return "", 200


def register(app: Flask, admin: Admin) -> None:
    app.add_url_rule("/telegram/<key>", "telegram_webhook", webhook, methods=["POST"])
    # Telegram has no session of ours; it proves itself with the secret.
    csrf: CSRFProtect = app.extensions["csrf"]
    csrf.exempt(webhook)
