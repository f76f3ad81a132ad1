"""The trays: what each account finds in them, and that list, count and pages come from one rule."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from intake import cases, turnos
from intake.office import Office
from models.base import now
from models.case import Case
from models.count import count, count_each
from models.listing import PAGE_SIZE, Filters, Page, find_page, search
from models.message import Message
from models.person import Account
from models.search import index_message
from models.trays import TRAYS, attended_by, cases_in, find_tray
from tests.support.institution import Institution, open_case
from tests.support.mails import make_mail
from tests.support.panel import arrive

NO_FILTERS = Filters()


def tray_of(session: Session, name: str, account: Account) -> list[int]:
    """Ids of the first page of a tray; its count must say the same."""
    tray = find_tray(name, account)
    assert tray is not None
    page = find_page(session, account, tray, NO_FILTERS)
    if tray.is_counted:
        assert count(session, cases_in(tray, account, attended_by(session, account))) == len(page.rows)
    return [row.id for row in page.rows]


def account_of(session: Session, town: Institution, name: str) -> Account:
    return session.get_one(Account, town.accounts[name].id)


def make_found(session: Session, case: Case) -> None:
    """Put the case's messages into the search index, as the desk does."""
    for message in session.scalars(select(Message).where(Message.case_id == case.id)):
        index_message(session, message.id, [case.folio, case.subject])


def test_a_case_moves_from_tray_to_tray_as_it_is_worked_on(office: Office, town: Institution) -> None:
    with office.database.writing() as session:
        head, worker = account_of(session, town, "head"), account_of(session, town, "worker")
        case = open_case(session, town)
        assert tray_of(session, "unassigned", head) == [case.id]
        assert tray_of(session, "unassigned", worker) == [case.id]
        assert tray_of(session, "mine", worker) == []
        cases.take(session, office, case, worker)
        session.flush()
        assert tray_of(session, "unassigned", head) == []
        assert tray_of(session, "mine", worker) == [case.id]
        assert tray_of(session, "dependencia", head) == [case.id]
        cases.answer(session, office, case, worker, text="¿Cuál es el modelo?", to=["lucia@example.com"],
                     then="answer_and_wait")  # fmt: skip
        session.flush()
        assert tray_of(session, "waiting", worker) == [case.id]
        cases.resolve(session, office, case, worker)
        session.flush()
        assert tray_of(session, "mine", worker) == tray_of(session, "waiting", worker) == []
        assert tray_of(session, "all", worker) == [case.id]


def test_a_snoozed_case_leaves_its_tray_and_waits_in_another(office: Office, town: Institution) -> None:
    with office.database.writing() as session:
        worker = account_of(session, town, "worker")
        case = open_case(session, town)
        cases.take(session, office, case, worker)
        cases.snooze(session, office, case, worker, until=now() + timedelta(days=2))
        session.flush()
        assert tray_of(session, "mine", worker) == []
        assert tray_of(session, "waiting", worker) == [case.id]


def test_another_dependencia_finds_a_case_in_no_tray_and_no_search(office: Office, town: Institution) -> None:
    with office.database.writing() as session:
        other = account_of(session, town, "other")
        case = open_case(session, town)
        make_found(session, case)
        for tray in TRAYS:
            assert tray_of(session, tray.name, other) == []
        assert not search(session, other, "impresora", NO_FILTERS).rows
        assert not search(session, other, case.folio, NO_FILTERS).rows


def test_a_copied_case_is_found_among_all_by_whom_it_was_copied_to(office: Office, town: Institution) -> None:
    with office.database.writing() as session:
        head, other = account_of(session, town, "head"), account_of(session, town, "other")
        case = open_case(session, town)
        turnos.copy(
            session, office, case, head, dependencia=other.dependencia, instruction="Para su conocimiento"
        )
        session.flush()
        assert tray_of(session, "all", other) == [case.id]
        assert tray_of(session, "dependencia", other) == []


def test_a_case_given_to_dependencia_and_account_is_listed_once(office: Office, town: Institution) -> None:
    with office.database.writing() as session:
        head, worker = account_of(session, town, "head"), account_of(session, town, "worker")
        case = open_case(session, town)
        turnos.assign(session, office, case, head, dependencia=worker.dependencia, account=worker)
        session.flush()
        assert tray_of(session, "all", worker) == [case.id]
        assert tray_of(session, "all", head) == [case.id]


