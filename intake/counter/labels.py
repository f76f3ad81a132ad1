"""What the QR of a paper's label says, and what is read from one: `OFICIALIA <folio>`.

Pure. The word before the folio keeps the codes that senders print on their own
papers (invoices, guías, logins) from being taken for ours.
"""

from __future__ import annotations

import io
import re

import segno

from models.case import Case

WORD = "OFICIALIA"
# A folio has letters, digits, hyphens and slashes: `OP-2026-000123`, `DST/0123/2026`.
_LABEL = re.compile(rf"\s*{WORD}[ \t]+(?P<folio>[\w./-]{{3,60}})\s*", re.IGNORECASE)


def label_text(case: Case) -> str:
    """What the label of *case* carries, as QR or as barcode."""
    return f"{WORD} {case.folio}"


def read_label(text: str) -> str | None:
    """The folio in the text of a code, as it is written there; None when the code is not one of ours."""
    found = _LABEL.fullmatch(text)
    return found["folio"] if found else None


def label_picture(case: Case) -> str:
    """The QR as SVG that takes the size it is given; with the white around it that readers want."""
    made = io.BytesIO()
    code = segno.make(label_text(case), error="m", micro=False)
    code.save(made, kind="svg", border=2, xmldecl=False, svgclass=None, omitsize=True)
    return made.getvalue().decode()
