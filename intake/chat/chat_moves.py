"""A group that became a supergroup has another id: everything of the old one goes on under the new."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import inspect, select, update
from sqlalchemy.orm import Session

from intake.chat import chat_spool
from intake.office import Office
from models.chat import Chat, ChatMessage, ChatTopic, ChatUpdate, OneTimeLink
from models.contact import Address, AddressKind
from models.outbox_message import OutboxMessage


def move_chat(office: Office, old: int, new: int) -> None:
    """Rewrite the id of a chat wherever the register has it. Idempotent."""
    with office.database.writing() as session:
        _move(session, old, new)


def follow_move(office: Office, bot_id: int, update: Mapping[str, Any]) -> None:
    """The same, told by the Update with which a group says good-bye; nobody else need see it."""
    message = update["message"]
    with office.database.writing() as session:
        _move(session, int(message["chat"]["id"]), int(message["migrate_to_chat_id"]))
        chat_spool.settle(chat_spool.take(session, bot_id, [int(update["update_id"])]))


def _move(session: Session, old: int, new: int) -> None:
    chat = session.get(Chat, old, with_for_update=True)
    if chat is not None:
        facts: dict[str, Any] = {
            column.key: getattr(chat, column.key) for column in inspect(Chat).column_attrs
        }
        dependencia_id, chat.dependencia_id = chat.dependencia_id, None
        session.flush()
        heir = session.get(Chat, new)
        if heir is None:
            heir = Chat(**{**facts, "id": new})
            session.add(heir)
        heir.dependencia_id = dependencia_id or heir.dependencia_id
        session.flush()
    for table in (ChatTopic, ChatUpdate, OneTimeLink):
        session.execute(update(table).where(table.chat_id == old).values(chat_id=new))
    # Message ids begin anew in a supergroup; where one is taken the newer message stays.
    taken = select(ChatMessage.remote_id).where(ChatMessage.chat_id == new)
    session.execute(
        update(ChatMessage)
        .where(ChatMessage.chat_id == old, ChatMessage.remote_id.not_in(taken.scalar_subquery()))
        .values(chat_id=new)
    )
    session.execute(
        update(Address)
        .where(Address.kind == AddressKind.TELEGRAM, Address.value == str(old))
        .values(value=str(new))
    )
    session.execute(update(OutboxMessage).where(OutboxMessage.to == [str(old)]).values(to=[str(new)]))
    if chat is not None:
        session.delete(chat)
