"""`oficialia` with its libraries loaded beforehand: each command is a process of its own, forked from one
that has done nothing but import. Saves the 1 to 3 s that every start takes, and nothing else.

`python -m tests.support.loaded` reads requests as JSON lines. It answers a command with its exit code,
and a role, which goes on running as a child of the tests, with its process id.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
# The numbers of prctl(2).
SET_PDEATHSIG, SET_CHILD_SUBREAPER = 1, 36
# What commands and roles import when they run.
MODULES = (
    "admin.app",
    "alembic.command",
    "bots.door",
    "ftfy",
    "holidays",
    "intake.running.audit",
    "intake.running.backup",
    "intake.demo.demo",
    "intake.demo.demo_days",
    "intake.running.doctor",
    "intake.doors.ingest",
    "intake.running.reports",
    "intake.smtp",
    "intake.worker",
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
        atexit.register(self._end)

    def _end(self) -> None:
        self._process.kill()
        # Closes the pipes and buries it.
        self._process.communicate()

    def run(
        self, words: list[str], folder: Path, environment: Mapping[str, str], files: tuple[Path, Path, Path]
    ) -> int:
        """Run one command with standard input, output and error in *files*; its exit code."""
        return self._ask(words, folder, environment, files, 0)

    def start(
        self, words: list[str], folder: Path, environment: Mapping[str, str], log: Path, end: signal.Signals
    ) -> Forked:
        """Start one that goes on running and writes *log*; it gets *end* when we die."""
        libc = ctypes.CDLL(None)
        # Who lost its parent becomes our child meanwhile: so we can wait for it as for any other.
        libc.prctl(SET_CHILD_SUBREAPER, 1)
        try:
            return Forked(self._ask(words, folder, environment, (Path(os.devnull), log, log), end))
        finally:
            libc.prctl(SET_CHILD_SUBREAPER, 0)

    def _ask(
        self,
        words: list[str],
        folder: Path,
        environment: Mapping[str, str],
        files: tuple[Path, ...],
        end: int,
    ) -> int:
        request = [words, str(folder), dict(environment), [str(file) for file in files], end]
        requests, answers = self._process.stdin, self._process.stdout
        assert requests is not None and answers is not None
        with self._turn:
            requests.write(f"{json.dumps(request)}\n")
            return int(answers.readline())


class Forked:
    """A running process of ours, to be used like a Popen."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._turn = threading.Lock()

    def poll(self) -> int | None:
        with self._turn:
            if self.returncode is None:
                ended, status = os.waitpid(self.pid, os.WNOHANG)
                self.returncode = os.waitstatus_to_exitcode(status) if ended else None
            return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if (code := self.poll()) is None:
            watched = os.pidfd_open(self.pid)
            ends, *_ = select.select([watched], [], [], timeout)
            os.close(watched)
            if not ends:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
            code = self.poll()
            assert code is not None
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)


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
        words, folder, environment, files, end = json.loads(line)
        said, says = os.pipe()
        child = os.fork()
        if not child:
            if end:
                _leave(os.getpid(), says, end)
            _become(words, folder, environment, files, is_role=bool(end))
        os.close(says)
        _, status = os.waitpid(child, 0)
        answer = int.from_bytes(os.read(said, 4)) if end else os.waitstatus_to_exitcode(status)
        os.close(said)
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


def _leave(parent: int, says: int, end: int) -> None:
    """Go on as a grandchild, which the tests take over when its parent has ended."""
    if child := os.fork():
        os.write(says, child.to_bytes(4))
        os._exit(0)
    while os.getppid() == parent:
        os.sched_yield()
    os.setsid()
    ctypes.CDLL(None).prctl(SET_PDEATHSIG, end)


def _become(
    words: list[str], folder: str, environment: dict[str, str], files: list[str], *, is_role: bool
) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for number, (file, mode) in enumerate(zip(files, ("rb", "ab", "ab"), strict=True)):
        with open(file, mode) as opened:
            os.dup2(opened.fileno(), number)
    sys.stdin = os.fdopen(0)
    sys.argv = ["oficialia", *words]
    if is_role:
        # Ends as a program does, with all that it has to wait for.
        _run(words)
        sys.exit()
    try:
        _run(words)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _run(words: list[str]) -> None:
    if words[0] == "-c":
        exec(words[1], {"__name__": "__main__"})
        return
    from oficialia import main

    main()


if __name__ == "__main__":
    serve()
