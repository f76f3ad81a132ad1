"""Terms of government, letterheads and number patterns: what may be set, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from intake import oficios
from intake.config import Settings
from intake.errors import InvalidInput
from intake.incoming import Channel, IncomingMessage
from intake.issued import administrations, approval, number_patterns
from intake.office import Office
from intake.opening import Route
from models.base import now
from models.letterhead import Administration, Letterhead, NumberPattern
from models.oficio import DocumentType
from tests.support.documents import acting, fields, pdf_of, poppler, write
from tests.support.institution import Institution, found_institution

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def office(settings: Settings) -> Iterator[Office]:
    opened = Office.open(settings)
    yield opened
    opened.database.close()


@pytest.fixture
def town(office: Office) -> Institution:
    with office.database.writing() as session:
        return found_institution(session)


@pytest.mark.parametrize(
    ("pattern", "kind", "refusal"),
    [
        ("{siglas}/{number:04}/{year}", "", ""),
        ("OF-{siglas}-{number}-{year}", "", ""),
        ("{siglas}/{type}/{number}/{year}", "memorandum", ""),
        # Without a part that tells years, dependencias or types apart.
        ("{siglas}/{number}", "", "number_pattern"),
        ("{number}/{year}", "", "number_pattern"),
        ("{siglas}/{number}/{year}", "memorandum", "number_pattern"),
        ("{siglas}/{number}/{number}/{year}", "", "number_pattern"),
        # A1 and 23 would be written as A and 123 are.
        ("{siglas}{number}/{year}", "", "number_pattern_joined"),
        ("{siglas}/{number}{year}", "", "number_pattern_joined"),
        ("{siglas}/N{number}/{year}", "", "number_pattern_joined"),
        # DOP has its documents written as OF/DSI/1/2026: no other may write so.
        ("OF/DSI/{number}/{year}/{siglas}", "", ""),
        ("{siglas}/OF/{number}/{year}", "", "number_pattern_repeats"),
        ("{siglas}/OF/{year}/{number}", "", "number_pattern_repeats"),
    ],
)
def test_a_pattern_that_could_repeat_a_number_is_refused(
    office: Office, town: Institution, pattern: str, kind: str, refusal: str
) -> None:
    with office.database.writing() as session:
        # `{type}` of an oficio is OF.
        session.add(
            NumberPattern(dependencia_id=town.systems.id, document_type=DocumentType.OFICIO.value,
                          pattern="{siglas}/{type}/{number}/{year}")
        )  # fmt: skip
        session.flush()
        try:
            number_patterns.check(session, office, town.systems, kind, f" {pattern} ")
            said = ""
        except InvalidInput as error:
            said = error.key
    assert said == refusal


def test_a_new_term_ends_the_one_before_and_takes_the_documents_of_its_days(
    office: Office, town: Institution
) -> None:
    today = now().astimezone(office.settings.zone).date()
    with acting(office, town) as (session, people):
        early = write(session, office, people["head"], fields(town))
        approval.approve(session, office, early, people["head"])
        begun = write(session, office, people["head"], fields(town))
        old = Administration(name="2021-2024", starts_on=today - timedelta(days=900))
        session.add(old)
        assert administrations.settle(session, old) is None
        session.refresh(early)
        assert early.administration_id == old.id and begun.administration_id is None
        new = Administration(name="2024-2027", starts_on=today)
        administrations.check(session, new.starts_on, None)
        session.add(new)
        assert administrations.settle(session, new) is old and old.ends_on == today - timedelta(days=1)
        for starts_on, ends_on in ((today - timedelta(days=9), today), (today + timedelta(days=9), today)):
            with pytest.raises(InvalidInput):
                administrations.check(session, starts_on, ends_on)
        # What was begun before belongs to the term in which it is approved, and so does what arrives.
        approval.approve(session, office, begun, people["head"])
        mail = IncomingMessage(channel=Channel.EMAIL, subject="Oficio DGO/1/2026", from_addr="a@obras.gob.mx")
        received, _ = oficios.register_received(session, office, mail, to=Route())
        assert begun.administration_id == received.administration_id == new.id


def test_the_letterhead_of_the_nearest_dependencia_and_of_its_administration_is_printed(
    office: Office, town: Institution, tmp_path: Path
) -> None:
    today = now().astimezone(office.settings.zone).date()
    with acting(office, town) as (session, people):
        term = Administration(name="2024-2027", starts_on=date(today.year, 1, 1))
        session.add(term)
        session.flush()
        session.add_all(
            [
                Letterhead(slogan="De todas"),
                Letterhead(dependencia_id=town.systems.id, slogan="De Sistemas"),
                Letterhead(
                    dependencia_id=town.systems.id, administration_id=term.id, slogan="De este gobierno"
                ),
            ]
        )
        for name, slogan in (("head", "De este gobierno"), ("other", "De todas")):
            oficio = write(session, office, people[name], fields(town))
            approval.approve(session, office, oficio, people[name])
            assert slogan in poppler("pdftotext", pdf_of(session, office, oficio), tmp_path)
