"""Whatever strangers write in headers, records and names: judging the sender neither fails nor trusts."""

from __future__ import annotations

import ipaddress

from hypothesis import example, given, settings
from hypothesis import strategies as st

from intake.authentication import fields, is_aligned, organisation_of, read_results, read_spam_verdict
from intake.senders import spf
from intake.senders.resolver import IPAddress, Lookup, Unanswered
from intake.senders.trust import mixes_alphabets, name_words

MX = "mx.example.gob.mx"
RESULTS = {"pass", "fail", "softfail", "neutral", "none", "policy", "temperror", "permerror"}
SPF_RESULTS = RESULTS - {"policy"}

headers = st.lists(
    st.tuples(
        st.sampled_from(["Authentication-Results", "Received", "X-Spam-Flag", "From", "ARC-Seal"]),
        st.one_of(
            st.text(max_size=80),
            st.from_regex(r"mx\.example\.gob\.mx; (dkim|dmarc)=(pass|[a-z]{1,9})( header\.d=[a-z.]{1,20})?",
                          fullmatch=True),
        ),
    ),
    max_size=12,
)  # fmt: skip
terms = st.one_of(
    st.sampled_from(
        ["v=spf1", "-all", "~all", "a", "mx", "ptr", "a/24", "a//64", "ip4:1.2.3.4/8", "ip6:::1",
         "exists:%{i}.x.y", "include:a.example", "redirect=a.example", "exp=%{d}",
         "include:%{d1r+}.b.example", "mx:b.example/0//0"]
    ),
    st.text(st.characters(codec="ascii"), min_size=1, max_size=20),
)  # fmt: skip


class Zone(Lookup):
    """A DNS that says what the example says; some names it does not answer."""

    def __init__(self, records: list[str], is_silent: bool) -> None:
        self.records = records
        self.is_silent = is_silent
        self.questions = 0

    def texts(self, name: str) -> list[bytes]:
        self.questions += 1
        if self.is_silent and self.questions > 2:
            raise Unanswered(name)
        return [record.encode() for record in self.records]

    def addresses(self, name: str, version: int) -> list[IPAddress]:
        self.questions += 1
        return [ipaddress.ip_address("1.2.3.4" if version == 4 else "::1")]

    def exchanges(self, name: str) -> list[str]:
        self.questions += 1
        return ["mx.example", "mx2.example"]

    def names(self, address: IPAddress) -> list[str]:
        self.questions += 1
        return ["mail.a.example"]


@given(st.binary(max_size=2_000))
@example(b"Authentication-Results: " + b"(" * 5_000 + b"\r\n\r\n")
@example(b"Authentication-Results: mx.example.gob.mx; " + b"a" * 200_000)
def test_no_bytes_make_the_reader_of_results_fail(raw: bytes) -> None:
    for name, _ in fields(raw):
        assert name == name.lower()
    found = read_results(raw, MX, "ana@correo.example")
    assert {found.spf, found.dkim, found.dmarc, found.arc} <= RESULTS | {""}
    assert isinstance(read_spam_verdict(raw), str)


@given(headers, st.sampled_from(["fail", "none", "temperror"]))
def test_nothing_below_the_front_servers_word_overrules_it(written: list[tuple[str, str]], word: str) -> None:
    ours = f"Authentication-Results: {MX}; dmarc={word}; dkim={word}; spf={word}; arc={word}\r\n"
    below = "".join(f"{name}: {' '.join(value.split())}\r\n" for name, value in written)
    found = read_results((ours + below + "\r\nHola").encode("utf-8", "replace"), MX, "ana@correo.example")
    assert (found.dmarc, found.dkim, found.spf, found.arc) == (word,) * 4 and found.domain == ""


@given(st.lists(terms, max_size=14), st.text(max_size=30), st.text(max_size=30), st.booleans())
@example(["v=spf1", "include:a.example"], "a@a.example", "", False)
@example(["v=spf1", "redirect=a.example"], "a@a.example", "", False)
@settings(deadline=None)
def test_every_spf_record_comes_to_one_of_seven_results(
    words: list[str], sender: str, helo: str, is_silent: bool
) -> None:
    zone = Zone([" ".join(["v=spf1", *words])], is_silent)
    result, _ = spf.check_host(zone, "1.2.3.4", sender, helo)
    assert result in SPF_RESULTS
    # RFC 7208, 4.6.4: nobody makes us ask the DNS more often than this.
    assert zone.questions <= 1 + spf.MAX_TERMS * (2 + spf.MAX_HOSTS)


@given(st.text(max_size=60), st.text(max_size=60))
def test_alignment_is_mutual_and_every_domain_is_aligned_with_itself(one: str, other: str) -> None:
    assert is_aligned(one, other) == is_aligned(other, one)
    assert is_aligned(one, one) == bool(one)
    assert organisation_of(organisation_of(one)) == organisation_of(one)


@given(st.text(max_size=100))
def test_any_name_can_be_compared(name: str) -> None:
    assert all(word == word.casefold() and len(word) > 1 for word in name_words(name))
    assert isinstance(mixes_alphabets(name), bool)
