"""What leaves the tablero: a spreadsheet, a ZIP, and the printed book; only of what one may see."""

from __future__ import annotations

import io
import tempfile
from datetime import date
from email.message import EmailMessage
from pathlib import Path
from zipfile import ZipFile

import pytest
from werkzeug.test import TestResponse

from admin.views import exports
from intake.issued import approval, drafts, issuing
from intake.issued.exports import make_spreadsheet, print_book
from intake.issued.pdf import html_to_pdf
from intake.office import Office
from intake.wording import day
from models.book import Entry
from models.message import Blob
from models.oficio import DocumentType, Flow, Oficio
from tests.support.desk import arrive
from tests.support.documents import acting, fields, pdf_of, poppler, write
from tests.support.institution import Institution, found_institution
from tests.support.panel import Clerk, give_logins
from tests.support.spreadsheets import rows_in

pytestmark = pytest.mark.on_sqlite


@pytest.fixture
def town(office: Office) -> Institution:
    with office.database.writing() as session:
        town = found_institution(session)
        give_logins(session, town)
    return town


def issue(office: Office, town: Institution, by: str = "head", **what: object) -> Oficio:
    with acting(office, town) as (session, people):
        oficio = write(session, office, people[by], fields(town, **what))  # type: ignore[arg-type]
        approval.approve(session, office, oficio, people[by])
        return oficio


def receive(
    office: Office, number: str = "SOP/DP/0456/2026", filename: str = "oficio.pdf"
) -> tuple[int, bytes]:
    """An institution's oficio arrives by mail; its case and its file."""
    pdf = html_to_pdf(f"<p>Oficio Núm. {number}</p><p>ASUNTO: Relación de obras</p>")
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "elena@obras.gob.mx", "soporte@example.gob.mx", "Solicitud"
    mail["Message-ID"] = "<uno@obras.gob.mx>"
    mail.set_content("Adjunto.")
    mail.add_attachment(pdf, maintype="application", subtype="pdf", filename=filename)
    return arrive(office, mail.as_bytes()), pdf


def book(clerk: Clerk, flow: str) -> TestResponse:
    return clerk.get(f"/admin/libro/pdf?libro={flow}&desde=2000-01-01&hasta=2100-01-01")


@pytest.mark.on_both
def test_the_list_that_is_shown_is_the_list_that_is_exported(office: Office, town: Institution) -> None:
    first, second = issue(office, town), issue(office, town, document_type=DocumentType.MEMORANDUM)
    clerk = Clerk(office, town.accounts["head"])
    rows = rows_in(clerk.get("/admin/tablero/exportar/lista.xlsx?carpeta=sent").data)
    assert [row[0] for row in rows[1:]] == [second.folio, first.folio]
    assert first.verification_code in rows[2] and "Olga Peña" in rows[2]
    only = rows_in(clerk.get("/admin/tablero/exportar/lista.xlsx?carpeta=sent&tipo=memorandum").data)
    assert [row[0] for row in only[1:]] == [second.folio]
    sought = rows_in(clerk.get(f"/admin/tablero/exportar/lista.xlsx?folio={first.folio}").data)
    assert [row[0] for row in sought[1:]] == [first.folio]
    ticked = clerk.post("/admin/tablero/exportar/lista.xlsx", documento=[first.id])
    assert [row[0] for row in rows_in(ticked.data)[1:]] == [first.folio]


