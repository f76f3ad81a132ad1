"""What follows DATA is read byte for byte, however the network cuts it."""

import asyncio
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intake.doors.smtp_data import MailData
from intake.smtp import read_part

MAX = 10_000


async def _read(wire: bytes, cuts: list[int], limit: int, data: MailData) -> bytes:
    """Feed *wire* in pieces to the reader that a session uses; what is left after the end of data."""
    reader = asyncio.StreamReader(limit=limit)
    places = sorted({min(cut, len(wire)) for cut in cuts} | {0, len(wire)})
    pieces = [wire[start:end] for start, end in itertools.pairwise(places)]

    async def feed() -> None:
        for piece in pieces:
            reader.feed_data(piece)
            await asyncio.sleep(0)
        reader.feed_eof()

    feeding = asyncio.create_task(feed())
    while not data.add(await read_part(reader, at_line_start=data.at_line_start)):
        pass
    await feeding
    return await reader.read()


def _stuffed(mail: bytes) -> bytes:
    """*mail* as an honest client sends it."""
    return (b"\r\n" + mail).replace(b"\r\n.", b"\r\n..")[2:] + b"\r\n.\r\n"


_TRICKY = st.lists(st.sampled_from([b"\r\n", b"\r", b"\n", b".", b"..", b"a", b"MAIL"])).map(b"".join)


@settings(max_examples=500)
@given(mail=_TRICKY | st.binary(max_size=300), cuts=st.lists(st.integers(1, 400)), limit=st.integers(1, 50))
def test_a_mail_comes_out_as_it_went_in_however_it_was_cut(mail: bytes, cuts: list[int], limit: int) -> None:
    data = MailData(MAX)
    rest = asyncio.run(_read(_stuffed(mail) + b"QUIT\r\n", cuts, limit, data))
    assert data.take() == mail + b"\r\n"
    assert rest == b"QUIT\r\n"


@settings(max_examples=500)
@given(wire=_TRICKY, cuts=st.lists(st.integers(1, 400)), limit=st.integers(1, 50))
def test_only_a_dot_between_two_whole_line_breaks_ends_a_mail(
    wire: bytes, cuts: list[int], limit: int
) -> None:
    sent = wire + b"\r\n.\r\nNOOP\r\n"
    data = MailData(MAX)
    rest = asyncio.run(_read(sent, cuts, limit, data))
    end = (b"\r\n" + sent).index(b"\r\n.\r\n") + 3
    assert rest == sent[end:]


@pytest.mark.parametrize("false_end", [b"\n.\n", b"\r.\r", b"\n.\r\n", b"\r\n.\n", b"\r.\r\n", b"\r\n.\r"])
def test_a_smuggled_end_of_data_stays_in_the_mail(false_end: bytes) -> None:
    mail = b"Subject: uno\r\n\r\nhola" + false_end + b"MAIL FROM:<jefe@example.gob.mx>\r\nDATA"
    data = MailData(MAX)
    asyncio.run(_read(mail + b"\r\n.\r\n", [], 1000, data))
    # The dot after a whole line break is the one that senders double.
    assert data.take() == mail.replace(b"\r\n.", b"\r\n") + b"\r\n"


def test_an_empty_mail_is_empty() -> None:
    data = MailData(MAX)
    assert data.add(b".\r\n")
    assert data.take() == b""


def test_what_is_too_large_takes_no_memory_and_is_read_to_its_end() -> None:
    data = MailData(10)
    assert not data.add(b"0123456789abcdef")
    assert data.is_too_large
    assert data.held == 0
    assert not data.add(b"more\r\n")
    assert data.add(b"\n.\r\n"[1:])


def test_a_mail_full_of_false_ends_is_an_attack() -> None:
    data = MailData(MAX)
    for _ in range(1_000):
        assert not data.add(b"a\n.\r\n")
    assert not data.is_attack
    assert not data.add(b"a\n.\r\n")
    assert data.is_attack
