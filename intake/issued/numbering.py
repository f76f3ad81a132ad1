"""The numbers of issued documents: one gapless series per dependencia and year, written by a pattern.

Drawn in the transaction that approves, and given back when that fails.
"""

from __future__ import annotations

import re

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.errors import InvalidInput
from intake.office import Office
from intake.opening import local_year
from models.dependencia import Dependencia
from models.folio import draw_number, last_number
from models.letterhead import NumberPattern
from models.oficio import DocumentType, Oficio
from templates import say

_FIELD = re.compile(r"\{(siglas|number|year|type)(?::0?(\d))?\}")
MAX_FOLIO = 60


def check_pattern(pattern: str, document_type: str = "") -> str:
    """*pattern* without blanks around it. Raises InvalidInput when two documents could get one number."""
    pattern = pattern.strip()
    found = [match[1] for match in _FIELD.finditer(pattern)]
    needed = {"siglas", "number", "year"} | ({"type"} if document_type else set())
    rest = _FIELD.sub("", pattern)
    # The general series must never write what the series of a type writes.
    is_wrong = set(found) != needed or len(found) != len(needed) or "{" in rest or "}" in rest
    if is_wrong or not re.fullmatch(r"[\w ./-]*", rest) or len(pattern) > 80:
        raise InvalidInput("number_pattern", pattern=pattern)
    return pattern


def write_number(pattern: str, *, siglas: str, number: int, year: int, document_type: DocumentType) -> str:
    """`DSI/0123/2026`."""
    values: dict[str, str | int] = {
        "siglas": siglas,
        "number": number,
        "year": year,
        "type": say(f"document.type_siglas.{document_type}"),
    }

    def fill(match: re.Match[str]) -> str:
        value = values[match[1]]
        return f"{value:0{match[2] or 1}d}" if isinstance(value, int) else value

    return _FIELD.sub(fill, pattern)[:MAX_FOLIO]


def draw(session: Session, office: Office, oficio: Oficio) -> str:
    """Number *oficio* in its dependencia's series, once for ever; returns its folio from now on."""
    dependencia = oficio.dependencia
    assert dependencia is not None
    year = local_year(office.settings.zone)
    own = find_pattern(session, dependencia, oficio.document_type)
    pattern = own.pattern if own else office.settings.number_pattern
    oficio.number = draw_number(session, _series(dependencia, own.document_type if own else ""), year)
    return write_number(
        pattern,
        siglas=dependencia.siglas,
        number=oficio.number,
        year=year,
        document_type=oficio.document_type,
    )


def _series(dependencia: Dependencia, document_type: str) -> str:
    # By the key and not by its siglas: a dependencia may be renamed in the middle of a year.
    return f"doc:{dependencia.id}" + (f":{document_type}" if document_type else "")


def next_number(
    session: Session, office: Office, dependencia: Dependencia, pattern: str, document_type: str = ""
) -> str:
    """What the next document would be called by *pattern*; draws nothing."""
    year = local_year(office.settings.zone)
    return write_number(
        pattern,
        siglas=dependencia.siglas,
        number=last_number(session, _series(dependencia, document_type), year) + 1,
        year=year,
        document_type=DocumentType(document_type or DocumentType.OFICIO),
    )


def find_pattern(session: Session, dependencia: Dependencia, kind: DocumentType) -> NumberPattern | None:
    """The pattern of a dependencia for a type: its own, or the one for all types."""
    wanted = select(NumberPattern).where(
        NumberPattern.dependencia_id == dependencia.id, NumberPattern.document_type.in_([kind.value, ""])
    )
    return session.scalar(wanted.order_by(NumberPattern.document_type.desc()).limit(1))
