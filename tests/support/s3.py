"""An S3 server in a process of its own (moto's), which forgets everything when it stops."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.ports import free_port, is_listening
from tests.support.program import Program

# moto takes any; the client's library only wants that there are some.
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "tests",
    "AWS_SECRET_ACCESS_KEY": "tests",
    "AWS_DEFAULT_REGION": "us-east-1",
}


@contextmanager
def s3_server(log: Path) -> Iterator[str]:
    """Yield the address of the server, `http://…`, for AWS_ENDPOINT_URL_S3."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with Program(command, log).start(lambda: is_listening(port), timeout=60):
        yield f"http://127.0.0.1:{port}"
