"""Reads pages with tesseract, through OCRmyPDF: they are laid straight, and words lie behind the pictures.

PDF/A-2b is made and checked by OCRmyPDF itself with pikepdf (`pdfa_backend="internal"`), so no
Ghostscript is needed. A file that cannot become one as it is (fonts that are missing, transparency) is
drawn anew page by page, which always can. A page that takes too long is left without text, and named in
`slow_pages`. Runs in the process of `intake.digitizing.scan_process`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ocrmypdf
from ocrmypdf import hookimpl
from ocrmypdf.exceptions import ExitCode, ExitCodeException, MissingDependencyError

from intake.digitizing.scan_process import Unreadable

LANGUAGE = "spa"
# Degrees of certainty, in tesseract's units, from which a page is turned. OCRmyPDF's 14 wants a page full
# of words, and a short letter that lies on its side is read as nothing.
_TURN_FROM = 6.0

# tesseract --help-psm: "Assume a single uniform block of text."
_ONE_BLOCK = 6

Tell = Callable[[dict[str, Any]], None]
_tell: list[Tell] = []
# Pages (from 1) on which tesseract was ended because their time was up.
slow_pages: set[int] = set()


class _Listener(logging.Handler):
    """Hears on which pages OCRmyPDF gave tesseract up; its result says nothing of them."""

    def emit(self, record: logging.LogRecord) -> None:
        number = getattr(record, "pageno", None)
        if "took too long" in record.getMessage() and isinstance(number, int):
            slow_pages.add(number)


class Progress:
    """What OCRmyPDF calls a progress bar: tells the pages that are read."""

    def __init__(self, *, desc: str | None = None, **_: object) -> None:
        self._counts = desc == "OCR"
        self._done = 0.0
        self._told = 0

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def update(self, n: float = 1, *, completed: float | None = None) -> None:
        self._done = completed if completed is not None else self._done + n
        if self._counts and int(self._done) > self._told:
            self._told = int(self._done)
            for tell in _tell:
                tell({"read": self._told})


@hookimpl
def get_progressbar_class() -> type[Progress]:
    """OCRmyPDF's hook; this module is given to it as a plugin."""
    return Progress


def recognise(
    source: Path, target: Path, job: dict[str, Any], tell: Callable[[dict[str, Any]], None]
) -> None:
    """Make *target* of *source*. Raises Unreadable with reason no_tesseract, not_pdfa or broken."""
    _tell[:] = [tell]
    logging.getLogger("ocrmypdf").addHandler(_Listener(logging.WARNING))
    # "redo" keeps words that are printed as text and reads anew what another scanner read; it cannot lay
    # pages straight. Where nothing but pictures is, that comes first.
    for mode in ("redo" if job["has_text"] else "default", "force"):
        code, why = _run(source, target, mode, job)
        if code == ExitCode.ok:
            return
        if code == ExitCode.missing_dependency:
            raise Unreadable("no_tesseract", why)
    raise Unreadable("not_pdfa" if code == ExitCode.pdfa_conversion_failed else "broken", why)


def recognise_rest(source: Path, target: Path, job: dict[str, Any]) -> bool:
    """Read the pages of *source* without text as one block each; False when nothing came of it.

    Of some crooked pages tesseract's look at the layout says that they are empty, although they are full.
    """
    return _run(source, target, "skip", job, _ONE_BLOCK)[0] == ExitCode.ok


def _run(
    source: Path, target: Path, mode: str, job: dict[str, Any], layout: int | None = None
) -> tuple[ExitCode, str]:
    try:
        code = ocrmypdf.ocr(
            source, target, language=[LANGUAGE], mode=mode, jobs=1, use_threads=True,
            output_type="pdfa", pdfa_backend="internal", optimize=0, rotate_pages=True,
            # A page 1° askew with some dust on it: tesseract takes its text for a picture and reads nothing.
            deskew=mode != "redo",
            rotate_pages_threshold=_TURN_FROM, title=job["title"], tesseract_pagesegmode=layout,
            tesseract_timeout=job["page_seconds"],
            tesseract_non_ocr_timeout=job["page_seconds"],
            invalidate_digital_signatures=True, plugins=[__name__],
        )  # fmt: skip
    except MissingDependencyError as error:
        return ExitCode.missing_dependency, str(error)
    except ExitCodeException as error:
        return ExitCode(error.exit_code), str(error)
    return code, ""
