"""What `oficialia serve` runs: the roles that the settings call for, and the words when all is open."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import select

from intake.config import Settings
from intake.office import Office
from intake.running.supervisor import Role, Supervisor, find_busy_address, wait_for_addresses
from intake.running.terminal import Failed
from models.mailbox import Mailbox
from templates import render, say

# Two workers share SQLite's one writer well; a third only waits for it.
SQLITE_WORKERS = 2


def serve(office: Office, program: Sequence[str], *, workers: int | None = None) -> None:
    """Run every role as `program ROLE` until Ctrl-C or SIGTERM. Raises Failed when a port is taken."""
    settings = office.settings
    addresses = [each for each in (settings.smtp_listen, settings.lmtp_listen, settings.web_listen) if each]
    if busy := find_busy_address(addresses):
        raise Failed("busy", address=busy)
    roles = roles_of(settings, workers or default_workers(office))
    supervisor = Supervisor([Role(name, [*program, *arguments]) for name, arguments in roles.items()])
    greeting = _greeting(office)
    # The roles open the database themselves.
    office.database.close()

    def greet(stop: threading.Event) -> None:
        if wait_for_addresses(addresses, stop):
            supervisor.say(greeting)

    supervisor.run(greet)
    supervisor.say(say("cli.serve.stopped") + "\n")


def default_workers(office: Office) -> int:
    """As many as there are cores, where the database can use them."""
    cores = os.cpu_count() or 1
    return min(cores, SQLITE_WORKERS) if office.database.is_sqlite else cores


def roles_of(settings: Settings, workers: int) -> dict[str, list[str]]:
    """Every process of `serve` by the name before its log lines, with the words of its command."""
    wanted = {"smtp": ["smtp"]} if settings.smtp_listen or settings.lmtp_listen else {}
    for each in range(1, workers + 1):
        wanted[f"worker {each}" if workers > 1 else "worker"] = ["worker", "--part", f"{each}/{workers}"]
    if settings.imap_url:
        wanted["imap"] = ["imap"]
    if settings.telegram_token.get_secret_value():
        wanted["bot"] = ["bot"]
    return wanted | {"web": ["web"]}


def _greeting(office: Office) -> str:
    """Where everything listens, and lines to try."""
    first = select(Mailbox.address).where(Mailbox.is_active).order_by(Mailbox.id).limit(1)
    with office.database.reading() as session:
        mailbox = session.scalar(first)
    settings = office.settings
    return render(
        "cli/started.txt",
        settings=settings,
        address=settings.base_url.rstrip("/"),
        mailbox=mailbox,
        has_bot=bool(settings.telegram_token.get_secret_value()),
        program=_own_program(),
    )


def _own_program() -> str:
    """What a person types in this folder to call us."""
    launcher = Path(__file__).parents[2] / ".venv" / "bin" / "oficialia"
    if shutil.which("oficialia") or not launcher.exists():
        return "oficialia"
    return os.path.relpath(launcher)
