"""People, carriers and zones of deliveries for tests, and pictures as a phone makes them."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import date

from PIL import Image
from sqlalchemy.orm import Session

from intake.attachments import examined
from intake.deliveries import guias
from intake.incoming import IncomingFile
from models.carrier import Carrier, Courier, DispatchKind, Tariff, Zone
from models.person import Role
from tests.support.institution import Institution, add_account


@dataclass(slots=True)
class Deliveries:
    """What `found_deliveries` made."""

    courier: Courier
    carrier: Carrier
    north: Zone
    south: Zone


def found_deliveries(session: Session, people: Institution, *, guias_left: int = 30) -> Deliveries:
    """Adds `manager`, `courier` and `stand_in` to *people*, a carrier with guías, two zones and tariffs."""
    for name, shown, role in (
        ("manager", "Dolores Camarena", Role.DISPATCH_MANAGER),
        ("courier", "Samuel Plascencia", Role.COURIER),
        ("stand_in", "Rosa Lara", Role.COURIER),
    ):
        people.accounts[name] = add_account(session, shown, people.presidency, role)
    courier = Courier(name="Samuel Plascencia", account=people.accounts["courier"], vehicle="Motocicleta 3")
    stand_in = Courier(name="Rosa Lara", account=people.accounts["stand_in"])
    carrier = Carrier(name="Paquetería Veloz", kind=DispatchKind.FORANEA, low_stock=20)
    north = Zone(name="Norte", postal_codes="441 442", courier=courier)
    south = Zone(name="Sur", postal_codes="456", courier=courier)
    session.add_all([courier, stand_in, carrier, north, south])
    session.flush()
    session.add_all(
        [
            Tariff(name="Local", kind=DispatchKind.LOCAL, cost_cents=3_000),
            Tariff(name="Local sur", kind=DispatchKind.LOCAL, zone=south, cost_cents=4_550),
            Tariff(name="Foránea hasta 1 kg", kind=DispatchKind.FORANEA, carrier=carrier, up_to_grams=1_000,
                   cost_cents=18_900),
        ]
    )  # fmt: skip
    guias.add_range(session, people.accounts["manager"], carrier, prefix="PV", first="0091",
                    last=f"{90 + guias_left:04d}", received_on=date(2026, 11, 3))  # fmt: skip
    return Deliveries(courier, carrier, north, south)


def photo(name: str = "acuse.jpg") -> IncomingFile:
    """A picture of a paper."""
    made = io.BytesIO()
    Image.new("RGB", (60, 80), "white").save(made, "JPEG")
    return examined(name, "image/jpeg", made.getvalue())


def signature() -> IncomingFile:
    """A signature on glass."""
    made = io.BytesIO()
    Image.new("RGB", (60, 20), "white").save(made, "PNG")
    return examined("firma.png", "image/png", made.getvalue())
