"""Complaints by mail and portal: to whom the catalogue names, never to the one complained about, linked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from intake import cases, reply_address
from intake.citizens import complaints, ratings
from intake.config import Settings
from intake.office import Office
from models.access import standing
from models.base import now
from models.case import Case, CaseLink, LinkKind
from models.dependencia import Dependencia
from models.person import Account
from models.service import Service
from tests.support.desk import SUPPORT, arrive, notices
from tests.support.institution import Institution, found_institution
from tests.support.panel import Clerk, give_logins, panel_of

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def office(settings: Settings) -> Iterator[Office]:
    opened = Office.open(settings)
    yield opened
    opened.database.close()


@pytest.fixture
def town(office: Office) -> Institution:
    with office.database.writing() as session:
        town = found_institution(session)
        give_logins(session, town)
        return town


def mail(subject: str, to: str = SUPPORT, sender: str = "ana@correo.example") -> bytes:
    number = abs(hash((subject, to, sender)))
    return (
        f"From: Ana <{sender}>\r\nTo: {to}\r\nSubject: {subject}\r\nMessage-ID: <{number}@correo.example>\r\n"
        "\r\nNadie vino."
    ).encode()


def name_for_complaints(office: Office, town: Institution, dependencia: Dependencia) -> None:
    with office.database.writing() as session:
        session.get_one(Service, town.support.id).complaint_to_id = dependencia.id


def reply_to(office: Office, case_id: int) -> str:
    with office.database.reading() as session:
        return reply_address.sign(office, SUPPORT, session.get_one(Case, case_id).folio)


def complaint_about(session: Session, case_id: int) -> Case:
    link = session.scalars(select(CaseLink).where(CaseLink.other_id == case_id)).one()
    assert link.kind == LinkKind.COMPLAINT_OF
    return link.case


@pytest.mark.parametrize(
    ("named", "gets"), [("works", "works"), ("systems", "presidency"), ("presidency", "presidency")]
)
def test_a_complaint_by_mail_goes_to_whom_the_catalogue_names_or_one_above_who_is_complained_about(
    office: Office, town: Institution, named: str, gets: str
) -> None:
    name_for_complaints(office, town, getattr(town, named))
    case_id = arrive(office, mail("Impresora"))
    to = reply_to(office, case_id)
    made = arrive(office, mail("QUEJA: Re: Impresora", to=to), to=to)
    with office.database.reading() as session:
        complaint = complaint_about(session, case_id)
        assert complaint.id == made != case_id
        assert complaint.dependencia_id == getattr(town, gets).id
        assert complaint.requester_id == session.get_one(Case, case_id).requester_id
        accused = session.get_one(Account, town.accounts["head"].id)
        assert not standing(session, complaint, accused)
    assert notices(office, "acuse")[-1].to == ["ana@correo.example"]


def test_nobody_below_who_is_complained_about_gets_it_either(office: Office, town: Institution) -> None:
    with office.database.writing() as session:
        below = Dependencia(name="Redes", siglas="RED", parent=session.get_one(Dependencia, town.systems.id))
        session.add(below)
        session.flush()
        below.place()
    name_for_complaints(office, town, below)
    case_id = arrive(office, mail("Red caída"))
    with office.database.reading() as session:
        found = complaints.addressee(session, session.get_one(Case, case_id))
        assert found is not None and found.id == town.presidency.id


def test_a_reply_about_a_case_that_itself_says_complaint_is_a_follow_up(
    office: Office, town: Institution
) -> None:
    case_id = arrive(office, mail("Queja por ruido"))
    to = reply_to(office, case_id)
    assert arrive(office, mail("Re: Queja por ruido", to=to), to=to) == case_id


def test_a_stranger_with_the_address_complains_for_nobody(office: Office, town: Institution) -> None:
    case_id = arrive(office, mail("Impresora"))
    to = reply_to(office, case_id)
    raw = mail("Queja", to=to, sender="otro@correo.example")
    arrive(office, raw, sender="otro@correo.example", to=to)
    with office.database.reading() as session:
        assert session.scalar(select(CaseLink).where(CaseLink.kind == LinkKind.COMPLAINT_OF)) is None


@pytest.mark.parametrize("ground", ["overdue", "rating"])
def test_the_page_of_a_case_offers_a_complaint_when_a_promise_was_broken_or_the_rating_is_low(
    office: Office, town: Institution, ground: str
) -> None:
    name_for_complaints(office, town, town.works)
    case_id = arrive(office, mail("Impresora"))
    with office.database.reading() as session:
        folio = session.get_one(Case, case_id).folio
    address = reply_address.case_link(office, folio).removeprefix(office.settings.base_url)
    client = panel_of(office).test_client()
    assert "/queja/" not in client.get(address).text
    with office.database.writing() as session:
        case, head = session.get_one(Case, case_id), session.get_one(Account, town.accounts["head"].id)
        if ground == "overdue":
            case.due_at = now() - timedelta(hours=1)
        else:
            cases.close(session, office, case, head)
            ratings.rate(session, case, 2)
    link = re.search(r'href="(/queja/[^"]+)"', client.get(address).text)
    assert link
    page = client.get(link[1].replace("&amp;", "&")).text
    token = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', page)
    assert token and client.get(link[1].partition("?")[0]).status_code == 404
    empty = client.post(link[1], data={"csrf_token": token[1], "text": " "})
    assert empty.status_code == 422
    sent = client.post(link[1], data={"csrf_token": token[1], "text": "No vino nadie."})
    with office.database.reading() as session:
        complaint = complaint_about(session, case_id)
        assert complaint.folio in sent.text and complaint.dependencia_id == town.works.id
        assert complaint.channel == "portal"


def test_who_comes_or_calls_to_complain_is_written_down_and_the_catalogue_says_who_attends(
    office: Office, town: Institution
) -> None:
    name_for_complaints(office, town, town.works)
    case_id = arrive(office, mail("Impresora"))
    desk, accused = (Clerk(office, town.accounts[name]) for name in ("oficialia", "worker"))
    page = f"/admin/registrar/queja/{case_id}"
    assert page in desk.get(f"/admin/casos/{case_id}").text
    assert desk.post(page, text=" ", channel="phone").status_code == 422
    assert "Quedó registrada" in desk.post(page, text="Nadie contesta.", channel="phone").text
    with office.database.reading() as session:
        complaint = complaint_about(session, case_id)
        assert (complaint.channel, complaint.dependencia_id) == ("phone", town.works.id)
    shown = desk.get(f"/admin/casos/{complaint.id}").text
    assert "Por teléfono" in shown or "teléfono" in shown
    assert accused.get(f"/admin/casos/{complaint.id}").status_code == 404
    assert Clerk(office, town.accounts["other"]).get(page).status_code == 404
