"""Files for programs: sent once, by themselves, and then named in a request by their SHA-256."""

from __future__ import annotations

from admin.api.operations import Call, operation
from admin.api.schema import NewFiles, SentFile, SentFiles
from admin.db import office
from intake.errors import InvalidInput
from intake.programs import uploads
from intake.programs.tokens import KEPT
from models.api_token import Scope
from models.base import now


@operation("POST", "/files", Scope.CASES_WRITE, status=201, files=True, form_only=True)
def send_files(call: Call, body: NewFiles) -> SentFiles:
    if not call.files:
        raise InvalidInput("no_files")
    uploads.keep(call.session, office(), call.bearer, call.files)
    until = (now() + KEPT).isoformat()
    items = [
        SentFile(filename=one.filename, content_type=one.content_type, size=one.size, sha256=one.sha256,
                 kept_until=until)
        for one in call.files
    ]  # fmt: skip
    return SentFiles(items=items)
