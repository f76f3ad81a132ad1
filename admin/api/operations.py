"""The operations of the API, each written once: its route, its checks and its description are one thing.

`@operation` reads the types of a function: `query` and `body` are what it takes, other parameters
stand in the path, and what it returns is what it answers. Requests carry a token and no cookie.
"""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast, get_type_hints

from flask import Blueprint, Response, current_app, g, request
from pydantic import BaseModel, TypeAdapter, ValidationError
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from admin import frame
from admin.api import idempotency
from admin.api.problems import Refusal, invalid
from admin.api.replies import answer_to
from admin.db import office, release, session
from admin.pace import Window
from admin.views.composer import uploaded_files
from intake.incoming import IncomingFile
from intake.programs import tokens, uploads
from intake.programs.tokens import Bearer
from models.api_token import Scope
from models.person import Account
from templates import LANGUAGES, language

JSON, FORM, BYTES = "application/json", "multipart/form-data", "application/octet-stream"
IF_MATCH = "If-Match"
# What shows cases: not for who only configures (domain.md, "Roles").
_OF_CASES = frozenset({Scope.CASES_READ, Scope.CASES_WRITE, Scope.DOCUMENTS_READ})


@dataclass(slots=True)
class Call:
    """One request: who asks, in whose session, with which files."""

    bearer: Bearer
    session: Session
    account: Account
    files: Sequence[IncomingFile] = ()
    # Where what was made is found.
    location: str = ""
    # True: what is changed must still be as the program read it (`must_be_as_read`).
    is_conditional: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """A row of the API. `name` is the operationId and the key of its words."""

    name: str
    method: str
    path: str
    run: Callable[..., Any]
    scopes: frozenset[Scope]
    status: int
    takes_files: bool
    # Takes nothing but files.
    is_form_only: bool
    has_etag: bool
    # Does nothing when If-Match names another version.
    has_if_match: bool
    media: str
    query: type[BaseModel] | None
    body: type[BaseModel] | None
    answer: type[BaseModel] | None
    arguments: dict[str, Any] = field(default_factory=dict)

    @property
    def writes(self) -> bool:
        return self.method != "GET"


OPERATIONS: list[Operation] = []


