"""What a service asks besides subject and description: read from forms and replies, kept, shown, missed.

Portal, counter and bot ask when the request is written; who wrote by mail is asked once, kindly, for
what is missing (`intake.services.missing_fields`). A value is kept with the words of its question.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Protocol

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from intake.errors import InvalidInput
from intake.incoming import IncomingFile
from intake.wording import day
from models.case import Case
from models.event import record
from models.message import Attachment, Message
from models.search import fold
from models.service import Service
from models.service_field import FieldKind, FieldValue, ServiceField
from models.ticket import Ticket

MAX_VALUE = 2_000
_DAY = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})")


class Asked(Protocol):
    """What has to be known of a question to check an answer."""

    @property
    def label(self) -> str: ...
    @property
    def kind(self) -> FieldKind: ...
    @property
    def choices(self) -> Sequence[str]: ...


@dataclass(frozen=True, slots=True)
class Answer:
    """A checked answer; *file* for a question of kind file, which goes along with the message."""

    field: ServiceField
    value: str
    file: IncomingFile | Attachment | None = None


@dataclass(slots=True)
class Answers:
    """What a form said: the good answers, and by id of the field why another is none."""

    given: list[Answer] = field(default_factory=list)
    wrong: dict[int, str] = field(default_factory=dict)

    @property
    def files(self) -> list[IncomingFile]:
        return [one.file for one in self.given if isinstance(one.file, IncomingFile)]


_FIELDS = (
    select(ServiceField)
    .where(ServiceField.service_id == bindparam("asking"), ServiceField.is_active)
    .order_by(ServiceField.position, ServiceField.id)
)


def fields_of(session: Session, service: Service | None) -> Sequence[ServiceField]:
    """What *service* asks now, in order."""
    if service is None:
        return ()
    return session.scalars(_FIELDS, {"asking": service.id}).all()


def form_name(asked: ServiceField) -> str:
    """What the field is called in a form."""
    return f"field-{asked.id}"


def read_form(
    fields: Iterable[ServiceField], values: Mapping[str, str], files: Mapping[str, IncomingFile]
) -> Answers:
    """The answers of a form whose fields are called as `form_name` says."""
    found = Answers()
    for asked in fields:
        name = form_name(asked)
        try:
            one = _answer(asked, values.get(name, ""), files.get(name))
        except InvalidInput as error:
            found.wrong[asked.id] = str(error)
        else:
            if one is not None:
                found.given.append(one)
    return found


def _answer(asked: ServiceField, text: str, file: IncomingFile | None) -> Answer | None:
    if asked.kind == FieldKind.FILE:
        if file is not None:
            return Answer(asked, file.filename, file)
        value = ""
    else:
        value = check(asked, text)
    if not value and asked.is_required:
        raise InvalidInput("field_missing", label=asked.label)
    return Answer(asked, value) if value else None


def check(asked: Asked, text: str) -> str:
    """*text* as it is kept. Raises InvalidInput with a sentence for whoever typed it; empty stays empty."""
    value = text.strip()
    if not value:
        return ""
    if len(value) > MAX_VALUE:
        raise InvalidInput("field_long", label=asked.label, length=MAX_VALUE)
    if asked.kind == FieldKind.NUMBER:
        return _number(asked, value)
    if asked.kind == FieldKind.DATE:
        return _day(asked, value)
    if asked.kind == FieldKind.CHOICE:
        chosen = next((one for one in asked.choices if fold(one) == fold(value)), None)
        if chosen is None:
            raise InvalidInput("field_choice", label=asked.label, choices=", ".join(asked.choices))
        return chosen
    return value


def _number(asked: Asked, value: str) -> str:
    # Mexico writes 1,250.5; a comma separates thousands.
    try:
        number = Decimal(re.sub(r"[,\s](?=\d{3}\b)", "", value))
    except InvalidOperation:
        raise InvalidInput("field_number", label=asked.label) from None
    if not number.is_finite():
        raise InvalidInput("field_number", label=asked.label)
    return format(number, "f")


def _day(asked: Asked, value: str) -> str:
    try:
        if found := _DAY.fullmatch(value):
            return date(int(found[3]), int(found[2]), int(found[1])).isoformat()
        return date.fromisoformat(value).isoformat()
    except ValueError:
        raise InvalidInput("field_date", label=asked.label) from None


def keep(session: Session, case: Case, answers: Iterable[Answer], message: Message | None) -> None:
    """Write the answers of *case*; a file is the one of *message* with the same bytes."""
    known = {one.field_id: one for one in values_of(session, case)}
    for answer in answers:
        row = known.get(answer.field.id)
        if row is None:
            row = FieldValue(case_id=case.id, field_id=answer.field.id)
            session.add(row)
        row.label, row.kind, row.value = answer.field.label, answer.field.kind, answer.value
        if answer.file is not None and message is not None:
            digest = answer.file.sha256
            row.attachment = next((one for one in message.attachments if one.sha256 == digest), None)


def values_of(session: Session, case: Case) -> Sequence[FieldValue]:
    """What was answered for *case*, in the order of the questions."""
    wanted = (
        select(FieldValue)
        .join(ServiceField, ServiceField.id == FieldValue.field_id)
        .where(FieldValue.case_id == case.id)
        .order_by(ServiceField.position, ServiceField.id)
    )
    return session.scalars(wanted).all()


def words_of(one: FieldValue) -> str:
    """An answer as a person reads it."""
    return as_read(one.kind, one.value)


def as_read(kind: FieldKind, value: str) -> str:
    """What `check` made of an answer, as a person reads it."""
    return day(date.fromisoformat(value)) if kind == FieldKind.DATE and value else value


def missing(session: Session, case: Case) -> list[ServiceField]:
    """The required questions of the case's service that have no answer yet."""
    return [one for one in _unanswered(session, case) if one.is_required]


