"""The real components of tests/support do what the other tests rely on."""

import imaplib
import smtplib
import socket
import ssl
from email.message import EmailMessage
from pathlib import Path

import boto3
import psycopg
import pytest
from playwright.sync_api import Browser, Page
from sqlalchemy import inspect, text

from intake.config import Settings
from models import migrations
from models.session import Database, open_database
from tests.support.browser import clerks_window, photograph
from tests.support.clamd import EICAR, OWN_SAMPLE
from tests.support.dovecot import Account, Dovecot
from tests.support.ports import free_port, is_listening
from tests.support.postgres import PostgresCluster
from tests.support.program import Program
from tests.support.relay import Relay
from tests.support.swaks import run_swaks
from tests.support.tmpfs import fill
from tests.support.waiting import wait_until


def mail(
    subject: str = "Solicitud", *, message_id: str = "<a@example.org>", reply_to: str = ""
) -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Ana Peña <ana@example.org>"
    message["To"] = "mesa@example.gob.mx"
    message["Subject"] = subject
    message["Message-ID"] = message_id
    if reply_to:
        message["In-Reply-To"] = message["References"] = reply_to
    message.set_content("Buenos días. ¿Cuándo abren?\n")
    return message


def test_a_wait_in_vain_says_what_it_waited_for() -> None:
    with pytest.raises(AssertionError, match=r"0\.05 s in vain. The mail never came"):
        wait_until(lambda: False, timeout=0.05, message="The mail never came")


def test_a_wait_returns_what_the_condition_found() -> None:
    answers = iter(["", "", "found"])
    assert wait_until(lambda: next(answers)) == "found"


def test_two_free_ports_can_be_used_at_the_same_time() -> None:
    with socket.create_server(("127.0.0.1", free_port())) as server:
        port = server.getsockname()[1]
        assert is_listening(port)
        assert free_port() != port
    assert not is_listening(port)


def test_a_program_that_ends_too_early_shows_its_last_words(tmp_path: Path) -> None:
    program = Program(["sh", "-c", "echo no such disk; exit 3"], tmp_path / "log")
    with pytest.raises(AssertionError, match=r"ended with 3[^$]*no such disk"):
        program.start(lambda: False)


def test_a_killed_program_takes_its_children_along(tmp_path: Path) -> None:
    # The child holds the other end of the pipe for as long as it lives.
    pipe = tmp_path / "pipe"
    program = Program(
        ["sh", "-c", f"mkfifo {pipe}; tail -f /dev/null >{pipe} & echo ready; wait"], tmp_path / "log"
    )
    program.start(lambda: "ready" in program.output and pipe.exists())
    with pipe.open("rb") as end:
        program.kill()
        assert end.read() == b""
    assert not program.is_running


def test_each_test_has_a_database_with_the_schema(database: Database) -> None:
    assert migrations.is_current(database)
    with database.writing() as session:
        session.execute(text("CREATE TABLE only_here (n INTEGER)"))
    assert inspect(database.engine).has_table("only_here")


def test_no_test_sees_what_another_one_wrote(database: Database) -> None:
    assert not inspect(database.engine).has_table("only_here")


def test_an_empty_database_can_be_migrated(empty_database_url: str) -> None:
    database = open_database(empty_database_url)
    assert not inspect(database.engine).get_table_names()
    migrations.upgrade(database)
    assert migrations.is_current(database)
    database.close()


def test_settings_keep_everything_in_the_folder_of_the_test(settings: Settings, tmp_path: Path) -> None:
    assert str(tmp_path) in settings.store_url
    assert settings.outgoing_dir.is_relative_to(tmp_path)


def test_postgres_comes_back_after_a_restart(postgres: PostgresCluster) -> None:
    name = postgres.create_database()
    where = f"host=127.0.0.1 port={postgres.port} user=oficialia dbname={name}"
    with psycopg.connect(where) as connection:
        connection.execute("CREATE TABLE kept (n INTEGER)")
        connection.commit()
        postgres.restart()
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    with psycopg.connect(where) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)
    postgres.drop_database(name)


