"""Which number patterns may stand side by side: no two series may ever write the same number."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.errors import InvalidInput
from intake.issued.numbering import check_pattern, write_number
from intake.office import Office
from models.dependencia import Dependencia
from models.letterhead import NumberPattern
from models.oficio import DocumentType

_FIELD = re.compile(r"\{(number|year)(?::0?\d)?\}")
_NUMBER, _YEAR = "#", "@"
_TOKEN = re.compile(r"[#@]|\w+|[^\w#@]+")


@dataclass(frozen=True, slots=True)
class Written:
    """What one series of *dependencia* writes: the parts of a number, with marks where digits change."""

    dependencia: Dependencia
    # Empty: the series of all types that have none of their own.
    document_type: str
    parts: tuple[str, ...]

    def may_equal(self, other: Written) -> bool:
        return len(self.parts) == len(other.parts) and all(map(_may_be_equal, self.parts, other.parts))


def check(
    session: Session, office: Office, dependencia: Dependencia, document_type: str, pattern: str
) -> str:
    """*pattern* as it is kept. Raises InvalidInput when some number could be given twice.

    It is compared with what every other series of the institution writes, also with those
    that follow the general pattern of the settings.
    """
    pattern = check_pattern(pattern, document_type)
    made = _written(dependencia, document_type, pattern)
    for one in made:
        around = [part for index, part in enumerate(one.parts) if _touches(one.parts, index)]
        if around:
            # `{siglas}{number}`: A1 and 23 would be written as A and 123 are.
            raise InvalidInput("number_pattern_joined", pattern=pattern)
    for other in _others(session, office, dependencia, document_type):
        if any(one.may_equal(other) for one in made):
            raise InvalidInput("number_pattern_repeats", name=other.dependencia.name)
    return pattern


def _touches(parts: tuple[str, ...], index: int) -> bool:
    """Is the changing part at *index* written without a sign between it and letters or digits?"""
    if parts[index] not in (_NUMBER, _YEAR):
        return False
    beside = [parts[other] for other in (index - 1, index + 1) if 0 <= other < len(parts)]
    return any(one in (_NUMBER, _YEAR) or one[0].isalnum() or one[0] == "_" for one in beside)


def _may_be_equal(one: str, other: str) -> bool:
    if one == other:
        return True
    digits = [part in (_NUMBER, _YEAR) or part.isdecimal() for part in (one, other)]
    return all(digits) and not (one.isdecimal() and other.isdecimal())


def _others(
    session: Session, office: Office, dependencia: Dependencia, document_type: str
) -> Iterator[Written]:
    own: dict[tuple[int, str], str] = {
        (row.dependencia_id, row.document_type): row.pattern for row in session.scalars(select(NumberPattern))
    }
    for one in session.scalars(select(Dependencia)):
        general = own.get((one.id, ""), office.settings.number_pattern)
        for kind in ("", *(kind.value for kind in DocumentType)):
            pattern = own.get((one.id, kind)) if kind else general
            if pattern and (one.id, kind) != (dependencia.id, document_type):
                yield from _written(one, kind, pattern)


def _written(dependencia: Dependencia, document_type: str, pattern: str) -> list[Written]:
    marked = _FIELD.sub(lambda match: _NUMBER if match[1] == "number" else _YEAR, pattern)
    kinds = [DocumentType(document_type)] if document_type else list(DocumentType)
    found = []
    for kind in kinds:
        text = write_number(marked, siglas=dependencia.siglas, number=0, year=0, document_type=kind)
        found.append(Written(dependencia, document_type, tuple(_TOKEN.findall(text))))
    return list({one.parts: one for one in found}.values())
