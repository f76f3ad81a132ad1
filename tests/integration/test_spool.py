"""Raw mail is durable and complete before anybody is told so."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import event, select, text

from intake import spool
from intake.config import Settings
from intake.doors.pulse import Pulse
from intake.errors import StoreFailed
from intake.office import Office
from intake.spool import MAX_IN_ROW, Arrival, Spooler
from models.inbound_mail import InboundMail, InboundStatus
from models.mailbox import Door
from models.session import open_database
from tests.support.tmpfs import fill
from tests.support.waiting import wait_until

MAIL = (
    b"From: =?utf-8?q?Ana_P=C3=A9rez?= <ana@example.org>\r\nSubject: =?utf-8?b?w7FhbmTDug==?=\r\n\r\nhola\r\n"
)


def test_a_small_mail_lives_in_its_row_with_its_envelope(office: Office) -> None:
    to = ("soporte@example.gob.mx", "pagos@example.gob.mx")
    arrival = Arrival("smtp", MAIL, "ana@example.org", to, peer="203.0.113.5", helo="correo.example.org")
    ids = spool.store(office, [arrival])
    with office.database.reading() as session:
        rows = [session.get_one(InboundMail, number) for number in ids]
        assert [row.envelope_to for row in rows] == list(to)
        for row in rows:
            assert spool.read_raw(session, office, row) == MAIL
            assert (row.door, row.status, row.envelope_from) == ("smtp", "received", "ana@example.org")
            assert (row.peer, row.helo, row.size) == ("203.0.113.5", "correo.example.org", len(MAIL))
            assert (row.from_header, row.subject_header) == ("Ana Pérez <ana@example.org>", "ñandú")
            assert row.raw_sha256 == hashlib.sha256(MAIL).hexdigest()


def test_a_large_mail_lives_in_the_store(office: Office) -> None:
    raw = MAIL + b"x" * MAX_IN_ROW
    (number,) = spool.store(office, [Arrival("smtp", raw)])
    with office.database.reading() as session:
        row = session.get_one(InboundMail, number)
        assert row.raw is None
        assert office.store.get(row.raw_sha256) == raw
        assert spool.read_raw(session, office, row) == raw


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\0\0\0",
        b"Subject: \xff\xfe\0\r\n\r\n",
        b"Subject: =?utf-8?b?////?=\nFrom: =?x?q?=ED=A0=80?=\n\n",
        b"Subject: " + b"a" * 100_000,
        b"Subject:\r\n" * 50_000,
    ],
    ids=["empty", "nul", "binary subject", "broken words", "endless subject", "endless headers"],
)
def test_whatever_the_bytes_are_they_are_kept(office: Office, raw: bytes) -> None:
    hostile = "\udcff\0" + "é" * 1000
    (number,) = spool.store(office, [Arrival("smtp", raw, hostile, (hostile,), peer=hostile, helo=hostile)])
    with office.database.reading() as session:
        assert spool.read_raw(session, office, session.get_one(InboundMail, number)) == raw


def test_a_server_message_is_stored_once_whoever_reads_it(office: Office) -> None:
    message = Arrival("imap", MAIL, imap_source="a@b:993/INBOX", imap_uidvalidity=7, imap_uid=1)
    assert len(spool.store(office, [message])) == 1
    assert spool.store(office, [message]) == []
    assert len(spool.store(office, [message, replace(message, imap_uid=2)])) == 1
    assert len(spool.store(office, [replace(message, imap_uidvalidity=8)])) == 1


def test_mails_that_wait_together_share_one_commit(office: Office) -> None:
    with count_commits(office) as commits, Spooler(office) as spooler, held_by_another(office):
        promises = [spooler.submit(Arrival("smtp", MAIL + b"%d" % number)) for number in range(100)]
        assert not any(promise.done() for promise in promises)
    ids = [promise.result(10)[0] for promise in promises]
    with office.database.reading() as session:
        raws = [spool.read_raw(session, office, session.get_one(InboundMail, number)) for number in ids]
    assert raws == [MAIL + b"%d" % number for number in range(100)]
    assert len(commits) < 10


def test_a_mail_the_database_refuses_does_not_take_the_others_with_it(office: Office) -> None:
    bad = replace(spool.prepare(office, Arrival("smtp", MAIL)))
    bad.rows[0]["size"] = None
    with Spooler(office) as spooler, held_by_another(office):
        good = [spooler.submit(Arrival("smtp", MAIL)) for _ in range(3)]
        refused = spooler.submit(bad)
        good += [spooler.submit(Arrival("smtp", MAIL)) for _ in range(3)]
    assert all(promise.result(10) for promise in good)
    with pytest.raises(StoreFailed):
        refused.result(10)


# PostgreSQL locks rows, not the database.
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_locked_database_is_our_fault_and_said_at_once_it_is_known(settings: Settings) -> None:
    office = Office(settings, open_database(settings.database_url, busy_ms=100), Office.open(settings).store)
    with Spooler(office) as spooler:
        with held_by_another(office), pytest.raises(StoreFailed, match="locked"):
            spooler.submit(Arrival("smtp", MAIL)).result(10)
        assert spooler.submit(Arrival("smtp", MAIL)).result(10)
    office.database.close()


@pytest.mark.disk
def test_a_full_disk_is_our_fault_and_nothing_half_stored_is_named(office: Office, disk: Path) -> None:
    full = Office.open(office.settings.model_copy(update={"store_url": f"file:{disk}/files"}))
    filler = fill(disk)
    large = Arrival("smtp", MAIL + b"x" * MAX_IN_ROW)
    with pytest.raises(StoreFailed, match="No space"):
        spool.store(full, [large])
    with full.database.reading() as session:
        assert session.scalars(select(InboundMail)).all() == []
    filler.unlink()
    assert spool.store(full, [large])
    full.database.close()


def test_the_door_shows_its_last_message_and_its_last_failure(office: Office) -> None:
    pulse = Pulse("smtp")
    with Spooler(office, [pulse]) as spooler:
        spooler.submit(Arrival("smtp", MAIL)).result(10)

        def door() -> Door | None:
            with office.database.reading() as session:
                return session.get(Door, "smtp")

        seen = wait_until(door)
        assert seen
        assert seen.last_message_at
        assert seen.error == ""
        pulse.fail("disk full\0")
        failed = wait_until(lambda: (found := door()) and found.error and found)
        assert failed
        assert (failed.error, failed.last_message_at) == ("disk full", seen.last_message_at)


def test_a_mail_that_never_came_from_its_server_cannot_be_read(office: Office) -> None:
    row = InboundMail(door="imap", status=InboundStatus.FAILED, size=0, raw_sha256="")
    with office.database.reading() as session, pytest.raises(StoreFailed):
        spool.read_raw(session, office, row)


@contextmanager
def held_by_another(office: Office) -> Iterator[None]:
    """Somebody else is writing to the table meanwhile."""
    with office.database.writing() as session:
        # On SQLite any statement of a writing session begins with the lock.
        statement = "SELECT 1" if office.database.is_sqlite else "LOCK TABLE inbound_mail IN EXCLUSIVE MODE"
        session.execute(text(statement))
        yield


@contextmanager
def count_commits(office: Office) -> Iterator[list[str]]:
    """The spooler's commits, as they happen."""
    commits: list[str] = []

    def note(_connection: object) -> None:
        if threading.current_thread().name == "spooler":
            commits.append("commit")

    event.listen(office.database.engine, "commit", note)
    yield commits
    event.remove(office.database.engine, "commit", note)