class TestDovecot:
    """Dovecot, as our IMAP door and a reader's mail client will meet it."""

    @pytest.fixture
    def account(self, request: pytest.FixtureRequest) -> Account:
        return Account(f"{request.node.name.removeprefix('test_')}@example.gob.mx")

    def test_it_keeps_mails_with_their_flags_in_folders(self, imap_server: Dovecot, account: Account) -> None:
        imap_server.create_folder(account, "Procesados por oficialía".encode("ascii", "ignore").decode())
        imap_server.append(account, mail().as_bytes(), flags="\\Flagged")
        assert imap_server.folders(account) == ["INBOX", "Procesados por oficiala"]
        [raw] = imap_server.mails(account).values()
        assert b"Subject: Solicitud" in raw
        assert list(imap_server.flags(account).values()) == [{"\\Flagged"}]

    def test_somebody_waiting_in_idle_is_told_at_once(self, imap_server: Dovecot, account: Account) -> None:
        with imap_server.session(account) as client:
            client.select()
            client.send(b"i1 IDLE\r\n")
            assert client.readline().startswith(b"+ ")
            imap_server.append(account, mail().as_bytes())
            assert client.readline() == b"* 1 EXISTS\r\n"
            client.send(b"DONE\r\n")
            assert any(line.startswith(b"i1 OK") for line in iter(client.readline, b""))

    def test_tls_needs_its_certificate(self, imap_server: Dovecot, account: Account) -> None:
        trusting = imap_server.certificate.for_client()
        with imaplib.IMAP4_SSL("localhost", imap_server.tls_port, ssl_context=trusting) as client:
            assert client.login(account.address, account.password)[0] == "OK"
        with pytest.raises(ssl.SSLCertVerificationError):
            imaplib.IMAP4_SSL("localhost", imap_server.tls_port, ssl_context=ssl.create_default_context())

    def test_a_wrong_password_is_refused(self, imap_server: Dovecot, account: Account) -> None:
        with (
            imaplib.IMAP4(imap_server.host, imap_server.port) as client,
            pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"),
        ):
            client.login(account.address, "otro")

    def test_xoauth2_takes_a_valid_token_and_no_expired_one(
        self, imap_server: Dovecot, account: Account
    ) -> None:
        def log_in(token: str) -> str:
            line = f"user={account.address}\1auth=Bearer {token}\1\1".encode()
            with imaplib.IMAP4(imap_server.host, imap_server.port) as client:
                return client.authenticate("XOAUTH2", lambda challenge: b"" if challenge else line)[0]

        assert log_in(account.token()) == "OK"
        with pytest.raises(imaplib.IMAP4.error):
            log_in(account.token(lifetime=-60))

    def test_a_restart_keeps_the_mail_and_ends_sessions(self, imap_server: Dovecot, account: Account) -> None:
        imap_server.append(account, mail().as_bytes())
        client = imaplib.IMAP4(imap_server.host, imap_server.port)
        client.login(account.address, account.password)
        imap_server.restart()
        with pytest.raises((imaplib.IMAP4.abort, OSError)):
            client.noop()
        client.shutdown()
        assert len(imap_server.mails(account)) == 1

    def test_renumbering_changes_uidvalidity_and_keeps_the_mails(
        self, imap_server: Dovecot, account: Account
    ) -> None:
        for n in range(3):
            imap_server.append(account, mail(str(n)).as_bytes())
        mails, validity = imap_server.mails(account), imap_server.uidvalidity(account)
        imap_server.renumber(account)
        assert imap_server.uidvalidity(account) != validity
        assert sorted(imap_server.mails(account).values()) == sorted(mails.values())

    def test_it_threads_as_mail_clients_do(self, imap_server: Dovecot, account: Account) -> None:
        assert imap_server.thread_references(account) == []
        imap_server.append(account, mail(message_id="<a@x>").as_bytes())
        imap_server.append(account, mail("Otra cosa", message_id="<b@x>").as_bytes())
        imap_server.append(account, mail("Acuse", message_id="<c@x>", reply_to="<a@x>").as_bytes())
        imap_server.append(account, mail("Gracias", message_id="<d@x>", reply_to="<a@x>").as_bytes())
        assert imap_server.thread_references(account) == [{1, 3, 4}, {2}]


