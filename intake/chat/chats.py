"""The verbs of a requester in chat: open, follow up, revise, close, reopen, cancel, rate, complain.

A chat sees and changes only the cases of its contact: while it is linked those of the person, else
those that it opened itself. The caller commits; every *no* is a DeskError that the bot says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from intake import cases
from intake.chat import chat_files
from intake.chat.chat_files import KeptFile
from intake.citizens import complaints, ratings
from intake.contacts import contact_for
from intake.errors import InvalidInput, Refused
from intake.incoming import Channel, IncomingMessage
from intake.learning.suggestions import Proposal as Proposal
from intake.learning.suggestions import propose as propose
from intake.matching import end_of_merges
from intake.messages import touch
from intake.office import Office
from intake.opening import continue_from
from intake.services import service_fields
from intake.services.service_fields import Answer
from intake.tickets import open_ticket
from models.access import standing
from models.base import now
from models.case import Case, CaseAccess, lock
from models.chat import Chat, ChatKind, ChatMessage, ChatUpdate, MessageRevision, Rating, UpdateStatus
from models.contact import AddressKind, Contact
from models.event import record
from models.message import Attachment, Direction, Message
from models.outbox_message import OutboxMessage, OutboxStatus
from models.person import Account
from models.rows import insert_missing
from models.search import index_message
from models.service import Service
from models.service_field import FieldKind
from models.ticket import Ticket
from templates import LANGUAGES, say

_NAME = 200
# Parts of one message that were edited are looked for in as many updates of the chat.
_REMEMBERED = 1_000


def known_chat(session: Session, chat_id: int) -> Chat | None:
    """The chat with this id, if anything ever came from there, locked until the transaction ends."""
    return session.get(Chat, chat_id, with_for_update=True, populate_existing=True)


def _new_chat(session: Session, chat_id: int, kind: ChatKind) -> Chat:
    # Another process may begin the same chat at this moment.
    session.connection().execute(insert_missing(session, Chat), {"id": chat_id, "kind": kind})
    return session.get_one(Chat, chat_id, with_for_update=True, populate_existing=True)


def chat_for(
    session: Session,
    chat_id: int,
    *,
    kind: ChatKind,
    name: str = "",
    username: str = "",
    language: str = "",
    known: Chat | None = None,
) -> Chat:
    """The chat with this id, new or as it now calls itself, locked; *known*: as `known_chat` found it."""
    chat = known or known_chat(session, chat_id) or _new_chat(session, chat_id, kind)
    chat.kind, chat.changed_at = kind, now()
    chat.name = " ".join(name.split())[:_NAME] or chat.name
    chat.username = username[:64]
    if language:
        # Telegram says "es-419"; a language we do not speak is answered in Spanish.
        code = language.partition("-")[0].lower()
        chat.language = code if code in LANGUAGES else "es"
    return chat


def contact_of(session: Session, chat: Chat) -> Contact:
    """Who asks in this private chat; begins the contact of somebody new."""
    if chat.kind != ChatKind.PRIVATE:
        raise InvalidInput("only_private_chat")
    contact = contact_for(session, AddressKind.TELEGRAM, str(chat.id), chat.name)
    session.flush()
    if chat.contact_id != contact.id:
        contact.language = chat.language
        chat.contact, chat.contact_id = contact, contact.id
    return contact


def _requester(session: Session, chat: Chat) -> Contact:
    contact = contact_of(session, chat)
    if contact.blocked_at is not None:
        raise Refused("contact_blocked")
    return contact


def is_own(chat: Chat, case: Case) -> bool:
    """Whether *case* belongs to who writes in this private chat."""
    return chat.kind == ChatKind.PRIVATE and chat.contact_id is not None and (
        case.requester_id == chat.contact_id
    )  # fmt: skip


def _own(session: Session, chat: Chat, case: Case) -> Case:
    """Where the matter of *case* goes on, locked. Raises InvalidInput when it is somebody else's."""
    case = end_of_merges(session, case)
    lock(session, case)
    if not is_own(chat, case):
        raise InvalidInput("not_your_case")
    return case


def _incoming(
    session: Session, office: Office, chat: Chat, subject: str, text: str, files: Sequence[KeptFile]
) -> IncomingMessage:
    return IncomingMessage(
        channel=Channel.TELEGRAM, subject=subject.strip(), from_addr=str(chat.id), from_name=chat.name,
        text=text, reply_text=text,
        attachments=tuple(chat_files.incoming(session, office, file) for file in files),
    )  # fmt: skip


