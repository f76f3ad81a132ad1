"""Scanned pages of five cases in one stack: split, read and filed, and mail meanwhile.

Rendered, laid crooked, some upside down or on their side, with noise. The table has for each case how many
of its pages came to it and how much of their words is found in the text; and how long a mail took to become
a case before the reading and during it. `--pages 100` is the stack of the promise (6 minutes); `--nice 0`:
the reading gives way to nobody.
"""

from __future__ import annotations

import argparse
import random
import threading
import time
from datetime import date

from rich.console import Console
from rich.table import Table
from sqlalchemy import select

from intake import spool
from intake.counter import reception
from intake.counter.labels import label_text
from intake.counter.reception import Entry, Sender
from intake.digitizing import scan_jobs, scans
from intake.office import Office
from intake.pipeline import process_spooled
from models.inbound_mail import InboundMail, InboundStatus
from models.message import Message
from models.oficio import Oficio
from models.person import Account, Role
from models.scan import JobState, Scan, ScanFiling, ScanPage, ScanSource
from tests.bench.offices import found_office, scratch, settings_in
from tests.bench.results import at_least, at_most, p95, report, smaller
from tests.support.mails import make_mail
from tests.support.scans import Paper, accuracy, draw_paper, stack_pdf

CASES = 5
SEED = 2026
# Of how many mails each median of the table is.
MAILS = 40
# Seconds between two of them, as mail comes.
PAUSE = 0.25


def register(office: Office) -> list[Oficio]:
    """Five papers at the counter, which wait to be digitized."""
    with office.database.writing() as session:
        by = session.scalars(select(Account).where(Account.role == Role.OFICIALIA)).one()
        return [
            reception.register(session, office, by,
                               Entry(Sender(f"Remitente {number}"), f"Asunto {number}", date(2026, 11, 20)))
            for number in range(CASES)
        ]  # fmt: skip


def draw(cases: list[Oficio], pages: int) -> list[list[Paper]]:
    """The papers of each case: crooked up to 2.5°, every seventh upside down, every eleventh on its side."""
    chance = random.Random(SEED)
    papers: list[list[Paper]] = []
    for number, case in enumerate(cases):
        own = range(number * pages // CASES, (number + 1) * pages // CASES)
        papers.append(
            [
                draw_paper(
                    chance,
                    label=label_text(case) if page == own[0] else "",
                    crooked=chance.uniform(-2.5, 2.5),
                    turned=180 if page % 7 == 3 else 90 if page % 11 == 5 else 0,
                    count=180,
                )
                for page in own
            ]
        )
    return papers


def mails(office: Office, count: int) -> list[float]:
    """Milliseconds from the spool to the case, for *count* mails one by one."""
    taken, pause = [], threading.Event()
    for number in range(count):
        mail = make_mail(sender=f"persona{number}@correo.example", subject=f"Solicitud {time.monotonic_ns()}")
        began = time.perf_counter()
        spool.store(office, [spool.Arrival("smtp", mail, envelope_to=("soporte@example.gob.mx",))])
        process_spooled(office)
        taken.append((time.perf_counter() - began) * 1000)
        pause.wait(PAUSE)
    return taken


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--pages", type=int, default=10)
    options.add_argument("--nice", type=int, default=19)
    given = options.parse_args()
    changes = {"authenticate": "off", "scan_nice": given.nice}
    pages = given.pages
    with scratch() as folder:
        office = found_office(settings_in(folder).model_copy(update=changes))
        cases = register(office)
        papers = draw(cases, pages)
        before = mails(office, MAILS)
        looked, read, during = work(office, papers)
        measure(office, cases, papers, looked, read, before, during)
        office.database.close()


def work(office: Office, papers: list[list[Paper]]) -> tuple[float, float, list[float]]:
    """Seconds to look through the stack, and to read it; and the mails meanwhile."""
    stack = stack_pdf([paper.picture for own in papers for paper in own])
    file = scans.examine(office, "pila.pdf", stack)
    stop = threading.Event()
    with office.database.writing() as session:
        scan = scans.take(session, office, file, source=ScanSource.FOLDER)
    began = time.perf_counter()
    scan_jobs.look_through(office, stop)
    looked = time.perf_counter() - began
    with office.database.writing() as session:
        by = session.scalars(select(Account).where(Account.role == Role.OFICIALIA)).one()
        scans.file_pages(session, session.get_one(Scan, scan.id), by)

    def read_all() -> None:
        while scan_jobs.read_pages(office, stop):
            pass

    began = time.perf_counter()
    reading = threading.Thread(target=read_all)
    reading.start()
    during = mails(office, MAILS)
    reading.join()
    return looked, time.perf_counter() - began, during


def measure(
    office: Office, cases: list[Oficio], papers: list[list[Paper]], looked: float, read: float,
    before: list[float], during: list[float],
) -> None:  # fmt: skip
    """Print the tables."""
    table = Table("case", "pages", "right", "words", "read", title="One stack, five cases")
    right, shares = 0, []
    with office.database.reading() as session:
        first = 0
        for case, own in zip(cases, papers, strict=True):
            numbers = set(session.scalars(select(ScanPage.number).where(ScanPage.case_id == case.id)))
            hits = len(numbers & set(range(first, first + len(own))))
            wanted = select(Message).join(ScanFiling, ScanFiling.message_id == Message.id)
            text = session.scalars(wanted.where(ScanFiling.case_id == case.id)).one().text
            words = [word for paper in own for word in paper.words]
            shares.append(accuracy(words, text))
            table.add_row(case.folio, str(len(own)), str(hits), str(len(words)), f"{shares[-1]:.1%}")
            right, first = right + hits, first + len(own)
        states = set(session.scalars(select(ScanFiling.state)))
        waiting = session.scalars(
            select(InboundMail.id).where(InboundMail.status != InboundStatus.PROCESSED)
        ).all()
    assert states == {JobState.DONE}, states
    Console(width=100).print(table)
    count = sum(len(own) for own in papers)
    report(
        "scans", f"{count} pages: looked through in {looked:.0f} s, read and filed in {read:.0f} s",
        {"mail to case, nothing read": before, "mail to case, while pages are read": during}, "ms",
        [
            at_least("pages on their case, %", 100 * right / count, 100),
            at_least("words read, % (worst case)", 100 * min(shares), 95),
            at_most("mails that waited", len(waiting), 0),
            at_most("p95 of a mail meanwhile, ms", p95(during), 1000),
        ],
        smaller("--pages", count, 100),
    )  # fmt: skip


if __name__ == "__main__":
    main()
