"""The steps between registering and turning (manual C): digitizing, and *descargar asunto* at the counter."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.cases import step
from intake.office import Office
from models.access import grant
from models.oficio import Oficio
from models.person import Account, Role
from models.task import Task, TaskKind


def ask_digitizing(session: Session, oficio: Oficio, by: Account) -> Task:
    """Give the paper to the digitizers of the counter, who find *Digitalizar Documentación* pending."""
    step(session, oficio, by, "digitize")
    return _give_to_digitizers(session, oficio, by)


def ask_discharge(session: Session, oficio: Oficio, by: Account) -> Task:
    """What is digitized, or has no paper, waits for *Descargar asunto* at the counter."""
    step(session, oficio, by, "discharge")
    task = Task(
        case=oficio,
        kind=TaskKind.DISCHARGE,
        dependencia_id=by.dependencia_id,
        role=Role.OFICIALIA,
        due_at=oficio.due_at,
    )
    session.add(task)
    return task


def digitize_again(session: Session, office: Office, oficio: Oficio, by: Account, *, reason: str) -> Task:
    """The file is not what the paper is: back to the digitizer, with what is wrong."""
    step(session, oficio, by, "digitize_again", reason=reason)
    return _give_to_digitizers(session, oficio, by, instruction=reason.strip())


def _give_to_digitizers(session: Session, oficio: Oficio, by: Account, *, instruction: str = "") -> Task:
    digitizers = select(Account).where(
        Account.role == Role.DIGITIZER, Account.dependencia_id == by.dependencia_id, Account.is_active
    )
    for one in session.scalars(digitizers):
        grant(session, oficio, one.dependencia_id, one.id)
    task = Task(
        case=oficio,
        kind=TaskKind.DIGITIZE,
        dependencia_id=by.dependencia_id,
        role=Role.DIGITIZER,
        instruction=instruction,
        due_at=oficio.due_at,
    )
    session.add(task)
    return task
