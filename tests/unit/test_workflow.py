"""The one table of transitions: what it promises about every flow."""

from __future__ import annotations

import pytest

from models.case import Case
from models.dependencia import Dependencia
from models.oficio import Flow, Oficio
from models.person import Account, Role
from models.ticket import Ticket
from models.workflow import (
    FINAL,
    TRANSITIONS,
    NotAllowed,
    Process,
    State,
    Who,
    allowed_actions,
    enter,
    find_transition,
    first_state,
    get_transition,
    process_of,
    relations,
)


def ticket(state: State = State.NEW) -> Ticket:
    made = Ticket(folio="T-2026-000001", subject="", state=state)
    enter(made, state)
    return made


@pytest.mark.parametrize("process", Process)
def test_every_state_of_a_flow_is_reached_from_its_first_one(process: Process) -> None:
    rows = [row for row in TRANSITIONS if row.process == process]
    named = {state for row in rows for state in (*row.sources, row.target) if state is not None}
    reached = {first_state(process)}
    while found := {
        row.target for row in rows if row.target and row.sources & reached and row.target not in reached
    }:
        reached |= found
    assert named == reached


@pytest.mark.parametrize("process", Process)
def test_every_flow_can_end_from_every_open_state(process: Process) -> None:
    rows = [row for row in TRANSITIONS if row.process == process]
    for start in {state for row in rows for state in row.sources} - FINAL:
        reached = {start}
        while found := {
            row.target for row in rows if row.target and row.sources & reached and row.target not in reached
        }:
            reached |= found
        assert reached & FINAL, f"{process}: nothing ends what is {start}"


def test_no_two_rows_answer_the_same_question() -> None:
    asked = [
        (row.process, row.action, state, who)
        for row in TRANSITIONS
        for state in row.sources
        for who in row.who
    ]
    assert len(asked) == len(set(asked))


def test_what_appears_as_a_button_is_what_the_server_takes() -> None:
    for state in (State.NEW, State.WAITING, State.RESOLVED, State.MERGED):
        case = ticket(state)
        for who in Who:
            shown = {row.action for row in allowed_actions(case, {who})}
            taken = {row.action for row in TRANSITIONS if find_transition(case, row.action, {who})}
            assert shown == taken


def test_a_merged_ticket_takes_nothing() -> None:
    assert allowed_actions(ticket(State.MERGED), set(Who)) == []
    with pytest.raises(NotAllowed):
        get_transition(ticket(State.MERGED), "answer", set(Who))


def test_a_reader_may_only_comment_and_mark_reviewed() -> None:
    assert {row.action for row in allowed_actions(ticket(), {Who.READER})} == {"note", "mark_reviewed"}


def test_a_case_that_ends_is_neither_open_nor_overdue() -> None:
    case = ticket()
    case.is_overdue = True
    enter(case, State.CANCELLED)
    assert not case.is_open and not case.is_overdue


def test_received_and_issued_documents_follow_their_own_flows() -> None:
    received: Case = Oficio(flow=Flow.RECEIVED, state="registered")
    issued: Case = Oficio(flow=Flow.ISSUED, state="draft")
    assert process_of(received) == Process.RECEIVED and process_of(issued) == Process.ISSUED
    assert "discharge" in {row.action for row in allowed_actions(received, {Who.OFICIALIA})}
    assert "submit" in {row.action for row in allowed_actions(issued, {Who.AUTHOR})}


def account(role: Role, dependencia: Dependencia, *, number: int = 1, active: bool = True) -> Account:
    return Account(
        id=number, role=role, dependencia=dependencia, dependencia_id=dependencia.id, is_active=active
    )


def test_how_an_account_stands_to_a_case() -> None:
    above = Dependencia(id=1, name="Presidencia", siglas="PM", path="/1/")
    here = Dependencia(id=2, name="Sistemas", siglas="DSI", path="/1/2/")
    beside = Dependencia(id=3, name="Obras", siglas="DOP", path="/1/3/")
    case = ticket()
    case.dependencia, case.dependencia_id, case.holder_id = here, here.id, 7
    assert relations(case, account(Role.HEAD, above)) == {Who.HEAD}
    assert relations(case, account(Role.HEAD, here)) == {Who.HEAD}
    assert relations(case, account(Role.HEAD, beside)) == set()
    assert relations(case, account(Role.WORKER, here)) == {Who.COLLEAGUE}
    assert relations(case, account(Role.WORKER, here, number=7)) == {Who.COLLEAGUE, Who.HOLDER}
    assert relations(case, account(Role.WORKER, beside), reads=True) == {Who.READER}
    assert relations(case, account(Role.OFICIALIA, beside)) == {Who.OFICIALIA}
    assert relations(case, account(Role.ADMINISTRATOR, above)) == set()
    assert relations(case, account(Role.OFICIALIA, above, active=False), reads=True) == set()
