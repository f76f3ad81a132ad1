"""What the API promises while others write: pages that skip and repeat nothing, and requests done once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import func, select, update

from admin.app import create_app
from intake.config import Settings
from intake.office import Office
from intake.programs.tokens import purge
from models.api_token import IdempotencyKey
from models.base import now
from models.case import Case
from models.message import Message
from tests.support.api import Program
from tests.support.institution import Institution, found_institution, open_case
from tests.support.panel import give_logins

NOTE = {"text": "Solo una vez"}


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
        for number in range(7):
            open_case(session, town, subject=f"Asunto {number}", address=f"ana{number}@example.com")
    return town


def test_reading_on_misses_nothing_and_repeats_nothing_while_cases_move(
    office: Office, town: Institution
) -> None:
    app = create_app(office)
    for name in ("oficialia", "head", "worker"):
        program = Program(app, office, town.accounts[name])
        with office.database.reading() as session:
            before = list(session.scalars(select(Case.folio).order_by(Case.id)))
        read, page = [], program.get("/cases?limit=3").json
        while True:
            read += [one["folio"] for one in page["items"]]
            if page["next"] is None:
                break
            # The first goes to the top of every tray, and another arrives.
            program.post(f"/cases/{before[0]}/notes", {"text": "Se mueve"})
            with office.database.writing() as session:
                open_case(session, town, subject="Otro", address=f"{name}{len(read)}@example.com")
            page = program.get(f"/cases?limit=3&cursor={page['next']}").json
        assert read[: len(before)] == before and len(read) == len(set(read)) > len(before)


def test_a_cursor_is_good_for_its_own_list_and_account_only(office: Office, town: Institution) -> None:
    app = create_app(office)
    head, worker = (Program(app, office, town.accounts[name]) for name in ("head", "worker"))
    cursor = head.get("/cases?limit=2").json["next"]
    assert head.get(f"/cases?limit=5&cursor={cursor}").status_code == 200
    for program, query in (
        (worker, f"cursor={cursor}"),
        (head, f"state=new&cursor={cursor}"),
        (head, f"cursor={cursor[:-2]}xx"),
        (head, "cursor=WzEsMl0.x"),
    ):
        refused = program.get(f"/cases?{query}")
        assert refused.status_code == 404 and refused.json["code"] == "no_such_page"


def test_of_two_requests_with_one_key_at_the_same_moment_one_is_done_and_both_are_answered_alike(
    office: Office, town: Institution
) -> None:
    app = create_app(office)
    program = Program(app, office, town.accounts["head"])
    start = Barrier(4)

    def ask(_: int) -> tuple[int, str, bool]:
        start.wait()
        answer = program.post("/cases/T-2026-000001/notes", NOTE, key="una-vez")
        return answer.status_code, answer.text, "Idempotency-Replayed" in answer.headers

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(ask, range(4)))
    assert {answer[:2] for answer in answers} == {(201, answers[0][1])}
    assert sorted(answer[2] for answer in answers) == [False, True, True, True]
    with office.database.reading() as session:
        written = select(func.count()).select_from(Message).where(Message.reply_text == NOTE["text"])
        assert session.scalar(written) == 1


def test_a_key_answers_no_other_request_nor_another_token_and_is_forgotten_after_a_day(
    office: Office, town: Institution
) -> None:
    app = create_app(office)
    program, other = (Program(app, office, town.accounts["head"]) for _ in range(2))
    path = "/cases/T-2026-000001/notes"
    first = program.post(path, NOTE, key='"k1"')
    assert program.post(path, NOTE, key="k1").json == first.json
    reused = program.post(path, {"text": "Otra"}, key="k1")
    assert reused.status_code == 422 and reused.json["code"] == "key_reused"
    assert program.post("/cases/T-2026-000002/notes", NOTE, key="k1").status_code == 422
    assert other.post(path, NOTE, key="k1").json != first.json
    # A no is an answer as well.
    no = program.post("/cases/T-2026-000001/actions/cancel", key="k2")
    assert program.post("/cases/T-2026-000001/actions/cancel", key="k2").json == no.json
    with office.database.writing() as session:
        session.execute(update(IdempotencyKey).values(created_at=now().replace(year=2001)))
    purge(office, now())
    assert program.post(path, {"text": "Otra"}, key="k1").status_code == 201
