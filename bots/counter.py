"""The counter: one message of a person is read, decided by the table, done by the desk, and answered.

All of it in one transaction with the mark that the update is processed, or not at all. What
fails is kept as failed with its traceback, the person is told once, and the next one goes on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace

import structlog
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session

from bots import staff_counter
from bots.acting import act
from bots.answering import answer
from bots.dialog import next_step, settled
from bots.dialog_questions import HOME, question
from bots.dialog_terms import Input, Kind, Reply, Situation, State, Step
from bots.identity import BotIdentity
from bots.knowing import facts_for
from bots.reading import Json, message_of, one_line, read, sender_of
from intake.chat import chat_links, chat_outbox, chat_spool, chats
from intake.chat.chat_files import KeptFile
from intake.errors import DeskError, FileLost, StoreFailed
from intake.memory import remember
from intake.office import Office
from intake.wording import speaking
from models.base import now
from models.case import Case
from models.chat import Chat, ChatKind, ChatUpdate
from models.workflow import NotAllowed

log = structlog.get_logger()

# A clerk who ends the case meanwhile: the next try sees the effect.
CONFLICT_TRIES = 3
_KINDS = {"private": ChatKind.PRIVATE, "group": ChatKind.GROUP, "supergroup": ChatKind.GROUP}


def process(
    office: Office,
    bot: BotIdentity,
    updates: Sequence[Json],
    files: Mapping[str, KeptFile],
    too_large: Mapping[str, str],
    missing: Mapping[str, str],
) -> bool:
    """Process one message, or the updates of one album; files by their file_id.

    False when another process has it or had it, and while database or store are away: it then still waits.
    """
    ids = [int(update["update_id"]) for update in updates]
    for attempt in range(CONFLICT_TRIES):
        try:
            return _decide(office, bot, updates, files, too_large, missing)
        except Exception as error:
            if isinstance(error, OperationalError | StoreFailed) and not isinstance(error, FileLost):
                log.error("update waits", updates=ids, error=str(error))
                return False
            if isinstance(error, IntegrityError | NotAllowed) and attempt < CONFLICT_TRIES - 1:
                continue
            give_up(office, bot, updates, error)
            break
    return True


def give_up(office: Office, bot: BotIdentity, updates: Sequence[Json], error: Exception) -> None:
    """Keep *updates* as failed, where a clerk can retry them, and tell the person."""
    chat_spool.fail(office, bot.id, [int(update["update_id"]) for update in updates], error)
    chat_id = chat_spool.chat_of(dict(updates[0]))
    with office.database.writing() as session:
        chat = session.get(Chat, chat_id)
        if chat_id > 0:
            with speaking(chat.language if chat is not None else office.settings.language):
                answer(session, office, chat_id, State.IDLE, (Reply("failed"),))


def _decide(
    office: Office,
    bot: BotIdentity,
    updates: Sequence[Json],
    files: Mapping[str, KeptFile],
    too_large: Mapping[str, str],
    missing: Mapping[str, str],
) -> bool:
    with office.database.writing() as session:
        rows = chat_spool.take(session, bot.id, [int(update["update_id"]) for update in updates])
        if not rows:
            return False
        remember(session)
        mine = {row.update_id for row in rows}
        updates = [update for update in updates if update["update_id"] in mine]
        kind = _KINDS.get(_chat_json(updates[0]).get("type", ""))
        if kind is None:
            chat_spool.settle(rows)
            return True
        days, chat = _enter(session, updates[0], kind)
        with speaking(chat.language):
            given = read(updates, files, too_large, missing, bot.username)
            if "my_chat_member" in updates[0]:
                _note_membership(session, office, chat, updates[0]["my_chat_member"])
            with session.no_autoflush:
                staff = staff_counter.known_to_staff(session, office, bot, chat, given, updates[0])
            if staff is not None:
                chat_spool.settle(rows, staff_counter.serve(session, office, chat, *staff, updates[0]))
            elif given is None or (kind == ChatKind.GROUP and not _is_for_group(given)):
                chat_spool.settle(rows)
            else:
                _serve(session, office, bot, chat, given, rows, days)
    return True


def _chat_json(update: Json) -> Json:
    found: Json = message_of(update).get("chat") or update.get("my_chat_member", {}).get("chat") or {}
    return found


def _enter(session: Session, update: Json, kind: ChatKind) -> tuple[float, Chat]:
    """How many days the chat was silent, and the chat, locked."""
    theirs, sender = _chat_json(update), sender_of(update)
    before = chats.known_chat(session, int(theirs["id"]))
    days = (now() - before.changed_at).total_seconds() / 86_400 if before is not None else 0.0
    person = f"{theirs.get('first_name', '')} {theirs.get('last_name', '')}"
    chat = chats.chat_for(
        session,
        int(theirs["id"]),
        kind=kind,
        name=one_line(person if kind == ChatKind.PRIVATE else theirs.get("title", "")),
        username=one_line(theirs.get("username", "")),
        # Afterwards it is what the person chose with /idioma.
        language=str(sender.get("language_code") or "es") if before is None else "",
        known=before,
    )
    if kind == ChatKind.GROUP:
        chat.is_forum = bool(theirs.get("is_forum"))
    elif chat.blocked_at is not None and "my_chat_member" not in update:
        chat_outbox.mark_reachable(session, chat.id)
    return days, chat


def _note_membership(session: Session, office: Office, chat: Chat, change: Json) -> None:
    """Blocked, thrown out, or let in again."""
    status = (change.get("new_chat_member") or {}).get("status")
    if status in ("kicked", "left"):
        chat.blocked_at = chat.blocked_at or now()
        chat_links.lose_group(session, office, chat)
    else:
        chat_outbox.mark_reachable(session, chat.id)


def _is_for_group(given: Input) -> bool:
    """In a group the bot speaks only when it is asked to bind it."""
    return given.kind == Kind.COMMAND and given.command == "start" and bool(given.argument)


def _serve(
    session: Session,
    office: Office,
    bot: BotIdentity,
    chat: Chat,
    given: Input,
    rows: Sequence[ChatUpdate],
    days: float,
) -> None:
    """Decide, do, remember and answer."""
    # Nothing asked here is changed by what is written so far.
    with session.no_autoflush:
        facts = facts_for(session, office, chat, given, days)
    step = next_step(chat.state, chat.data, given, facts)
    case: Case | None = None
    values: dict[str, str] = {}
    try:
        # What asks or tells only needs nothing that could be undone apart.
        with session.begin_nested() if step.acts else nullcontext():
            for each in step.acts:
                done = act(session, office, bot, chat, each, given)
                case, values = done.case or case, {**values, **done.values}
                if done.has_answered:
                    step = replace(step, replies=tuple(r for r in step.replies if r.name != "added"))
    except DeskError as refusal:
        step = _refused(settled(chat.state, chat.data, given, facts), str(refusal))
    # What its clerks are about to answer is no part of this conversation.
    apart = {"staff": chat.data["staff"]} if "staff" in chat.data else {}
    chat.state, chat.data = step.state, {**step.data, **apart}
    # All of it is written at once, at the end.
    with session.no_autoflush:
        answer(session, office, chat.id, step.state, step.replies, chat=chat, values=values)
        chat_spool.settle(rows, case)


def _refused(here: Situation, words: str) -> Step:
    """The desk says no: nothing was changed, and the same question is open."""
    asked = question(here.state, here.data, here.facts)
    lead = Reply("refused", {"words": words}, HOME if here.state == State.IDLE else ())
    return Step(here.state, here.data, (lead,) if here.state == State.IDLE else (lead, asked))
