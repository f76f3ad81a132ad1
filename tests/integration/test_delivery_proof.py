"""A document asks the next server to tell of its delivery; nothing else does."""

from __future__ import annotations

import pytest

from intake.config import Settings
from intake.issued import approval
from intake.mailer import deliver_mail
from intake.office import Office
from tests.support.desk import notices
from tests.support.documents import OUTSIDE, acting, fields, write
from tests.support.dsn_relay import dsn_relay
from tests.support.institution import found_institution


@pytest.mark.parametrize("offers", [True, False])
def test_only_a_document_asks_for_proof_of_delivery_and_only_where_it_is_offered(
    settings: Settings, offers: bool
) -> None:
    with dsn_relay(offers=offers) as (url, commands):
        office = Office.open(settings.model_copy(update={"relay_url": url}))
        with office.database.writing() as session:
            institution = found_institution(session)
        with acting(office, institution) as (session, people):
            oficio = write(session, office, people["worker"], fields(institution, to=(OUTSIDE,)))
            approval.submit(session, office, oficio, people["worker"])
            approval.approve(session, office, oficio, people["head"])
        assert deliver_mail(office) == 2
    asked = [line for line in commands if "NOTIFY" in line.upper()]
    expected = ["rcpt TO:<elena@obras.gob.mx> NOTIFY=SUCCESS,FAILURE,DELAY"]
    assert [line.lower() for line in asked] == [line.lower() for line in expected if offers]
    assert sum("RET=HDRS" in line for line in commands) == offers
    assert {one.status for one in notices(office)} == {"sent"}
