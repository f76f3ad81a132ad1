"""One office with somebody in every role, a secret of each kind, and what each gets to see of every URL.

Whoever gets as far as a page or a change is let in, and stopped there: no page is drawn, which would
take minutes, and nothing is written, so that the order of the questions does not matter.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from flask import Flask, Response, before_render_template
from flask.sessions import SecureCookieSessionInterface
from flask.testing import FlaskClient
from pydantic import SecretStr
from sqlalchemy import event, select
from sqlalchemy.orm import Session
from structlog.testing import capture_logs
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Rule

from admin.app import create_app
from intake import acuses, tickets
from intake.config import Settings
from intake.counter import answers, reception
from intake.counter.reception import Entry, Sender, Target
from intake.incoming import IncomingFile
from intake.issued import drafts
from intake.office import Office
from intake.programs import tokens
from models.api_token import Scope
from models.base import now
from models.contact import Address, AddressKind, Contact
from models.dependencia import Dependencia
from models.message import Attachment, Message
from models.oficio import Oficio
from models.person import Account, Person, Role
from models.signed_answer import SignedAnswer
from models.task import Task, TaskKind
from models.user import User
from models.workflow import State
from tests.support.documents import fields
from tests.support.institution import Institution, found_institution
from tests.support.panel import give_logins

# Who asks. `head`, `worker`: of the dependencia that attends the secret; `other`: head of another one;
# `citizen` asked for it, `stranger` is another citizen, `nobody` is not inside.
IDENTITIES = ("administrator", "oficialia", "digitizer", "head", "worker", "reviewer", "dispatch_requester",
              "courier", "dispatch_manager", "other", "citizen", "stranger", "nobody")  # fmt: skip
_OWN_NAMES = {"administrator": "admin"}
_MORE = {
    "digitizer": ("Diana Ruiz", Role.DIGITIZER),
    "reviewer": ("Raúl Vega", Role.REVIEWER),
    "dispatch_requester": ("Dora Sosa", Role.DISPATCH_REQUESTER),
    "courier": ("Memo Cruz", Role.COURIER),
    "dispatch_manager": ("Elena Mora", Role.DISPATCH_MANAGER),
}
# A form that asks for nothing is refused before anybody's right to send it is asked.
_FORM = {"text": "x", "note": "x", "reason": "x", "name": "x", "subject": "x", "action": "x"}
_JSON = {"text": "x"}
# The one part of a page for which an error has no page of its own to draw.
_QUICK = {"HX-Request": "true", "HX-Target": "presence"}
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


class Answer(StrEnum):
    """Let in, turned away, or told that there is no such thing."""

    IN = "in"
    OUT = "out"
    MISSING = "missing"


@dataclass
class Matrix:
    """The office, its panel, and a browser of everybody."""

    app: Flask
    # The cookie of everybody who is inside.
    cookies: dict[str, str]
    # Of every account, with which its programs ask `/api/`.
    tokens: dict[str, str]
    # By the names of the parts of a URL; the longest beginning of the rule decides.
    samples: dict[str, dict[str, object]] = field(default_factory=dict)

    def questions(self) -> Iterator[tuple[str, Rule]]:
        """`GET /admin/casos/<int:case_id>` and its rule, for every method of every rule there is."""
        for rule in sorted(self.app.url_map.iter_rules(), key=lambda one: one.rule):
            for method in METHODS:
                if method in (rule.methods or ()):
                    yield f"{method} {rule.rule}", rule

    def ask(self, who: str, question: str, rule: Rule) -> Answer:
        """What becomes of *question* when *who* asks it. A fault of ours fails the test."""
        method, client = question.partition(" ")[0], self._browser(who)
        address = self.app.url_map.bind("localhost").build(rule.endpoint, self._values(rule), method=method)
        sent: dict[str, Any] = {"headers": dict(_QUICK)}
        if address.startswith("/api/"):
            sent = {"headers": {"Idempotency-Key": uuid.uuid4().hex}, "json": _JSON}
            if who in self.tokens:
                sent["headers"]["Authorization"] = f"Bearer {self.tokens[who]}"
        elif method != "GET":
            sent["data"] = _FORM
        if method == "GET":
            sent.pop("json", None)
        try:
            answer = client.open(address, method=method, **sent)
        except _Stopped:
            # Stopped in what Flask does after the view.
            return Answer.IN
        if answer.status_code == 404:
            return Answer.MISSING
        # Whoever is not inside, or in no account, is sent to where one gets in.
        is_sent = re.search(r"/(entrar|admin/cuenta/)(\?|$)", answer.headers.get("Location", "")) is not None
        return Answer.OUT if is_sent or answer.status_code in (401, 403) else Answer.IN

    def _browser(self, who: str) -> FlaskClient:
        """Of *who*, as if no question had been asked before."""
        client = self.app.test_client()
        if who in self.cookies:
            client.set_cookie(self.app.config["SESSION_COOKIE_NAME"], self.cookies[who])
        return client

    def _values(self, rule: Rule) -> dict[str, object]:
        beginnings = sorted((one for one in self.samples if rule.rule.startswith(one)), key=len)
        known = {name: value for one in beginnings for name, value in self.samples[one].items()}
        return {name: known.get(name, plain(rule, name)) for name in rule.arguments}


def plain(rule: Rule, name: str) -> object:
    """A value that names nothing that is there."""
    choices = getattr(rule._converters[name], "items", None)
    if choices:
        return sorted(choices)[0]
    return 999_999 if rule._converters[name].__class__.__name__ == "IntegerConverter" else "nada"


@contextmanager
def matrix(folder: Path, migrated: Path) -> Iterator[Matrix]:
    """An office of its own in *folder*, from a copy of the *migrated* database."""
    (folder / "register.db").write_bytes(migrated.read_bytes())
    settings = Settings(
        _env_file=None,
        database_url=f"sqlite:///{folder / 'register.db'}",
        store_url=f"file:{folder / 'files'}",
        outgoing_dir=folder / "outgoing",
        secret_key=SecretStr("only for tests, and longer than thirty-two bytes"),
        domain="example.gob.mx",
    )
    office = Office.open(settings)
    with office.database.writing() as session:
        town, logins = _people(session)
        samples = secrets(session, office, town, logins)
        keys = {name: user.fs_uniquifier for name, user in logins.items()}
        accounts = {name: town.accounts.get(_OWN_NAMES.get(name, name)) for name in IDENTITIES}
        bearers = {name: _token(session, by) for name, by in accounts.items() if by is not None}
    app = create_app(office)
    # A fault of ours ends the test with its traceback. The token of forms has tests of its own.
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    signer = SecureCookieSessionInterface().get_signing_serializer(app)
    assert signer is not None
    cookies = {name: str(signer.dumps({"_user_id": key, "_fresh": True})) for name, key in keys.items()}
    event.listen(Session, "before_commit", _stop)
    before_render_template.connect(_stop)
    try:
        # To write a traceback takes a second, and there is one for each refusal that the stop causes.
        with capture_logs():
            yield Matrix(app, cookies, bearers, samples)
    finally:
        before_render_template.disconnect(_stop)
        event.remove(Session, "before_commit", _stop)
        office.database.close()


class _Stopped(HTTPException):
    """It was allowed, and would have been written, or drawn, now."""

    code = None


def _stop(*_about: object, **_more: object) -> None:
    raise _Stopped(response=Response("", 204))


def _people(session: Session) -> tuple[Institution, dict[str, User]]:
    town = found_institution(session)
    for name, (who, role) in _MORE.items():
        town.accounts[name] = _account(session, who, role, town.presidency)
    give_logins(session, town)
    session.flush()
    users = {}
    for name in IDENTITIES:
        account = town.accounts.get(_OWN_NAMES.get(name, name))
        if account is not None:
            users[name] = session.scalars(select(User).where(User.person_id == account.person_id)).one()
    for name in ("citizen", "stranger"):
        contact = Contact(name=f"{name} Luna")
        session.add(contact)
        session.flush()
        users[name] = User(email=f"{name}@correo.example", password="x", confirmed_at=now(),
                           fs_uniquifier=uuid.uuid4().hex, contact=contact)  # fmt: skip
        session.add(users[name])
    session.flush()
    return town, users


def _token(session: Session, by: Account) -> str:
    """Of which nothing has to be written when it is used."""
    token, secret = tokens.make(session, by, name="Matriz", scopes=list(Scope), days=1)
    token.last_used_at = now() + timedelta(days=1)
    return secret


def _account(session: Session, name: str, role: Role, dependencia: Dependencia) -> Account:
    email = f"{name.split()[0].lower()}@example.gob.mx"
    person = Person(name=name, email=email, dependencia_id=dependencia.id)
    session.add(person)
    session.flush()
    made = Account(person_id=person.id, dependencia_id=dependencia.id, role=role)
    session.add(made)
    session.flush()
    return made


def secrets(
    session: Session, office: Office, town: Institution, logins: dict[str, User]
) -> dict[str, dict[str, object]]:
    """A ticket, an oficio at each step that has a screen, a draft: all of Sistemas, asked by the citizen."""
    who, citizen = town.accounts, logins["citizen"].contact
    assert citizen is not None
    citizen.addresses.append(Address(kind=AddressKind.EMAIL, value="citizen@correo.example"))
    session.flush()
    ticket = tickets.register(
        session, office, who["head"], contact=citizen, contact_name="", address="citizen@correo.example",
        subject="Secreto", text="Secreto", service=town.support,
        files=[IncomingFile.of("secreto.txt", "text/plain", b"Secreto")],
    )  # fmt: skip
    session.flush()
    message = session.scalars(select(Message).where(Message.case_id == ticket.id)).one()
    message.html = "<p>Secreto</p>"
    file = session.scalars(select(Attachment).where(Attachment.message_id == message.id)).one()
    who["head"].is_signer = True
    turned, answered = (_oficio(session, office, town, citizen) for _ in range(2))
    answers.answer(session, office, answered, who["head"], text="Secreto", to=["citizen@correo.example"])
    session.flush()
    made = session.scalars(select(SignedAnswer)).one()
    acuse = acuses.latest(session, turned)
    assert acuse is not None
    draft = drafts.create_draft(session, office, who["worker"], fields(town, subject="Secreto"))
    session.flush()

    def task(oficio: Oficio, kind: TaskKind) -> int:
        return session.scalars(select(Task.id).where(Task.case_id == oficio.id, Task.kind == kind)).one()

    case = {"case_id": ticket.id, "number": ticket.id, "message_id": message.id, "attachment_id": file.id,
            "filename": file.filename, "folio": ticket.folio, "action": "note"}  # fmt: skip
    oficio = {**case, "case_id": turned.id, "acuse_id": acuse.id, "task_id": task(turned, TaskKind.ATTEND)}
    return {
        "/admin/casos/": case,
        "/admin/casos/<int:case_id>/pedir/": {"action": "assign"},
        "/admin/casos/<int:case_id>/hacer/": {"action": "resolve"},
        "/admin/casos/<int:case_id>/acuse": oficio,
        "/admin/casos/<int:case_id>/es-oficio": case,
        "/admin/casos/<int:case_id>/leido": oficio,
        "/admin/casos/<int:case_id>/respuesta": {"case_id": answered.id, "answer_id": made.id},
        "/admin/archivos/": case,
        "/admin/escribir/": case,
        "/admin/folio/": case,
        "/admin/registrar/queja/": case,
        "/admin/procesos/": case,
        "/admin/expedientes/asunto/": oficio,
        "/admin/asunto/": oficio,
        "/admin/tarea/": {**oficio, "verb": "responder"},
        "/admin/firmar/respuesta/": {"task_id": task(answered, TaskKind.SIGN)},
        "/admin/documentos/": {"document_id": draft.id, "action": "discard"},
        "/admin/redactar/": {"document_id": draft.id},
        "/admin/visto-bueno/": {"document_id": draft.id, "action": "ask_review"},
        "/admin/documentos/<int:document_id>/responder": {"document_id": turned.id},
        "/solicitudes/": {**case, "action": "close"},
        "/api/v1/cases/": {**case, "sha256": file.sha256, "action": "resolve"},
    }


def _oficio(session: Session, office: Office, town: Institution, citizen: Contact) -> Oficio:
    entry = Entry(Sender("", contact=citizen), "Secreto", now().date() - timedelta(days=1),
                  addressee=Target(town.systems))  # fmt: skip
    return reception.register(session, office, town.accounts["oficialia"], entry, begins=State.ASSIGNED)
