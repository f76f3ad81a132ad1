"""The pictures of *Procesos*: they say what the table says, legibly, and where a case has been."""

from __future__ import annotations

import textwrap
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest

from models.archive import terms
from models.course import passages, replay, replay_delivery, steps_taken
from models.dependencia import Dependencia
from models.diagram import BOX_WIDTH, LABELS, ROW, Box, draw, draw_deliveries, own_standing, states_of
from models.dispatch import TRANSITIONS as DELIVERIES
from models.dispatch import Dispatch, DispatchState
from models.event import Event
from models.person import Account, Role
from models.workflow import TRANSITIONS, Process, State, Who, first_state
from templates import labels

START = datetime(2026, 11, 2, 15, tzinfo=UTC)


@pytest.mark.parametrize("process", Process)
def test_every_transition_of_the_table_is_drawn_where_it_leads(process: Process) -> None:
    diagram = draw(process)
    lane = {box.state: box.lane for box in diagram.boxes}
    lines = [*diagram.moving, *diagram.staying]
    # By identity: two rows of the table may look alike.
    assert {id(line.step) for line in lines} == {id(row) for row in TRANSITIONS if row.process == process}
    assert len(lines) == len({id(line.step) for line in lines})
    for line in lines:
        assert set(line.sources) == {lane[state] for state in line.step.sources}
        assert line.target == (lane[line.step.target] if line.step.target else None)
        # Whoever follows the line from the farthest source on each side comes to the target.
        if line.target is not None:
            sides = {start < line.target for start in line.sources if start != line.target}
            assert {start < end for start, end in line.arrows} == sides


def overlap(one: Box, other: Box) -> bool:
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )


@pytest.mark.parametrize("process", Process)
def test_no_boxes_overlap_and_everything_lies_inside_the_picture(process: Process) -> None:
    diagram = draw(process)
    boxes = diagram.boxes
    assert [box.state for box in boxes] == list(states_of(process)) and boxes[0].state == first_state(process)
    assert not any(overlap(one, other) for one in boxes for other in boxes if one is not other)
    assert all(box.x >= LABELS and box.x + box.width <= diagram.width for box in boxes)
    heights = [line.y for line in (*diagram.moving, *diagram.staying)]
    assert all(later - sooner >= ROW for sooner, later in pairwise(heights))
    assert min(heights) > boxes[0].y + boxes[0].height and max(heights) + ROW // 2 <= diagram.height


@pytest.mark.parametrize("code", ["es", "en"])
def test_every_word_of_the_pictures_is_said_and_fits_its_place(code: str) -> None:
    words = labels(code)
    for process in Process:
        assert words[f"follow.process.{process}"]
        for state in states_of(process):
            lines = textwrap.wrap(words[f"panel.state.{state}"], 14, break_long_words=False)
            # 6.3 units are the widest letter of 11.5 units on average.
            assert len(lines) <= 2 and all(len(line) * 6.3 <= BOX_WIDTH for line in lines), lines
    for row in TRANSITIONS:
        assert len(words[f"panel.action.{row.action}"]) * 7.2 < LABELS
        who = ", ".join(words[f"follow.who.{one}"] for one in sorted(row.who))
        assert len(textwrap.wrap(who, 42)) <= 2, who


def test_the_steps_of_ones_own_roles_are_highlighted() -> None:
    def own(role: Role, *, signs: bool = False) -> set[str]:
        place = Dependencia(id=1, name="", siglas="", path="/1/")
        account = Account(id=1, role=role, dependencia=place, is_signer=signs)
        diagram = draw(Process.RECEIVED, own_standing(account))
        return {line.step.action for line in diagram.moving if line.is_own}

    assert own(Role.DIGITIZER) == {"discharge"}
    assert own(Role.REVIEWER) == set()
    assert "sign" not in own(Role.WORKER) and "sign" in own(Role.WORKER, signs=True)
    assert {"digitize", "digitize_again", "assign"} <= own(Role.OFICIALIA)
    assert Who.REQUESTER not in own_standing(Account(role=Role.HEAD, is_signer=True))


def story(*steps: tuple[str, float]) -> list[Event]:
    """Events so many hours after the start."""
    return [
        Event(action=action, at=START + timedelta(hours=hours), data={}, sequence=number)
        for number, (action, hours) in enumerate(steps, start=1)
    ]


