"""From a stack on the scanner to searchable pages on the right case, with the real tesseract."""

from __future__ import annotations

import io
import json
import os
import random
import shutil
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path

import pikepdf
import pytest
from pikepdf import Encryption
from PIL import Image
from sqlalchemy import select, update
from sqlalchemy.orm import Session
from zxingcpp import BarcodeFormat

from intake import spool
from intake.attachments import read_blob
from intake.config import Settings
from intake.counter import reception
from intake.counter.discharging import digitize_again
from intake.counter.labels import label_text
from intake.counter.reception import Entry, Sender
from intake.digitizing import scan_jobs, scans
from intake.digitizing.scan_child import Ended, run
from intake.digitizing.scan_folder import Watcher
from intake.digitizing.scan_leases import LEASE, MAX_ATTEMPTS
from intake.digitizing.scan_process import read_texts
from intake.digitizing.scan_reading import recognise_rest
from intake.errors import InvalidInput
from intake.office import Office
from intake.pipeline import process_spooled
from models.access import visible_to
from models.base import now
from models.case import Case
from models.event import Event
from models.inbound_mail import InboundMail, InboundStatus
from models.mailbox import Mailbox, MailboxPurpose
from models.message import Message
from models.oficio import Oficio
from models.person import Account, Person, Role
from models.scan import HeldPage, JobState, Scan, ScanFiling, ScanPage, ScanSource
from models.search import find_messages
from models.task import Task, TaskKind, TaskState
from models.ticket import Ticket
from tests.support.institution import found_institution
from tests.support.mails import make_mail
from tests.support.scans import (
    HALF,
    LETTER,
    accuracy,
    draw_paper,
    photograph_by_telephone,
    stack_pdf,
    stack_tiff,
    write_words,
)

SCANNER = "copiadora@example.gob.mx"


@dataclass
class Desk:
    """An office with its counter, and what it registers and scans."""

    office: Office
    accounts: dict[str, Account] = field(default_factory=dict)

    def register(self, topic: str = "Luminarias") -> Oficio:
        with self.office.database.writing() as session:
            entry = Entry(Sender("Rosa Gil Prado"), f"Se pide {topic}.", date(2026, 11, 20))
            return reception.register(session, self.office, self.of(session, "oficialia"), entry)

    def of(self, session: Session, role: str) -> Account:
        return session.get_one(Account, self.accounts[role].id)

    def take(self, name: str, content: bytes) -> int:
        file = scans.examine(self.office, name, content)
        with self.office.database.writing() as session:
            by = self.of(session, "digitizer")
            return scans.take(session, self.office, file, source=ScanSource.UPLOAD, by=by).id

    def look(self) -> int:
        return scan_jobs.look_through(self.office, threading.Event())

    def read(self) -> int:
        return scan_jobs.read_pages(self.office, threading.Event())

    def places(self, scan_id: int) -> list[str]:
        """Of each page the folio, or why it is held."""
        with self.office.database.reading() as session:
            pages = session.scalars(
                select(ScanPage).where(ScanPage.scan_id == scan_id).order_by(ScanPage.position)
            )
            return [
                page.case.folio if page.case else page.held_because.value if page.held_because else "?"
                for page in pages
            ]

    def file_all(self, scan_id: int) -> None:
        with self.office.database.writing() as session:
            scans.file_pages(session, session.get_one(Scan, scan_id), self.of(session, "digitizer"))

    def scan(self, scan_id: int) -> Scan:
        with self.office.database.reading() as session:
            return session.get_one(Scan, scan_id)


