"""The workflow for programs: which actions are allowed now, and each of them as the panel's buttons do it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Annotated

from pydantic import StringConstraints
from sqlalchemy import select
from werkzeug.datastructures import MultiDict

from admin import documents
from admin.actions import ACTIONS
from admin.api.cases import case_at
from admin.api.operations import Call, operation
from admin.api.problems import Refusal
from admin.api.schema import Action, ActionBody, Actions, CaseSummary
from admin.api.values import Folio
from admin.db import office
from admin.documents import get_issued
from admin.views.case import buttons
from admin.views.documents import ACTIONS as OF_DOCUMENTS
from intake.errors import InvalidInput
from intake.running.reports import summary
from models.access import standing
from models.api_token import Scope
from models.case import Case
from models.dependencia import Dependencia
from models.oficio import Oficio
from models.service import Service
from models.workflow import Process, Who, allowed_actions, process_of

# They have addresses of their own, because they take files.
_WRITING = frozenset({"answer", "answer_and_wait", "answer_and_resolve", "note", "follow_up"})
Name = Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,40}$")]


@operation("GET", "/cases/{folio}/actions", Scope.CASES_READ)
def list_actions(call: Call, folio: Folio) -> Actions:
    case = case_at(call, folio)
    stands = standing(call.session, case, call.account)
    rows = {row.action: row for row in allowed_actions(case, stands)}
    found = []
    for name in _buttons(call, case, stands):
        row = rows.get(name)
        found.append(Action(action=name, target=row.target if row else None,
                            needs_reason=bool(row and row.needs_reason)))  # fmt: skip
    return Actions(items=found)


def _buttons(call: Call, case: Case, stands: Collection[Who]) -> list[str]:
    if process_of(case) == Process.ISSUED:
        assert isinstance(case, Oficio)
        return [one for one in documents.buttons(case, call.account) if one in OF_DOCUMENTS]
    return [one for one in buttons(case, call.account, stands) if one in ACTIONS or one in _WRITING]


@operation("POST", "/cases/{folio}/actions/{action}", Scope.CASES_WRITE, if_match=True)
def act(call: Call, folio: Folio, action: Name, body: ActionBody) -> CaseSummary:
    case = case_at(call, folio)
    form = _form(call, body)
    if process_of(case) == Process.ISSUED:
        verb = OF_DOCUMENTS.get(action)
        if verb is None:
            raise Refusal(404, "no_action", action=action)
        verb(call.session, office(), get_issued(call.session, case.id), call.account, form)
    else:
        change = ACTIONS.get(action)
        if change is None:
            raise Refusal(404, "no_action", action=action)
        case = change(call.session, office(), case, call.account, form)
    call.session.flush()
    # The verb wrote who holds it as a number.
    call.session.refresh(case)
    return CaseSummary.model_validate(summary(case))


def _form(call: Call, body: ActionBody) -> MultiDict[str, str]:
    """What the panel's form would have sent."""
    form: MultiDict[str, str] = MultiDict()
    for name in ("reason", "instruction", "folio", "text"):
        if (words := getattr(body, name)) is not None:
            form[name] = words
    for name in ("account", "quantity", "message"):
        if (number := getattr(body, name)) is not None:
            form[name] = str(number)
    if body.priority is not None:
        form["priority"] = body.priority.value
    if body.on is not None:
        form["on"] = body.on.isoformat()
    if body.cancel:
        form["cancel"] = "1"
    for name in ("due_at", "until"):
        if (at := getattr(body, name)) is not None:
            form[name] = _local(at)
    if body.service is not None:
        found = call.session.scalar(select(Service.id).where(Service.slug == body.service))
        form["service"] = str(_known(found))
    if body.dependencia is not None:
        found = call.session.scalar(select(Dependencia.id).where(Dependencia.siglas == body.dependencia))
        form["dependencia"] = str(_known(found))
    return form


def _known(number: int | None) -> int:
    if number is None:
        raise InvalidInput("choose_one")
    return number


def _local(at: datetime) -> str:
    return at.astimezone(office().settings.zone).replace(tzinfo=None).isoformat()
