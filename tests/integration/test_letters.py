"""The printed case, read back with poppler as any office's viewer would read it."""

from __future__ import annotations

import hashlib
import io
import subprocess
from pathlib import Path

import pytest
from PIL import Image
from pypdf import PdfReader, PdfWriter
from pypdf.generic import DictionaryObject, NameObject, TextStringObject
from sqlalchemy.orm import Session
from weasyprint import HTML

from intake.attachments import keep_files
from intake.incoming import IncomingFile
from intake.issued.pdf import html_to_pdf
from intake.letters import print_case, print_message
from intake.office import Office
from models.message import Direction
from models.ticket import Ticket
from tests.support.institution import found_institution, open_case, write_message

# What is printed is no question of the database.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def _pdf(words: str, style: str = "size: letter") -> bytes:
    pages = "".join(f"<p style='break-after: page'>{word}</p>" for word in words.split("|")[:-1])
    return html_to_pdf(f"<style>@page {{ {style} }}</style>{pages}<p>{words.split('|')[-1]}</p>")


def _picture(color: str = "red", kind: str = "PNG", size: tuple[int, int] = (600, 400)) -> bytes:
    made = io.BytesIO()
    Image.new("RGB", size, color).save(made, kind)
    return made.getvalue()


def _text_of(pdf: bytes, tmp_path: Path) -> str:
    path = tmp_path / "printed.pdf"
    path.write_bytes(pdf)
    return _poppler("pdftotext", "-layout", path, "-")


def _poppler(*command: str | Path) -> str:
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout


def _print_with(office: Office, files: list[IncomingFile]) -> bytes:
    with office.database.writing() as session:
        ticket = open_case(session, found_institution(session))
        message = write_message(session, ticket, text="Anexo lo solicitado.", sender_name="Lucía Gómez")
        keep_files(session, office, message, files)
    with office.database.reading() as session:
        return print_case(session, office, _again(session, ticket))


def _again(session: Session, ticket: Ticket) -> Ticket:
    found = session.get(Ticket, ticket.id)
    assert found is not None
    return found


def test_a_printed_case_has_its_data_its_thread_and_every_page_numbered(
    office: Office, tmp_path: Path
) -> None:
    pdf = _print_with(
        office, [IncomingFile.of("contrato.pdf", "application/pdf", _pdf("Cláusula uno|Cláusula dos"))]
    )
    text = _text_of(pdf, tmp_path)
    assert "No enciende la impresora" in text
    assert "Lucía Gómez" in text
    assert "la impresora de Tesorería no enciende" in text
    assert "Cláusula dos" in text
    assert "T-2" in text
    assert "página 1 de 3" in text
    assert "Anexo 1 · página 3 de 3" in text


def test_every_file_is_listed_with_its_sha256(office: Office, tmp_path: Path) -> None:
    content = b"PK\x03\x04 a spreadsheet"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    text = _text_of(_print_with(office, [IncomingFile.of("gastos.xlsx", kind, content)]), tmp_path)
    assert "gastos.xlsx" in text
    assert hashlib.sha256(content).hexdigest() in text
    assert "Se conserva aparte" in text


def test_internal_notes_are_printed_only_when_asked(office: Office, tmp_path: Path) -> None:
    with office.database.writing() as session:
        institution = found_institution(session)
        ticket = open_case(session, institution)
        author = institution.accounts["worker"]
        write_message(session, ticket, text="No contestar aún.", direction=Direction.NOTE, author=author)
    with office.database.reading() as session:
        case = _again(session, ticket)
        assert "No contestar" not in _text_of(print_case(session, office, case), tmp_path)
        with_notes = _text_of(print_case(session, office, case, with_notes=True), tmp_path)
    assert "No contestar aún." in with_notes
    assert "Tomás Ibarra" in with_notes


