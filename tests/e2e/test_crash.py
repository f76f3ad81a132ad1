"""`kill -9` of any process at any moment: what got 250 is one message, folios have no gap."""

from __future__ import annotations

import os
import random
import signal
import smtplib
import threading
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import func, select

from models import migrations
from models.case import Case
from models.folio import FolioSeries
from models.inbound_mail import InboundMail, InboundStatus
from models.message import Message
from models.outbox_message import OutboxMessage
from models.session import Database, open_database
from tests.support.command import Place
from tests.support.institution import found_institution
from tests.support.mails import make_mail
from tests.support.ports import is_listening
from tests.support.program import Program
from tests.support.waiting import wait_until

SUPPORT = "soporte@example.gob.mx"
MAILS, CLIENTS, KILLS = 200, 4, 8


class Sender(threading.Thread):
    """A mail server that tries each of its mails again until it gets 250, as RFC 5321, 4.5.4.1 asks."""

    def __init__(self, port: int, numbers: range, give_up: threading.Event) -> None:
        super().__init__()
        self.port, self.numbers, self.give_up = port, numbers, give_up
        self.accepted: list[str] = []

    def run(self) -> None:
        for number in self.numbers:
            # Every fifth mail answers an earlier one, and so is a follow-up when that one is known.
            ancestor = f"<{number - 4}@correo.example>" if number % 5 == 0 else ""
            mail = make_mail(
                f"Persona {number} <p{number % 7}@correo.example>",
                SUPPORT,
                f"Asunto número {number}",
                f"Cuerpo del mensaje {number}.",
                message_id=f"<{number}@correo.example>",
                in_reply_to=ancestor,
            )
            while not self.give_up.is_set():
                try:
                    with smtplib.SMTP("127.0.0.1", self.port, timeout=20) as client:
                        client.sendmail(f"p{number % 7}@correo.example", [SUPPORT], mail)
                except (OSError, smtplib.SMTPException):
                    # An event that never comes: waits a moment, but not past the end of the test.
                    self.give_up.wait(0.05)
                else:
                    self.accepted.append(f"{number}@correo.example")
                    break


def roles(folder: Path) -> list[int]:
    """Process ids of the office in *folder*, its supervisor among them."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "cwd").resolve() == folder and b"oficialia" in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def wait_for_accepted(senders: list[Sender], count: int, office: Program) -> None:
    wait_until(lambda: sum(len(sender.accepted) for sender in senders) >= count, 120, office.explain)


def unprocessed(database: Database) -> int:
    with database.reading() as session:
        waiting = select(func.count(InboundMail.id)).where(InboundMail.status == InboundStatus.RECEIVED)
        return session.scalar(waiting) or 0


@pytest.mark.timeout(400)
def test_what_got_250_is_one_message_whatever_is_killed(tmp_path: Path) -> None:
    place = Place(tmp_path / "office", {"OFICIALIA_DOMAIN": "example.gob.mx"})
    database = open_database(f"sqlite:///{place.folder / 'var' / 'oficialia.db'}")
    migrations.upgrade(database)
    with database.writing() as session:
        found_institution(session)

    office = place.program("serve", stop_signal=signal.SIGINT)
    office.start(lambda: is_listening(place.smtp_port), timeout=60)
    give_up = threading.Event()
    senders = [Sender(place.smtp_port, range(n, MAILS + 1, CLIENTS), give_up) for n in range(1, CLIENTS + 1)]
    rng = random.Random(2026)
    try:
        for sender in senders:
            sender.start()
        for kill in range(1, KILLS + 1):
            wait_for_accepted(senders, kill * MAILS // (KILLS + 2), office)
            victim = rng.choice(roles(place.folder))
            os.kill(victim, signal.SIGKILL)
            if victim == office.process.pid:
                office.kill()
                wait_until(lambda: not roles(place.folder), 30)
                office.start(lambda: is_listening(place.smtp_port), timeout=60)
        for sender in senders:
            sender.join(120)
        wait_until(lambda: unprocessed(database) == 0, 120, office.explain)
    finally:
        give_up.set()
        office.kill()
    check(database, [message_id for sender in senders for message_id in sender.accepted])
    database.close()


def check(database: Database, accepted: list[str]) -> None:
    """The four guarantees of the desk, read from the register."""
    assert len(set(accepted)) == MAILS
    with database.reading() as session:
        statuses = Counter(session.scalars(select(InboundMail.status)))
        assert set(statuses) == {InboundStatus.PROCESSED} or statuses[InboundStatus.HELD], statuses
        filed = Counter(session.scalars(select(Message.rfc_message_id)))
        held = set(
            session.scalars(
                select(InboundMail.subject_header).where(InboundMail.status == InboundStatus.HELD)
            )
        )
        for message_id in accepted:
            is_held = f"Asunto número {message_id.partition('@')[0]}" in held
            assert filed[message_id] == (0 if is_held else 1), message_id
        cases = session.scalars(select(Case.folio).order_by(Case.folio)).all()
        series = session.scalars(select(FolioSeries)).one()
        assert [int(folio.rpartition("-")[2]) for folio in cases] == list(range(1, series.last_number + 1))
        acuses = Counter(session.scalars(select(OutboxMessage.case_id).where(OutboxMessage.kind == "acuse")))
        assert all(count == 1 for count in acuses.values())
