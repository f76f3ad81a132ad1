"""Mail → committed ticket with acuse queued, against Roundup and django-helpdesk, in one run.

`python -m tests.bench.bench_pipeline [--runs 3] [--short 600] [--mix 200]`: every run feeds all
programs the same mails, in turn; the clock starts after the first ones, for all of them run for months.
Ours: from the spool to the commit, with one worker process and with one per core; each has a child
that reads the mail, as in the product.
Then `oficialia ingest` of 1,000 mails, three times. The budget's mix has 2,000.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import pty
import shutil
import subprocess
import sys
import time
import venv
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier
from pathlib import Path
from statistics import median

from sqlalchemy import func, select

from intake import spool
from intake.config import Settings
from intake.office import Office
from intake.pipeline import process_spooled
from intake.reading.isolation import Reader
from intake.worker import tune_interpreter
from models.case import Case
from models.inbound_mail import InboundMail, InboundStatus
from tests.bench import mails
from tests.bench.offices import ROOT, environment, found_office, scratch, settings_in
from tests.bench.results import at_least, report, smaller

PEERS = Path(__file__).parent / "peers"
CORES = os.cpu_count() or 1
# Mails that each program takes before the clock starts.
FIRST = 100


def peer_python(cache: Path) -> str:
    """A Python with the peers, made once beside the data."""
    python = cache / "bin" / "python"
    if not python.exists():
        venv.create(cache, with_pip=True)
        subprocess.run([python, "-m", "pip", "-q", "install", "-r", PEERS / "requirements.txt"], check=True)
    return str(python)


def peer(python: str, script: str, source: Path, empty: Path, folder: Path, *arguments: str) -> float:
    """Mails per second of a peer, in a copy of its *empty* register. Raises when it took no mail."""

    def feed(mails: Path, register: Path) -> subprocess.CompletedProcess[str]:
        command = [python, str(PEERS / script), str(mails), str(register), str(FIRST), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True)

    if not empty.exists():
        feed(empty.with_name("no mails"), empty)
    shutil.copytree(empty, folder)
    done = feed(source, folder)
    said = json.loads(done.stdout.splitlines()[-1])
    if said["cases"] == 0:
        raise RuntimeError(f"{script} opened nothing: {done.stderr[-500:]}")
    return float(said["count"] / said["seconds"])


def work(settings: Settings, part: tuple[int, int], together: Barrier, ends: SimpleQueue[float]) -> None:
    """What `oficialia worker` does with spooled mail, and its child process with it."""
    office = Office.open(settings)
    tune_interpreter()
    with Reader() as reader:
        reader.parse(b"")
        decide_all(office, part, reader)
        together.wait()
        # The clock starts.
        together.wait()
        decide_all(office, part, reader)
        ends.put(time.monotonic())


def decide_all(office: Office, part: tuple[int, int], reader: Reader) -> None:
    while process_spooled(office, part=part, reader=reader):
        pass


def ours(folder: Path, files: list[Path], workers: int) -> float:
    """Mails per second from a full spool until all are committed."""
    office = found_office(settings_in(folder))
    store(office, files[:FIRST])
    context = multiprocessing.get_context("spawn")
    together = context.Barrier(workers + 1)
    ends: SimpleQueue[float] = context.SimpleQueue()
    parts = [(index, workers) for index in range(workers)]
    children = [context.Process(target=work, args=(office.settings, part, together, ends)) for part in parts]
    for child in children:
        child.start()
    together.wait()
    store(office, files[FIRST:])
    together.wait()
    began = time.monotonic()
    seconds = float(max(ends.get() for _ in children)) - began
    for child in children:
        child.join()
    must_all_be_cases(office, len(files))
    office.database.close()
    return (len(files) - FIRST) / seconds


def store(office: Office, files: list[Path]) -> None:
    for file in files:
        arrival = spool.Arrival(door="ingest", raw=file.read_bytes(), envelope_to=(mails.RECIPIENT,))
        spool.store(office, [arrival])


def must_all_be_cases(office: Office, count: int) -> None:
    with office.database.reading() as session:
        decided = session.scalar(
            select(func.count(InboundMail.id)).where(InboundMail.status == InboundStatus.PROCESSED)
        )
        cases = session.scalar(select(func.count(Case.id)))
    if decided != count or not cases:
        raise RuntimeError(f"only {decided} of {count} mails were processed")


def compare(name: str, title: str, count: int, runs: int, python: str, budgets: Sequence[float | None], *,
            mix: bool) -> None:  # fmt: skip
    with scratch() as all_runs:
        source = all_runs / "mails"
        mails.write(source, FIRST + count, mix=mix)
        files = sorted(source.glob("*.eml"))
        contenders: dict[str, Callable[[Path], float]] = {
            "Oficialía, one worker": lambda folder: ours(folder, files, 1),
            f"Oficialía, {CORES} workers": lambda folder: ours(folder, files, CORES),
            "Roundup": lambda folder: peer(
                python,
                "roundup_gateway.py",
                source,
                all_runs / "tracker",
                folder / "tracker",
                ",".join(mails.SENDERS),
            ),
            "django-helpdesk": lambda folder: peer(
                python, "helpdesk_gateway.py", source, all_runs / "helpdesk", folder / "helpdesk"
            ),
        }
        figures: dict[str, list[float]] = {contender: [] for contender in contenders}
        for _ in range(runs):
            for contender, measure in contenders.items():
                with scratch() as folder:
                    figures[contender].append(measure(folder))
    best = max(median(figures["Roundup"]), median(figures["django-helpdesk"]))
    ratios = {contender: median(runs) / best for contender, runs in figures.items()}
    kept = [at_least(f"{contender} / best peer", ratios[contender], limit)
            for contender, limit in zip(contenders, budgets, strict=False) if limit]  # fmt: skip
    remark = smaller("--mix", count, 2000) if mix else ""
    report(name, title, figures, "mails/s", kept, remark)


def ingest(count: int, runs: int) -> None:
    """`oficialia ingest --wait` as a whole, from start to end, with its progress on a terminal."""
    rates = []
    for _ in range(runs):
        with scratch() as folder:
            mails.write(folder / "mails", count, mix=False)
            office = found_office(settings_in(folder))
            began = time.perf_counter()
            shown = run_on_terminal(
                [
                    sys.executable,
                    ROOT / "oficialia.py",
                    "ingest",
                    "--wait",
                    "--to",
                    mails.RECIPIENT,
                    folder / "mails",
                ],
                environment(office.settings),
            )
            rates.append(count / (time.perf_counter() - began))
            must_all_be_cases(office, count)
            office.database.close()
            if f"{count}/{count}" not in shown:
                raise RuntimeError(f"no progress was shown: {shown[-500:]!r}")
    report("ingest", f"oficialia ingest --wait, {count} short mails", {"Oficialía": rates}, "mails/s", [])
    print(f"The progress bar ended with {count}/{count}.")


def run_on_terminal(command: list[str | Path], environment: dict[str, str]) -> str:
    """What a program writes to its terminal; standard output goes elsewhere."""
    ours, theirs = pty.openpty()
    program = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=theirs, env=os.environ | environment, cwd=ROOT
    )
    os.close(theirs)
    shown = b""
    # Linux says with an error that nobody is left at the other end.
    with suppress(OSError):
        while part := os.read(ours, 65_536):
            shown += part
    os.close(ours)
    if program.wait():
        raise RuntimeError(shown.decode())
    return shown.decode()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--short", type=int, default=600)
    parser.add_argument("--mix", type=int, default=200)
    parser.add_argument("--ingest", type=int, default=1000)
    options = parser.parse_args()
    python = peer_python(Path("var/bench/peers"))
    sys.stdout.flush()
    runs = options.runs
    compare("pipeline-short", "short mails → tickets", options.short, runs, python, (5, 10), mix=False)
    compare("pipeline-mix", "mixed mails → tickets", options.mix, runs, python, (None, 8), mix=True)
    ingest(options.ingest, min(runs, 3))


if __name__ == "__main__":
    main()
