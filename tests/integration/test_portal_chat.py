"""*Mi perfil* without a contact, and the chat that is linked there and let go; complaints from a request."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from intake.chat import chat_links
from intake.chat.chat_spool import DOOR
from intake.config import Settings
from intake.office import Office
from models.base import now
from models.case import Case
from models.chat import Chat, LinkPurpose
from models.contact import Contact
from models.mailbox import Door
from tests.support.chats import ANA as CHAT
from tests.support.chats import enter_chat, own_cases
from tests.support.institution import Institution, found_institution
from tests.support.mails import make_mail
from tests.support.panel import Clerk, arrive, give_logins
from tests.support.portal import ANA, Visitor


@pytest.fixture(scope="module")
def office(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("portal")
    shutil.copy(migrated_sqlite, folder / "office.db")
    opened = Office.open(Settings(
        _env_file=None,
        database_url=f"sqlite:///{folder / 'office.db'}", store_url=f"file:{folder / 'files'}",
        outgoing_dir=folder / "outgoing", domain="example.gob.mx",
        secret_key=SecretStr("only for tests, and longer than thirty-two bytes"),
    ))  # fmt: skip
    yield opened
    opened.database.close()


@pytest.fixture(scope="module")
def town(office: Office) -> Institution:
    with office.database.writing() as session:
        town = found_institution(session)
        give_logins(session, town)
        session.add(Door(name=DOOR, known_as="OficialiaBot"))
    return town


@pytest.fixture(scope="module")
def ana(office: Office, town: Institution) -> Visitor:
    visitor = Visitor(office)
    visitor.create_account()
    return visitor


def open_link(office: Office, token: str) -> bool:
    """/start TOKEN in the chat; whether the link still worked."""
    enter_chat(office, CHAT)
    with office.database.writing() as session:
        link = chat_links.spend(session, token, LinkPurpose.CONTACT)
        if link is not None:
            chat_links.link_contact(session, office, session.get_one(Chat, CHAT), link)
    return link is not None


def test_a_chat_is_linked_from_the_profile_sees_the_own_requests_and_is_let_go(
    office: Office, ana: Visitor
) -> None:
    number = arrive(office, make_mail(f"Ana <{ANA}>", subject="No prende"))
    page = ana.post("/perfil/telegram", page="/perfil").text
    link = re.search(r"https://t\.me/OficialiaBot\?start=([\w-]{43})\b", page)
    assert link is not None
    assert open_link(office, link[1]) and not open_link(office, link[1]), "The link works once."
    with office.database.reading() as session:
        assert own_cases(office) == [session.get_one(Case, number).folio]
    assert "Desvincular" in ana.get("/perfil").text
    assert "Vincular" in ana.post("/perfil/desvincular", page="/perfil", chat=CHAT).text
    assert own_cases(office) == []
    with office.database.reading() as session:
        assert session.get_one(Chat, CHAT).contact_id not in session.scalars(
            select(Contact.id).where(Contact.addresses.any(value=ANA))).all()  # fmt: skip


def test_nobody_lets_go_the_chat_of_somebody_else(office: Office, town: Institution, ana: Visitor) -> None:
    page = ana.post("/perfil/telegram", page="/perfil").text
    token = re.search(r"start=([\w-]{43})", page)
    assert token is not None and open_link(office, token[1])
    other = Clerk(office, town.accounts["worker"])
    assert other.post("/perfil/desvincular", chat=CHAT).status_code == 404
    assert "Desvincular" in ana.get("/perfil").text


def test_the_page_of_a_request_offers_a_complaint_once_a_commitment_was_broken(
    office: Office, ana: Visitor
) -> None:
    number = arrive(office, make_mail(f"Ana <{ANA}>", subject="No hay red"))
    assert "/queja/" not in ana.get(f"/solicitudes/{number}").text
    with office.database.writing() as session:
        session.get_one(Case, number).due_at = now() - timedelta(days=1)
    link = re.search(r'href="(/queja/[^"]+)"', ana.get(f"/solicitudes/{number}").text)
    assert link is not None
    assert ana.get(link[1].replace("&amp;", "&")).status_code == 200


def test_a_servidor_publico_who_never_asked_is_told_what_is_wrong_with_the_profile(
    office: Office, town: Institution
) -> None:
    clerk = Clerk(office, town.accounts["head"])
    refused = clerk.post("/perfil", language="es")
    assert refused.status_code == 422 and "Mi perfil" in refused.text
