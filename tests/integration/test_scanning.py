"""Malware through SMTP and a real clamd: quarantined, clerk and sender told, nothing else delayed."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select

from intake import held, notices, scanning, spool
from intake.config import Settings
from intake.errors import InvalidInput
from intake.incoming import IncomingFile
from intake.office import Office
from intake.pipeline import process_spooled
from intake.rescanning import rescan
from intake.scanning import MALWARE, UNSCANNABLE, UNSCANNED, Scanner, ScannerAway, scan_files
from models.case import Case
from models.event import Event
from models.inbound_mail import InboundMail, InboundStatus, Outcome
from models.message import Attachment, Message
from models.outbox_message import OutboxMessage
from tests.support.clamd import EICAR, OWN_SAMPLE
from tests.support.desk import as_sent
from tests.support.doors import mail_doors
from tests.support.institution import Institution
from tests.support.mails import make_mail
from tests.support.ports import free_port
from tests.support.swaks import run_swaks

SUPPORT = "soporte@example.gob.mx"
PDF = ("acta.pdf", "application/pdf", b"%PDF-1.4\n%%EOF\n")
VIRUS = ("factura.txt", "text/plain", EICAR)


@pytest.fixture
def office(settings: Settings, clamd_port: int) -> Iterator[Office]:
    url = f"tcp://127.0.0.1:{clamd_port}"
    opened = Office.open(settings.model_copy(update={"clamd_url": url, "max_file_bytes": 300_000}))
    yield opened
    opened.database.close()


def with_scanner(office: Office, url: str) -> Office:
    return Office(office.settings.model_copy(update={"clamd_url": url}), office.database, office.store)


def arrive(office: Office, raw: bytes) -> InboundMail:
    (number,) = spool.store(office, [spool.Arrival("ingest", raw, "", (SUPPORT,))])
    process_spooled(office)
    with office.database.reading() as session:
        return session.get_one(InboundMail, number)


def dangers(office: Office) -> dict[str, str]:
    with office.database.reading() as session:
        return {file.filename: file.danger for file in session.scalars(select(Attachment))}


def acuses(office: Office) -> list[OutboxMessage]:
    with office.database.reading() as session:
        wanted = select(OutboxMessage).where(OutboxMessage.kind == "acuse").order_by(OutboxMessage.id)
        return as_sent(session.scalars(wanted))


@contextmanager
def silent_clamd() -> Iterator[str]:
    """A clamd that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"


# ---------------------------------------------------------------------- the client


def test_clamd_finds_malware_and_nothing_else(clamd_port: int) -> None:
    scanner = Scanner(f"tcp://127.0.0.1:{clamd_port}")
    assert scanner.scan(b"") == "" and scanner.scan(b"x" * 1_000_000) == ""
    assert scanner.scan(EICAR) == f"{MALWARE}Eicar-Test-Signature.UNOFFICIAL"
    assert scanner.scan(b"x" * 600_000 + OWN_SAMPLE).startswith(MALWARE)


def test_an_absent_clamd_is_asked_once_and_then_left_alone() -> None:
    scanner = Scanner(f"tcp://127.0.0.1:{free_port()}")
    with pytest.raises(ScannerAway, match="refused"):
        scanner.scan(b"x")
    with pytest.raises(ScannerAway, match="resting"):
        scanner.scan(b"x")


def test_a_file_beyond_the_scanners_limit_is_known_as_such(tmp_path: Path) -> None:
    path = tmp_path / "clamd.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()

        def refuse() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(100)
                connection.sendall(b"INSTREAM size limit exceeded. ERROR\0")

        thread = threading.Thread(target=refuse)
        thread.start()
        assert Scanner(f"unix:{path}").scan(b"x" * 5_000_000) == UNSCANNABLE
        thread.join()


@pytest.mark.parametrize("url", ["", "clamd", "tcp://", "http://127.0.0.1:3310"])
def test_a_wrong_address_is_said_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="OFICIALIA_CLAMD_URL"):
        Scanner(url)


def test_malware_outweighs_the_type_but_waiting_does_not(clamd_port: int) -> None:
    page = IncomingFile.of("a.html", "text/html", EICAR)
    page = IncomingFile(page.filename, page.content_type, page.content, page.sha256, danger="html")
    assert scan_files(f"tcp://127.0.0.1:{clamd_port}", [page])[0].danger.startswith(MALWARE)
    assert scan_files(f"tcp://127.0.0.1:{free_port()}", [page])[0].danger == "html"
    assert scan_files("", [page]) == (page,)


# ---------------------------------------------------------------------- in the pipeline


def test_malware_through_smtp_is_quarantined_and_both_sides_are_told(
    office: Office, town: Institution, tmp_path: Path
) -> None:
    (tmp_path / "factura.txt").write_bytes(EICAR)
    (tmp_path / "acta.pdf").write_bytes(PDF[2])
    with mail_doors(office) as door:
        attach = ["--attach", f"@{tmp_path / 'factura.txt'}", "--attach", f"@{tmp_path / 'acta.pdf'}"]
        sent = run_swaks(door.ports["smtp"], *attach, to=SUPPORT)
        assert sent.is_accepted, sent.transcript
        assert run_swaks(door.ports["smtp"], "--header", "Subject: Otro", to=SUPPORT).is_accepted
    assert process_spooled(office) == 2
    found = dangers(office)
    assert found["factura.txt"].startswith(f"{MALWARE}Eicar") and found["acta.pdf"] == ""
    with office.database.reading() as session:
        message = session.scalars(select(Message).order_by(Message.id)).first()
        assert message is not None and "malware" in message.defects
        event = session.scalars(select(Event).where(Event.action == "malware")).one()
        assert event.data["file"] == "factura.txt" and "Eicar" in event.data["found"]
        assert len(session.scalars(select(Case)).all()) == 2
        with pytest.raises(InvalidInput):
            notices.write_answer(session, office, message.case, message, ["ana@correo.example"], [])
    told = acuses(office)[0]
    assert "factura.txt" in told.text and "en cuarentena" in told.text


