"""Seconds from sending a mail until its acuse is in the hands of the relay, through the real programs.

`python -m tests.bench.bench_latency [--mails 40]`: `oficialia smtp` and `oficialia worker`, one
mail at a time, each from somebody new, at moments that follow no beat. Budget: p95 at most 1 s.
"""

from __future__ import annotations

import argparse
import smtplib
import threading
import time
from random import Random

from tests.bench import mails
from tests.bench.offices import found_office, role, scratch, settings_in
from tests.bench.results import at_most, p95, report
from tests.support.ports import free_port, is_listening
from tests.support.relay import Relay

# Seconds between two mails, at most: longer than the longest pause of a worker.
PAUSE = 0.6


def send_and_wait(port: int, relay: Relay, number: int, rng: Random) -> float:
    mail = mails.make(number, rng)
    sender = f"nueva{number}@correo.example"
    mail.replace_header("From", sender)
    began = time.perf_counter()
    with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
        client.send_message(mail, sender, [mails.RECIPIENT])
    relay.wait_for(number)
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mails", type=int, default=40)
    options = parser.parse_args()
    rng, pause = Random(2026), threading.Event()
    with scratch() as folder, Relay() as relay:
        port = free_port()
        office = found_office(settings_in(folder))
        door = role("smtp", office.settings, folder, smtp_listen=f"127.0.0.1:{port}")
        worker = role("worker", office.settings, folder, relay_url=relay.url)
        office.database.close()
        door.start(lambda: is_listening(port))
        worker.start(lambda: "worker started" in worker.output)
        with door, worker:
            # The first mail of a process loads what it needs.
            send_and_wait(port, relay, 1, rng)
            seconds = []
            for number in range(2, options.mails + 2):
                pause.wait(rng.uniform(0, PAUSE))
                seconds.append(send_and_wait(port, relay, number, rng))
    budget = at_most("p95", p95(seconds), 1)
    report("latency", "mail → acuse handed to the relay", {"Oficialía": seconds}, "s", [budget])


if __name__ == "__main__":
    main()
