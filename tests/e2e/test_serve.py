"""`oficialia serve` from a person's mail to the ticket and back, and how it starts, mends itself and ends."""

import json
import os
import shutil
import signal
import urllib.request
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from models.inbound_mail import InboundMail, InboundStatus
from models.session import open_database
from tests.support.command import Place
from tests.support.mails import make_mail
from tests.support.ports import is_listening
from tests.support.program import Program
from tests.support.swaks import run_swaks
from tests.support.waiting import wait_until

US = "soporte@sanmarcos.example"
CITIZEN = "Ana Muñoz <ana.munoz@correo.example>"
PDF = b"%PDF-1.4\n% a small file\n"


@pytest.fixture(scope="module")
def place(demo_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A folder in which `make run` has just installed the demo institution."""
    return Place(Path(shutil.copytree(demo_folder, tmp_path_factory.mktemp("serve") / "office")))


@pytest.fixture(scope="module")
def program(place: Place) -> Iterator[Program]:
    """`oficialia serve`, ended as Ctrl-C does."""
    made = place.program("serve", stop_signal=signal.SIGINT)
    yield made
    made.kill()


@pytest.fixture
def office(program: Program) -> Program:
    """All roles, running; a test that stopped them leaves the next start to the next test."""
    if not program.is_running:
        start(program)
    return program


def start(program: Program) -> None:
    program.log.unlink(missing_ok=True)
    program.start(lambda: "Ctrl-C" in program.output, timeout=60)


def roles_of(place: Place) -> dict[int, str]:
    """Process ids of the roles that run in this folder, with their command lines."""
    found = {}
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().decode().split("\0")
            if "--supervised" in words and (entry / "cwd").resolve() == place.folder:
                found[int(entry.name)] = " ".join(words[words.index("--supervised") + 1 :]).strip()
        except (OSError, ValueError):
            continue
    return found


def send(place: Place, mail: bytes, to: str, sender: str = "ana.munoz@correo.example") -> None:
    """Hand *mail* to the SMTP door with swaks."""
    path = place.folder / "mail.eml"
    path.write_bytes(mail)
    run = run_swaks(place.smtp_port, "--data", f"@{path}", to=to, sender=sender)
    assert run.is_accepted, run.transcript


def acuse_about(place: Place, subject: str) -> EmailMessage:
    """The acuse for the mail with *subject*, as it lies in var/outgoing."""

    def find() -> EmailMessage | None:
        for path in reversed(place.outgoing):
            mail = message_from_bytes(path.read_bytes(), policy=policy.default)
            assert isinstance(mail, EmailMessage)
            if subject in mail["subject"] and "acuse" in path.name:
                return mail
        return None

    found = wait_until(find, 30, lambda: (place.folder / "serve.log").read_text()[-3000:])
    assert found is not None
    return found


def case_of(place: Place, folio: str) -> dict[str, Any]:
    return place.do("show", folio, "--json").values[0]


def folio_in(acuse: EmailMessage) -> str:
    return str(acuse["subject"]).rpartition("[")[2].rstrip("]")


def reply_to(acuse: EmailMessage, text: str, sender: str = CITIZEN) -> bytes:
    """What a mail program sends when somebody answers the acuse: new text above, everything quoted below."""
    body = acuse.get_body(("plain",))
    assert body is not None
    quoted = "\n".join(f"> {line}" for line in body.get_content().splitlines())
    return make_mail(
        sender,
        str(acuse["reply-to"] or acuse["from"]),
        f"Re: {acuse['subject']}",
        f"{text}\n\nEl lun, 3 mar 2026 a las 9:00, Mesa de servicios <{US}> escribió:\n{quoted}\n",
        in_reply_to=acuse["message-id"],
        references=[acuse["message-id"]],
    )


def inbound(place: Place, status: InboundStatus) -> list[InboundMail]:
    database = open_database(f"sqlite:///{place.folder / 'var' / 'oficialia.db'}")
    try:
        with database.reading() as session:
            return list(session.scalars(select(InboundMail).where(InboundMail.status == status)))
    finally:
        database.close()


def test_a_mail_becomes_a_ticket_and_the_reply_to_its_acuse_a_follow_up(
    place: Place, office: Program
) -> None:
    mail = make_mail(
        CITIZEN,
        US,
        "La impresora no jala",
        "Buenos días:\n\nLa impresora de ventanilla no imprime. Anexo el reporte.\n",
        files=[("Reporte de daños.pdf", "application/pdf", PDF)],
    )
    send(place, mail, US)
    acuse = acuse_about(place, "La impresora no jala")
    folio = folio_in(acuse)
    case = case_of(place, folio)
    assert case["service"] == "soporte-tecnico"
    assert "Impresoras y tóner" in case["routing_reason"]
    assert case["messages"][0]["attachments"][0]["filename"] == "Reporte de daños.pdf"
    assert "ana.munoz@correo.example" in str(acuse["to"])
    assert acuse["in-reply-to"]

    reply = reply_to(acuse, "Ya la reinicié y sigue igual.")
    to = make_address(acuse)
    send(place, reply, to)
    send(place, reply, to)
    wait_until(lambda: not inbound(place, InboundStatus.RECEIVED), 30)
    messages = [each for each in case_of(place, folio)["messages"] if each["direction"] == "in"]
    assert [message["reply_text"] for message in messages[1:]] == ["Ya la reinicié y sigue igual."]

    held = len(inbound(place, InboundStatus.HELD))
    stranger = reply_to(acuse, "Yo también quiero saber.", "Extraño <extrano@elsewhere.example>")
    send(place, stranger, to, "extrano@elsewhere.example")
    wait_until(lambda: len(inbound(place, InboundStatus.HELD)) == held + 1, 30)
    assert len([each for each in case_of(place, folio)["messages"] if each["direction"] == "in"]) == 2


def make_address(acuse: EmailMessage) -> str:
    return str((acuse["reply-to"] or acuse["from"]).addresses[0].addr_spec)


def test_serve_says_where_everything_is_and_what_to_try(place: Place, office: Program) -> None:
    said = office.output
    assert f"127.0.0.1:{place.smtp_port}" in said
    assert f"http://127.0.0.1:{place.web_port}/admin/" in said
    assert f"ingest --to {US} --wait" in said
    assert f"swaks --server 127.0.0.1:{place.smtp_port} --to {US}" in said
    with urllib.request.urlopen(f"http://127.0.0.1:{place.web_port}/healthz") as answer:
        assert answer.status == 200
    for role in ("smtp", "worker", "web"):
        assert any(line.startswith(role) for line in said.splitlines())


def test_a_second_office_on_the_same_ports_says_so(place: Place, office: Program) -> None:
    ran = place.run("serve")
    assert (ran.exit_code, ran.err.count("\n")) == (1, 1)
    assert f"127.0.0.1:{place.smtp_port}" in ran.err


def test_ctrl_c_stops_every_role_and_the_next_start_goes_on(place: Place, office: Program) -> None:
    assert {words.split()[0] for words in roles_of(place).values()} == {"smtp", "worker", "web"}
    assert office.stop() == 0
    assert not roles_of(place)
    assert not is_listening(place.smtp_port)
    before = len(place.do("list", "--json").values)
    start(office)
    send(place, make_mail(CITIZEN, US, "Otra vez abierto", "¿Ya abrieron?"), US)
    acuse_about(place, "Otra vez abierto")
    assert len(place.do("list", "--json").values) == before + 1


def test_a_role_that_dies_is_started_again_and_no_mail_is_lost(place: Place, office: Program) -> None:
    before = roles_of(place)
    killed = {pid for pid, words in before.items() if words.split()[0] in ("smtp", "worker")}
    for pid in killed:
        os.kill(pid, signal.SIGKILL)

    def are_others_there() -> bool:
        # A killed one is still listed, and its port still open, for a moment.
        there = roles_of(place).keys()
        return not killed & there and len(there) >= len(before) and is_listening(place.smtp_port)

    wait_until(are_others_there, 60, lambda: office.output)
    send(place, make_mail(CITIZEN, US, "Después del golpe", "¿Siguen ahí?"), US)
    acuse_about(place, "Después del golpe")


def test_no_role_outlives_a_killed_supervisor(place: Place, office: Program) -> None:
    assert roles_of(place)
    os.kill(office.process.pid, signal.SIGKILL)
    office.process.wait()
    wait_until(lambda: not roles_of(place), 30, lambda: str(roles_of(place)))


def test_logs_are_json_lines_when_asked_for(place: Place) -> None:
    other = Place(place.folder, place.settings | {"OFICIALIA_LOG_JSON": "true", "OFICIALIA_WEB_LISTEN": ""})
    worker = other.program("worker")
    with worker.start(lambda: "worker started" in worker.output, timeout=60):
        assert worker.stop() == 0
    lines = [json.loads(line) for line in worker.output.splitlines()]
    assert {line["role"] for line in lines} == {"worker"}
    assert all("timestamp" in line and "level" in line for line in lines)
