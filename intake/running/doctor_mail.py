"""What `oficialia check` tests of the reading of mail: antivirus, name server, issuers of signatures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from intake.config import Settings
from intake.running.findings import Finding, Level, bad, well
from intake.scanning import MALWARE, Scanner, ScannerAway
from intake.senders import smime
from intake.senders.resolver import Resolver, Unanswered
from templates import say

# What every antivirus finds (eicar.org). In two parts, so that none takes this file away.
_TEST = (r"X5O!P%@AP[4\PZX54(P^)7CC)7}" + "$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*").encode()


def examine_antivirus(settings: Settings) -> Iterator[Finding]:
    """Whether clamd answers, and knows malware when it sees it."""
    if not settings.clamd_url:
        yield well("antivirus", "no_antivirus")
        return
    try:
        danger = Scanner(settings.clamd_url).scan(_TEST)
    except (ScannerAway, ValueError) as error:
        yield bad(Level.FAIL, "antivirus", say("cli.check.found.error", why=str(error)), "antivirus")
        return
    if danger.startswith(MALWARE):
        yield well("antivirus", "finds", name=danger.removeprefix(MALWARE))
    else:
        yield bad(Level.FAIL, "antivirus", say("cli.check.found.finds_nothing"), "antivirus_signatures")


def examine_name_server(settings: Settings) -> Iterator[Finding]:
    """Whether the DNS answers at all: without it nobody's sender can be confirmed, though mail goes on."""
    if settings.authenticate not in ("own", "everywhere"):
        yield well("dns", "no_dns", how=settings.authenticate)
        return
    place = settings.dns_server or "resolv.conf"
    try:
        Resolver(settings.dns_server).lookup().texts(f"_dmarc.{settings.domain}")
    except (Unanswered, ValueError) as error:
        found = say("cli.check.found.dns_silent", place=place, why=type(error).__name__)
        yield bad(Level.WARN, "dns", found, "dns")
        return
    yield well("dns", "dns_answers", place=place)


def examine_issuers(settings: Settings) -> Iterator[Finding]:
    """Whose word is taken for S/MIME signatures."""
    missing = [place for place in settings.smime_roots.split() if not Path(place).exists()]
    number = len(smime.load_roots(settings.smime_roots))
    if missing or not number:
        found = say("cli.check.found.issuers_missing", places=", ".join(missing) or "-", number=number)
        yield bad(Level.FAIL if missing else Level.WARN, "issuers", found, "issuers")
    else:
        yield well("issuers", "issuers", number=number)