def test_malware_in_a_follow_up_is_told_too(office: Office, town: Institution) -> None:
    arrive(office, make_mail(message_id="<uno@correo.example>"))
    mail = arrive(office, make_mail(in_reply_to="<uno@correo.example>", files=[VIRUS]))
    assert mail.outcome == Outcome.FOLLOW_UP
    assert "en cuarentena" in acuses(office)[1].text
    arrive(office, make_mail(in_reply_to="<uno@correo.example>", files=[PDF]))
    assert len(acuses(office)) == 2


@pytest.mark.parametrize("late", [VIRUS, PDF], ids=["malware", "clean"])
def test_while_clamd_is_away_mail_goes_on_and_its_files_wait(
    office: Office, town: Institution, late: tuple[str, str, bytes]
) -> None:
    away = with_scanner(office, f"tcp://127.0.0.1:{free_port()}")
    mail = arrive(away, make_mail(files=[late]))
    assert mail.outcome == Outcome.TICKET and dangers(office) == {late[0]: UNSCANNED}
    assert "cuarentena" not in acuses(office)[0].text
    assert rescan(away) == 0 and dangers(office) == {late[0]: UNSCANNED}
    assert rescan(office) == 1
    with office.database.reading() as session:
        message = session.scalars(select(Message)).one()
        events = session.scalars(select(Event.action)).all()
    if late is VIRUS:
        assert dangers(office)[late[0]].startswith(MALWARE)
        assert message.defects == ["malware"] and "malware" in events
        assert "en cuarentena" in acuses(office)[1].text and late[0] in acuses(office)[1].text
    else:
        assert dangers(office) == {late[0]: ""} and message.defects == []
        assert len(acuses(office)) == 1
    assert rescan(office) == 0


def test_a_list_is_not_told_of_malware_that_was_found_late(office: Office, town: Institution) -> None:
    away = with_scanner(office, f"tcp://127.0.0.1:{free_port()}")
    arrive(away, make_mail(files=[VIRUS], headers=[("List-Id", "<vecinos.example>")]))
    assert rescan(office) == 1 and dangers(office)[VIRUS[0]].startswith(MALWARE)
    assert acuses(office) == []


def test_a_clamd_that_never_answers_holds_up_one_mail_only(
    office: Office, town: Institution, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scanning, "_ANSWER", 0.2)
    with silent_clamd() as url:
        stuck = with_scanner(office, url)
        for _ in range(3):
            assert arrive(stuck, make_mail(files=[PDF])).outcome == Outcome.TICKET
        with pytest.raises(ScannerAway, match="resting"):
            scanning.open_scanner(url).scan(b"x")


def test_files_of_mail_that_a_clerk_takes_from_the_held_are_scanned_afterwards(
    office: Office, town: Institution
) -> None:
    arrive(office, make_mail(message_id="<uno@correo.example>"))
    stranger = make_mail("x@ajeno.example", in_reply_to="<uno@correo.example>", files=[VIRUS])
    mail = arrive(office, stranger)
    assert mail.status == InboundStatus.HELD
    with office.database.writing() as session:
        inbound = session.get_one(InboundMail, mail.id)
        held.make_ticket(session, office, inbound, session.merge(town.accounts["oficialia"]))
    assert dangers(office) == {VIRUS[0]: UNSCANNED}
    assert rescan(office) == 1
    assert dangers(office)[VIRUS[0]].startswith(MALWARE)


# ---------------------------------------------------------------------- limits


def test_a_file_that_is_too_large_stays_in_the_mail_and_its_sender_is_told(
    office: Office, town: Institution
) -> None:
    raw = make_mail(files=[("video.mp4", "video/mp4", b"v" * 400_000), PDF])
    mail = arrive(office, raw)
    assert dangers(office) == {"acta.pdf": ""}
    with office.database.reading() as session:
        message = session.scalars(select(Message)).one()
        assert message.left_out == [{"filename": "video.mp4", "size": 400_000, "reason": "too_large"}]
        assert spool.read_raw(session, office, session.get_one(InboundMail, mail.id)) == raw
    assert "«video.mp4» (400 KB) es más grande que los 300 KB" in acuses(office)[0].text


def test_a_case_takes_files_up_to_its_limit_and_its_sender_is_told(office: Office, town: Institution) -> None:
    small = Office(
        office.settings.model_copy(update={"max_case_bytes": 1_000}), office.database, office.store
    )
    arrive(small, make_mail(message_id="<uno@correo.example>", files=[("uno.txt", "text/plain", b"u" * 600)]))
    more = [("dos.txt", "text/plain", b"d" * 600), ("tres.txt", "text/plain", b"t" * 300)]
    arrive(small, make_mail(in_reply_to="<uno@correo.example>", files=more))
    assert set(dangers(office)) == {"uno.txt", "tres.txt"}
    assert "«dos.txt» (600 B) ya no cabe en este folio" in acuses(office)[1].text
