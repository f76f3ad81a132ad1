"""Who is behind a chat: a contact by proven e-mail, a servidor público by the panel, a dependencia's group.

A link is told where only the right one reads it (a mailbox, the panel) and spent in the chat. Merging
moves the chat's cases to the contact of the e-mail; `unlink` gives back those that the chat opened.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import ColumnElement, delete, func, or_, select
from sqlalchemy.orm import Session

from intake import notices
from intake.addresses import is_address, normalise_address
from intake.chat.chats import contact_of
from intake.citizens.one_time_links import download_link as download_link
from intake.citizens.one_time_links import mint as mint
from intake.citizens.one_time_links import peek as peek
from intake.citizens.one_time_links import spend as spend
from intake.citizens.one_time_links import upload_link as upload_link
from intake.contacts import find_person
from intake.correspondence import is_answerable
from intake.errors import InvalidInput, Refused
from intake.incoming import Channel
from intake.matching import end_of_merges
from intake.office import Office
from models.base import now
from models.case import Case, lock
from models.chat import Chat, ChatKind, ChatMessage, ChatUpdate, LinkPurpose, OneTimeLink, UpdateStatus
from models.contact import Address, AddressKind, Contact
from models.dependencia import Dependencia
from models.event import record
from models.message import Direction, Message
from models.person import Account, Person, Role

# A mail may be late; a code on the screen is used at once.
_MAILED, _SHOWN = timedelta(hours=2), timedelta(minutes=15)
_HOUR = timedelta(hours=1)
_PER_CHAT, _PER_ADDRESS = 5, 3


def ask_email_link(session: Session, office: Office, chat: Chat, email: str, bot_username: str) -> None:
    """Mail a link to *email* that, opened in this chat, proves that both are of one person.

    Says and does the same whether the address is known here or not. Raises InvalidInput for what is no
    address, Refused when this chat asked too often.
    """
    if chat.kind != ChatKind.PRIVATE:
        raise InvalidInput("only_private_chat")
    address = normalise_address(email)
    if not is_address(address):
        raise InvalidInput("bad_address", address=email.strip()[:80])
    if _count(session, OneTimeLink.chat_id == chat.id) >= _PER_CHAT:
        raise Refused("link_too_often")
    flooded = _count(session, OneTimeLink.address == address) >= _PER_ADDRESS
    token = mint(session, LinkPurpose.CONTACT, lifetime=_MAILED, address=address, chat_id=chat.id)
    # Whoever asks must not learn from us that somebody else asked for this mailbox.
    if not flooded and is_answerable(session, address):
        notices.write_link(session, office, address, bot_link(bot_username, token), chat.name, chat.language)


def _count(session: Session, which: ColumnElement[bool]) -> int:
    recent = select(func.count()).select_from(OneTimeLink).where(
        OneTimeLink.purpose == LinkPurpose.CONTACT, OneTimeLink.created_at > now() - _HOUR, which
    )  # fmt: skip
    return session.scalar(recent) or 0


def bot_link(bot_username: str, token: str, *, group: bool = False) -> str:
    """The deep link that says `/start TOKEN` to the bot, in private or in a group to be chosen."""
    return f"https://t.me/{bot_username}?{'startgroup' if group else 'start'}={token}"


def link_contact(session: Session, office: Office, chat: Chat, link: OneTimeLink) -> Contact:
    """Make the chat one of the contact that has the link's e-mail; that contact gets its cases.

    Raises Refused, and then the caller rolls back, which gives the link back.
    """
    if chat.kind != ChatKind.PRIVATE:
        raise Refused("only_private_chat")
    if link.chat_id not in (0, chat.id):
        raise Refused("link_of_other_chat")
    own = contact_of(session, chat)
    email = session.scalar(
        select(Address).where(Address.kind == AddressKind.EMAIL, Address.value == link.address)
    )
    # Two chats that merge into one contact wait for each other, always in the same order.
    ids = {own.id, email.contact_id} if email is not None else {own.id}
    locked = select(Contact).where(Contact.id.in_(ids)).order_by(Contact.id)
    session.scalars(locked.with_for_update().execution_options(populate_existing=True)).all()
    known = email.contact if email is not None else own
    _check(session, own, known, link.address)
    if email is None:
        email = Address(contact_id=own.id, kind=AddressKind.EMAIL, value=link.address)
        session.add(email)
    elif known.id != own.id:
        _merge(session, own, known, link.address)
    chat.contact, chat.contact_id = known, known.id
    email.verified_at = now()
    for address in session.scalars(
        select(Address).where(Address.kind == AddressKind.TELEGRAM, Address.value == str(chat.id))
    ):
        address.verified_at, address.failed_at, address.failure = now(), None, ""
    session.flush()
    session.expire(known, ["addresses"])
    record(session, None, "chat_linked", actor="requester", data={"contact": known.id, "chat": chat.id})
    return known


def _check(session: Session, own: Contact, known: Contact, address: str) -> None:
    """Blocked stays blocked, staff is linked by the panel only, and one chat is of one person."""
    if own.blocked_at is not None or known.blocked_at is not None:
        raise Refused("contact_blocked")
    if own.person_id is not None or known.person_id is not None or find_person(session, address) is not None:
        raise Refused("link_is_staff")
    if known.id != own.id and any(a.kind == AddressKind.EMAIL for a in own.addresses):
        raise Refused("chat_already_linked")
    if known.id == own.id and any(
        a.kind == AddressKind.EMAIL and a.value != address for a in own.addresses
    ):  # fmt: skip
        raise Refused("chat_already_linked")


def _merge(session: Session, own: Contact, known: Contact, address: str) -> None:
    """All that *own*, a contact known only from chat, has becomes of *known*."""
    _give_cases(session, own, known, "requester_linked", {"contact": known.name, "address": address})
    for one in list(own.addresses):
        one.contact, one.contact_id = known, known.id
    for chat in session.scalars(select(Chat).where(Chat.contact_id == own.id)):
        chat.contact, chat.contact_id = known, known.id
    for link in session.scalars(select(OneTimeLink).where(OneTimeLink.contact_id == own.id)):
        link.contact_id = known.id
    session.flush()
    # Its rows moved in the database; its collection must not take them along.
    session.expire(own, ["addresses"])
    session.delete(own)
    session.flush()


def _give_cases(
    session: Session, giver: Contact, taker: Contact, action: str, data: dict[str, str],
    only: set[int] | None = None,
) -> None:  # fmt: skip
    """The cases of *giver* (*only* those) become the taker's, with an event on each."""
    wanted = select(Case).where(Case.requester_id == giver.id).order_by(Case.id)
    for case in session.scalars(wanted).all():
        if only is None or case.id in only:
            lock(session, case)
            case.requester, case.requester_id = taker, taker.id
            record(session, case, action, actor="requester", data=data)


