"""Mail in folders of another server (a real Dovecot) comes in once, completely, and alone."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import pytest
from imapclient import IMAPClient
from sqlalchemy import select

from intake import spool
from intake.config import Settings
from intake.doors.imap_source import parse_source
from intake.errors import StoreFailed
from intake.office import Office
from models.inbound_mail import InboundMail, InboundStatus
from models.mailbox import Door, ImapCursor
from tests.support.doors import imap_door
from tests.support.dovecot import Account, Dovecot
from tests.support.waiting import wait_until

SUPPORT = "soporte@example.gob.mx"


def mail(subject: str, size: int = 0) -> bytes:
    return f"From: ana@example.org\r\nSubject: {subject}\r\n\r\nhola\r\n".encode() + b"x" * 70 * (size // 70)


class Folder:
    """An account on the server, and the office that follows its INBOX."""

    def __init__(self, server: Dovecot, account: Account, settings: Settings) -> None:
        self.server = server
        self.account = account
        self._settings = settings
        self.office = self.follow_with()

    def url(self, options: str = "", *, tls: bool = True, password: str = "") -> str:
        where = f"localhost:{self.server.tls_port if tls else self.server.port}"
        who = f"{quote(self.account.address, safe='')}:{quote(password or self.account.password, safe='')}"
        options = f"mailbox={SUPPORT}&ca={quote(str(self.server.certificate.chain))}{options}"
        return f"{'imaps' if tls else 'imap'}://{who}@{where}/INBOX?{options}"

    def follow_with(self, options: str = "", *, tls: bool = True, password: str = "") -> Office:
        url = self.url(options, tls=tls, password=password)
        self.office = Office.open(self._settings.model_copy(update={"imap_url": (url,)}))
        return self.office

    def deliver(self, *raws: bytes, flags: str = "") -> None:
        for raw in raws:
            self.server.append(self.account, raw, flags=flags)

    def file_of(self, subject: str) -> Path:
        """Where the server keeps a mail."""
        maildir = self.server._folder / "mail" / self.account.name / "Maildir"
        found = [
            path for part in ("cur", "new") for path in (maildir / part).iterdir()
            if f"Subject: {subject}".encode() in path.read_bytes()
        ]  # fmt: skip
        return found[0]

    def stored(self) -> list[InboundMail]:
        with self.office.database.reading() as session:
            return list(session.scalars(select(InboundMail).order_by(InboundMail.id)))

    def raws(self) -> list[bytes]:
        with self.office.database.reading() as session:
            rows = session.scalars(select(InboundMail).order_by(InboundMail.id)).all()
            return [spool.read_raw(session, self.office, row) for row in rows]

    def subjects(self) -> list[str]:
        return [row.subject_header for row in self.stored()]

    def wait_for(self, *subjects: str) -> None:
        wait_until(lambda: self.subjects() == list(subjects), 20, lambda: f"{self.subjects()} came")

    def pulse(self) -> Door | None:
        with self.office.database.reading() as session:
            return session.get(Door, parse_source(self.office.settings.imap_url[0]).door)

    def cursor(self) -> ImapCursor | None:
        with self.office.database.reading() as session:
            return session.get(ImapCursor, parse_source(self.office.settings.imap_url[0]).name)

    def wait_until_marked(self) -> None:
        def is_marked() -> bool:
            cursor = self.cursor()
            return cursor is not None and cursor.marked_uid == cursor.last_uid

        wait_until(is_marked, 20)


@pytest.fixture
def folder(imap_server: Dovecot, settings: Settings) -> Iterator[Folder]:
    # The server outlives the test, so the account has a name of its own.
    account = Account(f"{uuid4().hex}@example.gob.mx")
    made = Folder(imap_server, account, settings)
    yield made
    made.office.database.close()


def test_what_lies_there_and_what_comes_later_is_stored_and_then_marked(folder: Folder) -> None:
    folder.deliver(mail("uno"), mail("dos"))
    with imap_door(folder.office):
        folder.wait_for("uno", "dos")
        # Nobody asks the server again: IDLE says it.
        folder.deliver(mail("tres"))
        folder.wait_for("uno", "dos", "tres")
        wait_until(lambda: all("\\Seen" in flags for flags in folder.server.flags(folder.account).values()))
    rows = folder.stored()
    assert {(row.door, row.envelope_to, row.status) for row in rows} == {("imap", SUPPORT, "received")}
    assert folder.raws() == [mail("uno"), mail("dos"), mail("tres")]
    door = folder.pulse()
    assert door
    assert door.last_contact_at
    assert door.error == ""


def test_freescout_2416_2861_a_colleague_who_opened_the_mail_first_hides_nothing(folder: Folder) -> None:
    """FreeScout #2416, #2861."""
    folder.deliver(mail("leído"), flags="(\\Seen)")
    folder.deliver(mail("contestado"), flags="(\\Seen \\Answered)")
    folder.deliver(mail("marcado para borrar"), flags="(\\Deleted)")
    with imap_door(folder.office):
        folder.wait_for("leído", "contestado", "marcado para borrar")


