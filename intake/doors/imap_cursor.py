"""How far an IMAP folder was read, in the same transaction as what was read from it.

Never by flags or dates: a colleague who opens a mail first hides nothing from us.
All changes only go forward, so that several processes may read one folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.orm import Session

import templates
from intake import spool
from models.base import now
from models.inbound_mail import InboundMail, InboundStatus
from models.mailbox import ImapCursor

# Rows of messages the server did not give: no bytes, so no hash.
NOT_READ = ""


@dataclass(frozen=True, slots=True)
class Position:
    """A folder under one UIDVALIDITY (RFC 9051, 2.3.1.1): the highest UID stored, and marked."""

    source: str
    uidvalidity: int
    last_uid: int
    marked_uid: int


def open_cursor(session: Session, source: str, uidvalidity: int, first_uid: int) -> Position:
    """Where to go on; *first_uid* is the first to read in a folder never read before.

    Under a new UIDVALIDITY all UIDs mean other mails: it starts again from the first,
    and `add_new` keeps out what is stored already.
    """
    cursor = session.get(ImapCursor, source, with_for_update=True)
    if cursor is None:
        before = first_uid - 1
        cursor = ImapCursor(source=source, uidvalidity=uidvalidity, last_uid=before, marked_uid=before)
        session.add(cursor)
    elif cursor.uidvalidity != uidvalidity:
        cursor.uidvalidity, cursor.last_uid, cursor.marked_uid = uidvalidity, 0, 0
        # What could not be read under its old number is tried under its new one.
        session.execute(
            update(InboundMail)
            .where(InboundMail.imap_source == source, InboundMail.imap_uidvalidity != uidvalidity)
            .where(InboundMail.raw_sha256 == NOT_READ)
            .values(status=InboundStatus.DISCARDED, reason=templates.say("imap.renumbered"))
        )
    session.flush()
    return Position(source, uidvalidity, cursor.last_uid, cursor.marked_uid)


def add_new(session: Session, mails: Sequence[spool.Prepared], position: Position) -> int:
    """Write the mails not stored yet, also not under an earlier UIDVALIDITY; how many those were."""
    hashes = [row["raw_sha256"] for mail in mails for row in mail.rows]
    stored = (
        select(InboundMail.raw_sha256, InboundMail.envelope_to)
        .where(InboundMail.raw_sha256.in_(hashes), InboundMail.imap_source == position.source)
        .where(InboundMail.imap_uidvalidity != position.uidvalidity)
    )
    known = {(sha256, recipient) for sha256, recipient in session.execute(stored)}
    new = [
        mail
        for mail in mails
        if not any((row["raw_sha256"], row["envelope_to"]) in known for row in mail.rows)
    ]
    return sum(map(len, spool.add(session, new)))


def advance(session: Session, position: Position, *, last_uid: int = 0, marked_uid: int = 0) -> None:
    """Move forward, never back."""
    here = (ImapCursor.source == position.source) & (ImapCursor.uidvalidity == position.uidvalidity)
    if last_uid:
        session.execute(
            update(ImapCursor).where(here, ImapCursor.last_uid < last_uid).values(last_uid=last_uid)
        )
    if marked_uid:
        session.execute(
            update(ImapCursor).where(here, ImapCursor.marked_uid < marked_uid).values(marked_uid=marked_uid)
        )


def add_unreadable(session: Session, position: Position, uid: int, mailbox: str, error: str) -> None:
    """Record a message that the server does not give, for a clerk to see and for us to ask for again."""
    row = {
        "door": "imap",
        "status": InboundStatus.FAILED,
        "reason": templates.say("imap.unreadable", uid=uid),
        "error": error.replace("\0", ""),
        "attempts": 1,
        "received_at": now(),
        "envelope_from": "",
        "envelope_to": mailbox,
        "peer": "",
        "helo": "",
        "size": 0,
        "raw_sha256": NOT_READ,
        "raw": None,
        "imap_source": position.source,
        "imap_uidvalidity": position.uidvalidity,
        "imap_uid": uid,
        "from_header": "",
        "subject_header": "",
    }
    spool.add(session, [spool.Prepared("imap", [row], 0)])


def unreadable_uids(session: Session, position: Position) -> list[int]:
    """Messages that were recorded without their bytes, and that nobody has discarded."""
    found = (
        select(InboundMail.imap_uid)
        .where(InboundMail.imap_source == position.source)
        .where(InboundMail.imap_uidvalidity == position.uidvalidity)
        .where(InboundMail.raw_sha256 == NOT_READ, InboundMail.status != InboundStatus.DISCARDED)
        .order_by(InboundMail.imap_uid)
    )
    return [uid for uid in session.scalars(found) if uid is not None]


def complete(session: Session, position: Position, uid: int, mail: spool.Prepared) -> None:
    """Give a recorded message the bytes it lacked, and to the worker."""
    names = ("size", "raw_sha256", "raw", "from_header", "subject_header")
    content = {name: mail.rows[0][name] for name in names}
    session.execute(
        update(InboundMail)
        .where(InboundMail.imap_source == position.source, InboundMail.imap_uid == uid)
        .where(InboundMail.imap_uidvalidity == position.uidvalidity, InboundMail.raw_sha256 == NOT_READ)
        .values(
            status=InboundStatus.RECEIVED,
            reason="",
            error="",
            **content,
        )
    )
