"""What a page of the panel asks of the register: few questions, and as many for fifty cases as for five."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event, select

from intake import cases
from intake.office import Office
from models.message import Attachment, Blob, Message
from models.person import Account
from models.ticket import Ticket
from tests.support.institution import Institution, found_institution, open_case, write_message
from tests.support.panel import Clerk, give_logins


@pytest.fixture
def town(office: Office) -> Institution:
    """People who may log in."""
    with office.database.writing() as session:
        institution = found_institution(session)
        give_logins(session, institution)
        return institution


@contextmanager
def questions(office: Office) -> Iterator[list[str]]:
    """The statements sent in the block."""
    found: list[str] = []

    def keep(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        found.append(" ".join(statement.split()))

    event.listen(office.database.engine, "before_cursor_execute", keep)
    try:
        yield found
    finally:
        event.remove(office.database.engine, "before_cursor_execute", keep)


def asked_by(office: Office, clerk: Clerk, page: str) -> list[str]:
    with questions(office) as found:
        answer = clerk.get(page)
    assert answer.status_code == 200
    return found


def open_cases(office: Office, town: Institution, name: str, number: int) -> int:
    """That many cases, on each of which two people wrote notes; the id of the last."""
    with office.database.writing() as session:
        for one in range(number):
            case = open_case(session, town, address=f"{name}{one}@example.com")
            for who in ("head", "worker"):
                account = session.get_one(Account, town.accounts[who].id)
                cases.add_note(session, office, case, account, text="Una nota")
        return case.id


def test_a_list_asks_no_more_for_many_cases_than_for_few(office: Office, town: Institution) -> None:
    open_cases(office, town, "pocos", 5)
    # A head's dependencias and their mailboxes are asked for besides.
    for name, most in (("oficialia", 9), ("head", 11), ("worker", 9)):
        clerk = Clerk(office, town.accounts[name])
        few = asked_by(office, clerk, "/admin/?bandeja=all")
        assert len(few) <= most, few
    open_cases(office, town, "muchos", 45)
    assert len(asked_by(office, clerk, "/admin/?bandeja=all")) == len(few)


def test_a_case_asks_no_more_for_a_long_thread_than_for_a_short_one(
    office: Office, town: Institution
) -> None:
    number = open_cases(office, town, "uno", 1)
    clerk = Clerk(office, town.accounts["oficialia"])
    short = asked_by(office, clerk, f"/admin/casos/{number}")
    assert len(short) <= 16, short
    with office.database.writing() as session:
        case = session.get_one(Ticket, number)
        for text in range(15):
            write_message(session, case, text=f"Otra cosa, la número {text}.", sender_name="Lucía Gómez",
                          sender_address="uno0@example.com")  # fmt: skip
    assert len(asked_by(office, clerk, f"/admin/casos/{number}")) == len(short)
    with office.database.writing() as session:
        session.add(Blob(sha256="0" * 64, size=1, content=b"0"))
        session.flush()
        for message in session.scalars(select(Message).where(Message.case_id == number)):
            session.add(Attachment(message=message, filename="plano.pdf", content_type="application/pdf",
                                   size=1, sha256="0" * 64))  # fmt: skip
    # The files of all messages are asked for at once.
    assert len(asked_by(office, clerk, f"/admin/casos/{number}")) == len(short) + 1
