"""The verbs of handing over: turnar, copy for information, return, mark reviewed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from intake import notices
from intake.cases import step
from intake.chat import chat_notices
from intake.errors import InvalidInput
from intake.office import Office
from intake.services import commitments
from models.access import grant
from models.base import now
from models.case import Case
from models.dependencia import Dependencia
from models.keys import draw_key
from models.person import Account, Role
from models.rows import write_row
from models.task import Task, TaskKind, TaskState
from models.turno import Turno, TurnoKind, TurnoState


def assign(
    session: Session,
    office: Office,
    case: Case,
    by: Account,
    *,
    dependencia: Dependencia,
    account: Account | None = None,
    instruction: str = "",
    due_at: datetime | None = None,
    told: int = 0,
    action: str = "assign",
) -> Turno:
    """Hand the case to *dependencia*, or to *account* in it, for attention.

    *told*: the chat in which the bot itself says so. *action*: the row of the table, if another one.
    """
    _check_target(dependencia, account)
    step(session, case, by, action, data=_to(dependencia, account, instruction))
    target = account.person.name if account else dependencia.name
    chat_notices.write_change(session, office, case, by, "assign", told=told, target=target)
    is_new_there = case.dependencia_id != dependencia.id
    if due_at is not None:
        commitments.fix_due(session, office, case, due_at)
    end_turno(session, case)
    key = hand_over(session, case, by, dependencia=dependencia, account=account, instruction=instruction)
    turno = session.get_one(Turno, key)
    notices.write_turno(session, office, turno, is_new_there=is_new_there)
    return turno


def end_turno(session: Session, case: Case) -> None:
    """The turno for attention that is open, if any, goes on in the next one."""
    for turno in _open_turnos(session, case, TurnoKind.ATTENTION):
        turno.state, turno.ended_at = TurnoState.REASSIGNED, now()


def hand_over(
    session: Session,
    case: Case,
    by: Account | None,
    *,
    dependencia: Dependencia,
    account: Account | None,
    instruction: str = "",
    reason: str = "",
) -> int:
    """The turno for attention itself, after the workflow agreed (or by a rule: *by* None); returns its id."""
    case.dependencia_id, case.holder_id = dependencia.id, account.id if account else None
    case.dependencia, case.holder = dependencia, account
    if account is not None:
        grant(session, case, account.dependencia_id, account.id)
    return _give(session, case, by, TurnoKind.ATTENTION, dependencia, account, instruction, reason)


def copy(
    session: Session,
    office: Office,
    case: Case,
    by: Account,
    *,
    dependencia: Dependencia,
    account: Account | None = None,
    instruction: str = "",
) -> Turno:
    """Copy the case for information; it never blocks and ends in *reviewed*."""
    _check_target(dependencia, account)
    step(session, case, by, "copy", data=_to(dependencia, account, instruction))
    key = copy_to(session, case, by, dependencia=dependencia, account=account, instruction=instruction)
    turno = session.get_one(Turno, key)
    notices.write_turno(session, office, turno)
    return turno


def copy_to(
    session: Session,
    case: Case,
    by: Account | None,
    *,
    dependencia: Dependencia,
    account: Account | None = None,
    instruction: str = "",
    reason: str = "",
) -> int:
    """The turno for information itself (by a clerk, or by the desk: *by* None); returns its id."""
    return _give(session, case, by, TurnoKind.INFORMATION, dependencia, account, instruction, reason)


def return_turno(session: Session, office: Office, case: Case, by: Account, *, reason: str) -> None:
    """Send the case back to who turned it, with the reason (devolver)."""
    step(session, case, by, "return_turno", reason=reason)
    chat_notices.write_change(session, office, case, by, "return_turno")
    turnos = _open_turnos(session, case, TurnoKind.ATTENTION)
    for turno in turnos:
        turno.state, turno.ended_at, turno.reason = TurnoState.RETURNED, now(), reason.strip()
    giver = turnos[-1].from_account if turnos else None
    case.holder_id = case.holder = None
    if giver is not None:
        case.dependencia_id, case.dependencia = giver.dependencia_id, giver.dependencia
        grant(session, case, giver.dependencia_id, giver.id)
    else:
        # A rule sent it here: only oficialía de partes can send it elsewhere.
        case.dependencia_id = case.dependencia = None
    _give_back_task(session, case, giver, reason.strip())
    for turno in turnos[-1:]:
        notices.write_turno(session, office, turno)


def _give_back_task(session: Session, case: Case, giver: Account | None, reason: str) -> None:
    """What came back waits in the Seguimiento of who turned it, or of oficialía when a rule did."""
    if giver is not None and _attends(giver):
        to, dependencia, role = giver, giver.dependencia, None
    else:
        desk = select(Account).where(Account.is_active, Account.role == Role.OFICIALIA).order_by(Account.id)
        anybody = giver or session.scalar(desk.limit(1))
        if anybody is None:
            return
        to, dependencia, role = None, anybody.dependencia, anybody.role
    session.add(
        Task(case=case, kind=TaskKind.ATTEND, account=to, dependencia=dependencia, role=role,
             instruction=reason, due_at=case.due_at)
    )  # fmt: skip


def mark_reviewed(session: Session, office: Office, case: Case, by: Account) -> None:
    """*by* has read its copy."""
    step(session, case, by, "mark_reviewed")
    for turno in _open_turnos(session, case, TurnoKind.INFORMATION):
        if turno.to_account_id == by.id or (
            turno.to_account_id is None and turno.to_dependencia_id == by.dependencia_id
        ):
            turno.state, turno.ended_at = TurnoState.REVIEWED, now()


def has_copy(session: Session, case: Case, by: Account, turnos: Sequence[Turno] | None = None) -> bool:
    """True while *by* has a copy of the case to review; *turnos*: all its open ones, if they were read."""
    if turnos is None:
        turnos = _open_turnos(session, case, TurnoKind.INFORMATION)
    return any(
        turno.to_account_id == by.id
        or (turno.to_account_id is None and turno.to_dependencia_id == by.dependencia_id)
        for turno in turnos
        if turno.kind == TurnoKind.INFORMATION
    )


def find_task(session: Session, case: Case, kind: TaskKind) -> Task | None:
    """The open task of *kind*, the newest when there are several."""
    wanted = select(Task).where(Task.case_id == case.id, Task.kind == kind, Task.state == TaskState.OPEN)
    return session.scalar(wanted.order_by(Task.id.desc()).limit(1))


def _open_turnos(session: Session, case: Case, kind: TurnoKind) -> list[Turno]:
    wanted = (
        select(Turno)
        .where(Turno.case_id == case.id, Turno.kind == kind, Turno.state == TurnoState.OPEN)
        .order_by(Turno.id)
    )
    return list(session.scalars(wanted))


def _give(
    session: Session,
    case: Case,
    by: Account | None,
    kind: TurnoKind,
    dependencia: Dependencia,
    account: Account | None,
    instruction: str,
    reason: str,
) -> int:
    """Write the turno and the task of whoever gets it, and let them see the case."""
    is_copy = kind == TurnoKind.INFORMATION
    grant(session, case, dependencia.id, account.id if account and is_copy else None)
    key = draw_key(session, Turno)
    both = {
        "case_id": case.id,
        "instruction": instruction.strip(),
        "due_at": None if is_copy else case.due_at,
    }
    turno = {
        "id": key,
        "kind": kind,
        "from_account_id": by.id if by else None,
        "to_dependencia_id": dependencia.id,
        "to_account_id": account.id if account else None,
        "reason": reason,
    }
    task = {
        "turno_id": key,
        "kind": TaskKind.REVIEW_COPY if is_copy else TaskKind.ATTEND,
        "account_id": turno["to_account_id"],
        "dependencia_id": dependencia.id,
        "role": None if account else Role.HEAD,
    }
    write_row(session, Turno, {**both, **turno})
    write_row(session, Task, {**both, **task})
    return key


def _check_target(dependencia: Dependencia, account: Account | None) -> None:
    if not dependencia.is_active:
        raise InvalidInput("inactive_dependencia", name=dependencia.name)
    if account is not None and not (_attends(account) and account.dependencia_id == dependencia.id):
        raise InvalidInput("account_elsewhere", name=account.person.name)


def _attends(account: Account) -> bool:
    """False for who left, and for administrators, who configure and read no cases."""
    return account.is_active and account.person.is_active and account.role != Role.ADMINISTRATOR


def _to(dependencia: Dependencia, account: Account | None, instruction: str) -> dict[str, str | int | None]:
    return {
        "dependencia": dependencia.name,
        "account": account.person.name if account else None,
        "instruction": instruction.strip(),
    }
