"""The first administrator: somebody must be able to log in before there is a panel to add people in."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.config import Settings
from intake.running.terminal import USAGE, Failed
from models.base import now
from models.dependencia import Dependencia
from models.event import record
from models.person import Account, Person, Role
from models.user import User

MIN_PASSWORD = 8


@dataclass(frozen=True)
class NewAdministrator:
    """What `oficialia init` was told."""

    email: str
    name: str
    password: str
    institution: str


def create_administrator(
    session: Session, wanted: NewAdministrator, *, hash_password: Callable[[str], str]
) -> Account:
    """Make the institution, if there is none yet, and an administrator in it. Raises Failed."""
    email = _checked_email(wanted.email)
    if not wanted.name.strip() or not wanted.institution.strip():
        raise Failed("no_name", USAGE)
    if len(wanted.password) < MIN_PASSWORD:
        raise Failed("short_password", USAGE, length=MIN_PASSWORD)
    if session.scalar(select(User.id).where(User.email == email)) is not None:
        raise Failed("email_taken", email=email)
    root = session.scalar(select(Dependencia).where(Dependencia.parent_id.is_(None)).order_by(Dependencia.id))
    root = root or _create_institution(session, wanted.institution.strip())
    person = Person(name=wanted.name.strip(), email=email, dependencia=root)
    account = create_login(session, person, hash_password(wanted.password), [(Role.ADMINISTRATOR, root)])
    record(session, None, "create_administrator", data={"email": email})
    return account


def create_login(
    session: Session, person: Person, password_hash: str, acts_as: list[tuple[Role, Dependencia]]
) -> Account:
    """Add *person* with an account for each of *acts_as* and one login for all; returns the first account."""
    accounts = [Account(person=person, dependencia=dependencia, role=role) for role, dependencia in acts_as]
    session.add_all([person, *accounts])
    session.flush()
    user = User(
        email=person.email, password=password_hash, fs_uniquifier=uuid.uuid4().hex, confirmed_at=now()
    )
    user.person, user.account = person, accounts[0]
    session.add(user)
    session.flush()
    return accounts[0]


def _checked_email(email: str) -> str:
    try:
        return validate_email(email, check_deliverability=False).normalized.lower()
    except EmailNotValidError as error:
        raise Failed("email", USAGE, email=email) from error


def _create_institution(session: Session, name: str) -> Dependencia:
    # Words of three letters or less are articles and prepositions: they give no initial.
    initials = "".join(word[0] for word in name.split() if len(word) > 3).upper()
    root = Dependencia(name=name, siglas=initials[:20] or name[:20].upper())
    session.add(root)
    session.flush()
    root.place()
    return root


def remember_institution(settings: Settings, name: str, file: Path = Path(".env")) -> bool:
    """Write the institution's name where the next start reads it, unless the settings have it already."""
    if "institution" in settings.model_fields_set or settings.institution == name:
        return False
    with file.open("a", encoding="utf-8") as env:
        env.write(f'OFICIALIA_INSTITUTION="{name}"\n')
    return True
