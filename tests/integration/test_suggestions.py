"""What is learnt from closed cases is proposed for new ones, and nothing changes until a clerk agrees."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from shutil import copy
from zoneinfo import ZoneInfo

import pytest
import time_machine
from pydantic import SecretStr
from sqlalchemy import select, update

from intake.config import Settings
from intake.learning import learning
from intake.learning.proposing import Proposer
from intake.office import Office
from models.base import now
from models.event import Event
from models.message import Blob
from models.service import Service
from models.suggestion import LearnedModel, ModelState, Outcome, Suggestion
from models.ticket import Ticket
from models.workflow import State, enter
from tests.support.desk import arrive
from tests.support.institution import Institution, found_institution, open_case
from tests.support.mails import make_mail
from tests.support.panel import Clerk, give_logins
from tests.support.requests import requests

POTHOLE = "Hay un bache enorme que ya ponchó varios carros, tapen los hoyos de la avenida"


class Town:
    """An office in which 240 cases were closed, and what was learnt from them."""

    def __init__(self, office: Office, institution: Institution) -> None:
        self.office, self.institution = office, institution
        with office.database.reading() as session:
            found = session.scalar(select(Service).where(Service.slug == "potholes"))
            assert found is not None
            self.potholes = found

    def receive(self, text: str) -> int:
        case_id = arrive(self.office, make_mail(subject=text[:40], text=text))
        Proposer().work(self.office)
        return case_id

    def suggestion(self, case_id: int) -> Suggestion | None:
        with self.office.database.reading() as session:
            return session.get(Suggestion, case_id)

    def ticket(self, case_id: int) -> Ticket:
        with self.office.database.reading() as session:
            return session.get_one(Ticket, case_id)


@pytest.fixture(scope="module")
def town(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("learning")
    copy(migrated_sqlite, folder / "register.db")
    settings = Settings(
        _env_file=None,
        database_url=f"sqlite:///{folder / 'register.db'}",
        store_url=f"file:{folder / 'files'}",
        outgoing_dir=folder / "outgoing",
        secret_key=SecretStr("only for tests, and longer than thirty-two bytes"),
        domain="example.gob.mx",
    )
    office = Office.open(settings)
    with office.database.writing() as session:
        institution = found_institution(session)
        give_logins(session, institution)
        services = {"support": institution.support}
        for number, one in enumerate(requests(teaching=True, number=30, seed=1)):
            if one.service not in services:
                services[one.service] = Service(
                    slug=one.service, name=one.service, dependencia_id=institution.works.id
                )
                session.add(services[one.service])
                session.flush()
            ticket = open_case(
                session, institution, subject=one.text[:30], text=one.text, address=f"p{number}@example.com"
            )
            service = services[one.service]
            ticket.service_id, ticket.dependencia_id = service.id, service.dependencia_id
            enter(ticket, State.RESOLVED)
    # As at night: in a process of its own, which the worker only starts.
    assert learning.start(office).wait(60) == 0
    yield Town(office, institution)
    office.database.close()


def test_what_was_learnt_is_a_version_with_its_hash_and_figures(town: Town) -> None:
    with town.office.database.reading() as session:
        version = session.scalars(select(LearnedModel)).one()
        assert (version.state, version.cases) == (ModelState.READY, 240)
        assert version.figures["service"]["answers"] == 8
        assert 0.5 < version.figures["service"]["right"] <= 1
        blob = session.get_one(Blob, version.sha256)
        assert blob.size < 1_000_000


def test_a_clerk_accepts_and_the_case_goes_where_it_belongs(town: Town) -> None:
    case_id = town.receive(POTHOLE)
    before = town.ticket(case_id)
    assert before.service_id == town.institution.support.id, "A proposal changes nothing by itself."
    clerk = Clerk(town.office, town.institution.accounts["oficialia"])
    page = clerk.get(f"/admin/casos/{case_id}").text
    assert "Propuesta para este asunto" in page
    assert "<mark>bache</mark>" in page
    shown = clerk.post(f"/admin/casos/{case_id}/propuesta", decision="accept").text
    assert "se aplicó la propuesta" in shown
    assert "Propuesta para este asunto" not in shown
    after = town.ticket(case_id)
    assert (after.service_id, after.dependencia_id) == (town.potholes.id, town.institution.works.id)
    decided = town.suggestion(case_id)
    assert decided is not None
    assert decided.outcome == Outcome.ACCEPTED
    assert decided.decided_by_id == town.institution.accounts["oficialia"].id
    with town.office.database.reading() as session:
        done = session.scalars(select(Event.action).where(Event.case_id == case_id)).all()
    assert {"accept_suggestion", "change_service"} <= set(done)


def test_what_a_clerk_refuses_changes_nothing_and_is_not_shown_again(town: Town) -> None:
    case_id = town.receive(POTHOLE)
    clerk = Clerk(town.office, town.institution.accounts["oficialia"])
    page = clerk.post(f"/admin/casos/{case_id}/propuesta", decision="refuse").text
    assert "Propuesta descartada" in page
    assert "Propuesta para este asunto" not in page
    assert town.ticket(case_id).service_id == town.institution.support.id
    decided = town.suggestion(case_id)
    assert decided is not None
    assert decided.outcome == Outcome.REFUSED
    again = clerk.post(f"/admin/casos/{case_id}/propuesta", decision="accept").text
    assert "Esa propuesta ya no está" in again


@pytest.mark.parametrize(("chosen", "outcome"), [("potholes", "accepted"), ("water", "corrected")])
def test_a_service_set_by_hand_decides_the_proposal_too(town: Town, chosen: str, outcome: str) -> None:
    case_id = town.receive(POTHOLE)
    clerk = Clerk(town.office, town.institution.accounts["oficialia"])
    with town.office.database.reading() as session:
        service_id = session.scalar(select(Service.id).where(Service.slug == chosen))
    clerk.post(f"/admin/casos/{case_id}/hacer/change_service", service=str(service_id))
    assert town.ticket(case_id).service_id == service_id
    decided = town.suggestion(case_id)
    assert decided is not None
    assert decided.outcome == outcome


def test_who_may_not_change_the_case_neither_sees_nor_decides_the_proposal(town: Town) -> None:
    case_id = town.receive(POTHOLE)
    stranger = Clerk(town.office, town.institution.accounts["other"])
    answer = stranger.post(f"/admin/casos/{case_id}/propuesta", decision="accept")
    assert answer.status_code == 404
    assert town.ticket(case_id).service_id == town.institution.support.id


def test_without_a_readable_model_or_switched_off_nothing_is_proposed(town: Town) -> None:
    off = Office(town.office.settings.model_copy(update={"learning": False}), town.office.database,
                 town.office.store)  # fmt: skip
    case_id = arrive(town.office, make_mail(subject="bache", text=POTHOLE))
    Proposer().work(off)
    assert town.suggestion(case_id) is None
    with town.office.database.writing() as session:
        version = session.scalars(select(LearnedModel)).one()
        whole = session.scalar(select(Blob.content).where(Blob.sha256 == version.sha256))
        session.execute(update(Blob).where(Blob.sha256 == version.sha256).values(content=b"\x80\x04K\x01."))
    learning._loaded = ("", None)
    try:
        Proposer().work(town.office)
        assert town.suggestion(case_id) is None
        clerk = Clerk(town.office, town.institution.accounts["oficialia"])
        assert clerk.get(f"/admin/casos/{case_id}").status_code == 200
    finally:
        learning._loaded = ("", None)
        with town.office.database.writing() as session:
            session.execute(update(Blob).where(Blob.sha256 == version.sha256).values(content=whole))


def test_one_worker_learns_once_a_night_and_only_while_there_is_something_new(town: Town) -> None:
    zone = ZoneInfo("America/Mexico_City")
    tonight = (now().astimezone(zone) + timedelta(days=1)).date()
    for hour, is_night in ((14, False), (3, True)):
        with time_machine.travel(datetime.combine(tonight, datetime.min.time(), zone).replace(hour=hour)):
            assert (hour in learning.NIGHT) is is_night
    assert not learning._claim(town.office, tonight), "No case has ended since."
    with town.office.database.writing() as session:
        case = open_case(session, town.institution, address="nuevo@example.com")
        enter(case, State.RESOLVED)
    assert learning._claim(town.office, tonight)
    assert not learning._claim(town.office, tonight), "Another worker learns already."
