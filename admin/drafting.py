"""The form *Nuevo documento* as the browser sends it, read into the values that the desk's verbs take.

A recipient is one row of fields with the same names, so that the form is the same with and without scripts.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from datetime import date

from werkzeug.datastructures import MultiDict

from intake.errors import InvalidInput
from intake.issued.drafts import Addressee, DraftFields
from intake.issued.rich_text import clean
from models.oficio import DocumentType
from models.recipient import RecipientRole

# One row: `account:<id>`, `dependencia:<id>` or `outside` in `who`; the others are for those outside.
ROW = ("who", "role", "name", "post", "institution", "email", "way")
BY_DISPATCH = "dispatch"


def read_fields(form: MultiDict[str, str]) -> DraftFields:
    """What the form holds. Raises InvalidInput for what no browser of ours sends."""
    kind = form.get("document_type", "")
    return DraftFields(
        subject=form.get("subject", ""),
        document_type=DocumentType(kind) if kind in list(DocumentType) else DocumentType.OFICIO,
        body_html=clean(_as_html(form.get("body_html", ""))),
        recipients=tuple(read_recipients(form)),
        place=form.get("place", ""),
        answer_required_on=_day(form.get("answer_required_on", "")),
        needs_efirma=bool(form.get("needs_efirma")),
        signers=tuple(form.getlist("signer", int)) if form.get("needs_efirma") else (),
    )


def read_recipients(form: MultiDict[str, str]) -> Sequence[Addressee]:
    """The rows of the form without the one to be removed, and with the one to be added."""
    columns = [form.getlist(f"to_{name}") for name in ROW]
    if len({len(column) for column in columns}) > 1:
        raise InvalidInput("document_recipient")
    rows = [dict(zip(ROW, values, strict=True)) for values in zip(*columns, strict=True)]
    removed = form.get("remove", type=int)
    found = [_addressee(row) for number, row in enumerate(rows) if number != removed]
    added = form.get("add", "")
    if added:
        who, _, role = added.rpartition("/")
        found.append(_addressee({"who": who, "role": role, **_typed(form)}))
    return list(dict.fromkeys(found))


def who_of(one: Addressee) -> str:
    """The value of `who` for a row."""
    if one.account_id is not None:
        return f"account:{one.account_id}"
    return f"dependencia:{one.dependencia_id}" if one.dependencia_id is not None else "outside"


def _typed(form: MultiDict[str, str]) -> dict[str, str]:
    return {name: form.get(f"new_{name}", "") for name in ROW[2:]}


def _addressee(row: Mapping[str, str]) -> Addressee:
    role = RecipientRole.COPY if row["role"] == RecipientRole.COPY else RecipientRole.TO
    kind, _, number = row["who"].partition(":")
    if kind in ("account", "dependencia") and number.isdecimal():
        key = int(number)
        is_account = kind == "account"
        return Addressee(role=role, account_id=key if is_account else None,
                         dependencia_id=None if is_account else key)  # fmt: skip
    if not row["name"].strip() and not row["email"].strip():
        raise InvalidInput("document_recipient")
    return Addressee(role=role, name=row["name"], post=row["post"], institution=row["institution"],
                     email=row["email"], by_dispatch=row["way"] == BY_DISPATCH)  # fmt: skip


def _as_html(text: str) -> str:
    """Without scripts the field is typed in as plain words."""
    if "<" in text:
        return text
    blocks = [block.strip() for block in text.replace("\r\n", "\n").split("\n\n")]
    return "".join(f"<p>{html.escape(block).replace(chr(10), '<br>')}</p>" for block in blocks if block)


def _day(value: str) -> date | None:
    if not value.strip():
        return None
    try:
        return date.fromisoformat(value.strip())
    except ValueError:
        raise InvalidInput("bad_date") from None
