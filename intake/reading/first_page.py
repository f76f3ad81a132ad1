"""The words of a PDF's first page. Runs in the child of `isolation`: a stranger wrote the file."""

from __future__ import annotations

import io
import warnings

from pypdf import PdfReader

MAX_WORDS = 20_000


def read(content: bytes) -> str:
    """What the first page says; empty for a picture, or for what cannot be read without a password."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reader = PdfReader(io.BytesIO(content))
        if reader.is_encrypted and not reader.decrypt(""):
            return ""
        return reader.pages[0].extract_text()[:MAX_WORDS]
