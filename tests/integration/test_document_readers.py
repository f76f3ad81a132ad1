"""Who reads a document that the house writes, from its first draft until it is cancelled."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from sqlalchemy import select

from intake.config import Settings
from intake.issued import approval, issuing
from intake.office import Office
from intake.outbox import words_of
from models.access import standing, visible_to
from models.case import Case
from models.count import count
from models.oficio import Oficio
from models.outbox_message import OutboxMessage
from models.person import Account, Person, Role
from models.trays import TRAYS, attended_by, cases_in
from tests.support.documents import acting, fields, write
from tests.support.institution import Institution, found_institution
from tests.support.panel import Clerk, give_logins

# The rule is one condition, which lists prove on both databases elsewhere.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

# Of Sistemas: who writes it, a colleague, its head. Above: the head of Presidencia. To whom it goes: `other`.
READERS = ("worker", "colleague", "head", "mayor", "other", "oficialia", "admin")
# y reads it, n finds nothing there.
MATRIX = {
    "draft": "ynyynnn",
    "pending_approval": "ynyynnn",
    "discarded": "ynyynnn",
    "pending_signature": "ynyynnn",
    "sent": "ynyyyyn",
    "cancelled": "ynyyyyn",
}


@pytest.fixture
def office(settings: Settings) -> Iterator[Office]:
    opened = Office.open(settings)
    yield opened
    opened.database.close()


@pytest.fixture
def town(office: Office) -> Institution:
    with office.database.writing() as session:
        made = found_institution(session)
        for name, dependencia, role in (
            ("colleague", made.systems, Role.WORKER),
            ("mayor", made.presidency, Role.HEAD),
        ):
            person = Person(name=name, email=f"{name}@example.gob.mx", dependencia_id=dependencia.id)
            session.add(person)
            session.flush()
            made.accounts[name] = Account(person_id=person.id, dependencia_id=dependencia.id, role=role)
            session.add(made.accounts[name])
            session.flush()
        made.accounts["head"].is_signer = True
        give_logins(session, made)
        return made


def documents_in_every_state(office: Office, town: Institution) -> dict[str, int]:
    with acting(office, town) as (session, people):
        worker, head = people["worker"], people["head"]
        made: dict[str, Oficio] = {}
        for state in MATRIX:
            what = fields(town, subject=state, needs_efirma=state == "pending_signature")
            made[state] = oficio = write(session, office, worker, what)
            if state != "draft":
                approval.submit(session, office, oficio, worker)
            if state == "discarded":
                approval.discard(session, office, oficio, head, reason="No procede.")
            elif state not in ("draft", "pending_approval"):
                approval.approve(session, office, oficio, head)
        issuing.cancel(session, office, made["cancelled"], head, reason="Error.")
        assert {state: oficio.state for state, oficio in made.items()} == {state: state for state in MATRIX}
        return {state: oficio.id for state, oficio in made.items()}


def test_what_was_not_sent_is_read_by_its_author_and_its_heads_only(
    office: Office, town: Institution
) -> None:
    numbers = documents_in_every_state(office, town)
    by_rule, by_standing, by_page = {}, {}, {}
    clerks = {name: Clerk(office, town.accounts[name]) for name in READERS}
    with office.database.reading() as session:
        people = {name: session.get_one(Account, town.accounts[name].id) for name in READERS}
        for state, number in numbers.items():
            case = session.get_one(Case, number)
            seen = [session.scalar(select(Case.id).where(Case.id == number, visible_to(one)))
                    for one in people.values()]  # fmt: skip
            by_rule[state] = "".join("y" if one else "n" for one in seen)
            by_standing[state] = "".join(
                "y" if standing(session, case, one) else "n" for one in people.values()
            )
            answers = [clerks[name].get(f"/admin/documentos/{number}").status_code for name in READERS]
            assert set(answers) <= {200, 403, 404}
            by_page[state] = "".join("y" if one == 200 else "n" for one in answers)
    assert by_rule == by_standing == by_page == MATRIX


def test_what_is_being_written_is_in_nobody_s_tray(office: Office, town: Institution) -> None:
    documents_in_every_state(office, town)
    with office.database.reading() as session:
        for name in READERS[:-1]:
            who = session.get_one(Account, town.accounts[name].id)
            attends = attended_by(session, who)
            counts = {
                one.name: count(session, cases_in(one, who, attends)) for one in TRAYS if one.is_counted
            }
            assert not any(counts.values()), (name, counts)


def test_a_link_to_a_draft_leads_to_the_document_that_it_became(office: Office, town: Institution) -> None:
    with acting(office, town) as (session, people):
        oficio = write(session, office, people["worker"], fields(town))
        approval.submit(session, office, oficio, people["worker"])
        draft = oficio.folio
        approval.approve(session, office, oficio, people["head"])
        assert oficio.folio != draft
        number = oficio.id
    with office.database.reading() as session:
        asked = session.scalars(select(OutboxMessage).where(OutboxMessage.kind == "approval_asked")).one()
    [address] = re.findall(r"https?://\S+(/admin/\S+)", words_of(asked)[0])
    answer = Clerk(office, town.accounts["head"]).get(address)
    assert answer.status_code == 302 and answer.location.endswith(f"/documentos/{number}")