@pytest.fixture(scope="module")
def shared_desk(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("digitizing")
    (folder / "register.db").write_bytes(migrated_sqlite.read_bytes())
    (folder / "scans").mkdir()
    office = Office.open(
        Settings(
            _env_file=None,
            database_url=f"sqlite:///{folder / 'register.db'}",
            store_url=f"file:{folder / 'files'}",
            outgoing_dir=folder / "outgoing",
            domain="example.gob.mx",
            authenticate="off",
            scan_dir=str(folder / "scans"),
            scan_max_pages=8,
            # Beside other tests, what gives way to all of them never ends.
            scan_nice=0,
        )
    )
    with office.database.writing() as session:
        town = found_institution(session)
        diana = Person(name="Diana Ruiz", email="diana@example.gob.mx", dependencia_id=town.presidency.id)
        session.add(diana)
        session.flush()
        digitizer = Account(person_id=diana.id, dependencia_id=town.presidency.id, role=Role.DIGITIZER)
        session.add(digitizer)
        town.accounts["digitizer"] = digitizer
        session.add(
            Mailbox(address="escaneos@example.gob.mx", name="Escaneos", dependencia_id=town.presidency.id,
                    purpose=MailboxPurpose.SCANS, senders=[SCANNER])
        )  # fmt: skip
    yield Desk(office, town.accounts)
    office.database.close()


@pytest.fixture
def desk(shared_desk: Desk) -> Iterator[Desk]:
    """The desk of this file; what a test leaves in its queues is not the next one's, whichever that is."""
    yield shared_desk
    with shared_desk.office.database.writing() as session:
        for job in (Scan, ScanFiling):
            open_ones = job.state.in_((JobState.QUEUED, JobState.RUNNING))
            session.execute(update(job).where(open_ones).values(state=JobState.FAILED, reason="died"))


# Twelve seconds of processor time; on a busy machine tesseract waits as everybody does.
@pytest.mark.timeout(400)
def test_a_crooked_noisy_stack_is_split_read_and_filed_on_its_cases_while_mail_goes_on(desk: Desk) -> None:
    one, two = desk.register(), desk.register()
    chance = random.Random(20261121)
    looks = [
        (one, 1.5, 0),
        (None, -1.0, 180),
        (None, 0.5, 0),
        (two, -2.0, 0),
        (None, 1.0, 90),
        (None, 2.0, 0),
    ]
    rare = ["Xilófono", "inconfundible."]
    papers = [
        draw_paper(chance, label=label_text(case) if case else "", crooked=crooked, turned=turned, size=HALF,
                   words=write_words(chance, 30) + (rare if number == 4 else []))
        for number, (case, crooked, turned) in enumerate(looks)
    ]  # fmt: skip
    original = stack_pdf([paper.picture for paper in papers])
    scan = desk.take("pila.pdf", original)
    desk.look()
    assert desk.places(scan) == [one.folio] * 3 + [two.folio] * 3
    desk.file_all(scan)

    reading = threading.Thread(target=desk.read)
    reading.start()
    spool.store(desk.office, [spool.Arrival("smtp", make_mail(), envelope_to=("soporte@example.gob.mx",))])
    process_spooled(desk.office)
    with desk.office.database.reading() as session:
        assert session.scalars(select(Ticket)).first() is not None
        # The mail is a case before the first pages are read.
        assert JobState.DONE not in set(session.scalars(select(ScanFiling.state)))
    reading.join()
    desk.read()

    with desk.office.database.reading() as session:
        filings = session.scalars(select(ScanFiling).order_by(ScanFiling.id)).all()
        assert [(filing.case_id, filing.state, filing.reason) for filing in filings] == [
            (one.id, JobState.DONE, ""), (two.id, JobState.DONE, "")
        ]  # fmt: skip
        for filing, pages in zip(filings, (papers[:3], papers[3:]), strict=True):
            message = session.get_one(Message, filing.message_id)
            written = [word for page in pages for word in page.words]
            assert accuracy(written, message.text) >= 0.95
            (file,) = message.attachments
            with pikepdf.open(io.BytesIO(read_blob(session, desk.office, file.sha256))) as made:
                assert len(made.pages) == 3
                assert made.open_metadata().pdfa_status == "2B"
        kept = session.get_one(Scan, scan)
        assert kept.is_finished and read_blob(session, desk.office, kept.sha256 or "") == original
        event = session.scalars(
            select(Event).where(Event.case_id == two.id, Event.action == "file_scan")
        ).one()
        assert event.data["originals"] == [
            {"scan": scan, "filename": "pila.pdf", "sha256": kept.sha256, "pages": [4, 5, 6]}
        ]
        # A word that is only on the paper finds the case, for those who may see it.
        (found,) = find_messages(session, "xilofono inconfund")
        case_id = session.get_one(Message, found).case_id
        assert case_id == two.id
        seen = {
            who for who in desk.accounts
            if session.scalar(select(Case.id).where(Case.id == case_id, visible_to(desk.of(session, who))))
        }  # fmt: skip
        assert seen == {"oficialia", "digitizer"}


def test_pages_in_doubt_are_held_and_given_by_hand(desk: Desk) -> None:
    known, elsewhere, chance = desk.register(), desk.register(), random.Random(2)
    with desk.office.database.writing() as session:
        scans_task(session, elsewhere).state = TaskState.DONE
    labels = ["", f"OFICIALIA {known.folio}", "OFICIALIA OP-1999-000001", label_text(elsewhere), ""]
    papers = [draw_paper(chance, label=label, words=["Hoja"], noise=0) for label in labels]
    scan = desk.take("dudas.pdf", stack_pdf([paper.picture for paper in papers]))
    desk.look()
    assert desk.places(scan) == ["no_label", known.folio, "unknown", "not_awaited", "not_awaited"]
    with desk.office.database.writing() as session:
        stack, by = session.get_one(Scan, scan), desk.of(session, "digitizer")
        pages = list(stack.pages)
        with pytest.raises(InvalidInput, match="OP-1999-000001"):
            scans.give(session, stack, [pages[2]], by, "OP-1999-000001")
        scans.give(session, stack, [pages[0]], by, label_text(known))
        scans.give(session, stack, [pages[4]], by, known.folio.lower())
        scans.move(stack, pages[0], 1)
        scans.turn(stack, [pages[1]], -90)
        scans.discard(session, stack, [pages[2]])
        scans.hold(stack, [pages[4]])
    with desk.office.database.reading() as session:
        pages = list(session.get_one(Scan, scan).pages)
        assert [page.number for page in pages] == [1, 0, 2, 3, 4]
        assert (pages[0].rotation, pages[2].is_discarded) == (270, True)
        assert pages[4].held_because == HeldPage.BY_HAND
        assert not session.get_one(Scan, scan).is_finished


def scans_task(session: Session, oficio: Oficio) -> Task:
    wanted = select(Task).where(Task.case_id == oficio.id, Task.kind == TaskKind.DIGITIZE)
    return session.scalars(wanted.order_by(Task.id.desc()).limit(1)).one()


def test_a_multi_page_tiff_is_split_by_the_bar_codes_of_its_labels(desk: Desk) -> None:
    one, two, chance = desk.register(), desk.register(), random.Random(9)
    looks = [(one, BarcodeFormat.Code128), (None, None), (two, BarcodeFormat.DataMatrix), (None, None)]
    papers = [
        draw_paper(chance, label=label_text(case), code=code, words=["Hoja"], crooked=1.0, size=HALF)
        if case and code else draw_paper(chance, words=["Reverso"], noise=0, size=LETTER)
        for case, code in looks
    ]  # fmt: skip
    original = stack_tiff([paper.picture for paper in papers])
    scan = desk.take("pila.tif", original)
    desk.look()
    assert desk.scan(scan).content_type == "image/tiff"
    assert desk.places(scan) == [one.folio] * 2 + [two.folio] * 2
    with desk.office.database.reading() as session:
        assert read_blob(session, desk.office, session.get_one(Scan, scan).sha256 or "") == original


# Three seconds of processor time; the rest is waiting for a tesseract that hangs.
def test_a_photo_by_telephone_whose_reading_hangs_is_shown_and_read_again_before_the_task_ends(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    oficio, chance = desk.register(), random.Random(3)
    paper = draw_paper(chance, label=label_text(oficio), words=write_words(chance, 25), size=HALF)
    scan = desk.take("IMG_20261121.jpg", photograph_by_telephone(paper.picture))
    hanging = hang_tesseract(tmp_path, monkeypatch)

    def look_at_it() -> None:
        desk.look()
        with desk.office.database.reading() as session:
            pictures = session.scalars(select(ScanPage.thumbnail).where(ScanPage.scan_id == scan)).all()
            assert [is_upright(one or b"") for one in pictures] == [True]

    def read_in_a_second() -> None:
        scan_jobs.read_pages(impatient(desk.office), threading.Event())

    def try_again() -> None:
        with desk.office.database.writing() as session:
            filing = session.scalars(select(ScanFiling).where(ScanFiling.case_id == oficio.id)).one()
            assert (filing.reason, filing.detail) == ("slow_page", "1")
            assert "tardó más de lo permitido" in scans.describe(filing)
            scans.retry(filing)
        hanging.unlink()
        desk.read()

    steps = {"scan_none": look_at_it, "scan_loose": lambda: desk.file_all(scan),
             "scan_reading": read_in_a_second, "scan_failed": try_again}  # fmt: skip
    for expected, do in steps.items():
        with desk.office.database.reading() as session:
            assert scans.unfinished(session, session.get_one(Oficio, oficio.id)) == expected
        do()
    with desk.office.database.writing() as session:
        page = session.scalars(select(ScanPage).where(ScanPage.scan_id == scan)).one()
        filing = session.get_one(ScanFiling, page.filing_id)
        assert accuracy(paper.words, session.get_one(Message, filing.message_id).text) >= 0.9
        document, clerk = session.get_one(Oficio, oficio.id), desk.of(session, "oficialia")
        scans.end_task(session, document, desk.of(session, "digitizer"))
        assert document.state == "discharging"
        wanted = select(Task).where(Task.case_id == oficio.id, Task.state == TaskState.OPEN)
        task = session.scalars(wanted).one()
        assert (task.kind, task.role) == (TaskKind.DISCHARGE, Role.OFICIALIA)
        digitize_again(session, desk.office, document, clerk, reason="Falta el reverso")
        assert document.state == "digitizing"
        with pytest.raises(InvalidInput):
            # The old scan is what is wrong.
            scans.end_task(session, document, desk.of(session, "digitizer"))


def is_upright(picture: bytes) -> bool:
    """Higher than wide, and darkest above on the right, where the label is."""
    with Image.open(io.BytesIO(picture)) as page:
        corners = page.convert("L").resize((2, 2), Image.Resampling.BOX).tobytes()
        return page.width < page.height and corners.index(min(corners)) == 1


def hang_tesseract(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """While the file that is returned exists, tesseract says its version and never reads anything."""
    real, flag, fake = shutil.which("tesseract"), folder / "hangs", folder / "tesseract"
    fake.write_text(
        f"""#!/bin/sh
case "$*" in *--version*|*--list-langs*) exec {real} "$@";; esac
if [ -e "{flag}" ]; then exec sleep 600; fi
exec {real} "$@"
"""
    )
    fake.chmod(0o755)
    flag.touch()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return flag


def impatient(office: Office) -> Office:
    """The same, where a page has one second."""
    return replace(office, settings=office.settings.model_copy(update={"scan_page_seconds": 1}))


def test_pages_that_nobody_can_read_in_their_time_are_filed_as_pictures_when_a_person_says_so(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    oficio = desk.register()
    paper = draw_paper(random.Random(13), label=label_text(oficio), words=["Manchado"], noise=0, size=HALF)
    scan = desk.take("manchado.jpg", paper.picture)
    desk.look()
    desk.file_all(scan)
    hang_tesseract(tmp_path, monkeypatch)
    of_it = select(ScanFiling).where(ScanFiling.case_id == oficio.id)
    with desk.office.database.writing() as session:
        filing = session.scalars(of_it).one()
        with pytest.raises(InvalidInput):
            scans.file_unread(filing)
        # As the test before left it.
        filing.state, filing.reason, filing.detail = JobState.FAILED, "slow_page", "1"
        scans.file_unread(filing)
    scan_jobs.read_pages(impatient(desk.office), threading.Event())
    with desk.office.database.reading() as session:
        filing = session.scalars(of_it).one()
        assert (filing.state, filing.reason) == (JobState.DONE, "")
        message = session.get_one(Message, filing.message_id)
        assert "Sin texto legible en la(s) página(s) 1." in message.text
        assert message.attachments[0].content_type == "application/pdf"


def test_a_file_that_hangs_its_reader_is_ended_when_its_time_is_up_and_leaves_no_process(
    tmp_path: Path,
) -> None:
    # Whoever opens it waits for ever, as for a share whose server went away.
    os.mkfifo(tmp_path / "0")
    job = {"do": "look", "content_type": "image/jpeg", "max_pages": 8, "nice": 0}
    (tmp_path / "job.json").write_text(json.dumps(job))
    with pytest.raises(Ended) as ended:
        run(tmp_path, patience=1, hear=lambda _: None, every_second=lambda: None, stop=threading.Event())
    assert ended.value.key == "slow"
    commands = [read_or_nothing(one) for one in Path("/proc").glob("[0-9]*/cmdline")]
    assert not any(str(tmp_path).encode() in one for one in commands)


def read_or_nothing(path: Path) -> bytes:
    """What another process may take away meanwhile."""
    with suppress(OSError):
        return path.read_bytes()
    return b""


@pytest.mark.parametrize(
    ("name", "reason"),
    [("contrasena.pdf", "encrypted"), ("roto.pdf", "broken"), ("largo.pdf", "too_many_pages")],
)
def test_a_file_that_cannot_be_read_fails_with_its_reason(desk: Desk, name: str, reason: str) -> None:
    scan = desk.take(name, hopeless(name))
    desk.look()
    found = desk.scan(scan)
    assert (found.state, found.reason) == (JobState.FAILED, reason)
    assert not found.is_finished and found.sha256


def hopeless(name: str) -> bytes:
    document = pikepdf.new()
    for _ in range(9):
        document.add_blank_page()
    made = io.BytesIO()
    document.save(made, encryption=Encryption(owner="a", user="b") if name.startswith("contra") else False)
    return b"%PDF-1.7\n" + b"nothing" * 9 if name.startswith("roto") else made.getvalue()


@pytest.mark.parametrize("content", [b"", b"MZ\x90\x00", b"<html></html>"])
def test_what_is_no_scan_is_refused_at_once(desk: Desk, content: bytes) -> None:
    with pytest.raises(InvalidInput):
        desk.take("archivo.pdf", content)


def test_a_job_whose_worker_died_is_taken_again_and_fails_at_last(desk: Desk) -> None:
    scan = desk.take("interrumpida.pdf", stack_pdf([draw_paper(random.Random(5), words=["Hoja"]).picture]))

    def die() -> None:
        with desk.office.database.writing() as session:
            session.execute(
                update(Scan).where(Scan.id == scan).values(
                    state=JobState.RUNNING, attempts=Scan.attempts + 1, leased_until=now() + LEASE
                )
            )  # fmt: skip
        assert desk.look() == 0, "somebody works on it"
        with desk.office.database.writing() as session:
            session.execute(update(Scan).where(Scan.id == scan).values(leased_until=now() - timedelta(1)))

    die()
    desk.look()
    assert desk.scan(scan).state == JobState.DONE
    with desk.office.database.writing() as session:
        session.execute(update(Scan).where(Scan.id == scan).values(attempts=MAX_ATTEMPTS - 1))
    die()
    desk.look()
    assert (desk.scan(scan).state, desk.scan(scan).reason) == (JobState.FAILED, "died")


def test_a_page_that_was_taken_for_empty_is_read_as_one_block(tmp_path: Path) -> None:
    chance = random.Random(8)
    paper = draw_paper(chance, words=write_words(chance, 20), crooked=-2.4, size=HALF)
    source, target = tmp_path / "read.pdf", tmp_path / "again.pdf"
    source.write_bytes(stack_pdf([paper.picture]))
    assert recognise_rest(source, target, {"title": "OP-2026-000001", "page_seconds": 60})
    assert accuracy(paper.words, read_texts(target)[0]) >= 0.9


def test_a_worker_that_is_told_to_stop_gives_the_job_back(desk: Desk) -> None:
    scan = desk.take("detenida.pdf", stack_pdf([draw_paper(random.Random(6), words=["Hoja"]).picture]))
    stop = threading.Event()
    stop.set()
    scan_jobs.look_through(desk.office, stop)
    assert (desk.scan(scan).state, desk.scan(scan).attempts) == (JobState.QUEUED, 0)


def test_the_watched_folder_takes_a_file_once_and_only_when_it_has_come_to_rest(desk: Desk) -> None:
    folder, watcher = Path(desk.office.settings.scan_dir), Watcher()
    paper = stack_pdf([draw_paper(random.Random(7), words=["Carpeta"]).picture])
    (folder / "scan0001.pdf").write_bytes(paper[:1000])
    assert watcher.look(desk.office) == 0
    (folder / "scan0001.pdf").write_bytes(paper)
    (folder / "notas.txt").write_text("no es un escaneo")
    assert watcher.look(desk.office) == 0, "still being written"
    assert watcher.look(desk.office) == 2
    # A crash between the commit and the move: the file is there again.
    (folder / "scan0001.pdf").write_bytes(paper)
    watcher.look(desk.office)
    watcher.look(desk.office)
    assert sorted(one.name for one in (folder / "done").iterdir()) == ["scan0001-2.pdf", "scan0001.pdf"]
    assert [one.name for one in (folder / "failed").iterdir()] == ["notas.txt"]
    with desk.office.database.reading() as session:
        taken = session.scalars(select(Scan).where(Scan.source == ScanSource.FOLDER).order_by(Scan.id)).all()
        assert sorted((one.filename, one.state) for one in taken) == [
            ("notas.txt", JobState.FAILED), ("scan0001.pdf", JobState.QUEUED)
        ]  # fmt: skip
        assert "notas.txt" in scans.describe(next(one for one in taken if one.filename == "notas.txt"))


@pytest.mark.parametrize(
    ("sender", "status"), [(SCANNER, InboundStatus.PROCESSED), ("otro@example.com", InboundStatus.HELD)]
)
def test_a_printer_mails_scans_and_nobody_else_does(desk: Desk, sender: str, status: InboundStatus) -> None:
    paper = stack_pdf([draw_paper(random.Random(sender), words=["Correo"]).picture])
    mail = make_mail(sender, "escaneos@example.gob.mx", files=[("scan.pdf", "application/pdf", paper)])
    spool.store(desk.office, [spool.Arrival("smtp", mail, envelope_to=("escaneos@example.gob.mx",))])
    process_spooled(desk.office)
    with desk.office.database.reading() as session:
        inbound = session.scalars(select(InboundMail).order_by(InboundMail.id.desc()).limit(1)).one()
        taken = session.scalars(select(Scan).where(Scan.sender == sender)).all()
        assert (inbound.status, inbound.case_id, len(taken)) == (status, None, status == "processed")
        assert sender in (inbound.reason if not taken else taken[0].sender)
