"""A stack becomes the pages of its cases; what is in doubt is held, and no page is lost."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from intake.digitizing.splitting import Place, split
from models.scan import HeldPage

A, B = "OP-2026-000001", "OP-2026-000002"
NO_LABEL, AMBIGUOUS = Place(held=HeldPage.NO_LABEL), Place(held=HeldPage.AMBIGUOUS)


def test_a_label_starts_the_pages_of_its_case() -> None:
    assert split([[A], [], [], [B], []]) == [Place(A)] * 3 + [Place(B)] * 2


def test_a_case_may_come_twice_in_a_stack() -> None:
    assert split([[A], [B], [A]]) == [Place(A), Place(B), Place(A)]


def test_pages_before_any_label_are_held() -> None:
    assert split([[], [], [A]]) == [NO_LABEL, NO_LABEL, Place(A)]


def test_pages_scanned_for_a_case_are_its_own_until_a_label_says_otherwise() -> None:
    assert split([[], [B], []], scanned_for=A) == [Place(A), Place(B), Place(B)]


def test_the_same_label_twice_on_a_page_is_one() -> None:
    assert split([[A, A]]) == [Place(A)]


def test_a_page_with_two_folios_and_what_follows_it_are_held_until_the_next_label() -> None:
    assert split([[A], [A, B], [], [B]], scanned_for=A) == [Place(A), AMBIGUOUS, AMBIGUOUS, Place(B)]


@given(st.lists(st.lists(st.sampled_from([A, B]), max_size=2), max_size=12), st.sampled_from(["", A]))
def test_each_page_has_one_place_and_no_folio_that_was_not_read(labels: list[list[str]], of: str) -> None:
    places = split(labels, scanned_for=of)
    assert len(places) == len(labels)
    assert all(bool(one.folio) != (one.held is not None) for one in places)
    assert {one.folio for one in places} - {""} <= {*(folio for page in labels for folio in page), of}
