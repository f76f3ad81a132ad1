"""People in chat as tests use them: what the bot's role does with the desk, without Telegram."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select

from intake.chat import chats
from intake.chat.chat_files import KeptFile
from intake.office import Office
from models.case import Case
from models.chat import Chat, ChatKind, ChatMessage
from models.message import Message
from models.outbox_message import OutboxMessage
from models.service import Service

ANA, BETO = 7001, 7002


def written(update_id: int, chat_id: int, text: str, message_id: int = 0, **more: Any) -> dict[str, Any]:
    """An Update of the Bot API with a text message."""
    message = {
        "message_id": message_id or update_id,
        "chat": {"id": chat_id, "type": "private"},
        "text": text,
    }
    return {"update_id": update_id, "message": {**message, **more}}


def enter_chat(office: Office, chat_id: int = ANA, name: str = "Ana Ruiz", *,
               kind: ChatKind = ChatKind.PRIVATE) -> None:  # fmt: skip
    """Somebody says /start."""
    with office.database.writing() as session:
        chats.chat_for(session, chat_id, kind=kind, name=name, language="es")


def ask(office: Office, chat_id: int = ANA, subject: str = "No hay agua",
        text: str = "Desde ayer no hay agua.", *, name: str = "Ana Ruiz", service: Service | None = None,
        files: Sequence[KeptFile] = (), remote_ids: Sequence[int] = (10,)) -> int:  # fmt: skip
    """Somebody sends a request; returns the id of its case."""
    enter_chat(office, chat_id, name)
    with office.database.writing() as session:
        chat = session.get_one(Chat, chat_id)
        chosen = session.get(Service, service.id) if service else None
        ticket = chats.open_request(session, office, chat, service=chosen, subject=subject, text=text,
                                    files=files, remote_ids=remote_ids)  # fmt: skip
        return ticket.id


def add(office: Office, case_id: int, text: str, chat_id: int = ANA, *, files: Sequence[KeptFile] = (),
        remote_ids: Sequence[int] = (20,)) -> int:  # fmt: skip
    """Somebody writes on about a case; returns the id of the case it went to."""
    with office.database.writing() as session:
        chat, case = session.get_one(Chat, chat_id), session.get_one(Case, case_id)
        case, _ = chats.follow_up(session, office, chat, case, text=text, files=files,
                                  remote_ids=remote_ids)  # fmt: skip
        return case.id


def own_cases(office: Office, chat_id: int = ANA) -> list[str]:
    """The folios that the chat lists."""
    with office.database.reading() as session:
        return [case.folio for case in chats.cases_of(session, session.get_one(Chat, chat_id))]


def messages_of(office: Office, case_id: int) -> list[Message]:
    with office.database.reading() as session:
        wanted = select(Message).where(Message.case_id == case_id).order_by(Message.id)
        return list(session.scalars(wanted))


def told(office: Office, chat_id: int = ANA) -> list[OutboxMessage]:
    """Everything queued for a chat, in its order."""
    with office.database.reading() as session:
        wanted = select(OutboxMessage).where(OutboxMessage.channel == "telegram").order_by(OutboxMessage.id)
        return [notice for notice in session.scalars(wanted) if notice.to == [str(chat_id)]]


def deliver(office: Office, notice: OutboxMessage, remote_id: int) -> None:
    """As the bot does when Telegram took a notice about a case."""
    assert notice.case_id is not None
    with office.database.writing() as session:
        session.add(ChatMessage(chat_id=int(notice.to[0]), remote_id=remote_id, case_id=notice.case_id,
                                message_id=notice.message_id, outbox_id=notice.id))  # fmt: skip
