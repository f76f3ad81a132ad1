"""The mail itself, and how it is handed over: headers, threads, files, TLS, or .eml files without a relay."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from intake import outbox
from intake.attachments import keep_files
from intake.config import Settings
from intake.incoming import IncomingFile
from intake.mailer import deliver_mail
from intake.office import Office
from intake.reply_address import read_bounce
from models.base import now
from models.mailbox import Door
from models.outbox_message import OutboxMessage, OutboxStatus
from tests.support.certificates import Certificate
from tests.support.desk import SUPPORT, get_notice, later, notices, queue_notice, sent_files
from tests.support.institution import found_institution, open_case, write_message
from tests.support.relay import Relay

# How a mail is written and handed over is no question of the database; what is kept of it is proven on both.
pytestmark = pytest.mark.on_sqlite

ANA = "ana@correo.example"


@pytest.fixture
def office(settings: Settings) -> Iterator[Office]:
    """Without a relay."""
    opened = Office.open(settings)
    yield opened
    opened.database.close()


def with_relay(office: Office, url: str) -> Office:
    return Office(office.settings.model_copy(update={"relay_url": url}), office.database, office.store)


def write(session: Session, office: Office, **changes: object) -> OutboxMessage:
    notice = outbox.queue(session, office, kind="answer", to=[ANA], subject="Re: Impresora [T-2026-000001]",
                          text="Hola", html="<p>Hola</p>", from_addr=SUPPORT, from_name="Soporte · Municipio",
                          reply_to="soporte+T-2026-000001.abc@example.gob.mx")  # fmt: skip
    for name, value in changes.items():
        setattr(notice, name, value)
    return notice


def send(office: Office, **changes: object) -> EmailMessage:
    """Write a notice with *changes*, deliver it and read the file."""
    with office.database.writing() as session:
        write(session, office, **changes)
    assert deliver_mail(office) == 1
    return sent_files(office)[-1]


def test_a_mail_says_who_we_are_and_what_it_answers(office: Office) -> None:
    mail = send(office, in_reply_to="uno@correo.example", references=["cero@x.example", "uno@correo.example"])
    notice = notices(office)[0]
    assert mail["Message-ID"] == f"<{notice.rfc_message_id}>"
    assert mail["From"].addresses[0].display_name == "Soporte · Municipio"
    assert mail["From"].addresses[0].addr_spec == SUPPORT
    assert mail["Reply-To"].addresses[0].addr_spec == "soporte+T-2026-000001.abc@example.gob.mx"
    assert mail["In-Reply-To"] == "<uno@correo.example>"
    assert mail["References"].split() == ["<cero@x.example>", "<uno@correo.example>"]
    assert mail["List-Id"] == "<soporte.example.gob.mx>"
    assert mail["Date"].datetime == notice.created_at.replace(microsecond=0)
    assert mail["X-Oficialia-Loop"] == SUPPORT


def test_a_mail_reads_as_text_and_as_html(office: Office) -> None:
    mail = send(office, text="Año nuevo: ñandú", html="<p>Año nuevo: ñandú</p>")
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None and text.get_content().strip() == "Año nuevo: ñandú"
    assert html is not None and "ñandú" in html.get_content()


def test_robots_are_told_that_a_robot_wrote(office: Office) -> None:
    automatic = send(office, auto_submitted="auto-replied")
    assert automatic["Auto-Submitted"] == "auto-replied"
    assert automatic["X-Auto-Response-Suppress"] == "All"


def test_an_answer_of_a_person_is_not_marked_as_automatic(office: Office) -> None:
    mail = send(office)
    assert mail["Auto-Submitted"] is None and mail["X-Auto-Response-Suppress"] is None


def test_an_id_longer_than_a_line_is_written_as_it_is(office: Office) -> None:
    # Outlook and some lists make ids of 100 letters and more.
    long = "A" * 180 + "@outlook.example"
    with office.database.writing() as session:
        write(session, office, in_reply_to=long, references=[long, "corto@x.example"])
    deliver_mail(office)
    raw = next(office.settings.outgoing_dir.glob("*.eml")).read_bytes()
    assert f"In-Reply-To: <{long}>\r\n".encode() in raw
    assert f"References: <{long}>\r\n <corto@x.example>\r\n".encode() in raw
    assert b"=?" not in raw.split(b"References")[1][:300]


def test_no_line_is_longer_than_smtp_allows(office: Office) -> None:
    send(office, text="palabra " * 500 + "x" * 3000, subject="ñ" * 300, html="<p>" + "y" * 5000 + "</p>")
    raw = next(office.settings.outgoing_dir.glob("*.eml")).read_bytes()
    # RFC 5321, 4.5.3.1.6: 1000 with CRLF; all of it is ASCII, for any relay.
    assert max(map(len, raw.split(b"\r\n"))) < 998
    assert raw.isascii()


@pytest.mark.on_both
def test_the_files_of_an_answer_go_along_with_their_names_and_types(office: Office) -> None:
    files = [
        IncomingFile.of("informe técnico — año 2026.pdf", "application/pdf", b"%PDF-1.4\n" + bytes(3000)),
        IncomingFile.of("correo.eml", "message/rfc822", b"Subject: adentro\r\n\r\nHola"),
        IncomingFile.of("notas.txt", "text/plain", "línea uno\r\nlínea dos\n".encode("latin-1")),
        IncomingFile.of("sin tipo", "", b"\x00\x01"),
    ]
    with office.database.writing() as session:
        message = write_message(session, open_case(session, found_institution(session)), text="Va")
        keep_files(session, office, message, files)
        write(session, office, message_id=message.id)
    deliver_mail(office)
    parts = list(sent_files(office)[0].iter_attachments())
    assert [part.get_filename() for part in parts] == [file.filename for file in files]
    assert [part.get_payload(decode=True) for part in parts] == [file.content for file in files]
    assert parts[0].get_content_type() == "application/pdf"
    assert parts[1].get_content_type() == "application/octet-stream"


def test_without_a_relay_every_mail_is_a_whole_file_and_the_folder_sorts_by_time(office: Office) -> None:
    for number in range(3):
        queue_notice(office, subject=f"Aviso {number}")
    assert deliver_mail(office) == 3
    assert [mail["Subject"] for mail in sent_files(office)] == ["Aviso 0", "Aviso 1", "Aviso 2"]
    assert not list(office.settings.outgoing_dir.glob(".new-*"))


def test_the_name_of_a_file_says_which_case_it_is_about(office: Office) -> None:
    with office.database.writing() as session:
        case = open_case(session, found_institution(session))
    queue_notice(office, case=case)
    deliver_mail(office)
    (path,) = office.settings.outgoing_dir.glob("*.eml")
    assert path.name.endswith(f"-{case.folio}-acuse.eml")
    assert sent_files(office)[0]["X-Oficialia-Folio"] == case.folio


def test_while_the_folder_cannot_be_written_mail_waits(office: Office, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    blocked = office.settings.model_copy(update={"outgoing_dir": tmp_path / "file" / "outgoing"})
    notice = queue_notice(office)
    assert deliver_mail(Office(blocked, office.database, office.store)) == 0
    assert get_notice(office, notice).attempts == 0
    with later(minutes=1):
        assert deliver_mail(office) == 1


@pytest.mark.on_both
def test_a_bounce_comes_back_to_the_notice_it_is_about(office: Office, relay: Relay) -> None:
    notice = get_notice(office, queue_notice(office))
    deliver_mail(with_relay(office, relay.url))
    assert relay.received[0].sender.startswith("soporte+b-")
    assert read_bounce(office, relay.received[0].sender) == notice.rfc_message_id


@pytest.mark.on_both
def test_many_mails_go_through_one_session(
    office: Office, relay: Relay, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(10):
        queue_notice(office)
    with caplog.at_level(logging.INFO, "mail.log"):
        assert deliver_mail(with_relay(office, relay.url)) == 10
    assert sum("Peer:" in record.message for record in caplog.records) == 1


def test_a_relay_with_starttls_and_login_gets_both(
    office: Office, tls_relay: Relay, certificate: Certificate
) -> None:
    queue_notice(office)
    assert deliver_mail(with_relay(office, f"{tls_relay.url}&ca={certificate.chain}")) == 1
    assert tls_relay.received[0].over_tls and tls_relay.received[0].login == "oficialia"


def test_a_relay_whose_certificate_nobody_signed_gets_no_password(office: Office, tls_relay: Relay) -> None:
    notice = queue_notice(office)
    assert deliver_mail(with_relay(office, tls_relay.url)) == 0
    assert "certificate" in get_notice(office, notice).last_error
    assert tls_relay.attempts == 0


@pytest.mark.on_both
def test_a_relay_that_does_not_know_us_keeps_mail_waiting_and_says_why(
    office: Office, tls_relay: Relay, certificate: Certificate
) -> None:
    notice = queue_notice(office)
    url = f"{tls_relay.url}&ca={certificate.chain}".replace("secreto", "otra")
    assert deliver_mail(with_relay(office, url)) == 0
    row = get_notice(office, notice)
    assert row.last_error.startswith("535") and row.attempts == 0
    assert row.status == OutboxStatus.RETRYING
    with office.database.reading() as session:
        door = session.get_one(Door, "relay")
        assert door.error.startswith("535") and door.last_message_at is None


def test_starttls_that_is_required_but_not_offered_sends_nothing_in_the_clear(
    office: Office, relay: Relay
) -> None:
    notice = queue_notice(office)
    assert deliver_mail(with_relay(office, f"{relay.url}?starttls=required")) == 0
    assert relay.attempts == 0
    assert "STARTTLS" in get_notice(office, notice).last_error


def test_a_wrong_relay_url_is_said_and_loses_nothing(office: Office) -> None:
    notice = queue_notice(office)
    assert deliver_mail(with_relay(office, "http://relay.example")) == 0
    row = get_notice(office, notice)
    assert "OFICIALIA_RELAY_URL" in row.last_error and row.status == OutboxStatus.RETRYING


@pytest.mark.on_both
def test_the_door_shows_when_the_relay_took_the_last_mail(office: Office, relay: Relay) -> None:
    queue_notice(office)
    before = now()
    deliver_mail(with_relay(office, relay.url))
    with office.database.reading() as session:
        door = session.get_one(Door, "relay")
        assert door.last_message_at is not None and door.last_message_at >= before
        assert door.last_contact_at is not None and door.error == ""


def test_an_address_beyond_ascii_travels_as_utf8(office: Office, relay: Relay) -> None:
    queue_notice(office, "josé@correo.example", subject="Trámite")
    assert deliver_mail(with_relay(office, relay.url)) == 1
    (mail,) = relay.received
    assert mail.recipients == ["josé@correo.example"]
    assert "To: josé@correo.example\r\n".encode() in mail.raw


def test_a_name_with_signs_of_its_own_stays_a_name(office: Office) -> None:
    mail = send(office, from_name='Mesa "A", <piso 2>; Núñez')
    assert mail["From"].addresses[0].display_name == 'Mesa "A", <piso 2>; Núñez'
    assert mail["From"].addresses[0].addr_spec == SUPPORT
