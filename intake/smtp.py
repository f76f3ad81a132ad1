"""The SMTP and LMTP doors: mail from other servers, safe in the spool before it gets its 250.

250 means committed and fsynced. What the sender did wrong is answered with 5xx,
whatever goes wrong here with 4xx, so that the sender tries again. One session
never waits for another: bytes are hashed and written in threads.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

import structlog
from aiosmtpd.smtp import SMTP, Envelope, TLSSetupException
from aiosmtpd.smtp import Session as SmtpSession
from sqlalchemy.exc import SQLAlchemyError

import templates
from intake.doors.limits import COMMANDS, MAX_LARGE_MAILS, ClientLimits
from intake.doors.pulse import Pulse
from intake.doors.recipients import AddressBook
from intake.doors.smtp_data import STOP, MailData
from intake.doors.smtp_paths import NOBODY, announced_size, read_path
from intake.doors.smtp_replies import on_one_line, sentence, with_detail
from intake.doors.smtp_tls import ServerCertificate
from intake.errors import StoreFailed
from intake.office import Office
from intake.spool import MAX_IN_ROW, Arrival, Spooler, prepare

log = structlog.get_logger()

# RFC 5321, 4.5.3.2.7: a server waits at least five minutes for the next command.
IDLE_SECONDS = 300.0
# Sessions in the middle of a mail get this long to finish when the door closes.
GRACE_SECONDS = 10.0
# The address book is read this often, and before saying no when it is older than the second number.
BOOK_SECONDS, FRESH_SECONDS = 3.0, 1.0
# RFC 2034, 4: the answers to EHLO and HELO have no enhanced code.
_LAST_OFFER = "ENHANCEDSTATUSCODES"


def _hang_up(transport: asyncio.BaseTransport, reply: str) -> None:
    assert isinstance(transport, asyncio.WriteTransport)
    if transport.get_write_buffer_size():
        # It does not read what it was told before, and would keep the connection for ever.
        transport.abort()
    else:
        transport.write(on_one_line(reply) + b"\r\n")
        transport.close()


async def read_part(reader: asyncio.StreamReader, *, at_line_start: bool) -> bytes:
    """The next bytes of a mail: up to what may be its end, or all there is before that."""
    if at_line_start:
        # Here the end has no line end before it to be found with.
        part = await reader.readexactly(1)
        while part in (b".", b".\r"):
            part += await reader.readexactly(1)
        return part
    try:
        return await reader.readuntil(STOP)
    except asyncio.LimitOverrunError as error:
        return await reader.read(error.consumed)


class _Session(SMTP):
    """One connection. aiosmtpd speaks the protocol; here is what we promise with it."""

    name = "smtp"
    # Always there while a command is served, whatever the library's annotations fear.
    session: SmtpSession
    envelope: Envelope
    data_size_limit: int

    def __init__(self, door: MailDoor) -> None:
        self.door = door
        settings = door.office.settings
        # None until it was let in.
        self.client: str | None = None
        self.address = ""
        # In the middle of a mail: the door waits for it before it closes.
        self.is_busy = False
        self._replies = 0
        self._as_they_are = {f"250 {_LAST_OFFER}", f"250 {settings.domain}"}
        super().__init__(
            door,
            hostname=settings.domain,
            ident="Oficialia",
            data_size_limit=settings.smtp_max_bytes,
            enable_SMTPUTF8=True,
            tls_context=door.certificate.context(),
            timeout=door.idle_seconds,
            command_call_limit=COMMANDS,
            loop=door.loop,
        )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Called once more after STARTTLS.
        if self.client is None:
            peer = transport.get_extra_info("peername")
            self.address = str(peer[0]) if peer else ""
            client = self.door.limits.client_of(self.address)
            if not self.door.limits.enter(client):
                _hang_up(transport, sentence("421 4.7.0", "too_many_connections", address=self.address))
                return
            self.client = client
            self.door.sessions.add(self)
            self.door.pulses[self.name].contact()
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        if self.client is not None:
            super().data_received(data)

    def eof_received(self) -> bool | None:
        return super().eof_received() if self.client is not None else None

    def connection_lost(self, error: Exception | None) -> None:
        # A failed TLS handshake reports the loss twice.
        if self in self.door.sessions:
            self.door.sessions.discard(self)
            self.door.limits.leave(self.client or "")
            super().connection_lost(error)

    def _timeout_cb(self) -> None:
        if self.transport is not None:
            self.dismiss(sentence("421 4.4.2", "idle"))

    def dismiss(self, reply: str) -> None:
        if self.transport is not None and not self.transport.is_closing():
            _hang_up(self.transport, reply)

    async def push(self, status: str | bytes) -> None:
        if self.transport is None or self.transport.is_closing():
            # The library would go on to answer all that still lies in the buffer.
            raise asyncio.CancelledError
        text = status.decode() if isinstance(status, bytes) else status
        await super().push(on_one_line(text if text in self._as_they_are else with_detail(text)))
        self._replies += 1
        if self._replies % 50 == 0:
            # Commands that came in one piece are answered without a pause otherwise.
            await asyncio.sleep(0)

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        """Address and parameters. The library's own parser takes longer than all the rest of a mail."""
        return read_path(arg) or (None, None)

    async def smtp_MAIL(self, arg: str | None) -> None:
        if announced_size(arg or "") > self.data_size_limit and self.session.host_name:
            await self.push(self._too_large())
        else:
            await super().smtp_MAIL(arg)

    def _too_large(self) -> str:
        return sentence("552 5.3.4", "too_large", megabytes=self.data_size_limit // (1024 * 1024))

    async def smtp_STARTTLS(self, arg: str | None) -> None:
        # What rides in after the command would pass for protected (CVE-2011-0411).
        is_alone = not self._reader._buffer  # type: ignore[attr-defined]
        if self.session.ssl is not None or not is_alone:
            self.dismiss("503 5.5.1 STARTTLS comes once, and alone")
            raise asyncio.CancelledError
        await super().smtp_STARTTLS(arg or "")
        if self._tls_protocol is not None and self.session.ssl is None:
            # The client hung up during the handshake, which asyncio tells nobody.
            self.connection_lost(None)
            raise asyncio.CancelledError

    async def smtp_DATA(self, arg: str | None) -> None:
        if await self.check_helo_needed():
            return
        if not self.envelope.rcpt_tos:
            await self.push("503 5.5.1 Error: need RCPT command")
            return
        if arg:
            await self.push("501 5.5.4 Syntax: DATA")
            return
        if not self.door.has_room:
            await self.push(sentence("452 4.3.1", "busy"))
            return
        self.is_busy = True
        try:
            await self.push("354 End data with <CR><LF>.<CR><LF>")
            reply = await self._receive()
            recipients = len(self.envelope.rcpt_tos)
            self.envelope = self._create_envelope()
            await self.answer_data(reply, recipients)
        finally:
            self.is_busy = False
            self.door.session_rests(self)

    async def answer_data(self, reply: str, recipients: int) -> None:
        await self.push(reply)

    async def _receive(self) -> str:
        """Read one mail to its end and store it; the reply for it."""
        data = MailData(self.data_size_limit)
        held = 0
        timed_at = self.loop.time()
        try:
            while not data.add(await read_part(self._reader, at_line_start=data.at_line_start)):
                self.door.bytes_held += data.held - held
                held = data.held
                if not self.door.has_room:
                    data.discard()
                if data.is_attack:
                    self.dismiss("554 5.6.0 Line feeds without carriage returns")
                    raise asyncio.CancelledError
                if self.loop.time() - timed_at > 1:
                    # A client is not idle while bytes come.
                    timed_at = self.loop.time()
                    self._reset_timeout()
            if data.is_too_large:
                return self._too_large()
            if data.is_discarded:
                return sentence("452 4.3.1", "busy")
            return await self._keep(data.take())
        finally:
            self.door.bytes_held -= held

    async def _keep(self, raw: bytes) -> str:
        sender = "" if self.envelope.mail_from == NOBODY else self.envelope.mail_from or ""
        recipients, helo = tuple(self.envelope.rcpt_tos), self.session.host_name or ""
        arrival = Arrival(self.name, raw, sender, recipients, self.address, helo)
        self._reset_timeout()
        try:
            is_large = len(raw) > MAX_IN_ROW
            mail = await asyncio.to_thread(prepare, self.door.office, arrival) if is_large else arrival
            numbers = await asyncio.wrap_future(self.door.spooler.submit(mail))
        except Exception as error:
            # Whatever it is, it is ours: the sender keeps the mail and comes again.
            if not isinstance(error, StoreFailed):
                log.exception("mail not stored")
            return sentence("451 4.3.0", "not_stored")
        return sentence("250 2.0.0", "taken", number=numbers[0])


class _LmtpSession(_Session):
    """LMTP (RFC 2033): LHLO, and one reply for each recipient after the data."""

    name = "lmtp"

    async def smtp_LHLO(self, hostname: str) -> None:
        await super().smtp_EHLO(hostname)

    async def smtp_EHLO(self, hostname: str) -> None:
        await self.push("500 5.5.1 LMTP begins with LHLO")

    async def smtp_HELO(self, hostname: str) -> None:
        await self.push("500 5.5.1 LMTP begins with LHLO")

    async def answer_data(self, reply: str, recipients: int) -> None:
        # All recipients are stored in one commit, so one fate is everybody's.
        for _ in range(recipients):
            await self.push(reply)


class MailDoor:
    """Both listeners of one process and all their sessions."""

    def __init__(self, office: Office, *, idle_seconds: float = IDLE_SECONDS) -> None:
        settings = office.settings
        self.office = office
        self.idle_seconds = idle_seconds
        listeners = {"smtp": (_Session, settings.smtp_listen), "lmtp": (_LmtpSession, settings.lmtp_listen)}
        self._listeners = {name: (kind, listen) for name, (kind, listen) in listeners.items() if listen}
        self.pulses = {name: Pulse(name) for name in self._listeners}
        self.certificate = ServerCertificate(settings.smtp_tls_cert, settings.smtp_tls_key)
        self.limits = ClientLimits(
            connections=settings.smtp_max_connections,
            per_minute=settings.smtp_rate_per_minute,
            trusted=settings.smtp_trusted,
        )
        self.sessions: set[_Session] = set()
        self.bytes_held = 0
        self.ports: dict[str, int] = {}
        self._book = AddressBook(office)
        self._reading_book: asyncio.Future[None] | None = None
        self._is_closing = False

    @property
    def has_room(self) -> bool:
        return self.bytes_held <= MAX_LARGE_MAILS * self.office.settings.smtp_max_bytes

    # What the office says to each command; the names are aiosmtpd's.

    async def handle_EHLO(
        self, server: _Session, session: SmtpSession, _envelope: Envelope, hostname: str, offers: list[str]
    ) -> list[str]:
        session.host_name = hostname
        # The library offers logins that cannot succeed, and does pipelining without saying so.
        kept = [offer[4:] for offer in offers if not offer[4:].startswith(("AUTH", "HELP"))]
        return [f"250-{offer}" for offer in [*kept, "PIPELINING"]] + [f"250 {_LAST_OFFER}"]

    async def handle_MAIL(
        self, server: _Session, _session: SmtpSession, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if not self.limits.take_mail(server.client or ""):
            return sentence("450 4.7.1", "too_fast", address=server.address)
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(
        self, _server: _Session, _session: SmtpSession, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        limit = self.office.settings.smtp_max_recipients
        if len(envelope.rcpt_tos) >= limit:
            return sentence("452 4.5.3", "too_many_recipients", limit=limit)
        try:
            is_ours = await self.is_ours(address)
        except (SQLAlchemyError, OSError) as error:
            log.error("recipient not verified", error=str(error))
            return sentence("451 4.3.0", "not_known_now")
        if not is_ours:
            return sentence("550 5.1.1", "unknown_recipient", address=address[:200])
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_exception(self, error: Exception) -> str:
        if isinstance(error, TLSSetupException):
            log.info("tls handshake failed", error=repr(error.__cause__))
        else:
            log.error("smtp session failed", exc_info=error)
        return sentence("451 4.3.0", "fault")

    async def is_ours(self, address: str) -> bool:
        """Whether to take mail for *address*. Raises SQLAlchemyError or OSError when nobody can tell."""
        # A mailbox made a moment ago must not be refused for ever.
        if not self._book.knows(address) and self._book.age > FRESH_SECONDS:
            await self._read_book()
        return self._book.knows(address)

    async def _read_book(self) -> None:
        # Sessions that ask at the same time share one reading.
        if self._reading_book is None or self._reading_book.done():
            self._reading_book = asyncio.ensure_future(asyncio.to_thread(self._book.refresh))
        await asyncio.shield(self._reading_book)

    async def _keep_book_fresh(self) -> None:
        while True:
            try:
                await self._read_book()
            except (SQLAlchemyError, OSError) as error:
                log.warning("mailboxes not read", error=str(error))
            await asyncio.sleep(BOOK_SECONDS)

    async def run(self, stop: asyncio.Event, when_open: Callable[[], object] = lambda: None) -> None:
        """Open both listeners and serve until *stop*; mails being received are finished first."""
        self.loop = asyncio.get_running_loop()
        templates.language.set(self.office.settings.language)
        reader = asyncio.create_task(self._keep_book_fresh())
        with Spooler(self.office, self.pulses.values()) as self.spooler:
            servers = [await self._listen(name) for name in self._listeners]
            log.info("mail doors open", **self.ports)
            when_open()
            await stop.wait()
            for server in servers:
                server.close()
            await self._dismiss_all()
        reader.cancel()
        log.info("mail doors closed")

    async def _listen(self, name: str) -> asyncio.Server:
        kind, listen = self._listeners[name]
        host, _, port = listen.rpartition(":")
        # Without a host: on all addresses.
        server = await self.loop.create_server(
            lambda: kind(self), host.strip("[]") or None, int(port), backlog=512
        )
        self.ports[name] = server.sockets[0].getsockname()[1]
        return server

    async def _dismiss_all(self) -> None:
        self._is_closing = True
        deadline = self.loop.time() + GRACE_SECONDS
        for session in list(self.sessions):
            self.session_rests(session)
        while self.sessions and self.loop.time() < deadline:
            await asyncio.sleep(0.02)

    def session_rests(self, session: _Session) -> None:
        """*session* waits for a command: the moment to end it, if the door closes."""
        if self._is_closing and not session.is_busy:
            session.dismiss(sentence("421 4.3.2", "stopping"))


def serve(office: Office) -> None:
    """Keep the doors open until SIGTERM or SIGINT."""

    async def run() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await MailDoor(office).run(stop)

    asyncio.run(run())
