"""The doctor behind `oficialia check`: tests what the office needs and says how to mend what fails.

Every test runs the real thing (a write, a login, a PDF); one that breaks is a
finding, not an error. Nothing is left behind and no secret is printed.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

from intake.config import Settings
from intake.doors.relay import RelaySession
from intake.issued.pdf import html_to_pdf
from intake.running.doctor_figures import examine_counts
from intake.running.doctor_mail import examine_antivirus, examine_issuers, examine_name_server
from intake.running.doctor_scans import examine_folder, examine_tesseract
from intake.running.findings import Finding, Level, bad, well, without_passwords
from intake.running.supervisor import find_busy_address, is_listening
from intake.store import FileStore, open_store
from models import migrations
from models.mailbox import Mailbox
from models.session import Database, open_database
from templates import say

_MEGABYTE = 1024 * 1024
# Less than this and mail will soon not fit; a fifth of it and it does not now.
_LOW_DISK, _NO_DISK = 1024, 200
# Seconds between our clock and the database's that confuse deadlines and cursors.
_CLOCK_OFF = 5
_TIMEOUT = 15
# Families that our PDF style sheets name first.
_FONT = "Noto Sans"


def examine(settings: Settings) -> Iterator[Finding]:
    """Run every test, one after another; a slow one shows which it is."""
    tests: dict[str, Callable[[Settings], Iterator[Finding]]] = {
        "database": _database,
        "store": _store,
        "disk": _disk,
        "clock": _clock,
        "secret": _secret,
        "domain": _domain,
        "smtp": lambda settings: _door("smtp", settings.smtp_listen),
        "web": lambda settings: _door("web", settings.web_listen),
        "relay": _relay,
        "imap": _imap,
        "antivirus": examine_antivirus,
        "dns": examine_name_server,
        "issuers": examine_issuers,
        "telegram": _telegram,
        "fonts": _fonts,
        "figures": examine_counts,
        "scans": examine_tesseract,
        "scan_folder": examine_folder,
    }
    for name, test in tests.items():
        try:
            yield from test(settings)
        except Exception as error:
            why = without_passwords(str(error) or type(error).__name__)
            found = say("cli.check.found.error", why=" ".join(why.split())[:300])
            yield bad(Level.FAIL, name, found, name, place=str(_data_folder(settings)), minimum=_NO_DISK)


def _database(settings: Settings) -> Iterator[Finding]:
    database = open_database(settings.database_url)
    try:
        with database.reading() as session:
            session.execute(text("SELECT 1"))
        what = "SQLite" if database.is_sqlite else "PostgreSQL"
        yield well("database", "answers", what=f"{what}, {without_passwords(settings.database_url)}")
        if not migrations.is_current(database):
            yield bad(Level.FAIL, "schema", say("cli.check.found.not_current"), "schema")
            return
        yield well("schema", "current")
        # A database that only reads would let the doors answer 451 to every mail.
        with database.writing() as session:
            number = session.scalar(select(func.count()).select_from(Mailbox).where(Mailbox.is_active)) or 0
            session.execute(text("UPDATE mailbox SET name = name WHERE id = 0"))
        found = well("mailboxes", "count", number=number)
        yield found if number else bad(Level.WARN, "mailboxes", found.found, "mailboxes")
        yield from _database_clock(database)
    finally:
        database.close()


def _database_clock(database: Database) -> Iterator[Finding]:
    if database.is_sqlite:
        return
    with database.reading() as session:
        theirs = _clock_of(session)
    seconds = abs(int((datetime.now(UTC) - theirs).total_seconds()))
    if seconds > _CLOCK_OFF:
        found = say("cli.check.found.clock_differs", seconds=seconds)
        yield bad(Level.FAIL, "clock", found, "clock_off", seconds=seconds)


def _clock_of(session: Session) -> datetime:
    value: datetime = session.execute(text("SELECT clock_timestamp()")).scalar_one()
    return value


def _store(settings: Settings) -> Iterator[Finding]:
    store = open_store(settings.store_url)
    content = b"oficialia check " + (secrets.token_bytes(16) if isinstance(store, FileStore) else b"")
    sha256 = hashlib.sha256(content).hexdigest()
    store.put(sha256, content)
    try:
        if store.get(sha256) != content:
            raise OSError(say("cli.check.found.other_bytes"))
    finally:
        if isinstance(store, FileStore):
            store.path(sha256).unlink()
    yield well("store", "writes", place=settings.store_url)


def _disk(settings: Settings) -> Iterator[Finding]:
    folder = _data_folder(settings)
    free = shutil.disk_usage(folder).free // _MEGABYTE
    found = well("disk", "free", free=free, place=str(folder))
    if free < _LOW_DISK:
        level = Level.FAIL if free < _NO_DISK else Level.WARN
        found = bad(level, "disk", found.found, "disk", minimum=_NO_DISK)
    yield found


def _data_folder(settings: Settings) -> Path:
    """The folder that fills up first: that of the database, or of the files."""
    url = make_url(settings.database_url)
    folder = Path(url.database or ".").parent if url.get_backend_name() == "sqlite" else Path(".")
    if settings.store_url.startswith("file:") and url.get_backend_name() != "sqlite":
        folder = Path(settings.store_url.removeprefix("file:"))
    folder = folder.resolve()
    while not folder.exists():
        folder = folder.parent
    return folder


def _clock(settings: Settings) -> Iterator[Finding]:
    try:
        zone = ZoneInfo(settings.timezone)
    except (ValueError, OSError) as error:
        yield bad(Level.FAIL, "clock", say("cli.check.found.error", why=str(error)), "clock_zone")
        return
    now = datetime.now(zone)
    # A machine whose clock starts in 1970 is earlier than the program it runs.
    installed = datetime.fromtimestamp(Path(__file__).stat().st_mtime, UTC)
    found = well("clock", "in_zone", now=now.strftime("%Y-%m-%d %H:%M"), zone=settings.timezone)
    seconds = int((installed - now).total_seconds())
    yield found if seconds <= 0 else bad(Level.FAIL, "clock", found.found, "clock_off", seconds=seconds)


def _secret(settings: Settings) -> Iterator[Finding]:
    if settings.secret:
        yield well("secret", "key_kept")


def _domain(settings: Settings) -> Iterator[Finding]:
    found = f"{settings.domain}, {settings.base_url}"
    if "." not in settings.domain or "127.0.0.1" in settings.base_url or "localhost" in settings.base_url:
        yield bad(Level.WARN, "domain", found, "domain")
    else:
        yield Finding("domain", Level.OK, found)


def _door(name: str, address: str) -> Iterator[Finding]:
    if not address:
        yield well(name, "closed")
    elif is_listening(address):
        yield well(name, "listens", address=address)
    elif find_busy_address([address]):
        yield bad(Level.FAIL, name, address, name)
    else:
        yield well(name, "will_listen", address=address)


def _relay(settings: Settings) -> Iterator[Finding]:
    if not settings.relay_url:
        found = say("cli.check.found.to_folder", place=str(settings.outgoing_dir))
        yield bad(Level.WARN, "relay", found, "relay_none")
        return
    with RelaySession(settings.relay_url, settings.domain) as relay:
        relay.connect()
    yield well("relay", "relay_takes", place=without_passwords(settings.relay_url))


def _imap(settings: Settings) -> Iterator[Finding]:
    from intake.imap import count_messages

    if not settings.imap_url:
        yield well("imap", "no_imap")
    for url in settings.imap_url:
        place = without_passwords(url)
        try:
            yield well("imap", "logged_in", place=place, number=count_messages(url))
        except Exception as error:
            found = say("cli.check.found.error", why=f"{place}: {without_passwords(str(error))}")
            yield bad(Level.FAIL, "imap", found, "imap")


def _telegram(settings: Settings) -> Iterator[Finding]:
    token = settings.telegram_token.get_secret_value()
    if not token:
        yield well("telegram", "no_bot")
        return
    try:
        me = _ask_telegram(settings, "getMe")
        hook = _ask_telegram(settings, "getWebhookInfo")
    except Exception as error:
        # Its address holds the token.
        why = str(error).replace(token, "…")
        yield bad(Level.FAIL, "telegram", say("cli.check.found.error", why=why), "telegram")
        return
    yield well("telegram", "bot_is", name=str(me["username"]))
    yield _webhook(settings, hook)


def _ask_telegram(settings: Settings, method: str) -> dict[str, Any]:
    address, token = settings.telegram_base_url, settings.telegram_token.get_secret_value()
    # The two ways in which python-telegram-bot takes the address.
    bot = address.replace("{token}", token) if "{token}" in address else address + token
    with urllib.request.urlopen(f"{bot}/{method}", timeout=_TIMEOUT) as answer:
        result: dict[str, Any] = json.load(answer)["result"]
    return result


def _webhook(settings: Settings, hook: dict[str, Any]) -> Finding:
    """Whether Telegram brings messages where this office waits for them."""
    wanted, place = settings.telegram_webhook_url.rstrip("/"), str(hook.get("url", ""))
    # What follows the address is a secret of ours.
    shown = wanted or place.partition("/telegram/")[0]
    pending = int(hook.get("pending_update_count", 0))
    if place and not (wanted and place.startswith(f"{wanted}/")):
        found = say("cli.check.found.bot_other_hook", place=shown)
        return bad(Level.WARN, "telegram", found, "telegram_other")
    if not place:
        return well("telegram", "bot_no_hook") if wanted else well("telegram", "bot_polls", pending=pending)
    if why := str(hook.get("last_error_message", "")):
        found = say("cli.check.found.bot_hook_fails", why=why)
        return bad(Level.WARN, "telegram", found, "telegram_hook", place=shown)
    return well("telegram", "bot_hooked", place=shown, pending=pending)


def _fonts(_settings: Settings) -> Iterator[Finding]:
    # WeasyPrint loads Pango with the first page, and that is what may be missing.
    html_to_pdf("<p>ñandú</p>")
    found = subprocess.run(
        ["fc-match", "--format=%{family}", _FONT], capture_output=True, text=True, check=True
    )
    family = found.stdout.partition(",")[0]
    made = well("fonts", "pdf_made", font=family)
    yield made if family == _FONT else bad(Level.WARN, "fonts", made.found, "fonts")
