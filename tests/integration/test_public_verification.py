"""What anybody learns at /verificar and behind the reading link: the document, and nothing else."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from flask.testing import FlaskClient
from pypdf import PdfReader, PdfWriter
from sqlalchemy import select
from waitress.server import create_server
from werkzeug.test import TestResponse

from admin.app import create_app, server_options
from admin.pace import Window
from admin.views.verification import LOOKUPS, UPLOADS
from intake.config import Settings
from intake.issued import approval, issuing
from intake.issued.documents import qr_of
from intake.issued.pdf import html_to_pdf
from intake.office import Office
from models.acuse import Acuse
from models.oficio import Oficio
from models.recipient import Recipient
from tests.support.desk import arrive, notices
from tests.support.documents import OUTSIDE, acting, fields, pdf_of, poppler, sign, write
from tests.support.efirma import Authority
from tests.support.institution import Institution, found_institution
from tests.support.panel import panel_of
from tests.support.ports import free_port

pytestmark = pytest.mark.on_sqlite


@pytest.fixture
def office(settings: Settings, tmp_path: Path) -> Iterator[Office]:
    opened = Office.open(settings.model_copy(update={"efirma_folder": str(tmp_path / "sat")}))
    yield opened
    opened.database.close()


@pytest.fixture
def institution(office: Office) -> Institution:
    with office.database.writing() as session:
        return found_institution(session)


@pytest.fixture
def visitor(office: Office, institution: Institution) -> FlaskClient:
    """Somebody who is not logged in."""
    return panel_of(office).test_client()


def issue(office: Office, institution: Institution, **what: object) -> tuple[str, bytes, int]:
    """A document that is out, with the institution's seal: its code, its file and its id."""
    with acting(office, institution) as (session, people):
        oficio = write(session, office, people["head"], fields(institution, **what))  # type: ignore[arg-type]
        approval.approve(session, office, oficio, people["head"])
        return oficio.verification_code or "", pdf_of(session, office, oficio), oficio.id


def upload(visitor: FlaskClient, pdf: bytes, name: str = "oficio.pdf") -> TestResponse:
    return visitor.post("/verificar", data={"pdf": (io.BytesIO(pdf), name)})


def added_to(pdf: bytes) -> bytes:
    """*pdf* with a change appended after its signature, which covers what was there before."""
    writer = PdfWriter(PdfReader(io.BytesIO(pdf)), incremental=True)
    writer.pages[0].merge_page(PdfReader(io.BytesIO(html_to_pdf("<p>Y se pagan $1,000,000.</p>"))).pages[0])
    made = io.BytesIO()
    writer.write(made)
    return made.getvalue()


@pytest.mark.on_both
def test_a_code_tells_what_it_is_who_signed_when_the_sha_and_the_state(
    office: Office, institution: Institution, visitor: FlaskClient
) -> None:
    code, _, number = issue(office, institution)
    answer = visitor.get(f"/verificar/{code}")
    assert answer.status_code == 200
    with office.database.reading() as session:
        oficio = session.get_one(Oficio, number)
        for said in (
            oficio.folio,
            oficio.pdf_sha256,
            "Obras de 2026",
            "Jaime Torres",
            "Dirección de Sistemas",
        ):
            assert said and said in answer.text
    assert "Vigente" in answer.text and answer.text.count("Firma válida") == 1
    assert "jaime@example.gob.mx" not in answer.text
    # However it was typed.
    assert visitor.get(f"/verificar/{code.lower().replace('-', ' ')}").status_code == 200
    assert visitor.get(f"/verificar?codigo={code}").location == f"/verificar/{code}"


def test_a_cancelled_document_says_so_for_its_code_and_for_its_file(
    office: Office, institution: Institution, visitor: FlaskClient
) -> None:
    code, pdf, number = issue(office, institution)
    with acting(office, institution) as (session, people):
        issuing.cancel(session, office, session.get_one(Oficio, number), people["head"], reason="Error.")
    for answer in (visitor.get(f"/verificar/{code}"), upload(visitor, pdf)):
        assert "CANCELADO" in answer.text and "Vigente" not in answer.text
        # Why is between those whom it concerns.
        assert "Error." not in answer.text


