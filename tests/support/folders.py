"""Folders for servers that do not run as root.

pytest's own folders are closed to every other user, and servers such as PostgreSQL refuse to run as root.
"""

import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def server_folder(purpose: str, owner: str) -> Iterator[Path]:
    """Yield an empty folder that belongs to *owner* (when root runs the tests), removed afterwards."""
    # A short path: the name of a Unix socket may have 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix=f"oficialia-{purpose}-", dir="/tmp"))
    try:
        give_to(folder, owner)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def give_to(path: Path, owner: str) -> None:
    """Hand *path* to *owner*, when root runs the tests."""
    if os.geteuid() == 0:
        entry = pwd.getpwnam(owner)
        os.chown(path, entry.pw_uid, entry.pw_gid)
