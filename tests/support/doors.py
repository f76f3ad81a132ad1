"""The SMTP and LMTP doors in a thread of the test process, and a client that says exactly what it is told."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Self

from intake import imap, smtp
from intake.office import Office


@contextmanager
def mail_doors(office: Office, *, idle_seconds: float = smtp.IDLE_SECONDS) -> Iterator[smtp.MailDoor]:
    """The doors, open in a thread of this process; `ports` says where."""
    door = smtp.MailDoor(office, idle_seconds=idle_seconds)
    opened: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def run() -> None:
        stop = asyncio.Event()
        await door.run(stop, lambda: opened.set_result((asyncio.get_running_loop(), stop)))

    def work() -> None:
        try:
            asyncio.run(run())
        except BaseException as error:
            if opened.done():
                raise
            opened.set_exception(error)

    thread = threading.Thread(target=work, name="mail-doors")
    thread.start()
    try:
        loop, stop = opened.result()
        yield door
        loop.call_soon_threadsafe(stop.set)
    finally:
        thread.join()


class RawClient:
    """A TCP client that sends bytes as they are; for dialogues no mail library would hold."""

    def __init__(self, port: int, host: str = "127.0.0.1", timeout: float = 20) -> None:
        self.socket = socket.create_connection((host, port), timeout=timeout)
        self._file = self.socket.makefile("rb")

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def reply(self) -> str:
        """The next reply, all its lines; empty when the other side has hung up."""
        lines = []
        while line := self._file.readline().decode("utf-8", "replace"):
            lines.append(line.rstrip("\r\n"))
            if line[3:4] != "-":
                break
        return "\n".join(lines)

    def say(self, line: str | bytes) -> str:
        """Send one command, return its reply."""
        self.send((line.encode() if isinstance(line, str) else line) + b"\r\n")
        return self.reply()

    def greet(self, word: str = "EHLO") -> str:
        self.reply()
        return self.say(f"{word} client.example.org")

    def send_mail(self, raw: bytes, to: str, sender: str = "ana@example.org") -> str:
        """One mail, dots doubled and ended; the reply to its data, or the first refusal."""
        for command in (f"MAIL FROM:<{sender}>", f"RCPT TO:<{to}>", "DATA"):
            reply = self.say(command)
            if reply[:1] not in "23":
                return reply
        self.send((b"\r\n" + raw).replace(b"\r\n.", b"\r\n..")[2:] + b"\r\n.\r\n")
        return self.reply()

    def close(self) -> None:
        self._file.close()
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextmanager
def imap_door(office: Office) -> Iterator[None]:
    """All folders of the settings, followed in threads of this process."""
    stop = threading.Event()
    threads = imap.start(office, stop)
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
