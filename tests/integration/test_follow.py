"""Seguimiento, Procesos, visto bueno, devolver, personal folders and statistics, through the panel."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from sqlalchemy import select
from sqlalchemy.orm import Session

from intake import cases, tags, turnos
from intake.clock import sweep
from intake.counter import digests
from intake.errors import InvalidInput
from intake.issued import approval, drafts, reviews
from intake.office import Office
from intake.wording import day
from models.base import now
from models.case import Case
from models.chat import Chat
from models.count import count
from models.digest import DigestChannel
from models.oficio import Oficio
from models.outbox_message import OutboxMessage
from models.pending import Moments, Wanted, find_pending
from models.person import Account
from models.state_counts import count_states
from models.task import Task, TaskKind, TaskState
from models.ticket import Ticket
from models.trays import attended_by, cases_in, find_tray
from models.workflow import Process, State
from tests.support.desk import as_sent
from tests.support.documents import acting, fields, write
from tests.support.institution import Institution, found_institution, open_case
from tests.support.panel import Clerk, give_logins

# What is asked of the database is plain SQL, which test_trays proves on both for the same rules.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

# A Wednesday at 09:10 in Mexico City; the Monday before was the holiday of the Revolution.
WEDNESDAY = datetime(2026, 11, 18, 15, 10, tzinfo=UTC)


@pytest.fixture
def town(office: Office) -> Institution:
    with office.database.writing() as session:
        town = found_institution(session)
        give_logins(session, town)
    return town


def assigned(session: Session, office: Office, town: Institution, people: dict[str, Account],
             subject: str = "Impresora", *, due_in: float | None = None) -> Ticket:  # fmt: skip
    """A ticket that oficialía handed to the worker."""
    case = open_case(session, town, subject=subject, address=f"{subject.lower()}@example.com")
    due = now() + timedelta(hours=due_in) if due_in is not None else None
    turnos.assign(session, office, case, people["oficialia"], dependencia=people["worker"].dependencia,
                  account=people["worker"], instruction="Con calma", due_at=due)  # fmt: skip
    return case


def pending(session: Session, account: Account, wanted: Wanted | None = None) -> list[Task]:
    at = now()
    moments = Moments(at, at + timedelta(days=1), at + timedelta(days=7))
    return list(find_pending(session, account, wanted or Wanted(), moments).tasks)


def test_seguimiento_has_a_section_of_filters_and_one_of_pending_tasks(
    office: Office, town: Institution
) -> None:
    with acting(office, town) as (session, people):
        assigned(session, office, town, people, "Tarde", due_in=-5)
        assigned(session, office, town, people, "Luego", due_in=200)
        task = pending(session, people["worker"])[0].id
        waiting = open_case(session, town, subject="Nadie", address="n@example.com")
        turnos.assign(session, office, waiting, people["oficialia"], dependencia=people["head"].dependencia)
    worker, head = (Clerk(office, town.accounts[name]) for name in ("worker", "head"))
    page = worker.get("/admin/seguimiento/").text
    # The most urgent first, its colour also in words, and a way to the task itself.
    assert page.index("Filtros") < page.index("Tarde") < page.index("Luego") and "Nadie" not in page
    assert re.search(r'card-row pending late".*?vencido hace 5 h', page, re.S)
    assert f'href="/admin/tarea/{task}"' in page
    assert "Luego" not in worker.get("/admin/seguimiento/?vence=overdue").text
    assert "Tarde" not in worker.get("/admin/seguimiento/?q=lueg").text
    assert "Ningún pendiente cumple los filtros" in worker.get("/admin/seguimiento/?tarea=sign").text
    # A head: what waits for its role, and what its people have to do.
    assert "Nadie" in head.get("/admin/seguimiento/").text
    colleague = head.get(f"/admin/seguimiento/?cuenta={town.accounts['worker'].id}").text
    assert "Tarde" in colleague and "Nadie" not in colleague
    other = Clerk(office, town.accounts["other"]).get(
        f"/admin/seguimiento/?cuenta={town.accounts['worker'].id}"
    )
    assert "Tarde" not in other.text
    assert Clerk(office, town.accounts["admin"]).get("/admin/seguimiento/").status_code == 403


def test_what_is_put_away_until_a_date_waits_outside_seguimiento(office: Office, town: Institution) -> None:
    with acting(office, town) as (session, people):
        case = assigned(session, office, town, people)
        cases.snooze(session, office, case, people["worker"], until=now() + timedelta(days=3))
        assert pending(session, people["worker"]) == []
        assert len(pending(session, people["worker"], Wanted(with_snoozed=True))) == 1
        folio, key = case.folio, case.id
    worker = Clerk(office, town.accounts["worker"])
    assert folio in worker.get("/admin/seguimiento/?agendados=1").text
    until = (now() + timedelta(days=3)).astimezone(office.settings.zone).date()
    assert f"Pospuesto hasta {day(until)}, " in worker.get(f"/admin/casos/{key}/historial").text
    assert "Está de nuevo en la bandeja" in worker.post(f"/admin/casos/{key}/hacer/wake").text
    assert folio in worker.get("/admin/seguimiento/").text
    with acting(office, town) as (session, people), pytest.raises(InvalidInput):
        cases.wake(session, office, session.get_one(Case, key), people["worker"])


def test_several_are_done_together_when_the_workflow_allows_it_for_all(
    office: Office, town: Institution
) -> None:
    with acting(office, town) as (session, people):
        one = assigned(session, office, town, people, "Uno")
        two = assigned(session, office, town, people, "Dos")
        cases.take(session, office, two, people["worker"])
        session.flush()
        folio, ids = two.folio, [one.id, two.id]
        first, second = (task.id for task in pending(session, people["worker"]))
    worker = Clerk(office, town.accounts["worker"])
    page = worker.get(f"/admin/seguimiento/varios?tarea={first}&tarea={second}").text
    # One was taken already: that one is named, and the button is not there.
    assert re.search(rf"<b>Tomar</b>: lo impide {folio} \(En atención\)", page)
    assert 'value="take"' not in page and 'value="resolve"' in page
    refused = worker.post("/admin/seguimiento/varios", tarea=[first, second], hacer="take").text
    assert f"«Tomar» no se puede en {folio}" in refused
    assert (
        "se hizo en 2 asuntos"
        in worker.post("/admin/seguimiento/varios", tarea=[first, second], hacer="resolve").text
    )
    with office.database.reading() as session:
        assert [session.get_one(Case, key).state for key in ids] == ["resolved", "resolved"]
    # Somebody else's task is nobody's to tick.
    other = Clerk(office, town.accounts["other"])
    assert (
        "No marcó ninguna tarea" in other.post("/admin/seguimiento/varios", tarea=[first], hacer="take").text
    )


def test_what_is_returned_goes_back_to_the_tray_and_tasks_of_who_turned_it(
    office: Office, town: Institution
) -> None:
    with acting(office, town) as (session, people):
        case = open_case(session, town)
        turnos.assign(session, office, case, people["oficialia"], dependencia=people["head"].dependencia,
                      account=people["head"])  # fmt: skip
        turnos.assign(session, office, case, people["head"], dependencia=people["worker"].dependencia,
                      account=people["worker"])  # fmt: skip
        with pytest.raises(InvalidInput):
            turnos.return_turno(session, office, case, people["worker"], reason=" ")
        turnos.return_turno(session, office, case, people["worker"], reason="No es de aquí")
        session.flush()
        (task,) = pending(session, people["head"])
        assert (task.kind, task.instruction) == (TaskKind.ATTEND, "No es de aquí")
        assert pending(session, people["worker"]) == [] == pending(session, people["oficialia"])
        tray = find_tray("unassigned", people["head"])
        assert tray is not None
        assert count(session, cases_in(tray, people["head"], attended_by(session, people["head"]))) == 1
        turnos.assign(session, office, case, people["head"], dependencia=people["other"].dependencia)
        session.flush()
        assert pending(session, people["head"]) == []


def test_procesos_shows_the_flows_with_ones_own_steps_and_counts_that_open_the_same_list(
    office: Office, town: Institution
) -> None:
    with acting(office, town) as (session, people):
        for number in range(3):
            assigned(session, office, town, people, f"Caso{number}")
        elsewhere = open_case(session, town, subject="Ajeno", address="x@example.com")
        turnos.assign(
            session, office, elsewhere, people["oficialia"], dependencia=people["other"].dependencia
        )
        session.flush()
        recent = now() - timedelta(days=30)
        for name, number in (("oficialia", 4), ("head", 3), ("other", 1)):
            counts = count_states(session, people[name], Process.TICKET, recent)
            assert counts[State.ASSIGNED].number == number, name
            assert sum(one.number for one in counts.values()) == number
    for name, number in (("oficialia", 4), ("head", 3), ("other", 1)):
        clerk = Clerk(office, town.accounts[name])
        page = clerk.get("/admin/procesos/?flujo=ticket").text
        address = re.search(r'<a href="([^"]+estado=assigned[^"]*)">.{0,900}?>(\d+)</text>', page, re.S)
        assert address and int(address[2]) == number
        assert clerk.get(address[1].replace("&amp;", "&")).text.count("data-case=") == number
        assert "★" in page and page.count("puede hacerlo su cuenta") > 5
    for process in Process:
        assert (
            Clerk(office, town.accounts["worker"]).get(f"/admin/procesos/?flujo={process}").status_code == 200
        )


def test_the_picture_of_a_case_shows_where_it_stands_and_how_long_it_stayed(
    office: Office, town: Institution
) -> None:
    with time_machine.travel(WEDNESDAY, tick=False) as clock:
        with acting(office, town) as (session, people):
            case = open_case(session, town)
            cases.add_note(session, office, case, people["head"], text="Recibido")
            key = case.id
        clock.shift(timedelta(hours=3))
        with acting(office, town) as (session, people):
            cases.take(session, office, session.get_one(Case, key), people["worker"])
        clock.shift(timedelta(days=2))
        worker = Clerk(office, town.accounts["worker"])
        page = worker.get(f"/admin/procesos/asunto/{key}").text
        assert "Está en: En atención." in page and "Lleva ahí 2 días." in page
        assert re.search(r'class="state passed here"[^>]*aria-label="En atención: 2 días', page)
        assert re.search(r'class="state passed"[^>]*aria-label="Nuevo: 3 h', page)
        beside = worker.get(f"/admin/casos/{key}").text
        assert re.search(r"<b>Nuevo</b> <span>3 h", beside)
    assert Clerk(office, town.accounts["other"]).get(f"/admin/procesos/asunto/{key}").status_code == 404


def digest_of(office: Office) -> list[OutboxMessage]:
    with office.database.reading() as session:
        return as_sent(session.scalars(select(OutboxMessage).where(OutboxMessage.kind == "digest")))


def test_the_daily_digest_comes_once_each_working_day_whatever_restarts_happen(
    office: Office, town: Institution
) -> None:
    with time_machine.travel(WEDNESDAY, tick=False) as clock:
        with acting(office, town) as (session, people):
            assigned(session, office, town, people, "Tarde", due_in=-1)
            digests.choose(session, office, people["worker"], channel=DigestChannel.MAIL, hour=10)
            # Nothing waits for this one, so nothing is said.
            digests.choose(session, office, people["other"], channel=DigestChannel.MAIL, hour=10)
            with pytest.raises(InvalidInput):
                digests.choose(session, office, people["head"], channel=DigestChannel.CHAT, hour=10)
        sweep(office, now())
        assert digest_of(office) == []
        clock.shift(timedelta(hours=1))
        for _ in range(3):
            sweep(office, now())
            # As a worker that was killed and began anew: it knows only the register.
            restarted = Office.open(office.settings)
            digests.send(restarted, now())
            restarted.database.close()
        (told,) = digest_of(office)
        assert told.to == ["tomas@example.gob.mx"] and told.subject == "Sus pendientes de hoy: 1"
        assert "Tarde" in told.text and "venció" in told.text and "/admin/tarea/" in told.html
        # Thursday and Friday, no weekend, Monday.
        for expected in (2, 3, 3, 3, 4):
            clock.shift(timedelta(days=1))
            sweep(office, now())
            assert len(digest_of(office)) == expected
    worker = Clerk(office, town.accounts["worker"])
    assert "Se guardó" in worker.post("/admin/seguimiento/resumen", channel="off", hour=8).text
    assert "de 0 a 23" in worker.post("/admin/seguimiento/resumen", channel="mail", hour=24).text


def test_who_linked_a_chat_may_have_the_digest_there_and_by_mail_when_the_chat_is_gone(
    office: Office, town: Institution
) -> None:
    with time_machine.travel(WEDNESDAY, tick=False) as clock:
        with acting(office, town) as (session, people):
            worker = people["worker"]
            session.add(Chat(id=77, person_id=worker.person_id))
            session.flush()
            folio = assigned(session, office, town, people, "Tarde", due_in=3).folio
            digests.choose(session, office, worker, channel=DigestChannel.CHAT, hour=10)
        clock.shift(timedelta(hours=1))
        sweep(office, now())
        (told,) = digest_of(office)
        assert (told.channel, told.to) == ("telegram", ["77"])
        assert folio in told.html and "Abrir Seguimiento" in told.html
        with office.database.writing() as session:
            session.get_one(Chat, 77).blocked_at = now()
        clock.shift(timedelta(days=1))
        sweep(office, now())
        assert [one.channel for one in digest_of(office)] == ["telegram", "email"]


def draft(office: Office, town: Institution) -> int:
    with acting(office, town) as (session, people):
        oficio = write(session, office, people["worker"], fields(town))
        approval.submit(session, office, oficio, people["worker"])
        return oficio.id


def test_a_document_is_approved_when_all_who_were_asked_for_their_visto_bueno_agree(
    office: Office, town: Institution
) -> None:
    key = draft(office, town)
    worker, head, other, desk = (
        Clerk(office, town.accounts[name]) for name in ("worker", "head", "other", "oficialia")
    )
    assert other.get(f"/admin/documentos/{key}").status_code == 404
    asked = [town.accounts["other"].id, town.accounts["oficialia"].id]
    page = worker.post(f"/admin/visto-bueno/{key}/ask_review", account=asked, words="Cifras").text
    assert "Se pidió el visto bueno" in page and page.count("Pendiente") >= 2
    refused = head.post(f"/admin/documentos/{key}/hacer/approve").text
    assert "Falta el visto bueno de Ofelia Partida, Olga Peña" in refused
    assert "Dio su visto bueno" in other.post(f"/admin/visto-bueno/{key}/agree", reason="Bien").text
    # An objection needs its reason, keeps what was typed, and reaches the author.
    assert desk.post(f"/admin/visto-bueno/{key}/object", reason=" ").status_code == 422
    assert "Objetó" in desk.post(f"/admin/visto-bueno/{key}/object", reason="Falta el anexo").text
    with office.database.reading() as session:
        kinds = session.scalars(select(OutboxMessage.kind).where(OutboxMessage.case_id == key)).all()
        assert kinds.count("review_asked") == 2 and "review_objected" in kinds
    # The head returns it, the author changes the text: who agreed, agreed to another one.
    with acting(office, town) as (session, people):
        oficio = session.get_one(Oficio, key)
        approval.return_draft(session, office, oficio, people["head"], reason="Anexo")
        drafts.save_draft(session, office, oficio, people["worker"], fields(town, subject="Con anexo"))
        approval.submit(session, office, oficio, people["worker"])
        assert [one.blocks for one in reviews.opinions(session, oficio)] == [True, True]
    assert "El texto cambió después" in head.get(f"/admin/documentos/{key}").text
    for clerk in (other, desk):
        clerk.post(f"/admin/visto-bueno/{key}/agree")
    assert "Falta el visto bueno" not in head.post(f"/admin/documentos/{key}/hacer/approve").text
    with office.database.reading() as session:
        assert session.get_one(Oficio, key).state == "sent"
        open_ones = select(Task).where(Task.kind == TaskKind.REVIEW, Task.state == TaskState.OPEN)
        assert session.scalar(open_ones.limit(1)) is None


def test_the_head_overrides_a_missing_visto_bueno_only_with_a_reason(
    office: Office, town: Institution
) -> None:
    key = draft(office, town)
    head, worker = Clerk(office, town.accounts["head"]), Clerk(office, town.accounts["worker"])
    worker.post(f"/admin/visto-bueno/{key}/ask_review", account=[town.accounts["other"].id])
    assert worker.get(f"/admin/visto-bueno/{key}/override_reviews").status_code == 404
    assert head.post(f"/admin/visto-bueno/{key}/override_reviews", reason="").status_code == 422
    assert (
        "ya se puede aprobar" in head.post(f"/admin/visto-bueno/{key}/override_reviews", reason="Urge").text
    )
    head.post(f"/admin/documentos/{key}/hacer/approve")
    with office.database.reading() as session:
        assert session.get_one(Oficio, key).state == "sent"
    assert "Urge" in head.get(f"/admin/casos/{key}/historial").text


def test_each_tag_is_a_personal_folder_in_the_rail_of_its_account(office: Office, town: Institution) -> None:
    with acting(office, town) as (session, people):
        case = assigned(session, office, town, people)
        tag = tags.create_tag(session, people["worker"], "panel.name")
        tags.tag_many(session, [case], people["worker"], tag)
    page = Clerk(office, town.accounts["worker"]).get("/admin/").text
    # A name is said as it was written, also one that looks like a key of ours.
    assert "Mis carpetas" in page and "<span>panel.name</span><b>1</b>" in page
    assert "Mis carpetas" not in Clerk(office, town.accounts["head"]).get("/admin/").text


def test_statistics_of_a_period_add_up_per_dependencia_and_account(office: Office, town: Institution) -> None:
    with time_machine.travel(WEDNESDAY, tick=False) as clock:
        with acting(office, town) as (session, people):
            three = [assigned(session, office, town, people, f"Caso{n}", due_in=30).id for n in range(3)]
        clock.shift(timedelta(days=2))
        sweep(office, now())
        with acting(office, town) as (session, people):
            cases.resolve(session, office, session.get_one(Case, three[0]), people["worker"])
            gone = session.get_one(Case, three[1])
            cases.cancel(session, office, gone, people["head"], reason="Se desistió")
            open_case(session, town, subject="Nuevo", address="nuevo@example.com")
    period = "?desde=2026-11-01&hasta=2026-11-30"
    head = Clerk(office, town.accounts["head"])
    rows = list(
        csv.reader(io.StringIO(head.get(f"/admin/estadisticas/tabla.csv{period}").text.lstrip("\ufeff")))
    )
    assert rows[1:] == [
        ["Dirección de Sistemas", "Toda el área", "4", "1", "2", "1", "1", "2.0"],
        ["Dirección de Sistemas", "Tomás Ibarra", "3", "1", "1", "1", "1", "2.0"],
    ]
    assert head.get(f"/admin/estadisticas/tabla.xlsx{period}").data[:2] == b"PK"
    worker = Clerk(office, town.accounts["worker"]).get(f"/admin/estadisticas/{period}").text
    assert "Tomás Ibarra" in worker and "Nada se recibió" not in worker
    other = Clerk(office, town.accounts["other"]).get(f"/admin/estadisticas/{period}").text
    assert "Nada se recibió en ese período" in other
