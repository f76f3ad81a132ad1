"""swaks, the Swiss army knife for SMTP: a mail client that is not ours."""

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class SwaksRun:
    """Exit code 0: every step got the answer it wanted. The transcript has both sides of the dialogue."""

    exit_code: int
    transcript: str

    @property
    def is_accepted(self) -> bool:
        return self.exit_code == 0

    @property
    def replies(self) -> list[str]:
        """What the server said, line by line, without swaks' marks."""
        marks = ("<-  ", "<** ", "<~  ", "<~* ")
        return [line[4:] for line in self.transcript.splitlines() if line.startswith(marks)]


def run_swaks(
    port: int,
    *arguments: str | Path,
    to: str,
    sender: str = "ciudadana@example.org",
    timeout: float = 60,
) -> SwaksRun:
    """Send one mail to the SMTP server on *port*; *arguments* are swaks' own.

    For example: `run_swaks(port, "--header", "Subject: Hola", "--attach", path, to="mesa@example.gob.mx")`.
    """
    command = ["swaks", "--server", f"127.0.0.1:{port}", "--helo", "client.example.org"]
    command += ["--from", sender, "--to", to, *(str(argument) for argument in arguments)]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    return SwaksRun(done.returncode, done.stdout + done.stderr)
