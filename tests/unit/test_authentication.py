"""What is believed of a front server's word, and which domains belong together."""

from __future__ import annotations

import pytest

from intake.authentication import is_aligned, is_outside, organisation_of, read_results, read_spam_verdict

MX = "mx.example.gob.mx"
ANA = "ana@correo.example"


def mail(*headers: str) -> bytes:
    return "\r\n".join([*headers, "From: Ana <ana@correo.example>", "", "Hola"]).encode()


def test_the_topmost_results_of_our_front_server_are_believed() -> None:
    raw = mail(
        f"Authentication-Results: {MX};\r\n dkim=pass (2048-bit key) header.d=correo.example header.s=s1;\r\n"
        " spf=pass smtp.mailfrom=ana@correo.example; dmarc=pass (p=reject) header.from=correo.example",
        f"Received: from a by {MX}",
    )
    found = read_results(raw, MX, ANA)
    assert (found.spf, found.dkim, found.dmarc, found.domain) == ("pass", "pass", "pass", "correo.example")


def test_results_that_came_with_the_mail_are_ignored() -> None:
    raw = mail(
        f"Authentication-Results: {MX}; spf=fail smtp.mailfrom=x@y.example; dmarc=fail",
        f"Received: from a by {MX}",
        f"Authentication-Results: {MX}; dkim=pass header.d=correo.example; dmarc=pass",
    )
    found = read_results(raw, MX, ANA)
    assert (found.spf, found.dkim, found.dmarc, found.domain) == ("fail", "", "fail", "")


def test_what_is_forged_right_below_the_true_results_changes_none_of_them() -> None:
    raw = mail(
        f"Authentication-Results: {MX}; dkim=fail header.d=correo.example; dmarc=fail",
        f"Authentication-Results: {MX}; dkim=pass header.d=correo.example; dmarc=pass",
    )
    found = read_results(raw, MX, ANA)
    assert (found.dkim, found.dmarc, found.domain) == ("fail", "fail", "")


def test_results_of_another_server_say_nothing() -> None:
    raw = mail("Authentication-Results: mx.evil.example; dmarc=pass header.from=correo.example")
    assert read_results(raw, MX, ANA).dmarc == ""


def test_results_of_several_filters_of_our_server_are_read_together() -> None:
    raw = mail(
        f"Authentication-Results: {MX} 1; dmarc=pass header.from=correo.example",
        "DKIM-Filter: OpenDKIM Filter v2.11.0",
        f"Authentication-Results: {MX}; dkim=pass (a (nested) comment; spf=fail) header.i=@correo.example",
        "Received-SPF: pass",
        f"Authentication-Results: {MX}; spf=softfail smtp.mailfrom=otro.example",
    )
    found = read_results(raw, MX, ANA)
    assert (found.dmarc, found.dkim, found.spf) == ("pass", "pass", "softfail")


def test_a_judgement_about_another_author_is_no_judgement_about_ours() -> None:
    raw = mail(f"Authentication-Results: {MX}; dmarc=pass header.from=evil.example")
    found = read_results(raw, MX, ANA)
    assert (found.dmarc, found.domain) == ("permerror", "")


def test_a_signature_of_a_stranger_does_not_confirm_the_author() -> None:
    raw = mail(f"Authentication-Results: {MX}; dkim=pass header.d=envios.example; dmarc=none")
    found = read_results(raw, MX, ANA)
    assert (found.dkim, found.domain) == ("pass", "")


@pytest.mark.parametrize(
    ("domain", "organisation"),
    [
        ("mx.ocotlan.gob.mx", "ocotlan.gob.mx"),
        ("ocotlan.gob.mx", "ocotlan.gob.mx"),
        ("a.b.example.com", "example.com"),
        ("municipio.co.uk", "municipio.co.uk"),
        ("gob.mx", "gob.mx"),
        ("sub.nuevo.nolistado", "nuevo.nolistado"),
        ("a.b.ck", "a.b.ck"),
        ("x.www.ck", "www.ck"),
        ("localhost", "localhost"),
        ("", ""),
    ],
)
def test_the_organisation_is_what_is_registered(domain: str, organisation: str) -> None:
    assert organisation_of(domain) == organisation


def test_two_municipalities_are_two_organisations() -> None:
    assert is_aligned("mail.ocotlan.gob.mx", "ocotlan.gob.mx")
    assert not is_aligned("tlaquepaque.gob.mx", "ocotlan.gob.mx")
    assert not is_aligned("", "")


@pytest.mark.parametrize(
    ("peer", "outside"),
    [
        ("187.191.80.25", True),
        ("2806:2f0::1", True),
        ("127.0.0.1", False),
        ("192.168.1.9", False),
        ("201.150.1.7", False),
        ("", False),
        ("unix", False),
    ],
)
def test_only_strangers_on_the_internet_are_outside(peer: str, outside: bool) -> None:
    assert is_outside(peer, "127.0.0.0/8, ::1/128,201.150.0.0/16") is outside


@pytest.mark.parametrize(
    ("header", "is_spam"),
    [
        ("X-Spam-Flag: YES", True),
        ("X-Spam-Flag: NO", False),
        ("X-Spam-Status: Yes, score=14.2 required=5.0", True),
        ("X-Spam-Status: No, score=-1.9 required=5.0", False),
        ("X-Spam: Yes", True),
        ("X-Rspamd-Action: add header", True),
        ("X-Rspamd-Action: no action", False),
        ("X-Spamd-Result: default: True [15.10 / 15.00]", True),
        ("X-Spamd-Result: default: False [1.10 / 15.00]", False),
        ("X-MS-Exchange-Organization-SCL: 9", True),
        ("X-MS-Exchange-Organization-SCL: -1", False),
        ("X-Forefront-Antispam-Report: CIP:1.2.3.4;CTRY:US;SFV:SPM;H:mail", True),
        ("X-Forefront-Antispam-Report: CIP:1.2.3.4;CTRY:US;SFV:NSPM;H:mail", False),
    ],
)
def test_the_usual_filters_are_understood(header: str, is_spam: bool) -> None:
    verdict = read_spam_verdict(mail(header))
    assert bool(verdict) is is_spam
    assert not is_spam or verdict.lower().startswith(header.partition(":")[0].lower())


def test_the_front_servers_verdict_is_the_upper_one() -> None:
    assert read_spam_verdict(mail("X-Spam-Flag: NO", "Received: from a by b", "X-Spam-Flag: YES")) == ""
