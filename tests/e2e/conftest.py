"""What most browser tests begin with: an institution whose people have logins, and its panel on a socket.

And the office of the tests about documents: one for a file of tests, and new windows for each test.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from intake.office import Office
from tests.support.documents_panel import DocumentOffice, document_office
from tests.support.institution import Institution, found_institution
from tests.support.panel import give_logins, served_panel


@pytest.fixture
def town(office: Office) -> Institution:
    """The institution of `office`; everybody in it has a login."""
    with office.database.writing() as session:
        town = found_institution(session)
        give_logins(session, town)
    return town


@pytest.fixture
def address(office: Office, town: Institution) -> Iterator[str]:
    """Of the panel of `office`."""
    with served_panel(office) as address:
        yield address


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
