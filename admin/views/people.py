"""Personas: the directory, the accounts in which each acts, and the login that opens them."""

from __future__ import annotations

import secrets
import uuid
from typing import Any

from flask import Flask, abort, flash, redirect, request, url_for
from flask_admin import Admin, expose
from flask_admin.form import BaseForm
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response
from wtforms import BooleanField, Field
from wtforms.validators import ValidationError

from admin import frame
from admin.auth import hash_password
from admin.db import session, writing
from admin.forms import (
    CURP,
    RFC,
    Line,
    Reference,
    active_dependencia,
    at_most,
    dependencia_choices,
    email,
    required,
    unique,
    written_as,
)
from admin.views.catalogue import REQUEST_SESSION, CatalogueView, changes_of, remember
from intake.errors import InvalidInput
from intake.running.accounts import MIN_PASSWORD
from models.base import now
from models.case import Case
from models.dependencia import Dependencia
from models.person import Account, Person, Role
from models.user import User
from templates import say

# Counting a person's open cases stops here.
MANY = 100


class PersonForm(BaseForm):
    name = Line(required, at_most(200))
    post = Line(at_most(200))
    email = Line(email, at_most(254), unique(Person.email))
    phone = Line(at_most(40))
    # Without one of these nobody signs with e.firma: by them the certificate is known to be the person's.
    rfc = Line(written_as(RFC, "rfc"))
    curp = Line(written_as(CURP, "curp"))
    dependencia_id = Reference(dependencia_choices, required, active_dependencia)
    is_active = BooleanField(default=True)

    def validate_is_active(self, field: Field) -> None:
        if not field.data and self._obj is not None and self._obj.id == frame.account().person_id:
            raise ValidationError(say("office.wrong.yourself"))

    def validate_email(self, field: Field) -> None:
        # Two people without an address are not the same person.
        field.data = field.data or None


class PeopleView(CatalogueView):
    """A person's page carries its accounts and its login."""

    form = PersonForm
    words = "person"
    columns = ("name", "post", "dependencia", "accounts")
    searched = ("name", "post", "email")
    groups = (("name", "post", "email", "phone"), ("rfc", "curp"), ("dependencia_id", "is_active"))
    edit_template = "admin/person.html"

    def cell(self, row: Person, column: str) -> str:
        if column == "accounts":
            return ", ".join(say(f"panel.role.{one.role.value}") for one in row.accounts if one.is_active)
        return super().cell(row, column)

    def render(self, template: str, **values: Any) -> str:
        person = values.get("model")
        if template == self.edit_template and isinstance(person, Person):
            user = session().scalar(select(User).where(User.person_id == person.id))
            values |= {"user_of": user, "roles_of": list(Role), "dependencias": dependencia_choices(),
                       "min_password": MIN_PASSWORD}  # fmt: skip
        made: str = super().render(template, **values)
        return made

    def get_save_return_url(self, model: Any, is_created: bool = False) -> str:
        # Whoever adds a person wants to give it an account next.
        return url_for(".edit_view", id=model.id) if is_created else url_for(".index_view")

    def _change(self, person_id: int, change: Any) -> Response:
        """Carry out *change* on a person in one transaction; what cannot be is said on its page."""
        try:
            with writing() as found:
                change(found, found.get(Person, person_id) or abort(404))
        except InvalidInput as error:
            flash(str(error), "error")
        return redirect(url_for(".edit_view", id=person_id))

    @expose("/<int:person_id>/cuentas", methods=["POST"])
    def add_account(self, person_id: int) -> Response:
        return self._change(person_id, _add_account)

    @expose("/<int:person_id>/cuentas/<int:account_id>", methods=["POST"])
    def switch_account(self, person_id: int, account_id: int) -> Response:
        def change(found: Session, person: Person) -> None:
            chosen = select(Account).where(Account.id == account_id, Account.person_id == person.id)
            _switch_account(found, found.scalar(chosen) or abort(404))

        return self._change(person_id, change)

    @expose("/<int:person_id>/usuario", methods=["POST"])
    def login(self, person_id: int) -> Response:
        return self._change(person_id, _save_login)

    @expose("/<int:person_id>/contrasena", methods=["POST"])
    def password(self, person_id: int) -> Response:
        return self._change(person_id, _set_password)


