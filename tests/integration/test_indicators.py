"""The counts behind the tablero de indicadores are those of the cases, whatever happened and whoever asks."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from shutil import copy

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr
from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.config import Settings
from intake.figures.counting import count_days, counted_through, recount_all
from intake.figures.indicators import Period, Reader, Scope, below
from intake.figures.scheduled_reports import send_due
from intake.office import Office
from intake.running.doctor_figures import examine_counts
from intake.running.findings import Finding, Level
from intake.wording import speaking
from models.base import living_at
from models.case import Case
from models.chat import Rating
from models.commitment import CaseCommitment
from models.day_count import DayCount, DayMark, HourCount
from models.message import Blob
from models.outbox_file import OutboxFile
from models.outbox_message import OutboxMessage
from models.person import Role
from models.scheduled_report import ScheduledReport
from models.service import Service
from models.suggestion import LearnedModel, Outcome, Suggestion
from models.ticket import Ticket
from models.workflow import State, enter
from tests.support.institution import Institution, found_institution, open_case
from tests.support.panel import Clerk, give_logins

BEGIN = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


@dataclass
class Life:
    """An office whose days pass quickly."""

    office: Office
    town: Institution
    at: datetime = BEGIN
    cases: list[int] = field(default_factory=list)
    services: list[int] = field(default_factory=list)

    def do(self, what: str, which: int, hours: int) -> None:
        """*hours* later, one thing happens to one case."""
        self.at += timedelta(hours=hours)
        with living_at(self.at):
            if what == "count":
                count_days(self.office)
                return
            with self.office.database.writing() as session:
                if what == "open" or not self.cases:
                    self._open(session, which)
                else:
                    self._change(session, what, self.cases[which % len(self.cases)], which)

    def _open(self, session: Session, which: int) -> None:
        case = open_case(session, self.town, address=f"p{len(self.cases)}@example.com")
        case.service_id = self.services[which % len(self.services)]
        if which % 3:
            session.add(CaseCommitment(case_id=case.id, answer_minutes=30, solution_minutes=600,
                                       answer_due_at=self.at + timedelta(hours=2)))  # fmt: skip
            case.due_at = self.at + timedelta(days=2)
        session.add(Suggestion(case_id=case.id, model_id=1, service_id=self.services[0], words=[]))
        session.flush()
        self.cases.append(case.id)

    def _change(self, session: Session, what: str, case_id: int, which: int) -> None:
        case = session.get_one(Ticket, case_id)
        if what == "end":
            enter(case, (State.RESOLVED, State.CLOSED, State.CANCELLED)[which % 3])
        elif what == "reopen":
            enter(case, State.IN_PROGRESS)
        elif what == "move":
            case.dependencia_id = (self.town.works.id, self.town.systems.id, None)[which % 3]
        elif what == "service":
            case.service_id = self.services[which % len(self.services)]
        elif what == "late":
            case.is_overdue = not case.is_overdue
        elif what == "rate":
            rating = session.get(Rating, case_id) or Rating(case_id=case_id)
            rating.score = which % 5 + 1
            session.add(rating)


def begin(office: Office) -> Life:
    with office.database.writing() as session:
        town = found_institution(session)
        give_logins(session, town)
        other = Service(slug="bacheo", name="Bacheo", dependencia_id=town.works.id)
        session.add_all([other, LearnedModel(id=1, night=date(2026, 1, 1))])
        session.flush()
        return Life(office, town, services=[town.support.id, other.id])


@pytest.fixture
def life(settings: Settings) -> Iterator[Life]:
    office = Office.open(settings)
    yield begin(office)
    office.database.close()


def brute_force(life: Life, through: date) -> tuple[Counter[tuple[object, ...]], Counter[tuple[object, ...]]]:
    """Day, place and measure → number, straight from all the cases, with none of the code under test."""
    zone = life.office.settings.zone
    counts: Counter[tuple[object, ...]] = Counter()
    hours: Counter[tuple[object, ...]] = Counter()
    with life.office.database.reading() as session:
        for case in session.scalars(select(Ticket)):
            place = (case.dependencia_id or 0, case.service_id or 0, case.channel)
            born = case.created_at.astimezone(zone)
            counts[born.date(), *place, "arrivals"] += 1
            counts[born.date(), *place, "still_open"] += case.is_open
            counts[born.date(), *place, "overdue"] += case.is_open and case.is_overdue
            hours[born.date(), place[0], born.hour] += 1
            if case.ended_at is not None:
                on = case.ended_at.astimezone(zone).date()
                counts[on, *place, "ended"] += 1
                if case.state in ("resolved", "closed"):
                    counts[on, *place, "finished"] += 1
            rating = session.get(Rating, case.id)
            if rating is not None:
                on = rating.created_at.astimezone(zone).date()
                counts[on, *place, f"rated_{rating.score}"] += 1
            decided = session.get_one(Suggestion, case.id)
            if decided.decided_at is not None:
                on = decided.decided_at.astimezone(zone).date()
                name = "accepted" if decided.outcome == Outcome.ACCEPTED else "corrected"
                counts[on, *place, name] += 1
    return (
        Counter({key: number for key, number in counts.items() if number and key[0] <= through}),  # type: ignore[operator]
        Counter({key: number for key, number in hours.items() if key[0] <= through}),  # type: ignore[operator]
    )


_PROMISED = ("answers_kept", "answers_late", "solutions_kept", "solutions_late")
_EVENTS = st.tuples(
    st.sampled_from(
        ["open", "open", "open", "end", "end", "reopen", "move", "service", "late", "rate", "count"]
    ),
    st.integers(0, 30),
    st.sampled_from([0, 1, 3, 9, 26, 80]),
)


# One life goes on from example to example, so that a shorter one would say nothing about a failure.
@settings(max_examples=5, deadline=None, derandomize=True, phases=[Phase.generate],
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(events=st.lists(_EVENTS, min_size=25, max_size=45))
def test_counts_by_day_equal_a_count_of_all_cases(life: Life, events: list[tuple[str, int, int]]) -> None:
    for event in events:
        life.do(*event)
    life.do("count", 0, 60)
    with life.office.database.reading() as session:
        through = counted_through(session)
        rows = session.scalars(select(DayCount)).all()
        hours = session.scalars(select(HourCount)).all()
        assert session.scalar(select(DayMark.id).limit(1)) is None
    if through is None:
        assert not life.cases or life.at < BEGIN + timedelta(days=3)
        return
    counted = Counter({
        (row.day, row.dependencia_id, row.service_id, row.channel, column.name): getattr(row, column.name)
        for row in rows
        for column in DayCount.__table__.columns
        if not column.primary_key and column.name not in _PROMISED and getattr(row, column.name)
    })  # fmt: skip
    expected, by_hour = brute_force(life, through)
    assert counted == expected
    assert Counter({(row.day, row.dependencia_id, row.hour): row.arrivals for row in hours}) == by_hour


def test_the_doctor_finds_a_count_that_is_not_that_of_the_cases_and_counting_again_mends_it(
    life: Life,
) -> None:
    for number in range(6):
        life.do("open", number, 30)
    life.do("count", 0, 80)

    def found() -> Finding:
        with speaking("es"):
            (one,) = examine_counts(life.office.settings)
        return one

    assert (found().level, found().found) == (Level.OK, "los conteos de 7 días coinciden con sus asuntos")
    with life.office.database.writing() as session:
        row = session.scalars(select(DayCount).order_by(DayCount.day.desc())).first()
        assert row is not None
        row.arrivals += 1
    ill = found()
    assert ill.level == Level.WARN and str(row.day) in ill.found and "oficialia count" in ill.fix
    recount_all(life.office)
    assert found().level == Level.OK


def test_figures_are_whole_at_any_moment_and_end_with_what_is_open(life: Life) -> None:
    """Counted or not, today included: what is read is the same; a backlog is what came less what went."""
    for number in range(40):
        life.do(("open", "open", "end")[number % 3], number, 7)
    with living_at(life.at), life.office.database.reading() as session:
        everything = Period(date(2026, 3, 1), life.at.date())
        before = Reader(session, life.office, Scope())
        live = before.figures(everything, before.open_now().number)
    life.do("count", 0, 0)
    with living_at(life.at), life.office.database.reading() as session:
        reader = Reader(session, life.office, Scope())
        open_now = reader.open_now()
        kept = reader.figures(everything, open_now.number)
        half = reader.figures(Period(date(2026, 3, 1), date(2026, 3, 6)), open_now.number)
        mine = Reader(session, life.office, below(session, life.town.systems)).open_now()
        elsewhere = Reader(session, life.office, below(session, life.town.works)).open_now()
        cases = session.scalars(select(Case)).all()
    assert len(before.live) > len(reader.live) > 0
    assert kept == live
    assert kept.totals["arrivals"] == len(cases)
    assert open_now.number == sum(open_now.ages) == kept.backlog == sum(case.is_open for case in cases)
    assert (mine.number, elsewhere.number) == (open_now.number, 0)
    end = datetime(2026, 3, 7, 6, tzinfo=UTC)
    assert half.backlog == sum(
        case.created_at < end and (case.ended_at is None or case.ended_at >= end) for case in cases
    )


def test_a_promise_that_paused_was_kept_and_a_late_one_was_not(life: Life) -> None:
    with living_at(BEGIN), life.office.database.writing() as session:
        in_time, late = (open_case(session, life.town, address=f"q{n}@example.com") for n in range(2))
        for case in (in_time, late):
            session.add(CaseCommitment(case_id=case.id, solution_minutes=60, counts_from=BEGIN))
            case.due_at = BEGIN + timedelta(hours=1)
            session.add(Suggestion(case_id=case.id, model_id=1, words=[]))
    for case, wait in ((in_time, True), (late, False)):
        with living_at(BEGIN + timedelta(minutes=10)), life.office.database.writing() as session:
            enter(session.get_one(Ticket, case.id), State.WAITING if wait else State.IN_PROGRESS)
        with living_at(BEGIN + timedelta(hours=3)), life.office.database.writing() as session:
            enter(session.get_one(Ticket, case.id), State.RESOLVED)
    with living_at(BEGIN + timedelta(days=4)):
        assert recount_all(life.office) == 3
    with life.office.database.reading() as session:
        row = session.scalars(select(DayCount).where(DayCount.finished > 0)).one()
    assert (row.solutions_kept, row.solutions_late) == (1, 1)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path) -> Iterator[Life]:
    folder = tmp_path_factory.mktemp("indicators")
    copy(migrated_sqlite, folder / "register.db")
    office = Office.open(
        Settings(
            _env_file=None,
            database_url=f"sqlite:///{folder / 'register.db'}",
            store_url=f"file:{folder / 'files'}",
            outgoing_dir=folder / "outgoing",
            secret_key=SecretStr("only for tests, and longer than thirty-two bytes"),
            domain="example.gob.mx",
        )
    )
    life = begin(office)
    life.at = datetime.now(UTC) - timedelta(days=12)
    for number in range(30):
        life.do(("open", "open", "end", "rate")[number % 4], number, 9)
    count_days(office)
    yield life
    office.database.close()


PAGE = "/admin/tablero-de-indicadores/"


def test_a_head_sees_its_part_of_the_tree_and_an_administrator_everything_but_no_case(desk: Life) -> None:
    administrator = Clerk(desk.office, desk.town.accounts["admin"]).get(PAGE)
    head = Clerk(desk.office, desk.town.accounts["head"])
    neighbour = Clerk(desk.office, desk.town.accounts["other"])
    assert administrator.status_code == 200
    assert "Toda la institución" in administrator.text
    assert "No enciende la impresora" not in administrator.text, "Counts, never contents."
    assert "Lucía" not in administrator.text
    assert "Toda la institución" not in head.get(PAGE).text
    assert "<b>0</b><span>Pendientes al final</span>" not in head.get(PAGE).text
    assert "Todavía no hay nada que contar" in neighbour.get(PAGE).text
    assert neighbour.get(f"{PAGE}?dependencia={desk.town.systems.id}").status_code == 404
    for name in ("worker", "oficialia"):
        assert Clerk(desk.office, desk.town.accounts[name]).get(PAGE).status_code == 403
        assert Clerk(desk.office, desk.town.accounts[name]).get(f"{PAGE}exportar.csv").status_code == 403


def test_the_files_say_what_the_page_says(desk: Life) -> None:
    clerk = Clerk(desk.office, desk.town.accounts["admin"])
    today = datetime.now(desk.office.settings.zone).date()
    chosen = f"?periodo=dates&desde={today - timedelta(days=20)}&hasta={today}"
    rows = list(
        csv.DictReader(io.StringIO(clerk.get(f"{PAGE}exportar.csv{chosen}").data.decode("utf-8-sig")))
    )
    mine = [row for row in rows if row["Cuadro"] == "Llegaron, por servicio"]
    arrived = sum(int(row["Valor"]) for row in mine if row["Serie"] == "En el periodo")
    assert arrived == len(desk.cases)
    assert f"<b>{arrived}</b><span>Llegaron</span>" in clerk.get(f"{PAGE}{chosen}").text
    assert clerk.get(f"{PAGE}exportar.xlsx{chosen}").data.startswith(b"PK")
    made = clerk.get(f"{PAGE}exportar.pdf{chosen}")
    assert made.data.startswith(b"%PDF")
    assert "attachment" in made.headers["Content-Disposition"]


def test_a_period_that_ends_before_it_begins_is_said_with_what_was_asked(desk: Life) -> None:
    clerk = Clerk(desk.office, desk.town.accounts["admin"])
    page = clerk.get(f"{PAGE}?periodo=dates&desde=2026-05-02&hasta=2026-05-01")
    assert page.status_code == 422
    assert "Elija dos fechas" in page.text


def test_a_report_is_mailed_on_its_day_once_whoever_restarts(desk: Life) -> None:
    head = desk.town.accounts["head"]
    clerk = Clerk(desk.office, head)
    refused = clerk.post(f"{PAGE}informes/", frequency="weekly", dependencia=str(desk.town.systems.id),
                         to="no es un correo")  # fmt: skip
    assert refused.status_code == 422
    assert "no es un correo" in refused.text
    other = str(desk.town.works.id)
    foreign = clerk.post(f"{PAGE}informes/", frequency="weekly", dependencia=other, to="a@example.com")
    assert foreign.status_code == 422, "Not of a dependencia that is not its own."
    shown = clerk.post(f"{PAGE}informes/", frequency="weekly", dependencia=str(desk.town.systems.id),
                       to="jaime@example.gob.mx, cabildo@example.gob.mx").text  # fmt: skip
    assert "cabildo@example.gob.mx" in shown
    assert send_due(desk.office) == 0, "Its day has not come."
    with desk.office.database.reading() as session:
        monday = session.scalars(select(ScheduledReport.next_on)).one()
    morning = datetime(monday.year, monday.month, monday.day, 9, tzinfo=desk.office.settings.zone)
    with living_at(morning):
        assert send_due(desk.office) == 1
        assert send_due(desk.office) == 0
    with desk.office.database.reading() as session:
        notice = session.scalars(select(OutboxMessage).where(OutboxMessage.kind == "report")).one()
        file = session.scalars(select(OutboxFile).where(OutboxFile.outbox_id == notice.id)).one()
        assert notice.to == ["jaime@example.gob.mx", "cabildo@example.gob.mx"]
        assert "Dirección de Sistemas" in notice.subject
        assert (monday.weekday(), file.content_type) == (0, "application/pdf")
        assert session.get_one(Blob, file.sha256).size > 5_000
        assert session.scalars(select(ScheduledReport.next_on)).one() == monday + timedelta(days=7)
    with desk.office.database.writing() as session:
        account = session.get_one(type(head), head.id)
        account.role = Role.WORKER
    try:
        with living_at(morning + timedelta(days=7)):
            assert send_due(desk.office) == 0, "Whoever asked may not read it any more."
    finally:
        with desk.office.database.writing() as session:
            session.get_one(type(head), head.id).role = Role.HEAD