def remember(
    session: Session, chat_id: int, remote_ids: Sequence[int], case: Case, message: Message | None
) -> None:
    """Let these messages of the chat lead to *case* from now on."""
    session.flush()
    rows = [
        {"chat_id": chat_id, "remote_id": remote_id, "case_id": case.id,
         "message_id": message.id if message else None}
        for remote_id in dict.fromkeys(remote_ids)
    ]  # fmt: skip
    if rows:
        dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
        into = dialect.insert(ChatMessage)
        newest = {"case_id": into.excluded.case_id, "message_id": into.excluded.message_id}
        statement = into.on_conflict_do_update(index_elements=["chat_id", "remote_id"], set_=newest)
        session.connection().execute(statement, rows)


def open_request(
    session: Session,
    office: Office,
    chat: Chat,
    *,
    service: Service | None,
    subject: str,
    text: str,
    files: Sequence[KeptFile] = (),
    remote_ids: Sequence[int] = (),
    answers: Mapping[int, str] | None = None,
) -> Ticket:
    """Open a ticket with *answers* to what the service asks; the acuse goes to the chat."""
    _requester(session, chat)
    if not text.strip() and not subject.strip() and not files:
        raise InvalidInput("empty_request")
    incoming = _incoming(session, office, chat, subject, text, files)
    # As for mail, everything is written together at the end.
    with session.no_autoflush:
        ticket, message = open_ticket(
            session, office, incoming, service=service, reason=say("match.chat_new")
        )
    if answers:
        session.flush()
        service_fields.keep(session, ticket, _answers(session, ticket, message, answers), message)
    remember(session, chat.id, remote_ids, ticket, message)
    return ticket


def _answers(session: Session, ticket: Ticket, message: Message, said: Mapping[int, str]) -> list[Answer]:
    """What was said in chat, as `intake.services.service_fields` keeps it; the dialog has checked it."""
    files = {one.filename: one for one in message.attachments}
    asked = service_fields.fields_of(session, ticket.service)
    return [Answer(one, said[one.id], files.get(said[one.id]) if one.kind == FieldKind.FILE else None)
            for one in asked if one.id in said]  # fmt: skip


def follow_up(
    session: Session,
    office: Office,
    chat: Chat,
    case: Case,
    *,
    text: str,
    files: Sequence[KeptFile] = (),
    remote_ids: Sequence[int] = (),
) -> tuple[Case, Message]:
    """Add to a case of the chat's own; reopens it, or opens a linked one when it ended too long ago."""
    _requester(session, chat)
    case = _own(session, chat, case)
    incoming = _incoming(session, office, chat, case.subject, text, files)
    if cases.can_follow_up(office, case):
        with session.no_autoflush:
            message = cases.follow_up(session, office, case, incoming, reason=say("match.chat"))
    else:
        older, service = case, case.service if isinstance(case, Ticket) else None
        reason = say("match.new_after_closing", folio=older.folio)
        case, message = open_ticket(session, office, incoming, service=service, reason=reason)
        session.flush()
        continue_from(session, case, older, closed=True)
    remember(session, chat.id, remote_ids, case, message)
    return case, message


def revise(
    session: Session, office: Office, chat: Chat, remote_id: int, text: str, files: Sequence[KeptFile] = ()
) -> Message | None:
    """A message that became part of a case was edited: the thread shows the new text and keeps the old.

    Another picture in its place is added, and the old one kept. None when it is part of no case, or
    nothing changed.
    """
    found = session.get(ChatMessage, (chat.id, remote_id))
    message = found.message if found is not None else None
    if message is None or message.direction != Direction.IN:
        return None
    case = session.get_one(Case, message.case_id)
    lock(session, case)
    before = message.reply_text
    after = _with_part(session, chat.id, remote_id, message, text) if text else before
    if after != before:
        session.add(MessageRevision(message_id=message.id, text=before))
        message.text = message.reply_text = after
        index_message(session, message.id, (text,))
        record(session, case, "revised", actor="requester", data={"message": message.id})
        touch(case)
    held = select(Attachment.sha256).join(Message).where(Message.case_id == case.id)
    had = set(session.scalars(held)) if files else set()
    new = [file for file in files if file.sha256 not in had]
    if new:
        follow_up(session, office, chat, case, text="", files=new)
    return message if new or after != before else None


def _with_part(session: Session, chat_id: int, remote_id: int, message: Message, text: str) -> str:
    """The text of *message* with its part that came as *remote_id* replaced."""
    before = message.reply_text
    parts = select(ChatMessage.remote_id).where(
        ChatMessage.chat_id == chat_id, ChatMessage.message_id == message.id
    )
    if len(session.scalars(parts.limit(2)).all()) < 2:
        return text
    # What it said so far is in the updates that we processed; the newest one counts.
    bodies = session.scalars(
        select(ChatUpdate.body)
        .where(ChatUpdate.chat_id == chat_id, ChatUpdate.status == UpdateStatus.PROCESSED)
        .order_by(ChatUpdate.update_id.desc())
        .limit(_REMEMBERED)
    )
    for body in bodies:
        sent = body.get("message") or body.get("edited_message") or {}
        said = sent.get("text") or sent.get("caption") or ""
        if sent.get("message_id") == remote_id and said and said in before:
            return before.replace(said, text, 1)
    return f"{before}\n\n{text}".strip()


