"""The folders of the documents' board: who finds what where, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import ColumnElement, select, text
from sqlalchemy.orm import Session

from intake import tags
from intake.config import Settings
from intake.errors import InvalidInput
from intake.issued import approval, issuing
from intake.office import Office
from intake.services import delegations
from models.base import now
from models.count import count
from models.folders import (
    PAGE_SIZE,
    Folder,
    Sought,
    count_by_type,
    documents_of,
    find_documents,
    in_folder,
    to_approve,
    unread_by,
    who_acts,
)
from models.letterhead import Administration
from models.oficio import DocumentType, Oficio
from models.person import Account
from tests.support.desk import arrive
from tests.support.documents import acting, fields, write
from tests.support.institution import Institution, found_institution
from tests.support.mails import make_mail


@pytest.fixture
def office(settings: Settings, tmp_path: Path) -> Iterator[Office]:
    opened = Office.open(settings)
    yield opened
    opened.database.close()


@pytest.fixture
def institution(office: Office) -> Institution:
    with office.database.writing() as session:
        return found_institution(session)


def subjects(
    session: Session, account: Account, rule: Folder | ColumnElement[bool], **sought: object
) -> set[str]:
    who = who_acts(session, account)
    condition = in_folder(rule, who) if isinstance(rule, Folder) else rule
    return {row.subject for row in find_documents(session, condition, who, Sought(**sought)).rows}  # type: ignore[arg-type]


def test_a_document_is_in_the_folders_of_its_author_its_head_and_its_recipient(
    office: Office, institution: Institution
) -> None:
    with acting(office, institution) as (session, people):
        oficio = write(session, office, people["worker"], fields(institution, subject="Uno"))
        assert subjects(session, people["worker"], Folder.DRAFTS) == {"Uno"}
        assert subjects(session, people["head"], Folder.DRAFTS) == set()
        approval.submit(session, office, oficio, people["worker"])
        assert subjects(session, people["worker"], Folder.PENDING) == {"Uno"}
        assert count(session, select(Oficio.id).where(to_approve([people["head"]]))) == 1
        assert count(session, select(Oficio.id).where(to_approve([people["worker"]]))) == 0
        assert subjects(session, people["other"], documents_of([people["other"]])) == set()
        approval.approve(session, office, oficio, people["head"])
        assert subjects(session, people["worker"], Folder.SENT) == {"Uno"}
        assert subjects(session, people["head"], Folder.SENT) == {"Uno"}
        assert subjects(session, people["other"], Folder.RECEIVED) == {"Uno"}
        assert count(session, unread_by(people["other"])) == 1
        issuing.mark_read(session, oficio, people["other"])
        assert count(session, unread_by(people["other"])) == 0
        issuing.reassign(session, office, oficio, people["other"], account=people["oficialia"])
        assert subjects(session, people["other"], Folder.RECEIVED) == set()
        assert subjects(session, people["other"], Folder.REASSIGNED) == {"Uno"}
        assert subjects(session, people["oficialia"], Folder.RECEIVED) == {"Uno"}
        issuing.cancel(session, office, oficio, people["oficialia"], reason="Error.")
        for name in ("worker", "head", "other", "oficialia"):
            assert subjects(session, people[name], Folder.CANCELLED) == {"Uno"}, name


def test_who_acts_for_an_absent_head_finds_what_waits_for_it_and_only_meanwhile(
    office: Office, institution: Institution
) -> None:
    today = now().astimezone(office.settings.zone).date()
    with acting(office, institution) as (session, people):
        oficio = write(session, office, people["worker"], fields(institution, subject="Uno"))
        approval.submit(session, office, oficio, people["worker"])
        assert subjects(session, people["other"], Folder.PENDING) == set()
        head, other = people["head"], people["other"]
        made = delegations.delegate(session, office, head, absent=head, acting=other, starts_on=today,
                                    ends_on=today + timedelta(days=1))  # fmt: skip
        assert subjects(session, people["other"], Folder.PENDING) == {"Uno"}
        assert subjects(session, people["other"], documents_of(who_acts(session, people["other"]))) == {"Uno"}
        delegations.revoke(session, office, people["head"], made)
        assert subjects(session, people["other"], Folder.PENDING) == set()


def test_a_document_that_came_by_mail_is_received_by_the_dependencia_that_attends_it(
    office: Office, institution: Institution
) -> None:
    raw = make_mail(subject="Oficio Núm. SOP/DP/0456/2026", sender="elena@obras.jalisco.gob.mx")
    arrive(office, raw)
    with acting(office, institution) as (session, people):
        assert len(subjects(session, people["head"], Folder.RECEIVED)) == 1
        assert subjects(session, people["other"], Folder.RECEIVED) == set()


def test_counts_by_type_agree_with_the_lists_and_pages_are_complete(
    office: Office, institution: Institution
) -> None:
    with acting(office, institution) as (session, people):
        for number in range(PAGE_SIZE + 3):
            kind = DocumentType.OFICIO if number % 2 else DocumentType.INVITACION
            write(session, office, people["worker"],
                  fields(institution, subject=f"Asunto {number}", document_type=kind))  # fmt: skip
        who = who_acts(session, people["worker"])
        counts = count_by_type(session, Folder.DRAFTS, who, None)
        assert counts == {DocumentType.OFICIO: 26, DocumentType.INVITACION: 27}
        rule = in_folder(Folder.DRAFTS, who)
        first = find_documents(session, rule, who, Sought())
        rest = find_documents(session, rule, who, Sought(), older_than=first.next_key)
        assert (len(first.rows), len(rest.rows), rest.next_key) == (PAGE_SIZE, 3, None)
        assert len({row.id for row in (*first.rows, *rest.rows)}) == PAGE_SIZE + 3


def test_a_folder_is_narrowed_by_administration(office: Office, institution: Institution) -> None:
    today = now().astimezone(office.settings.zone).date()
    with acting(office, institution) as (session, people):
        past = Administration(name="2021-2024", starts_on=today - timedelta(days=900),
                              ends_on=today - timedelta(days=1))  # fmt: skip
        present = Administration(name="2024-2027", starts_on=today)
        session.add_all([past, present])
        session.flush()
        write(session, office, people["worker"], fields(institution, subject="De este gobierno"))
        who = who_acts(session, people["worker"])
        assert count_by_type(session, Folder.DRAFTS, who, present.id) == {DocumentType.OFICIO: 1}
        assert count_by_type(session, Folder.DRAFTS, who, past.id) == {}


def test_search_narrows_by_each_of_its_fields(office: Office, institution: Institution) -> None:
    with acting(office, institution) as (session, people):
        for name, subject in (("worker", "Del trabajador"), ("other", "De Obras 100%")):
            oficio = write(session, office, people[name], fields(institution, subject=subject))
            approval.submit(session, office, oficio, people[name])
        # A head's own is approved at once.
        approval.approve(session, office, session.scalars(select(Oficio).where(
            Oficio.subject == "Del trabajador")).one(), people["head"])  # fmt: skip
        everything = documents_of([people["oficialia"]])
        session.flush()
        for expected, sought in (
            ({"De Obras 100%"}, {"subject": "100%"}),
            ({"De Obras 100%"}, {"sender": "olga"}),
            ({"De Obras 100%"}, {"approved_by": "peña"}),
            ({"Del trabajador"}, {"dependencia_id": institution.systems.id}),
            ({"De Obras 100%"}, {"folio": "dop/0001"}),
            (set(), {"since": now() + timedelta(days=1)}),
            ({"Del trabajador", "De Obras 100%"}, {"until": now() + timedelta(days=1)}),
        ):
            assert subjects(session, people["oficialia"], everything, **sought) == expected, sought


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_no_folder_is_found_by_reading_every_document(office: Office, institution: Institution) -> None:
    with acting(office, institution) as (session, people):
        for folder in Folder:
            query = select(Oficio.id).where(in_folder(folder, [people["head"]]))
            words = str(query.compile(session.get_bind(), compile_kwargs={"literal_binds": True}))
            plan = [
                row[3] for row in session.execute(text("EXPLAIN QUERY PLAN " + words.replace(":", r"\:")))
            ]
            read_whole = [step for step in plan if step.startswith(("SCAN oficio", "SCAN case"))]
            assert read_whole == [], folder


def test_a_label_is_made_once_and_put_on_several_documents(office: Office, institution: Institution) -> None:
    with acting(office, institution) as (session, people):
        made = [
            write(session, office, people["worker"], fields(institution, subject=s)) for s in ("Uno", "Dos")
        ]
        tag = tags.create_tag(session, people["worker"], " Urgente ")
        with pytest.raises(InvalidInput) as refusal:
            tags.create_tag(session, people["worker"], "Urgente")
        assert refusal.value.key == "tag_exists"
        tags.tag_many(session, made, people["worker"], tag)
        assert subjects(session, people["worker"], Folder.DRAFTS, tag_id=tag.id) == {"Uno", "Dos"}
        with pytest.raises(InvalidInput):
            tags.tag_many(session, made, people["head"], tag)
