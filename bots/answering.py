"""Replies of the dialog as notices in the outbox: one message for what is said together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from markupsafe import Markup, escape
from sqlalchemy.orm import Session

from bots.dialog_terms import Button, Reply, State
from intake.chat import chat_links
from intake.chat.chat_notices import Button as NoticeButton
from intake.chat.chat_notices import tell
from intake.office import Office
from models.case import Case
from models.chat import Chat
from models.outbox_message import OutboxMessage
from templates import FOLDER, render, say

_TEMPLATES = "chat/dialog"


def answer(
    session: Session,
    office: Office,
    chat_id: int,
    state: State,
    replies: Sequence[Reply],
    *,
    chat: Chat | None = None,
    values: Mapping[str, Any] | None = None,
) -> list[OutboxMessage]:
    """Queue *replies*; those without buttons stand above the next one. *values*: what the acts brought."""
    notices, together = [], list[Reply]()
    for number, reply in enumerate(replies, start=1):
        together.append(reply)
        if reply.buttons or number == len(replies):
            notices.append(_tell(session, office, chat_id, state, together, chat, values or {}))
            together = []
    return notices


def _tell(
    session: Session,
    office: Office,
    chat_id: int,
    state: State,
    replies: Sequence[Reply],
    chat: Chat | None,
    values: Mapping[str, Any],
) -> OutboxMessage:
    options: dict[str, Any] = {}
    if all(reply.is_question for reply in replies):
        # When the conversation has moved on before it is sent, it is not asked at all.
        options["state"] = str(state)
    if replies[-1].edits:
        options["edits"] = replies[-1].edits
    case_id = next((reply.case_id for reply in replies if reply.case_id), None)
    case = session.get(Case, case_id) if case_id is not None else None
    parts = [words_of(reply, {**values, **_link(session, office, chat, reply)}) for reply in replies]
    rows = [[_button(button) for button in row] for row in replies[-1].buttons]
    return tell(session, office, chat_id, "dialog", case, buttons=rows, options=options, parts=parts)


def _link(session: Session, office: Office, chat: Chat | None, reply: Reply) -> dict[str, str]:
    if reply.upload_to is None or chat is None:
        return {}
    case = session.get(Case, reply.upload_to) if reply.upload_to else None
    return {"link": chat_links.upload_link(session, office, chat, case)}


def words_of(reply: Reply, values: Mapping[str, Any]) -> Markup:
    """In the HTML of the Bot API, with everything that people wrote escaped."""
    values = {**values, **reply.values}
    if reply.name in _templates():
        return Markup(render(f"{_TEMPLATES}/{reply.name}.html", **values).strip())
    return escape(say(f"chat.say.{reply.name}", **values))


@cache
def _templates() -> frozenset[str]:
    return frozenset(path.stem for path in (FOLDER / _TEMPLATES).glob("*.html"))


def _button(button: Button) -> NoticeButton:
    text = button.text or say(f"chat.button.{button.label}")
    return {"text": text, "url": button.url} if button.url else {"text": text, "data": button.data}
