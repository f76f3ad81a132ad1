"""How the Bot API says no (documentation: "Making requests", ResponseParameters)."""

from typing import Any

Json = dict[str, Any]


class ApiError(Exception):
    """Becomes {"ok": false, "error_code": …, "description": …}."""

    def __init__(
        self, code: int, description: str, *, retry_after: int = 0, migrate_to_chat_id: int = 0
    ) -> None:
        super().__init__(f"{code} {description}")
        self.code = code
        self.description = description
        self.retry_after = retry_after
        self.migrate_to_chat_id = migrate_to_chat_id

    def as_json(self) -> Json:
        answer: Json = {"ok": False, "error_code": self.code, "description": self.description}
        if self.retry_after:
            answer["parameters"] = {"retry_after": self.retry_after}
        if self.migrate_to_chat_id:
            answer["parameters"] = {"migrate_to_chat_id": self.migrate_to_chat_id}
        return answer


class ConnectionBroken(Exception):
    """The client is to see its connection end without an answer."""


def bad_request(what: str) -> ApiError:
    return ApiError(400, f"Bad Request: {what}")


def forbidden(what: str) -> ApiError:
    return ApiError(403, f"Forbidden: {what}")


def conflict(what: str) -> ApiError:
    return ApiError(409, f"Conflict: {what}")


def too_many_requests(seconds: int) -> ApiError:
    return ApiError(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds)
