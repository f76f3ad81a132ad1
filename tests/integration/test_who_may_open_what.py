"""Every URL and call of the application, asked by everybody: who is let in, and who not (domain.md, "Roles").

The questions come from the application itself, so that no page can be forgotten; the
answers are in tests/support/who_may_open.toml.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import matrix as support
from tests.support.matrix import IDENTITIES, Answer, Matrix, matrix

PARTS = 4
TABLE = Path(support.__file__).with_name("who_may_open.toml")


@dataclass(frozen=True)
class Expected:
    """Who is let in. `hides`: to the others it is as if the thing were not there."""

    audience: str
    who: frozenset[str]
    hides: bool


@pytest.fixture(scope="module")
def office(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Matrix]:
    with matrix(tmp_path_factory.mktemp("matrix"), migrated_sqlite) as opened:
        yield opened


def read_table() -> dict[str, Expected]:
    expected: dict[str, Expected] = {}
    for name, audience in tomllib.loads(TABLE.read_text(encoding="utf-8")).items():
        who = frozenset(IDENTITIES if audience["who"] == ["anybody"] else audience["who"])
        assert who <= set(IDENTITIES), f"[{name}] names somebody who is not in IDENTITIES"
        for rule in audience["rules"]:
            assert rule not in expected, f"{rule} stands in two audiences"
            expected[rule] = Expected(name, who, audience.get("hides", False))
    return expected


@pytest.mark.timeout(600)
# In parts, so that several can ask at the same time.
@pytest.mark.parametrize("part", range(PARTS))
def test_every_url_lets_in_whom_the_table_names_and_nobody_else(office: Matrix, part: int) -> None:
    expected, wrong = read_table(), []
    questions = list(office.questions())
    for question, rule in questions[part::PARTS]:
        if question not in expected:
            wrong.append(f"NEW: {question} — write it into the audience of {TABLE.name} that may open it,"
                         " and if it shows a case, give Matrix.samples what its URL names.")  # fmt: skip
            continue
        want = expected[question]
        let_in = {Answer.IN} if want.hides else {Answer.IN, Answer.MISSING}
        may = {who for who in IDENTITIES if office.ask(who, question, rule) in let_in}
        if may != want.who:
            more, less = sorted(may - want.who), sorted(want.who - may)
            wrong.append(f"{question} [{want.audience}] lets in {more or 'nobody else'}, and not {less}")
    gone = expected.keys() - {question for question, _ in questions}
    wrong += [f"GONE: {question} — take its line out of {TABLE.name}." for question in gone]
    assert not wrong, "\n" + "\n".join(wrong)
