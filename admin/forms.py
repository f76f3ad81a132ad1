"""Fields and checks of the catalogue forms; every *no* is a sentence for the person who typed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Any

from email_validator import EmailNotValidError, validate_email
from flask_admin.form import BaseForm
from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute
from wtforms import Field, SelectField, StringField, TextAreaField
from wtforms.validators import StopValidation, ValidationError

from admin.db import session
from models.dependencia import Dependencia
from templates import say

Check = Callable[[BaseForm, Field], None]
_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
# Of a person, as SAT and RENAPO make them; their check digits are not computed, as some in use are wrong.
RFC = re.compile(r"[A-ZÑ&]{4}\d{6}[A-Z0-9]{3}", re.IGNORECASE)
CURP = re.compile(r"[A-Z]{4}\d{6}[HMX][A-Z]{5}[A-Z0-9]\d", re.IGNORECASE)


def _trim(value: str | None) -> str | None:
    return value.strip() if value else value


class Line(StringField):
    """One line of text, without blanks around it."""

    def __init__(self, *checks: Check, **options: Any) -> None:
        super().__init__(validators=list(checks), filters=[_trim], **options)

    def process_formdata(self, valuelist: list[str]) -> None:
        self.data = valuelist[0] if valuelist else ""


class Words(TextAreaField):
    """Several lines of text."""

    def __init__(self, *checks: Check, rows: int = 4, **options: Any) -> None:
        super().__init__(validators=list(checks), filters=[_trim], render_kw={"rows": rows}, **options)

    def process_formdata(self, valuelist: list[str]) -> None:
        self.data = valuelist[0].replace("\r\n", "\n") if valuelist else ""


class Senders(TextAreaField):
    """Addresses, or `@domain` each, one a line; kept as a list in lower case."""

    def __init__(self, **options: Any) -> None:
        super().__init__(render_kw={"rows": 3}, **options)

    def process_data(self, value: list[str] | None) -> None:
        self.data = list(value or [])

    def process_formdata(self, valuelist: list[str]) -> None:
        self.data = list(dict.fromkeys(" ".join(valuelist).replace(",", " ").lower().split()))

    def _value(self) -> str:
        return "\n".join(self.data or [])


def _as_id(value: Any) -> int | None:
    return int(value) if value not in (None, "", "None") else None


class Reference(SelectField):
    """One of *choices* by id, or nothing."""

    def __init__(
        self, choices: Callable[[], Iterable[tuple[Any, str]]], *checks: Check, **options: Any
    ) -> None:
        super().__init__(validators=list(checks), coerce=_as_id, choices=lambda: list(choices()), **options)

    def pre_validate(self, form: BaseForm) -> None:
        known = {_as_id(value) for value, *_ in self.iter_choices()}
        if self.data not in known:
            raise ValidationError(say("office.wrong.gone"))


class Choice(SelectField):
    """One member of *members*; `label` is the key before each value, `nothing` that of none."""

    def __init__(
        self,
        members: type[StrEnum],
        label: str,
        *,
        optional: bool = False,
        nothing: str = "office.no_choice",
        **options: Any,
    ) -> None:
        def choices() -> list[tuple[str, str]]:
            found = [(one.value, say(f"{label}.{one.value}")) for one in members]
            return [("", say(nothing)), *found] if optional else found

        def coerce(value: Any) -> StrEnum | None:
            return members(value) if value not in (None, "", "None") else None

        super().__init__(coerce=coerce, choices=choices, **options)

    def pre_validate(self, form: BaseForm) -> None:
        """`coerce` refused what is not a member."""


def required(form: BaseForm, field: Field) -> None:
    if field.data is None or not str(field.data).strip():
        raise StopValidation(say("office.wrong.required"))


def at_most(length: int) -> Check:
    def check(form: BaseForm, field: Field) -> None:
        if len(field.data or "") > length:
            raise ValidationError(say("office.wrong.long", length=length))

    return check


def unique(column: InstrumentedAttribute[Any], *, key: str = "taken") -> Check:
    """No other row may have this value."""

    def check(form: BaseForm, field: Field) -> None:
        if not field.data:
            return
        with session().no_autoflush:
            other = session().scalar(select(column.class_).where(column == field.data))
        own = getattr(form, "_obj", None)
        if other is not None and (own is None or other.id != own.id):
            raise ValidationError(say(f"office.wrong.{key}", value=field.data, other=str(other)))

    return check


def slug(form: BaseForm, field: Field) -> None:
    if field.data and not _SLUG.fullmatch(field.data):
        raise ValidationError(say("office.wrong.slug"))


def email(form: BaseForm, field: Field) -> None:
    """An e-mail address, kept in lower case."""
    if not field.data:
        return
    try:
        field.data = validate_email(field.data, check_deliverability=False).normalized.lower()
    except EmailNotValidError as error:
        raise StopValidation(say("office.wrong.email", value=field.data)) from error


def written_as(pattern: re.Pattern[str], key: str) -> Check:
    """Has the value, if there is one, the shape of *pattern*? The sentence is `office.wrong.<key>`."""

    def check(form: BaseForm, field: Field) -> None:
        if field.data and not pattern.fullmatch(field.data):
            raise ValidationError(say(f"office.wrong.{key}", value=field.data))

    return check


def not_negative(form: BaseForm, field: Field) -> None:
    if field.data is not None and field.data < 0:
        raise ValidationError(say("office.wrong.negative"))


def active_dependencia(form: BaseForm, field: Field) -> None:
    """A dependencia that still works, unless it was chosen before."""
    own = getattr(form, "_obj", None)
    if field.data is None or (own is not None and getattr(own, field.name, None) == field.data):
        return
    found = session().get(Dependencia, field.data)
    if found is None or not found.is_active:
        raise ValidationError(say("office.wrong.inactive", name=str(found) if found else ""))


def tree(within: str = "/") -> list[Dependencia]:
    """The organigrama, or the part whose path begins with *within*, parents before children, by name."""
    found = session().scalars(
        select(Dependencia).where(Dependencia.path.startswith(within, autoescape=True))
    ).all()  # fmt: skip
    names = {one.id: one.name.casefold() for one in found}

    def place(one: Dependencia) -> list[str]:
        return [names.get(number, "") + f"\0{number}" for number in one.lineage]

    return sorted(found, key=place)


def dependencia_choices(within: str = "/", *, nothing: str = "") -> list[tuple[Any, str]]:
    """The tree as options, each under its parent; *nothing*: the words for none of them."""
    options: list[tuple[Any, str]] = [("", nothing or say("office.no_choice"))]
    shift = within.count("/")
    for one in tree(within):
        indent = "\u2003" * max(0, one.path.count("/") - max(shift, 2))
        off = "" if one.is_active else f" ({say('office.inactive')})"
        options.append((one.id, f"{indent}{one.name}{off}"))
    return options
