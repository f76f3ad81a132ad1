"""*Mi perfil* of a requester: picture, language, ways to be told, one's own data, and to be forgotten."""

from __future__ import annotations

import hashlib
import io
import json
import tempfile
import uuid
import warnings
import zipfile
from pathlib import PurePosixPath
from typing import IO, Any

from PIL import Image, ImageOps
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session, undefer

from intake.attachments import keep_blob, read_file
from intake.citizens.portal import own_cases, thread_of
from intake.errors import InvalidInput, StoreFailed
from intake.office import Office
from intake.services.service_fields import values_of
from models.base import now
from models.case import Case
from models.chat import Chat, OneTimeLink, Rating
from models.contact import AddressKind, Contact
from models.event import record
from models.message import Direction, Message
from models.search import index_message
from models.user import User
from templates import LANGUAGES, say

AVATAR_BYTES, AVATAR_PIXELS, AVATAR_SIDE = 8_000_000, 16_000_000, 256
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
_MAX_CASES = 5_000
_MAX_MESSAGES = 10_000


def set_avatar(session: Session, office: Office, user: User, content: bytes) -> None:
    """Keep the picture, square and small, drawn anew: what else was in the file is gone."""
    drawn = draw_avatar(content)
    digest = hashlib.sha256(drawn).hexdigest()
    keep_blob(session, office, digest, drawn)
    user.avatar_sha256 = digest


