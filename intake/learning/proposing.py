"""Proposes service, dependencia and priority for new cases, and does what the clerk decides.

A proposal changes nothing by itself. Accepting it is the clerk using the ordinary verbs, so the
workflow decides what may be done and the history says who did it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from intake import cases, tickets, turnos
from intake.errors import InvalidInput
from intake.learning.learned import Answer, Model
from intake.learning.learning import current_model, first_texts
from intake.office import Office
from models.access import standing
from models.base import now
from models.case import Case, CaseKind, Priority, lock
from models.dependencia import Dependencia
from models.event import record
from models.oficio import Flow, Oficio
from models.person import Account
from models.service import Service
from models.suggestion import Outcome, Suggestion
from models.ticket import Ticket
from models.workflow import NotAllowed, Who, allowed_actions

# Below this a proposal is wrong as often as not, and only takes a clerk's time.
ENOUGH = 0.5
# Cases of one transaction.
_BATCH = 100
# How far back a worker that starts looks, and how long a case may take to be committed.
_BACK, _OVERLAP = timedelta(days=2), timedelta(minutes=10)


class Proposer:
    """The chore of a worker: looks at what arrived since it looked last."""

    def __init__(self) -> None:
        self._since: datetime | None = None

    def work(self, office: Office) -> int:
        if not office.settings.learning:
            return 0
        began = now()
        number = propose_new(office, self._since or began - _BACK)
        if number < _BATCH:
            self._since = began - _OVERLAP
        return number


def propose_new(office: Office, since: datetime) -> int:
    """Propose for the open cases that arrived after *since*; how many were looked at for the first time."""
    with office.database.reading() as session:
        found = current_model(session, office)
        if found is None:
            return 0
        wanted = select(Case).where(
            Case.created_at >= since,
            Case.is_open,
            ~exists().where(Suggestion.case_id == Case.id),
        )
        fresh = session.scalars(wanted.order_by(Case.created_at).limit(_BATCH)).all()
        made = _proposals(session, fresh, *found)
    if not made:
        return 0
    with office.database.writing() as session:
        known = set(session.scalars(select(Suggestion.case_id).where(Suggestion.case_id.in_(made))))
        session.add_all(row for case_id, row in made.items() if case_id not in known)
    return len(made)


def _proposals(
    session: Session, fresh: Collection[Case], model_id: int, model: Model
) -> dict[int, Suggestion]:
    mine = [case for case in fresh if case.kind == CaseKind.TICKET or _is_received(case)]
    texts = first_texts(session, [case.id for case in mine])
    made: dict[int, Suggestion] = {}
    for case in mine:
        text = f"{case.subject}\n{texts.get(case.id, '')}"
        row = _suggest(session, case, text, model.answers(text))
        row.case_id, row.model_id = case.id, model_id
        made[case.id] = row
    return made


def _is_received(case: Case) -> bool:
    return isinstance(case, Oficio) and case.flow == Flow.RECEIVED


def _suggest(session: Session, case: Case, text: str, answers: dict[str, Answer]) -> Suggestion:
    """A row even when there is nothing to say, so that nobody asks again."""
    row = Suggestion(words=[], service_confidence=0.0, dependencia_confidence=0.0, priority_confidence=0.0)
    sure = {name: answer for name, answer in answers.items() if answer.confidence >= ENOUGH}
    words: list[str] = []
    place = case.dependencia_id
    if isinstance(case, Ticket) and (answer := sure.get("service")):
        service = session.get(Service, int(answer.label))
        if service is not None and service.is_active and service.id != case.service_id:
            row.service_id, row.service_confidence = service.id, answer.confidence
            place = service.dependencia_id
            words += [text[begin:end] for begin, end in answer.words]
    if answer := sure.get("dependencia"):
        dependencia = session.get(Dependencia, int(answer.label))
        if dependencia is not None and dependencia.is_active and dependencia.id != place:
            row.dependencia_id, row.dependencia_confidence = dependencia.id, answer.confidence
            words += [text[begin:end] for begin, end in answer.words]
    if (answer := sure.get("priority")) and answer.label != case.priority:
        row.priority, row.priority_confidence = Priority(answer.label), answer.confidence
        words += [text[begin:end] for begin, end in answer.words] if not words else []
    row.words = list(dict.fromkeys(words))
    return row


@dataclass(frozen=True, slots=True)
class Proposed:
    """What is still proposed for a case: what was carried out by hand meanwhile is left out."""

    row: Suggestion
    service: Service | None
    dependencia: Dependencia | None
    priority: Priority | None


def find_proposed(session: Session, office: Office, case: Case, stands: Collection[Who]) -> Proposed | None:
    """What to show of the proposal for *case* to somebody who stands so to it; None when nothing."""
    if not office.settings.learning or not case.is_open:
        return None
    row = session.get(Suggestion, case.id)
    if row is None or row.outcome != Outcome.OPEN:
        return None
    may = {one.action for one in allowed_actions(case, stands)}
    service = row.service if isinstance(case, Ticket) and row.service_id != case.service_id else None
    place = service.dependencia_id if service else case.dependencia_id
    found = Proposed(
        row,
        service if "change_service" in may else None,
        row.dependencia if row.dependencia_id != place and "assign" in may else None,
        row.priority if row.priority != case.priority and "change_priority" in may else None,
    )
    return found if found.service or found.dependencia or found.priority else None


def accept(session: Session, office: Office, case: Case, by: Account) -> None:
    """*by* agrees: the service is changed, the case handed over and its priority set, as far as proposed."""
    found = _decide(session, office, case, by, Outcome.ACCEPTED)
    if found.priority is not None:
        cases.change_priority(session, office, case, by, priority=found.priority)
    if found.service is not None:
        tickets.change_service(session, office, case, by, service=found.service)
    if found.dependencia is not None:
        turnos.assign(session, office, case, by, dependencia=found.dependencia)


def refuse(session: Session, office: Office, case: Case, by: Account) -> None:
    """*by* does not agree: the case stays as it is, and the next night learns from how it ends."""
    _decide(session, office, case, by, Outcome.REFUSED)


def _decide(session: Session, office: Office, case: Case, by: Account, outcome: Outcome) -> Proposed:
    lock(session, case)
    stands = standing(session, case, by)
    if not stands:
        raise NotAllowed("accept_suggestion", case.state)
    found = find_proposed(session, office, case, stands)
    if found is None:
        raise InvalidInput("suggestion_gone")
    row = found.row
    row.outcome, row.decided_at, row.decided_by_id = outcome, now(), by.id
    session.flush()
    action = "accept_suggestion" if outcome == Outcome.ACCEPTED else "refuse_suggestion"
    data = {
        "service": found.service.name if found.service else None,
        "dependencia": found.dependencia.name if found.dependencia else None,
        "to": found.priority.value if found.priority else None,
        "model": row.model_id,
    }
    record(session, case, action, account=by, data={name: one for name, one in data.items() if one})
    return found
