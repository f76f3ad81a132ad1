"""What time brings: missed deadlines, snoozes that end, mail that nobody processed. On both databases."""

from __future__ import annotations

import threading
from datetime import timedelta

from sqlalchemy import select

from intake.clock import sweep
from intake.office import Office
from models.base import now
from models.event import Event
from models.inbound_mail import InboundStatus
from models.ticket import Ticket
from models.workflow import State, enter
from tests.support.desk import later, notices
from tests.support.institution import Institution, open_case, spool

RAW = b"From: ana@correo.example\n\nHola"


def open_ticket(office: Office, town: Institution, *, held: bool = True, due_in: float = -1) -> int:
    """A ticket held by the worker, due in so many hours."""
    with office.database.writing() as session:
        ticket = open_case(session, town, address=f"ana{now().timestamp()}@correo.example")
        ticket.due_at = now() + timedelta(hours=due_in)
        ticket.holder_id = town.accounts["worker"].id if held else None
        return ticket.id


def get(office: Office, ticket: int) -> Ticket:
    with office.database.reading() as session:
        return session.get_one(Ticket, ticket)


def actions(office: Office, ticket: int) -> list[str]:
    with office.database.reading() as session:
        return list(session.scalars(select(Event.action).where(Event.case_id == ticket).order_by(Event.id)))


def test_a_missed_deadline_is_flagged_and_told_to_the_holder_once(office: Office, town: Institution) -> None:
    ticket = open_ticket(office, town)
    for _ in range(3):
        sweep(office, now())
    assert get(office, ticket).is_overdue
    assert actions(office, ticket) == ["overdue"]
    (notice,) = notices(office, "overdue")
    assert notice.to == ["tomas@example.gob.mx"] and notice.auto_submitted == "auto-generated"
    assert "Venció el plazo" in notice.html and get(office, ticket).folio in notice.subject


def test_while_nobody_holds_a_case_its_heads_are_told(office: Office, town: Institution) -> None:
    open_ticket(office, town, held=False)
    sweep(office, now())
    assert notices(office, "overdue")[0].to == ["jaime@example.gob.mx"]


def test_a_deadline_ahead_is_not_missed(office: Office, town: Institution) -> None:
    ticket = open_ticket(office, town, due_in=1)
    sweep(office, now())
    assert not get(office, ticket).is_overdue and notices(office) == []


def test_while_the_requester_owes_an_answer_the_deadline_rests(office: Office, town: Institution) -> None:
    ticket = open_ticket(office, town)
    with office.database.writing() as session:
        enter(session.get_one(Ticket, ticket), State.WAITING)
    sweep(office, now())
    assert not get(office, ticket).is_overdue


def test_a_closed_case_misses_nothing(office: Office, town: Institution) -> None:
    ticket = open_ticket(office, town)
    with office.database.writing() as session:
        enter(session.get_one(Ticket, ticket), State.CLOSED)
    sweep(office, now())
    assert not get(office, ticket).is_overdue


def test_after_waiting_the_same_deadline_is_flagged_but_not_told_again(
    office: Office, town: Institution
) -> None:
    ticket = open_ticket(office, town)
    sweep(office, now())
    for state in (State.WAITING, State.IN_PROGRESS):
        with office.database.writing() as session:
            enter(session.get_one(Ticket, ticket), state)
    sweep(office, now())
    assert get(office, ticket).is_overdue and len(notices(office, "overdue")) == 1


def test_a_deadline_that_was_moved_is_no_longer_missed(office: Office, town: Institution) -> None:
    ticket = open_ticket(office, town)
    sweep(office, now())
    with office.database.writing() as session:
        session.get_one(Ticket, ticket).due_at = now() + timedelta(hours=2)
    sweep(office, now())
    assert not get(office, ticket).is_overdue
    with later(hours=3):
        sweep(office, now())
    assert get(office, ticket).is_overdue and len(notices(office, "overdue")) == 2


def test_more_cases_than_one_batch_are_all_flagged(office: Office, town: Institution) -> None:
    with office.database.writing() as session:
        first = open_case(session, town)
        first.due_at = now() - timedelta(hours=1)
        for number in range(120):
            session.add(
                Ticket(folio=f"T-2020-{number:06}", subject="x", state="new", channel="email",
                       requester_id=first.requester_id, due_at=now() - timedelta(minutes=number + 1))
            )  # fmt: skip
    sweep(office, now())
    with office.database.reading() as session:
        assert all(session.scalars(select(Ticket.is_overdue)))


def test_a_snooze_ends_and_the_case_comes_to_the_top(office: Office, town: Institution) -> None:
    ticket = open_ticket(office, town, due_in=100)
    until = now() + timedelta(hours=5)
    with office.database.writing() as session:
        session.get_one(Ticket, ticket).snoozed_until = until
    sweep(office, now())
    assert get(office, ticket).snoozed_until is not None
    with later(hours=6):
        sweep(office, now())
    woken = get(office, ticket)
    assert woken.snoozed_until is None and woken.last_activity_at == until
    assert actions(office, ticket) == ["snooze_ended"]


# Mail that became nothing (Zammad #1593, FreeScout #5025: silently, with monitoring green).


def test_accepted_mail_that_nobody_processed_for_five_minutes_alarms_the_administrator(
    office: Office, town: Institution
) -> None:
    with office.database.writing() as session:
        spool(session, office, RAW, status=InboundStatus.RECEIVED)
    with later(minutes=4):
        sweep(office, now())
    assert notices(office, "alert") == []
    with later(minutes=6):
        sweep(office, now())
    (notice,) = notices(office, "alert")
    assert notice.to == ["alma@example.gob.mx"]
    assert "1 correo(s) recibidos llevan más de 5 minutos" in notice.text


def test_the_alarm_comes_at_most_once_an_hour_and_again_while_it_lasts(
    office: Office, town: Institution
) -> None:
    with office.database.writing() as session:
        spool(session, office, RAW, status=InboundStatus.RECEIVED)
    for minutes in (6, 20, 50, 67, 100):
        with later(minutes=minutes):
            sweep(office, now())
    assert len(notices(office, "alert")) == 2


def test_a_mail_that_failed_is_told_once_and_the_next_one_again(office: Office, town: Institution) -> None:
    def fail() -> None:
        with office.database.writing() as session:
            mail = spool(session, office, RAW, status=InboundStatus.FAILED)
            mail.processed_at = now()

    fail()
    for hours in (0, 2, 4):
        with later(hours=hours):
            sweep(office, now())
    assert len(notices(office, "alert")) == 1
    with later(hours=5):
        fail()
        sweep(office, now())
    assert ["1 correo(s) fallaron" in notice.text for notice in notices(office, "alert")] == [True, True]


def test_held_mail_waits_for_a_clerk_and_alarms_nobody(office: Office, town: Institution) -> None:
    with office.database.writing() as session:
        spool(session, office, RAW, status=InboundStatus.HELD)
    with later(hours=1):
        sweep(office, now())
    assert notices(office) == []


def test_several_workers_tell_everything_once(office: Office, town: Institution) -> None:
    for _ in range(5):
        open_ticket(office, town)
    with office.database.writing() as session:
        spool(session, office, RAW, status=InboundStatus.FAILED)
    together = threading.Barrier(4)

    def work() -> None:
        together.wait()
        sweep(office, now())

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(notices(office, "overdue")) == 5 and len(notices(office, "alert")) == 1