def cases_of(session: Session, chat: Chat, *, open_only: bool = False, limit: int = 10) -> list[Case]:
    """The chat's own cases, the latest first; what was merged is shown where it goes on."""
    if chat.kind != ChatKind.PRIVATE or chat.contact_id is None:
        return []
    wanted = select(Case).where(Case.requester_id == chat.contact_id, Case.merged_into_id.is_(None))
    if open_only:
        wanted = wanted.where(Case.is_open)
    return list(session.scalars(wanted.order_by(Case.last_activity_at.desc(), Case.id.desc()).limit(limit)))


def case_of_message(session: Session, chat_id: int, remote_id: int, words: str = "") -> Case | None:
    """The case that a message in this chat, which says *words*, is about, while the chat may know of it."""
    found, chat = session.get(ChatMessage, (chat_id, remote_id)), session.get(Chat, chat_id)
    if chat is None:
        return None
    if found is None:
        notice = on_its_way(session, chat, words) if words else None
        about = notice.case if notice is not None else None
    else:
        # A clerk may have split the message off into a case of its own.
        about = found.message.case if found.message is not None else session.get(Case, found.case_id)
    if about is None:
        return None
    case = end_of_merges(session, about)
    return case if is_own(chat, case) or _works_there(session, chat, case) else None


def on_its_way(session: Session, chat: Chat, words: str) -> OutboxMessage | None:
    """The notice that says *words*, when it has arrived and we do not know it yet.

    People may answer it sooner than the bot has written down its number, most of all when it was killed.
    """
    sending = select(OutboxMessage).where(
        OutboxMessage.channel == Channel.TELEGRAM, OutboxMessage.status == OutboxStatus.SENDING,
        OutboxMessage.to == [str(chat.id)], OutboxMessage.case_id.is_not(None),
    )  # fmt: skip
    for notice in session.scalars(sending.order_by(OutboxMessage.id.desc())):
        if notice.case is not None and notice.case.folio in words:
            return notice
    return None


def _works_there(session: Session, chat: Chat, case: Case) -> bool:
    """Whether the group or the linked person was given the case."""
    given = select(CaseAccess.id).where(CaseAccess.case_id == case.id)
    if chat.dependencia_id is not None:
        return session.scalar(given.where(CaseAccess.dependencia_id == chat.dependencia_id)) is not None
    if chat.person_id is None:
        return False
    own = select(Account).where(Account.person_id == chat.person_id, Account.is_active)
    return any(standing(session, case, account) for account in session.scalars(own))


def find_by_folio(session: Session, chat: Chat, folio: str) -> Case | None:
    """The chat's own case with this folio; of somebody else's it says no more than of none."""
    case = session.scalar(select(Case).where(Case.folio == folio.strip().upper()))
    case = end_of_merges(session, case) if case is not None else None
    return case if case is not None and is_own(chat, case) else None


def close(session: Session, office: Office, chat: Chat, case: Case) -> None:
    """The requester needs no more; the notice asks how it went."""
    cases.close(session, office, _own(session, chat, case), None)


def reopen(session: Session, office: Office, chat: Chat, case: Case) -> None:
    """The requester is not content yet. Who asked is not told by a notice: the bot answers."""
    cases.reopen(session, office, _own(session, chat, case), None, is_told=False)


def cancel(session: Session, office: Office, chat: Chat, case: Case, reason: str = "") -> None:
    """The requester withdraws the request. Who asked is not told by a notice: the bot answers."""
    reason = reason.strip() or say("chat_desk.withdrawn")
    cases.cancel(session, office, _own(session, chat, case), None, reason=reason, is_told=False)


def rate(session: Session, office: Office, chat: Chat, case: Case, score: int, words: str = "") -> Rating:
    """How content the requester was, 1 to 5; once more changes it, and words may follow."""
    return ratings.rate(session, _own(session, chat, case), score, words)


def complain(
    session: Session,
    office: Office,
    chat: Chat,
    case: Case,
    text: str,
    files: Sequence[KeptFile] = (),
    remote_ids: Sequence[int] = (),
) -> Ticket:
    """A new ticket about how *case* was attended, never for who attended it."""
    _requester(session, chat)
    case = _own(session, chat, case)
    if not text.strip():
        raise InvalidInput("empty_request")
    subject = say("chat_desk.complaint_of", folio=case.folio)
    incoming = _incoming(session, office, chat, subject, text, files)
    ticket, message = complaints.complain(session, office, case, incoming)
    remember(session, chat.id, remote_ids, ticket, message)
    return ticket
