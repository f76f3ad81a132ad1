"""`oficialia` with its libraries loaded beforehand: each command is a process of its own, forked from one
that has done nothing but import. Saves the 1.5 s that every start takes, and nothing else.

`python -m tests.support.loaded` reads requests as JSON lines and answers each with an exit code.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
# What commands import when they run.
MODULES = (
    "admin.auth",
    "alembic.command",
    "ftfy",
    "holidays",
    "intake.running.audit",
    "intake.running.backup",
    "intake.demo.demo",
    "intake.demo.demo_days",
    "intake.running.doctor",
    "intake.doors.ingest",
    "intake.running.reports",
    "models.migrations",
    "oficialia",
    "rich.progress",
)


class Loaded:
    """The process from which commands are forked; one command at a time."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.support.loaded"]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self._turn = threading.Lock()
        atexit.register(self._process.kill)

    def run(
        self, words: list[str], folder: Path, environment: Mapping[str, str], files: tuple[Path, Path, Path]
    ) -> int:
        """Run one command with standard input, output and error in *files*; its exit code."""
        request = [words, str(folder), dict(environment), [str(file) for file in files]]
        requests, answers = self._process.stdin, self._process.stdout
        assert requests is not None and answers is not None
        with self._turn:
            requests.write(f"{json.dumps(request)}\n")
            return int(answers.readline())


@cache
def loaded() -> Loaded:
    """The one of this test process."""
    return Loaded()


def serve() -> None:
    """Load, then fork a command for each request."""
    sys.path.insert(0, str(ROOT))
    for module in MODULES:
        __import__(module)
    # What is loaded stays: no child looks through it for garbage, nor copies its pages by doing so.
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        words, folder, environment, files = json.loads(line)
        child = os.fork()
        if not child:
            _become(words, folder, environment, files)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _become(words: list[str], folder: str, environment: dict[str, str], files: list[str]) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for number, (file, mode) in enumerate(zip(files, ("rb", "wb", "wb"), strict=True)):
        with open(file, mode) as opened:
            os.dup2(opened.fileno(), number)
    sys.stdin = os.fdopen(0)
    sys.argv = ["oficialia", *words]
    from oficialia import main

    try:
        main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    serve()
