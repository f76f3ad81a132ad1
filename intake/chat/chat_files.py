"""Files that come by chat: examined and kept before the conversation decides what they belong to.

A `KeptFile` is what a conversation remembers of a file; its bytes are already durable.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy.orm import Session

from intake.attachments import SMALL, examined, keep_blob, read_blob
from intake.incoming import IncomingFile
from intake.office import Office
from intake.scanning import scan_files


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file whose bytes are safe. `content_type` is by content, `danger` why it may not be opened."""

    filename: str
    content_type: str
    declared_type: str
    size: int
    sha256: str
    danger: str = ""

    def as_json(self) -> dict[str, Any]:
        """For a conversation's data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> KeptFile:
        return cls(**data)


def keep(office: Office, name: str, declared_type: str, content: bytes) -> KeptFile:
    """Examine the file and make it durable, in a transaction of its own. Raises StoreFailed."""
    (file,) = scan_files(office.settings.clamd_url, [examined(name, declared_type, content)])
    if file.size > SMALL:
        # Before the transaction: a writer that waits for a disk or for S3 holds up every other one.
        office.store.put(file.sha256, content)
    with office.database.writing() as session:
        keep_blob(session, office, file.sha256, content)
    return KeptFile(file.filename, file.content_type, declared_type, file.size, file.sha256, file.danger)


def incoming(session: Session, office: Office, kept: KeptFile) -> IncomingFile:
    """The file with its bytes, as the desk files it. Raises StoreFailed."""
    return IncomingFile(
        filename=kept.filename,
        content_type=kept.content_type,
        content=read_blob(session, office, kept.sha256),
        sha256=kept.sha256,
        declared_type=kept.declared_type,
        danger=kept.danger,
    )
