"""One office with its panel for a whole file of tests about documents: people enter it without logging in.

Each test makes documents of its own with the desk's verbs, and looks only at those.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Locator, Page
from pydantic import SecretStr
from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.config import Settings
from intake.issued import approval, drafts
from intake.issued.drafts import DraftFields
from intake.office import Office
from models.oficio import Oficio
from models.person import Account
from models.user import User
from tests.support.browser import clerks_window, draw_no_pdf
from tests.support.documents import fields
from tests.support.institution import Institution, found_institution
from tests.support.panel import give_logins, panel_of, served_panel


@dataclass
class DocumentOffice:
    """The office, who works there, where its panel listens, and the windows that the test opened."""

    office: Office
    people: Institution
    address: str
    folder: Path
    browser: Browser
    # Only to write session cookies.
    app: Flask
    windows: ExitStack = field(default_factory=ExitStack)
    errors: list[str] = field(default_factory=list)

    def enter(self, name: str, path: str = "/admin/tablero/", *, draws_pdf: bool = False,
              scripts: bool = True) -> Page:  # fmt: skip
        """A window of its own in which the person *name* is inside, opened at *path*."""
        window = self.windows.enter_context(clerks_window(self.browser, self.address, scripts=scripts))
        self._let_in(window, self.people.accounts[name])
        page = window.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        if not draws_pdf:
            draw_no_pdf(page)
        page.goto(path)
        return page

    def _let_in(self, window: BrowserContext, account: Account) -> None:
        client = self.app.test_client()
        with self.office.database.reading() as reading:
            user = reading.scalars(select(User).where(User.person_id == account.person_id)).one()
            with client.session_transaction() as cookie:
                cookie["_user_id"], cookie["_fresh"] = user.fs_uniquifier, True
        made = client.get_cookie(self.app.config["SESSION_COOKIE_NAME"])
        assert made is not None
        window.add_cookies([{"name": made.key, "value": made.value, "url": self.address}])

    @contextmanager
    def desk(self) -> Iterator[tuple[Session, dict[str, Account]]]:
        """A transaction of the desk, with everybody's account."""
        with self.office.database.writing() as session:
            yield session, {n: session.get_one(Account, one.id) for n, one in self.people.accounts.items()}

    def draft(self, subject: str, by: str = "worker", what: DraftFields | None = None) -> int:
        """A complete draft to the head of Obras."""
        with self.desk() as (session, accounts):
            wanted = what or fields(self.people, subject=subject)
            return drafts.create_draft(session, self.office, accounts[by], wanted).id

    def submitted(self, subject: str, what: DraftFields | None = None) -> int:
        """The same, waiting for approval."""
        made = self.draft(subject, what=what)
        with self.desk() as (session, accounts):
            approval.submit(session, self.office, session.get_one(Oficio, made), accounts["worker"])
        return made

    def sent(self, subject: str, what: DraftFields | None = None) -> int:
        """The same, approved by the head and sent."""
        made = self.submitted(subject, what)
        self.decide(lambda session, who: approval.approve(
            session, self.office, session.get_one(Oficio, made), who["head"]))  # fmt: skip
        return made

    def decide(self, verb: Callable[[Session, dict[str, Account]], object]) -> None:
        """Call *verb* in a transaction, in another thread: pyHanko wants asyncio, which the browser holds."""

        def run() -> None:
            with self.desk() as (session, accounts):
                verb(session, accounts)

        with ThreadPoolExecutor(1) as thread:
            thread.submit(run).result()

    def find(self, subject: str) -> Oficio:
        """The newest document about *subject*, as it is now."""
        with self.office.database.reading() as session:
            found = session.scalars(
                select(Oficio).where(Oficio.subject == subject).order_by(Oficio.id.desc()).limit(1)
            ).one()
            # Read now, while there is a session.
            _ = found.body_html
            return found

    def state_of(self, document_id: int) -> str:
        with self.office.database.reading() as session:
            return session.get_one(Oficio, document_id).state

    def close_windows(self) -> None:
        """After each test: a script that failed on one of its pages fails it."""
        self.windows.close()
        self.windows, errors, self.errors = ExitStack(), self.errors, []
        assert not errors, f"Scripts of the page failed: {errors}"


@contextmanager
def document_office(folder: Path, migrated: Path, browser: Browser) -> Iterator[DocumentOffice]:
    """An office of its own in *folder*, from a copy of the *migrated* database."""
    shutil.copy(migrated, folder / "register.db")
    settings = Settings(
        _env_file=None,
        database_url=f"sqlite:///{folder / 'register.db'}",
        store_url=f"file:{folder / 'files'}",
        outgoing_dir=folder / "outgoing",
        secret_key=SecretStr(hashlib.sha256(b"only for tests").hexdigest()),
        domain="example.gob.mx",
        efirma_folder=str(folder / "efirma"),
    )
    office = Office.open(settings)
    with office.database.writing() as session:
        people = found_institution(session)
        give_logins(session, people)
    try:
        with served_panel(office) as address:
            yield DocumentOffice(office, people, address, folder, browser, panel_of(office))
    finally:
        office.database.close()


def editor(page: Page) -> Locator:
    """Where the text of a document is written, once the script has put it in the place of the plain field."""
    field = page.get_by_role("textbox", name="Información adicional")
    return field.and_(page.locator("[contenteditable]"))
