"""The form of an asunto: what was typed, as the desk's `Entry`, and what is registered, as a form."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import zip_longest
from typing import Any

from flask import request
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from admin import frame
from admin.db import office, release, session
from admin.recipients import matches
from admin.views.composer import MAX_FILES
from intake.attachments import examined, store_large
from intake.counter.reception import Entry, Sender, Target, target_of
from intake.errors import InvalidInput
from intake.incoming import IncomingFile
from models.base import now
from models.contact import Contact
from models.dependencia import Dependencia
from models.oficio import DocumentType, Oficio
from models.person import Account, Person
from models.proposal import Proposal
from templates import say

MAX_FOUND = 8
WORDS = ("sender_number", "reference", "topic", "description", "instruction", "comments")
DATES = ("received_on", "written_on", "answer_required_on")
SENDER = ("institution", "post", "email", "phone", "postal_address", "federative_state")
Form = MultiDict[str, str]
# What the hidden field gets, what the field shows, what is said beside it, and other fields that it fills.
Option = tuple[str, str, str, dict[str, str]]


def blank() -> dict[str, Any]:
    """A new form: what a clerk would write most often is there already."""
    today = now().astimezone(office().settings.zone).date()
    values: dict[str, Any] = dict.fromkeys((*WORDS, *DATES, *SENDER, "sender", "contact"), "")
    values |= {"received_on": today.isoformat(), "document_type": DocumentType.OFICIO.value,
               "channel": "paper", "begins": "digitizing", "mails_acuse": "", "addressee": chosen(None),
               "copies": [], "instruction": say("registering.usual").split("|")[0]}  # fmt: skip
    return values


def typed() -> dict[str, Any]:
    """What was sent, to be shown again."""
    form = request.form
    values = {
        **blank(),
        **{name: form.get(name, "") for name in blank() if name not in ("addressee", "copies")},
    }
    values["addressee"] = (form.get("addressee", ""), form.get("addressee_text", ""))
    pairs = zip_longest(form.getlist("copy"), form.getlist("copy_text"), fillvalue="")
    values["copies"] = [pair for pair in pairs if any(pair)]
    return values


def registered(oficio: Oficio, proposals: Sequence[Proposal] = ()) -> dict[str, Any]:
    """What *oficio* says; where it says nothing, what was read in it."""
    read = {one.field: one.value for one in proposals}
    values = blank()
    for name in WORDS:
        values[name] = (
            getattr(oficio, name) or read.get(name, "") or (values[name] if name == "instruction" else "")
        )
    values["description"] = oficio.description or read.get("subject", "") or oficio.subject
    for name in DATES:
        day = getattr(oficio, name)
        values[name] = read.get(name) or (day.isoformat() if day else "")
    sender = oficio.requester
    values |= {name: getattr(sender, name) for name in SENDER if name != "email"}
    email = next((one.value for one in sender.addresses if one.kind.value == "email"), "")
    values |= {"sender": sender.name, "contact": str(sender.id), "email": email,
               "document_type": oficio.document_type.value}  # fmt: skip
    to = None
    if oficio.addressee_dependencia is not None:
        to = Target(oficio.addressee_dependencia, oficio.addressee)
    values["addressee"] = chosen(to)
    copies = (target_of(session(), row) for row in oficio.copies)
    values["copies"] = [chosen(one) for one in copies if one is not None]
    return values


def entry(read: Session) -> Entry:
    """What was typed. Raises InvalidInput."""
    form = request.form
    contact = read.get(Contact, form.get("contact", 0, int))
    sender = Sender(
        name=form.get("sender", ""), contact=contact, **{name: form.get(name, "") for name in SENDER}
    )
    return Entry(
        sender=sender,
        document_type=_document_type(form),
        received_on=_day(form, "received_on") or now().astimezone(office().settings.zone).date(),
        written_on=_day(form, "written_on"),
        answer_required_on=_day(form, "answer_required_on"),
        addressee=target(read, form.get("addressee", ""), form.get("addressee_text", "")),
        copies=copies(read),
        **{name: form.get(name, "").replace("\r\n", "\n") for name in WORDS},
    )


def copies(read: Session) -> tuple[Target, ...]:
    """To whom a copy goes, each once. Raises InvalidInput."""
    pairs = zip_longest(request.form.getlist("copy"), request.form.getlist("copy_text"), fillvalue="")
    found = (target(read, value, text) for value, text in pairs)
    return tuple(dict.fromkeys(one for one in found if one is not None))


def target(read: Session, value: str, text: str) -> Target | None:
    """What was chosen (`d12`, `a34`); without scripts, what was typed, if it names exactly one."""
    text = " ".join(text.split())
    if value[:1] in ("a", "d") and value[1:].isdecimal():
        account = read.get(Account, int(value[1:])) if value[0] == "a" else None
        dependencia = account.dependencia if account else read.get(Dependencia, int(value[1:]))
        return Target(dependencia, account) if dependencia is not None else None
    if not text:
        return None
    found = find_targets(read, text)
    exact = [one for one in found if text.casefold() in {name.casefold() for name in _names(one)}]
    if len(exact or found) != 1:
        raise InvalidInput("registering_unknown", words=text)
    return (exact or found)[0]


def find_targets(read: Session, words: str, *, within: str = "/", people_only: bool = False) -> list[Target]:
    """Dependencias and people below *within* whose names, posts or siglas have every word."""
    parts = " ".join(words.split())[:80].split()
    if not parts:
        return []
    below = Dependencia.path.startswith(within, autoescape=True)
    areas = select(Dependencia).where(Dependencia.is_active, below)
    people = (
        select(Account)
        .join(Account.person)
        .join(Dependencia, Dependencia.id == Account.dependencia_id)
        .where(Account.is_active, Person.is_active, Account.role.in_(frame.READING), below)
    )
    for word in parts:
        areas = areas.where(matches(Dependencia.name, word) | matches(Dependencia.siglas, word))
        people = people.where(
            matches(Person.name, word) | matches(Person.post, word) | matches(Dependencia.siglas, word)
        )
    found = (
        [] if people_only else [Target(one) for one in read.scalars(_first(areas.order_by(Dependencia.name)))]
    )
    found += [
        Target(one.dependencia, one) for one in read.scalars(_first(people.order_by(Person.name))).unique()
    ]
    # Who types siglas means that dependencia.
    found.sort(
        key=lambda one: one.account is not None or one.dependencia.siglas.casefold() != words.casefold()
    )
    return found[:MAX_FOUND]


def _first(query: Any) -> Any:
    return query.limit(MAX_FOUND)


def _names(one: Target) -> tuple[str, ...]:
    if one.account is not None:
        return (one.account.person.name, chosen(one)[1])
    return (one.dependencia.siglas, one.dependencia.name, chosen(one)[1])


def chosen(one: Target | None) -> tuple[str, str]:
    """The value of the hidden field, and what a person reads."""
    if one is None:
        return "", ""
    if one.account is None:
        return f"d{one.dependencia.id}", f"{one.dependencia.siglas} · {one.dependencia.name}"
    return f"a{one.account.id}", f"{one.account.person.name} · {one.dependencia.siglas}"


def options(found: Sequence[Target]) -> list[Option]:
    """As a list to choose from; who has several accounts stands there once for each."""
    return [(*chosen(one), _about(one.account) if one.account is not None else "", {}) for one in found]


def _about(account: Account) -> str:
    return " · ".join(filter(None, (account.person.post, say(f"panel.role.{account.role.value}"))))


def any_files() -> Sequence[IncomingFile]:
    """The uploaded files, of whatever type: what could do harm is kept and never opened."""
    uploads = [upload for upload in request.files.getlist("files") if upload.filename]
    if len(uploads) > MAX_FILES:
        raise InvalidInput("too_many_files", limit=MAX_FILES)
    limit = office().settings.upload_max_bytes
    found = []
    for number, upload in enumerate(uploads, 1):
        file = examined(upload.filename or "", upload.mimetype, upload.read(), number=number)
        if file.size > limit:
            raise InvalidInput("file_too_large", name=file.filename, megabytes=limit // 1_000_000)
        found.append(file)
    if found:
        release()
        store_large(office(), found)
    return found


def _document_type(form: Form) -> DocumentType:
    try:
        return DocumentType(form.get("document_type", ""))
    except ValueError:
        raise InvalidInput("choose_one") from None


def _day(form: Form, name: str) -> date | None:
    value = form.get(name, "").strip()
    try:
        return date.fromisoformat(value) if value else None
    except ValueError:
        raise InvalidInput("bad_date") from None
