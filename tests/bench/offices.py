"""An office to measure: a register with a small institution, in a folder of its own, and its programs."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import SecretStr

from intake.config import Settings
from intake.office import Office
from models import migrations
from tests.bench.results import FOLDER
from tests.support.institution import found_institution
from tests.support.program import Program

ROOT = Path(__file__).parents[2]


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder for one run, on the disk of the data: in /tmp, fsync often costs nothing."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        yield Path(folder).resolve()


def settings_in(folder: Path, database_url: str = "") -> Settings:
    """Everything in *folder*; on SQLite without a *database_url*."""
    return Settings(
        _env_file=None,
        database_url=database_url or f"sqlite:///{folder / 'register.db'}",
        store_url=f"file:{folder / 'files'}",
        outgoing_dir=folder / "outgoing",
        secret_key=SecretStr("bench" * 10),
        domain="example.gob.mx",
    )


def found_office(settings: Settings) -> Office:
    """An empty register, and the institution of the tests in it."""
    office = Office.open(settings)
    migrations.upgrade(office.database)
    with office.database.writing() as session:
        found_institution(session)
    return office


def environment(settings: Settings, **more: str) -> dict[str, str]:
    """What makes a program of ours work with *settings*."""
    return {
        "OFICIALIA_DATABASE_URL": settings.database_url,
        "OFICIALIA_STORE_URL": settings.store_url,
        "OFICIALIA_OUTGOING_DIR": str(settings.outgoing_dir),
        "OFICIALIA_SECRET_KEY": settings.secret_key.get_secret_value(),
        "OFICIALIA_DOMAIN": settings.domain,
        **{f"OFICIALIA_{name.upper()}": value for name, value in more.items()},
    }


def role(name: str, settings: Settings, folder: Path, **more: str) -> Program:
    """`oficialia NAME` as a process of its own, not started yet."""
    command: list[str | Path] = [sys.executable, ROOT / "oficialia.py", name]
    return Program(command, folder / f"{name}.log", environment=environment(settings, **more), folder=ROOT)
