"""What a program is told when something cannot be: problem details (RFC 9457) in its owner's language."""

from __future__ import annotations

import json
from typing import Any

from flask import Response
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails
from werkzeug.exceptions import HTTPException

from templates import labels, say

MEDIA = "application/problem+json"


class Fault(BaseModel):
    """One thing wrong with a request: where, and what."""

    where: str
    what: str


class Problem(BaseModel):
    """RFC 9457. `code` stays the same in every language."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[Fault] | None = None


class Refusal(Exception):
    """Ends a request with *status*; `code` names the sentence `api.problem.<code>`."""

    def __init__(
        self, status: int, code: str, *, headers: dict[str, str] | None = None,
        errors: list[Fault] | None = None, **values: str | int,
    ) -> None:  # fmt: skip
        super().__init__(code)
        self.status, self.code, self.values = status, code, values
        self.headers, self.errors = headers or {}, errors


def invalid(error: ValidationError, part: str) -> Refusal:
    """What a model found wrong in *part* of the request."""
    faults = [
        Fault(where="/".join((part, *map(str, one["loc"]))), what=_words(one)) for one in error.errors()
    ]
    if any(one["type"] == "json_invalid" for one in error.errors()):
        return Refusal(400, "bad_json")
    return Refusal(422, "invalid", errors=faults[:50])


def _words(fault: ErrorDetails) -> str:
    """The sentence about a fault of pydantic, which itself speaks only English."""
    key = f"api.invalid.{fault['type']}"
    values = {name: value for name, value in (fault.get("ctx") or {}).items() if name != "error"}
    return say(key, **values) if key in labels("es") else say("api.invalid.other")


def problem(
    status: int, code: str, detail: str, *, headers: dict[str, str] | None = None,
    errors: list[Fault] | None = None,
) -> Response:  # fmt: skip
    """The answer itself."""
    body: dict[str, Any] = {
        "type": f"urn:oficialia:problem:{code}",
        "title": say(f"api.title.{status if f'api.title.{status}' in labels('es') else 500}"),
        "status": status,
        "detail": detail,
        "code": code,
    }
    if errors:
        body["errors"] = [one.model_dump() for one in errors]
    response = Response(json.dumps(body, ensure_ascii=False), status, content_type=MEDIA)
    response.headers.update(headers or {})
    response.headers["Cache-Control"] = "no-store"
    return response


def of_status(error: HTTPException) -> Response:
    """What werkzeug says no with, for instance that there is nothing at this address."""
    status = error.code or 500
    known = f"http_{status}" if f"api.problem.http_{status}" in labels("es") else "failed"
    given = error.get_response().headers
    headers = {name: given[name] for name in ("Allow", "Retry-After") if name in given}
    return problem(status, known, say(f"api.problem.{known}"), headers=headers)
