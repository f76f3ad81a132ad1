"""Keeps the roles of `oficialia serve` running: starts them, starts again what dies, stops them together.

Each role is a process of its own. They end with the supervisor even if it is
killed: each one watches a pipe whose other end only the supervisor holds.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import IO

import structlog

log = structlog.get_logger()

# Seconds to end what it is doing, before a role is killed.
GRACE = 15.0
_FIRST_DELAY, _LONGEST_DELAY = 0.5, 30.0
# A role that ran this long was well: if it dies now, it starts again at once.
_WELL_AFTER = 60.0
_COLORS = (36, 35, 34, 33, 32)


@dataclass
class Role:
    """One process: its name before each log line, its command, and how it fared."""

    name: str
    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    # Copies what the process writes.
    reader: threading.Thread | None = None
    started_at: float = 0.0
    # Monotonic instant of the next start, after a death.
    start_at: float = 0.0
    delay: float = _FIRST_DELAY
    color: int = field(default=0)


class Supervisor:
    """Runs until `stop` is set, by Ctrl-C, by SIGTERM or by its owner."""

    def __init__(self, roles: Sequence[Role], *, output: IO[str] | None = None) -> None:
        self.roles = list(roles)
        self.stop = threading.Event()
        self._output = output or sys.stdout
        self._writing = threading.Lock()
        self._width = max(len(role.name) for role in roles)
        for number, role in enumerate(self.roles):
            role.color = _COLORS[number % len(_COLORS)] if self._output.isatty() else 0

    def run(self, when_started: Callable[[threading.Event], None] | None = None) -> None:
        """Start all roles, keep them running until told to stop, and return when none runs."""
        before = {
            number: signal.signal(number, self._told_to_stop) for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            for role in self.roles:
                self._start(role)
            if when_started:
                threading.Thread(target=when_started, args=(self.stop,), daemon=True).start()
            while not self.stop.wait(0.1):
                self._mend()
        finally:
            self._stop_all()
            for number, handler in before.items():
                signal.signal(number, handler)

    def _told_to_stop(self, _number: int, _frame: object) -> None:
        self.stop.set()

    def _start(self, role: Role) -> None:
        role.process = subprocess.Popen(
            role.command,
            # Never written to: it ends when we do, and that is what the role watches (`end_with_parent`).
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # Ctrl-C on the terminal is for us alone; the roles then get an orderly SIGTERM.
            start_new_session=True,
        )
        role.started_at = time.monotonic()
        role.reader = threading.Thread(target=self._copy_output, args=(role, role.process), daemon=True)
        role.reader.start()

    def _copy_output(self, role: Role, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        prefix = f"{role.name:<{self._width}} | "
        if role.color:
            prefix = f"\x1b[{role.color}m{prefix}\x1b[0m"
        with process.stdout:
            for line in process.stdout:
                text = line.decode("utf-8", "replace")
                # A JSON line says its role itself, and must stay JSON.
                self.say(text if text.startswith("{") else prefix + text)

    def say(self, text: str) -> None:
        """Write whole lines among those of the roles."""
        with self._writing:
            try:
                self._output.write(text)
                self._output.flush()
            except (OSError, ValueError):
                # The terminal is gone; the office goes on.
                pass

    def _mend(self) -> None:
        moment = time.monotonic()
        for role in self.roles:
            if role.process is None:
                if moment >= role.start_at:
                    self._start(role)
            elif (code := role.process.poll()) is not None:
                if moment - role.started_at > _WELL_AFTER:
                    role.delay = _FIRST_DELAY
                log.error("role died", role=role.name, exit_code=code, next_start_in=role.delay)
                self._bury(role)
                role.start_at = moment + role.delay
                role.delay = min(role.delay * 2, _LONGEST_DELAY)

    def _stop_all(self) -> None:
        running = [role.process for role in self.roles if role.process and role.process.poll() is None]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + GRACE
        for role in self.roles:
            if role.process is None:
                continue
            try:
                role.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                log.warning("role killed", role=role.name, grace=GRACE)
                role.process.kill()
                role.process.wait()
            self._bury(role)

    @staticmethod
    def _bury(role: Role) -> None:
        """Let go of a process that has ended, after its last words."""
        if role.reader:
            role.reader.join(1)
        if role.process and role.process.stdin:
            role.process.stdin.close()
        role.process = role.reader = None


def find_busy_address(addresses: Sequence[str]) -> str:
    """The first of *addresses* (host:port) that another program holds; empty when all are free."""
    for address in addresses:
        try:
            with socket.create_server(_host_and_port(address)):
                pass
        except OSError:
            return address
    return ""


def wait_for_addresses(addresses: Sequence[str], stop: threading.Event, seconds: float = 60.0) -> bool:
    """Wait until somebody listens on every one of *addresses*; False when *stop* or the time came first."""
    deadline = time.monotonic() + seconds
    for address in addresses:
        while not is_listening(address):
            if stop.wait(0.1) or time.monotonic() > deadline:
                return False
    return True


def is_listening(address: str) -> bool:
    """Whether somebody accepts connections on *address* (host:port)."""
    try:
        with socket.create_connection(_host_and_port(address), timeout=1):
            return True
    except OSError:
        return False


def _host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def end_with_parent() -> None:
    """Called by a role that a supervisor started: when the supervisor is gone, end as on SIGTERM."""

    def watch() -> None:
        while os.read(0, 1024):
            pass
        os.kill(os.getpid(), signal.SIGTERM)
        # Whoever does not obey in time goes as well: a second office may be starting on our ports.
        threading.Event().wait(GRACE)
        os._exit(1)

    threading.Thread(target=watch, name="end-with-parent", daemon=True).start()
