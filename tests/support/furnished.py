"""An office in which every page has something to show, and an example for every part of its addresses.

The configuration is that of the demo institution, the cases are those of the role matrix.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from flask_admin.contrib.sqla import ModelView
from pydantic import SecretStr
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from intake import reply_address
from intake.archiving import expedientes
from intake.citizens import one_time_links, profiles
from intake.config import Settings
from intake.counter import reception
from intake.counter.reception import Entry, Sender
from intake.deliveries import dispatches
from intake.demo import demo, demo_dispatch
from intake.digitizing import scans
from intake.issued import approval, drafts
from intake.office import Office
from intake.services.calendar_feed import give_feed
from models.archive import ArchiveSeries, Level
from models.article import Article
from models.base import now
from models.catalogue import CatalogueVersion
from models.chat import Chat, LinkPurpose
from models.contact import Contact
from models.dependencia import Dependencia
from models.dispatch import Dispatch
from models.letterhead import Administration, DocumentTemplate, Letterhead, NumberPattern
from models.mailbox import Mailbox
from models.message import Attachment
from models.oficio import DocumentFile
from models.outbox_message import OutboxMessage
from models.person import Account
from models.plan import Equipment, Plan
from models.recipient import Recipient
from models.routing_rule import RoutingRule
from models.scan import HeldPage, JobState, ScanPage, ScanSource
from models.service import Service
from models.task import Task, TaskKind
from models.ticket import Ticket
from models.user import User
from tests.support import matrix
from tests.support.dispatch import photo
from tests.support.documents import OUTSIDE, fields
from tests.support.institution import Institution, spool
from tests.support.mails import make_mail
from tests.support.panel import panel_of

# Who of the demo institution is who of the role matrix.
_PEOPLE = {
    "admin": "administracion", "oficialia": "lourdes.pineda", "digitizer": "joaquin.arriaga",
    "head": "oscar.medrano", "worker": "mariana.quezada", "reviewer": "matias.orendain",
    "dispatch_requester": "fatima.zepeda", "courier": "saul.plascencia",
    "dispatch_manager": "dolores.camarena", "other": "ramiro.anguiano",
}  # fmt: skip
_CITIZEN = "ana.luna@correo.example"
Samples = dict[str, dict[str, object]]


@dataclass
class Furnished:
    """The office, its panel, the session of everybody, and what to fill into the rules of its addresses."""

    office: Office
    app: Flask
    keys: Mapping[str, str]
    # By the beginning of the rule; the longest decides.
    samples: Samples
    # What a page asks beside its address, by its rule.
    queries: Samples

    def client(self, who: str) -> FlaskClient:
        """A browser in which *who* is inside; whoever has no login is not."""
        client = self.app.test_client()
        if who in self.keys:
            with client.session_transaction() as cookie:
                cookie["_user_id"], cookie["_fresh"] = self.keys[who], True
        return client


@contextmanager
def furnished(folder: Path, migrated: Path) -> Iterator[Furnished]:
    """The office in *folder*, from a copy of the *migrated* database."""
    shutil.copy(migrated, folder / "register.db")
    office = Office.open(Settings(
        _env_file=None, database_url=f"sqlite:///{folder / 'register.db'}",
        store_url=f"file:{folder / 'files'}", outgoing_dir=folder / "outgoing", domain="sanmarcos.example",
        secret_key=SecretStr("only for tests, and longer than thirty-two bytes"),
    ))  # fmt: skip
    with office.database.writing() as session:
        plan = demo.read_plan(office)
        installed = demo.install(session, plan, hash_password=lambda password: "not for entering")
    demo_dispatch.deliver(office, installed)
    with office.database.writing() as session:
        town = _town(session, installed)
        logins = _logins(session, town)
        samples = matrix.secrets(session, office, town, logins)
        _configure(session, town)
        more, queries = _documents(session, office, town)
        samples |= more | _arrivals(session, office, town) | _delivery(session, office, town)
        samples |= _public(session, office, town, logins["citizen"]) | _rows(session)
        queries |= _asked(session, office)
        keys = {name: user.fs_uniquifier for name, user in logins.items()}
    app = panel_of(office)
    try:
        yield Furnished(office, app, keys, samples, queries | _catalogues(office, app))
    finally:
        office.database.close()


def _town(session: Session, made: demo.Institution) -> Institution:
    people = {name: session.get_one(Account, made.accounts[user].id) for name, user in _PEOPLE.items()}
    presidency, systems, works = (
        session.get_one(Dependencia, made.dependencias[name].id) for name in ("AYTO", "DST", "DOP")
    )
    support = session.get_one(Service, made.services["soporte-tecnico"].id)
    return Institution(presidency, systems, works, people, support, session.scalars(select(Mailbox)).all()[0])


def _logins(session: Session, town: Institution) -> dict[str, User]:
    logins = {
        name: session.scalars(select(User).where(User.person_id == one.person_id)).one()
        for name, one in town.accounts.items()
    }
    logins["administrator"] = logins.pop("admin")
    for name in ("citizen", "stranger"):
        contact = Contact(name=f"{name} Luna")
        logins[name] = User(email=f"{name}@correo.example", password="x", confirmed_at=now(),
                            fs_uniquifier=uuid.uuid4().hex, contact=contact)  # fmt: skip
        session.add(logins[name])
    session.flush()
    return logins


def _configure(session: Session, town: Institution) -> None:
    """A row at least in each catalogue that the demo institution has only when its days are lived."""
    printer = Equipment(inventory_number="IMP-001", name="Impresora", owner_name="Rosa Gil",
                        dependencia_id=town.works.id, place="Planta baja")  # fmt: skip
    session.add_all(
        [
            Administration(name="2024–2027", starts_on=date(2024, 10, 1)),
            Letterhead(slogan="Servir mejor", footer="Palacio Municipal"),
            DocumentTemplate(document_type="oficio", name="Solicitud", subject="Se solicita"),
            NumberPattern(dependencia_id=town.works.id, pattern="{siglas}/{number:04}/{year}"),
            printer,
            Plan(name="Limpieza", service_id=town.support.id, technician_id=town.accounts["worker"].id,
                 starts_on=now().date(), every=3, equipment=[printer]),
            Article(slug="red", title="No hay red", body="Apague y encienda el **módem**.",
                    service_id=town.support.id),
        ]
    )  # fmt: skip
    session.flush()


def _documents(session: Session, office: Office, town: Institution) -> tuple[Samples, Samples]:
    """A draft with a file, one for signature, one sent outside; an expediente; a delivery with its proof."""
    who = town.accounts
    draft = drafts.create_draft(session, office, who["worker"], fields(town, subject="Con anexo"))
    drafts.attach_file(session, office, draft, who["worker"], photo("plano.jpg"))
    unsigned = drafts.create_draft(session, office, who["head"], fields(town, needs_efirma=True))
    approval.approve(session, office, unsigned, who["head"])
    sent = drafts.create_draft(session, office, who["worker"], fields(town, to=(OUTSIDE,)))
    approval.approve(session, office, sent, who["head"])
    series = session.scalars(_series()).all()[0]
    expediente = expedientes.open_expediente(session, office, who["worker"], series=series, title="Obras")
    expedientes.add_case(session, expediente, sent, who["worker"])
    expediente.pdf_sha256, expediente.pdf_made_at = sent.pdf_sha256, now()
    token = session.scalars(select(Recipient.token).where(Recipient.oficio_id == sent.id)).one()
    file = session.scalars(select(DocumentFile.id).where(DocumentFile.oficio_id == draft.id)).one()
    samples: Samples = {
        "/admin/documentos/<int:document_id>/adjunto/": {"document_id": draft.id, "file_id": file},
        "/admin/expedientes/<int:key>": {"key": expediente.id},
        "/documento/": {"token": token},
        "/verificar/": {"code": sent.verification_code},
    }
    ticked = "/admin/tablero/marcados/<any(reassign, cancel):action>"
    asked: Samples = {rule: {"documento": sent.id} for rule in ("/admin/envios/nuevo", ticked)}
    return samples, asked | {"/admin/firmar/": {"documento": unsigned.id}}


def _arrivals(session: Session, office: Office, town: Institution) -> Samples:
    """A held mail; a paper that waits for its scan, and a stack with a page that is nobody's."""
    who = town.accounts
    held = spool(session, office, make_mail("Eva <eva@correo.example>", subject="Pregunta"))
    entry = Entry(Sender("Rosa Gil"), "Faltan luminarias", now().date() - timedelta(days=1))
    paper = reception.register(session, office, who["oficialia"], entry)
    file = scans.examine(office, "pila.jpg", photo().content)
    stack = scans.take(session, office, file, source=ScanSource.UPLOAD, by=who["digitizer"])
    stack.state, stack.page_count = JobState.DONE, 1
    page = ScanPage(scan_id=stack.id, number=0, position=0, thumbnail=file.content,
                    held_because=HeldPage.NO_LABEL)  # fmt: skip
    session.add(page)
    session.flush()
    return {
        "/admin/retenidos/": {"number": held.id},
        "/admin/digitalizar/": {"case_id": paper.id, "number": stack.id, "page": page.id},
    }


