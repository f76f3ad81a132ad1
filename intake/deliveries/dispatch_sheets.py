"""The route sheet (hoja de ruta): what leaves together, in order, with a QR that opens each stop."""

from __future__ import annotations

import io

import segno
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from intake.issued.pdf import html_to_archive
from intake.office import Office
from intake.wording import day, instant, speaking
from models.base import now
from models.dispatch import Dispatch, Route
from templates import render, say

COURIER_PAGE = "/admin/mensajero/"


def print_route(session: Session, office: Office, route: Route) -> bytes:
    """The sheet of *route* as a PDF: for a courier with room for signatures, for a carrier with its guías."""
    stops = session.scalars(
        select(Dispatch)
        .where(Dispatch.route_id == route.id)
        .options(joinedload(Dispatch.case), joinedload(Dispatch.zone), selectinload(Dispatch.guias))
        .order_by(Dispatch.position, Dispatch.id)
    ).all()
    with speaking(office.settings.language):
        html = render(
            "letters/route.html",
            institution=office.settings.institution,
            route=route,
            stops=stops,
            title=say("dispatch.sheet.title", folio=route.folio),
            day=day,
            printed_at=instant(now(), office.settings.zone),
        )
    return html_to_archive(html, {f"image:{one.id}": _code(stop_link(office, one)) for one in stops})


def stop_link(office: Office, dispatch: Dispatch) -> str:
    """Where the courier's phone shows *dispatch*; works without a net once the page was open there."""
    return f"{office.settings.base_url.rstrip('/')}{COURIER_PAGE}#parada-{dispatch.id}"


def _code(address: str) -> bytes:
    made = io.BytesIO()
    segno.make(address, error="m", micro=False).save(made, kind="svg", border=0, xmldecl=False, svgclass=None)
    return made.getvalue()