def _add_account(found: Session, person: Person) -> None:
    role = request.form.get("role", "")
    if role not in {one.value for one in Role}:
        raise InvalidInput("choose_role")
    dependencia = found.get(Dependencia, request.form.get("dependencia_id", 0, type=int))
    if dependencia is None or not dependencia.is_active:
        raise InvalidInput("choose_dependencia")
    same = select(Account).where(
        Account.person_id == person.id, Account.dependencia_id == dependencia.id, Account.role == Role(role)
    )
    if found.scalar(same) is not None:
        raise InvalidInput("account_known", name=person.name)
    account = Account(person=person, dependencia=dependencia, role=Role(role))
    account.is_signer = request.form.get("is_signer") == "1"
    found.add(account)
    remember(found, account, "account_created", {"role": [None, role]})
    flash(say("office.person.account_added"), "success")


def _switch_account(found: Session, account: Account) -> None:
    what = request.form.get("que")
    if what == "signer":
        account.is_signer = not account.is_signer
    elif what == "active":
        account.is_active = not account.is_active
    else:
        abort(400)
    if not account.is_active and account.id == frame.account().id:
        raise InvalidInput("own_account")
    remember(found, account, "account_changed", changes_of(account))
    if what == "active" and not account.is_active:
        held = select(Case.id).where(Case.holder_id == account.id, Case.is_open).limit(MANY).subquery()
        if number := found.scalar(select(func.count()).select_from(held)):
            flash(say("office.person.still_holds", number=number), "warning")
    flash(say("office.person.account_changed"), "success")


def _save_login(found: Session, person: Person) -> None:
    """Make the login, or change its user name and whether it opens."""
    user = found.scalar(select(User).where(User.person_id == person.id))
    username = (request.form.get("username") or "").strip().lower() or None
    if username is not None and ("@" in username or " " in username or len(username) > 80):
        raise InvalidInput("bad_username")
    if user is None and person.email is None:
        raise InvalidInput("login_without_email")
    for column, value in ((User.username, username), (User.email, person.email)):
        other = found.scalar(select(User).where(column == value)) if value else None
        if other is not None and other.person_id != person.id:
            raise InvalidInput("login_taken", value=value or "")
    is_new = user is None
    if user is None:
        user = User(fs_uniquifier=uuid.uuid4().hex, confirmed_at=now(), person_id=person.id, active=True)
        found.add(user)
    user.username, user.email = username, person.email or user.email
    if not is_new:
        user.active = request.form.get("active") == "1"
        if not user.active and person.id == frame.account().person_id:
            raise InvalidInput("own_login")
    changes = {} if is_new else changes_of(user)
    remember(found, person, "login_created" if is_new else "login_changed", changes)
    if is_new:
        _give_password(found, person, user, _invent())
    else:
        flash(say("office.person.login_changed"), "success")


def _set_password(found: Session, person: Person) -> None:
    user = found.scalar(select(User).where(User.person_id == person.id))
    if user is None:
        raise InvalidInput("no_login")
    typed = request.form.get("password", "")
    if typed and len(typed) < MIN_PASSWORD:
        raise InvalidInput("password_short", length=MIN_PASSWORD)
    _give_password(found, person, user, typed or _invent(), is_typed=bool(typed))


def _invent() -> str:
    """A password that can be read over the telephone."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(4)) for _ in range(4))


def _give_password(
    found: Session, person: Person, user: User, password: str, *, is_typed: bool = False
) -> None:
    user.password = hash_password(password)
    # Ends every session opened with the old one.
    user.fs_uniquifier = uuid.uuid4().hex
    remember(found, person, "password_set")
    if is_typed:
        flash(say("office.person.password_set"), "success")
    else:
        flash(say("office.person.password_made", name=person.name, password=password), "info")


def register(app: Flask, admin: Admin) -> None:
    """Add the catalogue and its entry in the rail."""
    admin.add_view(
        PeopleView(Person, REQUEST_SESSION, name="people", endpoint="people", url="/admin/personas")
    )
    frame.add_entry(
        app,
        frame.Entry("panel.rail.catalogues", "office.person.rail", "people.index_view", "users",
                    PeopleView.roles),
    )  # fmt: skip
