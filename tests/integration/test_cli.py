"""The command line's promises (interfaces.md), with real processes in a folder of their own."""

import hashlib
import json
import mailbox
import shutil
import sqlite3
from pathlib import Path

import pytest

from models.search import find_messages, index_message
from models.session import Database, open_database
from tests.support.certificates import Certificate
from tests.support.command import Place
from tests.support.dovecot import Account, Dovecot
from tests.support.mails import make_mail
from tests.support.postgres import PostgresCluster
from tests.support.relay import Relay
from tests.support.resolver import name_server

PDF = b"%PDF-1.4\n% a small file\n"
US = "soporte@sanmarcos.example"


@pytest.fixture(scope="module")
def demo(demo_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """An office with the demo institution; tests only add to it."""
    return Place(Path(shutil.copytree(demo_folder, tmp_path_factory.mktemp("demo") / "office")))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """An empty folder."""
    return Place(tmp_path / "place")


def test_parse_writes_one_json_object_per_mail(place: Place) -> None:
    first, second = place.folder / "uno.eml", place.folder / "dos.eml"
    first.write_bytes(make_mail(subject="Ñandú", files=[("plano.pdf", "application/pdf", PDF)]))
    second.write_bytes(b"\xff\xfe not a mail at all")
    one, two, three = place.do("parse", "--json", first, second, "-", stdin=make_mail(subject="tres")).values
    assert (one["subject"], three["subject"]) == ("Ñandú", "tres")
    assert one["attachments"][0]["sha256"] == hashlib.sha256(PDF).hexdigest()
    assert {"bounce", "authentication", "defects", "reply_text"} <= two.keys()


def test_parse_reads_an_mbox_and_a_maildir(place: Place) -> None:
    box = mailbox.mbox(place.folder / "mails")
    maildir = mailbox.Maildir(place.folder / "maildir")
    for subject in ("a", "b"):
        box.add(make_mail(subject=subject))
        maildir.add(make_mail(subject=subject))
    box.close()
    found = place.do("parse", "--json", "mails", "maildir").values
    assert sorted(mail["subject"] for mail in found) == ["a", "a", "b", "b"]


@pytest.mark.parametrize(
    ("words", "exit_code", "said"),
    [
        (["parse", "nada.eml"], 2, "nada.eml"),
        (["parse"], 2, "falta"),
        (["parse", "--jsonn", "x"], 2, "--jsonn"),
        (["pasre"], 2, "pasre"),
        (["list", "--kind", "carta"], 2, "ticket, oficio"),
        (["list", "--since", "ayer"], 2, "2026-03-31"),
        (["serve", "--workers", "0"], 2, "--workers"),
        (["show", "T-2026-000001"], 1, "oficialia migrate"),
        (["imap"], 1, "oficialia migrate"),
        (["restore", "nada.tar"], 2, "no existe"),
    ],
)
def test_an_error_is_one_line_in_spanish(place: Place, words: list[str], exit_code: int, said: str) -> None:
    ran = place.run(*words)
    assert (ran.exit_code, ran.out) == (exit_code, "")
    assert ran.err.count("\n") == 1
    assert said in ran.err


def test_an_error_is_in_the_language_of_the_settings(place: Place) -> None:
    assert "no such command" in place.run("pasre", OFICIALIA_LANGUAGE="en").err
    assert "OFICIALIA_SMTP_MAX_BYTES" in place.run("migrate", OFICIALIA_SMTP_MAX_BYTES="mucho").err


def test_a_traceback_appears_only_when_asked_for(place: Place) -> None:
    (place.folder / "var").mkdir()
    (place.folder / "var" / "oficialia.db").write_bytes(b"this is no database" * 100)
    assert place.run("migrate").err.count("\n") == 1
    assert "Traceback" in place.run("--debug", "migrate").err


def test_help_is_in_the_persons_language(place: Place) -> None:
    spanish, english = place.do("--help").out, place.do("serve", "--help", OFICIALIA_LANGUAGE="en").out
    assert "Uso: oficialia [OPCIONES]" in spanish
    roles = ("serve", "smtp", "imap", "worker", "bot", "web")
    work = ("parse", "ingest", "show", "list", "verify", "backup", "restore")
    for command in (*roles, *work, "init", "migrate", "demo", "check"):
        assert f"\n  {command} " in spanish
    assert "How many workers" in english


def test_every_label_of_the_command_line_exists_in_both_languages() -> None:
    import templates
    from intake.config import Settings

    spanish, english = templates.labels("es"), templates.labels("en")
    assert {key for key in spanish if key.startswith("cli.")} == {
        key for key in english if key.startswith("cli.")
    }
    assert {f"setting.{name}" for name in Settings.model_fields} <= spanish.keys()


def test_the_first_administrator_is_made_once(place: Place) -> None:
    words = ["init", "--email", "Ana@Example.org", "--name", "Ana Ruiz", "--institution", "Municipio Uno"]
    assert "8" in place.run(*words, "--password", "corta").err
    assert "ana@" in place.do(*words, "--password", "una larga").out.lower()
    assert "Municipio Uno" in (place.folder / ".env").read_text()
    again = place.run(*words, "--password", "una larga")
    assert again.exit_code == 1
    assert "ana@example.org" in again.err


def test_init_asks_for_what_was_not_said(place: Place) -> None:
    answers = "Municipio de Prueba\nAna Ruiz\nana@example.org\nuna larga\nuna larga\n"
    assert "ana@example.org" in place.do("init", stdin=answers.encode()).out


def test_the_demo_refuses_a_database_with_data(demo: Place) -> None:
    ran = demo.run("demo")
    assert (ran.exit_code, ran.err.count("\n")) == (1, 1)
    assert demo.do("demo", "--if-empty").out == ""


def test_the_demo_has_cases_in_every_state_and_mail_to_decide(demo: Place) -> None:
    cases = demo.do("list", "--json").values
    states = {case["state"] for case in cases}
    assert len(cases) >= 20
    assert {
        "new",
        "assigned",
        "in_progress",
        "waiting",
        "resolved",
        "closed",
        "cancelled",
        "merged",
    } <= states
    assert {"registered", "in_attention", "concluded"} <= states
    assert any(case["is_overdue"] for case in cases)
    # Of the documents that it writes itself, one at least in each folder.
    assert {"draft", "pending_approval", "pending_signature", "sent", "discarded"} <= states
    received = [case["folio"] for case in cases if case["folio"].startswith("OP-")]
    assert len(received) >= 4 and received == sorted(received)


def test_the_demo_has_help_visits_a_complaint_ratings_and_somebody_with_an_account_of_the_portal(
    demo: Place,
) -> None:
    with sqlite3.connect(demo.folder / "var" / "oficialia.db") as register:

        def count(what: str) -> int:
            return int(register.execute(f"SELECT count(*) FROM {what}").fetchone()[0])

        assert count("service") == count("(SELECT DISTINCT service_id FROM article)") == 6
        assert count("equipment") >= 5 and count("plan") >= 2
        assert count("visit WHERE due_on >= date('now', '-1 day')") >= 5
        assert count("case_link WHERE kind = 'complaint_of'") == 1
        assert count("rating WHERE score <= 2") == 1 and count("rating") >= 3
        asked = "(SELECT case_id FROM event WHERE action = 'ask_missing')"
        assert count(f"\"case\" WHERE state = 'waiting' AND id IN {asked}") == 1
        mine = '"case" WHERE requester_id = (SELECT contact_id FROM "user" WHERE email = \'{}\')'
        assert count(mine.format("adriana.coss@sanmarcos.example")) >= 3, "by mail, portal and plan"


def test_the_demos_history_is_whole(demo: Place) -> None:
    assert demo.do("verify", "--audit", "--json").values[0]["broken"] == 0


def test_an_altered_event_is_found(demo: Place, tmp_path: Path) -> None:

    copy = tmp_path / "altered.db"
    with sqlite3.connect(demo.folder / "var" / "oficialia.db") as ours, sqlite3.connect(copy) as theirs:
        ours.backup(theirs)
        theirs.execute("UPDATE event SET data = '{}' WHERE action = 'cancel'")
    ours.close()
    theirs.close()
    ran = demo.run("verify", "--audit", OFICIALIA_DATABASE_URL=f"sqlite:///{copy}")
    assert ran.exit_code == 1
    assert "T-" in ran.out


def test_ingest_says_what_became_of_each_mail(demo: Place, tmp_path: Path) -> None:
    mail = make_mail("Eva Ríos <eva@correo.example>", US, "Sin internet", "No hay internet en la oficina.")
    (tmp_path / "uno.eml").write_bytes(mail)
    (opened,) = demo.do("ingest", "--wait", tmp_path / "uno.eml").values
    (repeated,) = demo.do("ingest", "--wait", "-", stdin=mail).values
    assert opened["status"] == "processed"
    assert opened["folio"].startswith("T-")
    assert (opened["kind"], opened["follow_up"]) == ("ticket", False)
    assert (repeated["folio"], repeated["outcome"]) == (opened["folio"], "duplicate")
    case = demo.do("show", opened["folio"], "--json").values[0]
    assert case["requester"]["addresses"] == ["eva@correo.example"]
    assert len([message for message in case["messages"] if message["direction"] == "in"]) == 1
    assert {"turnos", "tasks", "events", "due_at", "holder"} <= case.keys()


def test_ingest_finds_the_recipient_in_the_headers(demo: Place) -> None:
    mail = make_mail(to="ayuntamiento@elsewhere.example", subject="Saludo", text="Buenos días.")
    mail = b"Delivered-To: obras@sanmarcos.example\r\n" + mail
    (value,) = demo.do("ingest", "--wait", "-", stdin=mail).values
    case = demo.do("show", value["folio"], "--json").values[0]
    assert case["dependencia"]["siglas"] == "DOP"


def test_ingest_refuses_an_address_that_is_not_ours(demo: Place) -> None:
    ran = demo.run("ingest", "--to", "alguien@example.org", "-", stdin=make_mail())
    assert (ran.exit_code, ran.out) == (2, "")


def test_ingest_without_waiting_leaves_the_work_to_the_workers(demo: Place) -> None:
    (value,) = demo.do("ingest", "-", stdin=make_mail(subject="Para después")).values
    assert (value["status"], value["folio"]) == ("received", None)


def test_list_narrows_by_state_kind_dependencia_and_date(demo: Place) -> None:
    assert {case["state"] for case in demo.do("list", "--json", "--state", "waiting").values} == {"waiting"}
    assert {case["kind"] for case in demo.do("list", "--json", "--kind", "oficio").values} == {"oficio"}
    of_support = demo.do("list", "--json", "--dependencia", "DST").values
    assert {case["dependencia"]["siglas"] for case in of_support} == {"DST"}
    assert demo.do("list", "--json", "--since", "2999-01-01").out == ""
    assert "DST" in demo.do("list", "--dependencia", "DST").out
    assert demo.run("list", "--dependencia", "XYZ").exit_code == 2
    assert demo.run("list", "--state", "perdido").exit_code == 2


def test_show_reads_like_a_page_and_knows_what_does_not_exist(demo: Place) -> None:
    assert "Catastro" in demo.do("show", "t-2026-000002").out
    assert demo.run("show", "T-1999-000001").exit_code == 1


def test_a_backup_restores_the_same_cases_in_an_empty_place(demo: Place, tmp_path: Path) -> None:
    other, archive = Place(tmp_path / "other"), tmp_path / "respaldo.tar"
    demo.do("backup", archive)
    assert archive.stat().st_mode & 0o077 == 0
    other.do("restore", archive)
    folios = [case["folio"] for case in demo.do("list", "--json").values]
    assert [case["folio"] for case in other.do("list", "--json").values] == folios
    for folio in folios[:3]:
        assert other.do("show", folio, "--json").out == demo.do("show", folio, "--json").out
    assert other.do("verify", "--audit", "--json").values[0]["broken"] == 0
    # Folios go on where they were, and reply addresses already sent are still known.
    (value,) = other.do("ingest", "--wait", "--to", US, "-", stdin=make_mail(subject="otra")).values
    assert value["folio"] not in folios
    assert (other.folder / "var" / "secret_key").read_bytes() == (
        demo.folder / "var" / "secret_key"
    ).read_bytes()


def test_a_backup_moves_an_office_to_another_kind_of_database(
    demo: Place, postgres: PostgresCluster, tmp_path: Path
) -> None:
    url = postgres.url(postgres.create_database())
    elsewhere, back = Place(tmp_path / "elsewhere", {"OFICIALIA_DATABASE_URL": url}), Place(tmp_path / "back")
    # As the words that were read from a scan: in the index, and in no message.
    with register_of(demo).writing() as session:
        index_message(session, 1, ["xilófono inconfundible"])
    demo.do("backup", tmp_path / "one.tar")
    elsewhere.do("restore", tmp_path / "one.tar")
    assert elsewhere.do("list", "--json").out == demo.do("list", "--json").out
    (value,) = elsewhere.do("ingest", "--wait", "--to", US, "-", stdin=make_mail(subject="nueva")).values
    elsewhere.do("backup", tmp_path / "two.tar")
    back.do("restore", tmp_path / "two.tar")
    for folio in ("T-2026-000001", value["folio"]):
        assert back.do("show", folio, "--json").out == elsewhere.do("show", folio, "--json").out
    assert back.do("verify", "--audit", "--json").values[0]["broken"] == 0
    with register_of(back).reading() as found, register_of(demo).reading() as kept:
        for words in ("xilofono inconfund", "impresora", "credencial"):
            assert set(find_messages(found, words)) >= set(find_messages(kept, words)) > set(), words


def register_of(place: Place) -> Database:
    return open_database(f"sqlite:///{place.folder / 'var' / 'oficialia.db'}")


def test_a_backup_is_not_restored_over_data_nor_written_over_a_file(demo: Place, tmp_path: Path) -> None:
    archive = tmp_path / "respaldo.tar"
    demo.do("backup", archive)
    assert demo.run("restore", archive).exit_code == 1
    assert demo.run("backup", archive).exit_code == 2
    archive.write_text("no es un respaldo")
    assert Place(tmp_path / "other").run("restore", archive).exit_code == 2


def test_check_finds_a_well_office_and_says_how_to_mend_an_ill_one(demo: Place) -> None:
    well = demo.do("check", "--json").values
    assert {finding["name"] for finding in well} >= {
        *("database", "schema", "store", "disk", "clock", "relay", "imap", "telegram", "fonts", "secret"),
        *("antivirus", "dns", "issuers"),
    }
    ill = demo.run(
        "check",
        OFICIALIA_RELAY_URL="smtp://ana:secreto@127.0.0.1:9",
        OFICIALIA_IMAP_URL="imaps://ana:secreto@127.0.0.1:9/INBOX",
        OFICIALIA_TELEGRAM_TOKEN="123:secreto",
        OFICIALIA_TELEGRAM_BASE_URL="http://127.0.0.1:9/bot",
        OFICIALIA_STORE_URL="file:/dev/null/files",
        OFICIALIA_CLAMD_URL="tcp://127.0.0.1:9",
        OFICIALIA_DNS_SERVER="127.0.0.1:9",
        OFICIALIA_SMIME_ROOTS="/nowhere/sat.pem",
    )
    assert ill.exit_code == 1
    assert ill.out.count("falla") == 6
    assert ill.out.count("→") >= 7
    for setting in ("OFICIALIA_CLAMD_URL", "OFICIALIA_DNS_SERVER", "OFICIALIA_SMIME_ROOTS"):
        assert setting in ill.out
    assert "secreto" not in ill.out + ill.err


def test_check_logs_in_as_the_doors_do(
    demo: Place, imap_server: Dovecot, tls_relay: Relay, certificate: Certificate
) -> None:
    account = Account("revision@example.org")
    imap_server.append(account, make_mail())
    user = f"{account.address.replace('@', '%40')}:{account.password}"
    well = demo.do(
        "check",
        OFICIALIA_RELAY_URL=f"{tls_relay.url}&ca={certificate.chain}",
        OFICIALIA_IMAP_URL=f"imap://{user}@127.0.0.1:{imap_server.port}/INBOX",
    )
    assert "1 mensajes" in well.out
    assert account.password not in well.out
    assert not tls_relay.received
    wrong = tls_relay.url.replace("secreto", "olvidada")
    ill = demo.run("check", OFICIALIA_RELAY_URL=f"{wrong}&ca={certificate.chain}")
    assert ill.exit_code == 1
    assert "535" in ill.out


def test_check_asks_the_antivirus_and_the_name_server(demo: Place, clamd_port: int) -> None:
    with name_server() as names:
        well = demo.do(
            "check",
            OFICIALIA_CLAMD_URL=f"tcp://127.0.0.1:{clamd_port}",
            OFICIALIA_DNS_SERVER=names.address,
        )
    assert "reconoce la muestra de prueba (Eicar" in well.out
    assert f"{names.address} responde" in well.out


def test_check_says_when_the_database_needs_its_tables(place: Place) -> None:
    ran = place.run("check", "--json")
    assert ran.exit_code == 1
    (schema,) = [finding for finding in ran.values if finding["name"] == "schema"]
    assert "oficialia migrate" in schema["fix"]


def test_all_settings_are_explained_and_no_secret_is_shown(place: Place) -> None:
    ran = place.do(
        "check",
        "--settings",
        "--json",
        OFICIALIA_SECRET_KEY="secreto1",
        OFICIALIA_RELAY_URL="smtp://ana:secreto2@relay.example.org",
        OFICIALIA_IMAP_URL="imaps://ana:secreto3@a.example.org/INBOX imaps://ana:secreto4@b.example.org/INBOX",
    )
    assert "secreto" not in ran.out
    assert all(setting["reason"] for setting in ran.values)
    assert "OFICIALIA_DATABASE_URL" in {setting["name"] for setting in ran.values}
    assert json.dumps(ran.values)


def test_who_moves_the_panel_to_another_port_gets_links_that_lead_there(place: Place) -> None:
    said = place.do("check", "--settings", "--json", OFICIALIA_WEB_LISTEN="0.0.0.0:9123").values
    values = {line["name"]: line["value"] for line in said}
    assert values["OFICIALIA_BASE_URL"] == "http://127.0.0.1:9123"
