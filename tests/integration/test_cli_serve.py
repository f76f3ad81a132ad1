"""What keeps an office running: the supervisor over its roles, the worker over its chores."""

import io
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from intake import worker
from intake.office import Office
from intake.running import supervisor
from intake.running.supervisor import Role, Supervisor
from intake.worker import Chore, repeat
from tests.support.waiting import wait_until


def python(name: str, code: str) -> Role:
    return Role(name, [sys.executable, "-c", code])


def run(roles: list[Role], is_enough: Callable[[str], bool]) -> str:
    """Run *roles* until *is_enough* of what they wrote, and return all of it."""
    output = io.StringIO()
    watched = Supervisor(roles, output=output)

    def watch(_stop: threading.Event) -> None:
        wait_until(lambda: is_enough(output.getvalue()), 30, output.getvalue)
        watched.stop.set()

    watched.run(watch)
    return output.getvalue()


def test_a_role_that_ends_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "_FIRST_DELAY", 0.05)
    with capture_logs() as logs:
        run([python("brief", "print('here', flush=True)")], lambda text: text.count("here") >= 3)
    assert [line["event"] for line in logs][:2] == ["role died", "role died"]
    assert logs[0]["next_start_in"] < logs[1]["next_start_in"]


def test_each_line_says_whose_it_is_and_json_stays_json() -> None:
    wait = "import time; time.sleep(60)"
    roles = [
        python("one", f"print('hello', flush=True); {wait}"),
        python("three", f"print('{{}}', flush=True); {wait}"),
    ]
    said = run(roles, lambda text: "hello" in text and "{}" in text)
    assert sorted(said.splitlines()) == ["one   | hello", "{}"]


def test_a_role_that_does_not_obey_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "GRACE", 0.2)
    stubborn = "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    roles = [python("stubborn", f"{stubborn}; print(os.getpid(), flush=True); time.sleep(60)")]
    said = run(roles, lambda text: "|" in text)
    assert not Path(f"/proc/{int(said.partition('|')[2])}").exists()


def test_a_worker_survives_what_fails_and_says_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "_AFTER_ERROR", 0.0)
    stop = threading.Event()
    calls = 0

    def work(_office: Office) -> int:
        nonlocal calls
        calls += 1
        if calls < 4:
            raise OSError("the disk is full")
        stop.set()
        return 0

    with capture_logs() as logs:
        repeat(Chore("process", work), office=None, stop=stop)  # type: ignore[arg-type]
    assert [line["event"] for line in logs] == ["chore failed", "chore works again"]


def test_the_logs_of_libraries_look_like_ours(capfd: pytest.CaptureFixture[str]) -> None:
    code = "import logging, structlog; from intake.running import logs; from intake.config import Settings; \
logs.configure(Settings(log_json=True), 'smtp'); logging.getLogger('waitress').warning('slow %s', 1); \
structlog.get_logger().info('mail taken', size=2)"
    assert os.spawnv(os.P_WAIT, sys.executable, [sys.executable, "-c", code]) == 0
    first, second = capfd.readouterr().err.splitlines()
    assert '"event": "slow 1"' in first
    assert '"size": 2' in second
    assert all('"role": "smtp"' in line for line in (first, second))
