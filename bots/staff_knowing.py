"""What the desk knows when a clerk writes, or anybody in a group: who it is, which case, what they may do.

None says that it is no business of clerks: in a private chat the citizen's then, in a group nobody's.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from bots.dialog_terms import Input, Kind
from bots.identity import BotIdentity
from bots.reading import Json, message_of, sender_of
from bots.staff import COMMANDS, PREFIX, draft_id, remembered
from bots.staff_drafts import holds
from bots.staff_terms import CaseFact, Draft, Facts, Target
from intake.chat import chat_links, chat_staff
from intake.correspondence import way_to
from intake.incoming import Channel
from intake.notices import panel_link
from intake.office import Office
from intake.wording import moment
from models.base import now
from models.case import Case
from models.chat import Chat, ChatKind, LinkPurpose
from models.message import Direction, Message
from models.person import Person
from templates import LANGUAGES, labels, say

_IN_GROUPS = frozenset({*COMMANDS, "start", "ayuda"})


class _Answered(NamedTuple):
    """The message that somebody replies to, and what the bot said in it."""

    id: int
    words: str


def staff_input(given: Input) -> Input:
    """A command below a file, or in another language, is the same command."""
    name, words = given.command, given.argument
    if given.kind == Kind.CONTENT and given.text.startswith("/"):
        name, _, words = given.text[1:].partition(" ")
        name = name.partition("@")[0].lower()
        if _canonical(name) != "nota":
            return given
    elif given.kind != Kind.COMMAND:
        return given
    return replace(given, kind=Kind.COMMAND, command=_canonical(name), argument=words.strip(), text="")


def _canonical(name: str) -> str:
    for known in COMMANDS:
        if any(labels(code)[f"chat_staff.command.{known}.name"] == name for code in LANGUAGES):
            return known
    return "ayuda" if name == "help" else name


def staff_facts(
    session: Session, office: Office, bot: BotIdentity, chat: Chat, given: Input, update: Json
) -> Facts | None:
    """The facts that *given* (of `staff_input`) may be decided by; None: it is not for clerks."""
    user = int(sender_of(update).get("id", 0))
    answered = _answered(bot, chat, update)
    if not _is_ours(session, chat, given, answered):
        return None
    person = chat_staff.linked_person(session, user)
    case = _case(session, chat, given, answered, _topic(update))
    if case is None and _is_talk(chat, given):
        # In a group: a reply to what the bot said about no case.
        return None
    is_known = person is not None and person.is_active
    facts = Facts(
        user=user,
        person=person.id if person is not None and is_known else 0,
        name=person.name if person is not None else "",
        has_left=person is not None and not is_known,
        is_group=chat.kind == ChatKind.GROUP,
        dependencia=chat.dependencia.name if chat.dependencia else "",
        case=_fact(session, office, case, person) if case is not None else None,
        panel=f"{office.settings.base_url.rstrip('/')}/admin/telegram/",
        at=int(now().timestamp()),
    )
    if person is None or not is_known:
        return facts
    return replace(
        facts,
        pending=_pending(session, office, person, chat) if _asks_for_list(given) else (),
        targets=_targets(session, case) if case is not None and _asks_for_targets(given) else (),
    )


def _is_ours(session: Session, chat: Chat, given: Input, answered: _Answered | None) -> bool:
    if given.kind == Kind.TAP:
        return given.tap.startswith(PREFIX)
    if given.kind == Kind.EDIT:
        was_staff = chat_staff.is_for_staff(session, chat, given.remote_ids[0])
        return was_staff or _waiting(chat, given) is not None
    if chat.kind == ChatKind.GROUP:
        if given.kind == Kind.COMMAND:
            return given.command in _IN_GROUPS and not _binds(session, given)
        return answered is not None
    if given.kind == Kind.COMMAND:
        return given.command in COMMANDS and chat.person_id is not None
    return answered is not None and chat_staff.is_for_staff(session, chat, answered.id, answered.words)


def _is_talk(chat: Chat, given: Input) -> bool:
    return chat.kind == ChatKind.GROUP and given.kind in (Kind.CONTENT, Kind.REFUSED)


def _binds(session: Session, given: Input) -> bool:
    """/start with a link that binds a group, which the other table opens."""
    if given.command != "start" or not given.argument:
        return False
    return chat_links.peek(session, given.argument, LinkPurpose.GROUP) is not None


def _waiting(chat: Chat, given: Input) -> Draft | None:
    """The words that nobody has confirmed yet of which the edited or tapped message is part."""
    for draft in remembered(chat.data.get("staff")).get("drafts", []):
        if given.kind == Kind.EDIT and holds(draft, given.remote_ids[0]):
            return draft
        if given.kind == Kind.TAP and draft["id"] == draft_id(given):
            return draft
    return None


def _answered(bot: BotIdentity, chat: Chat, update: Json) -> _Answered | None:
    """The message that this one answers; in a group only one of the bot's own."""
    answered = message_of(update).get("reply_to_message")
    if not answered or "callback_query" in update:
        return None
    # Whatever is written in a topic "answers" the message that opened it; people mean nothing by that.
    is_own = (answered.get("from") or {}).get("id") == bot.id and "forum_topic_created" not in answered
    if chat.kind == ChatKind.GROUP and not is_own:
        return None
    words = str(answered.get("text") or answered.get("caption") or "") if is_own else ""
    return _Answered(int(answered["message_id"]), words)


