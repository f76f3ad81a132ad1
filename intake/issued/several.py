"""The same done to several documents: each is judged by the workflow table, and none holds up another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from intake import cases, turnos
from intake.errors import InvalidInput
from intake.issued import approval, issuing
from intake.office import Office
from models.access import standing
from models.oficio import Flow, Oficio
from models.person import Account
from models.workflow import TRANSITIONS, State, find_transition, process_of
from templates import say


@dataclass(frozen=True, slots=True)
class Judged:
    """A document, and the sentence why *no*; empty when it may be done."""

    oficio: Oficio
    refusal: str = ""


def judge(session: Session, oficio: Oficio, by: Account, action: str) -> Judged:
    """Whether *by* may do *action* with *oficio* now; writes nothing."""
    # What came from outside is handed on by a turno.
    if action == "reassign" and oficio.flow == Flow.RECEIVED:
        action = "assign"
    if find_transition(oficio, action, standing(session, oficio, by)) is not None:
        return Judged(oficio)
    process, state = process_of(oficio), State(oficio.state)
    if any(row.process == process and row.action == action and state in row.sources for row in TRANSITIONS):
        return Judged(oficio, say("error.document_others"))
    return Judged(oficio, say("error.document_state", state=say(f"panel.state.{state}")))


def reassign(
    session: Session, office: Office, oficios: Sequence[Oficio], by: Account, *, account: Account | None,
    instruction: str = "",
) -> list[Judged]:  # fmt: skip
    """*Reasignar*. Raises InvalidInput when *account* takes no documents."""
    if account is None:
        raise InvalidInput("choose_one")

    def hand_on(oficio: Oficio) -> object:
        if oficio.flow == Flow.ISSUED:
            return issuing.reassign(session, office, oficio, by, account=account, instruction=instruction)
        return turnos.assign(
            session, office, oficio, by, dependencia=account.dependencia, account=account,
            instruction=instruction,
        )  # fmt: skip

    return _each(session, oficios, by, "reassign", hand_on)


def cancel(
    session: Session, office: Office, oficios: Sequence[Oficio], by: Account, *, reason: str
) -> list[Judged]:
    """*Cancelar*, all with one *reason*. Raises InvalidInput without one."""
    if not reason.strip():
        raise InvalidInput("reason_needed")

    def withdraw(oficio: Oficio) -> None:
        verb = issuing.cancel if oficio.flow == Flow.ISSUED else cases.cancel
        verb(session, office, oficio, by, reason=reason)

    return _each(session, oficios, by, "cancel", withdraw)


def return_drafts(
    session: Session, office: Office, oficios: Sequence[Oficio], by: Account, *, reason: str
) -> list[Judged]:
    """Give them back to their authors with the same remarks."""
    return _each(session, oficios, by, "return_draft",
                 lambda one: approval.return_draft(session, office, one, by, reason=reason))  # fmt: skip


def discard(
    session: Session, office: Office, oficios: Sequence[Oficio], by: Account, *, reason: str
) -> list[Judged]:
    """None of them will be sent, for the same *reason*."""
    return _each(session, oficios, by, "discard",
                 lambda one: approval.discard(session, office, one, by, reason=reason))  # fmt: skip


def _each(
    session: Session, oficios: Sequence[Oficio], by: Account, action: str, verb: Callable[[Oficio], object]
) -> list[Judged]:
    decided = []
    for oficio in oficios:
        judged = judge(session, oficio, by, action)
        if not judged.refusal:
            verb(oficio)
        decided.append(judged)
    return decided
