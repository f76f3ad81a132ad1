"""`oficialia verify CODE|FILE.pdf`, as somebody at a terminal uses it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from intake.config import Settings
from intake.issued import approval, issuing
from intake.office import Office
from models.oficio import Oficio
from tests.support.command import Place, Ran
from tests.support.documents import acting, fields, pdf_of, write
from tests.support.institution import Institution, found_institution

# Which database it is changes nothing at the terminal.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def office(settings: Settings) -> Iterator[Office]:
    opened = Office.open(settings)
    yield opened
    opened.database.close()


@pytest.fixture
def institution(office: Office) -> Institution:
    with office.database.writing() as session:
        return found_institution(session)


def _issue(office: Office, institution: Institution) -> tuple[Oficio, bytes]:
    with acting(office, institution) as (session, people):
        oficio = write(session, office, people["head"], fields(institution))
        approval.approve(session, office, oficio, people["head"])
        return oficio, pdf_of(session, office, oficio)


def _verify(office: Office, *arguments: str) -> Ran:
    settings = office.settings
    return Place(settings.outgoing_dir.parent).run(
        "verify",
        *arguments,
        OFICIALIA_DATABASE_URL=settings.database_url,
        OFICIALIA_STORE_URL=settings.store_url,
        OFICIALIA_OUTGOING_DIR=str(settings.outgoing_dir),
    )


def test_a_code_and_the_file_itself_are_authentic_and_one_byte_more_is_not(
    office: Office, institution: Institution, tmp_path: Path
) -> None:
    oficio, pdf = _issue(office, institution)
    assert oficio.verification_code is not None
    said = _verify(office, oficio.verification_code.lower())
    assert said.exit_code == 0, said.err
    assert "Es auténtico" in said.out and oficio.folio in said.out and "Jaime Torres" in said.out
    path = tmp_path / "oficio.pdf"
    path.write_bytes(pdf)
    as_json = json.loads(_verify(office, "--json", str(path)).out)
    assert as_json["verdict"] == "authentic" and as_json["signatures"][0]["is_intact"] is True
    path.write_bytes(pdf[:2000] + bytes([pdf[2000] ^ 1]) + pdf[2001:])
    altered = _verify(office, str(path))
    assert altered.exit_code == 1 and "NO es auténtico" in altered.out
    # The prompt begins a line of its own, and what a library thinks of the certificate is not told.
    assert altered.out.endswith("\n") and not altered.err, altered.err
    unknown = _verify(office, "AAAAA-AAAAA-AAAAA-AAAAA")
    assert unknown.exit_code == 1 and "no hay ningún documento" in unknown.err
    assert _verify(office).exit_code == 2


def test_a_cancelled_document_says_so(office: Office, institution: Institution, tmp_path: Path) -> None:
    oficio, pdf = _issue(office, institution)
    with acting(office, institution) as (session, people):
        again = session.get_one(Oficio, oficio.id)
        issuing.cancel(session, office, again, people["head"], reason="Se repitió.")
    path = tmp_path / "oficio.pdf"
    path.write_bytes(pdf)
    said = _verify(office, str(path))
    assert said.exit_code == 1 and "CANCELADO" in said.out
