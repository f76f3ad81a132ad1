"""The catalogue is edited in the panel and published as a whole; what was published never changes.

Everybody reads the newest version (`/servicios` and the printed *Manual de servicios*), a ticket keeps the
one under which it was opened.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from intake.issued.pdf import html_to_archive
from intake.office import Office
from intake.services.flow_diagrams import draw, read_steps
from intake.wording import instant, speaking
from models.catalogue import CatalogueVersion, Classification, Manual
from models.event import record
from models.person import Account
from models.service import Service
from templates import render, say

MANUAL_TEXTS = ("owner", "government", "period", "introduction", "objective", "legal_basis", "transitory",
                "authorised_by", "authorised_post", "prepared_by", "prepared_post")  # fmt: skip
SERVICE_TEXTS = ("slug", "name", "classification", "procedure", "beneficiary", "description", "requirements",
                 "validity", "place", "characteristics", "commitment", "cost", "complaint_mechanism",
                 "legal_basis", "flow")  # fmt: skip
_NEWEST = "number of the newest catalogue"


def snapshot(session: Session) -> dict[str, Any]:
    """The catalogue as it stands now, in the form in which a version keeps it."""
    manual = session.scalar(select(Manual).order_by(Manual.id).limit(1)) or Manual()
    areas = select(Classification).where(Classification.is_active)
    services = (
        select(Service)
        .where(Service.is_active)
        .options(selectinload(Service.fields), selectinload(Service.dependencia))
    )
    return {
        "manual": {name: getattr(manual, name) or "" for name in MANUAL_TEXTS},
        "classifications": [
            {"name": one.name, "description": one.description, "examples": one.examples}
            for one in session.scalars(areas.order_by(Classification.position, Classification.id))
        ],
        "services": [
            _service(one) for one in session.scalars(services.order_by(Service.position, Service.id))
        ],
    }


def _service(service: Service) -> dict[str, Any]:
    texts = {name: getattr(service, name) or "" for name in SERVICE_TEXTS}
    asked = [one for one in service.fields if one.is_active]
    return {
        **texts,
        "id": service.id,
        "dependencia": service.dependencia.name,
        "fields": [
            {"label": one.label, "kind": one.kind.value, "help": one.help, "choices": one.choices,
             "is_required": one.is_required}
            for one in asked
        ],
    }  # fmt: skip


def publish(session: Session, by: Account | None, note: str = "") -> CatalogueVersion:
    """Publish what stands now as the next version; the caller has checked that *by* may."""
    number = (session.scalar(select(CatalogueVersion.number).order_by(
        CatalogueVersion.number.desc()).limit(1)) or 0) + 1  # fmt: skip
    version = CatalogueVersion(
        number=number, published_by_id=by.id if by else None, note=note.strip()[:2_000],
        content=snapshot(session),
    )  # fmt: skip
    session.add(version)
    session.flush()
    session.info.pop(_NEWEST, None)
    record(session, None, "catalogue_published", account=by, data={"number": number, "note": version.note})
    return version


def newest(session: Session) -> CatalogueVersion | None:
    """What is published now."""
    return session.scalar(select(CatalogueVersion).order_by(CatalogueVersion.number.desc()).limit(1))


def newest_id(session: Session) -> int | None:
    """Its id, asked once for all tickets of a transaction."""
    if _NEWEST not in session.info:
        wanted = select(CatalogueVersion.id).order_by(CatalogueVersion.number.desc()).limit(1)
        session.info[_NEWEST] = session.scalar(wanted)
    found: int | None = session.info[_NEWEST]
    return found


def find_version(session: Session, number: int) -> CatalogueVersion | None:
    """One that is or was published."""
    return session.scalar(select(CatalogueVersion).where(CatalogueVersion.number == number))


def is_changed(session: Session, version: CatalogueVersion | None) -> bool:
    """Whether something was edited since *version*."""
    return version is None or version.content != snapshot(session)


def service_of(version: CatalogueVersion, slug: str) -> dict[str, Any] | None:
    """The service as *version* has it."""
    return next((one for one in version.content["services"] if one["slug"] == slug), None)


def print_manual(office: Office, version: CatalogueVersion, code: str) -> bytes:
    """The *Manual de servicios* as a tagged PDF/A, with the sections of manual O."""
    with speaking(code):
        html = render(
            "letters/manual.html",
            **version.content,
            number=version.number,
            published=instant(version.published_at, office.settings.zone),
            institution=office.settings.institution,
            draw=lambda one: draw(one["flow"], say("catalogue.flow.of", name=one["name"])),
            steps=lambda one: read_steps(one["flow"]),
        )
    return _drawn(html)


@lru_cache(maxsize=4)
def _drawn(html: str) -> bytes:
    # Anybody may ask for the manual, and drawing it takes a second.
    return html_to_archive(html, {})
