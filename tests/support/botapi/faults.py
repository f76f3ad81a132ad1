"""Faults that a test programs: errors, broken connections, slowness, Telegram gone."""

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.support.botapi.errors import ApiError, ConnectionBroken, too_many_requests

ANY = "*"
# What the documentation and the server say with a code when the test gives no description.
DESCRIPTIONS = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden: bot was blocked by the user",
    404: "Not Found",
    409: "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
    500: "Internal Server Error",
    502: "Bad Gateway",
}


@dataclass
class Fault:
    """Hits a method, in a chat or anywhere, *times* times; 0 is for ever."""

    method: str
    chat: int | None
    times: int
    error: ApiError | None = None
    seconds: float = 0.0
    breaks: bool = False
    after_effect: bool = False

    def fits(self, method: str, chat: int | None) -> bool:
        return self.method in (ANY, method.lower()) and self.chat in (None, chat)


@dataclass
class Faults:
    """Asked once before and once after the effect of every call."""

    down: bool = False
    # Requests that wait for the end of a delay, whether or not their sender still lives.
    delayed: int = 0
    planned: list[Fault] = field(default_factory=list)

    def fail(
        self, method: str, code: int, description: str, retry_after: int, times: int, chat: int | None
    ) -> None:
        error = ApiError(code, description or DESCRIPTIONS.get(code, "Bad Request"))
        if code == 429:
            error = too_many_requests(retry_after or 1)
        self.planned.append(Fault(method.lower(), chat, times, error=error))

    def drop(self, method: str, after_effect: bool, times: int, chat: int | None) -> None:
        self.planned.append(Fault(method.lower(), chat, times, breaks=True, after_effect=after_effect))

    def delay(self, method: str, seconds: float, times: int) -> None:
        self.planned.append(Fault(method.lower(), None, times, seconds=seconds))

    def seconds_of_delay(self, method: str, chat: int | None) -> float:
        fault = self._take(method, chat, lambda fault: fault.seconds > 0)
        return fault.seconds if fault else 0.0

    def strike_before(self, method: str, chat: int | None) -> None:
        """Raise what is to happen instead of the effect."""
        if self.down:
            raise ConnectionBroken
        fault = self._take(
            method, chat, lambda fault: fault.error is not None or (fault.breaks and not fault.after_effect)
        )
        if fault and fault.error:
            raise fault.error
        if fault:
            raise ConnectionBroken

    def strike_after(self, method: str, chat: int | None) -> None:
        if self._take(method, chat, lambda fault: fault.after_effect):
            raise ConnectionBroken

    def _take(self, method: str, chat: int | None, of_kind: Callable[[Fault], bool]) -> Fault | None:
        for fault in self.planned:
            if fault.fits(method, chat) and of_kind(fault):
                if fault.times == 1:
                    self.planned.remove(fault)
                fault.times -= fault.times > 0
                return fault
        return None