def test_no_code_and_a_wrong_code_and_a_code_that_is_not_out_yet_are_told_apart_by_nobody(
    office: Office, institution: Institution, visitor: FlaskClient, tmp_path: Path
) -> None:
    Authority().write_trust(tmp_path / "sat")
    with acting(office, institution) as (session, people):
        people["head"].is_signer = True
        waits = write(session, office, people["head"], fields(institution, needs_efirma=True))
        approval.approve(session, office, waits, people["head"])
        assert waits.state == "pending_signature"
        secret = waits.verification_code or ""
    pages = set()
    for code in (secret, "AAAAA-BBBBB-CCCCC-DDDDD", "x", "../a"):
        answer = visitor.get(f"/verificar/{code}")
        assert answer.status_code == 404
        # What was typed stands in the form again; all else is the same.
        pages.add(answer.text.partition("<main")[2].partition("</main>")[0].replace(f'value="{code}"', ""))
    assert len(pages) == 1


@pytest.mark.on_both
def test_the_very_file_is_authentic_and_one_byte_less_is_not(
    office: Office, institution: Institution, visitor: FlaskClient
) -> None:
    _, pdf, _ = issue(office, institution)
    assert "Es auténtico" in upload(visitor, pdf).text
    at = pdf.index(b"stream") + 40
    altered = upload(visitor, pdf[:at] + bytes([pdf[at] ^ 1]) + pdf[at + 1 :])
    assert "NO es auténtico" in altered.text and "Firma alterada" in altered.text
    # It bears our code, so what was issued is shown beside it.
    assert "Obras de 2026" in altered.text


def test_what_was_added_behind_a_signature_does_not_pass_as_signed(
    office: Office, institution: Institution, visitor: FlaskClient
) -> None:
    _, pdf, _ = issue(office, institution)
    answer = upload(visitor, added_to(pdf))
    assert "NO es auténtico" in answer.text
    assert "Firma alterada" in answer.text and "Firma válida" not in answer.text


def test_each_of_several_signatures_is_judged_by_itself(
    office: Office, institution: Institution, visitor: FlaskClient, tmp_path: Path
) -> None:
    authority = Authority()
    authority.write_trust(tmp_path / "sat")
    with acting(office, institution) as (session, people):
        for name, rfc in (("head", "TOLJ800101AB1"), ("other", "PEOO800101AB2")):
            people[name].is_signer, people[name].person.rfc = True, rfc
        both = (people["head"].id, people["other"].id)
        oficio = write(session, office, people["head"],
                       fields(institution, needs_efirma=True, signers=both))  # fmt: skip
        approval.approve(session, office, oficio, people["head"])
        sign(session, office, oficio, people["head"], authority.issue())
        sign(session, office, oficio, people["other"], authority.issue(rfc="PEOO800101AB2", name="OLGA PEÑA"))
        code, pdf = oficio.verification_code, pdf_of(session, office, oficio)
    answer = visitor.get(f"/verificar/{code}")
    assert answer.text.count("Firma válida") == 2
    assert "Olga Peña" in answer.text and "PEOO800101AB2" not in answer.text
    assert upload(visitor, pdf).text.count("Firma válida") == 2


def test_a_stranger_s_file_is_not_ours_whoever_signed_it(
    office: Office, institution: Institution, visitor: FlaskClient
) -> None:
    answer = upload(visitor, html_to_pdf("<p>Oficio falso</p>"), "<b>falso</b>.pdf")
    assert "No es un documento emitido" in answer.text
    assert "<b>falso" not in answer.text and "&lt;b&gt;falso" in answer.text
    assert "No es un archivo PDF" in upload(visitor, b"GIF89a").text
    assert visitor.post("/verificar", data={}).status_code == 422


def test_a_file_made_to_hang_its_reader_is_unreadable_and_keeps_nobody_from_writing(
    office: Office, institution: Institution, visitor: FlaskClient
) -> None:
    nested = b"%PDF-1.7\n1 0 obj\n" + b"[" * 3_000_000
    assert upload(visitor, nested).status_code == 200
    code, _, _ = issue(office, institution)
    assert visitor.get(f"/verificar/{code}").status_code == 200


def test_an_acuse_is_verified_without_telling_who_wrote_what(
    office: Office, institution: Institution, visitor: FlaskClient
) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"] = "Elena Ruiz <elena@obras.gob.mx>", "soporte@example.gob.mx"
    mail["Subject"] = "Oficio SOP/0456/2026"
    mail.set_content("Le solicito lo que usted sabe.")
    arrive(office, mail.as_bytes())
    with office.database.reading() as session:
        acuse = session.scalars(select(Acuse)).one()
        code, folio = acuse.verification_code, acuse.case.folio
    answer = visitor.get(f"/verificar/{code}")
    assert "acuse de recibo" in answer.text and folio in answer.text and "Firma válida" in answer.text
    assert "Elena" not in answer.text and "SOP/0456" not in answer.text


