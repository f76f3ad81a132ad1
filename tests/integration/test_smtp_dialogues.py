"""The SMTP and LMTP doors, line by line, as other servers see them."""

import shutil
import smtplib
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import select

from intake import smtp, spool
from intake.config import Settings
from intake.office import Office
from models.inbound_mail import InboundMail
from models.mailbox import Mailbox
from tests.support.certificates import Certificate, make_certificate
from tests.support.doors import RawClient, mail_doors
from tests.support.swaks import run_swaks
from tests.support.waiting import wait_until

SUPPORT = "soporte@example.gob.mx"
MAX_BYTES = 2 * 1024 * 1024


@dataclass
class Doors:
    """Open doors and what came in by them."""

    office: Office
    door: smtp.MailDoor

    @property
    def smtp(self) -> int:
        return self.door.ports["smtp"]

    @property
    def lmtp(self) -> int:
        return self.door.ports["lmtp"]

    def mails(self) -> list[tuple[InboundMail, bytes]]:
        with self.office.database.reading() as session:
            rows = session.scalars(select(InboundMail).order_by(InboundMail.id)).all()
            return [(row, spool.read_raw(session, self.office, row)) for row in rows]


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    """A certificate of this test's own, which it may renew."""
    (tmp_path / "tls").mkdir()
    return make_certificate(tmp_path / "tls")


@pytest.fixture
def doors(settings: Settings, certificate: Certificate) -> Iterator[Doors]:
    office = Office.open(
        settings.model_copy(
            update={
                "smtp_listen": "127.0.0.1:0",
                "lmtp_listen": "127.0.0.1:0",
                "smtp_max_bytes": MAX_BYTES,
                "smtp_max_recipients": 3,
                "smtp_tls_cert": str(certificate.chain),
                "smtp_tls_key": str(certificate.key),
            }
        )
    )
    with office.database.writing() as session:
        session.add(Mailbox(address=SUPPORT, name="Soporte"))
        session.add(Mailbox(address="pagos@example.gob.mx", name="Pagos"))
        session.add(Mailbox(address="viejo@example.gob.mx", name="Cerrado", is_active=False))
    with mail_doors(office) as door:
        yield Doors(office, door)
    office.database.close()


