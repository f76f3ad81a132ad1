"""What the screens of tasks share: which screen a task has, the task itself, what is known of its case."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

from flask import Flask, abort, current_app
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from admin import frame
from admin.db import session
from models.access import standing, visible_to
from models.case import Case
from models.message import Attachment, Message
from models.oficio import Flow, Oficio
from models.person import Account
from models.task import Task, TaskKind
from models.workflow import find_transition

# Of a case with more, the page of the case has them all.
MAX_FILES = 50
# The action of `models.workflow` without which a screen says nothing to an account.
NEEDED = {
    TaskKind.DISCHARGE: "digitize_again",
    TaskKind.ATTEND: "answer",
    TaskKind.ASSIGN_RESPONSIBLE: "assign_responsible",
    TaskKind.REVIEW_COPY: "mark_reviewed",
    TaskKind.SIGN: "sign",
}
Screen = Callable[[Task], str]


@dataclass(frozen=True, slots=True)
class Matter:
    """What a screen shows of the case of its task."""

    task: Task
    case: Case
    description: str
    files: Sequence[Attachment]

    @property
    def oficio(self) -> Oficio | None:
        """The received document, if it is one."""
        is_received = isinstance(self.case, Oficio) and self.case.flow == Flow.RECEIVED
        return cast(Oficio, self.case) if is_received else None


def add_screen(app: Flask, kind: TaskKind, address_of: Screen) -> None:
    """Let `/admin/tarea/<id>` lead to *address_of* for tasks of *kind*, which have screens elsewhere."""
    app.extensions.setdefault("task_screens", {})[kind] = address_of


def find_screen(task: Task) -> str | None:
    """The address of the screen that another part has for *task*."""
    screens = cast("dict[TaskKind, Screen]", current_app.extensions.get("task_screens", {}))
    return screens[task.kind](task) if task.kind in screens else None


def get_task(read: Session, task_id: int) -> Task:
    """The task, if this account may see its case; else 404, which says nothing about whether it exists."""
    query = (
        select(Task)
        .join(Case, Case.id == Task.case_id)
        .where(Task.id == task_id, visible_to(frame.account()))
        .options(joinedload(Task.turno), joinedload(Task.case).joinedload(Case.requester))
    )
    return read.scalar(query) or abort(404)


def may_do(read: Session, task: Task, who: Account) -> bool:
    """Is the step of *task* one that *who* may take now?"""
    action = NEEDED.get(task.kind)
    if action is None:
        return False
    return find_transition(task.case, action, standing(read, task.case, who)) is not None


def matter_of(task: Task) -> Matter:
    """Read what the screen shows."""
    read, case = session(), task.case
    first = read.scalar(
        select(Message.reply_text).where(Message.case_id == case.id).order_by(Message.id).limit(1)
    )
    files = (
        select(Attachment)
        .join(Message)
        .where(Message.case_id == case.id, Attachment.is_inline.is_(False))
        .order_by(Attachment.id)
        .limit(MAX_FILES)
    )
    description = case.description if isinstance(case, Oficio) else ""
    return Matter(task, case, description or first or case.subject, read.scalars(files).all())
