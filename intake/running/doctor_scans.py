"""What `oficialia check` tests of the reading of scans: tesseract with Spanish, and the watched folder."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from intake.config import Settings
from intake.running.findings import Finding, Level, bad, well
from templates import say

_LANGUAGE = "spa"
_TIMEOUT = 15


def examine_tesseract(_settings: Settings) -> Iterator[Finding]:
    """Whether what reads scans is there and knows Spanish."""
    try:
        version = _ask("--version").split()[1]
    except FileNotFoundError:
        yield bad(Level.WARN, "scans", say("cli.check.found.tesseract_missing"), "scans")
        return
    if _LANGUAGE in _ask("--list-langs").split():
        yield well("scans", "tesseract_reads", version=version)
    else:
        found = say("cli.check.found.tesseract_no_spanish", version=version)
        yield bad(Level.WARN, "scans", found, "scans")


def _ask(question: str) -> str:
    asked = subprocess.run(
        ["tesseract", question], capture_output=True, text=True, check=True, timeout=_TIMEOUT
    )
    return asked.stdout


def examine_folder(settings: Settings) -> Iterator[Finding]:
    """Whether the watched folder can be read, and its files moved."""
    if not settings.scan_dir:
        yield well("scan_folder", "scan_folder_off")
    elif Path(settings.scan_dir).is_dir() and os.access(settings.scan_dir, os.R_OK | os.W_OK | os.X_OK):
        yield well("scan_folder", "scan_folder_on", place=settings.scan_dir)
    else:
        found = say("cli.check.found.scan_folder_closed", place=settings.scan_dir)
        yield bad(Level.FAIL, "scan_folder", found, "scan_folder")
