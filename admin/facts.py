"""What stands beside the thread of a case: open turnos, related cases, what was answered, and more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, exists, func, or_, select
from sqlalchemy.orm import Session, joinedload

from intake.services.service_fields import values_of
from models.case import Case, CaseLink
from models.catalogue import CatalogueVersion
from models.chat import Rating
from models.expediente import ExpedienteEntry
from models.person import Account
from models.service_field import FieldValue
from models.suggestion import Suggestion
from models.ticket import Ticket
from models.turno import Turno, TurnoState

MAX_TURNOS = 10

# Statements are put together once, which takes longer than the database does.
_OPEN_TURNOS = (
    select(Turno)
    .where(Turno.case_id == bindparam("case"), Turno.state == TurnoState.OPEN)
    .options(
        joinedload(Turno.from_account).lazyload(Account.dependencia),
        joinedload(Turno.to_account).lazyload(Account.dependencia),
        joinedload(Turno.to_dependencia),
    )
    .order_by(Turno.id.desc())
    .limit(MAX_TURNOS)
)
_OTHERS = (
    select(Case.id)
    .where(Case.requester_id == bindparam("requester"), Case.id != bindparam("case"))
    .limit(100)
)
# Most of this most cases do not have: one question tells which, and only then it is read.
_HAS = select(
    select(func.count()).select_from(_OTHERS.subquery()).scalar_subquery().label("others"),
    *[
        exists().where(column == bindparam("case")).label(name)
        for name, column in (
            ("rating", Rating.case_id),
            ("answers", FieldValue.case_id),
            ("is_filed", ExpedienteEntry.case_id),
            ("suggestion", Suggestion.case_id),
            ("links", CaseLink.case_id),
            ("linked_from", CaseLink.other_id),
        )
    ],
)


@dataclass(frozen=True, slots=True)
class Facts:
    """What stands beside the thread."""

    turnos: Sequence[Turno]
    links: Sequence[CaseLink]
    linked_from: Sequence[CaseLink]
    other_cases: int
    rating: Rating | None
    # What the service asked, and the version of the catalogue under which it was opened.
    answers: Sequence[FieldValue]
    catalogue: CatalogueVersion | None
    # Whether there is anything to ask about: most cases are in no expediente, and nothing is proposed.
    is_filed: bool
    has_suggestion: bool


def read_facts(session: Session, case: Case) -> Facts:
    """Open turnos, related cases, and how many more the requester has (up to 100)."""
    has = session.execute(_HAS, {"case": case.id, "requester": case.requester_id}).one()
    linked = _links_of(session, case) if has.links or has.linked_from else ()
    version = case.catalogue_version_id if isinstance(case, Ticket) else None
    return Facts(
        session.scalars(_OPEN_TURNOS, {"case": case.id}).all(),
        [link for link in linked if link.case_id == case.id],
        [link for link in linked if link.other_id == case.id],
        has.others,
        session.get(Rating, case.id) if has.rating else None,
        values_of(session, case) if has.answers else (),
        session.get(CatalogueVersion, version) if version else None,
        has.is_filed,
        has.suggestion,
    )


def _links_of(session: Session, case: Case) -> Sequence[CaseLink]:
    query = (
        select(CaseLink)
        .where(or_(CaseLink.case_id == case.id, CaseLink.other_id == case.id))
        .options(joinedload(CaseLink.case), joinedload(CaseLink.other))
        .order_by(CaseLink.id)
        .limit(20)
    )
    return session.scalars(query).all()
