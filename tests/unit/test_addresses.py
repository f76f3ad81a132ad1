"""Addresses are compared alike however they are written, and forged ones are noticed."""

from __future__ import annotations

import pytest

from intake.addresses import (
    Mailbox,
    clean_name,
    has_hidden_characters,
    imitated_domain,
    join_plus,
    name_claims_address,
    normalise_address,
    parse_addresses,
    split_plus,
)


@pytest.mark.parametrize(
    ("written", "address"),
    [
        (" <Ana@X.MX> ", "ana@x.mx"),
        ("ana@x.mx.", "ana@x.mx"),
        ('"ana"@x.mx', "ana@x.mx"),
        ("ana@ñandú.mx", "ana@xn--and-6ma2c.mx"),
        ("an\u200ba@x.mx", "ana@x.mx"),
        ("sin arroba", "sin arroba"),
    ],
)
def test_an_address_has_one_form(written: str, address: str) -> None:
    assert normalise_address(written) == address


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("Ana <ana@x.mx>", [("Ana", "ana@x.mx")]),
        ('"Pérez, Ana" <ana@x.mx>, b@x.mx', [("Pérez, Ana", "ana@x.mx"), ("", "b@x.mx")]),
        ("Pérez, Ana <ana@x.mx>", [("Pérez, Ana", "ana@x.mx")]),
        ("ana@x.mx (Ana Ruiz)", [("Ana Ruiz", "ana@x.mx")]),
        ("Mesa: a@x.mx, b@x.mx;", [("", "a@x.mx"), ("", "b@x.mx")]),
        ("=?utf-8?Q?Ana=2C_jefa?= <ana@x.mx>", [("Ana, jefa", "ana@x.mx")]),
        ("<mailto:ana@x.mx>", [("", "ana@x.mx")]),
        ("a@x.mx; b@x.mx", [("", "a@x.mx"), ("", "b@x.mx")]),
        ("undisclosed-recipients:;", []),
        ("", []),
    ],
)
def test_a_list_of_addresses_is_read_as_meant(header: str, found: list[tuple[str, str]]) -> None:
    assert parse_addresses([header]) == tuple(Mailbox(*pair) for pair in found)


def test_a_plus_address_keeps_the_case_of_its_tag() -> None:
    assert split_plus("Buzon+T-2026-000123.AbC@X.mx") == ("buzon@x.mx", "T-2026-000123.AbC")
    assert split_plus("buzon@x.mx") == ("buzon@x.mx", "")
    assert join_plus("buzon@x.mx", "tag") == "buzon+tag@x.mx"


def test_a_name_loses_what_cannot_be_seen() -> None:
    assert clean_name("Direc\u200btor\u202e  General\x07") == "Director General"
    assert has_hidden_characters("a\u202eb")
    assert not has_hidden_characters("José Núñez")


def test_a_name_that_shows_another_address_is_noticed() -> None:
    assert name_claims_address("director@ocotlan.gob.mx", "x@malo.example")
    assert not name_claims_address("ana@x.mx", "ana@x.mx")
    assert not name_claims_address("Ana Ruiz", "ana@x.mx")


@pytest.mark.parametrize(
    "forged",
    [
        "0cotlan.gob.mx",
        "осotlan.gob.mx",
        "ocotlan-gob.mx",
        "ocotlann.gob.mx",
        "ocotaln.gob.mx",
        "ocotlan.gob.mx.malo.example",
        "ocotIan.gob.mx",
    ],
)
def test_a_domain_that_looks_like_ours_is_noticed(forged: str) -> None:
    assert imitated_domain(forged, ["ocotlan.gob.mx"]) == "ocotlan.gob.mx"


@pytest.mark.parametrize(
    "honest", ["ocotlan.gob.mx", "correo.ocotlan.gob.mx", "gmail.com", "tonala.gob.mx", ""]
)
def test_an_honest_domain_is_left_alone(honest: str) -> None:
    assert imitated_domain(honest, ["ocotlan.gob.mx"]) == ""