def operation(
    method: str, path: str, *scopes: Scope, status: int = 200, files: bool = False, form_only: bool = False,
    etag: bool = False, if_match: bool = False, media: str = JSON,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:  # fmt: skip
    """Make the function an operation at *path*, for tokens with all of *scopes*."""

    def add(run: Callable[..., Any]) -> Callable[..., Any]:
        hints = get_type_hints(run, include_extras=True)
        answer = hints.pop("return")
        query, body = hints.pop("query", None), hints.pop("body", None)
        hints.pop("call")
        told = answer if inspect.isclass(answer) and issubclass(answer, BaseModel) else None
        OPERATIONS.append(
            Operation(run.__name__, method, path, run, frozenset(scopes), status, files, form_only, etag,
                      if_match, media, query, body, told, hints)
        )  # fmt: skip
        return run

    return add


def mount(blueprint: Blueprint) -> None:
    """Give *blueprint* the routes of all operations."""
    for one in OPERATIONS:
        rule = one.path.replace("{folio}", "<folio:folio>").replace("{", "<").replace("}", ">")
        blueprint.add_url_rule(
            rule, one.name, _view(one), methods=[one.method], provide_automatic_options=False
        )


def _view(one: Operation) -> Callable[..., Response]:
    def view(**arguments: str) -> Response:
        # A cookie that came along is nobody here; nor may its session hold the lock we need.
        if "session" in g:
            release()
        g.pop("account", None)
        try:
            response = _serve(one, arguments)
        except Exception as error:
            if "session" in g:
                release()
            response = answer_to(error)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    return view


def _serve(one: Operation, given: dict[str, str]) -> Response:
    bearer = _bearer()
    language.set(bearer.language if bearer.language in LANGUAGES else "es")
    g.language = language.get()
    wait = _window().wait(str(bearer.token_id))
    if wait:
        raise Refusal(429, "too_many", headers={"Retry-After": str(wait)}, seconds=wait)
    missing = sorted(one.scopes - bearer.scopes)
    if missing:
        raise Refusal(403, "scope", scope=" ".join(missing))
    arguments: dict[str, Any] = {name: _argument(kind, given[name]) for name, kind in one.arguments.items()}
    if one.query is not None:
        arguments["query"] = _validated(one.query, _plain(request.args, one.query), "query")
    files: Sequence[IncomingFile] = ()
    if one.body is not None:
        arguments["body"] = _body(one)
        files = _files(bearer, arguments["body"]) if one.takes_files else ()
    tokens.remember_use(office(), bearer)
    if not one.writes:
        return _answered(one, _call(one, bearer, ()), arguments)
    digest = _digest(arguments, files)
    return idempotency.once(bearer, digest, lambda: _answered(one, _call(one, bearer, files), arguments))


def _files(bearer: Bearer, body: BaseModel) -> Sequence[IncomingFile]:
    """Those that came along, and those that *body* names."""
    came, named = uploaded_files(), getattr(body, "uploads", ())
    if not named:
        return came
    with office().database.reading() as reading:
        return [*came, *uploads.find(reading, office(), bearer, named)]


def _bearer() -> Bearer:
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and secret.strip():
        with office().database.reading() as reading:
            found = tokens.find_bearer(reading, secret.strip())
        if found is not None:
            return found
    raise Refusal(401, "token", headers={"WWW-Authenticate": 'Bearer realm="oficialia"'})


def _window() -> Window:
    """The pace of tokens, of this application's office."""
    limit = office().settings.api_rate_per_minute
    return cast(Window, current_app.extensions.setdefault("api pace", Window(limit, 60.0)))


def _call(one: Operation, bearer: Bearer, files: Sequence[IncomingFile]) -> Call:
    who = session().get_one(Account, bearer.account_id)
    # What the panel's own functions ask.
    g.account = who
    if one.scopes & _OF_CASES and who.role not in frame.READING:
        raise Refusal(403, "role")
    return Call(
        bearer, session(), who, files, is_conditional=one.has_if_match and IF_MATCH in request.headers
    )


def _answered(one: Operation, call: Call, arguments: dict[str, Any]) -> Response:
    found = one.run(call, **arguments)
    if isinstance(found, Response):
        return found
    if found is None:
        return Response(status=one.status)
    assert isinstance(found, BaseModel)
    response = Response(found.model_dump_json(by_alias=True), one.status, content_type=JSON)
    if call.location:
        response.headers["Location"] = call.location
    if one.has_etag:
        response.headers["Cache-Control"] = "private, no-cache"
        response.set_etag(tag_of(response.get_data()))
        response.make_conditional(request)
    return response


def tag_of(content: bytes) -> str:
    """The ETag of an answer."""
    return hashlib.sha256(content).hexdigest()[:32]


def must_be_as_read(model: BaseModel) -> None:
    """Raises Refusal (412) unless If-Match names what is told of it now (RFC 9110, 13.1.1)."""
    if not request.if_match.contains(tag_of(model.model_dump_json(by_alias=True).encode())):
        raise Refusal(412, "changed")


def _argument(kind: Any, value: str) -> Any:
    """A part of the path; what cannot be one leads nowhere."""
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError:
        raise Refusal(404, "http_404") from None


def _plain(given: MultiDict[str, str], model: type[BaseModel]) -> dict[str, Any]:
    """Fields as values, but those that may come more than once, or that came so, as lists.

    An object is a part of JSON (OpenAPI 3.1, "Encoding Object").
    """
    found: dict[str, Any] = {}
    for name in given:
        values: list[Any] = given.getlist(name)
        if name in model.model_fields and "dict" in str(model.model_fields[name].annotation):
            values = [_object(one) for one in values]
        is_list = "list" in str(model.model_fields[name].annotation) if name in model.model_fields else False
        found[name] = values if is_list or len(values) > 1 else values[0]
    return found


def _object(text: str) -> Any:
    """What *text* is as JSON; what is none is refused by the model."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _validated(model: type[BaseModel], values: dict[str, Any], part: str) -> BaseModel:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise invalid(error, part) from None


def _body(one: Operation) -> BaseModel:
    assert one.body is not None
    if one.takes_files and request.mimetype == FORM:
        return _validated(one.body, _plain(request.form, one.body), "body")
    if request.mimetype != JSON or one.is_form_only:
        raise Refusal(415, "http_415")
    try:
        return one.body.model_validate_json(request.get_data(), strict=True)
    except ValidationError as error:
        raise invalid(error, "body") from None


def _digest(arguments: dict[str, Any], files: Sequence[IncomingFile]) -> str:
    """What a request asks for, whatever boundary its parts had."""
    content = {
        name: one.model_dump(mode="json") if isinstance(one, BaseModel) else one
        for name, one in arguments.items()
    }
    sent = [request.method, request.path, content, [(file.filename, file.sha256) for file in files]]
    return hashlib.sha256(json.dumps(sent, sort_keys=True).encode()).hexdigest()
