"""Runs `intake.digitizing.scan_process` and listens to it: how far it is, what it found, or why not.

It ends with a verdict in any case: `Ended` when the file is at fault or takes too long, `Stopped` when the
worker is to stop. No process of it is left behind.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[2]
# Settings and secrets are not among what it inherits.
_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "TZ", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "TESSDATA_PREFIX")
_LAST_WORDS = 2000


class Ended(Exception):
    """The job came to an end without a result. `key`: a reason of the labels `digitizing.reason`."""

    def __init__(self, key: str, detail: str = "") -> None:
        super().__init__(key, detail)
        self.key = key
        self.detail = detail


class Stopped(Exception):
    """We were told to stop; the job is as if it had not begun."""


def run(
    folder: Path,
    *,
    patience: float,
    hear: Callable[[dict[str, Any]], None],
    every_second: Callable[[], None],
    stop: threading.Event,
) -> None:
    """Do the job of *folder*. Raises Ended, Stopped, or what *every_second* raises.

    *patience*: seconds between two of its lines.
    """
    with (folder / "stderr").open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "intake.digitizing.scan_process", str(folder)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, cwd=folder,
            # A group of its own: Ctrl-C is ours to pass on, and tesseract dies with it. Not a session, in
            # which being nice would count only among its own processes (sched(7), "The autogroup feature").
            process_group=0,
            env={"PYTHONPATH": str(_ROOT), "TMPDIR": str(folder)}
            | {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
        )  # fmt: skip
    try:
        last = _listen(process, patience, hear, every_second, stop)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
    if "failed" in last:
        raise Ended(last["failed"], str(last["detail"]))
    if "done" not in last and process.returncode == -signal.SIGXCPU:
        raise Ended("slow")
    if "done" not in last:
        words = (folder / "stderr").read_bytes()[-_LAST_WORDS:].decode("utf-8", "replace").strip()
        raise Ended("crashed", words.rpartition("\n")[2] or str(process.returncode))


def _listen(
    process: subprocess.Popen[bytes],
    patience: float,
    hear: Callable[[dict[str, Any]], None],
    every_second: Callable[[], None],
    stop: threading.Event,
) -> dict[str, Any]:
    """Pass on each line until the last one, which is returned; nothing when there was none."""
    assert process.stdout is not None
    pipe, rest, shown = process.stdout.fileno(), b"", time.monotonic()
    deadline = shown + patience
    last: dict[str, Any] = {}
    while True:
        if stop.is_set():
            raise Stopped
        if time.monotonic() > deadline:
            raise Ended("slow")
        ready, _, _ = select.select([pipe], [], [], 0.25)
        if ready:
            part = os.read(pipe, 1 << 20)
            if not part:
                return last
            deadline = time.monotonic() + patience
            *lines, rest = (rest + part).split(b"\n")
            for line in lines:
                last = json.loads(line)
                hear(last)
        if time.monotonic() - shown >= 1:
            shown = time.monotonic()
            every_second()