def test_nobody_exports_what_it_may_not_see(office: Office, town: Institution) -> None:
    oficio = issue(office, town)
    for name in ("worker", "other"):
        clerk = Clerk(office, town.accounts[name])
        mine = {row[0] for row in rows_in(clerk.get("/admin/tablero/exportar/lista.xlsx?folio=DSI").data)[1:]}
        assert mine == ({oficio.folio} if name == "other" else set())
    hidden = Clerk(office, town.accounts["worker"])
    assert len(rows_in(hidden.post("/admin/tablero/exportar/lista.xlsx", documento=[oficio.id]).data)) == 1
    assert "Ningún documento" in hidden.post("/admin/tablero/exportar/lista.zip", documento=[oficio.id]).text
    assert "No hay correspondencia" in _text(book(hidden, "issued").data)
    admin = Clerk(office, town.accounts["admin"])
    for path in ("tablero/exportar/lista.xlsx", "tablero/exportar/lista.zip", "libro/", "libro/pdf"):
        assert admin.get(f"/admin/{path}").status_code == 403
        assert Clerk(office, None).get(f"/admin/{path}").location.startswith("/entrar")


def _text(pdf: bytes, *options: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        return poppler("pdftotext", pdf, Path(folder), *options)


def test_a_subject_that_looks_like_a_formula_stays_a_text(office: Office, town: Institution) -> None:
    bad = '=HYPERLINK("http://malo.example","Ver")'
    issue(office, town, subject=bad)
    clerk = Clerk(office, town.accounts["head"])
    made = clerk.get("/admin/tablero/exportar/lista.xlsx?carpeta=sent").data
    assert bad in rows_in(made)[1]
    with ZipFile(io.BytesIO(made)) as workbook:
        # Also whoever edits the cell afterwards gets no formula.
        assert b'quotePrefix="1"' in workbook.read("xl/styles.xml")
        assert not [name for name in workbook.namelist() if "rels" in name and "sheet1" in name]


def test_every_hostile_text_is_a_string_cell(office: Office) -> None:
    texts = [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "{=1}",
        "http://malo.example",
        "a\x00b",
        "x" * 40_000,
    ]
    made = make_spreadsheet(office, "Hoja", [("a", 10)], [[one] for one in texts])
    with ZipFile(io.BytesIO(made)) as workbook:
        sheet = workbook.read("xl/worksheets/sheet1.xml").decode()
    assert sheet.count('t="inlineStr"') == len(texts) + 1 and "<f>" not in sheet
    assert "<hyperlink" not in sheet


@pytest.mark.on_both
def test_the_zip_has_the_very_files_of_issued_and_received_documents(
    office: Office, town: Institution
) -> None:
    oficio = issue(office, town)
    case_id, came = receive(office, filename="../../etc/oficio.pdf")
    clerk = Clerk(office, town.accounts["oficialia"])
    ids = [oficio.id, case_id]
    answer = clerk.post("/admin/tablero/exportar/lista.zip", documento=ids)
    assert answer.mimetype == "application/zip"
    with ZipFile(io.BytesIO(answer.data)) as archive, acting(office, town) as (session, _):
        assert archive.testzip() is None
        issued, received = archive.namelist()
        assert archive.read(issued) == pdf_of(session, office, oficio)
        folio = session.get_one(Oficio, case_id).folio
        assert received.startswith(f"{folio}/") and archive.read(received) == came
        assert ".." not in received.split("/")


def test_a_zip_that_would_be_too_large_says_so_before_it_begins(
    office: Office, town: Institution, monkeypatch: pytest.MonkeyPatch
) -> None:
    issue(office, town)
    clerk = Clerk(office, town.accounts["head"])
    monkeypatch.setattr(exports, "MAX_ZIP_BYTES", 1000)
    clerk.get("/admin/tablero/exportar/lista.zip?carpeta=sent")
    assert "pesan 0.0 GB" in clerk.get("/admin/tablero/?carpeta=sent").text
    monkeypatch.setattr(exports, "MAX_ZIPPED", 0)
    clerk.get("/admin/tablero/exportar/lista.zip?carpeta=sent")
    assert "más de 0 documentos" in clerk.get("/admin/tablero/?carpeta=sent").text


def test_a_file_that_the_store_lost_is_named_in_its_place(office: Office, town: Institution) -> None:
    oficio = issue(office, town)
    with office.database.writing() as session:
        blob = session.get_one(Blob, oficio.pdf_sha256)
        blob.content = None
    for path in Path(office.settings.store_url.removeprefix("file:")).rglob("*"):
        if path.is_file():
            path.unlink()
    answer = Clerk(office, town.accounts["head"]).get("/admin/tablero/exportar/lista.zip?carpeta=sent")
    with ZipFile(io.BytesIO(answer.data)) as archive:
        (name,) = archive.namelist()
        assert name.endswith(".pdf.txt") and (oficio.pdf_sha256 or "-") in archive.read(name).decode()


@pytest.mark.on_both
def test_the_book_of_a_period_has_every_number_also_of_cancelled_documents_and_totals(
    office: Office, town: Institution
) -> None:
    first, second = issue(office, town), issue(office, town)
    with acting(office, town) as (session, people):
        issuing.cancel(session, office, session.get_one(Oficio, first.id), people["head"], reason="Error.")
        write(session, office, people["head"], fields(town, subject="Un borrador"))
    answer = book(Clerk(office, town.accounts["head"]), "issued")
    text = _text(answer.data, "-layout")
    assert text.index(first.folio) < text.index(second.folio)
    assert "Cancelado" in text and "Un borrador" not in text
    assert "Documentos en el libro: 2" in text and "Hoja" in text and "1 de 1" in text
    written_on = first.written_on
    assert written_on is not None and day(written_on) in text and written_on.isoformat() not in text


def test_the_book_of_what_was_received_tells_with_what_it_was_answered(
    office: Office, town: Institution
) -> None:
    case_id, _ = receive(office)
    with acting(office, town) as (session, people):
        received = session.get_one(Oficio, case_id)
        answer = drafts.answer_document(session, office, received, people["head"])
        to = drafts.fields_of(session, answer).recipients
        drafts.save_draft(session, office, answer, people["head"], fields(town, to=to))
        approval.approve(session, office, answer, people["head"])
        folio, theirs = answer.folio, received.folio
    text = _text(book(Clerk(office, town.accounts["oficialia"]), "received").data, "-layout")
    assert theirs in text and folio in "".join(text.split())
    assert "Documentos en el libro: 1" in text
    # Of Obras, who got nothing of it, the book is empty.
    assert "No hay correspondencia" in _text(book(Clerk(office, town.accounts["other"]), "received").data)


def test_a_period_without_sense_or_too_long_is_refused(
    office: Office, town: Institution, monkeypatch: pytest.MonkeyPatch
) -> None:
    clerk = Clerk(office, town.accounts["head"])
    for wrong in ("desde=2026-02-01&hasta=2026-01-01", "desde=ayer&hasta=2026-01-01", ""):
        clerk.get(f"/admin/libro/pdf?{wrong}")
        assert "Revise las fechas" in clerk.get("/admin/libro/").text
    issue(office, town)
    monkeypatch.setattr(exports, "MAX_LINES", 0)
    book(clerk, "issued")
    assert "Elija un periodo más corto" in clerk.get("/admin/libro/").text


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_long_book_is_tagged_and_numbers_its_pages(office: Office, tmp_path: Path) -> None:
    entries = [
        Entry(n, f"DSI/{n:04}/2026", date(2026, 1, 1), DocumentType.OFICIO, "", f"Asunto {n}", "Sistemas",
              "sent", "Olga Peña")
        for n in range(1, 121)
    ]  # fmt: skip
    made = print_book(office, entries, Flow.ISSUED, date(2026, 1, 1), date(2026, 12, 31), "Ofelia Partida")
    assert "Tagged:          yes" in poppler("pdfinfo", made, tmp_path)
    pages = poppler("pdftotext", made, tmp_path, "-layout").rstrip("\f").split("\f")
    assert len(pages) > 2
    for number, page in enumerate(pages, start=1):
        assert f"{number} de {len(pages)}" in page
    assert all("Asunto" in page.split("DSI/")[0] for page in pages[:-1])
    assert "Documentos en el libro: 120" in pages[-1]
