"""Free TCP ports on the loopback interface."""

import random
import socket

# hypothesis seeds the module's own generator, and then all test processes would draw the same ports.
_random = random.SystemRandom()


def free_port() -> int:
    """Return a port on which nobody listens now."""
    while True:
        # Below the range from which Linux takes the ports of outgoing connections (32768 and up), so
        # that none of those can take the port before the server does.
        port = _random.randrange(20_000, 32_000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


def is_listening(port: int, host: str = "127.0.0.1") -> bool:
    """Does a server accept connections on *port*?"""
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False
