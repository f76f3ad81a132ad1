"""What the desk knows when something comes: the chat's cases, the services, what words and links mean."""

from __future__ import annotations

import re

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from bots.dialog_questions import letters
from bots.dialog_terms import CaseFact, Facts, FieldFact, Input, Kind, ProposalFact, ServiceFact
from intake.chat import chat_links, chats
from intake.matching import end_of_merges
from intake.office import Office
from intake.reply_address import case_link
from intake.wording import plain_name
from models.case import Case
from models.chat import Chat, ChatKind
from models.contact import Address, AddressKind
from models.message import Direction, Message
from models.service import Service
from models.service_field import ServiceField
from models.workflow import State, Who, allowed_actions
from templates import say

# As many as anybody pages through in a chat; the portal has them all.
_CASES = 40
_FOLIO = re.compile(r"([A-Za-z]{1,8})-(\d{4})-(\d{1,9})")
# Rows of the workflow table that a requester may use here, and what the dialog calls them.
_ACTIONS = {"close": "close", "reopen": "reopen", "cancel": "withdraw"}
# Built once, and without the objects that nobody changes here.
_SERVICES = (
    select(Service.id, Service.name, Service.classification, Service.asks_location)
    .where(Service.is_active)
    .order_by(Service.position, Service.id)
)
_FIELDS = (
    select(ServiceField.service_id, ServiceField.id, ServiceField.label, ServiceField.help,
           ServiceField.kind, ServiceField.choices, ServiceField.is_required)
    .where(ServiceField.is_active)
    .order_by(ServiceField.position, ServiceField.id)
)  # fmt: skip
_MAILS = (
    select(Address.id)
    .where(Address.contact_id == bindparam("contact"), Address.kind == AddressKind.EMAIL)
    .limit(1)
)
_RATABLE = frozenset({State.RESOLVED, State.CLOSED, State.CONCLUDED})


def facts_for(session: Session, office: Office, chat: Chat, given: Input, days: float) -> Facts:
    """The facts that *given* may be decided by."""
    if chat.kind == ChatKind.GROUP:
        return Facts(link=_link(session, given), is_group=True)
    words = _words_to_propose(chat, given)
    case = _case(session, chat, given)
    return Facts(
        services=_services(session),
        cases=tuple(_fact(office, each) for each in chats.cases_of(session, chat, limit=_CASES)),
        case=_fact(office, case, _last_answer(session, case)) if case is not None else None,
        proposal=_proposal(session, words) if words else None,
        link=_link(session, given),
        is_linked=_is_linked(session, chat),
        is_staff=chat.person is not None and chat.person.is_active,
        days_silent=days,
        is_greeting=letters(given.text) in {letters(each) for each in say("chat.typed.greetings").split(",")},
        name=plain_name(chat.name, ""),
        institution=office.settings.institution,
    )


def _services(session: Session) -> tuple[ServiceFact, ...]:
    asked: dict[int, list[FieldFact]] = {}
    for service_id, number, label, words, kind, choices, is_required in session.execute(_FIELDS):
        fact = FieldFact(number, label, words, kind, tuple(choices), is_required)
        asked.setdefault(service_id, []).append(fact)
    return tuple(ServiceFact(*row, fields=tuple(asked.get(row[0], ()))) for row in session.execute(_SERVICES))


def _is_linked(session: Session, chat: Chat) -> bool:
    if chat.contact_id is None:
        return False
    return session.scalar(_MAILS, {"contact": chat.contact_id}) is not None


def _words_to_propose(chat: Chat, given: Input) -> str:
    if given.kind in (Kind.CONTENT, Kind.EDIT):
        return "" if given.is_place else given.text
    if given.kind == Kind.COMMAND:
        return given.argument if given.command != "start" else ""
    # A tap may make a request of what was sent before.
    waiting = chat.data.get("content")
    texts = waiting.get("texts", ()) if isinstance(waiting, dict) else ()
    return "\n\n".join(str(part["text"]) for part in texts)


def _proposal(session: Session, words: str) -> ProposalFact:
    found = chats.propose(session, words)
    return ProposalFact(found.service.id if found.service else None, found.subject)


def _link(session: Session, given: Input) -> str:
    if given.kind != Kind.COMMAND or given.command != "start" or not given.argument:
        return ""
    found = chat_links.peek(session, given.argument)
    return str(found.purpose) if found is not None else ""


def _case(session: Session, chat: Chat, given: Input) -> Case | None:
    """The chat's own case that *given* names."""
    found: Case | None = None
    if given.kind == Kind.TAP:
        number = _number(given.tap)
        found = session.get(Case, number) if number else None
        found = end_of_merges(session, found) if found is not None else None
    elif given.kind == Kind.EDIT and given.remote_ids:
        found = chats.case_of_message(session, chat.id, given.remote_ids[0])
    elif given.replied_to:
        found = chats.case_of_message(session, chat.id, given.replied_to, given.answered)
    elif match := _FOLIO.fullmatch((given.argument or given.text).strip()):
        # People leave out the zeros.
        found = chats.find_by_folio(session, chat, f"{match[1]}-{match[2]}-{int(match[3]):06d}")
    elif given.argument:
        found = chats.find_by_folio(session, chat, given.argument[:60])
    return found if found is not None and chats.is_own(chat, found) else None


def _number(tap: str) -> int:
    """The case that a button names: `case:ID:…`, `rate:ID:…`, `pick:KEY:ID`; 0: none."""
    parts = tap.split(":")
    at = {"case": 1, "rate": 1, "pick": 2}.get(parts[0], len(parts))
    value = parts[at] if at < len(parts) else ""
    return int(value) if value.isascii() and value.isdecimal() and len(value) < 19 else 0


def _fact(office: Office, case: Case, last_answer: str = "") -> CaseFact:
    actions = {
        _ACTIONS[row.action] for row in allowed_actions(case, {Who.REQUESTER}) if row.action in _ACTIONS
    }
    actions.add("complain")
    if case.state in _RATABLE:
        actions.add("rate")
    return CaseFact(
        id=case.id,
        folio=case.folio,
        subject=case.subject,
        state=say(f"panel.public.state.{case.state}"),
        is_open=case.is_open,
        is_resolved=case.state == State.RESOLVED,
        link=case_link(office, case.folio),
        attends=case.dependencia.name if case.dependencia else "",
        last_answer=last_answer,
        actions=frozenset(actions),
    )


def _last_answer(session: Session, case: Case) -> str:
    return (
        session.scalar(
            select(Message.reply_text)
            .where(Message.case_id == case.id, Message.direction == Direction.OUT)
            .order_by(Message.id.desc())
            .limit(1)
        )
        or ""
    )
