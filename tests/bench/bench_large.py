"""What a 50 MB mail costs: the memory of each process, and how long others wait at the door meanwhile.

`python -m tests.bench.bench_large [--runs 5]`: `oficialia smtp` and `oficialia worker`, started
anew for each run; a second client sends small mails until the large one is a case. Budgets:
no process holds more than four times the mail, nobody waits longer than 1 s.
"""

from __future__ import annotations

import argparse
import smtplib
import threading
import time
from pathlib import Path
from random import Random
from statistics import median

from sqlalchemy import select

from intake.office import Office
from models.inbound_mail import InboundMail, InboundStatus
from tests.bench import mails
from tests.bench.offices import found_office, role, scratch, settings_in
from tests.bench.results import at_most, report
from tests.support.doors import RawClient
from tests.support.ports import free_port, is_listening
from tests.support.waiting import wait_until

# 49 of the 50 MiB that the door takes, for base64 makes 4 bytes of 3 and ends its lines.
FILE_BYTES = 37_500_000


def peak_bytes(process: int) -> int:
    """The most memory that *process* ever held."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"process {process} has ended")


def children(process: int) -> list[int]:
    tasks = Path(f"/proc/{process}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def send_small(port: int, waits: list[float], over: threading.Event) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=60) as client:
        while not over.is_set():
            began = time.perf_counter()
            client.sendmail("otra@correo.example", [mails.RECIPIENT], "Subject: chico\r\n\r\nHola\r\n")
            waits.append(time.perf_counter() - began)
            over.wait(0.02)


def is_a_case(office: Office, size: int) -> bool:
    with office.database.reading() as session:
        wanted = select(InboundMail.status).where(InboundMail.size >= size)
        return session.scalar(wanted) == InboundStatus.PROCESSED


def measure(folder: Path, raw: bytes, seen: dict[str, list[float]], waits: list[float]) -> None:
    port = free_port()
    office = found_office(settings_in(folder))
    door = role("smtp", office.settings, folder, smtp_listen=f"127.0.0.1:{port}")
    worker = role("worker", office.settings, folder)
    door.start(lambda: is_listening(port))
    worker.start(lambda: "worker started" in worker.output)
    with door, worker:
        over = threading.Event()
        other = threading.Thread(target=send_small, args=(port, waits, over))
        other.start()
        # From the first small mail on, the reader of the worker is there.
        wait_until(lambda: children(worker.process.pid), 30, worker.explain)
        reader = children(worker.process.pid)[0]
        held = 0
        with RawClient(port, timeout=120) as client:
            client.greet()
            answer = client.send_mail(raw, mails.RECIPIENT)
        if not answer.startswith("250"):
            raise RuntimeError(answer)

        def is_done() -> bool:
            nonlocal held
            if Path(f"/proc/{reader}/status").exists():
                held = max(held, peak_bytes(reader))
            return is_a_case(office, len(raw))

        wait_until(is_done, 60, worker.explain)
        over.set()
        other.join()
        found = {
            "door": peak_bytes(door.process.pid),
            "worker": peak_bytes(worker.process.pid),
            "reader": held,
        }
        for name, value in found.items():
            seen[name].append(value / 1e6)
    office.database.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    mail = mails.make(1, Random(1), file_bytes=FILE_BYTES)
    raw = mail.as_bytes().replace(b"\n", b"\r\n")
    seen: dict[str, list[float]] = {"door": [], "worker": [], "reader": []}
    waits: list[float] = []
    for _ in range(options.runs):
        with scratch() as folder:
            measure(folder, raw, seen, waits)
    size = len(raw) / 1e6
    budgets = [at_most(f"{name} / mail", median(peaks) / size, 4) for name, peaks in seen.items()]
    report("large-memory", f"peak memory with a mail of {size:.0f} MB", seen, "MB", budgets)
    longest = at_most("longest wait", max(waits), 1)
    report("large-waits", "small mails at the same door meanwhile", {"wait": waits}, "s", [longest])


if __name__ == "__main__":
    main()
