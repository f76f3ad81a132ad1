"""What the QR of a paper's label says, and what is read from one: `OFICIALIA <folio>`.

Pure. The word before the folio keeps the codes that senders print on their own
papers (invoices, guías, logins) from being taken for ours.
"""

from __future__ import annotations

import re

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
