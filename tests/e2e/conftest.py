"""The office of the tests about documents: one for a file of tests, and new windows for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.support.documents_panel import DocumentOffice, document_office


@pytest.fixture(scope="module")
def shared_office(
    browser: Browser, migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DocumentOffice]:
    with document_office(tmp_path_factory.mktemp("documents"), migrated_sqlite, browser) as opened:
        yield opened


@pytest.fixture
def desk(shared_office: DocumentOffice) -> Iterator[DocumentOffice]:
    """The shared office; a script that failed on a page of this test fails it."""
    yield shared_office
    shared_office.close_windows()
