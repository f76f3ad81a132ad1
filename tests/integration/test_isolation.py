"""A mail that hangs, swells or kills its reader fails alone; the next ones go on."""

from __future__ import annotations

import io
import os
import pickle
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import select

from intake import held, spool
from intake.authentication import Envelope, evaluate
from intake.errors import InvalidInput
from intake.incoming import Channel, IncomingMessage, Raw
from intake.office import Office
from intake.parsing import parse_email
from intake.pipeline import process_spooled
from intake.reading.isolation import PlainValues, Poisoned, Reader
from models.inbound_mail import InboundMail, InboundStatus
from tests.support.institution import Institution
from tests.support.mails import make_mail
from tests.support.resolver import name_server
from tests.support.signing import SELECTOR, sign, signing_key
from tests.support.waiting import wait_until

POISON = "tests.support.poison:read"
SUPPORT = "soporte@example.gob.mx"
MEGABYTES = 1 << 20


@pytest.fixture
def reader() -> Iterator[Reader]:
    """A reader that mail can poison by its subject."""
    with Reader(POISON, seconds=0.3, patience=3, memory=300 * MEGABYTES) as opened:
        yield opened


def test_the_child_reads_mail_as_we_do() -> None:
    raw = make_mail(files=[("acta.pdf", "application/pdf", b"%PDF-1.4\n" + os.urandom(200_000))])
    with Reader() as reader:
        assert reader.parse(raw) == parse_email(raw)
        assert reader.parse(b"") == parse_email(b"")


@pytest.mark.parametrize(
    ("subject", "key"),
    [
        ("loop", "slow"),
        ("swell", "memory"),
        ("leave", "crash"),
        ("crash", "crash"),
        ("raise", "error"),
    ],
)
def test_what_happens_to_the_child_is_known_and_the_next_mail_is_read(
    reader: Reader, subject: str, key: str
) -> None:
    reader.parse(make_mail())
    with pytest.raises(Poisoned) as caught:
        reader.parse(make_mail(subject=subject))
    assert caught.value.key == key
    assert reader.parse(make_mail()).subject == "No enciende la impresora"


def test_of_mails_that_are_read_together_each_gets_its_own_answer(reader: Reader) -> None:
    subjects = ["uno", "loop", "dos", "crash", "raise", "tres", "leave"]
    said = reader.parse_all([make_mail(subject=subject) for subject in subjects])
    shown = [one.key if isinstance(one, Poisoned) else one.subject for one in said
             if isinstance(one, Poisoned | IncomingMessage)]  # fmt: skip
    assert shown == ["uno", "slow", "dos", "crash", "error", "tres", "crash"]


def test_a_child_that_only_waits_is_killed_by_the_clock() -> None:
    with Reader(POISON, patience=0.5) as reader:
        reader.parse(make_mail())
        begun = time.monotonic()
        with pytest.raises(Poisoned) as caught:
            reader.parse(make_mail(subject="wait"))
        assert caught.value.key == "slow" and time.monotonic() - begun < 5


def test_a_child_that_somebody_killed_between_two_mails_is_replaced(reader: Reader) -> None:
    reader.parse(make_mail())
    (child,) = _children()
    os.kill(child, signal.SIGKILL)
    wait_until(lambda: _state(child) in ("Z", ""))
    assert reader.parse(make_mail()).from_addr == "ana@correo.example"


def test_the_child_ends_with_its_reader() -> None:
    with Reader() as reader:
        reader.parse(make_mail())
        assert len(_children()) == 1
    assert _children() == []


def test_the_child_is_kept_however_large_the_process_is_that_started_it() -> None:
    ballast = b"\1" * (400 << 20)
    with Reader() as reader:
        reader.parse(make_mail())
        assert len(_children()) == 1 and ballast
        (child,) = _children()
        reader.parse(make_mail())
        assert _children() == [child]


def test_the_child_outlives_the_end_of_the_service_and_not_its_reader(reader: Reader) -> None:
    reader.parse(make_mail())
    (child,) = _children()
    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(child, number)
    assert reader.parse(make_mail()).attachments == () and _children() == [child]


def test_the_child_knows_no_secret_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFICIALIA_SECRET_KEY", "not for readers of strangers' mail")
    with Reader() as reader:
        reader.parse(make_mail())
        (child,) = _children()
        with open(f"/proc/{child}/environ", "rb") as environment:
            assert b"OFICIALIA" not in environment.read()


def test_the_child_finds_out_who_sent_a_mail_as_we_do() -> None:
    with name_server() as names, Reader() as reader:
        names.add("_dmarc.correo.example", "TXT", "v=DMARC1; p=reject")
        names.add(f"{SELECTOR}._domainkey.correo.example", "TXT", signing_key().record)
        raw = sign(make_mail(), "correo.example")
        envelope = Envelope("ana@correo.example", "187.191.80.25", "mail.correo.example")
        found = reader.authenticate(raw, envelope, names.address)
        assert found == evaluate(raw, envelope, names.address)
        assert (found.spf, found.dkim, found.dmarc) == ("none", "pass", "pass")


