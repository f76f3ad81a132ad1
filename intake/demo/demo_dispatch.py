"""How the demo institution delivers: its couriers, carriers, zones and tariffs, and an oficio on its way.

From `templates/demo/dispatch.toml`; what happens goes through the verbs that everybody uses.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from intake.deliveries import dispatches, guias
from intake.deliveries.dispatches import DispatchFields
from intake.demo.demo import Institution
from intake.issued import approval, drafts
from intake.issued.drafts import Addressee, DraftFields
from intake.office import Office
from models.base import living_at, now
from models.carrier import Carrier, Courier, DispatchKind, Tariff, Zone
from models.dispatch import Dispatch
from models.oficio import Oficio
from models.person import Account
from templates import FOLDER

Row = Mapping[str, Any]


def deliver(office: Office, institution: Institution) -> None:
    """Write the catalogues, and send yesterday's oficio: part of it has its route, part waits for one."""
    plan = tomllib.loads((FOLDER / "demo" / "dispatch.toml").read_text(encoding="utf-8"))
    with office.database.writing() as session, living_at(now() - timedelta(hours=20)):
        people = {name: session.get_one(Account, one.id) for name, one in institution.accounts.items()}
        couriers = _furnish(session, plan, people, office)
        document = plan["document"]
        oficio = _send(session, office, people[document["by"]], document)
        asked = [(row, _ask(session, office, oficio, people[document["by"]], row))
                 for row in document["delivery"]]  # fmt: skip
        dispatches.make_route(
            session, office, [one for row, one in asked if row.get("routed")], people[document["manager"]],
            leaves_on=now().astimezone(office.settings.zone).date(), courier=couriers[document["courier"]],
        )  # fmt: skip


def _furnish(
    session: Session, plan: Row, people: Mapping[str, Account], office: Office
) -> dict[str, Courier]:
    couriers = {
        row["name"]: Courier(name=row["name"], account=people.get(row.get("user", "")),
                             vehicle=row.get("vehicle", ""), phone=row.get("phone", ""))
        for row in plan["courier"]
    }  # fmt: skip
    zones = {
        row["name"]: Zone(name=row["name"], postal_codes=row["postal_codes"],
                          courier=couriers[row["courier"]])
        for row in plan["zone"]
    }  # fmt: skip
    carriers = {}
    today = now().astimezone(office.settings.zone).date()
    for row in plan["carrier"]:
        made = carriers[row["name"]] = Carrier(
            name=row["name"], kind=DispatchKind(row["kind"]), phone=row["phone"], contact=row["contact"],
            tracking_url=row.get("tracking_url", ""), low_stock=row["low_stock"],
        )  # fmt: skip
        session.add(made)
        session.flush()
        guias.add_range(session, people[plan["document"]["manager"]], made, prefix=row["prefix"],
                        suffix=row.get("suffix", ""), first=row["first"], last=row["last"],
                        received_on=today)  # fmt: skip
    session.add_all([*couriers.values(), *zones.values()])
    session.add_all(
        Tariff(name=row["name"], kind=DispatchKind(row["kind"]), cost_cents=row["cost"],
               zone=zones.get(row.get("zone", "")), carrier=carriers.get(row.get("carrier", "")),
               up_to_grams=row.get("up_to_grams"))
        for row in plan["tariff"]
    )  # fmt: skip
    session.flush()
    return couriers


def _send(session: Session, office: Office, by: Account, document: Row) -> Oficio:
    recipients = tuple(
        Addressee(name=row["name"], institution=row["institution"], by_dispatch=True)
        for row in document["delivery"]
    )
    what = DraftFields(subject=document["subject"], body_html=document["body"], recipients=recipients)
    oficio = drafts.create_draft(session, office, by, what)
    approval.approve(session, office, oficio, by)
    return oficio


def _ask(session: Session, office: Office, oficio: Oficio, by: Account, row: Row) -> Dispatch:
    names = ("name", "institution", "address", "postal_code", "municipality", "phone", "instruction")
    given = {name: row[name] for name in names if name in row}
    what = DispatchFields(kind=DispatchKind(row["kind"]), wants_acuse=row.get("wants_acuse", False), **given)
    return dispatches.request_dispatch(session, office, oficio, by, what)
