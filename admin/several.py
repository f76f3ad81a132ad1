"""What is done with several pending tasks at once: only what the workflow table allows for every one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flask import flash
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectin_polymorphic

from admin import frame
from admin.actions import ACTIONS, Form
from intake import tags
from intake.errors import InvalidInput
from intake.issued import approval
from intake.office import Office
from models.access import standing
from models.case import Case
from models.oficio import Oficio
from models.pending import pending_of
from models.person import Account, Person
from models.tag import Tag
from models.task import Task
from models.ticket import Ticket
from models.workflow import allowed_actions, find_transition
from templates import say

APPROVE, TAG = "approve", "tag"
# What makes sense for many, in this order. The others ask something about one case.
OFFERED = ("take", "assign", "copy", "mark_reviewed", "resolve", "conclude", "close", "snooze", APPROVE)
# These ask for something first.
ASKING = frozenset({"assign", "copy", "snooze"})
# So many folios are named that hinder an action.
NAMED = 5

Verb = Callable[[Session, Office, Case, Account, Form], Case]


@dataclass(frozen=True, slots=True)
class Offer:
    """An action, and the cases for which the table has no row: none means that it can be done."""

    action: str
    hindered: Sequence[Case]
    asks: bool

    @property
    def named(self) -> str:
        return ", ".join(f"{one.folio} ({say(f'panel.state.{one.state}')})" for one in self.hindered[:NAMED])


def ticked(session: Session, account: Account, ids: Sequence[int]) -> Sequence[Task]:
    """The ticked tasks as far as *account* still has them, with their cases. Raises InvalidInput for none."""
    wanted = (
        select(Task)
        .where(Task.id.in_(ids), pending_of(session, account))
        .options(
            joinedload(Task.case).options(
                selectin_polymorphic(Case, [Ticket, Oficio]), joinedload(Case.dependencia)
            )
        )
        .order_by(Task.id)
    )
    found = session.scalars(wanted).unique().all()
    if not found:
        raise InvalidInput("no_task_ticked")
    return found


def offered(session: Session, account: Account, tasks: Sequence[Task]) -> list[Offer]:
    """Every action that at least one of the tasks allows."""
    cases = {task.case_id: task.case for task in tasks}
    may = {
        number: {row.action for row in allowed_actions(case, standing(session, case, account))}
        for number, case in cases.items()
    }
    found = []
    for action in OFFERED:
        hindered = [case for number, case in cases.items() if action not in may[number]]
        if len(hindered) < len(cases):
            found.append(Offer(action, hindered, action in ASKING))
    return found


def do(
    session: Session, office: Office, account: Account, ids: Sequence[int], action: str, form: Form
) -> int:
    """Do *action* to the cases of all ticked tasks, or to none. Raises InvalidInput, NotAllowed."""
    cases = {task.case_id: task.case for task in ticked(session, account, ids)}
    if action == TAG:
        tag = session.get(Tag, form.get("tag", 0, int))
        if tag is None:
            raise InvalidInput("choose_tag")
        tags.tag_many(session, list(cases.values()), account, tag)
        return len(cases)
    verb: Verb | None = ACTIONS.get(action) if action in OFFERED else None
    if verb is None:
        raise InvalidInput("unknown_action", action=action)
    for case in cases.values():
        if find_transition(case, action, standing(session, case, account)) is None:
            raise InvalidInput("several_hindered", action=say(f"panel.action.{action}"), folio=case.folio)
    for case in cases.values():
        verb(session, office, case, account, form)
    return len(cases)


def approve(office: Office, cases: Sequence[int], by: int) -> None:
    """Approve issued documents, each by itself; says what became of every one."""
    decided = approval.approve_many(office, cases, by)
    done = [one.folio for one in decided if one.folio]
    if done:
        flash(say("documents.done.approve_many", number=len(done), folios=", ".join(done[:20])), "success")
    for one in decided:
        if one.refusal:
            flash(say("documents.refused", number=one.oficio_id, why=one.refusal), "error")


def assignable(session: Session) -> Sequence[Account]:
    """To whom cases may be handed, by name."""
    people = (
        select(Account)
        .join(Account.person)
        .where(Account.is_active, Person.is_active, Account.role.in_(frame.READING))
    )
    return session.scalars(people.order_by(Person.name)).unique().all()
