"""Entering the portal: an account for a proven e-mail, a link instead of a password, a new password.

All of it goes by one-time links to the mailbox. Whoever asks gets the same answer whether the address is
known or not, and a mailbox gets few such mails; opening a link spends nothing, its button does.
"""

from __future__ import annotations

import uuid
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from intake.addresses import is_address, normalise_address
from intake.citizens.one_time_links import mint, spend
from intake.contacts import contact_for
from intake.correspondence import Thread, is_answerable, unbound_letterhead, write_mail
from intake.errors import InvalidInput, Refused
from intake.notices import GENERATED
from intake.office import Office
from intake.wording import speaking
from models.base import now
from models.chat import LinkPurpose, OneTimeLink
from models.contact import Address, AddressKind, Contact
from models.event import record
from models.outbox_message import OutboxMessage
from models.user import User
from templates import LANGUAGES

MIN_PASSWORD, MAX_PASSWORD, MAX_NAME = 10, 200, 120
_LIFETIME = {
    LinkPurpose.SIGN_UP: timedelta(hours=24),
    LinkPurpose.SIGN_IN: timedelta(minutes=30),
    LinkPurpose.RESET: timedelta(hours=2),
}
_PATHS = {
    LinkPurpose.SIGN_UP: "crear-cuenta",
    LinkPurpose.SIGN_IN: "entrar/enlace",
    LinkPurpose.RESET: "recuperar",
}
_HOUR, _PER_HOUR = timedelta(hours=1), 3


def ask_link(session: Session, office: Office, email: str, wanted: LinkPurpose, code: str) -> None:
    """Mail to *email* what leads to *wanted*, or to what makes sense for whoever has that address.

    Raises InvalidInput for what is no address, and says nothing else about it.
    """
    address = normalise_address(email)
    if not is_address(address):
        raise InvalidInput("bad_address", address=email.strip()[:80])
    recent = select(func.count()).select_from(OneTimeLink).where(
        OneTimeLink.address == address, OneTimeLink.purpose.in_(_LIFETIME),
        OneTimeLink.created_at > now() - _HOUR,
    )  # fmt: skip
    flooded = (session.scalar(recent) or 0) >= _PER_HOUR
    user = user_of(session, address)
    purpose = _purpose(wanted, user)
    if purpose is None or flooded or not is_answerable(session, address):
        return
    token = mint(session, purpose, lifetime=_LIFETIME[purpose], address=address)
    code = user.language if user is not None else code
    kind = "portal_known" if wanted == LinkPurpose.SIGN_UP and user is not None else f"portal_{purpose}"
    link = f"{office.settings.base_url.rstrip('/')}/{_PATHS[purpose]}/{token}"
    _write(session, office, kind, address, link, code)


def _purpose(wanted: LinkPurpose, user: User | None) -> LinkPurpose | None:
    """What link is sent, if any."""
    if user is None:
        # Somebody who forgot that there is no account yet; of a password there is nothing to reset.
        return None if wanted == LinkPurpose.RESET else LinkPurpose.SIGN_UP
    if not user.active:
        return None
    # A mailbox alone is not enough to act as a servidor público without a password.
    return LinkPurpose.RESET if user.person_id is not None else _known(wanted)


def _known(wanted: LinkPurpose) -> LinkPurpose:
    return LinkPurpose.SIGN_IN if wanted == LinkPurpose.SIGN_UP else wanted


def user_of(session: Session, address: str) -> User | None:
    """The login with this e-mail, or of the contact that proved to have it."""
    user = session.scalar(select(User).where(User.email == address))
    if user is not None:
        return user
    proven = select(Address.contact_id).where(
        Address.kind == AddressKind.EMAIL, Address.value == address, Address.verified_at.is_not(None)
    )
    return session.scalar(select(User).where(User.contact_id.in_(proven)))


def open_account(
    session: Session, office: Office, token: str, *, name: str, password_hash: str | None, code: str
) -> User:
    """Spend the link from the mailbox: the requester has an account, and all they ever sent from there."""
    name = " ".join(name.split())
    if not 0 < len(name) <= MAX_NAME:
        raise InvalidInput("portal_name")
    link = spend(session, token, LinkPurpose.SIGN_UP)
    if link is None or user_of(session, link.address) is not None:
        raise Refused("link_spent")
    contact = contact_for(session, AddressKind.EMAIL, link.address, name)
    if contact.person_id is None:
        contact.name = name
    contact.language = code if code in LANGUAGES else "es"
    session.flush()
    # A clerk wrote this address down for somebody who has an account: it is theirs, not of whoever reads it.
    if session.scalar(select(User.id).where(User.contact_id == contact.id)) is not None:
        raise Refused("link_spent")
    _prove(contact, link.address)
    user = User(
        email=link.address, password=password_hash, fs_uniquifier=uuid.uuid4().hex, confirmed_at=now(),
        language=contact.language, contact_id=contact.id, active=True,
    )  # fmt: skip
    session.add(user)
    session.flush()
    record(session, None, "portal_opened", actor="requester", data={"contact": contact.id})
    return user


def _prove(contact: Contact, address: str) -> None:
    for one in contact.addresses:
        if one.value == address:
            one.verified_at, one.failed_at, one.failure = one.verified_at or now(), None, ""


def enter_by_link(session: Session, token: str) -> User:
    """Spend a link of entry."""
    return _spend_for_user(session, token, LinkPurpose.SIGN_IN)


def reset_password(session: Session, token: str, password_hash: str) -> User:
    """Spend a link for a new password; every other session of that login ends."""
    user = _spend_for_user(session, token, LinkPurpose.RESET)
    set_password(session, user, password_hash)
    return user


def set_password(session: Session, user: User, password_hash: str) -> None:
    """Another password, also for whoever stole the old one: all sessions end."""
    user.password, user.fs_uniquifier = password_hash, uuid.uuid4().hex
    record(session, None, "password_changed", actor="requester" if user.contact_id else "",
           data={"user": user.id})  # fmt: skip


def _spend_for_user(session: Session, token: str, purpose: LinkPurpose) -> User:
    link = spend(session, token, purpose)
    user = user_of(session, link.address) if link is not None else None
    if user is None or not user.active:
        raise Refused("link_spent")
    return user


def check_password(password: str) -> None:
    """Raises InvalidInput for one that is too short, or so long that hashing it is work."""
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise InvalidInput("portal_password", shortest=MIN_PASSWORD, longest=MAX_PASSWORD)


def contact_of(session: Session, user: User) -> Contact:
    """Who asks when *user* does: a requester, or a servidor público with the e-mail of the directory."""
    if user.contact is not None:
        return user.contact
    contact = session.scalar(select(Contact).where(Contact.person_id == user.person_id).order_by(Contact.id))
    if contact is None:
        contact = contact_for(session, AddressKind.EMAIL, user.email, user.person.name if user.person else "")
        session.flush()
    return contact


def _write(session: Session, office: Office, kind: str, to: str, link: str, code: str) -> OutboxMessage:
    head = unbound_letterhead(session, office)
    with speaking(code):
        values = {"institution": office.settings.institution, "link": link, "kind": kind}
        return write_mail(session, office, kind, [to], values, head, Thread(), None, GENERATED)
