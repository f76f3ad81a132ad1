"""What every test may ask for by name: databases, settings and the real servers of tests/support.

Servers start when the first test of a worker asks for them and live until its last.
"""

import fcntl
import gc
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import hypothesis
import pytest
import structlog
from playwright.sync_api import Browser, Page
from pydantic import SecretStr

from intake.config import Settings
from intake.office import Office
from intake.proofs.seal import open_seal
from models import migrations, session
from models.session import Database, open_database
from tests.support.botapi import BotApi
from tests.support.browser import chromium, clerks_window
from tests.support.certificates import Certificate, make_certificate
from tests.support.clamd import clamd
from tests.support.command import Place
from tests.support.dovecot import Dovecot, dovecot
from tests.support.institution import Institution, found_institution
from tests.support.ports import free_port
from tests.support.postgres import PostgresCluster, postgres_cluster
from tests.support.relay import Relay
from tests.support.s3 import CREDENTIALS, s3_server
from tests.support.statements import compiling_once
from tests.support.tmpfs import small_disk

# The same examples in every run, and no clock: nobody's change is stopped by luck or by a busy machine.
# For new ones: `make test ARGS="--hypothesis-profile=default -k properties"`.
hypothesis.settings.register_profile(
    "repeatable", derandomize=True, deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("repeatable")

# What is loaded stays: to look through it for garbage again and again takes a tenth of the suite's time.
gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.set_threshold(50_000)
    gc.enable()


# Where a developer wants the pictures; every other OFICIALIA_* belongs to the office on this machine.
KEPT = {"OFICIALIA_SCREENSHOTS"}


@pytest.fixture(scope="session", autouse=True)
def no_settings_from_outside() -> None:
    """The settings of the person who runs the tests are not the tests' settings."""
    for name in list(os.environ):
        if name.startswith("OFICIALIA_") and name not in KEPT:
            del os.environ[name]


@pytest.fixture(scope="session", autouse=True)
def tracebacks_as_in_the_log_of_an_office() -> None:
    """Without a configuration structlog draws each in colours and boxes, which takes half a second."""
    *others, _ = structlog.get_config()["processors"]
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*others, plain])


@pytest.fixture(scope="session", autouse=True)
def statements_compiled_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session, "create_engine", compiling_once(session.create_engine))  # type: ignore[attr-defined]
        yield


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresCluster]:
    with postgres_cluster() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def migrated_postgres(postgres: PostgresCluster) -> "SharedDatabase":
    """A database with the schema and nothing else, which tests get one after the other."""
    return SharedDatabase(postgres)


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as one file."""
    return _made_once(tmp_path_factory, "migrated.db", lambda path: _migrate(f"sqlite:///{path}"))


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without tables; the test runs once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'register.db'}"
    else:
        postgres = request.getfixturevalue("postgres")
        name = postgres.create_database()
        yield postgres.url(name)
        postgres.drop_database(name)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Once on SQLite and once on PostgreSQL; what is marked `on_sqlite` goes to both only if it is a flow."""
    marks = metafunc.definition.iter_markers("parametrize")
    if "database_url" in metafunc.fixturenames and not any("database_url" in mark.args[0] for mark in marks):
        is_variant = metafunc.definition.get_closest_marker("on_sqlite") is not None
        is_flow = metafunc.definition.get_closest_marker("on_both") is not None
        databases = ["sqlite"] if is_variant and not is_flow else ["sqlite", "postgresql"]
        metafunc.parametrize("database_url", databases, indirect=True)


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database of this test's own with the schema."""
    if request.param == "sqlite":
        path = tmp_path / "register.db"
        shutil.copy(request.getfixturevalue("migrated_sqlite"), path)
        yield f"sqlite:///{path}"
    else:
        yield request.getfixturevalue("migrated_postgres").url()


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """The database of `database_url`, open."""
    opened = open_database(database_url)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def seal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An institution's seal, which its office would make: a key takes as long as the rest of a test."""

    def make(folder: Path) -> None:
        made = Office.open(
            Settings(
                _env_file=None,
                database_url=f"sqlite:///{folder / 'none.db'}",
                store_url=f"file:{folder / 'files'}",
                outgoing_dir=folder / "outgoing",
            )
        )
        open_seal(made)
        made.database.close()

    return _made_once(tmp_path_factory, "seal", make) / "seal.p12"


