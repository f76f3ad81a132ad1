"""A small disk that can be filled up."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """Mount an empty file system of *megabytes* on *folder*, which is made; unmounted afterwards."""
    if os.geteuid() != 0:
        raise AssertionError("Tests with a full disk mount a tmpfs, and only root may do that")
    folder.mkdir(parents=True)
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0777", "tmpfs", folder], check=True
    )
    try:
        yield folder
    finally:
        # Lazy: a process under test may still hold a file open there.
        subprocess.run(["umount", "--lazy", folder], check=True)


def fill(folder: Path) -> Path:
    """Write to the disk of *folder* until not one byte more fits; return the file that does it."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 20, 4096, 1):
            try:
                while file.write(b"\0" * size) == size:
                    pass
            except OSError:
                continue
    return filler
