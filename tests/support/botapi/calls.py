"""One call of a method with its parameters (documentation: "Making requests").

Parameters come as text from a query or a form, or typed from JSON; both are checked against the type that
the documentation gives. What is not documented is ignored, as Telegram does, and remembered as a warning.
"""

import json
import time
from dataclasses import dataclass, field
from typing import Any

from tests.support.botapi.errors import Json, bad_request


@dataclass(frozen=True)
class Upload:
    """A file of a multipart form."""

    name: str
    mime_type: str
    content: bytes


@dataclass
class Call:
    method: str
    given: dict[str, Any]
    uploads: dict[str, Upload] = field(default_factory=dict)
    at: float = field(default_factory=time.time)
    warnings: list[str] = field(default_factory=list)

    def warn(self, what: str) -> None:
        self.warnings.append(f"{self.method}: {what}")

    def has(self, name: str) -> bool:
        return self.given.get(name) not in (None, "")

    def string(self, name: str, default: str = "") -> str:
        value = self.given.get(name)
        if value is None:
            return default
        if not isinstance(value, str):
            raise bad_request(f'field "{name}" must be of type String')
        return value

    def integer(self, name: str, default: int | None = None) -> int:
        value = self.given.get(name)
        if value is None or value == "":
            if default is None:
                raise bad_request(f'parameter "{name}" is required')
            return default
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise bad_request(f'field "{name}" must be of type Integer')
        try:
            return int(value)
        except ValueError:
            raise bad_request(f'field "{name}" must be of type Integer') from None

    def number(self, name: str) -> float:
        value = self.given.get(name)
        if value is None or value == "":
            raise bad_request(f'parameter "{name}" is required')
        try:
            return float(value)
        except (TypeError, ValueError):
            raise bad_request(f'field "{name}" must be of type Float') from None

    def boolean(self, name: str, default: bool = False) -> bool:
        value = self.given.get(name)
        if value is None or value == "":
            return default
        if isinstance(value, bool):
            return value
        # Forms carry text; these are what the server takes for true and false.
        if str(value).lower() in ("true", "yes", "1"):
            return True
        if str(value).lower() in ("false", "no", "0"):
            return False
        raise bad_request(f'field "{name}" must be of type Boolean')

    def structure(self, name: str, kind: type[Any]) -> Any:
        """An object or array: typed in a JSON body, JSON-serialized in a form; None if not given."""
        value = self.given.get(name)
        if value is None or value == "":
            return None
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except ValueError:
                raise bad_request(f"can't parse {name} JSON object") from None
        if not isinstance(value, kind):
            raise bad_request(f'field "{name}" must be {"an Array" if kind is list else "an Object"}')
        return value

    def chat(self) -> int | None:
        """The chat it is about, for limits, faults and the record; None when it names none."""
        value = self.given.get("chat_id")
        try:
            return int(value) if value is not None else None
        except (TypeError, ValueError):
            return None

    def recorded_parameters(self) -> Json:
        return self.given | {name: f"<{len(upload.content)} bytes>" for name, upload in self.uploads.items()}
