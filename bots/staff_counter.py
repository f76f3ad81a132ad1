"""The clerks' side of the counter: their input is decided by `bots.staff`, done by the desk, and answered.

In the transaction of the counter. When the desk says no, nothing was done and the words still wait.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from markupsafe import Markup, escape
from sqlalchemy.orm import Session

from bots.dialog_terms import Button, Input, Reply
from bots.identity import BotIdentity
from bots.reading import Json, message_of
from bots.staff import next_step, remembered
from bots.staff_knowing import staff_facts, staff_input
from bots.staff_terms import Act, Answer, Facts, HandOn, Note, Step, Take, VoidLink
from intake.chat import chat_links, chat_staff
from intake.chat.chat_notices import Button as NoticeButton
from intake.chat.chat_notices import tell
from intake.errors import DeskError, InvalidInput
from intake.office import Office
from models.case import Case
from models.chat import Chat, ChatKind
from models.dependencia import Dependencia
from models.person import Account, Person
from models.workflow import NotAllowed
from templates import FOLDER, render, say

_WORDS = "chat/staff_{}.html"


def known_to_staff(
    session: Session, office: Office, bot: BotIdentity, chat: Chat, given: Input | None, update: Json
) -> tuple[Input, Facts] | None:
    """*given* and what is known, when it is for clerks; None when the citizen's table decides, or nobody."""
    if given is None:
        return None
    given = staff_input(given)
    facts = staff_facts(session, office, bot, chat, given, update)
    return (given, facts) if facts is not None else None


def serve(
    session: Session, office: Office, chat: Chat, given: Input, facts: Facts, update: Json
) -> Case | None:
    """Decide, do, remember and answer; returns the case that it was about."""
    memory = remembered(chat.data.get("staff"))
    step = next_step(memory, given, facts)
    try:
        with session.begin_nested():
            for each in step.acts:
                _do(session, office, chat, facts, each)
    except NotAllowed:
        # Somebody was faster: read anew, it says how the case stands now.
        step = Step(memory, (Reply("changed", {"folio": facts.case.folio if facts.case else ""}),))
    except DeskError as refusal:
        step = Step(memory, (Reply("refused", {"words": str(refusal)}),))
    chat.data = {**chat.data, "staff": dict(step.memory)}
    session.flush()
    _answer(session, office, chat, step.replies, update)
    case_id = facts.case.id if facts.case else None
    return session.get(Case, case_id) if case_id is not None else None


def _do(session: Session, office: Office, chat: Chat, facts: Facts, act: Act) -> None:
    """Raises DeskError and NotAllowed."""
    if isinstance(act, VoidLink):
        found = chat_links.peek(session, act.token)
        if found is not None:
            chat_links.spend(session, act.token, found.purpose)
        return
    person, case = session.get_one(Person, facts.person), session.get_one(Case, act.case_id)
    match act:
        case Answer():
            chat_staff.answer(session, office, person, chat, case, text=act.text, files=act.files,
                              then=act.then, remote_ids=act.remote_ids)  # fmt: skip
        case Note():
            chat_staff.add_note(session, office, person, chat, case, text=act.text, files=act.files,
                                remote_ids=act.remote_ids)  # fmt: skip
        case Take():
            chat_staff.take(session, office, person, chat, case)
        case HandOn():
            chat_staff.hand_on(session, office, person, chat, case, _target(session, act.target))


def _target(session: Session, key: str) -> Account | Dependencia:
    number = int(key[1:])
    found = session.get(Account, number) if key.startswith("a") else session.get(Dependencia, number)
    if found is None:
        raise InvalidInput("unknown_target")
    return found


def _answer(session: Session, office: Office, chat: Chat, replies: Sequence[Reply], update: Json) -> None:
    """One message for what is said together, below what was written, in its topic."""
    if not replies:
        return
    last, message = replies[-1], message_of(update)
    options: dict[str, Any] = {}
    if last.edits:
        options["edits"] = last.edits
    elif chat.kind == ChatKind.GROUP or last.is_question:
        options["reply_to"] = message.get("message_id")
    if message.get("is_topic_message"):
        options["topic"] = message.get("message_thread_id")
    case_id = next((reply.case_id for reply in replies if reply.case_id), None)
    case = session.get(Case, case_id) if case_id is not None else None
    rows = [[_button(button) for button in row] for row in last.buttons]
    parts = [words_of(reply) for reply in replies]
    tell(session, office, chat.id, "staff_reply", case, buttons=rows, options=options, parts=parts)


def words_of(reply: Reply) -> Markup:
    """In the HTML of the Bot API, with everything that people wrote escaped."""
    if _has_template(reply.name):
        return Markup(render(_WORDS.format(reply.name), **reply.values).strip())
    return escape(say(f"chat_staff.say.{reply.name}", **reply.values))


@cache
def _has_template(name: str) -> bool:
    return (FOLDER / _WORDS.format(name)).exists()


def _button(button: Button) -> NoticeButton:
    text = button.text or say(f"chat_staff.button.{button.label}")
    return {"text": text, "url": button.url} if button.url else {"text": text, "data": button.data}
