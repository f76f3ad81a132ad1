"""The mail server that ours hands its mail to, with the faults that such servers have.

It runs in a thread of the test process, on a port that stays its own while it is down.
"""

import asyncio
import threading
from collections import deque
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.support.certificates import Certificate
from tests.support.ports import free_port
from tests.support.waiting import wait_until

DROP = "drop the connection"


@dataclass(frozen=True)
class ReceivedMail:
    """A mail for which the relay took responsibility, or would have but for a dropped connection."""

    sender: str
    recipients: list[str]
    raw: bytes
    over_tls: bool
    login: str | None

    @property
    def message(self) -> EmailMessage:
        parsed = message_from_bytes(self.raw, policy=policy.default)
        assert isinstance(parsed, EmailMessage)
        return parsed


class Relay:
    """Use as a context manager. Everything may be called while it runs, from the test's thread."""

    def __init__(
        self, *, certificate: Certificate | None = None, login: str = "", password: str = ""
    ) -> None:
        """With a certificate STARTTLS is offered and required; with a login, AUTH too."""
        self.host = "127.0.0.1"
        self.port = free_port()
        self.received: list[ReceivedMail] = []
        self.attempts = 0
        self.certificate = certificate
        self._login = login
        self._password = password
        self._faults: deque[str] = deque()
        self._dropped_after_storing = 0
        self._refused: dict[str, str] = {}
        self._gate = threading.Event()
        self._gate.set()
        self._controller: Controller | None = None

    @property
    def url(self) -> str:
        """As OFICIALIA_RELAY_URL wants it."""
        who = f"{self._login}:{self._password}@" if self._login else ""
        return f"smtp://{who}{self.host}:{self.port}{'?starttls=required' if self.certificate else ''}"

    def start(self) -> None:
        self._controller = Controller(
            _Handler(self),
            hostname=self.host,
            port=self.port,
            ident="Relay",
            enable_SMTPUTF8=True,
            data_size_limit=100 * 1024 * 1024,
            tls_context=self.certificate.for_server() if self.certificate else None,
            require_starttls=self.certificate is not None,
            authenticator=self._authenticate if self._login else None,
            auth_required=bool(self._login),
            auth_require_tls=self.certificate is not None,
        )
        self._controller.start()

    def stop(self) -> None:
        """Who connects now is refused by the kernel, until start()."""
        if self._controller:
            self._gate.set()
            self._controller.stop()
            self._controller = None

    def fail_next(self, times: int = 1, reply: str = "451 4.3.0 Come again later") -> None:
        """Answer the next mails with *reply*, after their data; an answer with 5 is for ever."""
        self._faults.extend([reply] * times)

    def drop_next(self, times: int = 1, *, after_storing: bool = False) -> None:
        """Break the connection instead of answering.

        *after_storing*: the mail has arrived, but its sender cannot know.
        """
        if after_storing:
            self._dropped_after_storing += times
        else:
            self._faults.extend([DROP] * times)

    def refuse(self, recipient: str, reply: str = "550 5.1.1 No such user here") -> None:
        """Refuse *recipient* from now on, at RCPT."""
        self._refused[recipient.lower()] = reply

    def hold(self) -> None:
        """Be slow: whoever has sent a mail gets no answer until release()."""
        self._gate.clear()

    def release(self) -> None:
        self._gate.set()

    def wait_for(self, count: int, timeout: float = 15) -> list[ReceivedMail]:
        """Return the mails received, as soon as they are *count* or more."""
        return (
            wait_until(
                lambda: len(self.received) >= count and list(self.received),
                timeout,
                lambda: f"{len(self.received)} of {count} mails arrived, in {self.attempts} attempts.",
            )
            or []
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object
    ) -> AuthResult:
        known = isinstance(data, LoginPassword) and (
            data.login.decode(),
            data.password.decode(),
        ) == (self._login, self._password)
        return AuthResult(success=known, handled=False, auth_data=self._login if known else None)

    async def answer_recipient(self, envelope: Envelope, address: str) -> str:
        reply = self._refused.get(address.lower())
        if not reply:
            envelope.rcpt_tos.append(address)
        return reply or "250 OK"

    async def answer_data(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.attempts += 1
        while not self._gate.is_set():
            # A thread's event cannot be awaited; this is the relay's slowness itself.
            await asyncio.sleep(0.01)
        if self._faults:
            return self._fault(server, self._faults.popleft())
        content = envelope.content or b""
        self.received.append(
            ReceivedMail(
                envelope.mail_from or "",
                list(envelope.rcpt_tos),
                content if isinstance(content, bytes) else content.encode(),
                over_tls=session.ssl is not None,
                login=session.auth_data if session.authenticated else None,
            )
        )
        if self._dropped_after_storing:
            self._dropped_after_storing -= 1
            return self._fault(server, DROP)
        return "250 2.0.0 Taken"

    def _fault(self, server: SMTP, fault: str) -> str:
        if fault == DROP and isinstance(server.transport, asyncio.WriteTransport):
            server.transport.abort()
        return "421 4.3.2 Closing" if fault == DROP else fault


class _Handler:
    """The hooks by aiosmtpd's names."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        return await self._relay.answer_recipient(envelope, address)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        return await self._relay.answer_data(server, session, envelope)
