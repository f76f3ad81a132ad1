"""Where a case has been: the states it went through and how long it stayed in each, read from its events.

Pure: the history is replayed over the table of transitions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from models.diagram import DISPATCH_WORDS, Step
from models.dispatch import TRANSITIONS as DELIVERIES
from models.dispatch import Dispatch, DispatchState
from models.event import Event
from models.workflow import TRANSITIONS, Process, State, first_state


@dataclass(frozen=True, slots=True)
class Stay:
    """A case was in `state` from `since` until `until` (None: it still is), when `action` ended it."""

    state: StrEnum
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

    state: StrEnum
    times: int
    length: timedelta
    is_current: bool


def replay(process: Process, events: Iterable[Event], state_now: str) -> list[Stay]:
    """The stays of a case, oldest first; *events* are its history in order."""
    rows = [row for row in TRANSITIONS if row.process == process]
    return _follow(rows, first_state(process), events, State(state_now))


def replay_delivery(dispatch: Dispatch, events: Iterable[Event]) -> list[Stay]:
    """The stays of *dispatch*; *events* are the history of its document in order, with those of others."""
    own = [event for event in events if event.data.get("dispatch") == dispatch.id]
    return _follow(DELIVERIES, DispatchState.REQUESTED, own, dispatch.state, DISPATCH_WORDS)


def _follow(
    rows: Sequence[Step], first: StrEnum, events: Iterable[Event], state_now: StrEnum, words: str = ""
) -> list[Stay]:
    stays: list[Stay] = []
    for event in events:
        if not stays:
            stays.append(Stay(first, event.at))
            continue
        last, action = stays[-1], event.action.removeprefix(words)
        reached = _target(rows, last.state, action, event)
        if reached is not None and reached != last.state:
            by = event.account.person.name if event.account else ""
            stays[-1] = Stay(last.state, last.since, event.at, action, by)
            stays.append(Stay(reached, event.at))
    if stays and stays[-1].state != state_now:
        # The register says where it is, whatever an older history forgot to tell.
        stays.append(Stay(state_now, stays[-1].since))
        stays[-2] = Stay(stays[-2].state, stays[-2].since, stays[-2].since)
    return stays


def _target(rows: Sequence[Step], state: StrEnum, action: str, event: Event) -> StrEnum | None:
    # A rule that names an account hands the case over with no step of a clerk (intake.opening).
    if action == "route":
        return State.ASSIGNED if event.data.get("account") else None
    for row in rows:
        if row.action == action and state in row.sources:
            return row.target
    return None


def passages(stays: Sequence[Stay], at: datetime) -> dict[StrEnum, Passage]:
    """How often and how long the case was in each state it has seen, until *at*."""
    found: dict[StrEnum, Passage] = {}
    for stay in stays:
        before = found.get(stay.state)
        found[stay.state] = Passage(
            stay.state,
            (before.times if before else 0) + 1,
            (before.length if before else timedelta()) + stay.length(at),
            stay is stays[-1],
        )
    return found


def steps_taken(stays: Sequence[Stay]) -> dict[tuple[str, StrEnum], int]:
    """How often each step was taken, by action and the state it led to."""
    found: dict[tuple[str, StrEnum], int] = {}
    for stay, following in pairwise(stays):
        key = (stay.action, following.state)
        found[key] = found.get(key, 0) + 1
    return found
