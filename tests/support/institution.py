"""A small institution for tests of the panel: a tree of dependencias, one account per role, one mailbox."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from intake.office import Office
from models.access import grant
from models.base import now
from models.contact import Address, AddressKind, Contact
from models.dependencia import Dependencia, DependenciaKind
from models.folio import draw_folio
from models.inbound_mail import InboundMail, InboundStatus
from models.mailbox import Mailbox
from models.message import Direction, Message
from models.person import Account, Person, Role
from models.service import Service
from models.ticket import Ticket


@dataclass(slots=True)
class Institution:
    """What `found_institution` made."""

    presidency: Dependencia
    systems: Dependencia
    works: Dependencia
    accounts: dict[str, Account]
    support: Service
    mailbox: Mailbox


def found_institution(session: Session) -> Institution:
    """Presidencia (`admin`, `oficialia`) over Sistemas (`head`, `worker`) and Obras (`other`, its head)."""
    # All of a kind at once: each flush takes a millisecond of every test.
    presidency = Dependencia(name="Presidencia", siglas="PM", kind=DependenciaKind.DIRECCION)
    systems, works = (
        Dependencia(name=name, siglas=siglas, parent=presidency, kind=DependenciaKind.DIRECCION)
        for name, siglas in (("Dirección de Sistemas", "DSI"), ("Dirección de Obras Públicas", "DOP"))
    )
    session.add_all([presidency, systems, works])
    session.flush()
    for each in (presidency, systems, works):
        each.place()
    people = {
        "admin": ("Alma Reyes", presidency, Role.ADMINISTRATOR),
        "oficialia": ("Ofelia Partida", presidency, Role.OFICIALIA),
        "head": ("Jaime Torres", systems, Role.HEAD),
        "worker": ("Tomás Ibarra", systems, Role.WORKER),
        "other": ("Olga Peña", works, Role.HEAD),
    }
    persons = {key: _person(name, where) for key, (name, where, _) in people.items()}
    support = Service(slug="soporte", name="Soporte técnico", dependencia_id=systems.id)
    session.add_all([*persons.values(), support])
    session.flush()
    accounts = {
        key: Account(person_id=persons[key].id, dependencia_id=where.id, role=role)
        for key, (_, where, role) in people.items()
    }
    mailbox = Mailbox(address="soporte@example.gob.mx", name="Soporte", service_id=support.id)
    session.add_all([*accounts.values(), mailbox])
    session.flush()
    return Institution(presidency, systems, works, accounts, support, mailbox)


def _person(name: str, dependencia: Dependencia) -> Person:
    local = name.split()[0].lower().replace("á", "a")
    return Person(name=name, email=f"{local}@example.gob.mx", dependencia_id=dependencia.id)


def add_account(session: Session, name: str, dependencia: Dependencia, role: Role) -> Account:
    """Somebody more."""
    person = _person(name, dependencia)
    session.add(person)
    session.flush()
    made = Account(person_id=person.id, dependencia_id=dependencia.id, role=role)
    session.add(made)
    session.flush()
    return made


def open_case(session: Session, institution: Institution, *, name: str = "Lucía Gómez",
              address: str = "lucia@example.com", subject: str = "No enciende la impresora",
              text: str = "Buenos días, la impresora de Tesorería no enciende.") -> Ticket:  # fmt: skip
    """A ticket in Sistemas with its first message, written straight into the register."""
    contact = Contact(name=name)
    session.add(contact)
    session.flush()
    session.add(Address(contact_id=contact.id, kind=AddressKind.EMAIL, value=address))
    ticket = Ticket(
        folio=draw_folio(session, "T", now().year),
        subject=subject,
        state="new",
        channel="email",
        requester_id=contact.id,
        dependencia_id=institution.systems.id,
        service_id=institution.support.id,
    )
    session.add(ticket)
    session.flush()
    grant(session, ticket, institution.systems.id)
    write_message(session, ticket, sender_name=name, sender_address=address, text=text)
    return ticket


def write_message(session: Session, ticket: Ticket, *, text: str, direction: Direction = Direction.IN,
                  sender_name: str = "", sender_address: str = "",
                  author: Account | None = None) -> Message:  # fmt: skip
    """One more message of *ticket*."""
    message = Message(
        case_id=ticket.id,
        direction=direction,
        channel="email",
        sender_name=sender_name,
        sender_address=sender_address,
        author_id=author.id if author else None,
        text=text,
        reply_text=text,
        subject=ticket.subject,
    )
    session.add(message)
    session.flush()
    return message


def spool(session: Session, office: Office, raw: bytes, *, status: InboundStatus = InboundStatus.HELD,
          to: str = "soporte@example.gob.mx", reason: str = "", error: str = "",
          received_at: datetime | None = None) -> InboundMail:  # fmt: skip
    """A mail in the spool, as a door would leave it, with what became of it."""
    head = raw.decode("utf-8", "replace").split("\n\n")[0]
    headers = dict(line.split(": ", 1) for line in head.splitlines() if ": " in line)
    mail = InboundMail(
        door="smtp",
        status=status,
        reason=reason,
        error=error,
        received_at=received_at or now(),
        envelope_from=headers.get("From", "").rpartition("<")[2].rstrip(">"),
        envelope_to=to,
        size=len(raw),
        raw_sha256=hashlib.sha256(raw).hexdigest(),
        raw=raw,
        from_header=headers.get("From", ""),
        subject_header=headers.get("Subject", ""),
    )
    session.add(mail)
    session.flush()
    return mail