def test_one_message_is_printed_with_the_text_it_quotes(office: Office, tmp_path: Path) -> None:
    with office.database.writing() as session:
        ticket = open_case(session, found_institution(session))
        message = write_message(session, ticket, text="Gracias.\n\n> ¿Ya enciende?")
        message.reply_text = "Gracias."
    with office.database.reading() as session:
        case = _again(session, ticket)
        whole = _text_of(print_case(session, office, case), tmp_path)
        alone = _text_of(print_message(session, office, session.merge(message)), tmp_path)
    assert "¿Ya enciende?" not in whole
    assert "¿Ya enciende?" in alone
    assert "Tesorería" not in alone


def test_paperless_12827_848_pictures_scans_and_texts_become_pages_of_one_document(
    office: Office, tmp_path: Path
) -> None:
    scan = io.BytesIO()
    pages = [Image.new("1", (850, 1100), 1), Image.new("1", (850, 1100), 0)]
    pages[0].save(scan, "TIFF", save_all=True, append_images=pages[1:], compression="group4")
    files = [
        IncomingFile.of("foto.jpg", "image/jpeg", _picture(kind="JPEG", size=(4000, 3000))),
        IncomingFile.of("escaneo.tif", "image/tiff", scan.getvalue()),
        IncomingFile.of("nota.txt", "text/plain", "Ñandú y pingüino\n".encode("cp1252") * 3),
    ]
    pdf = _print_with(office, files)
    text = _text_of(pdf, tmp_path)
    assert "Ñandú y pingüino" in text
    assert len(PdfReader(io.BytesIO(pdf)).pages) == 5
    assert "Anexo 2 · página 4 de 5" in text


