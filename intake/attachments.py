"""Files of messages: kept once by SHA-256, small ones in the database, larger ones in the store."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, undefer

from intake.errors import FileLost
from intake.incoming import IncomingFile
from intake.office import Office
from intake.reading.filetypes import danger_of, generated_name, safe_name, true_type
from models.base import is_written
from models.case import Case
from models.keys import draw_key
from models.message import Attachment, Blob, Message
from models.rows import add_new, execute_before_flush, insert_missing, untracked

# Up to this size a row is cheaper than a file with its two fsyncs.
SMALL = 64 * 1024


def examined(name: str, declared_type: str, content: bytes, *, number: int = 1) -> IncomingFile:
    """A file from a door that is not mail: its true type, a safe name (or that of the *number*th), danger."""
    kind = true_type(content, declared_type, name)
    name = safe_name(name) or generated_name(number, kind)
    digest = hashlib.sha256(content).hexdigest()
    danger = danger_of(content, kind, name)
    return IncomingFile(name, kind, content, digest, declared_type=declared_type, danger=danger)


def store_large(office: Office, files: Sequence[IncomingFile]) -> None:
    """Make the large files durable before the transaction that will name them. Raises StoreFailed.

    Outside the transaction, because a writer that waits for a disk or for S3
    holds up every other one. If the transaction fails, the bytes stay without
    an owner and are found again by their hash on the next try.
    """
    for file in files:
        if SMALL < file.size <= office.settings.max_file_bytes:
            office.store.put(file.sha256, file.content)


def keep_blob(session: Session, office: Office, sha256: str, content: bytes) -> None:
    """Keep *content* in the caller's transaction (large bytes at once in the store). Idempotent."""
    small = len(content) <= SMALL
    if not small:
        office.store.put(sha256, content)
    row = {"sha256": sha256, "size": len(content), "content": content if small else None}
    execute_before_flush(session, insert_missing(session, Blob), row)


def fit(
    session: Session, office: Office, case: Case, files: Sequence[IncomingFile], *, is_mail: bool = True
) -> tuple[list[IncomingFile], list[dict[str, Any]]]:
    """What *case* may keep of *files*, and for `Message.left_out` what it may not; raw mail has it still."""
    if not files:
        return [], []
    settings = office.settings
    room = settings.max_case_bytes - (_used(session, case) if is_written(case) else 0)
    largest = settings.max_file_bytes if is_mail else settings.upload_max_bytes
    kept: list[IncomingFile] = []
    left_out: list[dict[str, Any]] = []
    for file in files:
        reason = "too_large" if file.size > largest else "case_full" if file.size > room else ""
        if reason:
            left_out.append({"filename": file.filename, "size": file.size, "reason": reason})
        else:
            kept.append(file)
            room -= file.size
    return kept, left_out


def _used(session: Session, case: Case) -> int:
    sizes = select(func.sum(Attachment.size)).join(Message).where(Message.case_id == case.id)
    return session.scalar(sizes) or 0


def keep_files(session: Session, office: Office, message: Message, files: Sequence[IncomingFile]) -> None:
    """Attach *files* to the new *message*, in their order."""
    for file in files:
        keep_blob(session, office, file.sha256, file.content)
    kept = [
        untracked(
            session,
            Attachment,
            id=draw_key(session, Attachment),
            message_id=message.id,
            position=position,
            filename=file.filename,
            content_type=file.content_type,
            declared_type=file.declared_type,
            size=file.size,
            sha256=file.sha256,
            is_inline=file.inline,
            content_id=file.content_id,
            danger=file.danger,
        )
        for position, file in enumerate(files)
    ]
    if kept:
        message.attachments = kept
    for one in kept:
        add_new(session, one)


def read_blob(session: Session, office: Office, sha256: str) -> bytes:
    """The bytes with this hash. Raises FileLost, or StoreFailed while the store is away."""
    blob = session.scalar(select(Blob).where(Blob.sha256 == sha256).options(undefer(Blob.content)))
    if blob is None:
        raise FileLost(f"no file {sha256}")
    return blob.content if blob.content is not None else office.store.get(sha256)


def read_file(session: Session, office: Office, attachment: Attachment) -> bytes:
    """The bytes of one attachment. Raises StoreFailed."""
    return read_blob(session, office, attachment.sha256)
