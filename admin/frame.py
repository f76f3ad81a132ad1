"""The frame around every page: who acts, in which account, what the rail shows, and who may open what."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, cast

from flask import Flask, Response, abort, current_app, g, redirect, request, url_for
from flask_admin import BaseView
from flask_security import current_user
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from admin.db import office, session
from models.count import Rows, count_each
from models.folders import who_acts
from models.person import READERS, Account, Role
from models.personal_folders import count_folders, folders_of
from models.trays import TRAYS, attended_by, cases_in
from models.user import User

EVERYBODY = frozenset(Role)
CONFIGURING = frozenset({Role.ADMINISTRATOR})
READING = READERS
# As far as mail programs count beside a folder: each number is on every page.
RAIL_LIMIT = 100


@dataclass(frozen=True, slots=True)
class Entry:
    """A link of the rail: `section` and `label` are label keys, `roles` are who sees it.

    `count` gives what is counted beside it, if anything.
    """

    section: str
    label: str
    endpoint: str
    icon: str
    roles: frozenset[Role] = EVERYBODY
    count: Callable[[Session], Rows | None] | None = None


@dataclass(frozen=True, slots=True)
class RailLink:
    """An entry as drawn. `count` is already a text ("99+"), `more`: not on a phone's bottom rail."""

    label: str
    url: str
    icon: str
    count: str = ""
    is_alert: bool = False
    is_current: bool = False
    more: bool = False
    # Of a link that an account named itself: said as it stands.
    name: str = ""


def add_entry(app: Flask, entry: Entry) -> None:
    """Put *entry* in the rail, below the trays; each view module adds its own when registered."""
    app.extensions.setdefault("rail", []).append(entry)


def user() -> User | None:
    """Who is logged in."""
    return cast(User, current_user._get_current_object()) if current_user.is_authenticated else None


def accounts(who: User) -> list[Account]:
    """The active accounts among which *who* may choose."""
    if who.person is None or not who.person.is_active:
        return []
    return sorted((one for one in who.person.accounts if one.is_active), key=lambda one: one.id)


def find_account() -> Account | None:
    """The account in which this request acts; None before one was chosen."""
    if "account" not in g:
        who, found = user(), None
        if who is not None:
            own = accounts(who)
            # With only one there is nothing to choose.
            found = own[0] if len(own) == 1 else next((a for a in own if a.id == who.account_id), None)
        g.account = found
    return cast("Account | None", g.account)


def account() -> Account:
    """The account in which this request acts; ends the request with 403 when there is none."""
    return find_account() or abort(403)


def acting() -> Sequence[Account]:
    """The account of this request, and the absent ones for whom it acts now."""
    if "acting" not in g:
        g.acting = who_acts(session(), account())
    return cast("Sequence[Account]", g.acting)


def attends() -> Sequence[int]:
    """The dependencias for which the account of this request works; asked once, for list and rail."""
    if "attends" not in g:
        g.attends = attended_by(session(), account())
    return cast("Sequence[int]", g.attends)


def folders() -> Sequence[tuple[int, str]]:
    """Id and name of the personal folders of the account; without any it has no tags on any case."""
    if "folders" not in g:
        g.folders = folders_of(session(), account())
    return cast("Sequence[tuple[int, str]]", g.folders)


class PanelView(BaseView):
    """A page of the panel for accounts whose role is in `roles`."""

    roles: ClassVar[frozenset[Role]] = EVERYBODY

    def is_accessible(self) -> bool:
        found = find_account()
        return found is not None and found.role in self.roles

    def inaccessible_callback(self, name: str, **kwargs: Any) -> BaseResponse:
        return turn_away()


def turn_away() -> BaseResponse:
    """Send somebody without access to the page that gives it; 403 when none does."""
    if user() is None:
        target = url_for(
            "security.login", next=request.full_path.rstrip("?") if request.method == "GET" else None
        )
    elif find_account() is None:
        target = url_for("accounts.index")
    else:
        abort(403)
    if "HX-Request" in request.headers:
        # htmx would put the log-in page into a corner of this one.
        return Response(status=401, headers={"HX-Redirect": target})
    return redirect(target)


def capped(number: int) -> str:
    """A count as the rail shows it; counting stops at RAIL_LIMIT."""
    return f"{RAIL_LIMIT - 1}+" if number >= RAIL_LIMIT else str(number)


def rail() -> list[tuple[str, list[RailLink]]]:
    """The sections of the rail with their links, for the account of this request."""
    who = find_account()
    if who is None:
        return []
    sections: dict[str, list[RailLink]] = {}
    if who.role in READING:
        sections["panel.rail.trays"] = _tray_links(who)
        if folders := _folder_links(who):
            sections["follow.rail.folders"] = folders
    for entry in cast("list[Entry]", _registered("rail")):
        if who.role in entry.roles:
            url = url_for(entry.endpoint)
            number = _numbers().get(entry.endpoint, 0)
            sections.setdefault(entry.section, []).append(
                RailLink(
                    entry.label,
                    url,
                    entry.icon,
                    capped(number) if number else "",
                    is_current=request.path == url,
                    more=True,
                )
            )
    return list(sections.items())


def _numbers() -> dict[str, int]:
    """What the rail counts, by tray and endpoint: all asked at once, once per request."""
    if "numbers" not in g:
        who, asked = account(), dict[str, Rows]()
        if who.role in READING:
            shown = [tray for tray in TRAYS if tray.is_counted and tray.is_shown(who)]
            asked = {tray.name: cases_in(tray, who, attends()) for tray in shown}
        for entry in cast("list[Entry]", _registered("rail")):
            wanted = entry.count(session()) if entry.count and who.role in entry.roles else None
            if wanted is not None:
                asked[entry.endpoint] = wanted
        counted = count_each(session(), list(asked.values()), limit=RAIL_LIMIT)
        g.numbers = dict(zip(asked, counted, strict=True))
    return cast("dict[str, int]", g.numbers)


def _registered(name: str) -> list[Any]:
    return cast("list[Any]", current_app.extensions.get(name, []))


def _folder_links(who: Account) -> list[RailLink]:
    """A personal folder for each of the account's tags."""
    numbers = count_folders(session(), who, folders())
    return [
        RailLink(
            "",
            url_for("admin.index", bandeja="all", etiqueta=tag),
            "tag",
            capped(numbers[tag]) if tag in numbers else "",
            is_current=request.path == url_for("admin.index") and request.args.get("etiqueta") == str(tag),
            more=True,
            name=name,
        )
        for tag, name in folders()
    ]


def _tray_links(who: Account) -> list[RailLink]:
    links = []
    for tray in TRAYS:
        if not tray.is_shown(who):
            continue
        number = _numbers().get(tray.name, 0)
        links.append(
            RailLink(
                f"panel.tray.{tray.name}",
                url_for("admin.index", bandeja=tray.name),
                tray.icon,
                capped(number) if number else "",
                is_alert=tray.is_alert and number > 0,
                is_current=g.get("tray") == tray.name,
                more=not tray.is_on_phone,
            )
        )
    return links


def init_app(app: Flask) -> None:
    """Give every template the frame."""

    @app.context_processor
    def frame() -> dict[str, Any]:
        return {
            "rail": rail,
            "has_endpoint": lambda name: name in app.view_functions,
            "tray_count": lambda tray: capped(_numbers()[tray.name]),
            "account": find_account(),
            "user": user(),
            "institution": office().settings.institution,
        }
