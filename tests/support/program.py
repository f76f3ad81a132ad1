"""A program running beside the tests: started, watched, stopped or killed, its output kept in a file.

It dies with the test process, also when that one is killed.
"""

import os
import pwd
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from tests.support.loaded import Forked, loaded
from tests.support.waiting import wait_until


class Program:
    """Use as a context manager, or start() and stop() it as often as wanted."""

    def __init__(
        self,
        command: Sequence[str | Path],
        log: Path,
        *,
        user: str | None = None,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        """*user* changes the user, when root runs the tests. *environment* is added to our own."""
        self._words = [str(part) for part in command]
        # The kernel ends the program when we die, with a signal that it obeys at once.
        self.command = ["setpriv", "--pdeathsig", stop_signal.name.removeprefix("SIG")]
        if user and os.geteuid() == 0:
            self.command += [f"--reuid={user}", f"--regid={pwd.getpwnam(user).pw_gid}", "--init-groups"]
        self.command += self._words
        self.log = log
        self._environment = dict(environment or {})
        self._folder = folder
        self._stop_signal = stop_signal
        self._process: subprocess.Popen[bytes] | Forked | None = None

    def start(self, is_ready: Callable[[], bool] | None = None, timeout: float = 30.0) -> Self:
        """Start, and return when *is_ready* says so; a program that ends before that fails the test."""
        self._process = self._launch(os.environ | self._environment)
        if is_ready:
            wait_until(lambda: not self.is_running or is_ready(), timeout, self.explain)
            if not self.is_running:
                raise AssertionError(self.explain())
        return self

    def _launch(self, environment: dict[str, str]) -> subprocess.Popen[bytes] | Forked:
        with self.log.open("ab") as log:
            return subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=self._folder,
                start_new_session=True,
            )

    @property
    def process(self) -> subprocess.Popen[bytes] | Forked:
        if self._process is None:
            raise AssertionError(f"Not started: {self.command}")
        return self._process

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def output(self) -> str:
        """All that it has written until now."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def explain(self) -> str:
        """What a person reading a failed test wants to know."""
        state = "runs" if self.is_running else f"ended with {self._process and self._process.returncode}"
        return f"{' '.join(self.command)} {state}. Its last words:\n{self.output[-4000:]}"

    def stop(self, timeout: float = 15.0) -> int:
        """Ask it to end, and return its exit code; one that does not obey is killed and fails the test."""
        if self.is_running:
            self.process.send_signal(self._stop_signal)
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"Did not stop when asked: {self.explain()}") from None

    def kill(self) -> None:
        """`kill -9`, of the program and of every process it started."""
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def __enter__(self) -> Self:
        return self if self._process else self.start()

    def __exit__(self, *_: object) -> None:
        if self.is_running:
            self.stop()


class LoadedProgram(Program):
    """The same of *command*, which is words for `oficialia` or `-c` and code, with its libraries loaded."""

    def _launch(self, environment: dict[str, str]) -> Forked:
        return loaded().start(
            self._words, self._folder or Path.cwd(), environment, self.log, self._stop_signal
        )
