"""Kinds of values that requests and answers share, each as strict as its description says."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from intake.reading.charsets import clean

# RFC 3339, 5.6.
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
_FIRST, _LAST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2999, 12, 31, tzinfo=UTC)


def _instant(value: Any) -> datetime:
    if not isinstance(value, str) or not _INSTANT.fullmatch(value):
        raise PydanticCustomError("instant", "an instant as in RFC 3339")
    # A leap second is the end of the one before.
    plain = re.sub(r":60(?=[.Zz+-])", ":59", value.upper())
    # The standard library reads no more than six digits of a second.
    plain = re.sub(r"(\.\d{6})\d+", r"\1", plain)
    try:
        found = datetime.fromisoformat(plain)
    except ValueError:
        raise PydanticCustomError("instant", "an instant as in RFC 3339") from None
    # Nothing was before and nothing will be after; and no zone carries it over the end of time.
    return min(max(found, _FIRST), _LAST) if found.tzinfo else _FIRST


def _day(value: Any) -> date:
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        raise PydanticCustomError("day", "a date as in RFC 3339")
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise PydanticCustomError("day", "a date as in RFC 3339") from None


def _whole(value: Any) -> Any:
    """3.0 is the number 3 (JSON Schema, 6.1.1)."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


# In requests.
Instant = Annotated[
    datetime, BeforeValidator(_instant), WithJsonSchema({"type": "string", "format": "date-time"})
]
Day = Annotated[date, BeforeValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]
Line = Annotated[str, StringConstraints(max_length=300), AfterValidator(clean)]
Title = Annotated[str, StringConstraints(min_length=1, max_length=300), AfterValidator(clean)]
Text = Annotated[str, StringConstraints(max_length=200_000), AfterValidator(clean)]
Number = Annotated[int, Field(ge=1, le=2**53 - 1), BeforeValidator(_whole)]

# In answers, as `oficialia show --json` says them.
Moment = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
Count = Annotated[int, Field(ge=0)]

# In paths. Folios of documents have slashes, which their addresses carry as %2F or as they are.
Folio = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z][0-9A-Za-z/_.-]{0,59}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Asked(BaseModel):
    """Something a program sends. What we do not know is refused: it would be a misspelling."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Told(BaseModel):
    """Something a program is told. More keys may be added in time."""

    model_config = ConfigDict(extra="allow")
