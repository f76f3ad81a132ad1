"""Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): asked twice, done once, answered alike.

The key is written in the transaction of what it guards. Of two requests at the same moment the
second waits for the first to commit, by the database's own lock, and then reads its answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from flask import Response, request
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from admin.api.problems import Refusal
from admin.api.replies import answer_to
from admin.db import writing
from intake.errors import DeskError
from intake.programs.tokens import Bearer
from models.api_token import IdempotencyKey
from models.base import now
from models.workflow import NotAllowed

HEADER = "Idempotency-Key"
MAX_KEY = 255
# A string as in RFC 8941, but people forget its quotes.
PATTERN = rf'^"?[0-9A-Za-z_.:-]{{1,{MAX_KEY}}}"?$'


def once(bearer: Bearer, digest: str, run: Callable[[], Response]) -> Response:
    """Do what *run* does, in one transaction, unless it was done for this key; commits."""
    key = _key()
    if not key:
        with writing():
            return run()
    try:
        with writing() as write:
            if not _take(write, bearer, key, digest):
                return _again(write, bearer, key, digest)
            response = run()
            _keep(write, bearer, key, response)
            return response
    except (NotAllowed, DeskError) as error:
        # Nothing was done; that is an answer too, and stays the answer.
        response = answer_to(error)
        with writing() as write:
            if not _take(write, bearer, key, digest):
                return _again(write, bearer, key, digest)
            _keep(write, bearer, key, response)
        return response


def _key() -> str:
    given = request.headers.get(HEADER)
    if given is None:
        return ""
    if not re.fullmatch(PATTERN, given):
        raise Refusal(400, "bad_key", limit=MAX_KEY)
    return given.strip('"')


def _take(write: Session, bearer: Bearer, key: str, digest: str) -> bool:
    """Make the key ours; False when somebody had it before."""
    dialect = postgresql if write.get_bind().dialect.name == "postgresql" else sqlite
    row = {"token_id": bearer.token_id, "key": key, "request_sha256": digest, "created_at": now(),
           "status": 0, "content_type": "", "location": "", "body": ""}  # fmt: skip
    taken = dialect.insert(IdempotencyKey).values(row).on_conflict_do_nothing()
    return write.execute(taken.returning(IdempotencyKey.key)).first() is not None


def _keep(write: Session, bearer: Bearer, key: str, response: Response) -> None:
    row = write.get_one(IdempotencyKey, (bearer.token_id, key), populate_existing=True)
    row.status, row.body = response.status_code, response.get_data(as_text=True)
    row.content_type, row.location = response.content_type or "", response.headers.get("Location", "")


def _again(write: Session, bearer: Bearer, key: str, digest: str) -> Response:
    row = write.get_one(IdempotencyKey, (bearer.token_id, key), populate_existing=True)
    if row.request_sha256 != digest:
        raise Refusal(422, "key_reused")
    response = Response(row.body, row.status, content_type=row.content_type or None)
    if row.location:
        response.headers["Location"] = row.location
    response.headers["Idempotency-Replayed"] = "true"
    return response
