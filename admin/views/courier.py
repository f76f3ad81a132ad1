"""The courier's phone: a page that works without a net, what it asks for, and what it sends later.

The page says nothing of anybody, so that a service worker may keep it; the stops come as JSON and live
in the phone's own store. Answers are JSON: 401 says log in, 422 says why an act cannot be taken.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flask import Flask, Response, current_app, jsonify, request
from flask_admin import Admin, expose
from flask_wtf.csrf import generate_csrf
from sqlalchemy import select
from werkzeug.wrappers import Response as BaseResponse

from admin import frame
from admin.db import office, release, session, writing
from admin.dispatching import dispatches_with_all, today
from admin.errors import sentence_of
from intake.attachments import examined, store_large
from intake.deliveries import dispatches
from intake.deliveries.delivery_acts import Act, take_act
from intake.errors import DeskError, InvalidInput
from intake.incoming import IncomingFile
from intake.scanning import scan_files
from models.carrier import Courier
from models.dispatch import Dispatch, DispatchState
from models.dispatch_lists import on_phone
from models.person import Role
from models.workflow import NotAllowed, State

ADDRESS = "/admin/mensajero/"
_ASSETS = ("panel.css", "dispatch.css", "courier.js", "icon.svg")
_SERVICE_WORKER = Path(__file__).parent.parent / "static" / "courier_worker.js"
# A phone makes a photo of 1,600 points a side of less than 1 MB.
MAX_PHOTO = 10_000_000


class CourierView(frame.PanelView):
    """What only couriers open."""

    roles = frozenset({Role.COURIER})

    def inaccessible_callback(self, name: str, **kwargs: Any) -> BaseResponse:
        """A page leads to the log-in page; what a script asks for gets a number that it understands."""
        if name == "index":
            return frame.turn_away()
        return Response(status=401 if frame.find_account() is None else 403)

    @expose("/")
    def index(self) -> Response:
        response = Response(self.render("admin/dispatch/courier.html"))
        # The stops are shown where they are: the one page that may ask for the place.
        response.headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=(self)"
        return response

    @expose("/estado")
    def state(self) -> Response:
        """Who is inside, the token for what is sent, and the stops of today."""
        who = frame.account()
        stops = [_stop(one) for one in _stops_of_today()]
        found = {"account": who.id, "name": who.person.name, "token": generate_csrf(), "stops": stops}
        return _fresh(jsonify(found))

    @expose("/acto", methods=["POST"])
    def act(self) -> Response | tuple[Response, int]:
        """One act with its files; sent twice, it has one effect."""
        try:
            act, files = _read_act(), _read_files()
            # Disks and scanners are slow; nobody else has to wait for them.
            release()
            files = list(scan_files(office().settings.clamd_url, files))
            store_large(office(), files)
            with writing() as write:
                wanted = select(Dispatch).where(Dispatch.id == request.form.get("dispatch", 0, int))
                dispatch = write.scalar(wanted)
                if dispatch is None:
                    raise InvalidInput("dispatch_not_yours")
                is_applied = take_act(write, office(), dispatch, frame.account(), act, files).is_applied
        except DeskError as error:
            return _fresh(jsonify({"why": str(error)})), 422
        except NotAllowed as error:
            return _fresh(jsonify({"why": sentence_of(error)})), 422
        return _fresh(jsonify({"key": act.key, "applied": is_applied}))

    @expose("/salir", methods=["POST"])
    def start(self) -> Response:
        """The courier leaves with everything that waits."""
        with writing() as write:
            own = select(Courier.id).where(Courier.account_id == frame.account().id)
            waiting = select(Dispatch).where(
                Dispatch.courier_id.in_(own), Dispatch.state == DispatchState.ASSIGNED
            )
            dispatches.start_waiting(write, office(), write.scalars(waiting).all(), frame.account())
        return _fresh(jsonify({"started": True}))


def _stops_of_today() -> list[Dispatch]:
    """What is under way and leaves today or left before, and what ended today."""
    wanted = dispatches_with_all().where(on_phone(frame.account(), *today()))
    found = session().scalars(wanted.order_by(Dispatch.route_id, Dispatch.position, Dispatch.id).limit(300))
    return list(found)


def _stop(one: Dispatch) -> dict[str, Any]:
    names = ("id", "name", "institution", "address", "municipality", "postal_code", "phone", "instruction",
             "receiver", "reason")  # fmt: skip
    return {
        **{name: getattr(one, name) for name in names},
        "folio": one.case.folio,
        "wants_acuse": one.wants_acuse,
        "is_cancelled": one.case.state == State.CANCELLED,
        "state": one.state.value,
        "route": one.route.folio if one.route else "",
        "zone": one.zone.name if one.zone else "",
    }


def _read_act() -> Act:
    form = request.form
    key, outcome = form.get("key", ""), form.get("outcome", "")
    try:
        done_at = datetime.fromisoformat(form.get("done_at", ""))
        outcomes = {"delivered": DispatchState.DELIVERED, "returned": DispatchState.RETURNED}
        if not 16 <= len(key) <= 64 or done_at.tzinfo is None:
            raise InvalidInput("dispatch_act")
        return Act(
            key, outcomes[outcome], done_at.astimezone(UTC), form.get("receiver", "")[:200],
            form.get("reason", "")[:500], *(_number(name) for name in ("latitude", "longitude", "accuracy")),
        )  # fmt: skip
    except (ValueError, KeyError):
        raise InvalidInput("dispatch_act") from None


def _number(name: str) -> float | None:
    text = request.form.get(name, "")
    found = float(text) if text else None
    limit = {"latitude": 90.0, "longitude": 180.0}.get(name, 1e6)
    # Not a number is not within any limit.
    if found is not None and not -limit <= found <= limit:
        raise ValueError(name)
    return found


def _read_files() -> list[IncomingFile]:
    """The signature and the photos, by what they are and not by what they are called."""
    found = []
    for field, name in (("signature", dispatches.SIGNATURE), ("photo", "acuse")):
        for number, upload in enumerate(request.files.getlist(field), start=1):
            file = examined(name, upload.mimetype, upload.read(MAX_PHOTO + 1), number=number)
            if file.size > MAX_PHOTO:
                raise InvalidInput("file_too_large", name=name, megabytes=MAX_PHOTO // 1_000_000)
            if file.danger or file.content_type not in ("image/png", "image/jpeg", "image/webp"):
                raise InvalidInput("dispatch_picture")
            extension = file.content_type.partition("/")[2].replace("jpeg", "jpg")
            again = f"-{number}" if number > 1 else ""
            found.append(examined(f"{name}{again}.{extension}", file.content_type, file.content))
    return found


def _fresh(response: Response) -> Response:
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _service_worker() -> Response:
    """The script that keeps the page on the phone; it knows the addresses of what the page needs."""
    asset = current_app.jinja_env.globals["asset"]
    kept = [ADDRESS, *(asset(name) for name in _ASSETS)]  # type: ignore[operator]
    source = _SERVICE_WORKER.read_text(encoding="utf-8")
    response = Response(f"const KEPT = {json.dumps(kept)};\n{source}", mimetype="text/javascript")
    response.headers["Service-Worker-Allowed"] = ADDRESS
    response.headers["Cache-Control"] = "no-cache"
    response.headers["Content-Security-Policy"] = "default-src 'none'; connect-src 'self'"
    return response


def register(app: Flask, admin: Admin) -> None:
    admin.add_view(CourierView(name="mensajero", endpoint="mensajero", url=ADDRESS.rstrip("/")))
    # Without a session too: a phone that asks for its news in the street must not lose what it has.
    app.add_url_rule(f"{ADDRESS}trabajador.js", "courier_worker", _service_worker)
    frame.add_entry(
        app, frame.Entry("dispatch.title", "dispatch.rail_courier", "mensajero.index", "map-pin",
                         frozenset({Role.COURIER})),
    )  # fmt: skip
