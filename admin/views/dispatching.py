"""*Mensajería*: what is asked for, grouped by zone into routes with courier or carrier; acuses owed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from flask import Flask, abort, flash, redirect, request, url_for
from flask_admin import Admin, expose
from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload
from werkzeug.wrappers import Response

from admin import frame
from admin.db import office, session, writing
from admin.dispatching import COLOURS, MANAGING, by_zone, dispatches_with_all, today
from admin.documents import pdf_response
from admin.errors import sentence_of
from intake.deliveries import delivery_acts, dispatches, guias
from intake.deliveries.dispatch_sheets import print_route
from intake.errors import DeskError, InvalidInput
from models.base import now
from models.carrier import Carrier, Courier, Zone
from models.count import count
from models.dispatch import LATE, OPEN, UNDER_WAY, DeliveryAct, Dispatch, DispatchState, Route
from models.workflow import NotAllowed
from templates import say

# What fits on a page that somebody ticks by hand; the rest comes after these are gone.
MAX_REQUESTED = 200
MAX_ROUTES = 50


class DispatchingView(frame.PanelView):
    """The page of the dispatch managers."""

    roles = MANAGING

    @expose("/")
    def index(self) -> str:
        return self._index()

    def _index(self, wrong: str = "") -> str:
        read = session()
        wanted = dispatches_with_all().where(Dispatch.state == DispatchState.REQUESTED)
        wanted = wanted.options(joinedload(Dispatch.zone).joinedload(Zone.courier))
        asked = read.scalars(wanted.order_by(Dispatch.id).limit(MAX_REQUESTED + 1)).all()
        carriers = read.scalars(select(Carrier).where(Carrier.is_active).order_by(Carrier.name)).all()
        couriers = read.scalars(select(Courier).where(Courier.is_active).order_by(Courier.name)).all()
        stock = guias.stock_of(read, [one.id for one in carriers])
        routes = select(Route).where(Route.closed_at.is_(None)).options(
            joinedload(Route.courier), joinedload(Route.carrier), joinedload(Route.zone))  # fmt: skip
        open_routes = read.scalars(routes.order_by(Route.id.desc()).limit(MAX_ROUTES)).all()
        return str(
            self.render(
                "admin/dispatch/manage.html",
                groups=by_zone(asked[:MAX_REQUESTED]),
                has_more=len(asked) > MAX_REQUESTED,
                couriers=couriers,
                carriers=[(one, stock.get(one.id, 0)) for one in carriers],
                low=[(one, stock.get(one.id, 0)) for one in carriers if stock.get(one.id, 0) < one.low_stock],
                routes=open_routes,
                progress=_progress([one.id for one in open_routes]),
                owed=count(read, select(Dispatch.id).where(Dispatch.acuse_remind_at <= now())),
                today=today()[0],
                late=_late(read),
                wrong=wrong,
                form=request.form,
                ticked=set(request.form.getlist("dispatch", int)),
            )
        )

    @expose("/rutas", methods=["POST"])
    def make(self) -> str | tuple[str, int] | Response:
        ticked = request.form.getlist("dispatch", int)[:MAX_REQUESTED]
        kind, _, number = request.form.get("by", "").partition("-")
        chosen = int(number) if number.isdecimal() else 0
        try:
            leaves_on = date.fromisoformat(request.form.get("leaves_on", ""))
        except ValueError:
            return self._index(str(InvalidInput("bad_date"))), 422
        try:
            with writing() as write:
                found = write.scalars(dispatches_with_all().where(Dispatch.id.in_(ticked))).all()
                route = dispatches.make_route(
                    write, office(), found, frame.account(), leaves_on=leaves_on,
                    courier=write.get(Courier, chosen) if kind == "courier" else None,
                    carrier=write.get(Carrier, chosen) if kind == "carrier" else None,
                )  # fmt: skip
                folio, route_id = route.folio, route.id
        except DeskError as error:
            return self._index(str(error)), 422
        except NotAllowed as error:
            return self._index(sentence_of(error)), 422
        flash(say("dispatch.manage.made", folio=folio, number=len(found)), "success")
        return redirect(url_for(".route", route_id=route_id))

    @expose("/rutas/<int:route_id>")
    def route(self, route_id: int) -> str:
        route = _get_route(route_id)
        wanted = dispatches_with_all().where(Dispatch.route_id == route.id)
        stops = session().scalars(wanted.order_by(Dispatch.position, Dispatch.id)).all()
        return str(
            self.render(
                "admin/dispatch/route.html",
                route=route,
                stops=stops,
                colours=COLOURS,
                may_start=any(one.state == DispatchState.ASSIGNED for one in stops),
            )
        )

    @expose("/rutas/<int:route_id>/hoja.pdf")
    def sheet(self, route_id: int) -> Response:
        route = _get_route(route_id)
        response: Response = pdf_response(print_route(session(), office(), route), f"{route.folio}.pdf")
        return response

    @expose("/rutas/<int:route_id>/salir", methods=["POST"])
    def start(self, route_id: int) -> Response:
        with writing() as write:
            route = write.get(Route, route_id) or abort(404)
            waiting = select(Dispatch).where(
                Dispatch.route_id == route.id, Dispatch.state == DispatchState.ASSIGNED
            )
            dispatches.start_waiting(write, office(), write.scalars(waiting).all(), frame.account())
            folio = route.folio
        flash(say("dispatch.route.started", folio=folio), "success")
        return redirect(url_for(".route", route_id=route_id))

    @expose("/acuses")
    def acuses(self) -> str:
        """Those that are owed, the one that was due first on top."""
        wanted = dispatches_with_all().where(
            Dispatch.acuse_remind_at.is_not(None), Dispatch.state.in_(UNDER_WAY)
        )
        owed = session().scalars(wanted.order_by(Dispatch.acuse_remind_at, Dispatch.id).limit(200)).all()
        return str(self.render("admin/dispatch/acuses.html", owed=owed, now=now(), colours=COLOURS))

    @expose("/actos/<int:act_id>/<any(aceptar, apartar):verb>", methods=["POST"])
    def decide(self, act_id: int, verb: str) -> Response:
        """What becomes of an act that came when the delivery was another's."""
        with writing() as write:
            act = write.get(DeliveryAct, act_id) or abort(404)
            if verb == "aceptar":
                delivery_acts.accept(write, office(), act, frame.account())
            else:
                delivery_acts.set_aside(write, act, frame.account())
            number, outcome = act.dispatch_id, act.outcome
        flash(
            say(f"dispatch.late.accepted_{outcome}" if verb == "aceptar" else "dispatch.late.put_aside"),
            "success",
        )
        return redirect(url_for("envios.show", dispatch_id=number))


