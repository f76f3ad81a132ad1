"""A mail server that offers DSN (RFC 3461), which aiosmtpd does not, and keeps the commands it was given."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def dsn_relay(*, offers: bool = True) -> Iterator[tuple[str, list[str]]]:
    """Its URL, and the commands of all sessions as they come in."""
    commands: list[str] = []

    class Session(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self._say("220 relay.example ESMTP")
            while line := self.rfile.readline().decode().strip():
                commands.append(line)
                verb = line.split()[0].upper()
                if verb == "EHLO":
                    self._say(f"250-relay.example\r\n250 {'DSN' if offers else '8BITMIME'}")
                elif verb == "DATA":
                    self._say("354 Go on")
                    while self.rfile.readline() != b".\r\n":
                        pass
                    self._say("250 Taken")
                else:
                    self._say("221 Bye" if verb == "QUIT" else "250 Ok")

        def _say(self, reply: str) -> None:
            self.wfile.write(f"{reply}\r\n".encode())

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Session) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield f"smtp://127.0.0.1:{server.server_address[1]}?starttls=no", commands
        finally:
            server.shutdown()
            thread.join()
