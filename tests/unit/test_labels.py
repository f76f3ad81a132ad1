"""The text in a label's code, and nobody else's."""

from __future__ import annotations

import pytest

from intake.counter.labels import label_text, read_label
from models.case import Case


@pytest.mark.parametrize("folio", ["OP-2026-000123", "T-2026-000001", "DST/0123/2026"])
def test_what_a_label_says_is_read_back(folio: str) -> None:
    assert read_label(label_text(Case(folio=folio))) == folio


@pytest.mark.parametrize("text", [" oficialia OP-2026-000123\r\n", "OFICIALIA\tOP-2026-000123"])
def test_a_barcode_in_other_case_or_with_blanks_around_is_read(text: str) -> None:
    assert read_label(text) == "OP-2026-000123"


@pytest.mark.parametrize(
    "text",
    ["", "OP-2026-000123", "OFICIALIA", "OFICIALIA OP-2026-000123 y más", "XOFICIALIA OP-2026-000123",
     "https://verificacfdi.facturaelectronica.sat.gob.mx/?id=OFICIALIA OP-2026-000123",
     "OFICIALIA " + "9" * 61, "OFICIALIA OP-2026-000123\0"],
)  # fmt: skip
def test_a_code_of_somebody_else_is_no_label(text: str) -> None:
    assert read_label(text) is None