@pytest.fixture
def settings(tmp_path: Path, database_url: str, seal: Path) -> Settings:
    """Settings of an office that keeps everything under tmp_path and listens on ports of its own.

    For others: `settings.model_copy(update={"relay_url": relay.url})`.
    """
    shutil.copy(seal, tmp_path)
    return Settings(
        _env_file=None,
        database_url=database_url,
        store_url=f"file:{tmp_path / 'files'}",
        outgoing_dir=tmp_path / "outgoing",
        secret_key=SecretStr("only for tests, and longer than thirty-two bytes"),
        domain="example.gob.mx",
        smtp_listen=f"127.0.0.1:{free_port()}",
        web_listen=f"127.0.0.1:{free_port()}",
    )


@pytest.fixture
def office(settings: Settings) -> Iterator[Office]:
    """An office that is open, with nobody in it."""
    opened = Office.open(settings)
    yield opened
    opened.database.close()


@pytest.fixture
def town(office: Office) -> Institution:
    """Dependencias, people, services and mailboxes, in `office`."""
    with office.database.writing() as session:
        return found_institution(session)


@pytest.fixture(scope="session")
def demo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `oficialia demo` makes in an empty folder, to be copied: it takes ten seconds."""

    def make(folder: Path) -> None:
        place = Place(folder)
        place.do("migrate")
        place.do("demo")

    return _made_once(tmp_path_factory, "demo", make)


@pytest.fixture(scope="session")
def imap_server() -> Iterator[Dovecot]:
    """Dovecot. Every test is to use an Account with an address of its own."""
    with dovecot() as server:
        yield server


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Of localhost, signed by itself."""
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def relay() -> Iterator[Relay]:
    """A relay that takes everything, until a test programs a fault."""
    with Relay() as running:
        yield running


@pytest.fixture
def tls_relay(certificate: Certificate) -> Iterator[Relay]:
    """A relay that wants STARTTLS, and a login after it."""
    with Relay(certificate=certificate, login="oficialia", password="secreto") as running:
        yield running


@pytest.fixture
def bot_api() -> Iterator[BotApi]:
    """Telegram, as strict as its documentation, but for the limits on how often a bot may write."""
    with BotApi(limits=None) as running:
        yield running


@pytest.fixture(scope="session")
def clamd_port() -> Iterator[int]:
    """ClamAV, which knows the samples of tests.support.clamd and nothing else."""
    with clamd() as port:
        yield port


@pytest.fixture(scope="session")
def s3_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with s3_server(tmp_path_factory.mktemp("s3") / "log") as endpoint:
        yield endpoint


@pytest.fixture
def s3(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Address of an S3 server; boto3 clients made in this test, and programs it starts, find it unasked."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3_endpoint)
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    return s3_endpoint


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 8 MB."""
    with small_disk(tmp_path / "disk", 8) as folder:
        yield folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, for one file of tests: while it runs, asyncio is taken in this thread."""
    with chromium() as running:
        yield running


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """An empty page; a script that fails on it fails the test."""
    with ExitStack() as stack:
        window = stack.enter_context(clerks_window(browser))
        errors: list[str] = []
        opened = window.new_page()
        opened.on("pageerror", lambda error: errors.append(str(error)))
        yield opened
    assert not errors, f"Scripts of the page failed: {errors}"


def _made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """What *make* leaves at a path, for all workers: the first that wants it makes it."""
    base = factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    made, unfinished = shared / name, shared / f"unfinished-{name}"
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            make(unfinished)
            unfinished.rename(made)
    return made


def _migrate(url: str) -> None:
    opened = open_database(url)
    try:
        migrations.upgrade(opened)
    finally:
        opened.close()


class SharedDatabase:
    """One migrated database for all tests of a worker: to empty it takes a tenth of a new copy's time."""

    def __init__(self, postgres: PostgresCluster) -> None:
        self._postgres = postgres
        self._name = ""
        self._shape: tuple[object, ...] = ()

    def url(self) -> str:
        """The database, empty; a new one after a test that changed the schema."""
        if self._name:
            self._postgres.empty(self._name)
        if not self._name or self._postgres.shape(self._name) != self._shape:
            self._name = self._postgres.create_database()
            _migrate(self._postgres.url(self._name))
            self._shape = self._postgres.shape(self._name)
        return self._postgres.url(self._name)
