"""What a servidor público may do from chat: the verbs of the desk, by the account of theirs that may.

Who acts is known by Telegram's id of the sender, which is also that of their private chat. Whether they
are still there, and how they stand to the case, is asked each time; a chat lends nobody any right.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from intake import cases, turnos
from intake.chat import chat_files, chats
from intake.chat.chat_files import KeptFile
from intake.correspondence import way_to
from intake.counter import answers
from intake.errors import InvalidInput
from intake.incoming import Channel
from intake.matching import end_of_merges
from intake.office import Office
from models.access import standing
from models.case import Case, CaseAccess, lock
from models.chat import Chat, ChatKind, ChatMessage, ChatTopic
from models.dependencia import Dependencia
from models.message import Direction, Message
from models.outbox_message import OutboxMessage
from models.person import Account, Person, Role
from models.workflow import NotAllowed, Who, allowed_actions, find_transition

# Notices that only the office's own people get.
STAFF_NOTICES = frozenset(
    {"assigned", "copied", "returned", "overdue", "follow_up", "new_case", "staff_reply", "staff_change"}
)
# Of several accounts the one that stands nearest to the case acts.
_NEAREST = (
    Who.HOLDER, Who.COLLEAGUE, Who.HEAD, Who.OFICIALIA, Who.AUTHOR, Who.RECIPIENT, Who.SIGNER,
    Who.DIGITIZER, Who.READER,
)  # fmt: skip
_ATTENDING = (Role.HEAD, Role.WORKER)


def linked_person(session: Session, user_id: int) -> Person | None:
    """Who proved to be the one behind this Telegram account, whether still there or not."""
    chat = session.get(Chat, user_id)
    return chat.person if chat is not None and chat.kind == ChatKind.PRIVATE else None


def accounts_of(session: Session, person: Person) -> Sequence[Account]:
    """The accounts in which *person* may act today; none for who has left."""
    if not person.is_active:
        return ()
    own = select(Account).where(Account.person_id == person.id, Account.is_active)
    return session.scalars(own.order_by(Account.id)).all()


def possible(session: Session, case: Case, person: Person) -> tuple[bool, frozenset[str]]:
    """Whether *person* may read *case*, and the actions that one of their accounts may take now."""
    stands = [standing(session, case, account) for account in accounts_of(session, person)]
    rows = [row.action for who in stands for row in allowed_actions(case, who)]
    return any(stands), frozenset(rows)


def account_for(session: Session, case: Case, person: Person, action: str) -> Account:
    """The account of *person* that may do *action* now. Raises NotAllowed, InvalidInput for strangers."""
    stands = [(account, standing(session, case, account)) for account in accounts_of(session, person)]
    if not any(who for _, who in stands):
        raise InvalidInput("not_yours")
    able = [(account, who) for account, who in stands if find_transition(case, action, who)]
    if not able:
        raise NotAllowed(action, case.state)
    return min(able, key=lambda each: _distance(each[1]))[0]


def _distance(who: set[Who]) -> int:
    return min((_NEAREST.index(each) for each in who if each in _NEAREST), default=len(_NEAREST))


# Which case it is about.


def case_of_message(session: Session, chat: Chat, remote_id: int, words: str = "") -> Case | None:
    """The case that a message in *chat*, which says *words*, is about."""
    found = session.get(ChatMessage, (chat.id, remote_id))
    if found is None:
        notice = chats.on_its_way(session, chat, words) if words else None
        return _here(session, chat, notice.case) if notice is not None else None
    # A clerk may have split the message off into a case of its own.
    case_id = found.message.case_id if found.message is not None else found.case_id
    return _here(session, chat, session.get(Case, case_id))


def case_of_topic(session: Session, chat: Chat, topic_id: int) -> Case | None:
    """The case whose topic this is."""
    case_id = session.scalar(
        select(ChatTopic.case_id).where(ChatTopic.chat_id == chat.id, ChatTopic.topic_id == topic_id)
    )
    return _here(session, chat, session.get(Case, case_id)) if case_id is not None else None


def case_here(session: Session, chat: Chat, case_id: int) -> Case | None:
    """The case that a button in *chat* names."""
    return _here(session, chat, session.get(Case, case_id))


def _here(session: Session, chat: Chat, case: Case | None) -> Case | None:
    """Where the matter goes on; in a group only what was given to the dependencia that bound it."""
    if case is None:
        return None
    case = end_of_merges(session, case)
    if chat.kind == ChatKind.PRIVATE:
        return case
    given = select(CaseAccess.id).where(
        CaseAccess.case_id == case.id, CaseAccess.dependencia_id == chat.dependencia_id
    )
    return case if session.scalar(given.limit(1)) is not None else None


def is_for_staff(session: Session, chat: Chat, remote_id: int, words: str = "") -> bool:
    """Whether this message was told to, or written by, somebody as one of the office's people.

    *words*: what it says.
    """
    found = session.get(ChatMessage, (chat.id, remote_id))
    if found is None:
        notice = chats.on_its_way(session, chat, words) if words else None
        return notice is not None and notice.kind in STAFF_NOTICES
    if found.outbox_id is not None:
        notice = session.get(OutboxMessage, found.outbox_id)
        return notice is not None and notice.kind in STAFF_NOTICES
    return found.message is not None and found.message.direction != Direction.IN


def pending(session: Session, person: Person, chat: Chat, *, limit: int = 50) -> list[Case]:
    """Open cases that *person* holds, or that wait for anybody in a dependencia of theirs; due ones first."""
    accounts = accounts_of(session, person)
    places = [account.dependencia_id for account in accounts if account.role in _ATTENDING]
    wanted = select(Case).where(
        Case.is_open,
        or_(
            Case.holder_id.in_([account.id for account in accounts]),
            and_(Case.holder_id.is_(None), Case.dependencia_id.in_(places)),
        ),
    )
    if chat.kind == ChatKind.GROUP:
        given = select(CaseAccess.case_id).where(CaseAccess.dependencia_id == chat.dependencia_id)
        wanted = wanted.where(Case.id.in_(given))
    order = (Case.due_at.is_(None), Case.due_at, Case.last_activity_at.desc(), Case.id)
    return list(session.scalars(wanted.order_by(*order).limit(limit)))


def colleagues(session: Session, case: Case) -> list[Account]:
    """Who else attends in the dependencia of *case*."""
    wanted = (
        select(Account)
        .join(Person, Person.id == Account.person_id)
        .where(Account.dependencia_id == case.dependencia_id, Account.is_active, Person.is_active,
               Account.role.in_(_ATTENDING))
        .order_by(Person.name, Account.role.desc(), Account.id)
    )  # fmt: skip
    found: dict[int, Account] = {}
    for account in session.scalars(wanted):
        # One who is head and worker is one colleague.
        found.setdefault(account.person_id, account)
    holder = case.holder.person_id if case.holder else 0
    return [account for account in found.values() if account.person_id != holder]


def dependencias(session: Session, case: Case) -> Sequence[Dependencia]:
    """The others to which *case* may be handed."""
    wanted = select(Dependencia).where(Dependencia.is_active, Dependencia.id != (case.dependencia_id or 0))
    return session.scalars(wanted.order_by(Dependencia.name, Dependencia.id)).all()


# What is done. `chat` is where it is done: its group hears it from the bot itself.


def answer(
    session: Session,
    office: Office,
    person: Person,
    chat: Chat,
    case: Case,
    *,
    text: str,
    files: Sequence[KeptFile],
    then: str,
    remote_ids: Sequence[int],
) -> Message:
    """Answer the requester by the way they used last, in the name of *person*."""
    lock(session, case)
    by = account_for(session, case, person, then)
    channel, to = way_to(session, case)
    message = answers.answer(
        session, office, case, by, text=text, to=[to] if to and channel == Channel.EMAIL else [],
        files=[chat_files.incoming(session, office, file) for file in files], then=then, channel=channel,
        told=chat.id,
    )  # fmt: skip
    chats.remember(session, chat.id, remote_ids, case, message)
    return message


def add_note(
    session: Session,
    office: Office,
    person: Person,
    chat: Chat,
    case: Case,
    *,
    text: str,
    files: Sequence[KeptFile],
    remote_ids: Sequence[int],
) -> Message:
    """Keep it in the case as a note of *person*."""
    lock(session, case)
    by = account_for(session, case, person, "note")
    kept = [chat_files.incoming(session, office, file) for file in files]
    message = cases.add_note(session, office, case, by, text=text, files=kept)
    chats.remember(session, chat.id, remote_ids, case, message)
    return message


def take(session: Session, office: Office, person: Person, chat: Chat, case: Case) -> None:
    """*person* attends it from now on."""
    lock(session, case)
    cases.take(session, office, case, account_for(session, case, person, "take"), told=chat.id)


def hand_on(
    session: Session, office: Office, person: Person, chat: Chat, case: Case, target: Account | Dependencia
) -> None:
    """Turn it to a colleague or to another dependencia."""
    lock(session, case)
    by = account_for(session, case, person, "assign")
    account = target if isinstance(target, Account) else None
    dependencia = target.dependencia if isinstance(target, Account) else target
    turnos.assign(session, office, case, by, dependencia=dependencia, account=account, told=chat.id)
