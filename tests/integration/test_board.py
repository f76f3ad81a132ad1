"""The tablero: each document stands in the folder of manual T where its people look for it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from intake import approval, issuing
from intake.config import Settings
from intake.office import Office
from models.base import now
from models.board import Folder, count_documents, find_documents
from models.letterhead import Administration
from models.oficio import DocumentType
from models.person import Account
from tests.support.documents import acting, fields, write
from tests.support.institution import Institution, found_institution


@pytest.fixture
def office(settings: Settings) -> Office:
    return Office.open(settings)


@pytest.fixture
def institution(office: Office) -> Institution:
    with office.database.writing() as session:
        return found_institution(session)


def _where(session: Session, account: Account) -> dict[str, list[str]]:
    found = {folder.value: find_documents(session, account, folder) for folder in Folder}
    for folder, documents in found.items():
        assert count_documents(session, account, Folder(folder)) == len(documents)
    return {folder: [one.subject for one in documents] for folder, documents in found.items() if documents}


def test_a_document_wanders_through_the_folders_of_those_it_concerns(
    office: Office, institution: Institution
) -> None:
    with acting(office, institution) as (session, people):
        worker, head, other, desk = (people[name] for name in ("worker", "head", "other", "oficialia"))
        oficio = write(session, office, worker, fields(institution, subject="Uno"))
        assert _where(session, worker) == {"drafts": ["Uno"]} and _where(session, head) == {}
        approval.submit(session, office, oficio, worker)
        assert _where(session, worker) == _where(session, head) == {"pending": ["Uno"]}
        assert _where(session, other) == {}
        approval.approve(session, office, oficio, head)
        assert _where(session, worker) == _where(session, head) == {"sent": ["Uno"]}
        assert _where(session, other) == {"received": ["Uno"]}
        issuing.reassign(session, office, oficio, other, account=desk)
        assert _where(session, other) == {"reassigned": ["Uno"]} and _where(session, desk) == {
            "received": ["Uno"]
        }
        issuing.cancel(session, office, oficio, desk, reason="Se repitió.")
        for account in (worker, head, other, desk):
            assert _where(session, account) == {"cancelled": ["Uno"]}
        second = write(session, office, worker, fields(institution, subject="Dos"))
        approval.submit(session, office, second, worker)
        approval.discard(session, office, second, head, reason="No procede.")
        assert _where(session, worker) == {"cancelled": ["Uno"], "discarded": ["Dos"]}


def test_a_folder_is_narrowed_by_type_and_by_administration(office: Office, institution: Institution) -> None:
    today = now().astimezone(office.settings.zone).date()
    with acting(office, institution) as (session, people):
        head = people["head"]
        past = Administration(name="2021-2024", starts_on=today - timedelta(days=900),
                              ends_on=today - timedelta(days=1))  # fmt: skip
        present = Administration(name="2024-2027", starts_on=today)
        session.add_all([past, present])
        session.flush()
        for kind in (DocumentType.OFICIO, DocumentType.MEMORANDUM):
            approval.approve(
                session, office, write(session, office, head, fields(institution, document_type=kind)), head
            )
        memos = find_documents(session, head, Folder.SENT, document_type=DocumentType.MEMORANDUM)
        assert [one.document_type for one in memos] == [DocumentType.MEMORANDUM]
        assert count_documents(session, head, Folder.SENT, administration_id=present.id) == 2
        assert count_documents(session, head, Folder.SENT, administration_id=past.id) == 0
        newest = find_documents(session, head, Folder.SENT)[0]
        assert len(find_documents(session, head, Folder.SENT, before=newest.id)) == 1
