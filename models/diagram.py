"""The picture of a flow, laid out from the table of transitions: states across, one step per line below.

Every row of the table is drawn, so the picture cannot say less than what the server allows. A line
leads from the states in which a step may be taken to the state it leads to. Pure: numbers only; the
words and the SVG are in `templates/admin/follow/diagram.html`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from models.dispatch import TRANSITIONS as DELIVERIES
from models.dispatch import DispatchState, DispatchWho
from models.person import DISPATCH_ASKING, Account, Role
from models.workflow import TRANSITIONS, Process, State, Who, first_state

# All in units of the picture, which are pixels at full size.
LABELS = 244
COLUMN = 98
BOX_WIDTH, BOX_HEIGHT = 90, 58
ROW = 44
HEADING = 30
MARGIN = 10

# In which order the states of a flow stand; what the table has besides comes after.
_COURSE: Mapping[Process, tuple[State, ...]] = {
    Process.TICKET: (State.NEW, State.ASSIGNED, State.IN_PROGRESS, State.WAITING, State.RESOLVED,
                     State.CLOSED, State.CANCELLED, State.MERGED),
    Process.RECEIVED: (State.REGISTERED, State.DIGITIZING, State.DISCHARGING, State.ASSIGNED,
                       State.IN_ATTENTION, State.ANSWERED, State.SIGNED, State.CONCLUDED, State.CANCELLED,
                       State.MERGED),
    Process.ISSUED: (State.DRAFT, State.PENDING_APPROVAL, State.PENDING_SIGNATURE, State.SENT,
                     State.DISCARDED, State.CANCELLED),
}  # fmt: skip

_EVERYBODY = frozenset({Who.HOLDER, Who.READER, Who.RECIPIENT, Who.AUTHOR})
# As what an account of each role may come to stand to a case.
_STANDS: Mapping[Role, frozenset[Who]] = {
    Role.OFICIALIA: _EVERYBODY | {Who.OFICIALIA},
    Role.HEAD: _EVERYBODY | {Who.HEAD},
    Role.WORKER: _EVERYBODY | {Who.COLLEAGUE},
    Role.DIGITIZER: frozenset({Who.DIGITIZER}),
    Role.REVIEWER: frozenset({Who.READER}),
}


# As what an account of each role may come to stand to a delivery.
_STANDS_TO_DELIVERIES: Mapping[Role, frozenset[DispatchWho]] = {
    Role.DISPATCH_MANAGER: frozenset({DispatchWho.MANAGER}),
    Role.COURIER: frozenset({DispatchWho.COURIER}),
    **dict.fromkeys(DISPATCH_ASKING, frozenset({DispatchWho.REQUESTER})),
}
# The flow of a delivery stands beside those of the cases; its words begin like this.
DISPATCH, DISPATCH_WORDS = "dispatch", "dispatch_"


class Step(Protocol):
    """A row of a table of transitions, of cases or of deliveries."""

    @property
    def action(self) -> str: ...
    @property
    def sources(self) -> frozenset[StrEnum]: ...
    @property
    def target(self) -> StrEnum | None: ...
    @property
    def who(self) -> frozenset[StrEnum]: ...


@dataclass(frozen=True, slots=True)
class Box:
    """A state at the head of its column; `lane` is where its line goes down."""

    state: StrEnum
    x: int
    y: int
    width: int = BOX_WIDTH
    height: int = BOX_HEIGHT
    # An arrow leads to the next box when a step does.
    leads_on: bool = False

    @property
    def lane(self) -> int:
        return self.x + self.width // 2


@dataclass(frozen=True, slots=True)
class Line:
    """One step: its sources as points, and one arrow from each side of its target that has a source."""

    step: Step
    y: int
    sources: tuple[int, ...]
    target: int | None
    arrows: tuple[tuple[int, int], ...]
    is_own: bool


@dataclass(frozen=True, slots=True)
class Diagram:
    """A laid out flow: `moving` steps change the state, `staying` ones do not.

    `words` begins the keys of its states, steps and who takes them.
    """

    name: str
    words: str
    width: int
    height: int
    boxes: tuple[Box, ...]
    moving: tuple[Line, ...]
    staying: tuple[Line, ...]
    staying_y: int

    @property
    def bottom(self) -> int:
        return self.height - MARGIN


def states_of(process: Process) -> tuple[State, ...]:
    """Every state that the table names for *process*, in the order of the flow."""
    named = {first_state(process)}
    for row in TRANSITIONS:
        if row.process == process:
            named |= row.sources | ({row.target} if row.target else set())
    ordered = [state for state in _COURSE[process] if state in named]
    return (*ordered, *(state for state in State if state in named and state not in ordered))


def own_standing(account: Account) -> frozenset[Who]:
    """As what *account* may stand to cases; decides which steps are highlighted."""
    found = _STANDS.get(account.role, frozenset())
    return found | {Who.SIGNER} if account.is_signer else found


def draw(process: Process, own: frozenset[Who] = frozenset()) -> Diagram:
    """The picture of *process*; steps that one who is *own* may take are marked."""
    rows = [row for row in TRANSITIONS if row.process == process]
    return _lay_out(process.value, "", states_of(process), rows, own)


def draw_deliveries(account: Account | None = None) -> Diagram:
    """The picture of a delivery (mensajería); the steps of *account* are marked."""
    own = _STANDS_TO_DELIVERIES.get(account.role, frozenset()) if account else frozenset()
    return _lay_out(DISPATCH, DISPATCH_WORDS, tuple(DispatchState), DELIVERIES, own)


def _lay_out(
    name: str, words: str, states: Sequence[StrEnum], rows: Sequence[Step], own: frozenset[StrEnum]
) -> Diagram:
    moves = [row for row in rows if row.target is not None]
    stays = [row for row in rows if row.target is None]
    boxes = tuple(
        Box(state, LABELS + number * COLUMN + (COLUMN - BOX_WIDTH) // 2, MARGIN,
            leads_on=number + 1 < len(states) and _leads(moves, state, states[number + 1]))
        for number, state in enumerate(states)
    )  # fmt: skip
    lanes = {box.state: box.lane for box in boxes}
    top = MARGIN + BOX_HEIGHT + HEADING
    moving = tuple(_line(row, top + ROW // 2 + n * ROW, lanes, own) for n, row in enumerate(moves))
    staying_y = top + len(moves) * ROW + HEADING
    staying = tuple(_line(row, staying_y + ROW // 2 + n * ROW, lanes, own) for n, row in enumerate(stays))
    height = staying_y + len(stays) * ROW + MARGIN
    width = LABELS + len(states) * COLUMN + MARGIN
    return Diagram(name, words, width, height, boxes, moving, staying, staying_y)


def _leads(moves: Sequence[Step], state: StrEnum, following: StrEnum) -> bool:
    return any(row.target == following and state in row.sources for row in moves)


def _line(row: Step, y: int, lanes: Mapping[StrEnum, int], own: frozenset[StrEnum]) -> Line:
    sources = tuple(sorted(lanes[state] for state in row.sources))
    target = lanes[row.target] if row.target else None
    arrows = []
    if target is not None:
        # From the farthest source on each side; those between lie on the line.
        if sources[0] < target:
            arrows.append((sources[0], target))
        if sources[-1] > target:
            arrows.append((sources[-1], target))
    return Line(row, y, sources, target, tuple(arrows), bool(row.who & own))
