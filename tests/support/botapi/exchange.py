"""Requests and responses on the wire, with h11; and the call that a request makes.

Documentation: "Making requests": GET and POST; parameters in the query, urlencoded, JSON or multipart.
"""

import asyncio
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

import h11
from werkzeug.formparser import FormDataParser
from werkzeug.http import parse_options_header

from tests.support.botapi.calls import Call, Upload
from tests.support.botapi.errors import ApiError, bad_request
from tests.support.botapi.files import MAX_UPLOAD

# Beside the largest file a request carries its form.
MAX_BODY = MAX_UPLOAD + 1024 * 1024
READ_SIZE = 256 * 1024


@dataclass
class Request:
    verb: str
    target: str
    content_type: str
    body: bytes
    is_gone: Callable[[], bool]
    too_large: bool = False


@dataclass
class Response:
    status: int
    body: bytes
    content_type: str = "application/json"


async def read_request(
    connection: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> Request | None:
    request: Request | None = None
    chunks: list[bytes] = []
    size = 0
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            if connection.they_are_waiting_for_100_continue:
                go_on = h11.InformationalResponse(status_code=100, headers=[])
                writer.write(connection.send(go_on) or b"")
            connection.receive_data(await reader.read(READ_SIZE))
        elif isinstance(event, h11.Request):
            headers = {name: value.decode("latin-1") for name, value in event.headers}
            request = Request(
                event.method.decode(),
                event.target.decode("latin-1"),
                headers.get(b"content-type", ""),
                b"",
                reader.at_eof,
            )
        elif isinstance(event, h11.Data) and request:
            size += len(event.data)
            # What is too large is read to its end all the same: a client that still sends hears no answer.
            request.too_large = size > MAX_BODY
            if not request.too_large:
                chunks.append(bytes(event.data))
        elif isinstance(event, h11.EndOfMessage) and request:
            request.body = b"" if request.too_large else b"".join(chunks)
            return request
        else:
            return None


def encoded(connection: h11.Connection, request: Request, response: Response) -> bytes:
    headers = [("Content-Type", response.content_type), ("Content-Length", str(len(response.body)))]
    head = connection.send(h11.Response(status_code=response.status, headers=headers)) or b""
    body = b"" if request.verb == "HEAD" else connection.send(h11.Data(data=response.body)) or b""
    return head + body + (connection.send(h11.EndOfMessage()) or b"")


def read_call(method: str, request: Request) -> Call:
    if request.too_large:
        raise ApiError(413, "Request Entity Too Large")
    call = Call(method, dict(parse_qsl(urlsplit(request.target).query, keep_blank_values=True)))
    if not request.body:
        return call
    kind, options = parse_options_header(request.content_type)
    if kind == "application/json":
        try:
            given = json.loads(request.body)
        except ValueError:
            raise bad_request("can't parse the request: invalid JSON") from None
        if not isinstance(given, dict):
            raise bad_request("can't parse the request: expected an Object")
        call.given |= given
    elif kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
        # In memory, as the whole body is already.
        parser = FormDataParser(stream_factory=lambda *_, **__: io.BytesIO(), max_form_memory_size=None)
        body = io.BytesIO(request.body)
        _, form, uploads = parser.parse(body, kind, len(request.body), options)
        call.given |= form.to_dict()
        for name, upload in uploads.items():
            call.uploads[name] = Upload(upload.filename or "file", upload.mimetype, upload.read())
    else:
        raise bad_request("unsupported Content-Type")
    return call
