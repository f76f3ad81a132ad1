"""What the dialog decided, done with the verbs of the desk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from bots.dialog_terms import (
    Act,
    AskEmailLink,
    Close,
    Complain,
    FollowUp,
    Forget,
    Input,
    OpenLink,
    OpenRequest,
    Rate,
    Reopen,
    Revise,
    Speak,
    Withdraw,
)
from bots.identity import BotIdentity
from intake.chat import chat_links, chats
from intake.errors import Refused
from intake.office import Office
from models.case import Case
from models.chat import Chat, LinkPurpose, OneTimeLink
from models.service import Service
from templates import language

OnCase = Close | Reopen | Withdraw | Rate | Complain | FollowUp


@dataclass(frozen=True, slots=True)
class Done:
    """What came of an act: the case it was about, and what the replies may say of it."""

    case: Case | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    # The desk itself has told the person more than the reply would.
    has_answered: bool = False


def act(session: Session, office: Office, bot: BotIdentity, chat: Chat, what: Act, given: Input) -> Done:
    """Do *what*. Raises DeskError, and NotAllowed when somebody else was faster."""
    match what:
        case OpenRequest():
            service = session.get(Service, what.service_id) if what.service_id else None
            ticket = chats.open_request(
                session, office, chat, service=service, subject=what.subject, text=what.text,
                files=what.files, remote_ids=what.remote_ids, answers=dict(what.answers),
            )  # fmt: skip
            return Done(ticket)
        case Revise():
            message = chats.revise(session, office, chat, what.remote_id, what.text, what.files)
            return Done(message.case if message is not None else None)
        case AskEmailLink():
            chat_links.ask_email_link(session, office, chat, what.email, bot.username)
        case OpenLink():
            return Done(values=_open_link(session, office, chat, given.argument))
        case Forget():
            chat_links.unlink(session, office, chat)
        case Speak():
            chat.language = what.language
            if chat.contact is not None:
                chat.contact.language = what.language
            language.set(what.language)
        case _:
            return _act_on(session, office, chat, what)
    return Done()


def _act_on(session: Session, office: Office, chat: Chat, what: OnCase) -> Done:
    subject = session.get_one(Case, what.case_id)
    match what:
        case FollowUp():
            found, _ = chats.follow_up(
                session, office, chat, subject, text=what.text, files=what.files, remote_ids=what.remote_ids
            )
            # A new one, because the old one is closed too long: its acuse says so.
            return Done(found, has_answered=found.id != subject.id)
        case Close():
            chats.close(session, office, chat, subject)
        case Reopen():
            chats.reopen(session, office, chat, subject)
        case Withdraw():
            chats.cancel(session, office, chat, subject)
        case Rate():
            chats.rate(session, office, chat, subject, what.score, what.words)
        case Complain():
            ticket = chats.complain(session, office, chat, subject, what.text, what.files, what.remote_ids)
            return Done(ticket)
    return Done(subject)


def _open_link(session: Session, office: Office, chat: Chat, token: str) -> dict[str, str]:
    found = chat_links.peek(session, token)
    link = chat_links.spend(session, token, found.purpose) if found is not None else None
    if link is None:
        # Somebody else opened it at the same moment.
        raise Refused("link_spent")
    return _linked(session, office, chat, link)


def _linked(session: Session, office: Office, chat: Chat, link: OneTimeLink) -> dict[str, str]:
    if link.purpose == LinkPurpose.CONTACT:
        return {"name": chat_links.link_contact(session, office, chat, link).name}
    if link.purpose == LinkPurpose.PERSON:
        return {"name": chat_links.link_person(session, office, chat, link).name}
    return {"dependencia": chat_links.link_group(session, office, chat, link).name}
