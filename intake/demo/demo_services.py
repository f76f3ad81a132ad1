"""What the demo institution answers before it is asked, what it maintains, and who asks in its portal."""

from __future__ import annotations

import tomllib
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from intake.contacts import contact_for
from intake.office import Office
from intake.services import plans
from models.article import Article
from models.base import now
from models.contact import AddressKind
from models.plan import Equipment, Every, Plan
from models.user import User
from templates import FOLDER

if TYPE_CHECKING:
    from intake.demo.demo import Institution

Rows = dict[str, list[dict[str, Any]]]


def install_services(session: Session, made: Institution, password_hash: str) -> None:
    """Write articles, equipment, plans and requesters; the caller commits."""
    plan: Rows = tomllib.loads((FOLDER / "demo" / "help.toml").read_text(encoding="utf-8"))
    for row in plan["article"]:
        session.add(Article(**row | {"service": made.services[row["service"]], "body": row["body"].strip()}))
    equipment = {row["inventory_number"]: _equipment(row, made) for row in plan["equipment"]}
    session.add_all(equipment.values())
    session.add_all(_plan(row, made, equipment) for row in plan["plan"])
    for row in plan["requester"]:
        made.requesters[row["email"]] = _requester(session, row, password_hash)


def _equipment(row: dict[str, Any], made: Institution) -> Equipment:
    return Equipment(**row | {"dependencia": made.dependencias[row["dependencia"]]})


def _plan(row: dict[str, Any], made: Institution, equipment: dict[str, Equipment]) -> Plan:
    row = dict(row)
    starts_on = now().date() + timedelta(days=row.pop("starts_in"))
    chosen = {
        "starts_on": starts_on,
        "unit": Every(row["unit"]),
        "service": made.services["mantenimiento-preventivo"],
        "technician": made.accounts[row["technician"]],
        "equipment": [equipment[number] for number in row["equipment"]],
    }
    return Plan(**row | chosen)


def _requester(session: Session, row: dict[str, Any], password_hash: str) -> User:
    contact = contact_for(session, AddressKind.EMAIL, row["email"], row["name"])
    session.flush()
    for address in contact.addresses:
        address.verified_at = now()
    user = User(
        email=row["email"], password=password_hash, fs_uniquifier=uuid.uuid4().hex, confirmed_at=now(),
        language="es", contact=contact, active=True,
    )  # fmt: skip
    session.add(user)
    session.flush()
    return user


def make_visits(office: Office) -> None:
    """Open the tickets of the coming visits, as the clock of an office in use has."""
    plans.make_ahead(office, now())