def unlink(session: Session, office: Office, chat: Chat) -> None:
    """Forget who is behind the chat, and its conversation. What it opened itself stays its own."""
    if chat.kind != ChatKind.PRIVATE:
        raise InvalidInput("only_private_chat")
    linked = chat.contact
    if linked is not None and any(address.kind == AddressKind.EMAIL for address in linked.addresses):
        opened = _opened_in(session, chat)
        own = Contact(name=chat.name or str(chat.id), language=chat.language)
        # A clerk's block is of the person, who must not shed it so.
        own.blocked_at = linked.blocked_at
        session.add(own)
        session.flush()
        for address in linked.addresses:
            if address.kind == AddressKind.TELEGRAM and address.value == str(chat.id):
                address.contact, address.contact_id, address.verified_at = own, own.id, None
        _give_cases(session, linked, own, "requester_unlinked", {"contact": own.name}, only=opened)
        chat.contact, chat.contact_id = own, own.id
        session.flush()
        session.expire(linked, ["addresses"])
        data = {"contact": linked.id, "chat": chat.id}
        record(session, None, "chat_unlinked", actor="requester", data=data)
    if chat.person_id is not None:
        record(session, None, "person_unlinked", data={"person": chat.person_id, "chat": chat.id})
        chat.person = chat.person_id = None
    chat.state, chat.data = "idle", {}
    session.execute(
        delete(ChatUpdate).where(
            ChatUpdate.chat_id == chat.id,
            or_(ChatUpdate.status == UpdateStatus.PROCESSED, ChatUpdate.status == UpdateStatus.IGNORED),
        )
    )


