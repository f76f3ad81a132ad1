"""A name server of our own, on this machine, that knows what a test tells it and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from dnslib import CNAME, QTYPE, RCODE, RR, TXT, DNSRecord
from dnslib.server import BaseResolver, DNSHandler, DNSLogger, DNSServer

from tests.support.ports import free_port


class Names(BaseResolver):  # type: ignore[misc]
    """The zone. A name in `silent` gets no answer at all, one in `failing` gets SERVFAIL."""

    def __init__(self) -> None:
        self.port = free_port()
        self.records: dict[tuple[str, str], list[str]] = {}
        self.silent: set[str] = set()
        self.failing: set[str] = set()
        self.asked: list[tuple[str, str]] = []

    @property
    def address(self) -> str:
        """As OFICIALIA_DNS_SERVER wants it."""
        return f"127.0.0.1:{self.port}"

    def add(self, name: str, kind: str, *values: str) -> None:
        """Records in the form of a zone file; texts as they are."""
        self.records.setdefault((name.lower().rstrip("."), kind), []).extend(values)

    def resolve(self, request: DNSRecord, handler: DNSHandler) -> DNSRecord:
        # Label by label: a name may hold bytes that a text of it would escape.
        name = ".".join(label.decode("latin-1") for label in request.q.qname.label).lower()
        kind = QTYPE[request.q.qtype]
        self.asked.append((name, kind))
        if name in self.silent or f"{name} {kind}" in self.silent:
            raise _Silence
        reply = request.reply()
        if name in self.failing:
            reply.header.rcode = RCODE.SERVFAIL
        elif not any(known == name for known, _ in self.records):
            reply.header.rcode = RCODE.NXDOMAIN
        owner = request.q.qname
        for alias in self.records.get((name, "CNAME"), ()):
            reply.add_answer(RR(owner, QTYPE.CNAME, rdata=CNAME(alias), ttl=300))
            owner, name = alias, alias.lower().rstrip(".")
        for value in self.records.get((name, kind), ()):
            if kind == "TXT":
                reply.add_answer(RR(owner, QTYPE.TXT, rdata=TXT(_strings(value)), ttl=300))
            else:
                reply.add_answer(*RR.fromZone(f"{owner or '.'} 300 {kind} {value}"))
        return reply


def _strings(text: str) -> list[bytes]:
    """A string of a TXT record holds 255 bytes."""
    data = text.encode()
    return [data[start : start + 250] for start in range(0, len(data) or 1, 250)]


class _Silence(Exception):
    """Instead of an answer."""


class _Handler(DNSHandler):  # type: ignore[misc]
    def get_reply(self, data: bytes) -> bytes:
        try:
            return bytes(super().get_reply(data))
        except _Silence:
            raise ConnectionError from None

    def handle(self) -> None:
        try:
            super().handle()
        except ConnectionError:
            return


@contextmanager
def name_server() -> Iterator[Names]:
    """Start it on a port of its own, over UDP."""
    names = Names()
    server = DNSServer(
        names,
        address="127.0.0.1",
        port=names.port,
        handler=_Handler,
        logger=DNSLogger(log="-request,-reply,-truncated,-error"),
    )
    # Looks every 20 ms whether it is to end: dnslib's own thread takes up to half a second of each test.
    thread = threading.Thread(target=server.server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield names
    finally:
        server.server.shutdown()
        thread.join()
        server.server.server_close()
