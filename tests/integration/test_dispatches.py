"""Deliveries from the request to the filed acuse, guías that nobody gets twice, and acuses that are owed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pypdfium2
import pytest
import zxingcpp
from sqlalchemy import select
from sqlalchemy.orm import Session

from intake import cases, clock
from intake.config import Settings
from intake.deliveries import dispatches, guias
from intake.deliveries.delivery_acts import Act, accept, set_aside, take_act
from intake.deliveries.dispatch_sheets import print_route, stop_link
from intake.deliveries.dispatches import DispatchFields
from intake.errors import InvalidInput
from intake.issued import approval, drafts, issuing
from intake.office import Office
from intake.wording import day
from models.base import now
from models.carrier import Carrier, Courier, DispatchKind, Guia, GuiaState
from models.case import Case
from models.dispatch import DeliveryAct, Dispatch, DispatchState, Route
from models.dispatch_report import Grouping, report
from models.event import Event, find_broken_chain, of_case
from models.message import Message
from models.oficio import Oficio
from models.outbox_message import OutboxMessage
from models.person import Account
from models.recipient import Recipient
from models.task import Task, TaskKind, TaskState
from models.ticket import Ticket
from models.workflow import NotAllowed
from tests.support.desk import as_sent
from tests.support.dispatch import Deliveries, found_deliveries, photo, signature
from tests.support.documents import OUTSIDE, acting, fields, poppler
from tests.support.institution import Institution, found_institution, open_case

# For what the statements of both databases could not tell apart.
ONE_DATABASE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
NOW = datetime(2026, 11, 21, 18, 0, tzinfo=UTC)


class Town:
    """An office where a document to somebody outside was sent."""

    def __init__(self, office: Office, people: Institution, deliveries: Deliveries, oficio: int) -> None:
        self.office, self.people, self.deliveries, self.oficio = office, people, deliveries, oficio
        with office.database.reading() as session:
            who = {name: session.get_one(Account, one.id) for name, one in people.accounts.items()}
            self.emails = {name: account.person.email for name, account in who.items()}

    def ask(self, session: Session, by: Account, *, kind: DispatchKind = DispatchKind.LOCAL,
            postal_code: str = "44190", wants_acuse: bool = True) -> Dispatch:  # fmt: skip
        oficio = session.get_one(Oficio, self.oficio)
        wanted = select(Recipient.id).where(Recipient.oficio_id == oficio.id)
        what = DispatchFields(
            kind, "Mtra. Elena Ruiz", "Av. Alcalde 500", postal_code=postal_code, wants_acuse=wants_acuse,
            recipient_id=session.scalar(wanted.limit(1)),
        )  # fmt: skip
        return dispatches.request_dispatch(session, self.office, oficio, by, what)

    def on_the_way(self, session: Session, people: dict[str, Account], **what: object) -> Dispatch:
        made = self.ask(session, people["worker"], **what)  # type: ignore[arg-type]
        self.route(session, people, [made])
        return made

    def route(self, session: Session, people: dict[str, Account], made: list[Dispatch],
              name: str = "Samuel Plascencia") -> None:  # fmt: skip
        courier = session.scalars(select(Courier).where(Courier.name == name)).one()
        dispatches.make_route(session, self.office, made, people["manager"], leaves_on=date(2026, 11, 23),
                              courier=courier)  # fmt: skip


@pytest.fixture
def town(settings: Settings) -> Iterator[Town]:
    office = Office.open(settings)
    with office.database.writing() as session:
        people = found_institution(session)
        deliveries = found_deliveries(session, people)
    with acting(office, people) as (session, who):
        what = fields(people, to=(OUTSIDE,), subject="Secreto de Obras")
        oficio = drafts.create_draft(session, office, who["worker"], what)
        approval.approve(session, office, oficio, who["head"])
        made = oficio.id
    yield Town(office, people, deliveries, made)
    office.database.close()


def delivered(key: str = "a1", **more: object) -> Act:
    values = {"receiver": "Rosa Núñez", "latitude": 20.67, "longitude": -103.34, "accuracy": 12.0, **more}
    return Act(key, DispatchState.DELIVERED, now() - timedelta(hours=2), **values)  # type: ignore[arg-type]


def notices(session: Session, kind: str) -> list[OutboxMessage]:
    wanted = select(OutboxMessage).where(OutboxMessage.kind == kind, OutboxMessage.channel == "email")
    return as_sent(session.scalars(wanted))


def test_a_delivery_runs_from_its_request_to_the_filed_acuse(town: Town) -> None:
    with acting(town.office, town.people) as (session, who):
        made = town.ask(session, who["worker"])
        assert str(made.zone) == "Norte"
        town.route(session, who, [made])
        kinds = session.scalars(select(Task.kind).where(Task.account_id == who["courier"].id)).all()
        assert set(kinds) == {TaskKind.DELIVER, TaskKind.RETURN_ACUSE}
        dispatches.start(session, town.office, made, who["courier"])
        for _ in range(2):
            take_act(session, town.office, made, who["courier"], delivered(), [photo(), signature()])
        number = made.id
    with town.office.database.reading() as session:
        made = session.get_one(Dispatch, number)
        assert (made.state, made.receiver, made.cost_cents) == ("delivered", "Rosa Núñez", 3_000)
        assert made.route is not None and made.route.closed_at is not None
        acts = session.scalars(select(DeliveryAct)).all()
        assert [act.is_applied for act in acts] == [True]
        filed = session.get_one(Message, made.acuse_message_id)
        assert [file.filename for file in filed.attachments] == ["acuse.jpg", "firma.png"]
        assert filed.direction == "note" and filed.case_id == town.oficio
        open_tasks = select(Task).where(Task.case_id == town.oficio, Task.state == TaskState.OPEN)
        assert session.scalars(open_tasks).all() == []
        chain = session.scalars(select(Event).where(of_case(made.case)).order_by(Event.sequence)).all()
        assert find_broken_chain(chain, count=made.case.event_count, head=made.case.event_head) is None
        assert [one.action for one in chain if one.action.startswith("dispatch")] == [
            "dispatch_request", "dispatch_assign", "dispatch_start", "dispatch_deliver",
        ]  # fmt: skip
        last = next(one for one in chain if one.action == "dispatch_deliver")
        assert last.data["place"].startswith("20.67000, -103.34000") and last.data["phone_at"]
        told = notices(session, "dispatch_delivered")
        assert [one.to for one in told] == [[town.emails["worker"]]]
        recipient = session.get_one(Recipient, made.recipient_id)
        assert recipient.delivered_at == made.ended_at


@ONE_DATABASE
def test_with_an_acuse_asked_for_a_signature_on_glass_is_not_enough(town: Town) -> None:
    with acting(town.office, town.people) as (session, who):
        made = town.on_the_way(session, who)
        with pytest.raises(InvalidInput, match="acuse"):
            take_act(session, town.office, made, who["courier"], delivered(), [signature()])
        assert made.state == "assigned"
        other = town.on_the_way(session, who, wants_acuse=False)
        take_act(session, town.office, other, who["courier"], delivered("b2"), [signature()])
        assert other.state == "delivered" and other.acuse_message_id is None


@ONE_DATABASE
def test_an_act_that_comes_after_the_delivery_was_given_to_another_waits_for_a_manager(town: Town) -> None:
    with acting(town.office, town.people) as (session, who):
        made = town.on_the_way(session, who)
        beside = town.ask(session, who["worker"])
        dispatches.unassign(session, town.office, made, who["manager"], reason="Se enfermó")
        town.route(session, who, [made, beside], "Rosa Lara")
        act = take_act(session, town.office, made, who["courier"], delivered(), [photo()])
        assert (act.is_applied, made.state) == (False, "assigned")
        session.flush()
        (told,) = notices(session, "dispatch_late_act")
        assert told.to == [town.emails["manager"]]
        assert "Secreto" not in told.subject + told.text + told.html
        with pytest.raises(InvalidInput):
            take_act(session, town.office, made, who["other"], delivered("c3"), [photo()])
        with pytest.raises(InvalidInput):
            # He once had a delivery of the same document, but never this one.
            take_act(session, town.office, beside, who["courier"], delivered("d4"), [photo()])
        for wrong in ("courier", "stand_in", "worker"):
            with pytest.raises(NotAllowed):
                set_aside(session, act, who[wrong])
    with acting(town.office, town.people) as (session, who):
        act, made = session.get_one(DeliveryAct, act.id), session.get_one(Dispatch, made.id)
        accept(session, town.office, act, who["manager"])
        assert (made.state, made.receiver, made.ended_at) == ("delivered", "Rosa Núñez", act.done_at)
        # Who did it is who carried it, in every report; the stand-in has nothing left to do.
        assert str(made.courier) == "Samuel Plascencia" and act.is_applied
        assert [file.filename for file in session.get_one(Message, made.acuse_message_id).attachments] == [
            "acuse.jpg"
        ]
        assert made.deliver_task.state == made.acuse_task.state == TaskState.DONE  # type: ignore[union-attr]
        with pytest.raises(InvalidInput):
            set_aside(session, act, who["manager"])
        # The stand-in was at that door too, without a net.
        second = take_act(session, town.office, made, who["stand_in"], delivered("e5"), [photo()])
        assert not second.is_applied
        with pytest.raises(NotAllowed), session.begin_nested():
            accept(session, town.office, second, who["manager"])
        set_aside(session, second, who["manager"])
        assert made.receiver == "Rosa Núñez"
        history = session.scalars(select(Event.action).where(of_case(made.case))).all()
        assert history.count("dispatch_late_act") == 2 and history.count("dispatch_accept_late") == 1
        assert history[-1] == "dispatch_set_aside"


Verb = Callable[[Session, Dispatch, dict[str, Account]], object]


def at_once(town: Town, number: int, *verbs: Verb) -> list[str]:
    """What came of each, done at the same moment in transactions of their own: `done`, or why not.

    On PostgreSQL each has read the delivery before any of them changes it.
    """
    begin, outcomes = threading.Barrier(len(verbs)), [""] * len(verbs)
    is_server = town.office.database.engine.dialect.name == "postgresql"

    def run(place: int, verb: Verb) -> None:
        if not is_server:
            begin.wait(20)
        try:
            with acting(town.office, town.people) as (session, who):
                one = session.get_one(Dispatch, number)
                _ = one.case.state, one.guia, one.deliver_task, one.courier and one.courier.account
                if is_server:
                    begin.wait(20)
                verb(session, one, who)
            outcomes[place] = "done"
        except Exception as error:
            outcomes[place] = type(error).__name__

    threads = [threading.Thread(target=run, args=each) for each in enumerate(verbs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return outcomes


def test_two_people_at_once_on_one_delivery_leave_it_whole(town: Town) -> None:
    office = town.office
    with acting(office, town.people) as (session, who):
        number = town.ask(session, who["worker"]).id

    def by_carrier(session: Session, one: Dispatch, who: dict[str, Account]) -> None:
        carrier = session.get_one(Carrier, town.deliveries.carrier.id)
        dispatches.make_route(session, office, [one], who["manager"], leaves_on=date(2026, 11, 23),
                              carrier=carrier)  # fmt: skip

    def by_courier(session: Session, one: Dispatch, who: dict[str, Account]) -> None:
        town.route(session, who, [one])

    def other_guia(session: Session, one: Dispatch, who: dict[str, Account]) -> None:
        dispatches.replace_guia(session, office, one, who["manager"], reason="Rota", instead_of="PV0091")

    def take_out(session: Session, one: Dispatch, who: dict[str, Account]) -> None:
        dispatches.unassign(session, office, one, who["manager"], reason="Va otro")

    def hand_over(session: Session, one: Dispatch, who: dict[str, Account]) -> None:
        take_act(session, office, one, who["courier"], delivered("f6"), [photo()])

    assert sorted(at_once(town, number, by_carrier, by_carrier)) == ["NotAllowed", "done"]
    assert sorted(at_once(town, number, other_guia, other_guia)) == ["InvalidInput", "done"]
    assert state_of(town, number) == ("assigned", ["PV0091 cancelled", "PV0092 used"], 2)
    assert sorted(at_once(town, number, take_out, take_out)) == ["NotAllowed", "done"]
    assert sorted(at_once(town, number, by_courier, by_courier)) == ["NotAllowed", "done"]
    # The courier at the door, and a manager who gives it to somebody else: whoever is second sees it.
    ended, taken = at_once(town, number, hand_over, take_out)
    assert ended == "done" and taken in ("done", "NotAllowed")
    if taken == "done":
        assert state_of(town, number)[0] == "requested"
        act = DeliveryAct.id == select(DeliveryAct.id).scalar_subquery()

        def believe(session: Session, one: Dispatch, who: dict[str, Account]) -> None:
            accept(session, office, session.scalars(select(DeliveryAct).where(act)).one(), who["manager"])

        assert sorted(at_once(town, number, believe, believe)) == ["InvalidInput", "done"]
    assert state_of(town, number) == ("delivered", ["PV0091 cancelled", "PV0092 cancelled"], 0)
    with office.database.reading() as session:
        # Whoever came second drew no number and left no route behind.
        assert [one.folio for one in session.scalars(select(Route).order_by(Route.id))] == [
            f"R-{now().year}-{number:06d}" for number in (1, 2)
        ]
        assert set(session.scalars(select(Route.closed_at.is_not(None)))) == {True}


def state_of(town: Town, number: int) -> tuple[str, list[str], int]:
    """State, guías, and how many tasks of it are open; its history must be whole."""
    with town.office.database.reading() as session:
        one = session.get_one(Dispatch, number)
        is_whole(session, one.case)
        opened = select(Task).where(Task.case_id == one.case_id, Task.state == TaskState.OPEN)
        guias_of = sorted(f"{guia.number} {guia.state}" for guia in one.guias)
        return one.state.value, guias_of, len(session.scalars(opened).all())


def is_whole(session: Session, case: Case) -> list[str]:
    """The actions of its history, which nobody broke."""
    chain = session.scalars(select(Event).where(of_case(case)).order_by(Event.sequence)).all()
    assert find_broken_chain(chain, count=case.event_count, head=case.event_head) is None
    return [one.action for one in chain]


def test_a_delivery_is_told_to_the_case_it_answers_while_others_work_on_it_and_after_it_is_closed(
    town: Town,
) -> None:
    office = town.office
    with acting(office, town.people) as (session, who):
        ticket = open_case(session, town.people)
        cases.take(session, office, ticket, who["worker"])
        answer = drafts.create_draft(session, office, who["worker"], fields(town.people, to=(OUTSIDE,)),
                                     answers=ticket)  # fmt: skip
        approval.approve(session, office, answer, who["head"])
        town.oficio = answer.id
        first, second, third = (town.on_the_way(session, who).id for _ in range(3))
        asked, key = ticket.state, ticket.id

    def hand_over(session: Session, one: Dispatch, who: dict[str, Account]) -> None:
        take_act(session, office, one, who["courier"], delivered(str(one.id)), [photo()])

    def work_on_it(session: Session, _one: Dispatch, who: dict[str, Account]) -> None:
        cases.add_note(session, office, session.get_one(Ticket, key), who["head"], text="Llamaron")

    assert at_once(town, first, hand_over, work_on_it, work_on_it) == ["done"] * 3
    with acting(office, town.people) as (session, who):
        ticket = session.get_one(Ticket, key)
        assert ticket.state == asked
        actions = is_whole(session, ticket)
        assert (actions.count("dispatch_deliver"), actions.count("note")) == (1, 2)
        cases.resolve(session, office, ticket, who["worker"])
        cases.close(session, office, ticket, who["oficialia"])
    assert at_once(town, second, hand_over) == ["done"]
    with acting(office, town.people) as (session, who):
        ticket = session.get_one(Ticket, key)
        assert is_whole(session, ticket)[-1] == "dispatch_deliver"
        assert (ticket.state, session.get_one(Dispatch, second).state) == ("closed", "delivered")
        # The document is cancelled: what is on its way may still be told, nothing more leaves.
        answer = session.get_one(Oficio, town.oficio)
        waiting = town.ask(session, who["worker"])
        issuing.cancel(session, office, answer, who["head"], reason="Error en el monto")
        with pytest.raises(InvalidInput, match="cancelado"), session.begin_nested():
            town.route(session, who, [waiting])
        dispatches.withdraw(session, office, waiting, who["manager"], reason="Se canceló")
        back = Act("r9", DispatchState.RETURNED, now(), reason="Documento cancelado")
        take_act(session, office, session.get_one(Dispatch, third), who["courier"], back, [])
        assert session.get_one(Dispatch, third).state == "returned"


def test_what_came_back_may_be_tried_again_and_its_history_stays(town: Town) -> None:
    with acting(town.office, town.people) as (session, who):
        made = town.on_the_way(session, who)
        back = Act("r1", DispatchState.RETURNED, now(), reason="Cerrado por inventario")
        take_act(session, town.office, made, who["courier"], back, [])
        assert (made.state, made.reason) == ("returned", "Cerrado por inventario")
        session.flush()
        assert "Cerrado por inventario" in notices(session, "dispatch_returned")[0].text
        with pytest.raises(NotAllowed):
            dispatches.ask_again(session, town.office, made, who["courier"])
        dispatches.ask_again(session, town.office, made, who["worker"])
        town.route(session, who, [made])
        take_act(session, town.office, made, who["courier"], delivered(), [photo()])
        rows = report(session, Grouping.ZONE, NOW - timedelta(days=900), now() + timedelta(days=1))
        assert [(row.name, row.asked, row.delivered, row.returned) for row in rows] == [("Norte", 1, 1, 0)]


@ONE_DATABASE
def test_only_an_issued_document_that_was_sent_is_delivered_and_only_for_who_reads_it(town: Town) -> None:
    with acting(town.office, town.people) as (session, who):
        for name in ("admin", "courier", "manager", "other"):
            with pytest.raises(NotAllowed):
                town.ask(session, who[name])
        draft = drafts.create_draft(session, town.office, who["worker"], fields(town.people, to=(OUTSIDE,)))
        what = DispatchFields(DispatchKind.LOCAL, "Elena", "Alcalde 500")
        with pytest.raises(NotAllowed):
            dispatches.request_dispatch(session, town.office, draft, who["worker"], what)
        with pytest.raises(NotAllowed):
            dispatches.deliver(session, town.office, town.ask(session, who["worker"]), who["worker"],
                               receiver="Yo", at=now(), files=[photo()])  # fmt: skip


@ONE_DATABASE
def test_an_acuse_that_is_not_back_is_told_once_until_the_next_reminder(town: Town) -> None:
    with acting(town.office, town.people) as (session, who):
        made = town.on_the_way(session, who)
        due = made.acuse_due_at
        # Five working days after Monday the 23rd, when the office closes.
        assert due is not None and due.astimezone(town.office.settings.zone).date() == date(2026, 11, 30)
    clock.sweep(town.office, due - timedelta(minutes=1))
    with town.office.database.reading() as session:
        assert notices(session, "acuse_owed") == []
    for hours in (0, 1, 80):
        clock.sweep(town.office, due + timedelta(hours=hours))
    with town.office.database.reading() as session:
        told = notices(session, "acuse_owed")
        assert len(told) == 2
        assert set(told[0].to) == {town.emails["courier"], town.emails["manager"]}
        assert "Secreto" not in told[0].subject + told[0].text + told[0].html


def test_two_clerks_at_the_same_moment_never_get_the_same_guia(town: Town) -> None:
    manager, failures = town.people.accounts["manager"], list[Exception]()
    begin = threading.Barrier(2)

    def take() -> None:
        try:
            begin.wait(10)
            for _ in range(10):
                with town.office.database.writing() as session:
                    carrier = session.get_one(Carrier, town.deliveries.carrier.id)
                    by = session.get_one(Account, manager.id)
                    guias.take_guia(session, town.office, carrier, by, None)
        except Exception as error:
            failures.append(error)

    with town.office.database.writing() as session:
        # One of them was typed by hand before its turn came.
        carrier, by = (
            session.get_one(Carrier, town.deliveries.carrier.id),
            session.get_one(Account, manager.id),
        )
        guias.take_guia(session, town.office, carrier, by, None, number="pv0095")
    threads = [threading.Thread(target=take) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    with town.office.database.reading() as session:
        numbers = session.scalars(select(Guia.number).order_by(Guia.number)).all()
        assert numbers == [f"PV{number:04d}" for number in range(91, 112)]
        # 30 were there: the warning came once, when 19 were left.
        assert [one.subject for one in notices(session, "guias_low")] == [
            "Quedan 19 guías de Paquetería Veloz"
        ]


@ONE_DATABASE
def test_a_cancelled_guia_stays_and_the_next_one_is_another(town: Town, tmp_path: Path) -> None:
    with acting(town.office, town.people) as (session, who):
        made = town.ask(session, who["worker"], kind=DispatchKind.FORANEA, postal_code="06000")
        carrier = session.get_one(Carrier, town.deliveries.carrier.id)
        route = dispatches.make_route(session, town.office, [made], who["manager"],
                                      leaves_on=date(2026, 11, 23), carrier=carrier)  # fmt: skip
        assert made.guia is not None and (made.guia.number, made.cost_cents) == ("PV0091", 18_900)
        with pytest.raises(InvalidInput):
            dispatches.replace_guia(session, town.office, made, who["manager"], reason=" ")
        dispatches.replace_guia(session, town.office, made, who["manager"], reason="Se rompió la etiqueta")
        guias.spoil_next(session, town.office, carrier, who["manager"], reason="Vino sin pegamento")
        kept = session.scalars(select(Guia).order_by(Guia.number)).all()
        assert [(one.number, one.state) for one in kept] == [
            ("PV0091", GuiaState.CANCELLED), ("PV0092", GuiaState.USED), ("PV0093", GuiaState.CANCELLED),
        ]  # fmt: skip
        for first, last in (("0120", "0130"), ("0080", "0091")):
            with pytest.raises(InvalidInput):
                guias.add_range(session, who["manager"], carrier, prefix="PV", first=first, last=last,
                                received_on=date(2026, 11, 3))  # fmt: skip
        sheet = print_route(session, town.office, route)
        picture = pypdfium2.PdfDocument(sheet)[0].render(scale=2).to_pil()
        assert [code.text for code in zxingcpp.read_barcodes(picture)] == [stop_link(town.office, made)]
        printed = poppler("pdftotext", sheet, tmp_path, "-layout")
        assert "PV0092" in printed and "Av. Alcalde 500" in printed and made.case.folio in printed
        assert "Secreto" not in printed
        assert f"Sale el {day(route.leaves_on)}" in printed
