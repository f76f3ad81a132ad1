"""A watched folder: what a scanner puts there becomes a stack, once.

A file is taken when it has not changed between two looks. It moves to `done/` only after it is committed:
a crash in between finds it again, knows it by its hash, and moves it. What is no scan moves to `failed/`,
and the digitizers see why.
"""

from __future__ import annotations

import os
from pathlib import Path

import structlog

from intake.digitizing import scans
from intake.errors import InvalidInput
from intake.office import Office
from models.scan import ScanSource
from templates import language

log = structlog.get_logger()

DONE, FAILED = "done", "failed"


class Watcher:
    """Remembers how the files were at the last look; one for each worker."""

    def __init__(self) -> None:
        self._seen: dict[Path, tuple[int, int]] = {}

    def look(self, office: Office) -> int:
        """Take what has come to rest; returns how many files were taken or refused."""
        if not office.settings.scan_dir:
            return 0
        language.set(office.settings.language)
        folder = Path(office.settings.scan_dir)
        # A share that is not mounted is an error, which the worker says once.
        files = [Path(one.path) for one in os.scandir(folder) if one.is_file(follow_symlinks=False)]
        before, self._seen = self._seen, {}
        decided = 0
        for path in sorted(files):
            if path.name.startswith((".", "~")):
                continue
            try:
                status = path.stat()
                state = (status.st_size, status.st_mtime_ns)
                if before.get(path) != state or not status.st_size:
                    self._seen[path] = state
                    continue
                _take(office, folder, path, status.st_size)
            except FileNotFoundError:
                # Another worker was quicker.
                continue
            decided += 1
        return decided


def _take(office: Office, folder: Path, path: Path, size: int) -> None:
    try:
        if size > office.settings.scan_max_bytes:
            limit = office.settings.scan_max_bytes // 1_000_000
            raise InvalidInput("file_too_large", name=path.name, megabytes=limit)
        file = scans.examine(office, path.name, path.read_bytes())
        with office.database.writing() as session:
            if scans.find_known(session, file.sha256) is None:
                scans.take(session, office, file, source=ScanSource.FOLDER)
    except InvalidInput as error:
        with office.database.writing() as session:
            scans.refuse(session, path.name, str(error), source=ScanSource.FOLDER)
        log.warning("scan refused", file=path.name, why=str(error))
        _move(path, folder / FAILED)
    else:
        _move(path, folder / DONE)


def _move(path: Path, folder: Path) -> None:
    """Never over another file: scanners start again at `scan0001.pdf`."""
    folder.mkdir(exist_ok=True)
    target, number = folder / path.name, 1
    while target.exists():
        number += 1
        target = folder / f"{path.stem}-{number}{path.suffix}"
    path.rename(target)