def test_a_case_tells_how_long_it_stayed_at_each_step_from_its_history() -> None:
    events = story(
        ("open", 0), ("note", 1), ("assign", 2), ("take", 5), ("answer_and_wait", 6), ("follow_up", 30),
        ("return_turno", 31), ("assign", 33), ("resolve", 40),
    )  # fmt: skip
    stays = replay(Process.TICKET, events, "resolved")
    assert [stay.state for stay in stays] == [
        State.NEW, State.ASSIGNED, State.IN_PROGRESS, State.WAITING, State.IN_PROGRESS, State.NEW,
        State.ASSIGNED, State.RESOLVED,
    ]  # fmt: skip
    found = passages(stays, START + timedelta(hours=50))
    hours = {state: one.length / timedelta(hours=1) for state, one in found.items()}
    assert hours == {"new": 4, "assigned": 10, "in_progress": 2, "waiting": 24, "resolved": 10}
    assert found[State.ASSIGNED].times == 2 and found[State.RESOLVED].is_current
    assert sum((stay.length(START + timedelta(hours=50)) for stay in stays), timedelta()) == timedelta(
        hours=50
    )
    assert steps_taken(stays)["assign", State.ASSIGNED] == 2


def test_a_history_that_forgot_a_step_still_ends_where_the_register_says() -> None:
    stays = replay(Process.RECEIVED, story(("open", 0), ("something_older", 3)), "in_attention")
    assert [stay.state for stay in stays] == [State.REGISTERED, State.IN_ATTENTION]
    assert stays[-1].until is None


@pytest.mark.parametrize(
    ("closed", "process", "concentration", "transfer", "final"),
    [
        (date(2026, 11, 21), 2, 5, date(2028, 11, 21), date(2033, 11, 21)),
        (date(2028, 2, 29), 1, 3, date(2029, 2, 28), date(2032, 2, 29)),
        (date(2026, 12, 31), 0, 0, date(2026, 12, 31), date(2026, 12, 31)),
    ],
)
def test_terms_are_counted_in_years_from_the_closing_of_the_expediente(
    closed: date, process: int, concentration: int, transfer: date, final: date
) -> None:
    found = terms(closed, process, concentration)
    assert (found.transfer_on, found.final_on) == (transfer, final)


@pytest.mark.parametrize("code", ["es", "en"])
def test_the_picture_of_a_delivery_says_what_its_table_says_in_words_that_fit(code: str) -> None:
    words, diagram = labels(code), draw_deliveries()
    lane = {box.state: box.lane for box in diagram.boxes}
    assert {id(line.step) for line in diagram.moving} == {id(row) for row in DELIVERIES}
    assert all(line.target == lane[line.step.target] for line in diagram.moving if line.step.target)
    for state in DispatchState:
        assert len(words[f"panel.state.dispatch_{state}"]) <= 14
    for row in DELIVERIES:
        assert len(words[f"panel.action.dispatch_{row.action}"]) * 7.2 < LABELS
        assert len(", ".join(words[f"follow.who.dispatch_{one}"] for one in row.who)) <= 84


def test_who_carries_who_runs_and_who_asks_see_their_own_steps_of_a_delivery() -> None:
    own = {
        role: {line.step.action for line in draw_deliveries(Account(role=role)).moving if line.is_own}
        for role in Role
    }
    assert own[Role.COURIER] == {"start", "deliver", "return"}
    assert own[Role.WORKER] == own[Role.DISPATCH_REQUESTER] == {"withdraw", "ask_again"}
    assert own[Role.DISPATCH_MANAGER] == {row.action for row in DELIVERIES}
    assert own[Role.DIGITIZER] == own[Role.ADMINISTRATOR] == set()


def test_a_delivery_tells_how_long_it_stayed_from_its_part_of_the_documents_history() -> None:
    events = story(
        ("open", 0), ("dispatch_request", 1), ("dispatch_assign", 3), ("dispatch_unassign", 4),
        ("dispatch_assign", 5), ("dispatch_late_act", 6), ("dispatch_accept_late", 9),
    )  # fmt: skip
    for event in events[1:]:
        event.data = {"dispatch": 7}
    events.insert(4, Event(action="dispatch_deliver", at=START, data={"dispatch": 8}, sequence=99))
    stays = replay_delivery(Dispatch(id=7, state=DispatchState.DELIVERED), events)
    found = passages(stays, START + timedelta(hours=20))
    hours = {state: one.length / timedelta(hours=1) for state, one in found.items()}
    assert hours == {"requested": 3, "assigned": 5, "delivered": 11}
    assert steps_taken(stays)["accept_late", DispatchState.DELIVERED] == 1