class TestRelay:
    """The relay, as our mailer will meet it."""

    def test_it_keeps_what_it_got(self, relay: Relay) -> None:
        with smtplib.SMTP(relay.host, relay.port) as client:
            client.send_message(mail())
        [received] = relay.wait_for(1)
        assert received.sender == "ana@example.org"
        assert received.recipients == ["mesa@example.gob.mx"]
        assert received.message["Subject"] == "Solicitud"
        assert not received.over_tls

    def test_it_fails_as_often_as_told(self, relay: Relay) -> None:
        relay.fail_next(2)
        with smtplib.SMTP(relay.host, relay.port) as client:
            for _ in range(2):
                with pytest.raises(smtplib.SMTPDataError, match="451"):
                    client.send_message(mail())
            client.send_message(mail())
        assert (len(relay.received), relay.attempts) == (1, 3)

    def test_it_refuses_one_recipient_for_ever(self, relay: Relay) -> None:
        relay.refuse("mesa@example.gob.mx")
        with smtplib.SMTP(relay.host, relay.port) as client:
            with pytest.raises(smtplib.SMTPRecipientsRefused, match=r"550.*5\.1\.1"):
                client.send_message(mail())
            client.send_message(mail(), to_addrs=["otra@example.gob.mx"])

    @pytest.mark.parametrize("after_storing", [False, True])
    def test_it_drops_the_connection_before_or_after_storing(self, relay: Relay, after_storing: bool) -> None:
        relay.drop_next(after_storing=after_storing)
        client = smtplib.SMTP(relay.host, relay.port)
        with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
            client.send_message(mail())
        client.close()
        assert len(relay.received) == int(after_storing)

    def test_it_is_slow_until_released(self, relay: Relay) -> None:
        relay.hold()
        client = smtplib.SMTP(relay.host, relay.port, timeout=0.3)
        with pytest.raises(smtplib.SMTPServerDisconnected, match="timed out"):
            client.send_message(mail())
        client.close()
        relay.release()
        with smtplib.SMTP(relay.host, relay.port) as client:
            client.send_message(mail())
        assert relay.wait_for(1)

    def test_it_goes_down_and_comes_back_on_the_same_port(self, relay: Relay) -> None:
        relay.stop()
        with pytest.raises(ConnectionRefusedError):
            smtplib.SMTP(relay.host, relay.port)
        relay.start()
        with smtplib.SMTP(relay.host, relay.port) as client:
            client.send_message(mail())
        assert len(relay.received) == 1

    def test_starttls_and_login_are_required_where_asked_for(self, tls_relay: Relay) -> None:
        with smtplib.SMTP("localhost", tls_relay.port) as client:
            with pytest.raises(smtplib.SMTPSenderRefused, match="530"):
                client.send_message(mail())
            assert tls_relay.certificate
            client.starttls(context=tls_relay.certificate.for_client())
            with pytest.raises(smtplib.SMTPAuthenticationError):
                client.login("oficialia", "otro")
            client.login("oficialia", "secreto")
            client.send_message(mail())
        [received] = tls_relay.received
        assert received.over_tls
        assert received.login == "oficialia"

    def test_swaks_delivers_a_file_in_spanish(self, relay: Relay, tmp_path: Path) -> None:
        plan = tmp_path / "plano.pdf"
        plan.write_bytes(b"%PDF-1.7\n")
        run = run_swaks(
            relay.port,
            "--header",
            "Subject: Baches",
            "--body",
            "Señores:",
            "--attach",
            f"@{plan}",
            to="mesa@x.mx",
        )
        assert run.is_accepted, run.transcript
        assert "250 2.0.0 Taken" in run.replies
        [received] = relay.received
        assert [part.get_filename() for part in received.message.iter_attachments()] == ["plano.pdf"]

    def test_swaks_tells_when_it_is_refused(self, relay: Relay) -> None:
        relay.refuse("nadie@x.mx")
        run = run_swaks(relay.port, to="nadie@x.mx")
        assert not run.is_accepted
        assert "550 5.1.1 No such user here" in run.replies


@pytest.mark.parametrize(
    ("content", "verdict"),
    [
        (EICAR, "stream: Eicar-Test-Signature.UNOFFICIAL FOUND"),
        (b"%PDF-1.7 " + OWN_SAMPLE, "stream: Oficialia.Test-Malware.UNOFFICIAL FOUND"),
        (b"Solicito la poda de un arbol", "stream: OK"),
    ],
)
def test_clamd_finds_the_samples_and_nothing_else(clamd_port: int, content: bytes, verdict: str) -> None:
    with socket.create_connection(("127.0.0.1", clamd_port)) as connection:
        connection.sendall(b"zINSTREAM\0" + len(content).to_bytes(4) + content + bytes(4))
        assert connection.recv(200).rstrip(b"\0").decode() == verdict


def test_the_object_store_keeps_what_was_put(s3: str) -> None:
    client = boto3.client("s3")
    client.create_bucket(Bucket="oficialia")
    client.put_object(Bucket="oficialia", Key="files/a", Body=b"oficio")
    assert client.get_object(Bucket="oficialia", Key="files/a")["Body"].read() == b"oficio"


@pytest.mark.disk
def test_a_small_disk_gets_full_and_empty_again(disk: Path) -> None:
    filler = fill(disk)
    with pytest.raises(OSError, match="No space left"):
        (disk / "mail").write_bytes(b"x")
    filler.unlink()
    (disk / "mail").write_bytes(b"x")


@pytest.mark.browser
class TestBrowser:
    """Chromium, as the clerks have it."""

    def test_it_shows_a_page_in_mexican_spanish(self, page: Page) -> None:
        page.set_content("<h1>Bandeja</h1><script>document.title = navigator.language</script>")
        assert page.get_by_role("heading").inner_text() == "Bandeja"
        assert page.title() == "es-MX"
        assert page.evaluate("new Date(2026, 0, 5, 15).toLocaleTimeString()") == "3:00:00 p.m."

    def test_two_windows_are_two_people(self, browser: Browser, relay: Relay) -> None:
        with clerks_window(browser) as one, clerks_window(browser) as other:
            one.add_cookies([{"name": "who", "value": "Ana", "url": "http://localhost"}])
            assert not other.cookies()

    def test_pages_are_photographed_at_both_widths(
        self, page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        page.set_content("<h1>Bandeja</h1>")
        monkeypatch.setenv("OFICIALIA_SCREENSHOTS", str(tmp_path))
        desk, phone = photograph(page, "bandeja")
        assert [_width(desk), _width(phone)] == [1280, 390]
        monkeypatch.delenv("OFICIALIA_SCREENSHOTS")
        assert photograph(page, "bandeja") == []


def _width(png: Path) -> int:
    return int.from_bytes(png.read_bytes()[16:20])
