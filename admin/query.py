"""What the address of a list says: tray, filters, search words, page. Anything unreadable is left out."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import TypeVar
from zoneinfo import ZoneInfo

from werkzeug.datastructures import MultiDict

from models.case import CaseKind, Priority
from models.listing import Filters, Key
from models.person import Account
from models.trays import Tray, find_tray, first_tray

Choice = TypeVar("Choice", bound=Enum)
# Everything that makes a list what it is; `antes` and `despues` say which page.
NAMES = (
    "bandeja", "q", "tipo", "estado", "prioridad", "servicio", "dependencia", "etiqueta", "archivos",
    "desde", "hasta",
)  # fmt: skip
PAGE_NAMES = ("antes", "despues")


@dataclass(frozen=True, slots=True)
class ListQuery:
    """One list, as its address says it."""

    tray: Tray
    words: str = ""
    filters: Filters = field(default_factory=Filters)
    older_than: Key | None = None
    newer_than: Key | None = None
    before_message: int | None = None
    # The arguments as given, to carry along in links.
    arguments: dict[str, str] = field(default_factory=dict)

    @property
    def without_page(self) -> dict[str, str]:
        return {name: value for name, value in self.arguments.items() if name not in PAGE_NAMES}

    @property
    def filter_count(self) -> int:
        """How many filters narrow the list."""
        return sum(1 for name in NAMES[2:] if name in self.arguments)


def read_query(args: MultiDict[str, str], account: Account, zone: ZoneInfo) -> ListQuery:
    """The list that *args* ask for, as far as *account* has it."""
    given = {name: args[name].strip() for name in (*NAMES, *PAGE_NAMES) if args.get(name, "").strip()}
    words = given.get("q", "")[:200]
    # Searching looks everywhere, unless a tray is named.
    tray = find_tray(given.get("bandeja", "all" if words else ""), account) or first_tray(account)
    since, until = read_day(given.get("desde"), zone), read_day(given.get("hasta"), zone)
    filters = Filters(
        kind=_choice(CaseKind, given.get("tipo")),
        state=given.get("estado", "")[:24],
        priority=_choice(Priority, given.get("prioridad")),
        service_id=_number(given.get("servicio")),
        dependencia_id=_number(given.get("dependencia")),
        tag_id=_number(given.get("etiqueta")),
        has_files="archivos" in given,
        since=since,
        until=until + timedelta(days=1) if until else None,
    )
    return ListQuery(
        tray,
        words,
        filters,
        older_than=read_key(given.get("antes")),
        newer_than=read_key(given.get("despues")),
        before_message=_number(given.get("antes")) if words else None,
        arguments=given,
    )


def write_key(key: Key) -> str:
    """A key as it stands in an address."""
    since = key.at - datetime.fromtimestamp(0, UTC)
    return f"{since // timedelta(microseconds=1)}-{key.id}"


def read_key(value: str | None) -> Key | None:
    at, _, identifier = (value or "").partition("-")
    if not (at.isdecimal() and identifier.isdecimal() and len(at) < 18):
        return None
    # Whole microseconds: a float would lose the last of them, and with it rows of the same second.
    return Key(datetime.fromtimestamp(0, UTC) + timedelta(microseconds=int(at)), int(identifier))


def _number(value: str | None) -> int | None:
    return int(value) if value and value.isdecimal() and len(value) < 19 else None


def _choice(kind: type[Choice], value: str | None) -> Choice | None:
    return next((one for one in kind if one.value == value), None)


def read_day(value: str | None, zone: ZoneInfo) -> datetime | None:
    try:
        return datetime.strptime(value or "", "%Y-%m-%d").replace(tzinfo=zone)
    except ValueError:
        return None
