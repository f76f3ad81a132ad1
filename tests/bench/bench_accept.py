"""Mails per second that the SMTP door stores, against aiosmtpd with a handler that stores nothing.

`python -m tests.bench.bench_accept [--runs 5] [--mails 150]`: ten clients at once, in a process of
their own, each on one connection, send 8 KB mails; every 250 of ours comes after fsync.
Budget: at least 60 %.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import sys
import time
from pathlib import Path
from statistics import median

from sqlalchemy import func, select

from intake.office import Office
from models.inbound_mail import InboundMail
from tests.bench import mails
from tests.bench.offices import found_office, role, scratch, settings_in
from tests.bench.results import at_least, report
from tests.support.ports import free_port, is_listening
from tests.support.program import Program

CLIENTS = 10
SINK = Path(__file__).parent / "peers" / "aiosmtpd_sink.py"
LINES = ("x" * 70 + "\r\n") * 112


async def client(port: int, name: int, count: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def expect(wanted: bytes, sent: bytes = b"") -> None:
        writer.write(sent)
        while True:
            line = await reader.readline()
            if not line.startswith(wanted):
                raise RuntimeError(f"{sent[:40]!r} got {line!r}")
            if line[3:4] == b" ":
                return

    await expect(b"2")
    await expect(b"2", b"EHLO client.example.org\r\n")
    for number in range(count):
        head = f"From: ana@example.org\r\nTo: {mails.RECIPIENT}\r\nSubject: prueba {number}\r\n"
        head += f"Message-ID: <{name}.{number}.{time.time_ns()}@example.org>\r\n\r\n"
        await expect(b"2", b"MAIL FROM:<ana@example.org>\r\n")
        await expect(b"2", f"RCPT TO:<{mails.RECIPIENT}>\r\n".encode())
        await expect(b"3", b"DATA\r\n")
        await expect(b"2", (head + LINES + ".\r\n").encode())
    await expect(b"2", b"QUIT\r\n")
    writer.close()


def drive(port: int, count: int) -> float:
    """Mails per second, with all clients at once."""

    async def everybody() -> None:
        await asyncio.gather(*(client(port, name, count) for name in range(CLIENTS)))

    began = time.perf_counter()
    asyncio.run(everybody())
    return CLIENTS * count / (time.perf_counter() - began)


def stored(office: Office) -> int:
    with office.database.reading() as session:
        return session.scalar(select(func.count(InboundMail.id))) or 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--mails", type=int, default=150, help="of each client in each run")
    options = parser.parse_args()
    figures: dict[str, list[float]] = {"Oficialía, durable": [], "aiosmtpd, stores nothing": []}
    ours, sink = figures
    with scratch() as folder:
        office = found_office(settings_in(folder))
        ports = {ours: free_port(), sink: free_port()}
        door = role("smtp", office.settings, folder, smtp_listen=f"127.0.0.1:{ports[ours]}")
        peer = Program([sys.executable, SINK, str(ports[sink])], folder / "sink.log")
        door.start(lambda: is_listening(ports[ours]))
        peer.start(lambda: is_listening(ports[sink]))
        with door, peer, multiprocessing.get_context("spawn").Pool(1) as clients:
            for port in ports.values():
                # The first mails of a process load what it needs.
                clients.apply(drive, (port, 5))
            for _ in range(options.runs):
                for contender, port in ports.items():
                    figures[contender].append(clients.apply(drive, (port, options.mails)))
        if stored(office) != CLIENTS * (5 + options.runs * options.mails):
            raise RuntimeError("a mail that got its 250 is not there")
        office.database.close()
    share = median(figures[ours]) / median(figures[sink])
    budget = at_least("durable / stores nothing", share, 0.6)
    report("accept", "SMTP accept, 10 clients, 8 KB mails", figures, "mails/s", [budget])


if __name__ == "__main__":
    main()
