"""Reads mail in a child process, so that a mail which hangs, swells or crashes its reader harms no other.

Only a kill stops a loop inside C code, and killing the worker itself would take its
outbox and its clock along; so each worker keeps one child, which knows no database and
no secret, and takes requests over a socket: one mail, or some short ones that it answers
one by one. Measured: 0.2 ms for a short mail and 9 ms for one with a 5 MB file, of processor
time; a new child takes 0.2 s.
"""

from __future__ import annotations

import gc
import importlib
import io
import os
import pickle
import resource
import signal
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

from intake.heap import keep_buffers
from intake.incoming import Authentication, IncomingMessage, MailSignature, Raw
from intake.priority import give_way

if TYPE_CHECKING:
    # A child starts after each poisoned mail, and loads only what it needs.
    from datetime import datetime

    from intake.authentication import Envelope
    from intake.proofs.pdf_proof import Proof

# Seconds of processor time for one mail, and on the clock, for a machine that is busy elsewhere.
SECONDS, PATIENCE = 2.0, 6.0
# Address space for one mail, above what the child needs to be there at all.
MEMORY = 1 << 30
# A child that has once used more starts afresh: what it gave back may be in pieces.
TIRED = 384 << 20

_ROOT = Path(__file__).resolve().parents[2]
_PROGRAM = "intake.reading.isolation"
_PARSE = "intake.parsing:parse_email"
_AUTHENTICATE = "intake.authentication:evaluate"
_VERIFY = "intake.senders.smime:verify"
_FIRST_PAGE = "intake.reading.first_page:read"
_PROVE = "intake.proofs.pdf_proof:prove"
# What the child needs of our environment; settings and secrets are not among it.
_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "TZ", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "TMPDIR")
_DATA = {("datetime", name) for name in ("datetime", "timedelta", "timezone")}


class Poisoned(Exception):
    """The mail could not be read within limits. `key`: slow, memory, crash or error; a sentence as text."""

    def __init__(self, key: str, detail: str = "") -> None:
        super().__init__(key, detail)
        self.key = key
        self.detail = detail

    def __str__(self) -> str:
        from templates import say

        return say(f"trust.poison.{self.key}", seconds=f"{SECONDS:g}")


class NoReader(Exception):
    """Ours: the system gives us no child process now. The mail waits."""


class Reader:
    """A child that reads mail. Threads take turns; use as a context manager."""

    def __init__(
        self,
        parser: str = _PARSE,
        *,
        seconds: float = SECONDS,
        patience: float = PATIENCE,
        memory: int = MEMORY,
    ) -> None:
        self._parser = parser
        self._limits = (seconds, memory)
        self._patience = patience
        self._turn = threading.Lock()
        self._child: _Child | None = None

    def parse(self, raw: Raw) -> IncomingMessage:
        """What `parse_email` says. Raises Poisoned."""
        message = self._call(self._parser, raw)
        assert isinstance(message, IncomingMessage)
        return message

    def parse_all(self, raws: Sequence[bytes]) -> list[IncomingMessage | Exception]:
        """What `parse` says or raises of each of these mails, in one request: for short ones."""
        found = self._call_each(self._parser, [(raw,) for raw in raws])
        return cast("list[IncomingMessage | Exception]", found)

    def authenticate(self, raw: Raw, envelope: Envelope, dns_server: str) -> Authentication:
        """What `authentication.evaluate` says; "temperror" where the mail is too much for it."""
        try:
            found = self._call(_AUTHENTICATE, raw, envelope, dns_server)
        except Poisoned:
            return Authentication(dkim="temperror", dmarc="temperror")
        assert isinstance(found, Authentication)
        return found

    def verify(self, raw: Raw, roots: str, moment: datetime) -> MailSignature | None:
        """What `smime.verify` says; "unreadable" where the mail is too much for it."""
        try:
            found = self._call(_VERIFY, raw, roots, moment)
        except Poisoned:
            return MailSignature("unreadable")
        assert found is None or isinstance(found, MailSignature)
        return found

    def first_page(self, pdf: bytes) -> str:
        """What `first_page.read` says; nothing where the file is too much for it."""
        try:
            return str(self._call(_FIRST_PAGE, pdf))
        except Poisoned:
            return ""

    def prove(
        self, pdf: bytes, roots: list[bytes], others: list[bytes], crls: list[bytes]
    ) -> tuple[str, list[Proof]]:
        """What `pdf_proof.prove` says. Raises Poisoned."""
        code, proofs = cast("tuple[str, list[Proof]]", self._call(_PROVE, pdf, roots, others, crls))
        return code, proofs

    def close(self) -> None:
        with self._turn:
            self._end()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _call(self, function: str, *arguments: object) -> object:
        (found,) = self._call_each(function, [arguments])
        if isinstance(found, Poisoned):
            raise found
        return found

    def _call_each(self, function: str, calls: Sequence[tuple[object, ...]]) -> list[object]:
        """What *function* says to each of these arguments, or how they ended the child."""
        found: list[object] = []
        with self._turn:
            while len(found) < len(calls):
                self._ask(function, calls[len(found) :], found)
        return found

    def _ask(self, function: str, calls: Sequence[tuple[object, ...]], found: list[object]) -> None:
        """Add to *found* what a child says, until it is of no further use."""
        if self._child is None or not self._child.is_alive:
            self._end()
            self._child = _start(*self._limits)
        try:
            for status, value, is_tired in self._child.ask(function, calls, self._patience):
                found.append(value if status == "ok" else Poisoned(status, str(value)))
                if is_tired or status != "ok":
                    self._end()
                    return
        except TimeoutError:
            self._end()
            found.append(Poisoned("slow"))
        except (EOFError, OSError, pickle.UnpicklingError) as error:
            found.append(Poisoned(self._cause(), str(error)))

    def _cause(self) -> str:
        """Why the child is gone; the kernel says it with a signal."""
        return "slow" if self._end() == -signal.SIGPROF else "crash"

    def _end(self) -> int:
        code = self._child.end() if self._child else 0
        self._child = None
        return code


