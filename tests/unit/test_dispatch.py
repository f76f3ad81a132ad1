"""The table of deliveries: who may do what from where, which zone an address is in and what it costs."""

from __future__ import annotations

import pytest

from models.carrier import Courier, DispatchKind, Tariff, Zone, find_tariff, find_zone
from models.dispatch import TRANSITIONS, Dispatch, DispatchState, allowed, get_row
from models.person import Account, Role
from models.task import TaskKind
from models.workflow import NotAllowed
from templates import LANGUAGES, labels

MANAGER = Account(id=1, role=Role.DISPATCH_MANAGER, is_active=True)
COURIER = Account(id=2, role=Role.COURIER, is_active=True)
REQUESTER = Account(id=3, role=Role.WORKER, is_active=True)
OTHERS = [Account(id=4 + n, role=role, is_active=True) for n, role in enumerate(Role)
          if role != Role.DISPATCH_MANAGER]  # fmt: skip


# What a manager believes of an act that came late.
LATE = ("accept_late", "accept_late_return")


def dispatch(state: DispatchState) -> Dispatch:
    return Dispatch(state=state, requested_by_id=3, courier=Courier(name="Saúl", account_id=2))


def may(state: DispatchState, who: Account) -> set[str]:
    return {row.action for row in allowed(dispatch(state), who)}


def test_each_may_do_from_each_state_what_the_table_says_and_no_other() -> None:
    table = {
        state: (may(state, MANAGER), may(state, COURIER), may(state, REQUESTER)) for state in DispatchState
    }
    assert table == {
        "requested": ({"assign", "withdraw", *LATE}, set(), {"withdraw"}),
        "assigned": (
            {"unassign", "start", "deliver", "return", *LATE},
            {"start", "deliver", "return"},
            set(),
        ),
        "in_transit": ({"deliver", "return", *LATE}, {"deliver", "return"}, set()),
        "delivered": (set(), set(), set()),
        "returned": ({"ask_again"}, set(), {"ask_again"}),
    }


@pytest.mark.parametrize("state", DispatchState)
def test_somebody_elses_delivery_is_nobodys_business(state: DispatchState) -> None:
    assert all(may(state, other) == set() for other in OTHERS)
    inactive = Account(id=3, role=Role.DISPATCH_MANAGER, is_active=False)
    assert may(state, inactive) == set()


def test_what_is_delivered_stays_delivered() -> None:
    for action in {row.action for row in TRANSITIONS}:
        with pytest.raises(NotAllowed):
            get_row(dispatch(DispatchState.DELIVERED), action, MANAGER)


def test_every_way_to_an_end_ends_the_tasks_that_being_assigned_began() -> None:
    begun = next(row.starts for row in TRANSITIONS if row.action == "assign")
    assert begun == {TaskKind.DELIVER, TaskKind.RETURN_ACUSE}
    assert all(row.ends == begun for row in TRANSITIONS if DispatchState.ASSIGNED in row.sources
               and row.action != "start")  # fmt: skip


def test_whatever_ends_without_a_delivery_says_why() -> None:
    assert {row.action for row in TRANSITIONS if row.target == DispatchState.RETURNED and not row.needs_reason
            } == set()  # fmt: skip


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_action_state_and_event_has_its_words(code: str) -> None:
    words = labels(code)
    for row in TRANSITIONS:
        assert {f"panel.action.dispatch_{row.action}", f"panel.event.dispatch_{row.action}"} <= set(words)
    assert {f"dispatch.state.{state}" for state in DispatchState} <= set(words)
    assert {f"panel.state.dispatch_{state}" for state in DispatchState} <= set(words)


def test_the_zone_is_the_one_whose_postal_codes_say_most() -> None:
    center, city = Zone(name="Centro", postal_codes="44100 44150"), Zone(name="Ciudad", postal_codes="44 45")
    assert find_zone([city, center], "44100") is center
    assert find_zone([city, center], "44200") is city
    assert find_zone([city, center], "06000") is None
    assert find_zone([city, center], "") is None


def test_the_tariff_is_the_one_that_says_most_and_carries_the_weight() -> None:
    general = Tariff(kind=DispatchKind.FORANEA, cost_cents=1)
    of_zone = Tariff(kind=DispatchKind.FORANEA, zone_id=7, cost_cents=2)
    light = Tariff(kind=DispatchKind.FORANEA, carrier_id=5, up_to_grams=500, cost_cents=3)
    heavy = Tariff(kind=DispatchKind.FORANEA, carrier_id=5, up_to_grams=5_000, cost_cents=4)
    every = [general, of_zone, light, heavy]

    def cost(carrier: int | None, zone: int | None, grams: int) -> int | None:
        found = find_tariff(every, DispatchKind.FORANEA, carrier, zone, grams)
        return found.cost_cents if found else None

    assert (cost(5, 7, 400), cost(5, 7, 501), cost(5, 7, 9_000)) == (3, 4, 2)
    assert (cost(6, 7, 400), cost(6, None, 400)) == (2, 1)
    assert find_tariff(every, DispatchKind.LOCAL, 5, 7, 400) is None