def test_freescout_3654_1560_one_broken_message_stops_neither_the_others_nor_the_mailbox(
    folder: Folder,
) -> None:
    """FreeScout #3654, #1560."""
    folder.deliver(*(mail(f"m{number}") for number in range(5)))
    path = folder.file_of("m2")
    path.chmod(0)
    with imap_door(folder.office):
        wait_until(lambda: len(folder.stored()) == 5, 30, lambda: str(folder.subjects()))
        folder.deliver(mail("después"))
        wait_until(lambda: "después" in folder.subjects())
    broken = next(row for row in folder.stored() if row.status is InboundStatus.FAILED)
    assert broken.imap_uid == 3
    assert "UID 3" in broken.reason
    with pytest.raises(StoreFailed):
        folder.raws()
    folder.file_of("m2").chmod(0o600)
    with imap_door(folder.office):
        wait_until(lambda: all(row.status is InboundStatus.RECEIVED for row in folder.stored()))
    assert sorted(folder.subjects()) == ["después", *(f"m{number}" for number in range(5))]


def test_a_server_that_goes_away_during_idle_is_found_again(folder: Folder) -> None:
    folder.deliver(mail("antes"))
    with imap_door(folder.office):
        folder.wait_for("antes")
        folder.server.restart()
        folder.deliver(mail("después"))
        folder.wait_for("antes", "después")
        wait_until(lambda: (door := folder.pulse()) and door.error == "")


def test_a_new_uidvalidity_loses_nothing_and_repeats_nothing(folder: Folder) -> None:
    folder.deliver(mail("uno"), mail("dos"))
    with imap_door(folder.office):
        folder.wait_for("uno", "dos")
        folder.wait_until_marked()
    folder.server.renumber(folder.account)
    folder.deliver(mail("tres"))
    with imap_door(folder.office):
        folder.wait_for("uno", "dos", "tres")
        folder.wait_until_marked()
    cursor = folder.cursor()
    assert cursor
    assert cursor.uidvalidity == folder.server.uidvalidity(folder.account)
    assert cursor.last_uid == 3


def test_what_a_crash_left_unmarked_is_marked_and_not_stored_again(folder: Folder) -> None:
    folder.deliver(mail("uno"), mail("dos"))
    with imap_door(folder.office):
        folder.wait_for("uno", "dos")
        folder.wait_until_marked()
    # As if the process had died between its commit and its marks.
    with folder.office.database.writing() as session:
        session.scalars(select(ImapCursor)).one().marked_uid = 0
    with folder.server.session(folder.account) as client:
        client.select("INBOX")
        client.store("1:*", "-FLAGS", "\\Seen")
    with imap_door(folder.office):
        wait_until(lambda: all("\\Seen" in flags for flags in folder.server.flags(folder.account).values()))
    assert folder.subjects() == ["uno", "dos"]


def test_what_is_safe_moves_to_its_folder(folder: Folder) -> None:
    folder.follow_with(f"&move={quote('Ya recibidos')}")
    folder.deliver(mail("uno"), mail("dos"))
    with imap_door(folder.office):
        folder.wait_for("uno", "dos")
        folder.deliver(mail("tres"))
        folder.wait_for("uno", "dos", "tres")
        wait_until(lambda: len(folder.server.mails(folder.account, "Ya recibidos")) == 3)
    assert folder.server.mails(folder.account) == {}