def test_authentication_that_takes_too_long_leaves_the_question_open() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as silent, Reader(patience=0.5) as reader:
        silent.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        found = reader.authenticate(make_mail(), Envelope("ana@correo.example"), address)
        assert (found.dkim, found.dmarc) == ("temperror", "temperror")


def test_a_poisoned_mail_fails_with_its_reason_and_its_bytes_and_the_others_become_tickets(
    office: Office, town: Institution, reader: Reader
) -> None:
    mails = [make_mail(subject=subject) for subject in ("uno", "loop", "dos", "crash", "swell", "tres")]
    numbers = spool.store(office, [spool.Arrival("smtp", raw, "", (SUPPORT,)) for raw in mails])
    process_spooled(office, reader=reader)
    with office.database.reading() as session:
        found = [session.get_one(InboundMail, number) for number in numbers]
        assert [mail.status for mail in found] == [
            InboundStatus.PROCESSED,
            InboundStatus.FAILED,
            InboundStatus.PROCESSED,
            InboundStatus.FAILED,
            InboundStatus.FAILED,
            InboundStatus.PROCESSED,
        ]
        assert "tardó más de 2 s" in found[1].reason
        assert "se cerró" in found[3].reason and "memoria" in found[4].reason
        assert spool.read_raw(session, office, found[1]) == mails[1]


def test_a_clerk_may_open_what_a_worker_failed_on(office: Office, town: Institution) -> None:
    (number,) = spool.store(office, [spool.Arrival("smtp", make_mail(subject="wait"), "", (SUPPORT,))])
    with Reader(POISON, patience=0.5) as reader:
        process_spooled(office, reader=reader)
    with office.database.writing() as session:
        inbound = session.get_one(InboundMail, number)
        assert inbound.status == InboundStatus.FAILED
        clerk = session.merge(town.accounts["oficialia"])
        assert held.make_ticket(session, office, inbound, clerk).subject == "wait"


def test_a_clerk_who_opens_poison_is_told_so(
    office: Office, town: Institution, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    (number,) = spool.store(office, [spool.Arrival("smtp", make_mail(subject="loop"), "", (SUPPORT,))])
    process_spooled(office, reader=reader)
    monkeypatch.setattr("intake.reading.inspection.parse_once", reader.parse)
    with office.database.writing() as session:
        inbound = session.scalars(select(InboundMail).where(InboundMail.id == number)).one()
        with pytest.raises(InvalidInput, match="no se puede abrir sin riesgo"):
            held.make_ticket(session, office, inbound, session.merge(town.accounts["oficialia"]))


def _children() -> list[int]:
    # The kernel's own list, /proc/…/children, may leave some out while others come and go (proc(5)).
    children = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parent = path.read_text().rpartition(")")[2].split()[1]
            if int(parent) == os.getpid() and b"intake.reading.isolation" in _command(int(path.parent.name)):
                children.append(int(path.parent.name))
    return children


def _command(process: int) -> bytes:
    with open(f"/proc/{process}/cmdline", "rb") as file:
        return file.read()


def _state(process: int) -> str:
    try:
        with open(f"/proc/{process}/stat") as file:
            return file.read().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return ""


@pytest.mark.parametrize("name", ["hashlib.sha256", "hashlib", "dataclass", "Path"])
def test_a_reader_that_was_taken_over_makes_no_value_but_those_of_a_mail(name: str) -> None:
    forged = pickle.PROTO + b"\x04" + b"".join(
        pickle.SHORT_BINUNICODE + bytes([len(word)]) + word.encode() for word in ("intake.incoming", name)
    ) + pickle.STACK_GLOBAL + pickle.STOP  # fmt: skip
    with pytest.raises(pickle.UnpicklingError):
        PlainValues(io.BytesIO(forged)).load()
    assert PlainValues(io.BytesIO(pickle.dumps(IncomingMessage(Channel.EMAIL)))).load().subject == ""


def test_a_large_mail_is_read_where_it_lies(office: Office, town: Institution) -> None:
    text = "línea\r\n" * 50_000
    (number,) = spool.store(office, [spool.Arrival("smtp", make_mail(text=text), "", (SUPPORT,))])
    asked: list[Raw] = []

    class Watched(Reader):
        def parse(self, raw: Raw) -> IncomingMessage:
            asked.append(raw)
            return super().parse(raw)

    with Watched() as reader:
        process_spooled(office, reader=reader)
    (where,) = asked
    assert isinstance(where, Path) and where.stat().st_size > len(text)
    with office.database.reading() as session:
        assert session.get_one(InboundMail, number).status == InboundStatus.PROCESSED
