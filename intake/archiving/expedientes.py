"""The verbs of expedientes: open, add and take out a case, close, ask for the PDF, transfer.

A closed expediente changes no more; its terms are counted from the day of closing by its archive series.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, select, true
from sqlalchemy.orm import Session

from intake.errors import InvalidInput
from intake.office import Office
from models.access import standing, visible_to
from models.archive import ArchiveSeries, terms
from models.base import now
from models.case import Case
from models.dependencia import Dependencia
from models.event import record
from models.expediente import Expediente, ExpedienteEntry
from models.folio import draw_number
from models.person import Account, Role
from models.workflow import NEVER_SENT, State

KEEPING = frozenset({Role.OFICIALIA, Role.HEAD, Role.WORKER})
# Folios that are named when something hinders.
NAMED = 5


def visible_expedientes(account: Account) -> ColumnElement[bool]:
    """Those of one's dependencia; a head also sees those below, oficialía all of them."""
    if account.role == Role.OFICIALIA:
        return true()
    if account.role == Role.HEAD:
        below = select(Dependencia.id).where(
            Dependencia.path.startswith(account.dependencia.path, autoescape=True)
        )
        return Expediente.dependencia_id.in_(below)
    allowed = account.role in KEEPING
    return Expediente.dependencia_id == (account.dependencia_id if allowed else -1)


def may_keep(account: Account, expediente: Expediente) -> bool:
    """Does *account* put cases into it, close it and transfer it?"""
    if account.role == Role.HEAD:
        return expediente.dependencia.path.startswith(account.dependencia.path)
    return account.role in KEEPING and expediente.dependencia_id == account.dependencia_id


def sees_all_of(session: Session, account: Account, expediente: Expediente) -> bool:
    """May *account* read every case in it, and so the PDF of the whole?"""
    hidden = (
        select(ExpedienteEntry.id)
        .join(Case, Case.id == ExpedienteEntry.case_id)
        .where(ExpedienteEntry.expediente_id == expediente.id, ~visible_to(account))
    )
    return session.scalar(hidden.limit(1)) is None


def open_expediente(
    session: Session, office: Office, by: Account, *, series: ArchiveSeries, title: str, place: str = ""
) -> Expediente:
    """A new one of *by*'s dependencia, numbered in its series and year. Raises InvalidInput."""
    if by.role not in KEEPING:
        raise InvalidInput("not_yours")
    title = " ".join(title.split())
    if not title:
        raise InvalidInput("expediente_title")
    if not series.holds_expedientes or not series.is_active:
        raise InvalidInput("expediente_series", name=str(series))
    today = local_today(office)
    # By keys: a dependencia may be renamed, a series recoded, in the middle of a year.
    number = draw_number(session, f"exp:{by.dependencia_id}:{series.id}", today.year)
    made = Expediente(
        number=f"{by.dependencia.siglas}/{series.code}/{number:04d}/{today.year}",
        dependencia=by.dependencia,
        series=series,
        title=title[:400],
        place=place.strip()[:120],
        opened_on=today,
        opened_by=by,
    )
    session.add(made)
    session.flush()
    _record(session, made, by, "expediente_opened")
    return made


def add_case(session: Session, expediente: Expediente, case: Case, by: Account) -> ExpedienteEntry:
    """Put *case* at the end of the index. Raises InvalidInput."""
    _must_keep(expediente, by)
    _must_be_open(session, expediente)
    # A folio that this account may not see is as good as none.
    if not standing(session, case, by):
        raise InvalidInput("expediente_folio", folio=case.folio)
    if case.state in NEVER_SENT or case.state == State.MERGED:
        raise InvalidInput("expediente_draft", folio=case.folio)
    if session.scalar(select(exists().where(*_of(expediente, case)))):
        raise InvalidInput("expediente_twice", folio=case.folio)
    last = session.scalar(
        select(func.max(ExpedienteEntry.position)).where(ExpedienteEntry.expediente_id == expediente.id)
    )
    entry = ExpedienteEntry(
        expediente_id=expediente.id, case_id=case.id, position=(last or 0) + 1, added_by_id=by.id
    )
    session.add(entry)
    _forget_pdf(expediente)
    record(session, case, "filed", account=by, data={"number": expediente.number})
    return entry


