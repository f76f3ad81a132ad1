"""Calls an address that somebody typed, and only in the world outside: never this machine or its network.

The name is resolved once and that very address is called, so that a name which changes its mind
leads nowhere else. No redirect is followed and no proxy asked; networks may be allowed by name.
"""

from __future__ import annotations

import re
import socket
import ssl
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

from intake.errors import InvalidInput

Network = IPv4Network | IPv6Network
# Connecting, and each wait for an answer.
TIMEOUT = 10.0
# From the first byte to the last: who sends one now and then must not keep the others waiting.
PATIENCE = 30.0
# Of an answer nobody needs more.
MAX_ANSWER = 2_000
_HOST = re.compile(r"[0-9A-Za-z._:-]+")
# IPv4 inside IPv6, whatever the address inside is: NAT64 (RFC 6052, 8215), 6to4 and Teredo.
_TUNNELS = tuple(map(ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")))


class NotReached(Exception):
    """Nobody answered there, in the words of the system."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other side said."""

    status: int
    words: str
    # Seconds, when it asked to be left alone for a while.
    retry_after: int | None = None


def networks_of(setting: str) -> Sequence[Network]:
    """The networks that a setting names. Raises ValueError."""
    return [ip_network(one) for one in setting.replace(",", " ").split()]


def check_address(url: str, allowed: Sequence[Network]) -> None:
    """Raise InvalidInput for a URL that is never called: another scheme, a forbidden place, http outside."""
    parts = _split(url)
    try:
        _places(parts, allowed)
    except NotReached:
        # It may exist tomorrow; each call asks anew.
        if parts.scheme == "http":
            raise InvalidInput("webhook_http") from None


def post(url: str, headers: Mapping[str, str], body: bytes, allowed: Sequence[Network]) -> Answer:
    """POST *body*. Raises InvalidInput as `check_address` does, or NotReached."""
    parts = _split(url)
    place = _places(parts, allowed)[0]
    connection = _Connection(parts, place)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    end = threading.Timer(PATIENCE, connection.give_up)
    end.daemon = True
    end.start()
    try:
        connection.request("POST", path, body, {**headers, "Host": parts.netloc, "Connection": "close"})
        response = connection.getresponse()
        words = response.read(MAX_ANSWER).decode("utf-8", "replace")
    except (OSError, HTTPException) as error:
        raise NotReached(f"{type(error).__name__}: {error}") from error
    finally:
        end.cancel()
        connection.close()
    wait = response.getheader("Retry-After", "")
    return Answer(response.status, words, min(int(wait), 86_400) if wait.isdecimal() else None)


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        is_sound = (
            _HOST.fullmatch(parts.hostname or "")
            and parts.port != 0
            and parts.username is None
            and url.isascii()
        )
    except ValueError:
        raise InvalidInput("webhook_url") from None
    if not is_sound or parts.scheme not in ("http", "https") or any(char <= " " for char in url):
        raise InvalidInput("webhook_url")
    return parts


def _places(parts: SplitResult, allowed: Sequence[Network]) -> list[str]:
    """The addresses of a host, all of which may be called."""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NotReached(str(error)) from error
    places = list(dict.fromkeys(str(one[4][0]).partition("%")[0] for one in found))
    for place in places:
        is_allowed = any(_plain(place) in network for network in allowed)
        if not is_allowed and not _is_outside(_plain(place)):
            # Not which address: that would map our network for whoever asks.
            raise InvalidInput("webhook_private")
        if not is_allowed and parts.scheme == "http":
            raise InvalidInput("webhook_http")
    return places


def _plain(place: str) -> IPv4Address | IPv6Address:
    address = ip_address(place)
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


def _is_outside(address: IPv4Address | IPv6Address) -> bool:
    is_tunnel = any(address in network for network in _TUNNELS)
    return address.is_global and not (address.is_multicast or address.is_reserved or is_tunnel)


class _Connection(HTTPConnection):
    """To one address, whatever the name resolves to now; the certificate must be the name's."""

    def __init__(self, parts: SplitResult, place: str) -> None:
        port = parts.port or (443 if parts.scheme == "https" else 80)
        super().__init__(place, port, timeout=TIMEOUT)
        self._tls_name = parts.hostname if parts.scheme == "https" else None

    def give_up(self) -> None:
        """From another thread: whoever waits for this connection waits no longer."""
        if (found := self.sock) is not None:
            with suppress(OSError):
                # Of the socket below TLS, whose own way would let the other thread stumble.
                socket.socket.shutdown(found, socket.SHUT_RDWR)

    def connect(self) -> None:
        super().connect()
        if self._tls_name is not None:
            context = ssl.create_default_context()
            self.sock = context.wrap_socket(
                self.sock, server_hostname=self._tls_name, do_handshake_on_connect=False
            )
            self.sock.do_handshake()