def _delivery(session: Session, office: Office, town: Institution) -> Samples:
    """One that was handed over, with its proof; the others wait, or are on their way."""
    who = town.accounts
    routed = select(Dispatch).where(Dispatch.route_id.is_not(None)).order_by(Dispatch.id)
    given, carried = session.scalars(routed).all()[:2]
    dispatches.start(session, office, given, who["courier"])
    proof = dispatches.deliver(session, office, given, who["courier"], receiver="Rosa Núñez", at=now(),
                               files=[photo()])  # fmt: skip
    assert proof is not None
    waiting = session.scalars(select(Dispatch.id).where(Dispatch.route_id.is_(None))).all()[0]
    return {
        "/admin/envios/": {"dispatch_id": carried.id, "action": "unassign"},
        "/admin/envios/<int:dispatch_id>/comprobante/": {
            "dispatch_id": given.id, "attachment_id": proof.attachments[0].id,
        },
        "/admin/envios/<int:dispatch_id>/corregir": {"dispatch_id": waiting},
        "/admin/mensajeria/rutas/": {"route_id": given.route_id},
    }  # fmt: skip


def _public(session: Session, office: Office, town: Institution, citizen: User) -> Samples:
    """Every link that the office writes into a mail or a chat."""
    ticket = session.scalars(select(Ticket).order_by(Ticket.id)).all()[0]
    file = session.scalars(select(Attachment.id).order_by(Attachment.id)).all()[0]
    profiles.set_avatar(session, office, citizen, photo().content)
    named: dict[str, object] = {"folio": ticket.folio}
    session.add(Chat(id=7001, name="Ana Luna", data={"draft": {}}))

    def link(purpose: LinkPurpose) -> dict[str, object]:
        token = one_time_links.mint(session, purpose, lifetime=timedelta(days=1), address=citizen.email,
                                    attachment_id=file, chat_id=7001)  # fmt: skip
        return {"token": token}

    return {
        "/bajar/": link(LinkPurpose.DOWNLOAD),
        "/subir/": link(LinkPurpose.UPLOAD),
        "/crear-cuenta/": link(LinkPurpose.SIGN_UP),
        "/entrar/enlace/": link(LinkPurpose.SIGN_IN),
        "/recuperar/": link(LinkPurpose.RESET),
        "/calendario/": {"token": give_feed(session, town.accounts["worker"])},
        "/caso/": named,
        "/queja/": named,
    }


