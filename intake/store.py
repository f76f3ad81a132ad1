"""Bytes by SHA-256, outside the database: a local folder or an S3-compatible object store.

`put` returns only when the bytes are durable, and is idempotent.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol
from urllib.parse import parse_qs, urlsplit

from intake.errors import FileLost, StoreFailed

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class Store(Protocol):
    """Where large files live. Keys are lower-case hexadecimal SHA-256 of the bytes."""

    def put(self, sha256: str, content: bytes) -> None:
        """Make *content* durable. Raises StoreFailed."""

    def get(self, sha256: str) -> bytes:
        """The bytes. Raises FileLost when they are not there, StoreFailed when nobody can tell."""

    def find_path(self, sha256: str) -> Path | None:
        """Where the bytes can be read on this machine; None when they must be fetched. Raises like `get`."""


class FileStore:
    """`folder/ab/cd/abcd…`: written aside, fsynced, renamed, folder fsynced."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # Folders whose names are known to be on the disk.
        self._secured: set[Path] = set()

    def path(self, sha256: str) -> Path:
        return self.folder / sha256[:2] / sha256[2:4] / sha256

    def put(self, sha256: str, content: bytes) -> None:
        path = self.path(sha256)
        if path.exists():
            return
        temporary = ""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.rename(temporary, path)
            # Without these a power cut can forget the name.
            _fsync_folder(path.parent)
            self._secure(path.parent)
        except OSError as error:
            if temporary:
                Path(temporary).unlink(missing_ok=True)
            raise StoreFailed(f"{path}: {error.strerror}") from error

    def _secure(self, folder: Path) -> None:
        """Make the names of the folders above durable: each may be new, to the disk or only to us."""
        while folder != self.folder and folder not in self._secured:
            _fsync_folder(folder.parent)
            self._secured.add(folder)
            folder = folder.parent

    def get(self, sha256: str) -> bytes:
        with self._open(sha256) as file:
            return file.read()

    def find_path(self, sha256: str) -> Path:
        self._open(sha256).close()
        return self.path(sha256)

    def _open(self, sha256: str) -> BinaryIO:
        try:
            return self.path(sha256).open("rb")
        except FileNotFoundError as error:
            raise FileLost(f"{self.path(sha256)}: {error.strerror}") from error
        except OSError as error:
            raise StoreFailed(f"{self.path(sha256)}: {error.strerror}") from error


def _fsync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class S3Store:
    """`s3://bucket/prefix?endpoint=https://…`; credentials as boto3 finds them."""

    def __init__(self, client: S3Client, bucket: str, prefix: str) -> None:
        self.client, self.bucket, self.prefix = client, bucket, prefix

    def _key(self, sha256: str) -> str:
        return f"{self.prefix}/{sha256[:2]}/{sha256}".lstrip("/")

    def put(self, sha256: str, content: bytes) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            self.client.put_object(Bucket=self.bucket, Key=self._key(sha256), Body=content)
        except (BotoCoreError, ClientError) as error:
            raise StoreFailed(str(error)) from error

    def get(self, sha256: str) -> bytes:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return self.client.get_object(Bucket=self.bucket, Key=self._key(sha256))["Body"].read()
        except self.client.exceptions.NoSuchKey as error:
            raise FileLost(str(error)) from error
        except (BotoCoreError, ClientError) as error:
            raise StoreFailed(str(error)) from error

    def find_path(self, sha256: str) -> None:
        return None


def open_store(url: str) -> Store:
    """The store of `OFICIALIA_STORE_URL`: `file:FOLDER` or `s3://bucket/prefix`. Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        return FileStore(Path(parts.netloc + parts.path))
    if parts.scheme == "s3":
        # Imported here: boto3 takes 200 ms to load and most installations use a folder.
        import boto3

        endpoint = parse_qs(parts.query).get("endpoint", [None])[0]
        return S3Store(boto3.client("s3", endpoint_url=endpoint), parts.netloc, parts.path.strip("/"))
    raise ValueError(f"OFICIALIA_STORE_URL: file:FOLDER or s3://bucket/prefix, not {url!r}")
