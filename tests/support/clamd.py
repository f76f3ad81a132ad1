"""A ClamAV daemon of our own, with a signature database of two lines and no updates."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.folders import give_to, server_folder
from tests.support.ports import free_port
from tests.support.program import Program

SERVER_USER = "clamav"
# In two parts, so that a scanner on a developer's machine does not take this file away.
EICAR = (r"X5O!P%@AP[4\PZX54(P^)7CC)7}" + "$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*").encode()
OWN_SAMPLE = b"oficialia: this line stands for malware"
SIGNATURES = {"Eicar-Test-Signature": EICAR, "Oficialia.Test-Malware": OWN_SAMPLE}


@contextmanager
def clamd() -> Iterator[int]:
    """Start clamd; yield the TCP port on which it answers."""
    with server_folder("clamd", SERVER_USER) as folder:
        database = folder / "database"
        database.mkdir()
        # Name, any type of file (0), anywhere in it (*), the bytes in hexadecimal.
        lines = [f"{name}:0:*:{sample.hex()}\n" for name, sample in SIGNATURES.items()]
        (database / "tests.ndb").write_text("".join(lines))
        port = free_port()
        configuration = folder / "clamd.conf"
        configuration.write_text(
            f"TCPAddr 127.0.0.1\nTCPSocket {port}\nForeground yes\n"
            f"DatabaseDirectory {database}\nTemporaryDirectory {folder}\n"
            "StreamMaxLength 100M\nMaxThreads 4\nConcurrentDatabaseReload no\n"
        )
        give_to(database, SERVER_USER)
        with Program(
            ["clamd", "--config-file", configuration], folder / "log", user=SERVER_USER, folder=folder
        ).start(lambda: _answers(port), timeout=60):
            yield port


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(b"zPING\0")
            return connection.recv(16).startswith(b"PONG")
    except OSError:
        return False