def _rows(session: Session) -> Samples:
    """The first row of what has pages of its own."""

    def first(model: type[Any]) -> int:
        return session.scalars(select(model.id).order_by(model.id)).all()[0]  # type: ignore[no-any-return]

    return {
        "/admin/archivo/": {"key": session.scalars(_series()).all()[0].id},
        "/admin/lista.<kind>": {"kind": "csv"},
        "/admin/organigrama/": {"number": first(Dependencia)},
        "/admin/reglas/": {"number": first(RoutingRule)},
        "/admin/salida/": {"number": first(OutboxMessage)},
        "/admin/tablero-de-indicadores/": {"kind": "csv"},
        "/ayuda/": {"slug": "red"},
        "/servicios/": {"slug": "soporte-tecnico", "number": first(CatalogueVersion)},
    }


def _asked(session: Session, office: Office) -> Samples:
    """What scripts and links add to an address, without which there is nothing to see."""
    ticket = session.scalars(select(Ticket).order_by(Ticket.id)).all()[0]
    task = session.scalars(select(Task.id).where(Task.kind == TaskKind.ATTEND)).all()[0]
    key: dict[str, object] = {"clave": reply_address.link_key(office, ticket.folio)}
    return {
        "/admin/asunto/destinatarios": {"q": "Servicios"},
        "/admin/asunto/remitentes": {"q": "Luna"},
        "/admin/libro/pdf": {"desde": "2026-01-01", "hasta": "2026-12-31"},
        "/admin/registrar/campos": {"service": ticket.service_id},
        "/admin/seguimiento/varios": {"tarea": task},
        "/ayuda/sugerencias": {"subject": "No hay red"},
        "/caso/<path:folio>": key,
        "/queja/<folio>": key,
        "/solicitudes/campos": {"servicio": ticket.service_id},
    }


def _series() -> Select[ArchiveSeries]:
    """Those that hold expedientes."""
    return select(ArchiveSeries).where(ArchiveSeries.level.in_((Level.SERIE, Level.SUBSERIE)))


def _catalogues(office: Office, app: Flask) -> Samples:
    """The first row of every catalogue, whose forms Flask-Admin opens by `?id=`."""
    found: Samples = {}
    with office.database.reading() as session:
        for view in app.extensions["admin"][0]._views:
            if isinstance(view, ModelView):
                first = session.scalars(select(view.model.id).order_by(view.model.id)).first()
                found[f"{view.url}/editar"] = {"id": first}
    return found
