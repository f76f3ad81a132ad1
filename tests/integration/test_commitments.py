"""What is promised for a case: by service, priority, piece and range; pauses; and who is told in time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from sqlalchemy import select

from intake import cases, merging, tickets, turnos
from intake.clock import sweep
from intake.errors import InvalidInput
from intake.office import Office
from models.base import Base
from models.calendar import Calendar, DayOff
from models.case import Case, Priority
from models.commitment import CaseCommitment, CasePause, Commitment, PauseReason
from models.event import Event
from models.message import Message
from models.person import Account
from models.service import Service
from models.ticket import Ticket
from models.workflow import NotAllowed
from tests.support.desk import arrive, notices
from tests.support.institution import Institution, found_institution
from tests.support.mails import make_mail

# Which moment is promised is no question of the database; what is looked up by it is proven on both.
pytestmark = pytest.mark.on_sqlite

ZONE = ZoneInfo("America/Mexico_City")


def local(day: int, hour: int, minute: int = 0, month: int = 11) -> datetime:
    # November 2026: the 16th is a holiday, the 18th a Wednesday, the 20th a Friday.
    return datetime(2026, month, day, hour, minute, tzinfo=ZONE)


@pytest.fixture
def town(office: Office) -> Institution:
    with office.database.writing() as session:
        town = found_institution(session)
        town.support.first_answer_minutes, town.support.solution_minutes = 60, 720
    return town


@contextmanager
def moment(day: int, hour: int, minute: int = 0, month: int = 11) -> Iterator[None]:
    with time_machine.travel(local(day, hour, minute, month), tick=True):
        yield


def change_service(office: Office, town: Institution, **values: object) -> None:
    with office.database.writing() as session:
        service = session.get_one(Service, town.support.id)
        for name, value in values.items():
            setattr(service, name, value)


def ask(office: Office, day: int = 18, hour: int = 10, minute: int = 0, raw: bytes = b"") -> int:
    with moment(day, hour, minute):
        return arrive(office, raw or make_mail())


def get(office: Office, case_id: int) -> Case:
    with office.database.reading() as session:
        return session.get_one(Case, case_id)


def promised(office: Office, case_id: int) -> CaseCommitment:
    with office.database.reading() as session:
        return session.get_one(CaseCommitment, case_id)


def due(office: Office, case_id: int) -> datetime | None:
    found = get(office, case_id).due_at
    return to_the_minute(found) if found else None


def to_the_minute(found: datetime) -> datetime:
    """Seconds pass while a test runs, and a pause may give or take one."""
    return (found + timedelta(seconds=30)).replace(second=0, microsecond=0)


def act(office: Office, case_id: int, by: Account, verb: str, **values: object) -> None:
    with office.database.writing() as session:
        case, who = session.get_one(Case, case_id), session.get_one(Account, by.id)
        verbs = {
            "answer": cases.answer, "take": cases.take, "resolve": cases.resolve, "reopen": cases.reopen,
            "priority": cases.change_priority, "assign": turnos.assign, "agree": tickets.agree_date,
            "quantity": tickets.set_quantity, "service": tickets.change_service, "cancel": cases.cancel,
        }  # fmt: skip
        own = {
            name: session.merge(value) if isinstance(value, Base) else value for name, value in values.items()
        }
        verbs[verb](session, office, case, who, **own)  # type: ignore[operator]


def answer(office: Office, case_id: int, by: Account, then: str = "answer") -> None:
    act(office, case_id, by, "answer", text="¿Cuál impresora?", to=["ana@correo.example"], then=then)


def follow_up(office: Office, case_id: int) -> None:
    folio = get(office, case_id).folio
    arrive(
        office, make_mail(subject=f"Re: [{folio}]", text="La de ventanilla 3.", message_id="otra@x.example")
    )


def clock_at(office: Office, *when: int) -> None:
    with moment(*when):
        sweep(office, datetime.now(ZONE))


def actions(office: Office, case_id: int) -> list[str]:
    with office.database.reading() as session:
        wanted = select(Event.action).where(Event.case_id == case_id, Event.actor == "clock")
        return list(session.scalars(wanted.order_by(Event.id)))


# What is promised


@pytest.mark.on_both
def test_a_service_promises_a_first_answer_and_a_solution_in_working_time(
    office: Office, town: Institution
) -> None:
    case_id = ask(office, 18, 14, 30)
    assert due(office, case_id) == local(20, 14, 30)
    row = promised(office, case_id)
    assert row.answer_due_at is not None
    assert to_the_minute(row.answer_due_at) == local(19, 9, 30)


def test_a_priority_may_promise_something_else(office: Office, town: Institution) -> None:
    with office.database.writing() as session:
        session.add(Commitment(service_id=town.support.id, priority=Priority.URGENT, solution_minutes=60))
    case_id = ask(office)
    with moment(18, 10, 20):
        act(office, case_id, town.accounts["oficialia"], "priority", priority=Priority.URGENT)
        sweep(office, datetime.now(ZONE))
    # From the beginning, not from the change; the first answer keeps the minutes of the service.
    assert due(office, case_id) == local(18, 11)
    assert promised(office, case_id).answer_minutes == 60


def test_credentials_take_five_minutes_each(office: Office, town: Institution) -> None:
    change_service(office, town, solution_minutes=None, unit_minutes=5, unit_name="credencial")
    case_id = ask(office)
    assert due(office, case_id) == local(18, 10, 5)
    with moment(18, 10, 1):
        act(office, case_id, town.accounts["oficialia"], "quantity", quantity=14)
    assert due(office, case_id) == local(18, 11, 10)


@pytest.mark.parametrize("quantity", [0, -1, 100_001])
def test_nobody_asks_for_no_pieces_or_a_hundred_thousand(
    office: Office, town: Institution, quantity: int
) -> None:
    change_service(office, town, unit_minutes=5)
    case_id = ask(office)
    with pytest.raises(InvalidInput):
        act(office, case_id, town.accounts["oficialia"], "quantity", quantity=quantity)


def test_pieces_are_only_counted_where_they_are_promised(office: Office, town: Institution) -> None:
    case_id = ask(office)
    with pytest.raises(InvalidInput):
        act(office, case_id, town.accounts["oficialia"], "quantity", quantity=3)


@pytest.fixture
def project(office: Office, town: Institution) -> int:
    """A web platform: one week to three months, the date agreed for each project (manual O)."""
    change_service(office, town, solution_minutes=None, agreed_from="P1W", agreed_to="P3M")
    return ask(office, 20, 10)


def test_a_project_is_due_at_the_end_of_the_range_until_a_date_is_agreed(
    office: Office, town: Institution, project: int
) -> None:
    # Three months after 20 November is Saturday 20 February.
    assert due(office, project) == local(22, 15, month=2).replace(year=2027)
    with moment(23, 10):
        act(office, project, town.accounts["head"], "agree", on=date(2026, 12, 4))
    assert due(office, project) == local(4, 15, month=12)


@pytest.mark.parametrize(
    ("on", "key"),
    [
        (date(2026, 11, 26), "agreed_range"),
        (date(2027, 2, 23), "agreed_range"),
        (date(2026, 12, 25), "agreed_day_off"),
        (date(9999, 12, 31), "year_far"),
    ],
)
def test_a_date_outside_the_range_or_on_a_day_off_is_refused_and_says_which_is_possible(
    office: Office, town: Institution, project: int, on: date, key: str
) -> None:
    before = due(office, project)
    with moment(23, 10), pytest.raises(InvalidInput) as refused:
        act(office, project, town.accounts["head"], "agree", on=on)
    assert refused.value.key == key and refused.value.values
    assert due(office, project) == before


@pytest.mark.parametrize("year", [20, 2206, 9999])
def test_a_due_date_with_a_mistyped_year_is_refused(office: Office, town: Institution, year: int) -> None:
    case_id = ask(office)
    before, by = due(office, case_id), town.accounts["head"]
    with moment(18, 11), pytest.raises(InvalidInput) as refused:
        act(office, case_id, by, "assign", dependencia=town.systems, account=town.accounts["worker"],
            due_at=datetime(year, 12, 31, 23, 59, tzinfo=ZONE))  # fmt: skip
    assert refused.value.key == "year_far" and str(year) in str(refused.value)
    assert due(office, case_id) == before


def test_a_requester_does_not_set_dates(office: Office, town: Institution, project: int) -> None:
    with moment(23, 10), pytest.raises(NotAllowed):
        act(office, project, town.accounts["other"], "agree", on=date(2026, 12, 4))


def test_a_service_with_hours_of_its_own_promises_in_them(office: Office, town: Institution) -> None:
    with office.database.writing() as session:
        session.add(Calendar(name="Palacio"))
        session.flush()
        guard = Calendar(name="Guardia", zone="America/Cancun", keeps_holidays=False)
        for day in ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"):
            setattr(guard, day, "00:00-24:00")
        session.add(guard)
        session.flush()
        session.get_one(Service, town.support.id).calendar_id = guard.id
    case_id = ask(office, 21, 22)
    assert due(office, case_id) == local(22, 10)


def test_own_days_off_are_no_working_days(office: Office, town: Institution) -> None:
    with office.database.writing() as session:
        session.add(DayOff(name="Feria", starts_on=date(2026, 11, 19), ends_on=date(2026, 11, 20)))
    assert due(office, ask(office, 18, 14, 30)) == local(24, 14, 30)


@pytest.mark.on_both
def test_another_service_promises_anew_from_the_beginning(office: Office, town: Institution) -> None:
    with office.database.writing() as session:
        other = Service(slug="otro", name="Otro", dependencia_id=town.systems.id, solution_minutes=120)
        session.add(other)
    case_id = ask(office)
    with office.database.reading() as session:
        other = session.scalars(select(Service).where(Service.slug == "otro")).one()
    with moment(18, 11):
        act(office, case_id, town.accounts["head"], "service", service=other)
    assert due(office, case_id) == local(18, 12)
    assert promised(office, case_id).answer_minutes is None


def test_without_a_promise_nothing_falls_due(office: Office, town: Institution) -> None:
    change_service(office, town, first_answer_minutes=None, solution_minutes=None)
    case_id = ask(office)
    assert due(office, case_id) is None
    with office.database.reading() as session:
        assert session.scalars(select(CaseCommitment)).all() == []


def test_a_catalogue_that_changes_breaks_no_promise(office: Office, town: Institution) -> None:
    case_id = ask(office)
    change_service(office, town, solution_minutes=60)
    clock_at(office, 18, 10, 30)
    assert due(office, case_id) == local(20, 10)


@pytest.mark.on_both
def test_whoever_hands_a_case_on_may_say_by_when(office: Office, town: Institution) -> None:
    case_id = ask(office)
    with moment(18, 11):
        act(office, case_id, town.accounts["oficialia"], "assign", dependencia=town.systems,
            due_at=local(30, 20))  # fmt: skip
    clock_at(office, 18, 12)
    assert due(office, case_id) == local(30, 20)


def test_the_date_that_the_form_shows_sent_back_changes_nothing(office: Office, town: Institution) -> None:
    case_id = ask(office)
    shown = due(office, case_id)
    with moment(18, 11):
        act(office, case_id, town.accounts["oficialia"], "assign", dependencia=town.systems, due_at=shown)
    assert promised(office, case_id).agreed_at is None


# Pauses


@pytest.mark.on_both
def test_the_clock_stands_still_while_the_requester_owes_an_answer(office: Office, town: Institution) -> None:
    case_id = ask(office)
    with moment(18, 11):
        answer(office, case_id, town.accounts["worker"], "answer_and_wait")
    with moment(19, 13):
        follow_up(office, case_id)
        sweep(office, datetime.now(ZONE))
    # One of twelve hours was used; eleven are left from Thursday 13:00.
    assert due(office, case_id) == local(23, 12)
    with office.database.reading() as session:
        (pause,) = session.scalars(select(CasePause)).all()
        assert pause.reason == PauseReason.REQUESTER and pause.ended_at is not None
        assert to_the_minute(pause.started_at) == local(18, 11)


@pytest.mark.on_both
def test_no_deadline_is_missed_while_the_clock_stands_still(office: Office, town: Institution) -> None:
    case_id = ask(office)
    with moment(18, 11):
        answer(office, case_id, town.accounts["worker"], "answer_and_wait")
    clock_at(office, 30, 12)
    assert not get(office, case_id).is_overdue and notices(office, "overdue") == []
    with moment(30, 12, 30):
        follow_up(office, case_id)
    # The first sweep already knows that there is more time.
    clock_at(office, 30, 12, 31)
    assert not get(office, case_id).is_overdue and notices(office, "overdue") == []


def test_every_verb_that_ends_the_waiting_starts_the_clock(office: Office, town: Institution) -> None:
    worker, head = town.accounts["worker"], town.accounts["head"]
    for number, verb in enumerate(("assign", "answer", "follow_up", "reopen")):
        sender = f"ana{number}@correo.example"
        case_id = ask(office, raw=make_mail(sender, subject=f"Impresora {number}"))
        with moment(18, 11):
            answer(office, case_id, worker, "answer_and_wait")
        with moment(19, 13):
            if verb == "assign":
                act(office, case_id, head, "assign", dependencia=town.systems)
            elif verb == "follow_up":
                folio = get(office, case_id).folio
                arrive(office, make_mail(sender, subject=f"[{folio}]"), sender=sender)
            elif verb == "reopen":
                act(office, case_id, worker, "resolve")
                act(office, case_id, worker, "reopen")
            else:
                answer(office, case_id, worker)
            sweep(office, datetime.now(ZONE))
        assert due(office, case_id) == local(23, 12), verb


def test_the_time_in_which_it_was_held_to_be_done_does_not_count(office: Office, town: Institution) -> None:
    case_id = ask(office)
    with moment(18, 12):
        act(office, case_id, town.accounts["worker"], "take")
        act(office, case_id, town.accounts["worker"], "resolve")
    assert promised(office, case_id).solved_at is not None
    with moment(25, 9):
        act(office, case_id, town.accounts["worker"], "reopen")
        sweep(office, datetime.now(ZONE))
    assert promised(office, case_id).solved_at is None
    # Ten hours were left.
    assert due(office, case_id) == local(26, 13)


# Who is told


@pytest.mark.on_both
def test_the_holder_is_warned_while_there_is_time_and_then_told_it_is_too_late(
    office: Office, town: Institution
) -> None:
    case_id = ask(office)
    with moment(18, 10, 10):
        answer(office, case_id, town.accounts["worker"])
    # Due on the 20th at 10:00. Of twelve hours promised, three are left at 13:00 of the day before.
    clock_at(office, 19, 12, 50)
    assert notices(office, "due_soon") == []
    for minute in (5, 6):
        clock_at(office, 19, 13, minute)
    (warning,) = notices(office, "due_soon")
    assert warning.to == ["tomas@example.gob.mx"] and "viernes 20 de noviembre" in warning.text
    for minute in (5, 6):
        clock_at(office, 20, 10, minute)
    (late,) = notices(office, "overdue")
    assert late.to == ["tomas@example.gob.mx"] and get(office, case_id).is_overdue
    assert notices(office, "escalated") == []
    for minute in (5, 6):
        clock_at(office, 20, 13, minute)
    (escalated,) = notices(office, "escalated")
    assert escalated.to == ["jaime@example.gob.mx"] and "Tomás Ibarra" in escalated.text
    assert actions(office, case_id) == ["due_soon", "overdue", "escalated"]


@pytest.mark.on_both
def test_a_first_answer_that_does_not_come_is_told_and_shown_as_overdue(
    office: Office, town: Institution
) -> None:
    case_id = ask(office)
    clock_at(office, 18, 10, 50)
    assert [notice.to for notice in notices(office, "due_soon")] == [["jaime@example.gob.mx"]]
    clock_at(office, 18, 11, 1)
    assert get(office, case_id).is_overdue and len(notices(office, "answer_overdue")) == 1
    with moment(18, 11, 5):
        answer(office, case_id, town.accounts["worker"])
        sweep(office, datetime.now(ZONE))
    assert not get(office, case_id).is_overdue
    # The solution's own deadline is told although the first answer's was.
    clock_at(office, 20, 10, 5)
    assert get(office, case_id).is_overdue and len(notices(office, "overdue")) == 1


@pytest.mark.on_both
def test_a_head_that_lets_it_pass_is_not_told_twice_but_who_is_above(
    office: Office, town: Institution
) -> None:
    with office.database.writing() as session:
        oficialia = session.get_one(Account, town.accounts["oficialia"].id)
        oficialia.role = town.accounts["head"].role
    ask(office)
    clock_at(office, 18, 11, 1)
    clock_at(office, 18, 11, 20)
    (escalated,) = notices(office, "escalated")
    assert escalated.to == ["ofelia@example.gob.mx"] and "nadie todavía" in escalated.text


def test_an_answer_in_time_is_kept_and_nobody_is_told(office: Office, town: Institution) -> None:
    case_id = ask(office)
    with moment(18, 10, 20):
        answer(office, case_id, town.accounts["worker"])
    for hour in (11, 13):
        clock_at(office, 18, hour)
    assert promised(office, case_id).answered_at is not None
    assert notices(office, "due_soon") == notices(office, "answer_overdue") == []


def test_a_note_is_no_answer(office: Office, town: Institution) -> None:
    case_id = ask(office)
    with office.database.writing() as session, moment(18, 10, 20):
        worker = session.get_one(Account, town.accounts["worker"].id)
        cases.add_note(session, office, session.get_one(Case, case_id), worker, text="Es la de siempre.")
    assert promised(office, case_id).answered_at is None


def test_what_was_cancelled_promises_nothing_more(office: Office, town: Institution) -> None:
    case_id = ask(office)
    with moment(18, 10, 20):
        act(office, case_id, town.accounts["head"], "cancel", reason="Duplicada")
    for hour in (11, 13):
        clock_at(office, 25, hour)
    assert notices(office, "overdue") == notices(office, "answer_overdue") == []
    assert promised(office, case_id).next_at is None


@pytest.mark.on_both
def test_a_deadline_that_moved_on_is_told_again(office: Office, town: Institution) -> None:
    case_id = ask(office)
    with moment(18, 10, 10):
        answer(office, case_id, town.accounts["worker"])
    clock_at(office, 19, 13, 5)
    with moment(19, 13, 10):
        act(office, case_id, town.accounts["head"], "agree", on=date(2026, 11, 30))
    clock_at(office, 20, 12)
    assert len(notices(office, "due_soon")) == 1
    clock_at(office, 30, 9, 5)
    assert len(notices(office, "due_soon")) == 2


@pytest.mark.on_both
def test_what_is_split_off_keeps_the_deadline(office: Office, town: Institution) -> None:
    case_id = ask(office)
    with moment(18, 10, 30):
        follow_up(office, case_id)
    with office.database.writing() as session, moment(18, 10, 40):
        case = session.get_one(Ticket, case_id)
        second = session.scalars(select(Message).order_by(Message.id.desc())).first()
        assert second is not None
        head = session.get_one(Account, town.accounts["head"].id)
        split = merging.split(session, office, case, head, message=second)
        assert split.due_at == case.due_at


@pytest.mark.on_both
def test_a_sweep_with_nothing_to_tell_takes_no_write_lock(office: Office, town: Institution) -> None:
    ask(office)
    with office.database.writing() as session:
        # SQLite has one writer: a sweep that wanted to write would wait here until it failed.
        session.execute(select(Case))
        clock_at(office, 18, 10, 5)


@pytest.mark.on_both
def test_the_clock_looks_again_when_there_will_be_something_to_tell(
    office: Office, town: Institution
) -> None:
    case_id = ask(office)
    for now_, then in (((18, 10, 5), (18, 10, 45)), ((18, 10, 50), (18, 11)), ((18, 11, 1), (18, 11, 15))):
        clock_at(office, *now_)
        found = promised(office, case_id).next_at
        assert found is not None and to_the_minute(found) == local(*then)
