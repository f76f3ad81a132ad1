"""Whatever the bytes, a message comes out that every store takes, and nobody waits for it."""

from __future__ import annotations

import json
import random
import re
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intake.parsing import as_json, parse_email

CORPUS = [path.read_bytes() for path in sorted((Path(__file__).parent.parent / "corpus").glob("*.eml"))]
MUTATIONS = 3_000

_HEADERS = st.sampled_from(
    [
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "References",
        "Content-Type",
        "Content-Transfer-Encoding",
        "Content-Disposition",
    ]
)
_VALUES = st.one_of(
    st.binary(max_size=60),
    st.sampled_from(
        [
            b"multipart/mixed; boundary=b",
            b'multipart/alternative; boundary="b"',
            b"message/rfc822",
            b"text/html; charset=utf-7",
            b"text/plain; charset=utf-16",
            b"base64",
            b"quoted-printable",
            b"x-uuencode",
            b"=?utf-8?b?8J+YgA==?= =?x?q?=ZZ?=",
            b"attachment; filename*0*=utf-8''%ff; filename*1=x",
            b'"a" <a@b.mx>, c: d@e;',
            b"Mon, 31 Feb 2026 25:61:61 +9999",
        ]
    ),
)


def check(raw: bytes) -> None:
    """A message came out, serialisable, without the characters PostgreSQL refuses."""
    written = json.dumps(as_json(parse_email(raw)), ensure_ascii=False)
    written.encode("utf-8")
    assert "\\u0000" not in written.replace("\\\\", "")
    assert "unreadable" not in parse_email(raw).defects


@given(st.binary(max_size=2_000))
@settings(max_examples=300, deadline=None)
def test_any_bytes_become_a_message(raw: bytes) -> None:
    check(raw)


@given(st.lists(st.tuples(_HEADERS, _VALUES), max_size=12), st.binary(max_size=400), st.booleans())
@settings(max_examples=300, deadline=None)
def test_any_headers_become_a_message(fields: list[tuple[str, bytes]], body: bytes, parts: bool) -> None:
    head = b"".join(name.encode() + b": " + value + b"\n" for name, value in fields)
    check(head + b"\n" + (b"--b\n" + body + b"\n--b\n\n" + body if parts else body))


@given(st.text(max_size=800))
@settings(max_examples=200, deadline=None)
def test_any_text_becomes_a_message(text: str) -> None:
    body = text.encode("utf-8", "replace")
    check(b"Subject: x\nContent-Type: text/html; charset=utf-8\n\n" + body)
    check(b"Subject: x\nContent-Type: text/plain; charset=utf-8\n\n" + body)


def test_thousands_of_damaged_mails_become_messages() -> None:
    chance = random.Random(2026)
    slowest = 0.0
    for number in range(MUTATIONS):
        raw = damage(CORPUS[number % len(CORPUS)], chance)
        began = time.process_time()
        check(raw)
        slowest = max(slowest, time.process_time() - began)
    assert slowest < 2


def damage(raw: bytes, chance: random.Random) -> bytes:
    """*raw* cut, with changed bytes, lost or doubled lines, foreign charsets or inserted debris."""
    kind = chance.randrange(5)
    place = chance.randrange(len(raw))
    if kind == 0:
        return raw[:place]
    if kind == 1:
        changed = bytearray(raw)
        for _ in range(chance.randrange(1, 40)):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        return bytes(changed)
    if kind == 2:
        lines = raw.split(b"\n")
        at = chance.randrange(len(lines))
        lines[at : at + 1] = [] if chance.random() < 0.5 else [lines[at]] * 2
        return b"\n".join(lines)
    if kind == 3:
        name = chance.choice(
            [b"utf-7", b"utf-16", b"x-unknown", b"hz-gb-2312", b"idna", b"rot13", b"base64", b"\xff"]
        )
        return re.sub(rb"(charset=\"?)[\w-]+", lambda found: found[1] + name, raw)
    debris = chance.choice(
        [b"\0" * 50, b"\r" * 50, b"=?utf-8?b?" * 30, b"<" * 500, b"(" * 500, b'"', b"\n\n", b">" * 2000]
    )
    return raw[:place] + debris + raw[place:]


@pytest.mark.parametrize(
    "poison",
    [
        b"Subject: x\n\n" + (b"_" * 190 + b"\n") * 9_000,
        b"Subject: x\n\n" + b"> a\nb\n" * 200_000,
        b"Subject: x\n\n" + b"El lun, 3 may 2021 a las 10:00 x:\n" * 40_000,
        b"Content-Type: text/html\n\n" + b"<div>" * 250_000,
        b"Content-Type: text/html\n\n" + b"<a><b>" * 150_000,
        b"Content-Type: text/html\n\n" + b"<" * 1_500_000,
        b"To: " + b'"\\' * 400_000 + b"\n\n",
        b"To: " + b"a b c," * 200_000 + b"\n\n",
        b"Subject: " + b"=?utf-8?b?" * 150_000 + b"\n\n",
        b"Content-Type: text/plain; " + b'x="' * 400_000 + b"\n\n",
        b"Content-Type: multipart/mixed; boundary=a\n\n" + b"\n--a" * 400_000,
        b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (i, i) for i in range(4_000)),
        b"Received: x\n" * 200_000 + b"\nhola",
        b"Subject: x\n\n" + b"begin 644 x\n" * 150_000,
    ],
)
def test_poison_is_read_within_two_seconds(poison: bytes) -> None:
    began = time.process_time()
    parse_email(poison)
    assert time.process_time() - began < 2
