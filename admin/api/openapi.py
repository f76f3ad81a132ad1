"""The OpenAPI 3.1 document, made from the operations and their models; its words are labels."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import models_json_schema

from admin.api.idempotency import HEADER, PATTERN
from admin.api.operations import FORM, IF_MATCH, JSON, OPERATIONS, Operation
from admin.api.problems import MEDIA, Problem
from intake.office import Office
from templates import labels, say

_REF = "#/components/schemas/{model}"
_TOKEN = "token"
Schema = dict[str, Any]


def document(office: Office) -> Schema:
    """The whole document in the current language."""
    schemas = _schemas()
    paths: dict[str, Schema] = {}
    for one in OPERATIONS:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": say("api.document.title", institution=office.settings.institution),
            "version": "1",
            "description": say("api.document.about", limit=office.settings.api_rate_per_minute),
        },
        "servers": [{"url": f"{office.settings.base_url.rstrip('/')}/api/v1"}],
        "security": [{_TOKEN: []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                _TOKEN: {"type": "http", "scheme": "bearer", "description": say("api.document.token")}
            },
        },
    }


def _schemas() -> dict[str, Schema]:
    asked = {one.body for one in OPERATIONS if one.body} | {one.query for one in OPERATIONS if one.query}
    told = {one.answer for one in OPERATIONS if one.answer} | {Problem}
    wanted = [(model, "validation") for model in _sorted(asked)]
    wanted += [(model, "serialization") for model in _sorted(told)]
    _, found = models_json_schema(wanted, ref_template=_REF)  # type: ignore[arg-type]
    schemas: dict[str, Schema] = found["$defs"]
    for schema in schemas.values():
        # The docstrings and titles of our classes are for whoever reads the code.
        schema.pop("description", None)
        for name, field in schema.get("properties", {}).items():
            field.pop("title", None)
            if (key := f"api.field.{name}") in labels("es") and "$ref" not in field:
                field["description"] = say(key)
    return schemas


def _sorted(models: set[type[BaseModel]]) -> list[type[BaseModel]]:
    return sorted(models, key=lambda one: one.__name__)


def _operation(one: Operation, schemas: dict[str, Schema]) -> Schema:
    found: Schema = {
        "operationId": one.name,
        "summary": say(f"api.operation.{one.name}"),
        "parameters": _parameters(one, schemas),
        "responses": _responses(one),
    }
    if one.scopes:
        found["description"] = say("api.document.needs", scopes=", ".join(sorted(one.scopes)))
        found["security"] = [{_TOKEN: sorted(one.scopes)}]
    if one.body is not None:
        content = {} if one.is_form_only else {JSON: {"schema": _ref(one.body)}}
        if one.takes_files:
            content[FORM] = {"schema": _as_form(schemas[one.body.__name__], needs_files=one.is_form_only)}
        found["requestBody"] = {"required": True, "content": content}
    return found


def _parameters(one: Operation, schemas: dict[str, Schema]) -> list[Schema]:
    found: list[Schema] = [
        {"name": name, "in": "path", "required": True, "schema": TypeAdapter(kind).json_schema(),
         "description": say(f"api.field.{name}")}
        for name, kind in one.arguments.items()
    ]  # fmt: skip
    if one.query is not None:
        for name, schema in schemas[one.query.__name__]["properties"].items():
            plain = _not_null(schema)
            words = plain.pop("description", "")
            found.append({"name": name, "in": "query", "schema": plain, "description": words})
    if one.writes:
        key = {"type": "string", "pattern": PATTERN}
        found.append({"name": HEADER, "in": "header", "schema": key, "description": say("api.document.key")})
    if one.has_if_match:
        words = say("api.document.if_match")
        found.append({"name": IF_MATCH, "in": "header", "schema": {"type": "string"}, "description": words})
    return found


def _not_null(schema: Schema) -> Schema:
    """A field that may be left out but, where it is, is no `null`: in addresses and forms there is none."""
    found = {name: value for name, value in schema.items() if name != "default" or value is not None}
    choices = [one for one in found.pop("anyOf", []) if one.get("type") != "null"]
    return {**found, **choices[0]} if choices else found


def _as_form(schema: Schema, *, needs_files: bool) -> Schema:
    fields = {name: _not_null(field) for name, field in schema["properties"].items()}
    fields["files"] = {
        "type": "array",
        "items": {"type": "string", "format": "binary"},
        "maxItems": 20,
        "description": say("api.field.files"),
    }
    if needs_files:
        fields["files"]["minItems"] = 1
    required = [*schema.get("required", []), *(["files"] if needs_files else [])]
    return {"type": "object", "properties": fields, "required": required, "additionalProperties": False}


def _responses(one: Operation) -> dict[str, Schema]:
    done: Schema = {"description": say(f"api.title.{one.status}")}
    if one.answer is not None:
        done["content"] = {one.media: {"schema": _ref(one.answer)}}
    elif one.status != 204:
        done["content"] = {one.media: {"schema": {"type": "string", "format": "binary"}}}
    found = {str(one.status): done}
    if one.has_etag:
        done["headers"] = {"ETag": {"schema": {"type": "string"}, "description": say("api.document.etag")}}
        found["304"] = {"description": say("api.title.304")}
    statuses = {401, 403, 429, 503}
    statuses |= {404} if one.arguments or one.query else set()
    statuses |= {422} if one.query or one.writes else set()
    statuses |= {400, 409} if one.writes else set()
    statuses |= {413, 415} if one.body else set()
    statuses |= {412} if one.has_if_match else set()
    for status in sorted(statuses):
        problem: Schema = {
            "description": say(f"api.title.{status}"),
            "content": {MEDIA: {"schema": _ref(Problem)}},
        }
        if status == 429:
            problem["headers"] = {
                "Retry-After": {
                    "schema": {"type": "integer"},
                    "required": True,
                    "description": say("api.document.retry_after"),
                }
            }
        found[str(status)] = problem
    return found


def _ref(model: type[BaseModel]) -> Schema:
    return {"$ref": _REF.format(model=model.__name__)}
