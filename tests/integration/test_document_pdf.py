"""The PDF of a document as archives, screen readers and printers find it; read back with poppler."""

from __future__ import annotations

import hashlib
import io
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from pypdf import PdfReader

from intake.attachments import keep_blob
from intake.config import Settings
from intake.incoming import IncomingFile
from intake.issued import approval, drafts
from intake.issued.drafts import Addressee
from intake.office import Office
from models.letterhead import Letterhead
from models.recipient import RecipientRole
from tests.support.documents import BODY, OUTSIDE, acting, fields, pdf_of, poppler, write
from tests.support.institution import found_institution

# What a page looks like is no question of the database.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
WORDS = "Extraordinariamente correspondientes responsabilidades administrativas institucionales. " * 12


@pytest.fixture
def pdf(settings: Settings) -> bytes:
    """Two pages with everything that a document can have."""
    office = Office.open(settings.model_copy(update={"document_place": "Tlaquepaque, Jalisco"}))
    with office.database.writing() as session:
        institution = found_institution(session)
    made = io.BytesIO()
    Image.new("RGB", (120, 120), "#6b1d3a").save(made, "PNG")
    logo = made.getvalue()
    with acting(office, institution) as (session, people):
        sha256 = hashlib.sha256(logo).hexdigest()
        keep_blob(session, office, sha256, logo)
        session.add(
            Letterhead(
                dependencia_id=institution.presidency.id, logo_sha256=sha256, logo_type="image/png",
                slogan="2026, año de las obras", footer="Independencia 58, Centro",
            )
        )  # fmt: skip
        copy = Addressee(role=RecipientRole.COPY, name="Archivo general")
        table = "<table><tr><th>Colonia</th></tr><tr><td>Centro</td></tr></table>"
        body = f"{BODY}{table}<p>{WORDS}</p><script>alert(1)</script><img src='http://x.example/a.png'>" * 2
        oficio = write(session, office, people["head"], fields(institution, to=(OUTSIDE, copy), body=body))
        drafts.attach_file(session, office, oficio, people["head"],
                           IncomingFile.of("plano.pdf", "application/pdf", b"%PDF-1.4 plano"))  # fmt: skip
        approval.approve(session, office, oficio, people["head"])
        return pdf_of(session, office, oficio)


def test_it_has_what_an_oficio_has(pdf: bytes, tmp_path: Path) -> None:
    text = poppler("pdftotext", pdf, tmp_path, "-layout")
    for words in (
        "DSI/0001/", "Asunto: Obras de 2026", "Tlaquepaque, Jalisco, a ", "Mtra. Elena Ruiz",
        "Directora General", "PRESENTE", "Pavimentación", "ATENTAMENTE", "Jaime Torres",
        "c.c.p. Archivo general",
        "2026, año de las obras", "Independencia 58, Centro", "Hoja 1 de 2", "Hoja 2 de 2", "/verificar/",
        hashlib.sha256(b"%PDF-1.4 plano").hexdigest(),
    ):  # fmt: skip
        assert words in text, words
    assert "alert(1)" not in text


def test_it_is_an_archive_file_that_can_be_read_aloud(pdf: bytes, tmp_path: Path) -> None:
    fonts = poppler("pdffonts", pdf, tmp_path).splitlines()[2:]
    assert fonts and all(
        "Noto-Sans" in line and re.search(r"yes yes yes\s+\d+\s+\d+$", line) for line in fonts
    )
    assert re.search(r"Tagged:\s+yes", poppler("pdfinfo", pdf, tmp_path))
    root: Any = PdfReader(io.BytesIO(pdf)).trailer["/Root"]
    described = root["/Metadata"].get_object().get_data().decode()
    assert re.search(r"pdfaid:part[^0-9]*3", described) and re.search(r"pdfaid:conformance\W+U", described)
    assert root["/Lang"] == "es"
    assert "/OutputIntents" in root
    structure = poppler("pdfinfo", pdf, tmp_path, "-struct")
    for kind in ("Table", "LI"):
        assert re.search(rf"^\s*{kind}\b", structure, re.MULTILINE), kind


def test_its_file_travels_inside(pdf: bytes, tmp_path: Path) -> None:
    assert "plano.pdf" in poppler("pdfdetach", pdf, tmp_path, "-list")
    poppler("pdfdetach", pdf, tmp_path, "-save", "1", "-o", str(tmp_path / "out.pdf"))
    assert (tmp_path / "out.pdf").read_bytes() == b"%PDF-1.4 plano"


def test_long_words_are_divided_as_in_spanish(pdf: bytes, tmp_path: Path) -> None:
    text = poppler("pdftotext", pdf, tmp_path, "-layout")
    divided = re.findall(r"(\w+)[-‐]\n", text)
    whole = WORDS.lower().split()
    assert divided, "No word was divided."
    assert all(any(word.startswith(part.lower()) for word in whole) for part in divided)


def test_logo_and_qr_code_are_drawn(pdf: bytes, tmp_path: Path) -> None:
    assert " image " in poppler("pdfimages", pdf, tmp_path, "-list").replace("image", " image ")
    path = tmp_path / "document.pdf"
    command = ["pdftoppm", "-r", "72", "-l", "1", "-png", str(path), str(tmp_path / "page")]
    subprocess.run(command, check=True)
    (picture,) = tmp_path.glob("page-*.png")
    page = Image.open(picture).convert("L")
    # The QR code stands in the lower left corner; about half of it is black.
    corner = page.crop((62, page.height - 34 * 72 // 25, 62 + 46, page.height - 34 * 72 // 25 + 52))
    dark = sum(corner.point(lambda value: value < 128 and 255).histogram()[255:]) / (
        corner.width * corner.height
    )
    assert 0.25 < dark < 0.75