def _unanswered(session: Session, case: Case) -> list[ServiceField]:
    if not isinstance(case, Ticket) or case.service is None:
        return []
    asked = fields_of(session, case.service)
    answered = {one.field_id for one in values_of(session, case)} if asked else set()
    return [one for one in asked if one.id not in answered]


def fill_from_reply(session: Session, case: Case, message: Message) -> list[ServiceField]:
    """Take from what the requester wrote what was missing; returns the fields that have an answer now.

    Lines «Label: value», also for what need not be said; when one single thing is missing, the whole
    short reply; files for files.
    """
    open_ones = _unanswered(session, case)
    wanted = [one for one in open_ones if one.is_required]
    if not wanted:
        return []
    found = list(_answers_in(wanted, open_ones, message.reply_text))
    taken = {one.field.id for one in found}
    files = [one for one in message.attachments if not one.is_inline]
    for asked in wanted:
        if asked.kind == FieldKind.FILE and asked.id not in taken and files:
            file = files.pop(0)
            session.add(
                FieldValue(case_id=case.id, field_id=asked.id, label=asked.label, kind=asked.kind,
                           value=file.filename, attachment=file)
            )  # fmt: skip
            taken.add(asked.id)
    keep(session, case, found, message)
    filled = [one for one in open_ones if one.id in taken]
    if filled:
        session.flush()
        record(session, case, "fields_answered", actor="requester",
               data={"labels": [one.label for one in filled]})  # fmt: skip
    return filled


def _answers_in(
    wanted: Sequence[ServiceField], asked_for: Sequence[ServiceField], text: str
) -> Iterable[Answer]:
    """The answers that *text* gives to *asked_for*; what is no good answer is left for a clerk to read."""
    open_ones = {fold(one.label): one for one in asked_for if one.kind != FieldKind.FILE}
    matched = False
    for line in text.splitlines():
        label, colon, value = line.partition(":")
        asked = open_ones.get(fold(label.strip(" *•-–\t").rstrip("?¿ ")))
        asked = asked or open_ones.get(fold(label.strip(" *•-–\t")))
        if colon and value.strip() and asked is not None:
            try:
                answer = Answer(asked, check(asked, value))
            except InvalidInput:
                continue
            matched = True
            del open_ones[fold(asked.label)]
            yield answer
    if not matched and len(wanted) == 1 and wanted[0].kind != FieldKind.FILE:
        (asked,) = wanted
        try:
            value = check(asked, text)
        except InvalidInput:
            return
        if value:
            yield Answer(asked, value)
