"""The list of the tablero leaves as spreadsheet and ZIP, and the libro de correspondencia is printed."""

from __future__ import annotations

import io
from pathlib import Path
from zipfile import ZipFile

import pytest
from playwright.sync_api import expect

from tests.support.browser import photograph
from tests.support.documents import poppler
from tests.support.documents_panel import DocumentOffice

pytestmark = pytest.mark.browser


def test_the_list_and_what_is_ticked_in_it_are_taken_along(desk: DocumentOffice, tmp_path: Path) -> None:
    for subject in ("Para exportar", "También"):
        desk.sent(subject)
    page = desk.enter("head", "/admin/tablero/?carpeta=sent")
    page.get_by_text("Exportar", exact=True).click()
    photograph(page, "exportar")
    with page.expect_download() as download:
        page.get_by_role("link", name="Esta lista en Excel (XLSX)").click()
    assert download.value.suggested_filename.endswith(".xlsx")
    download.value.save_as(tmp_path / "lista.xlsx")
    with ZipFile(tmp_path / "lista.xlsx") as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert "Para exportar" in sheet and "También" in sheet
    page.keyboard.press("Escape")
    page.get_by_role("row").filter(has_text="También").get_by_role("checkbox").check()
    with page.expect_download() as download:
        page.get_by_role("button", name="Descargar PDF (ZIP)").click()
    download.value.save_as(tmp_path / "lista.zip")
    with ZipFile(io.BytesIO((tmp_path / "lista.zip").read_bytes())) as archive:
        (name,) = archive.namelist()
        assert "También" in poppler("pdftotext", archive.read(name), tmp_path)


def test_the_book_of_this_month_is_one_button_away(desk: DocumentOffice, tmp_path: Path) -> None:
    desk.sent("En el libro")
    page = desk.enter("oficialia")
    page.get_by_role("link", name="Libro de correspondencia").first.click()
    expect(page.get_by_label("Desde")).not_to_have_value("")
    page.get_by_label("Libro de correspondencia emitida").check()
    photograph(page, "libro")
    form = page.locator("main form").first
    assert form.evaluate("form => form.method") == "get"
    answer = page.request.get(
        f"{desk.address}/admin/libro/pdf?libro=issued&desde={page.get_by_label('Desde').input_value()}"
        f"&hasta={page.get_by_label('Hasta').input_value()}"
    )
    text = poppler("pdftotext", answer.body(), tmp_path, "-layout")
    assert "LIBRO DE CORRESPONDENCIA EMITIDA" in text.upper() and "En el libro" in text
    assert "Impreso por Ofelia Partida" in text
    (tmp_path / "libro.pdf").write_bytes(answer.body())
