"""The API keeps its description: schemathesis asks what it allows and forbids, and reads the answers."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from pydantic import SecretStr
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema

from admin.api import openapi
from admin.api.operations import OPERATIONS
from intake.config import Settings
from intake.office import Office
from intake.wording import speaking
from templates import LANGUAGES
from tests.support.api import Program
from tests.support.institution import found_institution, open_case
from tests.support.panel import give_logins, panel_of, served_panel

# Beside those that the description itself names; many more were asked when this was written.
EXAMPLES = 1
# What schemathesis takes for an acceptance of what the description allows.
ACCEPTED = ["2xx", "3xx", "401", "403", "404", "409", "429", "5xx"]


@pytest.fixture(scope="module")
def office(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("description")
    shutil.copy(migrated_sqlite, folder / "register.db")
    opened = Office.open(
        Settings(
            _env_file=None,
            database_url=f"sqlite:///{folder / 'register.db'}",
            store_url=f"file:{folder / 'files'}",
            outgoing_dir=folder / "outgoing",
            secret_key=SecretStr("only for tests, and longer than thirty-two bytes"),
            api_rate_per_minute=1_000_000,
        )
    )
    yield opened
    opened.database.close()


def test_every_answer_is_as_described(office: Office) -> None:
    with office.database.writing() as session:
        town = found_institution(session)
        give_logins(session, town)
        open_case(session, town)
    secret = Program(panel_of(office), office, town.accounts["head"]).secret
    config = SchemathesisConfig.from_dict(
        {
            "auth": {"openapi": {"token": {"bearer": secret}}},
            "generation": {"max-examples": EXAMPLES, "deterministic": True, "database": "none"},
            # What a service asks is the institution's own, and stands in no description.
            "operations": [
                {
                    "include-name": "POST /cases",
                    "checks": {"positive_data_acceptance": {"expected-statuses": [*ACCEPTED, "422"]}},
                }
            ],
            "phases": {"stateful": {"enabled": False}, "coverage": {"unexpected-methods": ["PATCH"]}},
        }
    )
    asked, wrong = 0, list[str]()
    with served_panel(office) as address:
        schema = schemathesis.openapi.from_url(f"{address}/api/v1/openapi.json", config=config)
        schema.config.update(base_url=f"{address}/api/v1")
        for event in from_schema(schema).execute():
            if isinstance(event, events.ScenarioFinished):
                asked += len(event.recorder.interactions)
                wrong += [
                    f"{event.label}: {check.failure_info.failure}"
                    for checks in event.recorder.checks.values()
                    for check in checks
                    if check.failure_info is not None
                ]
            elif isinstance(event, events.NonFatalError | events.FatalError):
                wrong.append(str(event))
    assert not wrong, "\n\n".join(wrong[:5])
    assert asked > 10 * len(OPERATIONS)


@schemathesis.hook("before_call")
def _use_a_key_once(_context: Any, case: Any, _arguments: Any) -> None:
    """No description can say that a key is good for one request."""
    if isinstance((case.headers or {}).get("Idempotency-Key"), str):
        case.headers["Idempotency-Key"] = uuid.uuid4().hex


def test_the_description_is_complete_in_both_languages(office: Office) -> None:
    documents = []
    for code in LANGUAGES:
        with speaking(code):
            documents.append(openapi.document(office))
    spanish, english = documents
    assert spanish["openapi"] == "3.1.0" and spanish["paths"].keys() == english["paths"].keys()
    assert spanish != english
    for words in map(str, documents):
        assert "api." not in words.replace("/api/", ""), "a label without its sentence"
