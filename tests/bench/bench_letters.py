"""A letter as PDF, plain, sealed and with e.firma, against the budgets of quality.md, in one warm process.

`python -m tests.bench.bench_letters [--runs 15]`: one page with QR code, table and a recipient;
the runs after the first. The whole approval, with its rows and notices, besides.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from pydantic import SecretStr

from intake.config import Settings
from intake.issued import approval
from intake.issued.documents import render_document
from intake.office import Office
from intake.proofs.efirma import open_efirma
from intake.proofs.seal import open_seal
from intake.signing import seal_pdf, sign_pdf
from models import migrations
from tests.bench.results import at_most, report
from tests.support.documents import BODY, OUTSIDE, acting, fields, write
from tests.support.efirma import Authority
from tests.support.institution import found_institution

# Milliseconds.
PLAIN, SIGNED = 150, 400


def measure(runs: int, work: Callable[[], object]) -> list[float]:
    """Milliseconds of each run; the first, which loads fonts and keys, is not counted."""
    work()
    found = []
    for _ in range(runs):
        began = time.perf_counter()
        work()
        found.append((time.perf_counter() - began) * 1000)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        figures = run(Path(folder), runs)
    budgets = [
        at_most("plain letter, median in ms", median(figures["plain"]), PLAIN),
        at_most("sealed letter, median in ms", median(figures["sealed"]), SIGNED),
        at_most("letter with e.firma, median in ms", median(figures["e.firma"]), SIGNED),
    ]
    report("letters", "One page as PDF/A-3u", figures, "ms", budgets)


def run(folder: Path, runs: int) -> dict[str, list[float]]:
    authority = Authority()
    authority.write_trust(folder / "sat")
    office = Office.open(
        Settings(
            _env_file=None,
            database_url=f"sqlite:///{folder / 'register.db'}",
            store_url=f"file:{folder / 'files'}",
            outgoing_dir=folder / "outgoing",
            secret_key=SecretStr("only for a bench, and longer than thirty-two bytes"),
            efirma_folder=str(folder / "sat"),
        )
    )
    migrations.upgrade(office.database)
    with office.database.writing() as session:
        institution = found_institution(session)
    open_seal(office)
    files = authority.issue()
    efirma = open_efirma(files.certificate, files.key, files.password)
    table = "<table><tr><th>Colonia</th><th>Obra</th></tr><tr><td>Centro</td><td>Alumbrado</td></tr></table>"
    what = fields(institution, to=(OUTSIDE,), body=BODY + table + BODY)
    with acting(office, institution) as (session, people):
        head = people["head"]
        oficio = write(session, office, head, what)
        approval.approve(session, office, oficio, head)

        def approve() -> None:
            approval.approve(session, office, write(session, office, head, what), head)

        def page() -> bytes:
            return render_document(session, office, oficio)

        return {
            "plain": measure(runs, page),
            "sealed": measure(runs, lambda: seal_pdf(office, page(), reason="")),
            "e.firma": measure(runs, lambda: sign_pdf(office, page(), efirma, reason="")),
            "approval": measure(runs, approve),
        }


if __name__ == "__main__":
    main()
