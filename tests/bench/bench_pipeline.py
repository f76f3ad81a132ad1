"""Mail → committed ticket with acuse queued, against Roundup and django-helpdesk, in one run.

`python -m tests.bench.bench_pipeline [--runs 5] [--short 1000] [--mix 400]`: every run feeds all
programs the same mails, in turn. Ours: from the spool to the commit, with one
worker process and with one per core.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from pathlib import Path
from statistics import median

from pydantic import SecretStr
from sqlalchemy import func, select

from intake import spool
from intake.config import Settings
from intake.office import Office
from intake.pipeline import process_spooled
from models import migrations
from models.case import Case
from models.inbound_mail import InboundMail, InboundStatus
from tests.bench import mails
from tests.bench.results import report
from tests.support.institution import found_institution

PEERS = Path(__file__).parent / "peers"
CORES = os.cpu_count() or 1


def peer_python(cache: Path) -> str:
    """A Python with the peers, made once beside the data."""
    python = cache / "bin" / "python"
    if not python.exists():
        venv.create(cache, with_pip=True)
        subprocess.run([python, "-m", "pip", "-q", "install", "-r", PEERS / "requirements.txt"], check=True)
    return str(python)


def peer(python: str, script: str, *arguments: str) -> float:
    """Mails per second of a peer. Raises when it did not take every mail."""
    done = subprocess.run(
        [python, str(PEERS / script), *arguments], capture_output=True, text=True, check=True
    )
    said = json.loads(done.stdout.splitlines()[-1])
    if said["cases"] == 0:
        raise RuntimeError(f"{script} opened nothing: {done.stderr[-500:]}")
    return float(said["count"] / said["seconds"])


def work(settings: Settings, part: tuple[int, int], ready: multiprocessing.synchronize.Barrier) -> None:
    office = Office.open(settings)
    ready.wait()
    while process_spooled(office, part=part):
        pass


def ours(folder: Path, files: list[Path], workers: int) -> float:
    """Mails per second from a full spool until all are committed."""
    settings = Settings(
        _env_file=None,
        database_url=f"sqlite:///{folder / 'register.db'}",
        store_url=f"file:{folder / 'files'}",
        outgoing_dir=folder / "outgoing",
        secret_key=SecretStr("bench" * 10),
        domain="example.gob.mx",
    )
    office = Office.open(settings)
    migrations.upgrade(office.database)
    with office.database.writing() as session:
        found_institution(session)
    for file in files:
        arrival = spool.Arrival(door="ingest", raw=file.read_bytes(), envelope_to=(mails.RECIPIENT,))
        spool.store(office, [arrival])
    context = multiprocessing.get_context("spawn")
    ready = context.Barrier(workers + 1)
    children = [
        context.Process(target=work, args=(settings, (index, workers), ready)) for index in range(workers)
    ]
    for child in children:
        child.start()
    ready.wait()
    began = time.perf_counter()
    for child in children:
        child.join()
    seconds = time.perf_counter() - began
    with office.database.reading() as session:
        decided = session.scalar(
            select(func.count(InboundMail.id)).where(InboundMail.status == InboundStatus.PROCESSED)
        )
        cases = session.scalar(select(func.count(Case.id)))
    if decided != len(files) or not cases:
        raise RuntimeError(f"only {decided} of {len(files)} mails were processed")
    office.database.close()
    return len(files) / seconds


def compare(name: str, title: str, count: int, runs: int, python: str, *, mix: bool) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / "mails"
        mails.write(source, count, mix=mix)
        files = sorted(source.glob("*.eml"))
        contenders: dict[str, Callable[[Path], float]] = {
            "Oficialía, one worker": lambda folder: ours(folder, files, 1),
            f"Oficialía, {CORES} workers": lambda folder: ours(folder, files, CORES),
            "Roundup": lambda folder: peer(
                python, "roundup_gateway.py", str(source), str(folder / "tracker"), ",".join(mails.SENDERS)
            ),
            "django-helpdesk": lambda folder: peer(
                python, "helpdesk_gateway.py", str(source), str(folder / "helpdesk")
            ),
        }
        figures: dict[str, list[float]] = {contender: [] for contender in contenders}
        for run in range(runs):
            for contender, measure in contenders.items():
                folder = Path(scratch) / f"{run}-{len(figures[contender])}-{abs(hash(contender))}"
                folder.mkdir()
                figures[contender].append(measure(folder))
                subprocess.run(["rm", "-rf", str(folder)], check=True)
    best = max(median(figures["Roundup"]), median(figures["django-helpdesk"]))
    ratios = {
        f"{contender} / best peer": median(figures[contender]) / best
        for contender in figures
        if contender.startswith("Oficialía")
    }
    report(name, title, figures, "mails/s", ratios)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--short", type=int, default=400)
    parser.add_argument("--mix", type=int, default=200)
    options = parser.parse_args()
    python = peer_python(Path("var/bench/peers"))
    sys.stdout.flush()
    compare("pipeline-short", "short mails → tickets", options.short, options.runs, python, mix=False)
    compare("pipeline-mix", "mixed mails → tickets", options.mix, options.runs, python, mix=True)


if __name__ == "__main__":
    main()
