"""Hangs the API into the application: its operations, its description, its errors."""

from __future__ import annotations

import json

from flask import Blueprint, Flask, Response
from flask_wtf import CSRFProtect
from werkzeug.routing import BaseConverter

from admin.api import actions, cases, catalogue, documents, files, openapi, replies, webhooks
from admin.api.operations import mount
from admin.db import office
from templates import language

PREFIX = "/api/v1"
# Imported because importing them writes their rows into the table of operations.
PARTS = (cases, actions, files, documents, catalogue, webhooks)
# What follows a folio in an address, so that no folio has such a part.
_AFTER = "actions|answers|files|follow-ups|notes|pdf"


class FolioConverter(BaseConverter):
    """A folio, which may have slashes."""

    part_isolating = False
    regex = rf"(?!(?:{_AFTER})(?:/|$))[^/]+(?:/(?!(?:{_AFTER})(?:/|$))[^/]+)*"


def init_app(app: Flask) -> None:
    """Add the API to *app*. It has no cookies, so there is nothing to forge."""
    app.url_map.converters["folio"] = FolioConverter
    blueprint = Blueprint("api", __name__, url_prefix=PREFIX)
    mount(blueprint)
    blueprint.add_url_rule("/openapi.json", "openapi", describe, provide_automatic_options=False)
    replies.init(blueprint)
    csrf: CSRFProtect = app.extensions["csrf"]
    csrf.exempt(blueprint)
    app.register_blueprint(blueprint)


def describe() -> Response:
    """The description is everybody's: it says nothing about any case."""
    language.set(office().settings.language)
    return Response(
        json.dumps(openapi.document(office()), ensure_ascii=False), content_type="application/json"
    )