def remove_case(session: Session, expediente: Expediente, case: Case, by: Account) -> None:
    """Take *case* out; those after it move up. Raises InvalidInput."""
    _must_keep(expediente, by)
    _must_be_open(session, expediente)
    entry = session.scalar(select(ExpedienteEntry).where(*_of(expediente, case)))
    # Nobody learns by trying which cases of others are in it.
    if entry is None or not standing(session, case, by):
        raise InvalidInput("expediente_folio", folio=case.folio)
    later = select(ExpedienteEntry).where(
        ExpedienteEntry.expediente_id == expediente.id, ExpedienteEntry.position > entry.position
    )
    for one in session.scalars(later):
        one.position -= 1
    session.delete(entry)
    _forget_pdf(expediente)
    record(session, case, "unfiled", account=by, data={"number": expediente.number})


def close(session: Session, office: Office, expediente: Expediente, by: Account) -> None:
    """End it, count its terms and have its PDF bound. Raises InvalidInput while a case of it is open."""
    _must_keep(expediente, by)
    _must_be_open(session, expediente)
    inside = select(Case).join(ExpedienteEntry, ExpedienteEntry.case_id == Case.id)
    inside = inside.where(ExpedienteEntry.expediente_id == expediente.id)
    if session.scalar(inside.with_only_columns(Case.id).limit(1)) is None:
        raise InvalidInput("expediente_empty")
    going_on = session.scalars(
        inside.where(Case.is_open).order_by(ExpedienteEntry.position).limit(NAMED)
    ).all()
    if going_on:
        raise InvalidInput("expediente_going_on", folios=", ".join(one.folio for one in going_on))
    expediente.closed_on, expediente.closed_by = local_today(office), by
    series = expediente.series
    found = terms(expediente.closed_on, series.process_years, series.concentration_years)
    expediente.transfer_on, expediente.final_on = found.transfer_on, found.final_on
    _record(session, expediente, by, "expediente_closed")
    ask_pdf(session, expediente, by)


def ask_pdf(session: Session, expediente: Expediente, by: Account) -> None:
    """Have the worker bind the PDF of the whole. Raises InvalidInput when there is nothing to bind."""
    if not expediente.entries:
        raise InvalidInput("expediente_empty")
    if expediente.closed_on is not None and expediente.pdf_sha256 is not None:
        # What was bound at the closing is what was closed.
        raise InvalidInput("expediente_bound")
    _forget_pdf(expediente)
    expediente.pdf_asked_at = now()


def due_for_transfer(account: Account, until: date) -> ColumnElement[bool]:
    """A condition on `Expediente` for the closed ones whose years in process end by *until*."""
    return and_(
        visible_expedientes(account),
        Expediente.transfer_on <= until,
        Expediente.transferred_on.is_(None),
    )


def transfer(session: Session, office: Office, expediente: Expediente, by: Account) -> None:
    """It went to the archivo de concentración. Raises InvalidInput."""
    _must_keep(expediente, by)
    if expediente.closed_on is None:
        raise InvalidInput("expediente_open", number=expediente.number)
    if expediente.transferred_on is not None:
        raise InvalidInput("expediente_transferred", number=expediente.number)
    expediente.transferred_on, expediente.transferred_by_id = local_today(office), by.id
    _record(session, expediente, by, "expediente_transferred")


def local_today(office: Office) -> date:
    """The day it is in the institution."""
    return now().astimezone(office.settings.zone).date()


def _must_keep(expediente: Expediente, by: Account) -> None:
    if not may_keep(by, expediente):
        raise InvalidInput("not_yours")


def _must_be_open(session: Session, expediente: Expediente) -> None:
    # Somebody may be closing it at this moment.
    session.refresh(expediente, with_for_update={"of": Expediente})
    if expediente.closed_on is not None:
        raise InvalidInput("expediente_closed", number=expediente.number)


def _forget_pdf(expediente: Expediente) -> None:
    expediente.pdf_asked_at = expediente.pdf_made_at = expediente.pdf_sha256 = None
    expediente.pdf_error = ""


def _of(expediente: Expediente, case: Case) -> tuple[ColumnElement[bool], ...]:
    return ExpedienteEntry.expediente_id == expediente.id, ExpedienteEntry.case_id == case.id


def _record(session: Session, expediente: Expediente, by: Account, action: str) -> None:
    data: dict[str, Any] = {"name": f"{expediente.number} {expediente.title}"}
    record(session, None, action, account=by, data=data)
