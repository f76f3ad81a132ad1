"""`oficialia check` names what is missing to read scans, and how to install it."""

from __future__ import annotations

from pathlib import Path

import pytest

from intake.config import Settings
from intake.running.doctor_scans import examine_folder, examine_tesseract
from intake.running.findings import Level

SETTINGS = Settings(_env_file=None)


@pytest.mark.parametrize(
    ("languages", "level", "words"),
    [("eng osd", Level.WARN, "no tiene el idioma español"), ("eng spa", Level.OK, "tesseract 5.3.0"),
     (None, Level.WARN, "no está tesseract")],
)  # fmt: skip
def test_tesseract_and_its_spanish_are_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, languages: str | None, level: Level, words: str
) -> None:
    if languages is not None:
        program = tmp_path / "tesseract"
        program.write_text(f'#!/bin/sh\ntest $1 = --version && echo tesseract 5.3.0 || echo "{languages}"\n')
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    (finding,) = examine_tesseract(SETTINGS)
    assert finding.level == level and words in finding.found
    assert ("apt-get install tesseract-ocr tesseract-ocr-spa" in finding.fix) == (level != Level.OK)


def test_a_watched_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    for folder, level in (("", Level.OK), (str(tmp_path), Level.OK), (str(tmp_path / "no"), Level.FAIL)):
        (finding,) = examine_folder(SETTINGS.model_copy(update={"scan_dir": folder}))
        assert finding.level == level