def _late(read: Session) -> Sequence[DeliveryAct]:
    """Acts that wait for a decision, the oldest first."""
    wanted = select(DeliveryAct).where(LATE).order_by(DeliveryAct.id).limit(MAX_ROUTES)
    return read.scalars(
        wanted.options(joinedload(DeliveryAct.account), joinedload(DeliveryAct.dispatch))
    ).all()


def _get_route(route_id: int) -> Route:
    wanted = select(Route).where(Route.id == route_id).options(
        joinedload(Route.courier), joinedload(Route.carrier), joinedload(Route.zone))  # fmt: skip
    return session().scalar(wanted) or abort(404)


def _progress(route_ids: list[int]) -> dict[int, tuple[int, int]]:
    """Of each route how many are done, and of how many."""
    rows = (
        select(Dispatch.route_id, Dispatch.state, func.count())
        .where(Dispatch.route_id.in_(route_ids))
        .group_by(Dispatch.route_id, Dispatch.state)
    )
    found: dict[int, tuple[int, int]] = {}
    for route_id, state, number in session().execute(rows):
        done, every = found.get(route_id or 0, (0, 0))
        found[route_id or 0] = (done + (0 if state in OPEN else number), every + number)
    return found


def register(app: Flask, admin: Admin) -> None:
    admin.add_view(DispatchingView(name="mensajeria", endpoint="mensajeria", url="/admin/mensajeria"))
    frame.add_entry(
        app, frame.Entry("dispatch.title", "dispatch.rail", "mensajeria.index", "truck", MANAGING)
    )  # fmt: skip