def draw_avatar(content: bytes) -> bytes:
    """A JPEG of 256 by 256. Raises InvalidInput for what is no picture, or one of absurd size."""
    if len(content) > AVATAR_BYTES:
        raise InvalidInput("avatar_large", megabytes=AVATAR_BYTES // 1_000_000)
    try:
        with warnings.catch_warnings():
            # Pillow warns where we refuse.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=_FORMATS) as picture:
                # A photo of any camera is read small; all else is unpacked whole, however few its bytes.
                picture.draft("RGB", (AVATAR_SIDE * 2, AVATAR_SIDE * 2))
                if picture.width * picture.height > AVATAR_PIXELS:
                    raise InvalidInput("avatar_large", megabytes=AVATAR_BYTES // 1_000_000)
                picture.thumbnail((AVATAR_SIDE * 4, AVATAR_SIDE * 4))
                upright = ImageOps.exif_transpose(picture).convert("RGBA")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InvalidInput("avatar_no_picture") from error
    square = ImageOps.fit(upright, (AVATAR_SIDE, AVATAR_SIDE))
    ground = Image.new("RGB", square.size, "white")
    ground.paste(square, mask=square.getchannel("A"))
    out = io.BytesIO()
    ground.save(out, "JPEG", quality=85)
    return out.getvalue()


def set_preferences(
    session: Session, user: User, contact: Contact, *, code: str, tells_email: bool, tells_chat: bool
) -> None:
    """Language of pages and notices, and by which channels we tell; at least one that works."""
    if code not in LANGUAGES:
        raise InvalidInput("unknown_language")
    kinds = {one.kind for one in contact.addresses if one.failed_at is None}
    reached = (tells_email and AddressKind.EMAIL in kinds) or (tells_chat and AddressKind.TELEGRAM in kinds)
    if not reached:
        raise InvalidInput("no_channel")
    user.language = contact.language = code
    contact.tells_email, contact.tells_chat = tells_email, tells_chat


def export(session: Session, office: Office, user: User, contact: Contact) -> IO[bytes]:
    """A ZIP with all that we keep about the person: `datos.json` and the files, by folio."""
    # The caller hands it to whoever downloads, who closes it.
    out = tempfile.SpooledTemporaryFile(max_size=5_000_000)  # noqa: SIM115
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        found: dict[str, Any] = {
            "name": contact.name,
            "email": user.email,
            "language": user.language,
            "account_opened": user.created_at.isoformat(),
            "notices": {"email": contact.tells_email, "telegram": contact.tells_chat},
            "addresses": [
                {"kind": one.kind, "value": one.value,
                 "verified": one.verified_at.isoformat() if one.verified_at else None}
                for one in contact.addresses
            ],
            "requests": [],
        }  # fmt: skip
        cases = select(Case).where(own_cases(contact)).order_by(Case.id).limit(_MAX_CASES)
        for case in session.scalars(cases):
            found["requests"].append(_case(session, office, contact, case, archive))
        archive.writestr("datos.json", json.dumps(found, ensure_ascii=False, indent=2))
    out.seek(0)
    return out


def _case(
    session: Session, office: Office, contact: Contact, case: Case, archive: zipfile.ZipFile
) -> dict[str, Any]:
    rating = session.get(Rating, case.id)
    messages = []
    for message in thread_of(session, contact, case, size=_MAX_MESSAGES):
        files = []
        for number, file in enumerate(message.attachments, 1):
            name = PurePosixPath(file.filename).name
            path = f"{case.folio.replace('/', '-')}/{message.id}-{number}-{name}"
            files.append({"name": file.filename, "sha256": file.sha256, "path": "" if file.danger else path})
            if not file.danger:
                try:
                    archive.writestr(path, read_file(session, office, file))
                except StoreFailed:
                    files[-1]["path"] = ""
        said = {"at": message.created_at.isoformat(), "direction": message.direction}
        messages.append({**said, "from": message.sender_name, "text": message.reply_text, "files": files})
    return {
        "folio": case.folio, "subject": case.subject, "state": case.state, "channel": case.channel,
        "opened": case.created_at.isoformat(),
        "fields": [{"label": one.label, "value": one.value} for one in values_of(session, case)],
        "rating": {"score": rating.score, "words": rating.words} if rating else None,
        "messages": messages,
    }  # fmt: skip


def erase(session: Session, user: User, contact: Contact) -> None:
    """Forget who the person is. What they asked stays, without a name: the law has archives keep it.

    Raises InvalidInput while something is open, for nobody could be answered.
    """
    if user.contact_id != contact.id or contact.person_id is not None:
        raise InvalidInput("erase_staff")
    if session.scalar(select(Case.id).where(own_cases(contact), Case.is_open).limit(1)) is not None:
        raise InvalidInput("erase_open")
    nobody = say("portal.erased_name")
    own = {one.value for one in contact.addresses}
    _forget_messages(session, contact, own, nobody)
    for chat in session.scalars(select(Chat).where(Chat.contact_id == contact.id)):
        chat.contact, chat.contact_id, chat.name, chat.username = None, None, "", ""
        chat.state, chat.data = "idle", {}
    session.execute(delete(OneTimeLink).where(OneTimeLink.address.in_(own)))
    for address in list(contact.addresses):
        session.delete(address)
    contact.name, contact.erased_at = nobody, now()
    contact.post = contact.institution = contact.phone = ""
    contact.postal_address = contact.federative_state = ""
    for case_id in session.scalars(select(Case.id).where(Case.requester_id == contact.id)):
        session.execute(update(Rating).where(Rating.case_id == case_id).values(words=""))
    # The row stays, because the bitácora names it; nobody can enter with it and it says of nobody who it was.
    user.email, user.password, user.active = f"{uuid.uuid4().hex}@invalid", None, False
    user.avatar_sha256, user.fs_uniquifier, user.contact_id = None, uuid.uuid4().hex, None
    session.flush()
    session.expire(contact, ["addresses"])
    record(session, None, "portal_erased", actor="requester", data={"contact": contact.id})


def _forget_messages(session: Session, contact: Contact, own: set[str], nobody: str) -> None:
    wanted = (
        select(Message)
        .join(Case, Case.id == Message.case_id)
        .where(Case.requester_id == contact.id)
        .options(undefer(Message.text))
    )
    for message in session.scalars(wanted):
        if message.direction == Direction.IN and message.sender_address in own:
            message.sender_name, message.sender_address = nobody, ""
        message.recipients = [one for one in message.recipients if one.get("address") not in own]
        names = [file.filename for file in message.attachments]
        known_by = (message.case.folio, message.subject, message.sender_name, *names, message.text)
        index_message(session, message.id, known_by)
