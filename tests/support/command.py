"""`oficialia` as a person runs it: a program in a folder of its own."""

import json
import os
import signal
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.loaded import loaded
from tests.support.ports import free_port
from tests.support.program import LoadedProgram, Program


@dataclass(frozen=True)
class Ran:
    """How a command ended, and what it said."""

    exit_code: int
    out: str
    err: str

    @property
    def values(self) -> list[dict[str, Any]]:
        """Its JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass
class Place:
    """A folder in which an office lives, with ports of its own."""

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    smtp_port: int = field(default_factory=free_port)
    web_port: int = field(default_factory=free_port)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.settings.setdefault("OFICIALIA_SMTP_LISTEN", f"127.0.0.1:{self.smtp_port}")
        self.settings.setdefault("OFICIALIA_WEB_LISTEN", f"127.0.0.1:{self.web_port}")

    def run(self, *words: str | Path, stdin: bytes = b"", **settings: str) -> Ran:
        """Run one command to its end; *settings* are for this time only."""
        with tempfile.TemporaryDirectory() as scratch:
            given, out, err = (Path(scratch) / name for name in ("in", "out", "err"))
            given.write_bytes(stdin)
            environment = os.environ | self.settings | settings
            code = loaded().run([str(word) for word in words], self.folder, environment, (given, out, err))
            return Ran(code, out.read_text(), err.read_text())

    def do(self, *words: str | Path, stdin: bytes = b"", **settings: str) -> Ran:
        """Run a command that is to end well."""
        ran = self.run(*words, stdin=stdin, **settings)
        assert ran.exit_code == 0, f"oficialia {' '.join(map(str, words))}: {ran.out}\n{ran.err}"
        return ran

    def program(self, *words: str, stop_signal: signal.Signals = signal.SIGTERM) -> Program:
        """A command that goes on running, such as `serve`."""
        return LoadedProgram(
            words,
            self.folder / f"{words[0]}.log",
            environment=self.settings,
            folder=self.folder,
            stop_signal=stop_signal,
        )

    @property
    def outgoing(self) -> list[Path]:
        """The mails written for whoever has no relay, oldest first."""
        return sorted((self.folder / "var" / "outgoing").glob("*.eml"))
