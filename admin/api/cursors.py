"""Where a page ends: sealed by us, and good only for the list and the account it was given for."""

from __future__ import annotations

import hashlib
import json

from itsdangerous import BadSignature, URLSafeSerializer

from admin.api.problems import Refusal
from intake.office import Office


def write_cursor(office: Office, account_id: int, what: object, key: int) -> str:
    """The cursor after the row *key* of the list that *what* describes."""
    return _serializer(office).dumps([key, _digest(account_id, what)])


def read_cursor(office: Office, account_id: int, what: object, cursor: str | None) -> int | None:
    """The key; None without a cursor. Refuses one that was given for something else."""
    if cursor is None:
        return None
    try:
        key, digest = _serializer(office).loads(cursor)
    except (BadSignature, ValueError, TypeError):
        raise Refusal(404, "no_such_page") from None
    if digest != _digest(account_id, what):
        raise Refusal(404, "no_such_page")
    return int(key)


def _serializer(office: Office) -> URLSafeSerializer:
    return URLSafeSerializer(office.settings.secret, salt="page of the API")


def _digest(account_id: int, what: object) -> str:
    content = json.dumps([account_id, what], sort_keys=True, default=str)
    return hashlib.sha256(content.encode()).hexdigest()[:16]