# What the client says, and how the reply must begin. None: nothing is said, something must come.
DIALOGUES: dict[str, Sequence[tuple[str | None, str]]] = {
    "a mail": [
        (None, "220 example.gob.mx"),
        ("EHLO x", "250-example.gob.mx"),
        ("MAIL FROM:<ana@example.org> BODY=8BITMIME SIZE=100", "250 2.1.0"),
        (f"RCPT TO:<{SUPPORT}>", "250 2.1.5"),
        ("DATA", "354"),
        ("Subject: hola\r\n\r\n..\r\n.", "250 2.0.0 Recibido con"),
        ("QUIT", "221 2.0.0"),
    ],
    "HELO is enough": [
        (None, "220"),
        ("HELO x", "250 example.gob.mx"),
        ("MAIL FROM:<ana@example.org>", "250"),
        (f"RCPT TO:<{SUPPORT}>", "250"),
    ],
    "a bounce has no sender": [
        (None, "220"),
        ("EHLO x", "250"),
        ("MAIL FROM:<>", "250"),
        (f"RCPT TO:<{SUPPORT}>", "250"),
    ],
    "who is ours": [
        (None, "220"),
        ("EHLO x", "250"),
        ("MAIL FROM:<ana@example.org>", "250"),
        ("RCPT TO:<SOPORTE+T-2026-000123.abcdef@EXAMPLE.gob.mx>", "250 2.1.5"),
        ("RCPT TO:<nadie@example.gob.mx>", "550 5.1.1 El buzon nadie@example.gob.mx no existe"),
        ("RCPT TO:<viejo@example.gob.mx>", "550 5.1.1"),
        ("RCPT TO:<soporte@otro.example>", "550 5.1.1"),
        ("RCPT TO:<>", "550 5.1.1"),
        ("RCPT TO:<postmaster@example.gob.mx>", "250 2.1.5"),
        ("RCPT TO:<Postmaster>", "250 2.1.5"),
    ],
    "order matters": [
        (None, "220"),
        ("MAIL FROM:<ana@example.org>", "503 5.5.1"),
        ("EHLO x", "250"),
        (f"RCPT TO:<{SUPPORT}>", "503 5.5.1"),
        ("DATA", "503 5.5.1"),
        ("MAIL FROM:<ana@example.org>", "250"),
        ("MAIL FROM:<ana@example.org>", "503 5.5.1"),
        ("DATA", "503 5.5.1"),
        ("RSET", "250 2.0.0"),
        (f"RCPT TO:<{SUPPORT}>", "503 5.5.1"),
    ],
    "what is too large is refused before it is sent": [
        (None, "220"),
        ("EHLO x", "250"),
        (f"MAIL FROM:<ana@example.org> SIZE={MAX_BYTES + 1}", "552 5.3.4"),
        (f"MAIL FROM:<ana@example.org> SIZE={MAX_BYTES}", "250"),
    ],
    "too many recipients": [
        (None, "220"),
        ("EHLO x", "250"),
        ("MAIL FROM:<ana@example.org>", "250"),
        *[(f"RCPT TO:<soporte+{number}@example.gob.mx>", "250") for number in range(3)],
        (f"RCPT TO:<{SUPPORT}>", "452 4.5.3"),
    ],
    "nonsense": [
        (None, "220"),
        ("EHLO x", "250"),
        ("", "500 5.5.2"),
        ("MAIL", "501 5.5.4"),
        ("MAIL FROM:", "553 5.1.3"),
        ("MAIL FROM:<a@@b>", "553 5.1.3"),
        ("MAIL FROM:<a@b> COLOR=red", "555 5.5.4"),
        ("MAIL FROM:<a@b> SIZE=many", "501 5.5.4"),
        ("\xff\xfe", "500 5.5.2"),
        ("BAKE cake", "500 5.5.2"),
        ("X" * 2000, "500 5.5.2"),
        ("NOOP", "250 2.0.0"),
        ("VRFY soporte@example.gob.mx", "252 2.0.0"),
        ("AUTH PLAIN AGEAYg==", "538"),
        ("STARTTLS now", "501 5.5.4"),
    ],
    "five unknown commands are no mail": [
        (None, "220"),
        *[("BAKE cake", "500 5.5.2")] * 4,
        ("BAKE cake", "502 5.5.1"),
        (None, ""),
    ],
}  # fmt: skip


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("dialogue", DIALOGUES.values(), ids=DIALOGUES.keys())
def test_each_command_gets_its_reply(doors: Doors, dialogue: Sequence[tuple[str | None, str]]) -> None:
    with RawClient(doors.smtp) as client:
        for line, expected in dialogue:
            reply = client.reply() if line is None else client.say(line.encode("latin-1"))
            assert reply.startswith(expected), (line, reply)
            assert expected or not reply


def test_the_offers_are_those_that_are_kept(doors: Doors) -> None:
    with RawClient(doors.smtp) as client:
        offers = {line[4:] for line in client.greet().splitlines()}
    assert offers == {"example.gob.mx", f"SIZE {MAX_BYTES}", "8BITMIME", "SMTPUTF8", "STARTTLS", "PIPELINING",
                      "ENHANCEDSTATUSCODES"}  # fmt: skip


def test_a_mail_is_stored_byte_for_byte_with_its_envelope(doors: Doors) -> None:
    raw = b"Subject: \xf1and\xfa\r\n\r\n.uno\r\n..dos\r\n\0\x80\r\nbare\nlines\rhere"
    with RawClient(doors.smtp) as client:
        client.greet()
        assert client.send_mail(raw, "soporte+A@example.gob.mx").startswith("250 2.0.0")
    ((row, stored),) = doors.mails()
    assert stored == raw + b"\r\n"
    assert (row.envelope_from, row.envelope_to) == ("ana@example.org", "soporte+A@example.gob.mx")
    assert (row.door, row.peer, row.helo) == ("smtp", "127.0.0.1", "client.example.org")


def test_commands_may_come_all_at_once(doors: Doors) -> None:
    one = f"MAIL FROM:<ana@example.org>\r\nRCPT TO:<{SUPPORT}>\r\nRCPT TO:<nadie@example.gob.mx>\r\nDATA\r\n"
    with RawClient(doors.smtp) as client:
        client.reply()
        client.send(f"EHLO x\r\n{one}".encode())
        assert [client.reply()[:3] for _ in range(5)] == ["250", "250", "250", "550", "354"]
        client.send(f"Subject: uno\r\n\r\nhola\r\n.\r\n{one}".encode())
        assert [client.reply()[:3] for _ in range(5)] == ["250", "250", "250", "550", "354"]
        client.send(b"Subject: dos\r\n\r\nhola\r\n.\r\nQUIT\r\n")
        assert [client.reply()[:3] for _ in range(2)] == ["250", "221"]
    assert [row.subject_header for row, _ in doors.mails()] == ["uno", "dos"]


