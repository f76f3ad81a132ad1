"""Files that come by the upload page, from somebody in chat: too large for Telegram, not for us."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from intake import notices
from intake.cases import can_follow_up, follow_up
from intake.chat import chat_files, chat_notices
from intake.chat.chat_files import KeptFile
from intake.chat.chats import is_own
from intake.citizens.one_time_links import peek, spend
from intake.errors import InvalidInput
from intake.incoming import Channel, IncomingMessage
from intake.matching import end_of_merges
from intake.office import Office
from intake.wording import speaking
from models.case import Case, lock
from models.chat import Chat, LinkPurpose, OneTimeLink
from models.message import Message
from templates import say


def find_upload(session: Session, token: str) -> tuple[OneTimeLink, Case | None] | None:
    """What the link still lets its holder upload for: a case, or (None) the request being written."""
    link = peek(session, token, LinkPurpose.UPLOAD)
    chat = session.get(Chat, link.chat_id) if link is not None else None
    if link is None or chat is None:
        return None
    if link.case_id is None:
        return (link, None) if "draft" in chat.data else None
    case = end_of_merges(session, session.get_one(Case, link.case_id))
    return (link, case) if is_own(chat, case) else None


def take_upload(session: Session, office: Office, token: str, files: Sequence[KeptFile]) -> Case | None:
    """File *files* where the link leads, once, and say so in the chat; None: in the draft."""
    if not files:
        raise InvalidInput("no_files")
    found, link = find_upload(session, token), spend(session, token, LinkPurpose.UPLOAD)
    if found is None or link is None:
        raise InvalidInput("upload_gone")
    chat = session.get_one(Chat, link.chat_id, with_for_update=True, populate_existing=True)
    case = found[1]
    with speaking(chat.language):
        names, left_out = [file.filename for file in files], list[str]()
        if case is None:
            _add_to_draft(chat, files)
        else:
            message = _file(session, office, chat, case, files)
            names = [file.filename for file in message.attachments]
            left_out = notices.left_out(office, message)
        folio = case.folio if case is not None else ""
        chat_notices.tell(
            session, office, chat.id, "uploaded", case, names=names, left_out=left_out, folio=folio
        )
    return case


def _file(session: Session, office: Office, chat: Chat, case: Case, files: Sequence[KeptFile]) -> Message:
    lock(session, case)
    if not can_follow_up(office, case):
        raise InvalidInput("upload_gone")
    incoming = IncomingMessage(
        channel=Channel.PORTAL, subject=case.subject, from_addr=str(chat.id), from_name=chat.name,
        attachments=tuple(chat_files.incoming(session, office, file) for file in files),
    )  # fmt: skip
    return follow_up(session, office, case, incoming, reason=say("match.uploaded"))


def _add_to_draft(chat: Chat, files: Sequence[KeptFile]) -> None:
    """As `bots.dialog_terms.Draft` keeps files; message 0 is this page."""
    draft = chat.data.get("draft")
    if draft is None:
        raise InvalidInput("upload_gone")
    kept = [*draft.get("files", []), *({"id": 0, "file": file.as_json()} for file in files)]
    # A new object: the database is written only when the attribute is set.
    chat.data = {**chat.data, "draft": {**draft, "files": kept}}
