"""Asks the DNS for what SPF, DKIM and DMARC need: cached, bounded in time, never an exception of its library.

One `Lookup` serves one mail and shares its few seconds among all questions; when they
are over, or a server does not answer, it says Unanswered, which is no statement about the name.
"""

from __future__ import annotations

import ipaddress
import time
from functools import cache

import dns.exception
import dns.name
import dns.rdatatype
import dns.resolver
from dns.rdtypes.ANY.MX import MX
from dns.rdtypes.ANY.PTR import PTR
from dns.rdtypes.ANY.TXT import TXT
from dns.rdtypes.IN.A import A
from dns.rdtypes.IN.AAAA import AAAA

# Seconds for all questions of one mail.
BUDGET = 2.0
# A resolver that answers nothing at all is left alone for so many seconds, or each mail would wait for it.
_REST = 30.0
_CACHED = 20_000

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


class Unanswered(Exception):
    """The DNS did not answer in time, or not sensibly: ask again another day ("temperror")."""


class Resolver:
    """The name server of *server*: `host`, `host:port`, several with commas; the system's when empty."""

    def __init__(self, server: str = "") -> None:
        self._resting_until = 0.0
        try:
            self._resolver = dns.resolver.Resolver(configure=not server)
        except dns.resolver.NoResolverConfiguration:
            self._resolver = dns.resolver.Resolver(configure=False)
        self._resolver.cache = dns.resolver.LRUCache(_CACHED)
        if server:
            places = [_split_port(place) for place in server.split(",")]
            self._resolver.nameservers = [dns.nameserver.Do53Nameserver(host, port) for host, port in places]

    def lookup(self, budget: float = BUDGET) -> Lookup:
        return Lookup(self, time.monotonic() + budget)

    def ask(self, name: str, kind: str, deadline: float) -> dns.resolver.Answer | None:
        """The answer; None when there is no such name or no record of the kind. Raises Unanswered."""
        if not name:
            return None
        left = deadline - time.monotonic()
        if left <= 0 or time.monotonic() < self._resting_until:
            raise Unanswered(name)
        try:
            return self._resolver.resolve(name, kind, lifetime=left, raise_on_no_answer=False, search=False)
        except dns.resolver.NXDOMAIN:
            return None
        except dns.exception.Timeout:
            if not self._is_alive():
                self._resting_until = time.monotonic() + _REST
            raise Unanswered(name) from None
        except (dns.resolver.NoNameservers, dns.resolver.YXDOMAIN, OSError):
            raise Unanswered(name) from None
        except (dns.exception.DNSException, ValueError, UnicodeError):
            # No name at all: a label too long, an empty one, letters that no domain has.
            return None

    def _is_alive(self) -> bool:
        """Whether it answers anything: one sender's slow domain must not silence it for all others."""
        try:
            self._resolver.resolve(".", "NS", lifetime=0.5, search=False)
        except dns.exception.Timeout:
            return False
        except dns.exception.DNSException:
            return True
        return True


class Lookup:
    """The questions of one mail."""

    def __init__(self, resolver: Resolver, deadline: float) -> None:
        self._resolver = resolver
        self._deadline = deadline

    def texts(self, name: str) -> list[bytes]:
        """TXT records, the strings of each joined (RFC 7208, 3.3). Raises Unanswered, as all here."""
        return [b"".join(record.strings) for record in self._records(name, "TXT") if isinstance(record, TXT)]

    def addresses(self, name: str, version: int) -> list[IPAddress]:
        kind = "A" if version == 4 else "AAAA"
        return [
            ipaddress.ip_address(record.address)
            for record in self._records(name, kind)
            if isinstance(record, A | AAAA)
        ]

    def exchanges(self, name: str) -> list[str]:
        records = [record for record in self._records(name, "MX") if isinstance(record, MX)]
        records.sort(key=lambda record: record.preference)
        return [record.exchange.to_text(omit_final_dot=True) for record in records]

    def names(self, address: IPAddress) -> list[str]:
        """The PTR names of *address*."""
        records = self._records(address.reverse_pointer, "PTR")
        return [record.target.to_text(omit_final_dot=True) for record in records if isinstance(record, PTR)]

    def _records(self, name: str, kind: str) -> list[object]:
        answer = self._resolver.ask(name, kind, self._deadline)
        return list(answer.rrset) if answer is not None and answer.rrset is not None else []


@cache
def open_resolver(server: str) -> Resolver:
    """The one resolver of this process for *server*, so that all mails share its cache."""
    return Resolver(server)


def _split_port(place: str) -> tuple[str, int]:
    host, colon, port = place.strip().rpartition(":")
    if colon and port.isdigit() and ("]" in host or ":" not in host):
        return host.strip("[]"), int(port)
    return place.strip().strip("[]"), 53
