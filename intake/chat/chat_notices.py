"""What people are told in chat: each function leaves one notice for the bot in the outbox, with its cause.

The words are in `templates/chat/<kind>.html`, in the HTML of the Bot API; `bots.telegram` splits what is
too long and sends the files of `files_of`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import unescape
from typing import Any, TypedDict

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.citizens.one_time_links import download_link
from intake.incoming import Channel
from intake.memory import group_of
from intake.office import Office
from intake.outbox import queue
from intake.reply_address import case_link, panel_link
from intake.wording import beginning, moment, size, speaking
from models.case import Case
from models.chat import Chat, ChatKind, ChatMessage, ChatTopic
from models.dependencia import Dependencia
from models.message import Attachment, Direction, Message
from models.outbox_message import OutboxMessage
from models.person import Account, Person
from models.workflow import State, Who, allowed_actions
from templates import render, say

# The Bot API sends documents up to 50 MB; what is larger goes as a link.
MAX_FILE_BYTES = 50 * 1000 * 1000
MAX_TOPIC = 128
_TAG = re.compile(r"<[^>]+>")


class Button(TypedDict, total=False):
    """An inline button: `text` and either `data` (at most 64 bytes, see `bots.dialog`) or `url`."""

    text: str
    data: str
    url: str


Keyboard = Sequence[Sequence[Button]]


def tell(
    session: Session,
    office: Office,
    chat_id: int,
    kind: str,
    case: Case | None = None,
    message: Message | None = None,
    *,
    buttons: Keyboard = (),
    options: Mapping[str, Any] | None = None,
    **values: Any,
) -> OutboxMessage:
    """Say `chat/<kind>.html` in a chat, in the current language; the files of *message* go along.

    *options*: more of `OutboxMessage.chat_options` (reply_to, topic, edits, state, request, …).
    """
    about = _about(office, case) if case is not None else {}
    values = {"institution": office.settings.institution, **about, **values}
    html = _tidy(render(f"chat/{kind}.html", **values))
    keyboard = {"buttons": [[dict(button) for button in row] for row in buttons]} if buttons else {}
    return queue(
        session,
        office,
        kind=kind,
        channel=Channel.TELEGRAM,
        to=[str(chat_id)],
        subject=case.subject if case is not None else "",
        text=unescape(_TAG.sub("", html)),
        html=html,
        case=case,
        message=message,
        chat_options={**keyboard, **(options or {})},
    )


def _about(office: Office, case: Case) -> dict[str, Any]:
    return {
        "folio": case.folio,
        "subject": case.subject,
        "attends": case.dependencia.name if case.dependencia else "",
        "link": case_link(office, case.folio),
    }


def _tidy(html: str) -> str:
    # Telegram shows every line end; a block of a template that says nothing leaves some behind.
    return re.sub(r"\n{3,}", "\n\n", html).strip()


def files_of(session: Session, notice: OutboxMessage) -> list[Attachment]:
    """The files to send with *notice*, never a quarantined one, nor what only a link can carry."""
    if notice.message_id is None:
        return []
    message = session.get_one(Message, notice.message_id)
    return [file for file in message.attachments if not file.danger and file.size <= MAX_FILE_BYTES]


# To the requester.


def write_acuse(
    session: Session, office: Office, case: Case, chat: str, values: Mapping[str, Any]
) -> OutboxMessage:
    """Tell that the request arrived; *values* are those of the acuse by mail."""
    return tell(session, office, int(chat), "acuse", case, **values)


def write_answer(session: Session, office: Office, case: Case, message: Message, chat: str) -> OutboxMessage:
    """Send a clerk's answer to the requester's chat."""
    author = message.author
    links = [
        {"name": file.filename, "size": size(file.size),
         "url": download_link(session, office, file)}
        for file in message.attachments if not file.danger and file.size > MAX_FILE_BYTES
    ]  # fmt: skip
    is_resolved = case.state == State.RESOLVED
    return tell(
        session,
        office,
        int(chat),
        "answer",
        case,
        message,
        buttons=_after_resolving(case) if is_resolved else (),
        options=_reply_to(session, case, chat),
        body=message.text.strip(),
        author=author.person.name if author else "",
        post=author.person.post if author else "",
        dependencia=author.dependencia.name if author else "",
        state=case.state if case.state in (State.WAITING, State.RESOLVED) else "",
        links=links,
    )


def write_state(
    session: Session, office: Office, case: Case, notice: str, reason: str, chat: str
) -> OutboxMessage:
    """Tell that the case was resolved, closed, reopened, …, and why; closing asks how it went."""
    buttons: Keyboard = ()
    if notice == "closed":
        buttons = [
            [{"text": say(f"chat_desk.stars.{score}"), "data": f"rate:{case.id}:{score}"}
             for score in range(1, 6)],
            [_button("reopen", case)],
        ]  # fmt: skip
    elif notice == "resolved":
        buttons = _after_resolving(case)
    return tell(session, office, int(chat), notice, case, buttons=buttons, reason=reason,
                reopen_days=office.settings.reopen_days)  # fmt: skip


def _after_resolving(case: Case) -> Keyboard:
    return [[_button("close", case), _button("reopen", case)]]


def _button(action: str, case: Case) -> Button:
    return {"text": say(f"chat_desk.button.{action}"), "data": f"case:{case.id}:{action}"}


def _reply_to(session: Session, case: Case, chat: str) -> dict[str, Any]:
    """Under the last thing the requester wrote about the case in this chat, as people do."""
    last = session.scalar(
        select(ChatMessage.remote_id)
        .join(Message, Message.id == ChatMessage.message_id)
        .where(ChatMessage.case_id == case.id, ChatMessage.chat_id == int(chat),
               Message.direction == Direction.IN)
        .order_by(ChatMessage.remote_id.desc())
        .limit(1)
    )  # fmt: skip
    return {"reply_to": last} if last else {}


# To the office's own people.


def write_staff(
    session: Session, office: Office, kind: str, accounts: Sequence[Account], case: Case,
    values: Mapping[str, Any],
) -> list[OutboxMessage]:  # fmt: skip
    """Tell those of *accounts* who linked a private chat; the same words as their mail."""
    chats = private_chats(session, accounts)
    buttons = staff_buttons(office, case, is_copy=kind == "copied") if chats else ()
    return [tell(session, office, chat.id, kind, case, buttons=buttons, **values) for chat in chats]


def private_chats(session: Session, accounts: Sequence[Account]) -> Sequence[Chat]:
    """The chats that the people of *accounts* linked and can be told in."""
    people = {account.person_id for account in accounts if account.is_active}
    if not people:
        return ()
    return session.scalars(
        select(Chat)
        .join(Person, Person.id == Chat.person_id)
        .where(Chat.person_id.in_(people), Chat.kind == ChatKind.PRIVATE, Chat.blocked_at.is_(None),
               Person.is_active)
        .order_by(Chat.id)
    ).all()  # fmt: skip


def staff_buttons(office: Office, case: Case, *, is_copy: bool = False) -> Keyboard:
    """[Take] [Hand on…] [See it in the panel]: what the state allows; who may is asked on the tap."""
    possible = set() if is_copy else {row.action for row in allowed_actions(case, set(Who))}
    acts: list[Button] = [
        {"text": say(f"chat_staff.button.{verb}"), "data": f"st:{verb}:{case.id}"}
        for action, verb in (("take", "take"), ("assign", "turn")) if action in possible
    ]  # fmt: skip
    panel: Button = {"text": say("chat_staff.button.panel"), "url": panel_link(office, case)}
    return [acts, [panel]] if acts else [[panel]]


def write_group(
    session: Session, office: Office, kind: str, dependencia: Dependencia | None, case: Case,
    message: Message | None, **values: Any,
) -> OutboxMessage | None:  # fmt: skip
    """Tell the group that *dependencia* bound, in the topic of the case or below its first notice."""
    group = group_of(session, dependencia.id) if dependencia is not None else None
    if group is None:
        return None
    options = _place(session, group, case, is_first=kind == "new_case")
    with speaking(office.settings.language):
        excerpt = beginning(message.reply_text) if message is not None else ""
        due = moment(case.due_at, office.settings.zone) if case.due_at else ""
        files = len(message.attachments) if message is not None else 0
        values = {"requester": case.requester.name, "excerpt": excerpt, "due": due, "files": files,
                  "link": panel_link(office, case), **values}  # fmt: skip
        buttons = staff_buttons(office, case)
        return tell(session, office, group.id, kind, case, buttons=buttons, options=options, **values)


def _place(session: Session, group: Chat, case: Case, *, is_first: bool = False) -> dict[str, Any]:
    """Where in the group the case is talked about; "new_topic" (its name) when the bot has yet to open it."""
    if group.is_forum:
        topic = session.get(ChatTopic, (group.id, case.id))
        return {"topic": topic.topic_id} if topic else {"new_topic": topic_name(case)}
    if is_first:
        return {}
    first = session.scalar(
        select(ChatMessage.remote_id)
        .where(ChatMessage.chat_id == group.id, ChatMessage.case_id == case.id)
        .order_by(ChatMessage.remote_id)
        .limit(1)
    )
    return {"reply_to": first} if first else {}


def topic_name(case: Case) -> str:
    """Folio and subject in the length that createForumTopic takes, counted as the Bot API counts."""
    name = " ".join(f"{case.folio} · {case.subject}".split())
    while len(name.encode("utf-16-le")) // 2 > MAX_TOPIC:
        name = name[:-1]
    return name.strip()


def write_change(
    session: Session, office: Office, case: Case, by: Account | None, action: str, *, told: int = 0,
    target: str = "",
) -> OutboxMessage | None:  # fmt: skip
    """Tell the group shortly who did what to a case; None when it is *told* there by the bot itself.

    By nobody: by the requester.
    """
    group = group_of(session, case.dependencia_id) if case.dependencia_id is not None else None
    if group is None or group.id == told:
        return None
    with speaking(office.settings.language):
        name = by.person.name if by else case.requester.name
        sentence = say(f"chat_staff.change.{action}", name=name, target=target)
        state = say(f"panel.state.{case.state}")
        return tell(session, office, group.id, "staff_change", case, options=_place(session, group, case),
                    sentence=sentence, state=state)  # fmt: skip
