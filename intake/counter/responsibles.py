"""*Asignar responsable* (manual C): whoever a matter was turned to says that it needs one, and names one.

The responsible attends it, as if the counter had turned it; who is marked CC reviews a copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from intake import notices, turnos
from intake.cases import step
from intake.correspondence import heads_of
from intake.counter.reception import Target
from intake.errors import Conflict, InvalidInput
from intake.office import Office
from models.oficio import Oficio
from models.person import Account, Role
from models.task import Task, TaskKind
from models.turno import Turno
from templates import say


def ask_responsible(session: Session, office: Office, oficio: Oficio, by: Account, *, note: str = "") -> Task:
    """Say that a responsible is needed: a head does it itself, others leave it to their head."""
    if is_asked(session, oficio):
        raise Conflict("responsible_asked")
    step(session, oficio, by, "ask_responsible", data={"note": note.strip()} if note.strip() else None)
    task = Task(case=oficio, kind=TaskKind.ASSIGN_RESPONSIBLE, instruction=note.strip(), due_at=oficio.due_at)
    if by.role == Role.HEAD:
        task.account, task.dependencia = by, by.dependencia
    else:
        heads = heads_of(session, oficio.dependencia)
        task.role, task.dependencia = Role.HEAD, heads[0].dependencia if heads else oficio.dependencia
        values = {"by": by.person.name, "note": note.strip()}
        notices.tell_staff(session, office, "assign_responsible", heads, oficio, values)
    session.add(task)
    return task


def is_asked(session: Session, oficio: Oficio) -> bool:
    """Does somebody already have to name a responsible?"""
    return turnos.find_task(session, oficio, TaskKind.ASSIGN_RESPONSIBLE) is not None


def assign_responsible(
    session: Session,
    office: Office,
    oficio: Oficio,
    by: Account,
    *,
    account: Account | None,
    copies: Sequence[Target] = (),
    instruction: str = "",
    due_at: datetime | None = None,
) -> Turno:
    """*account* attends it from now on; each of *copies* finds *Recibir Asunto CC* pending."""
    if account is None:
        raise InvalidInput("responsible_missing")
    if not account.dependencia.path.startswith(by.dependencia.path):
        # A head names somebody of its own; to hand it elsewhere is to turn it.
        raise InvalidInput("responsible_elsewhere", name=account.person.name)
    turno = turnos.assign(
        session, office, oficio, by, dependencia=account.dependencia, account=account,
        instruction=instruction, due_at=due_at, action="assign_responsible",
    )  # fmt: skip
    for one in copies:
        turnos.copy(session, office, oficio, by, dependencia=one.dependencia, account=one.account,
                    instruction=say("registering.for_information"))  # fmt: skip
    return turno
