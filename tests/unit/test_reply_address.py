"""A signed address leads to its case or notice, and to nothing when a letter of it was changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from intake.config import Settings
from intake.office import Office
from intake.reply_address import case_link, is_link_key, read, read_bounce, sign, sign_bounce

MAILBOX = "mesa@example.gob.mx"
FOLIO = "T-2026-000123"


def open_office(folder: Path, secret: str) -> Office:
    return Office.open(
        Settings(
            _env_file=None,
            database_url="sqlite://",
            store_url=f"file:{folder}",
            secret_key=SecretStr(secret),
            base_url="https://oficialia.example.gob.mx/",
        )
    )


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    opened = open_office(tmp_path_factory.mktemp("office"), "one secret of ours")
    yield opened
    opened.database.close()


series = st.sampled_from(["T", "OP"])
siglas = st.text("ABCÑÁ. -_&", min_size=1, max_size=20)
years, numbers = st.integers(2000, 2100), st.integers(1, 10**7)
folios = st.one_of(
    st.builds("{}-{}-{:06d}".format, series, years, numbers),
    st.builds("{}/{:04d}/{}".format, siglas, numbers, years),
)


@given(folios)
def test_a_signed_address_leads_back_to_its_folio(office: Office, folio: str) -> None:
    assert read(office, sign(office, MAILBOX, folio)) == folio.upper()


@given(folios)
def test_clients_that_change_the_case_of_letters_do_no_harm(office: Office, folio: str) -> None:
    address = sign(office, MAILBOX, folio)
    assert read(office, address.upper()) == read(office, address.lower()) == folio.upper()


def test_an_address_reads_like_what_it_is(office: Office) -> None:
    address = sign(office, MAILBOX, FOLIO)
    assert address.startswith("mesa+T-2026-000123.")
    assert address.endswith("@example.gob.mx")
    assert len(address.partition("@")[0]) <= 64


def test_a_document_folio_has_no_slash_in_an_address(office: Office) -> None:
    address = sign(office, MAILBOX, "DGA/0123/2026")
    assert address.startswith("mesa+DGA~0123~2026.")
    assert read(office, address) == "DGA/0123/2026"


@given(folios)
def test_an_address_needs_no_more_than_ascii(office: Office, folio: str) -> None:
    local = sign(office, MAILBOX, folio).partition("@")[0]
    # RFC 5322, 3.2.3: the characters of an atom, and the dot between atoms.
    assert set(local) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.=~")
    assert ".." not in local


def test_a_mailbox_with_a_plus_sign_of_its_own_works(office: Office) -> None:
    assert read(office, sign(office, "mesa+prueba@example.gob.mx", FOLIO)) == FOLIO


def test_another_folio_with_the_same_tag_is_not_ours(office: Office) -> None:
    address = sign(office, MAILBOX, FOLIO)
    assert read(office, address.replace("000123", "000124")) is None


@given(st.integers(0, 11), st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
def test_a_changed_letter_of_the_tag_is_noticed(office: Office, position: int, letter: str) -> None:
    head, _, tag = sign(office, MAILBOX, FOLIO).partition("@")[0].rpartition(".")
    changed = tag[:position] + letter + tag[position + 1 :]
    expected = FOLIO if changed == tag else None
    assert read(office, f"{head}.{changed}@example.gob.mx") == expected


@given(st.text(max_size=120))
def test_whatever_an_address_looks_like_it_is_only_not_ours(office: Office, address: str) -> None:
    assert read(office, address) is None
    assert read_bounce(office, address) is None


def test_another_office_signs_otherwise(office: Office, tmp_path: Path) -> None:
    other = open_office(tmp_path, "another secret")
    assert read(other, sign(office, MAILBOX, FOLIO)) is None
    other.database.close()


def test_a_bounce_leads_to_its_notice(office: Office) -> None:
    address = sign_bounce(office, MAILBOX, "abcdefghij234567@example.gob.mx")
    assert address.startswith("mesa+b-abcdefghij234567.")
    assert read_bounce(office, address) == "abcdefghij234567@example.gob.mx"
    assert read_bounce(office, address.upper()) == "abcdefghij234567@example.gob.mx"


def test_a_bounce_address_is_no_reply_address_nor_the_other_way_round(office: Office) -> None:
    assert read(office, sign_bounce(office, MAILBOX, "abcdefghij234567@example.gob.mx")) is None
    assert read_bounce(office, sign(office, MAILBOX, "B-2026-000001")) is None


def test_the_link_to_a_case_opens_only_that_case(office: Office) -> None:
    link = urlsplit(case_link(office, "DGA/0123/2026"))
    key = parse_qs(link.query)["clave"][0]
    assert (link.netloc, link.path) == ("oficialia.example.gob.mx", "/caso/DGA~0123~2026")
    assert is_link_key(office, "DGA/0123/2026", key)
    assert not is_link_key(office, "DGA/0124/2026", key)
    assert not is_link_key(office, "DGA/0123/2026", "")