def parse_once(raw: bytes) -> IncomingMessage:
    """Read one mail in a child of its own: for a clerk who opens what a worker failed on. Raises Poisoned."""
    with Reader() as reader:
        return reader.parse(raw)


def _start(seconds: float, memory: int) -> _Child:
    try:
        return _Child(seconds, memory)
    except OSError as error:
        raise NoReader(str(error)) from error


class _Child:
    """The process and our end of the socket to it."""

    def __init__(self, seconds: float, memory: int) -> None:
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", _PROGRAM, str(theirs.fileno()), str(seconds), str(memory)],
                # What its libraries print must not get between the lines of `ingest`.
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env={"PYTHONPATH": str(_ROOT)}
                | {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
            )
        self._requests = self._socket.makefile("wb")
        self._answers = self._socket.makefile("rb")
        # Starting is not reading: on a busy machine it may take its time.
        self._socket.settimeout(60)
        if self._answers.read(1) != b"!":
            raise NoReader(f"the reader ended with {self.end()}")

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def ask(
        self, function: str, calls: Sequence[tuple[object, ...]], patience: float
    ) -> Iterator[tuple[str, object, bool]]:
        """Raises TimeoutError, EOFError, OSError or UnpicklingError, after which the child is of no use."""
        self._socket.settimeout(patience)
        # Large byte strings are written and read in place, without a copy on the way.
        pickle.dump((function, calls), self._requests, protocol=5)
        self._requests.flush()
        for _ in calls:
            status, value, is_tired = PlainValues(self._answers).load()
            yield status, value, is_tired

    def end(self) -> int:
        """Kill and bury it; the exit code, of the kill or of what came before."""
        for closing in (self._requests, self._answers, self._socket):
            try:
                closing.close()
            except OSError:
                # Buffered bytes of a request that nobody reads any more.
                continue
        try:
            # Dead already, or about to be: then the kernel's word is worth waiting for.
            return self._process.wait(0.05)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()


class PlainValues(pickle.Unpickler):
    """Makes values of `intake.incoming` and instants, and nothing else: the child has read hostile bytes."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _DATA:
            return super().find_class(module, name)
        # A dotted name would lead on to whatever the module itself imports.
        found = super().find_class(module, name) if module == "intake.incoming" and "." not in name else None
        if isinstance(found, type) and found.__module__ == module:
            return found
        raise pickle.UnpicklingError(f"{module}.{name}")


def serve(connection: socket.socket, seconds: float, memory: int) -> None:
    """The life of a child: answer requests until the other end closes."""
    _find(_PARSE)
    _restrain(memory)
    requests, answers = connection.makefile("rb"), connection.makefile("wb")
    answers.write(b"!")
    answers.flush()
    # What is loaded now stays: looking for garbage need not walk through it.
    gc.freeze()
    keep_buffers()
    while _serve_request(requests, answers, seconds):
        # The parts of a mail know each other, and would keep its bytes until a collection happens to come.
        gc.collect()


def _serve_request(requests: io.BufferedReader, answers: io.BufferedWriter, seconds: float) -> bool:
    try:
        function, calls = pickle.load(requests)
    except EOFError:
        return False
    for number, arguments in enumerate(calls, start=1):
        # The kernel kills us when the time is up, even inside a loop in C.
        signal.setitimer(signal.ITIMER_PROF, seconds)
        status, value = _answer(function, arguments)
        _send(answers, (status, value, number == len(calls) and _peak() > TIRED))
        signal.setitimer(signal.ITIMER_PROF, 0)
    return True


def _peak() -> int:
    """The most bytes of memory we ever held."""
    # Not ru_maxrss: a child inherits there what its parent held when it was started (getrusage(2), exec).
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def _answer(function: str, arguments: tuple[object, ...]) -> tuple[str, object]:
    try:
        # A large mail is read here, and the worker never holds it.
        values = [one.read_bytes() if isinstance(one, Path) else one for one in arguments]
        return "ok", _find(function)(*values)
    except MemoryError:
        return "memory", ""
    except Exception:
        return "error", traceback.format_exc()[-10_000:]


def _send(answers: io.BufferedWriter, answer: tuple[str, object, bool]) -> None:
    pickle.dump(answer, answers, protocol=5)
    answers.flush()


def _find(function: str) -> Callable[..., object]:
    module, _, name = function.partition(":")
    found: Callable[..., object] = getattr(importlib.import_module(module), name)
    return found


def _restrain(memory: int) -> None:
    """No more memory than allowed, no files, no core dumps; the default end at SIGPROF; a lower priority."""
    give_way()
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    # Ctrl-C and the end of a service reach the whole group; our parent closes the socket when it is done.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    space = pages * resource.getpagesize() + memory
    for kind, limit in ((resource.RLIMIT_AS, space), (resource.RLIMIT_CORE, 0), (resource.RLIMIT_FSIZE, 0)):
        resource.setrlimit(kind, (limit, limit))


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])), float(sys.argv[2]), int(sys.argv[3]))