@pytest.mark.parametrize("false_end", [b"\n.\n", b"\r.\r", b"\n.\r\n", b"\r\n.\n", b"\r.\r\n", b"\r\n.\r"])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_second_mail_cannot_be_smuggled_in_a_first(doors: Doors, false_end: bytes) -> None:
    inner = (
        b"MAIL FROM:<jefe@example.gob.mx>\r\nRCPT TO:<" + SUPPORT.encode() + b">\r\nDATA\r\nSubject: no\r\n"
    )
    with RawClient(doors.smtp) as client:
        client.greet()
        for command in ("MAIL FROM:<ana@example.org>", f"RCPT TO:<{SUPPORT}>", "DATA"):
            client.say(command)
        client.send(b"Subject: uno\r\n\r\nhola" + false_end + inner + b"\r\n.\r\n")
        assert client.reply().startswith("250 2.0.0")
        assert client.say("NOOP").startswith("250")
    ((row, stored),) = doors.mails()
    assert row.envelope_from == "ana@example.org"
    assert b"DATA\r\nSubject: no" in stored


def test_an_empty_mail_and_one_of_dots_end_where_they_end(doors: Doors) -> None:
    with RawClient(doors.smtp) as client:
        client.greet()
        for wire in (b".\r\n", b"..\r\n.\r\n", b"\r\n.\r\n"):
            for command in ("MAIL FROM:<ana@example.org>", f"RCPT TO:<{SUPPORT}>", "DATA"):
                client.say(command)
            client.send(wire)
            assert client.reply().startswith("250 2.0.0")
    assert [raw for _, raw in doors.mails()] == [b"", b".\r\n", b"\r\n"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_who_sends_nothing_but_false_ends_is_shown_out(doors: Doors) -> None:
    with RawClient(doors.smtp) as client:
        client.greet()
        for command in ("MAIL FROM:<ana@example.org>", f"RCPT TO:<{SUPPORT}>", "DATA"):
            client.say(command)
        client.send(b"a\n.\r\n" * 2_000)
        assert client.reply().startswith("554 5.6.0")
        assert client.reply() == ""


def test_a_mail_that_grows_too_large_is_refused_at_its_end(doors: Doors) -> None:
    with RawClient(doors.smtp) as client:
        client.greet()
        assert client.send_mail(b"x" * 70 + b"\r\n" * MAX_BYTES, SUPPORT).startswith("552 5.3.4")
        assert client.send_mail(b"Subject: chico\r\n\r\n", SUPPORT).startswith("250")
    assert [row.subject_header for row, _ in doors.mails()] == ["chico"]


def test_an_address_outside_ascii_is_taken_as_it_is(doors: Doors) -> None:
    with doors.office.database.writing() as session:
        session.add(Mailbox(address="atención@example.gob.mx", name="Atención"))
    with RawClient(doors.smtp) as client:
        client.greet()
        assert client.say("MAIL FROM:<añó@correo.example> SMTPUTF8").startswith("250")
        # Made a moment ago, and known nevertheless.
        assert wait_until(lambda: client.say("RCPT TO:<Atención@example.gob.mx>").startswith("250"))
        client.say("DATA")
        assert client.say("Subject: ñ\r\n\r\n.").startswith("250")
    ((row, _),) = doors.mails()
    assert (row.envelope_from, row.envelope_to) == ("añó@correo.example", "Atención@example.gob.mx")


def test_one_row_for_each_recipient(doors: Doors) -> None:
    run = run_swaks(doors.smtp, "--body", "hola", to=f"{SUPPORT},pagos@example.gob.mx,{SUPPORT}")
    assert run.is_accepted, run.transcript
    assert [row.envelope_to for row, _ in doors.mails()] == [SUPPORT, "pagos@example.gob.mx"]
    assert len({row.raw_sha256 for row, _ in doors.mails()}) == 1


def test_starttls_protects_the_mail(doors: Doors, certificate: Certificate) -> None:
    with smtplib.SMTP("localhost", doors.smtp, timeout=20) as client:
        client.starttls(context=certificate.for_client())
        client.ehlo()
        assert not client.has_extn("starttls")
        assert not client.has_extn("auth")
        client.sendmail("ana@example.org", [SUPPORT], b"Subject: secreto\r\n\r\nhola\r\n" + b"x" * 1_000_000)
    assert [row.subject_header for row, _ in doors.mails()] == ["secreto"]


def test_a_renewed_certificate_needs_no_restart(doors: Doors, tmp_path: Path) -> None:
    renewed = make_certificate(tmp_path)
    settings = doors.office.settings
    for new, old in ((renewed.chain, settings.smtp_tls_cert), (renewed.key, settings.smtp_tls_key)):
        shutil.copy(new, old)
    with smtplib.SMTP("localhost", doors.smtp, timeout=20) as client:
        client.starttls(context=renewed.for_client())


def test_what_was_said_before_starttls_is_forgotten(doors: Doors, certificate: Certificate) -> None:
    with smtplib.SMTP("localhost", doors.smtp, timeout=20) as client:
        client.ehlo()
        client.mail("ana@example.org")
        client.rcpt(SUPPORT)
        client.starttls(context=certificate.for_client())
        assert client.docmd("DATA")[0] == 503


def test_a_command_that_rides_in_before_the_handshake_ends_the_session(doors: Doors) -> None:
    with RawClient(doors.smtp) as client:
        client.greet()
        client.send(b"STARTTLS\r\nRSET\r\n")
        assert client.reply().startswith("503 5.5.1")
        assert client.reply() == ""


def test_a_client_that_leaves_during_the_handshake_leaves_nothing_behind(doors: Doors) -> None:
    for nonsense in (b"", b"this is no handshake\r\n" * 1000):
        with RawClient(doors.smtp) as client:
            client.greet()
            assert client.say("STARTTLS").startswith("220")
            client.send(nonsense)
        wait_until(lambda: not doors.door.sessions)


def test_lmtp_answers_for_each_recipient(doors: Doors) -> None:
    with RawClient(doors.lmtp) as client:
        client.reply()
        assert client.say("EHLO x").startswith("500 5.5.1")
        assert client.say("MAIL FROM:<ana@example.org>").startswith("503 5.5.1")
        assert "ENHANCEDSTATUSCODES" in client.say("LHLO x")
        client.say("MAIL FROM:<ana@example.org>")
        answers = [
            client.say(f"RCPT TO:<{address}@example.gob.mx>")[:3] for address in ("soporte", "nadie", "pagos")
        ]
        assert answers == ["250", "550", "250"]
        client.say("DATA")
        assert client.say(b"Subject: hola\r\n\r\n.").startswith("250 2.0.0")
        assert client.reply().startswith("250 2.0.0")
        assert client.say("MAIL FROM:<ana@example.org>").startswith("250")
        client.say(f"RCPT TO:<{SUPPORT}>")
        client.say("RCPT TO:<pagos@example.gob.mx>")
        client.say("DATA")
        client.send(b"x" * (MAX_BYTES + 10) + b"\r\n.\r\n")
        assert [client.reply()[:9] for _ in range(2)] == ["552 5.3.4"] * 2
        assert client.say("QUIT").startswith("221")
    assert [(row.door, row.envelope_to) for row, _ in doors.mails()] == [
        ("lmtp", SUPPORT),
        ("lmtp", "pagos@example.gob.mx"),
    ]


def test_swaks_speaks_lmtp_with_us(doors: Doors) -> None:
    run = run_swaks(doors.lmtp, "--protocol", "LMTP", to=f"{SUPPORT},pagos@example.gob.mx")
    assert run.is_accepted, run.transcript
    assert len(doors.mails()) == 2


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_bad_client_never_stops_the_others(doors: Doors) -> None:
    bad = [RawClient(doors.smtp) for _ in range(5)]
    bad[0].send(bytes(range(256)) * 1000)
    bad[1].send(b"A" * 1_000_000)
    bad[2].send(b"EHLO x\r\n" + b"NOOP\r\n" * 900)
    bad[3].send(b"EHLO x\r\nSTARTTLS\r\n")
    bad[3].send(b"this is no handshake\r\n" * 100)
    bad[4].send(f"EHLO x\r\nMAIL FROM:<a@b.mx>\r\nRCPT TO:<{SUPPORT}>\r\nDATA\r\nhalf a m".encode())
    # Ends with a reset instead of a good-bye.
    bad[4].socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    bad[4].close()
    for number in range(20):
        with RawClient(doors.smtp) as client:
            client.greet()
            assert client.send_mail(b"Subject: bien %d\r\n" % number, SUPPORT).startswith("250")
    assert len(doors.mails()) == 20
    for client in bad[:4]:
        client.close()
    wait_until(lambda: not doors.door.sessions)
    assert doors.door.bytes_held == 0
