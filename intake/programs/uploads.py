"""Files that a program sends before the request that names them, by the SHA-256 of their bytes.

Only the token that sent a file may name it: to know a hash is no right to what it stands for. A row
of `IdempotencyKey` remembers it, because sending the same bytes again does nothing; it goes with the others.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.attachments import examined, keep_blob, read_blob
from intake.errors import InvalidInput
from intake.incoming import IncomingFile
from intake.office import Office
from intake.programs.tokens import KEPT, Bearer
from models.api_token import IdempotencyKey
from models.base import now

# No key that a program chooses has a stroke.
_PREFIX = "file/"


def keep(session: Session, office: Office, bearer: Bearer, files: Sequence[IncomingFile]) -> None:
    """Keep *files* for the next request of *bearer*; the large ones are in the store already."""
    for file in files:
        keep_blob(session, office, file.sha256, file.content)
        row = session.get(IdempotencyKey, (bearer.token_id, _PREFIX + file.sha256))
        if row is None:
            row = IdempotencyKey(token_id=bearer.token_id, key=_PREFIX + file.sha256)
            session.add(row)
        row.request_sha256, row.status, row.created_at = file.sha256, 201, now()
        row.body = json.dumps({"filename": file.filename, "declared_type": file.declared_type})


def find(session: Session, office: Office, bearer: Bearer, hashes: Sequence[str]) -> list[IncomingFile]:
    """The files that *bearer* sent, in that order. Raises InvalidInput for others, and for forgotten ones."""
    found = []
    for number, sha256 in enumerate(dict.fromkeys(hashes), 1):
        wanted = select(IdempotencyKey).where(
            IdempotencyKey.token_id == bearer.token_id,
            IdempotencyKey.key == _PREFIX + sha256,
            IdempotencyKey.created_at > now() - KEPT,
        )
        row = session.scalar(wanted)
        if row is None:
            raise InvalidInput("no_upload", sha256=sha256)
        kept = json.loads(row.body)
        content = read_blob(session, office, sha256)
        found.append(examined(kept["filename"], kept["declared_type"], content, number=number))
    return found