# PostgreSQL locks rows, not the database.
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_nothing_is_marked_before_it_is_committed(folder: Folder) -> None:
    with imap_door(folder.office):
        folder.wait_until_marked()
        with folder.office.database.writing() as session:
            session.add(ImapCursor(source="another", uidvalidity=1))
            session.flush()
            folder.deliver(mail("uno"))
            fetched = threading.Event()
            # The door has it and waits for the lock.
            assert not fetched.wait(1)
            assert folder.server.flags(folder.account) == {1: set()}
        folder.wait_for("uno")
        wait_until(lambda: folder.server.flags(folder.account) == {1: {"\\Seen"}})


def test_two_processes_on_one_folder_store_each_mail_once(folder: Folder) -> None:
    folder.deliver(*(mail(f"m{number}") for number in range(40)))
    with imap_door(folder.office), imap_door(folder.office):
        wait_until(lambda: len(folder.stored()) >= 40)
        folder.deliver(*(mail(f"n{number}") for number in range(10)))
        wait_until(lambda: len(folder.stored()) >= 50)
        folder.wait_until_marked()
    assert len(set(folder.subjects())) == len(folder.stored()) == 50


def test_large_mails_come_one_by_one_and_whole(folder: Folder) -> None:
    raws = [mail("chico"), mail("grande", 6 * 1024 * 1024), mail("mediano", 500_000), mail("otro")]
    folder.deliver(*raws)
    with imap_door(folder.office):
        folder.wait_for("chico", "grande", "mediano", "otro")
    assert folder.raws() == raws


def test_an_access_token_is_read_again_at_each_login(folder: Folder, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(folder.account.token(lifetime=-60))
    folder.follow_with(f"&auth=xoauth2&token_file={quote(str(token))}")
    folder.deliver(mail("uno"))
    with imap_door(folder.office):
        failed = wait_until(lambda: (door := folder.pulse()) and door.error and door)
        assert failed
        assert "LoginError" in failed.error
        token.write_text(folder.account.token())
        folder.wait_for("uno")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_token_may_be_the_password(folder: Folder) -> None:
    folder.follow_with("&auth=oauthbearer", password=folder.account.token())
    folder.deliver(mail("uno"))
    with imap_door(folder.office):
        folder.wait_for("uno")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_starttls_protects_a_login_on_the_open_port(folder: Folder) -> None:
    folder.follow_with("&starttls=1", tls=False)
    folder.deliver(mail("uno"))
    with imap_door(folder.office):
        folder.wait_for("uno")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_server_whose_certificate_nobody_vouches_for_gets_no_password(folder: Folder) -> None:
    url = folder.url().replace("&ca=", "&poll=9&ca=").partition("&ca=")[0]
    office = Office.open(folder.office.settings.model_copy(update={"imap_url": (url,)}))
    with imap_door(office):
        failed = wait_until(lambda: (door := folder.pulse()) and door.error and door)
    assert failed
    assert "CERTIFICATE_VERIFY_FAILED" in failed.error
    office.database.close()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_without_idle_the_folder_is_looked_at_now_and_then(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.follow_with("&poll=0.2")
    has: Callable[[IMAPClient, str], bool] = IMAPClient.has_capability
    monkeypatch.setattr(
        IMAPClient, "has_capability", lambda client, name: name != "IDLE" and has(client, name)
    )
    with imap_door(folder.office):
        folder.wait_until_marked()
        folder.deliver(mail("uno"))
        folder.wait_for("uno")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_older_mail_is_left_alone_when_told_so(folder: Folder) -> None:
    folder.deliver(mail("viejo"))
    folder.follow_with("&start=new")
    with imap_door(folder.office):
        wait_until(folder.cursor)
        folder.deliver(mail("nuevo"))
        folder.wait_for("nuevo")
        folder.wait_until_marked()
    assert folder.server.flags(folder.account) == {1: set(), 2: {"\\Seen"}}
