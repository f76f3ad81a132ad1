"""Spreadsheets as any program reads them."""

from __future__ import annotations

import io
from xml.etree import ElementTree
from zipfile import ZipFile

SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
TEXTS = (f"{SHEET}t", f"{SHEET}v")


def rows_in(xlsx: bytes) -> list[list[str]]:
    """The texts of the first sheet, read as any program reads the format (ECMA-376)."""
    with ZipFile(io.BytesIO(xlsx)) as book:
        sheet = ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))
    assert sheet.find(f".//{SHEET}f") is None, "a formula"
    return [_texts(row) for row in sheet.iter(f"{SHEET}row")]


def _texts(row: ElementTree.Element) -> list[str]:
    """A text for each column; a cell that is not there is empty."""
    found: dict[int, str] = {}
    for cell in row:
        number = 0
        for letter in (cell.get("r") or "").rstrip("0123456789"):
            number = number * 26 + ord(letter) - ord("A") + 1
        found[number] = "".join(part.text or "" for part in cell.iter() if part.tag in TEXTS)
    return [found.get(one, "") for one in range(1, max(found, default=0) + 1)]
