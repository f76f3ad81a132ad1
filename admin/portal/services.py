"""What the institution publishes: the catalogue of services, its earlier versions, the printed manual."""

from __future__ import annotations

from flask import Flask, Response, abort, render_template

from admin.db import office, session
from intake.services import catalogue
from intake.services.flow_diagrams import draw, read_steps
from models.catalogue import CatalogueVersion
from templates import language, say


def index() -> str:
    """The services by classification, as published now."""
    return _list(catalogue.newest(session()))


def version(number: int) -> str:
    """The same as it was: what a ticket was opened under."""
    return _list(_find(number))


def _find(number: int) -> CatalogueVersion:
    return catalogue.find_version(session(), number) or abort(404)


def _list(found: CatalogueVersion | None) -> str:
    newest = catalogue.newest(session())
    areas: dict[str, list[object]] = {}
    if found is not None:
        for one in found.content["services"]:
            areas.setdefault(one["classification"], []).append(one)
    return render_template("portal/services.html", found=found, areas=areas, is_newest=found is newest)


def service(slug: str, number: int | None = None) -> str:
    """All that the manual says about one service."""
    newest = catalogue.newest(session())
    found = _find(number) if number is not None else newest or abort(404)
    one = catalogue.service_of(found, slug) or abort(404)
    return render_template(
        "portal/service.html", found=found, service=one, is_newest=found is newest,
        drawing=draw(one["flow"], say("catalogue.flow.of", name=one["name"])), steps=read_steps(one["flow"]),
        manual=found.content["manual"],
    )  # fmt: skip


def manual(number: int | None = None) -> Response:
    """The *Manual de servicios*, drawn from the data of the version."""
    found = _find(number) if number is not None else catalogue.newest(session()) or abort(404)
    made = catalogue.print_manual(office(), found, language.get())
    response = Response(made, content_type="application/pdf")
    response.headers["Content-Disposition"] = f'inline; filename="manual-de-servicios-{found.number}.pdf"'
    response.headers["Cache-Control"] = "public, max-age=300"
    return response


def register(app: Flask) -> None:
    app.add_url_rule("/servicios", "portal_services", index, strict_slashes=False)
    app.add_url_rule("/servicios/manual.pdf", "portal_manual", manual)
    app.add_url_rule("/servicios/version/<int:number>", "portal_version", version)
    app.add_url_rule("/servicios/version/<int:number>/manual.pdf", "portal_version_manual", manual)
    app.add_url_rule("/servicios/version/<int:number>/<slug>", "portal_version_service", service)
    app.add_url_rule("/servicios/<slug>", "portal_service", service)
