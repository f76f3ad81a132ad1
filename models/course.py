"""Where a case has been: the states it went through and how long it stayed in each, read from its events.

Pure: the history is replayed over the table of transitions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from models.event import Event
from models.workflow import TRANSITIONS, Process, State, first_state


@dataclass(frozen=True, slots=True)
class Stay:
    """A case was in `state` from `since` until `until` (None: it still is), when `action` ended it."""

    state: State
    since: datetime
    until: datetime | None = None
    action: str = ""
    by: str = ""

    def length(self, at: datetime) -> timedelta:
        """How long it lasted; until *at* while it lasts."""
        return (self.until or at) - self.since


@dataclass(frozen=True, slots=True)
class Passage:
    """All stays in one state together."""

    state: State
    times: int
    length: timedelta
    is_current: bool


def replay(process: Process, events: Iterable[Event], state_now: str) -> list[Stay]:
    """The stays of a case, oldest first; *events* are its history in order."""
    stays: list[Stay] = []
    for event in events:
        if not stays:
            stays.append(Stay(first_state(process), event.at))
            continue
        last = stays[-1]
        reached = _target(process, last.state, event)
        if reached is not None and reached != last.state:
            by = event.account.person.name if event.account else ""
            stays[-1] = Stay(last.state, last.since, event.at, event.action, by)
            stays.append(Stay(reached, event.at))
    if stays and stays[-1].state != state_now:
        # The register says where it is, whatever an older history forgot to tell.
        stays.append(Stay(State(state_now), stays[-1].since))
        stays[-2] = Stay(stays[-2].state, stays[-2].since, stays[-2].since)
    return stays


def _target(process: Process, state: State, event: Event) -> State | None:
    # A rule that names an account hands the case over with no step of a clerk (intake.opening).
    if event.action == "route":
        return State.ASSIGNED if event.data.get("account") else None
    for row in TRANSITIONS:
        if row.process == process and row.action == event.action and state in row.sources:
            return row.target
    return None


def passages(stays: Sequence[Stay], at: datetime) -> dict[State, Passage]:
    """How often and how long the case was in each state it has seen, until *at*."""
    found: dict[State, Passage] = {}
    for stay in stays:
        before = found.get(stay.state)
        found[stay.state] = Passage(
            stay.state,
            (before.times if before else 0) + 1,
            (before.length if before else timedelta()) + stay.length(at),
            stay is stays[-1],
        )
    return found


def steps_taken(stays: Sequence[Stay]) -> dict[tuple[str, State], int]:
    """How often each step was taken, by action and the state it led to."""
    found: dict[tuple[str, State], int] = {}
    for stay, following in pairwise(stays):
        key = (stay.action, following.state)
        found[key] = found.get(key, 0) + 1
    return found
