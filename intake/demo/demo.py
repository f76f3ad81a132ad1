"""The institution that `oficialia demo` installs, from `templates/demo/institution.toml`.

What happens in it afterwards is in `intake.demo.demo_days`, and goes through the real
pipeline and verbs.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table
from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.demo.demo_archive import install_archive
from intake.demo.demo_services import install_services
from intake.office import Office
from intake.running.accounts import create_login
from intake.services import catalogue
from models.calendar import Calendar, DayOff
from models.canned_reply import CannedReply
from models.case import Case, CaseKind, Priority
from models.catalogue import Classification, Manual
from models.commitment import Commitment
from models.dependencia import Dependencia, DependenciaKind
from models.event import record
from models.mailbox import Mailbox
from models.person import Account, Person, Role
from models.routing_rule import RoutingRule
from models.service import Service
from models.service_field import FieldKind, ServiceField
from models.user import User
from templates import FOLDER, say

# A row of the file: tomllib gives no better type.
Row = Mapping[str, Any]


@dataclass
class Institution:
    """What was installed, by the names that the files use."""

    domain: str
    password: str
    dependencias: dict[str, Dependencia] = field(default_factory=dict)
    accounts: dict[str, Account] = field(default_factory=dict)
    services: dict[str, Service] = field(default_factory=dict)
    # Who has an account of the portal, by e-mail.
    requesters: dict[str, User] = field(default_factory=dict)


def read_plan(office: Office) -> Row:
    """The file, with the institution's name and domain in place."""
    settings = office.settings
    text = (FOLDER / "demo" / "institution.toml").read_text(encoding="utf-8")
    # A domain without a dot is that of a laptop: no address could be written in it.
    domain = settings.domain if "." in settings.domain else str(tomllib.loads(text)["domain"])
    return tomllib.loads(text.replace("{institution}", settings.institution).replace("{domain}", domain)) | {
        "domain": domain
    }


def is_empty(office: Office) -> bool:
    """True while nobody has put anything into the database."""
    with office.database.reading() as session:
        tables = (Dependencia, Person, User, Mailbox, Case)
        return all(session.scalar(select(table.id).limit(1)) is None for table in tables)


def install(session: Session, plan: Row, *, hash_password: Callable[[str], str]) -> Institution:
    """Write organigrama, people, services, mailboxes, rules and canned replies."""
    made = Institution(domain=plan["domain"], password=plan["password"])
    for row in plan["dependencia"]:
        made.dependencias[row["siglas"]] = _dependencia(session, row, made)
    for row in plan["person"]:
        made.accounts[row["user"]] = _person(session, row, made, hash_password)
    session.add_all(Calendar(**row) for row in plan["calendar"])
    session.add_all(DayOff(**row) for row in plan["day_off"])
    for position, row in enumerate(plan["service"], start=1):
        made.services[row["slug"]] = _service(plan["service_defaults"] | row, made, position)
    session.add_all(made.services.values())
    _catalogue(session, plan, made)
    session.add_all(_mailbox(row, made) for row in plan["mailbox"])
    session.add_all(_rule(row, made, position) for position, row in enumerate(plan["rule"], start=1))
    session.add_all(_canned_reply(row, made) for row in plan["canned_reply"])
    session.flush()
    catalogue.publish(session, made.accounts.get("administracion"))
    install_archive(session)
    install_services(session, made, hash_password(made.password))
    record(session, None, "install_demo")
    return made


def _dependencia(session: Session, row: Row, made: Institution) -> Dependencia:
    dependencia = Dependencia(
        siglas=row["siglas"],
        name=row["name"],
        kind=DependenciaKind(row.get("kind", "dependencia")),
        parent=made.dependencias.get(row.get("parent", "")),
    )
    session.add(dependencia)
    session.flush()
    dependencia.place()
    return dependencia


def _person(session: Session, row: Row, made: Institution, hash_password: Callable[[str], str]) -> Account:
    acts_as = [(Role(role), made.dependencias[siglas]) for role, siglas in row["acts_as"]]
    person = Person(
        name=row["name"],
        post=row["post"],
        phone=row["phone"],
        email=f"{row['user']}@{made.domain}",
        dependencia=acts_as[0][1],
    )
    first = create_login(session, person, hash_password(made.password), acts_as)
    for account in person.accounts:
        account.is_signer = row.get("signs", False)
    return first


def _service(row: Row, made: Institution, position: int) -> Service:
    columns = {name: value.strip() if isinstance(value, str) else value for name, value in row.items()}
    columns["commitments"] = [
        Commitment(**one | {"priority": Priority(one["priority"])}) for one in row.get("commitments", ())
    ]
    places = {name: made.dependencias[row[name]] for name in ("dependencia", "complaint_to")}
    return Service(**columns | places | {"position": position})


def _catalogue(session: Session, plan: Row, made: Institution) -> None:
    """What the services ask, the classifications of the portal, the texts of the manual."""
    for position, row in enumerate(plan["field"], start=1):
        service = made.services[row["service"]]
        kind = FieldKind(row.get("kind", "text"))
        session.add(ServiceField(**dict(row) | {"service": service, "kind": kind, "position": position}))
    for position, row in enumerate(plan["classification"], start=1):
        dependencia = made.dependencias[row["dependencia"]]
        session.add(Classification(**dict(row) | {"dependencia": dependencia, "position": position}))
    session.add(Manual(**{name: text.strip() for name, text in plan["manual"].items()}))


def _mailbox(row: Row, made: Institution) -> Mailbox:
    return Mailbox(
        address=f"{row['local']}@{made.domain}",
        name=row["name"],
        dependencia=made.dependencias.get(row.get("dependencia", "")),
        service=made.services.get(row.get("service", "")),
    )


def _rule(row: Row, made: Institution, position: int) -> RoutingRule:
    return RoutingRule(
        position=position,
        name=row["name"],
        conditions=row["conditions"],
        case_kind=CaseKind(row.get("case_kind", "ticket")),
        service=made.services.get(row.get("service", "")),
        dependencia=made.dependencias.get(row.get("dependencia", "")),
        account=made.accounts.get(row.get("account", "")),
        priority=Priority(row["priority"]) if "priority" in row else None,
        instruction=row.get("instruction", ""),
    )


def _canned_reply(row: Row, made: Institution) -> CannedReply:
    return CannedReply(
        shortcut=row["shortcut"],
        title=row["title"],
        body=row["body"].strip(),
        dependencia=made.dependencias.get(row.get("dependencia", "")),
    )


def print_logins(people: Sequence[Person], requesters: Sequence[User], password: str) -> None:
    """The table of who may log in, and as what."""
    table = Table(title=say("cli.demo.logins", password=password), title_justify="left")
    for column in ("person", "email", "role"):
        table.add_column(say(f"cli.demo.{column}"), no_wrap=column == "email")
    for person in people:
        acts_as = [f"{say(f'cli.role.{each.role}')} ({each.dependencia.siglas})" for each in person.accounts]
        table.add_row(person.name, person.email, "\n".join(acts_as))
    for user in requesters:
        table.add_row(user.contact.name if user.contact else "", user.email, say("cli.demo.requester"))
    Console(highlight=False).print(table)