@pytest.mark.parametrize("damage", ["truncated", "garbage", "empty", "no pages"])
def test_a_broken_pdf_gets_a_page_that_says_so(office: Office, tmp_path: Path, damage: str) -> None:
    whole = _pdf("uno|dos")
    no_pages = io.BytesIO()
    PdfWriter().write(no_pages)
    content = {
        "truncated": whole[: len(whole) // 3],
        "garbage": b"%PDF-1.7\n" + bytes(range(256)) * 40,
        "empty": b"%PDF",
        "no pages": no_pages.getvalue(),
    }[damage]
    files = [
        IncomingFile.of("roto.pdf", "application/pdf", content),
        IncomingFile.of("bueno.pdf", "application/pdf", _pdf("Sigue entero")),
    ]
    text = _text_of(_print_with(office, files), tmp_path)
    assert "dañado" in text
    assert "Sigue entero" in text
    assert "Anexo 2 · página 3 de 3" in text


@pytest.mark.parametrize(("password", "opens"), [("secreta", False), ("", True)])
def test_an_encrypted_pdf_is_printed_only_when_it_opens_without_a_password(
    office: Office, tmp_path: Path, password: str, opens: bool
) -> None:
    writer = PdfWriter(clone_from=io.BytesIO(_pdf("Texto reservado")))
    writer.encrypt(password, owner_password="otra", algorithm="AES-256")
    made = io.BytesIO()
    writer.write(made)
    text = _text_of(
        _print_with(office, [IncomingFile.of("c.pdf", "application/pdf", made.getvalue())]), tmp_path
    )
    assert ("Texto reservado" in text) is opens
    assert ("contraseña" in text) is not opens


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_the_strip_with_the_number_hides_nothing_of_a_sender_s_page(
    office: Office, tmp_path: Path, rotation: int
) -> None:
    writer = PdfWriter(clone_from=io.BytesIO(_pdf("Girada", "size: 200pt 300pt; margin: 5pt")))
    writer.pages[0].rotate(rotation)
    made = io.BytesIO()
    writer.write(made)
    pdf = _print_with(office, [IncomingFile.of("g.pdf", "application/pdf", made.getvalue())])
    path = tmp_path / "girada.pdf"
    path.write_bytes(pdf)
    wide = rotation in (90, 270)
    info = _poppler("pdfinfo", "-f", "2", "-l", "2", path)
    assert (" 220 x 300" if wide else " 200 x 320") in info
    edge = "200" if wide else "300"
    shown = _poppler("pdftotext", "-f", "2", "-x", "0", "-y", edge, "-W", "300", "-H", "20", path, "-")
    assert "página 2 de 2" in shown.replace("\n", " ")


def test_scripts_in_a_sender_s_pdf_are_not_passed_on(office: Office) -> None:
    writer = PdfWriter(clone_from=io.BytesIO(_pdf("Con guion")))
    script = TextStringObject("app.alert('abre')")
    action = DictionaryObject({NameObject("/S"): NameObject("/JavaScript"), NameObject("/JS"): script})
    writer.pages[0][NameObject("/AA")] = DictionaryObject({NameObject("/O"): action})
    made = io.BytesIO()
    writer.write(made)
    pdf = _print_with(office, [IncomingFile.of("js.pdf", "application/pdf", made.getvalue())])
    assert b"app.alert" not in pdf


def test_a_filled_form_keeps_what_was_filled_in(office: Office, tmp_path: Path) -> None:
    form = "<style>input { appearance: auto; width: 80mm }</style><input name=rfc value='GOML800101AB1'>"
    content = HTML(string=form).write_pdf(pdf_forms=True)
    text = _text_of(_print_with(office, [IncomingFile.of("forma.pdf", "application/pdf", content)]), tmp_path)
    assert "GOML800101AB1" in text


def test_the_printer_fetches_nothing_whatever_the_mail_says(office: Office, tmp_path: Path) -> None:
    bait = tmp_path / "secreto.txt"
    bait.write_text("contenido del disco")
    with office.database.writing() as session:
        ticket = open_case(
            session,
            found_institution(session),
            subject=f"<img src='file://{bait}'><object data='file://{bait}'>",
        )
        write_message(
            session,
            ticket,
            text=f"<iframe src='file://{bait}'></iframe><link rel=attachment href='file://{bait}'>",
        )
    with office.database.reading() as session:
        pdf = print_case(session, office, _again(session, ticket))
    assert "contenido del disco" not in _text_of(pdf, tmp_path)
    assert b"EmbeddedFile" not in pdf
    assert b"EmbeddedFile" not in html_to_pdf(f"<link rel=attachment href='file://{bait}'>x")


def test_the_same_file_twice_is_printed_once(office: Office, tmp_path: Path) -> None:
    file = IncomingFile.of("a.pdf", "application/pdf", _pdf("Solo una vez"))
    with office.database.writing() as session:
        ticket = open_case(session, found_institution(session))
        for _ in range(2):
            keep_files(session, office, write_message(session, ticket, text="Va."), [file])
    with office.database.reading() as session:
        text = _text_of(print_case(session, office, _again(session, ticket)), tmp_path)
    assert text.count("Solo una vez") == 1
    assert "Igual al anexo 1" in text


def test_a_dangerous_file_is_never_opened_and_a_lost_one_is_named(office: Office, tmp_path: Path) -> None:
    large = _pdf("Perdido") + b"\n%" + b"x" * 70_000
    with office.database.writing() as session:
        ticket = open_case(session, found_institution(session))
        message = write_message(session, ticket, text="Va.")
        keep_files(session, office, message, [
            IncomingFile("virus.pdf", "application/pdf", _pdf("Peligro"), "0" * 64, danger="malware: Eicar"),
            IncomingFile.of("grande.pdf", "application/pdf", large),
        ])  # fmt: skip
    for path in (tmp_path / "files").rglob("*"):
        if path.is_file():
            path.unlink()
    with office.database.reading() as session:
        text = _text_of(print_case(session, office, _again(session, ticket)), tmp_path)
    assert "Peligro" not in text
    assert "cuarentena" in text
    assert "No se pudo leer del almacén" in text