def _topic(update: Json) -> int:
    message = message_of(update)
    return int(message.get("message_thread_id", 0)) if message.get("is_topic_message") else 0


def _case(session: Session, chat: Chat, given: Input, answered: _Answered | None, topic: int) -> Case | None:
    if given.kind in (Kind.TAP, Kind.EDIT):
        if draft := _waiting(chat, given):
            return chat_staff.case_here(session, chat, draft["case"])
        if given.kind == Kind.EDIT:
            return chat_staff.case_of_message(session, chat, given.remote_ids[0])
        number = 0 if draft_id(given) else _number(given.tap)
        return chat_staff.case_here(session, chat, number) if number else None
    found: Case | None = None
    if answered is not None:
        found = chat_staff.case_of_message(session, chat, answered.id, answered.words)
    return found or (chat_staff.case_of_topic(session, chat, topic) if topic else None)


def _number(tap: str) -> int:
    """The case that `st:verb:CASE[:…]` names; 0: none."""
    parts = tap.split(":")
    value = parts[2] if len(parts) > 2 else ""
    return int(value) if value.isascii() and value.isdecimal() and len(value) < 19 else 0


def _asks_for_list(given: Input) -> bool:
    return given.command == "pendientes" or given.tap.startswith("st:mine")


def _asks_for_targets(given: Input) -> bool:
    return given.tap.startswith(("st:turn:", "st:page:", "st:to:"))


def _pending(session: Session, office: Office, person: Person, chat: Chat) -> tuple[CaseFact, ...]:
    return tuple(_plain_fact(office, case) for case in chat_staff.pending(session, person, chat))


def _targets(session: Session, case: Case) -> tuple[Target, ...]:
    people = [
        Target(f"a{account.id}", say("chat_staff.person", name=account.person.name, post=account.person.post)
               if account.person.post else account.person.name)
        for account in chat_staff.colleagues(session, case)
    ]  # fmt: skip
    places = [
        Target(f"d{each.id}", say("chat_staff.dependencia", name=each.name))
        for each in chat_staff.dependencias(session, case)
    ]
    return (*people, *places)


def _plain_fact(office: Office, case: Case) -> CaseFact:
    return CaseFact(
        id=case.id,
        folio=case.folio,
        subject=case.subject,
        state=say(f"panel.state.{case.state}"),
        requester=case.requester.name,
        holder=case.holder.person.name if case.holder else "",
        due=moment(case.due_at, office.settings.zone) if case.due_at else "",
        link=panel_link(office, case),
    )


def _fact(session: Session, office: Office, case: Case, person: Person | None) -> CaseFact:
    stands, may = (
        chat_staff.possible(session, case, person) if person is not None else (False, frozenset[str]())
    )
    if not stands:
        return CaseFact(case.id, case.folio)
    channel, address = way_to(session, case)
    way = f"chat_staff.by_{'telegram' if channel == Channel.TELEGRAM else 'email'}"
    last = session.scalar(
        select(Message.reply_text)
        .where(Message.case_id == case.id, Message.direction == Direction.IN)
        .order_by(Message.id.desc())
        .limit(1)
    )
    return replace(
        _plain_fact(office, case), may=may, stands=True, last_words=last or "",
        way=say(way, address=address) if address else "",
    )  # fmt: skip