def test_osticket_5589_pages_follow_each_other_without_gap_or_repetition(
    office: Office, town: Institution
) -> None:
    with office.database.writing() as session:
        oficialia = account_of(session, town, "oficialia")
        worker = account_of(session, town, "worker")
        same = now()
        for number in range(2 * PAGE_SIZE + 7):
            case = open_case(
                session, town, address=f"persona{number}@example.com", subject=f"Asunto {number}"
            )
            # Several cases of one instant, as a mail storm makes them.
            case.last_activity_at = same - timedelta(minutes=number // 10)
        session.flush()
        for account in (oficialia, worker):
            for name in ("unassigned", "all"):
                _walk(session, account, name, 2 * PAGE_SIZE + 7)


def _walk(session: Session, account: Account, name: str, expected: int) -> None:
    tray = find_tray(name, account)
    assert tray is not None
    pages: list[Page] = [find_page(session, account, tray, NO_FILTERS)]
    while pages[-1].has_older:
        pages.append(find_page(session, account, tray, NO_FILTERS, older_than=pages[-1].oldest))
    ids = [row.id for page in pages for row in page.rows]
    assert len(ids) == len(set(ids)) == expected
    keys = [(row.last_activity_at, row.id) for page in pages for row in page.rows]
    assert keys == sorted(keys, reverse=True)
    back = find_page(session, account, tray, NO_FILTERS, newer_than=pages[-1].newest)
    assert [row.id for row in back.rows] == [row.id for row in pages[-2].rows]
    assert back.has_newer


def test_osticket_5589_glpi_6861_8749_oca_240_a_count_stops_where_the_rail_stops_showing_it(
    office: Office, town: Institution
) -> None:
    with office.database.writing() as session:
        head = account_of(session, town, "head")
        for number in range(5):
            open_case(session, town, address=f"persona{number}@example.com")
        tray = find_tray("unassigned", head)
        assert tray is not None
        waiting = cases_in(tray, head, attended_by(session, head))
        assert count_each(session, [waiting, waiting], limit=3) == (3, 3)


def test_filters_narrow_a_tray(office: Office, town: Institution) -> None:
    with office.database.writing() as session:
        worker = account_of(session, town, "worker")
        plain = open_case(session, town)
        special = open_case(session, town, address="otra@example.com")
        special.has_files = True
        tag = cases.add_tag(session, special, worker, "ventanilla")
        session.flush()
        tray = find_tray("all", worker)
        assert tray is not None

        def found(filters: Filters) -> list[int]:
            return [row.id for row in find_page(session, worker, tray, filters).rows]

        assert found(Filters(has_files=True)) == [special.id]
        assert found(Filters(tag_id=tag.id)) == [special.id]
        assert set(found(Filters(service_id=town.support.id))) == {plain.id, special.id}
        assert found(Filters(since=now() + timedelta(hours=1))) == []
        assert found(Filters(state="closed")) == []


@pytest.mark.parametrize("typed", ["T-{year}-000001", "t-{year}-0000", "1"])
def test_a_folio_is_found_whole_in_part_and_by_its_number(
    office: Office, town: Institution, typed: str
) -> None:
    with office.database.writing() as session:
        case = open_case(session, town)
        found = search(
            session, account_of(session, town, "worker"), typed.format(year=now().year), NO_FILTERS
        )
        assert [row.id for row in found.rows] == [case.id]


@pytest.mark.parametrize(
    "typed", ["impre", "IMPRESORA tesor", "{folio}", "lopez", "Ana Ló", "ana@correo.example", "no enciende"]
)
def test_what_came_by_mail_is_found_by_who_sees_it_and_by_nobody_else(
    office: Office, town: Institution, typed: str
) -> None:
    case_id = arrive(office, make_mail(text="La impresora de Tesorería no enciende."))
    arrive(office, make_mail("Beto Ruiz <beto@correo.example>", subject="Bache", text="Hay un bache."))
    with office.database.reading() as session:
        words = typed.format(folio=session.get_one(Case, case_id).folio)
        for name in ("worker", "head", "oficialia"):
            found = search(session, account_of(session, town, name), words, NO_FILTERS)
            assert [row.id for row in found.rows] == [case_id], name
        for name in ("other", "admin"):
            assert not search(session, account_of(session, town, name), words, NO_FILTERS).rows, name


def test_search_gives_each_case_once_and_the_next_page_on_demand(office: Office, town: Institution) -> None:
    with office.database.writing() as session:
        worker = account_of(session, town, "worker")
        for number in range(PAGE_SIZE + 5):
            make_found(session, open_case(session, town, address=f"persona{number}@example.com"))
        first = search(session, worker, "impresora", NO_FILTERS)
        assert len(first.rows) == PAGE_SIZE
        assert first.next_before is not None
        second = search(session, worker, "impresora", NO_FILTERS, before=first.next_before)
        assert len(second.rows) == 5
        assert second.next_before is None
        assert not {row.id for row in first.rows} & {row.id for row in second.rows}


def test_activity_moves_a_case_to_the_top_for_everybody_who_sees_it(
    office: Office, town: Institution
) -> None:
    with office.database.writing() as session:
        worker = account_of(session, town, "worker")
        older, newer = open_case(session, town), open_case(session, town, address="otra@example.com")
        assert tray_of(session, "all", worker) == [newer.id, older.id]
        cases.add_note(session, office, session.get_one(Case, older.id), worker, text="Llamó por teléfono.")
        session.flush()
        assert tray_of(session, "all", worker) == [older.id, newer.id]