def _opened_in(session: Session, chat: Chat) -> set[int]:
    """The cases whose first message was written in this chat."""
    first = select(func.min(Message.id)).where(Message.direction == Direction.IN).group_by(Message.case_id)
    here = (
        select(Message.case_id)
        .join(ChatMessage, ChatMessage.message_id == Message.id)
        .where(ChatMessage.chat_id == chat.id, Message.channel == Channel.TELEGRAM,
               Message.case_id.in_(select(Case.id).where(Case.requester_id == chat.contact_id)))
    )  # fmt: skip
    candidates = set(session.scalars(here))
    firsts = first.where(Message.case_id.in_(candidates)).subquery()
    opened = select(Message.case_id).join(firsts, firsts.c[0] == Message.id)
    own = opened.where(Message.sender_address == str(chat.id))
    return {end_of_merges(session, session.get_one(Case, case_id)).id for case_id in session.scalars(own)}


def contact_token(session: Session, address: str) -> str:
    """For the portal, where somebody who proved *address* links a chat of their own."""
    return mint(session, LinkPurpose.CONTACT, lifetime=_SHOWN, address=address)


def person_token(session: Session, person: Person) -> str:
    """For the panel, where somebody who is logged in links a chat of their own."""
    return mint(session, LinkPurpose.PERSON, lifetime=_SHOWN, person_id=person.id)


def link_person(session: Session, office: Office, chat: Chat, link: OneTimeLink) -> Person:
    """The private chat is that of the servidor público who took the link from the panel."""
    if chat.kind != ChatKind.PRIVATE:
        raise Refused("only_private_chat")
    person = session.get(Person, link.person_id) if link.person_id else None
    if person is None or not person.is_active:
        raise Refused("link_spent")
    chat.person, chat.person_id = person, person.id
    record(session, None, "person_linked", data={"person": person.id, "chat": chat.id})
    return person


def unlink_person(session: Session, chat_id: int, person: Person) -> None:
    """*person* takes back, in the panel, that this chat is theirs."""
    chat = session.get(Chat, chat_id, with_for_update=True)
    if chat is not None and chat.person_id == person.id:
        chat.person = chat.person_id = None
        record(session, None, "person_unlinked", data={"person": person.id, "chat": chat.id})


def group_token(session: Session, dependencia: Dependencia, by: Account) -> str:
    """For the panel, where an administrator or a head over *dependencia* binds a group to it."""
    _must_head(dependencia, by)
    return mint(session, LinkPurpose.GROUP, lifetime=_SHOWN, dependencia_id=dependencia.id)


def _must_head(dependencia: Dependencia, by: Account) -> None:
    is_head = by.role == Role.HEAD and dependencia.path.startswith(by.dependencia.path)
    if not by.is_active or not (is_head or by.role == Role.ADMINISTRATOR):
        raise InvalidInput("not_yours")


def link_group(session: Session, office: Office, chat: Chat, link: OneTimeLink) -> Dependencia:
    """New cases of the link's dependencia appear in this group from now on, and in no other."""
    if chat.kind != ChatKind.GROUP:
        raise Refused("only_group")
    number = link.dependencia_id if link.purpose == LinkPurpose.GROUP else None
    dependencia = session.get(Dependencia, number, with_for_update=True) if number else None
    if dependencia is None or not dependencia.is_active:
        raise Refused("link_spent")
    bound = select(Chat).where(Chat.dependencia_id == dependencia.id, Chat.id != chat.id)
    for other in session.scalars(bound):
        other.dependencia = other.dependencia_id = None
    session.flush()
    chat.dependencia, chat.dependencia_id, chat.blocked_at = dependencia, dependencia.id, None
    record(session, None, "group_linked", data={"dependencia": dependencia.name, "chat": chat.id})
    return dependencia


def lose_group(session: Session, office: Office, chat: Chat) -> None:
    """The group threw the bot out: it is bound no more, and the heads of its dependencia are told."""
    dependencia = chat.dependencia
    if dependencia is None:
        return
    chat.dependencia = chat.dependencia_id = None
    record(session, None, "group_lost", data={"dependencia": dependencia.name, "chat": chat.id})
    notices.write_group_lost(session, office, dependencia, chat.name)


def unlink_group(session: Session, dependencia: Dependencia, by: Account) -> None:
    """The group hears no more of the dependencia's cases."""
    _must_head(dependencia, by)
    for chat in session.scalars(select(Chat).where(Chat.dependencia_id == dependencia.id).with_for_update()):
        chat.dependencia = chat.dependencia_id = None
        record(session, None, "group_unlinked", account=by,
               data={"dependencia": dependencia.name, "chat": chat.id})  # fmt: skip
