"""Somebody of the demo who writes by Telegram: the verbs that the bot calls, without a network."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from zlib import crc32

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from intake import outbox
from intake.chat import chat_files, chat_links, chats
from intake.chat.chat_files import KeptFile
from intake.demo.demo_files import DemoFile, make_file
from intake.office import Office
from models.case import Case
from models.chat import Chat, ChatKind, ChatMessage, LinkPurpose
from models.outbox_message import OutboxMessage
from models.service import Service


def ask(
    office: Office, name: str, service: Service | None, subject: str, text: str, files: Iterable[DemoFile]
) -> int:
    """Open a request in the chat of *name*; returns the id of its case."""
    kept = _kept(office, files)
    with office.database.writing() as session:
        chat = _enter(session, name)
        chosen = session.get_one(Service, service.id) if service is not None else None
        return chats.open_request(session, office, chat, service=chosen, subject=subject, text=text.strip(),
                                  files=kept, remote_ids=[_next(session, chat.id)]).id  # fmt: skip


def add(office: Office, name: str, case_id: int, text: str, files: Iterable[DemoFile]) -> None:
    """Write on about a case."""
    kept = _kept(office, files)
    with office.database.writing() as session:
        chat = _enter(session, name)
        chats.follow_up(session, office, chat, session.get_one(Case, case_id), text=text.strip(), files=kept,
                        remote_ids=[_next(session, chat.id)])  # fmt: skip


def edit(office: Office, name: str, text: str) -> None:
    """Edit the last message."""
    with office.database.writing() as session:
        chat = _enter(session, name)
        own = select(func.max(ChatMessage.remote_id)).where(
            ChatMessage.chat_id == chat.id, ChatMessage.outbox_id.is_(None)
        )
        chats.revise(session, office, chat, session.scalar(own) or 0, text.strip())


def link(office: Office, name: str, address: str) -> None:
    """Open, in the chat, the link that came to *address*."""
    with office.database.writing() as session:
        chat = _enter(session, name)
        token = chat_links.mint(session, LinkPurpose.CONTACT, lifetime=timedelta(hours=2), address=address,
                                chat_id=chat.id)  # fmt: skip
        spent = chat_links.spend(session, token, LinkPurpose.CONTACT)
        assert spent is not None
        chat_links.link_contact(session, office, chat, spent)


def rate(office: Office, name: str, case_id: int, score: int, words: str) -> None:
    """Close a case, and say how it was attended."""
    with office.database.writing() as session:
        chat, case = _enter(session, name), session.get_one(Case, case_id)
        chats.close(session, office, chat, case)
        chats.rate(session, office, chat, case, score, words)


def deliver(office: Office) -> None:
    """Take what is queued for chats as the bot would, so that nothing waits for a bot that is not there."""
    taken: list[tuple[OutboxMessage, int]] = []

    def take(notice: OutboxMessage) -> outbox.Delivered:
        with office.database.reading() as session:
            remote_id = _next(session, int(notice.to[0])) + len(taken)
        taken.append((notice, remote_id))
        return outbox.Delivered(remote_id=remote_id)

    while outbox.deliver_due(office, "telegram", take):
        pass
    with office.database.writing() as session:
        session.add_all(
            ChatMessage(chat_id=int(notice.to[0]), remote_id=remote_id, case_id=notice.case_id,
                        message_id=notice.message_id, outbox_id=notice.id)
            for notice, remote_id in taken if notice.case_id is not None
        )  # fmt: skip


def _enter(session: Session, name: str) -> Chat:
    # A number that no second person of the demo has, and Telegram gives to nobody: it is too small.
    return chats.chat_for(session, 1 + crc32(name.encode()) % 1000, kind=ChatKind.PRIVATE, name=name)


def _next(session: Session, chat_id: int) -> int:
    last = select(func.max(ChatMessage.remote_id)).where(ChatMessage.chat_id == chat_id)
    return (session.scalar(last) or 0) + 1


def _kept(office: Office, files: Iterable[DemoFile]) -> list[KeptFile]:
    return [chat_files.keep(office, file.name, file.content_type, make_file(file)) for file in files]
