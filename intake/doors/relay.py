"""The institution's relay: one SMTP session for many mails, opened when the first one goes.

Says Delivered, or raises NotDelivered (this mail) or ChannelDown (every mail) with
the relay's own words. The only place that speaks SMTP as a client.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit

from intake.outbox import ChannelDown, Delivered, NotDelivered

# Seconds to get through, and for one answer of the relay; RFC 5321 (4.5.3.2) allows minutes, but mails wait.
_CONNECT_TIMEOUT, _TIMEOUT = 15, 60
_PORTS = {"smtp": 25, "smtps": 465}


class Starttls(StrEnum):
    """`auto`: when offered, whatever its certificate, as mail servers do among themselves (RFC 7435)."""

    REQUIRED = "required"
    AUTO = "auto"
    NO = "no"


@dataclass(frozen=True, slots=True)
class RelayUrl:
    """OFICIALIA_RELAY_URL, read."""

    host: str
    port: int
    user: str
    password: str
    is_tls: bool
    starttls: Starttls
    # PEM file of the authority that signed the relay's certificate, when it is the institution's own.
    ca: str | None

    @classmethod
    def parse(cls, url: str) -> RelayUrl:
        """`smtp://user:password@host:587?starttls=required&ca=file.pem` or `smtps://…`. Raises ValueError."""
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ValueError("OFICIALIA_RELAY_URL: smtp://[user:password@]host[:port] or smtps://…")
        options = {key: values[-1] for key, values in parse_qs(parts.query).items()}
        user = unquote(parts.username or "")
        # A password never crosses a network in the clear because somebody forgot an option.
        is_near = parts.hostname in ("localhost", "127.0.0.1", "::1")
        wanted = options.get("starttls", "required" if user and not is_near else "auto")
        return cls(
            parts.hostname,
            parts.port or _PORTS[parts.scheme],
            user,
            unquote(parts.password or ""),
            parts.scheme == "smtps",
            Starttls(wanted),
            options.get("ca"),
        )


class RelaySession:
    """Use as a context manager; connects at the first mail and again when the relay hung up."""

    def __init__(self, url: str, helo: str) -> None:
        self._url, self._helo = url, helo
        self._smtp: smtplib.SMTP | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        smtp, self._smtp = self._smtp, None
        if smtp is not None:
            try:
                smtp.quit()
            except (OSError, smtplib.SMTPException):
                smtp.close()

    def send(
        self,
        sender: str,
        recipients: Sequence[str],
        raw: bytes,
        *,
        needs_utf8: bool,
        wants_proof: bool = False,
    ) -> Delivered:
        """Hand over one mail, and *wants_proof* of its delivery. Raises NotDelivered or ChannelDown."""
        smtp = self._connection()
        options = ["SMTPUTF8", "BODY=8BITMIME"] if needs_utf8 else []
        if needs_utf8 and not smtp.has_extn("smtputf8"):
            raise NotDelivered("SMTPUTF8 (RFC 6531) is not offered by the relay", is_permanent=True)
        try:
            # RFC 3461: only the headers come back, and a success is told as well as a failure.
            is_told = wants_proof and smtp.has_extn("dsn")
            refused = smtp.sendmail(
                sender,
                list(recipients),
                raw,
                [*options, "RET=HDRS"] if is_told else options,
                ["NOTIFY=SUCCESS,FAILURE,DELAY"] if is_told else [],
            )
        except smtplib.SMTPRecipientsRefused as error:
            refused = error.recipients
            if all(reply[0] >= 500 for reply in refused.values()):
                raise NotDelivered(_lines(refused), is_permanent=True, refused=_each(refused)) from error
            if all(reply[0] < 500 for reply in refused.values()):
                raise NotDelivered(_lines(refused)) from error
        except smtplib.SMTPSenderRefused as error:
            raise _refused(error.smtp_code, error.smtp_error) from error
        except smtplib.SMTPResponseException as error:
            raise _refused(error.smtp_code, error.smtp_error) from error
        except (OSError, smtplib.SMTPException) as error:
            # The relay hung up on this mail; the next one gets a fresh connection.
            self._hang_up()
            raise NotDelivered(_say(error)) from error
        for_good = {address: reply for address, reply in refused.items() if reply[0] >= 500}
        for_now = {address: reply for address, reply in refused.items() if reply[0] < 500}
        return Delivered(refused=_each(for_good), deferred=_each(for_now))

    def connect(self) -> None:
        """Get through, with STARTTLS and login as the URL says, and send nothing. Raises ChannelDown."""
        self._connection()

    def _connection(self) -> smtplib.SMTP:
        if self._smtp is not None:
            try:
                # Relays hang up after so many mails or so much silence: that is no failure of the next mail.
                if self._smtp.noop()[0] == 250:
                    return self._smtp
            except (OSError, smtplib.SMTPException):
                pass
            self._hang_up()
        try:
            self._smtp = self._open(RelayUrl.parse(self._url))
        except (OSError, ValueError, smtplib.SMTPException) as error:
            self._hang_up()
            raise ChannelDown(_say(error)) from error
        return self._smtp

    def _open(self, url: RelayUrl) -> smtplib.SMTP:
        smtp: smtplib.SMTP
        if url.is_tls:
            smtp = smtplib.SMTP_SSL(url.host, url.port, self._helo, timeout=_CONNECT_TIMEOUT,
                                    context=_trust(url))  # fmt: skip
        else:
            smtp = smtplib.SMTP(url.host, url.port, self._helo, timeout=_CONNECT_TIMEOUT)
        try:
            self._prepare(smtp, url)
        except BaseException:
            smtp.close()
            raise
        return smtp

    @staticmethod
    def _prepare(smtp: smtplib.SMTP, url: RelayUrl) -> None:
        smtp.ehlo_or_helo_if_needed()
        is_offered = smtp.has_extn("starttls")
        if not url.is_tls and (
            url.starttls == Starttls.REQUIRED or (url.starttls == Starttls.AUTO and is_offered)
        ):
            smtp.starttls(context=_trust(url))
            smtp.ehlo()
        if url.user:
            smtp.login(url.user, url.password)
        if smtp.sock is not None:
            smtp.sock.settimeout(_TIMEOUT)

    def _hang_up(self) -> None:
        if self._smtp is not None:
            self._smtp.close()
            self._smtp = None


def _trust(url: RelayUrl) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=url.ca)
    if url.starttls == Starttls.AUTO and not url.is_tls and not url.ca:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _each(replies: dict[str, tuple[int, bytes]]) -> dict[str, str]:
    return {address: _reply(*reply) for address, reply in replies.items()}


def _lines(replies: dict[str, tuple[int, bytes]]) -> str:
    return "\n".join(f"{address}: {reply}" for address, reply in _each(replies).items())


def _refused(code: int, words: bytes | str) -> NotDelivered:
    return NotDelivered(_reply(code, words), is_permanent=500 <= code < 600)


def _reply(code: int, words: bytes | str) -> str:
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    return f"{code} {' '.join(text.split())}"


def _say(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return _reply(error.smtp_code, error.smtp_error)
    return str(error) or type(error).__name__
