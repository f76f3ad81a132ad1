"""Who is inside the portal, and what all of its forms need."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from flask import g, redirect, request, url_for
from werkzeug.wrappers import Response

from admin import frame
from admin.db import office, session
from intake.citizens.portal_accounts import contact_of
from models.contact import Contact
from models.user import User

P = ParamSpec("P")
R = TypeVar("R")


def inside(view: Callable[P, R]) -> Callable[P, R | Response]:
    """Only for whoever has entered; others are led to the door, and back here afterwards."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R | Response:
        if frame.user() is None:
            back = request.full_path.rstrip("?") if request.method == "GET" else None
            return redirect(url_for("security.login", next=back))
        return view(*args, **kwargs)

    return guarded


def me() -> User:
    """The login of this request; only behind `inside`."""
    found = frame.user()
    assert found is not None
    return found


def contact() -> Contact:
    """Who asks in this request; only behind `inside`."""
    found = session().get(Contact, g.contact_id) if "contact_id" in g else None
    if found is None:
        # Also when a form was refused, which forgets one that this request had made.
        found = contact_of(session(), me())
        g.contact_id = found.id
    return found


def go(url: str) -> Response:
    """Lead to the next page; the script that shows how far files are is told where, and goes by itself."""
    if request.headers.get("X-Requested-With") == "XMLHttpRequest":
        return Response(status=201, headers={"X-Goes-To": url})
    return redirect(url)


def max_bytes() -> int:
    """The largest file that is taken here."""
    return office().settings.upload_max_bytes
