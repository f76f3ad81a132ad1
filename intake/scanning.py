"""Looks for malware in files with ClamAV's daemon, when one is configured.

Before the write transaction, and never in the way of a mail: what could not be scanned
is kept in quarantine as "unscanned", and `intake.rescanning` looks again as soon as clamd answers.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from urllib.parse import urlsplit

import structlog
from sqlalchemy.orm import Session

from intake.incoming import IncomingFile
from models.case import Case
from models.event import record
from models.message import Message

log = structlog.get_logger()

# Danger codes of files; the first is followed by the signature's name.
MALWARE, UNSCANNED, UNSCANNABLE = "malware: ", "unscanned", "unscannable"
# Defects of a message, by which its case shows at once that a file is not what it should be.
FOUND, WAITING = "malware", "files-unscanned"

_CHUNK = 256 * 1024
_CONNECT, _ANSWER = 1.0, 20.0
# Seconds for which an absent clamd is not asked again, or each mail would wait for it.
_REST = 20.0


class ScannerAway(Exception):
    """clamd did not answer; the file waits."""


class Scanner:
    """A client of one clamd; one connection per file, for clamd ends idle ones as it likes."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme == "tcp" and parts.hostname:
            self._address: tuple[str, int] | str = (parts.hostname, parts.port or 3310)
        elif parts.scheme == "unix" and parts.path:
            self._address = parts.path
        else:
            raise ValueError(f"OFICIALIA_CLAMD_URL: tcp://host:port or unix:/path, not {url!r}")
        self._resting_until = 0.0

    def scan(self, content: bytes) -> str:
        """The danger code of *content*, empty when clean. Raises ScannerAway."""
        if time.monotonic() < self._resting_until:
            raise ScannerAway("resting")
        try:
            reply = self._ask(content)
        except OSError as error:
            self._resting_until = time.monotonic() + _REST
            raise ScannerAway(str(error)) from error
        verdict = reply.partition(": ")[2]
        if verdict == "OK":
            return ""
        if verdict.endswith(" FOUND"):
            return MALWARE + verdict.removesuffix(" FOUND")[:200]
        if "size limit exceeded" in reply:
            return UNSCANNABLE
        log.warning("clamd could not scan", reply=reply[:200])
        raise ScannerAway(reply[:200])

    def _ask(self, content: bytes) -> str:
        with self._connect() as connection:
            connection.settimeout(_ANSWER)
            try:
                connection.sendall(b"zINSTREAM\0")
                view = memoryview(content)
                for start in range(0, len(content), _CHUNK):
                    chunk = view[start : start + _CHUNK]
                    connection.sendall(struct.pack("!L", len(chunk)))
                    connection.sendall(chunk)
                connection.sendall(struct.pack("!L", 0))
            except (BrokenPipeError, ConnectionResetError):
                # At its size limit clamd answers and hangs up in the middle of our sending.
                pass
            return _read_reply(connection)

    def _connect(self) -> socket.socket:
        if isinstance(self._address, str):
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(_CONNECT)
            try:
                connection.connect(self._address)
            except OSError:
                connection.close()
                raise
            return connection
        return socket.create_connection(self._address, timeout=_CONNECT)


def _read_reply(connection: socket.socket) -> str:
    reply = b""
    while not reply.endswith(b"\0"):
        part = connection.recv(4096)
        if not part or len(reply) > 10_000:
            raise ConnectionError("clamd hung up")
        reply += part
    return reply.rstrip(b"\0").decode("utf-8", "replace").strip()


@cache
def open_scanner(url: str) -> Scanner:
    """The one client of this process. Raises ValueError on a wrong URL."""
    return Scanner(url)


def scan_files(url: str, files: Sequence[IncomingFile]) -> tuple[IncomingFile, ...]:
    """*files* with what ClamAV at *url* says of each; all as they are when *url* is empty.

    Malware outweighs what the file's type says; "unscanned" does not, for that quarantine lasts.
    """
    if not url:
        return tuple(files)
    scanner = open_scanner(url)
    scanned = []
    for file in files:
        try:
            danger = scanner.scan(file.content)
        except ScannerAway as error:
            log.warning("file not scanned", error=str(error))
            danger = UNSCANNED
        if danger.startswith(MALWARE) or (danger and not file.danger):
            file = replace(file, danger=danger)
        scanned.append(file)
    return tuple(scanned)


def defer(url: str, files: Sequence[IncomingFile]) -> tuple[IncomingFile, ...]:
    """Mark *files* for `rescan`, where there is no time to ask ClamAV: inside a clerk's transaction."""
    if not url:
        return tuple(files)
    return tuple(file if file.danger else replace(file, danger=UNSCANNED) for file in files)


def defects_of(files: Sequence[IncomingFile]) -> tuple[str, ...]:
    """What the message must show of its files."""
    dangers = [file.danger for file in files]
    found = (FOUND,) if any(danger.startswith(MALWARE) for danger in dangers) else ()
    return found + ((WAITING,) if UNSCANNED in dangers else ())


def record_malware(session: Session, case: Case, message: Message, files: Sequence[tuple[str, str]]) -> None:
    """An event for each of *files* (name, danger) that is malware, for the clerk's history."""
    for name, danger in files:
        if danger.startswith(MALWARE):
            found = danger.removeprefix(MALWARE)
            record(session, case, "malware", data={"message": message.id, "file": name, "found": found})
