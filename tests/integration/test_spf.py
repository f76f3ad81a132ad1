"""SPF as RFC 7208 wants it: its public test suite, asked of a name server on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from intake.senders.resolver import Resolver
from intake.senders.spf import check_host
from tests.support.resolver import Names, name_server

SUITE = Path(__file__).parent.parent / "corpus" / "spf" / "rfc7208-tests.yml"
# Every worker reads it: in C, a tenth of the time.
SCENARIOS = list(yaml.load_all(SUITE.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader))


@pytest.fixture
def names() -> Iterator[Names]:
    with name_server() as running:
        yield running


@pytest.mark.parametrize("scenario", SCENARIOS, ids=[scenario["description"] for scenario in SCENARIOS])
def test_every_case_of_the_public_suite_comes_out_as_it_should(
    names: Names, scenario: dict[str, Any]
) -> None:
    for name, records in scenario["zonedata"].items():
        _publish(names, name, records)
    resolver = Resolver(names.address)
    wrong = {}
    for title, case in scenario["tests"].items():
        lookup = resolver.lookup(budget=0.4 if names.silent else 20)
        found, _ = check_host(lookup, case["host"], case.get("mailfrom") or "", case["helo"])
        wanted = case["result"] if isinstance(case["result"], list) else [case["result"]]
        if found not in wanted:
            wrong[title] = (found, wanted)
    assert not wrong


def _publish(names: Names, name: str, records: list[Any]) -> None:
    """The suite's zone: SPF stands for TXT unless that is given too; a word is a server's misbehaviour."""
    given = [record for record in records if isinstance(record, dict)]
    has_text = any("TXT" in record for record in given)
    names.records.setdefault((name.lower().rstrip("."), ""), [])
    for record in given:
        for kind, value in record.items():
            if value == "NONE" or (kind == "SPF" and has_text):
                continue
            if value == "TIMEOUT":
                names.silent.add(f"{name.lower()} {'TXT' if kind == 'SPF' else kind}")
            elif kind in ("TXT", "SPF"):
                names.add(name, "TXT", "".join(value) if isinstance(value, list) else str(value))
            elif kind == "MX":
                names.add(name, "MX", f"{value[0]} {value[1] or '.'}")
            else:
                names.add(name, kind, value)
    if "TIMEOUT" in records:
        known = {kind for owner, kind in names.records if owner == name.lower() and kind}
        names.silent |= {f"{name.lower()} {kind}" for kind in {"A", "AAAA", "MX", "TXT", "PTR"} - known}