def test_the_code_on_paper_and_in_its_qr_leads_to_the_page(
    office: Office, institution: Institution, visitor: FlaskClient, tmp_path: Path
) -> None:
    code, pdf, _ = issue(office, institution)
    address = f"{office.settings.base_url}/verificar/{code}"
    assert address in "".join(poppler("pdftotext", pdf, tmp_path).split())
    assert qr_of(address) != qr_of(address.upper())
    assert visitor.get(address.removeprefix(office.settings.base_url)).status_code == 200


@pytest.mark.on_both
def test_opening_the_link_of_a_mail_is_not_reading_but_its_button_is(
    office: Office, institution: Institution, visitor: FlaskClient
) -> None:
    _, pdf, number = issue(office, institution, to=(OUTSIDE,))
    with office.database.reading() as session:
        token = session.scalars(select(Recipient.token)).one()
    link = f"{office.settings.base_url}/documento/{token}"
    assert link in notices(office, "document")[0].text
    page = visitor.get(f"/documento/{token}")
    assert "Obras de 2026" in page.text and page.headers["Referrer-Policy"] == "no-referrer"
    with office.database.reading() as session:
        assert session.scalars(select(Recipient.read_at)).one() is None
    answer = visitor.post(f"/documento/{token}")
    assert answer.data == pdf and answer.mimetype == "application/pdf"
    with office.database.reading() as session:
        assert session.scalars(select(Recipient.read_at)).one() is not None
    for wrong in ("x", "A" * 32):
        assert visitor.get(f"/documento/{wrong}").status_code == 404
        assert visitor.post(f"/documento/{wrong}").status_code == 404
    assert number


def test_a_window_slides() -> None:
    window = Window(2, 0.2)
    assert [window.wait("a"), window.wait("a"), window.wait("b")] == [0, 0, 0]
    assert window.wait("a") == 1
    waited = threading.Event()
    assert not waited.wait(0.25)
    assert window.wait("a") == 0


@contextmanager
def served(office: Office) -> Iterator[str]:
    """The panel behind waitress, as `oficialia web` runs it."""
    server = create_server(create_app(office), **server_options(office))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield f"http://{office.settings.web_listen}"
    finally:
        # Within its own loop, which would else wait on a closed socket.
        server.trigger.pull_trigger(server.close)
        thread.join(10)
        server.task_dispatcher.shutdown()


def ask(address: str, *forwarded: str) -> int:
    """The status of a look-up that a front server, or a liar, hands on for *forwarded*."""
    headers = {"X-Forwarded-For": ", ".join(forwarded)} if forwarded else {}
    with pytest.raises(HTTPError) as refusal:
        urlopen(Request(f"{address}/verificar/x", headers=headers))
    with refusal.value as answer:
        assert answer.code != 429 or int(answer.headers["Retry-After"]) > 0
        return int(answer.code)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_liar_without_a_front_server_gains_no_second_window(settings: Settings) -> None:
    office = Office.open(settings)
    with served(office) as address:
        for number in range(LOOKUPS):
            assert ask(address, f"203.0.113.{number}") == 404
        assert ask(address, "198.51.100.7") == 429
    office.database.close()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_behind_the_front_server_each_client_has_a_window_that_lies_do_not_widen(settings: Settings) -> None:
    behind = {"base_url": "https://oficialia.example.gob.mx", "web_listen": f"127.0.0.1:{free_port()}"}
    office = Office.open(settings.model_copy(update=behind))
    with served(office) as address:
        for number in range(LOOKUPS):
            # What the client claims to be stands first, what the front server saw stands last.
            assert ask(address, f"203.0.113.{number}", "198.51.100.7") == 404
        assert ask(address, "203.0.113.200", "198.51.100.7") == 429
        assert ask(address, "198.51.100.8") == 404
        # Of IPv6 the whole network of a client counts as one.
        for number in range(LOOKUPS):
            assert ask(address, f"2001:db8::{number:x}") == 404
        assert ask(address, "2001:db8::ffff:1") == 429
    office.database.close()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_who_uploads_without_end_waits_and_codes_go_on(
    office: Office, institution: Institution, visitor: FlaskClient
) -> None:
    assert {upload(visitor, b"no").status_code for _ in range(UPLOADS)} == {200}
    assert upload(visitor, b"no").status_code == 429
    assert visitor.get("/verificar/x").status_code == 404
