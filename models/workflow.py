"""The one table of transitions: action, from, to, who may, tasks it ends and starts, notice it writes.

The panel's buttons, the server's checks, the bot and the diagrams of *Procesos*
are all drawn from `TRANSITIONS`. Pure: no I/O. Sources: domain.md "States" and
"Roles", manuals T and C.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from models.case import Case, CaseKind
from models.oficio import Flow, Oficio
from models.person import Account, Role
from models.task import TaskKind


class State(StrEnum):
    """Every state of every kind of case."""

    NEW = "new"
    ASSIGNED = "assigned"
    IN_PROGRESS = "in_progress"
    WAITING = "waiting"
    RESOLVED = "resolved"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    MERGED = "merged"
    DRAFT = "draft"
    PENDING_APPROVAL = "pending_approval"
    PENDING_SIGNATURE = "pending_signature"
    SENT = "sent"
    DISCARDED = "discarded"
    REGISTERED = "registered"
    DIGITIZING = "digitizing"
    DISCHARGING = "discharging"
    IN_ATTENTION = "in_attention"
    ANSWERED = "answered"
    SIGNED = "signed"
    CONCLUDED = "concluded"


class Process(StrEnum):
    """The three flows of the office."""

    TICKET = "ticket"
    RECEIVED = "received"
    ISSUED = "issued"


class Who(StrEnum):
    """How an actor stands to a case; an account may be several at once (see `relations`)."""

    # Oficialía de partes, over the whole institution.
    OFICIALIA = "oficialia"
    # The account that holds the case.
    HOLDER = "holder"
    # Head of the dependencia that attends, or of one above it.
    HEAD = "head"
    # Worker of the dependencia that attends.
    COLLEAGUE = "colleague"
    # Copied for information, or assigned earlier: reads and comments.
    READER = "reader"
    AUTHOR = "author"
    # To whom an issued document was sent or handed on.
    RECIPIENT = "recipient"
    DIGITIZER = "digitizer"
    SIGNER = "signer"
    # Asked for its visto bueno on a document that is not approved yet (`models.access`).
    CONSULTED = "consulted"
    REQUESTER = "requester"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Transition:
    """One row of the table. `target` None: the state stays."""

    process: Process
    action: str
    sources: frozenset[State]
    target: State | None
    who: frozenset[Who]
    needs_reason: bool = False
    ends_task: TaskKind | None = None
    starts_task: TaskKind | None = None
    notice: str = ""


TICKET_OPEN = frozenset({State.NEW, State.ASSIGNED, State.IN_PROGRESS, State.WAITING})
TICKET_DONE = frozenset({State.RESOLVED, State.CLOSED})
RECEIVED_OPEN = frozenset(
    {State.REGISTERED, State.DIGITIZING, State.DISCHARGING, State.ASSIGNED, State.IN_ATTENTION,
     State.ANSWERED, State.SIGNED}
)  # fmt: skip
ISSUED_OPEN = frozenset({State.DRAFT, State.PENDING_APPROVAL, State.PENDING_SIGNATURE})
# An issued document that never went out is known to its author, its dependencia's heads and whom they asked.
NEVER_SENT = ISSUED_OPEN | {State.DISCARDED}
FINAL = frozenset(
    {
        State.RESOLVED,
        State.CLOSED,
        State.CANCELLED,
        State.MERGED,
        State.SENT,
        State.DISCARDED,
        State.CONCLUDED,
    }
)

_DESK = frozenset({Who.OFICIALIA, Who.HEAD})
_STAFF = frozenset({Who.OFICIALIA, Who.HEAD, Who.HOLDER, Who.COLLEAGUE})
_UNDECIDED = frozenset({State.DRAFT, State.PENDING_APPROVAL})
_ATTENDING = frozenset({Who.HOLDER, Who.HEAD, Who.COLLEAGUE, Who.OFICIALIA})
_READERS = _STAFF | {Who.READER}


def _row(
    process: Process,
    action: str,
    sources: Iterable[State],
    target: State | None,
    who: Iterable[Who],
    *,
    needs_reason: bool = False,
    ends: TaskKind | None = None,
    starts: TaskKind | None = None,
    notice: str = "",
) -> Transition:
    return Transition(
        process, action, frozenset(sources), target, frozenset(who), needs_reason, ends, starts, notice
    )


_ticket = partial(_row, Process.TICKET)
_received = partial(_row, Process.RECEIVED)
_issued = partial(_row, Process.ISSUED)

TRANSITIONS: tuple[Transition, ...] = (
    # Tickets. Buttons appear in this order.
    _ticket("assign", TICKET_OPEN, State.ASSIGNED, _STAFF, starts=TaskKind.ATTEND, ends=TaskKind.ATTEND,
            notice="assigned"),
    _ticket("take", {State.NEW, State.ASSIGNED}, State.IN_PROGRESS, {Who.COLLEAGUE, Who.HEAD, Who.HOLDER,
            Who.OFICIALIA}, starts=TaskKind.ATTEND, ends=TaskKind.ATTEND),
    _ticket("answer", TICKET_OPEN, State.IN_PROGRESS, _ATTENDING, notice="answer"),
    _ticket("answer_and_wait", TICKET_OPEN, State.WAITING, _ATTENDING, notice="answer"),
    _ticket("answer_and_resolve", TICKET_OPEN, State.RESOLVED, _ATTENDING, ends=TaskKind.ATTEND,
            notice="answer"),
    _ticket("return_turno", {State.ASSIGNED, State.IN_PROGRESS, State.WAITING}, State.NEW,
            {Who.HOLDER, Who.HEAD}, needs_reason=True, ends=TaskKind.ATTEND, notice="returned"),
    _ticket("copy", TICKET_OPEN | TICKET_DONE, None, _STAFF, starts=TaskKind.REVIEW_COPY, notice="copied"),
    _ticket("mark_reviewed", TICKET_OPEN | TICKET_DONE, None, _READERS, ends=TaskKind.REVIEW_COPY),
    _ticket("note", TICKET_OPEN | TICKET_DONE | {State.CANCELLED}, None, _READERS),
    _ticket("resolve", {State.ASSIGNED, State.IN_PROGRESS, State.WAITING}, State.RESOLVED, _ATTENDING,
            ends=TaskKind.ATTEND, notice="resolved"),
    _ticket("close", TICKET_OPEN | {State.RESOLVED}, State.CLOSED, {*_ATTENDING, Who.REQUESTER, Who.SYSTEM},
            ends=TaskKind.ATTEND, notice="closed"),
    _ticket("reopen", TICKET_DONE, State.IN_PROGRESS, {*_ATTENDING, Who.REQUESTER}, starts=TaskKind.ATTEND,
            notice="reopened"),
    _ticket("cancel", TICKET_OPEN, State.CANCELLED, {*_DESK, Who.HOLDER, Who.REQUESTER}, needs_reason=True,
            ends=TaskKind.ATTEND, notice="cancelled"),
    _ticket("merge", TICKET_OPEN | TICKET_DONE, State.MERGED, {*_DESK, Who.HOLDER}, ends=TaskKind.ATTEND),
    _ticket("split", TICKET_OPEN | TICKET_DONE, None, {*_DESK, Who.HOLDER}),
    _ticket("change_service", TICKET_OPEN, None, _STAFF),
    _ticket("change_priority", TICKET_OPEN, None, _STAFF),
    _ticket("agree_date", TICKET_OPEN, None, _STAFF),
    _ticket("set_quantity", TICKET_OPEN, None, _STAFF),
    _ticket("snooze", TICKET_OPEN, None, _ATTENDING),
    _ticket("wake", TICKET_OPEN, None, _ATTENDING),
    # A mail did not say what its service asks; it goes back where it was when nobody had taken it.
    _ticket("ask_missing", TICKET_OPEN, State.WAITING, {Who.SYSTEM}, notice="missing_fields"),
    _ticket("resume", {State.WAITING}, State.NEW, {Who.SYSTEM}),
    # What the requester's message does by itself.
    _ticket("follow_up", {State.NEW, State.ASSIGNED, State.IN_PROGRESS}, None, {Who.REQUESTER, Who.SYSTEM}),
    _ticket("follow_up", {State.WAITING}, State.IN_PROGRESS, {Who.REQUESTER, Who.SYSTEM}),
    _ticket("follow_up", TICKET_DONE, State.IN_PROGRESS, {Who.REQUESTER, Who.SYSTEM}, starts=TaskKind.ATTEND),
    # Received documents (manual C).
    _received("digitize", {State.REGISTERED}, State.DIGITIZING, {Who.OFICIALIA, Who.SYSTEM},
              starts=TaskKind.DIGITIZE),
    _received("discharge", {State.REGISTERED, State.DIGITIZING}, State.DISCHARGING,
              {Who.DIGITIZER, Who.OFICIALIA}, ends=TaskKind.DIGITIZE, starts=TaskKind.DISCHARGE),
    _received("digitize_again", {State.DISCHARGING}, State.DIGITIZING, {Who.OFICIALIA},
              needs_reason=True, ends=TaskKind.DISCHARGE, starts=TaskKind.DIGITIZE),
    # Its paper, scanned; also what turns up later.
    _received("file_scan", RECEIVED_OPEN, None, {Who.DIGITIZER, Who.OFICIALIA}),
    # *Descargar asunto* ends with it: manual C, way A to a responsible.
    _received("assign", {State.DISCHARGING}, State.ASSIGNED, {Who.OFICIALIA}, ends=TaskKind.DISCHARGE,
              starts=TaskKind.ATTEND, notice="assigned"),
    _received("assign", RECEIVED_OPEN - {State.DIGITIZING, State.DISCHARGING, State.SIGNED}, State.ASSIGNED,
              {*_STAFF, Who.SYSTEM}, ends=TaskKind.ATTEND, starts=TaskKind.ATTEND, notice="assigned"),
    _received("take", {State.REGISTERED, State.ASSIGNED}, State.IN_ATTENTION, _ATTENDING,
              ends=TaskKind.ATTEND, starts=TaskKind.ATTEND),
    # Way B: whoever it was turned to says that somebody is to be made responsible, and then names one.
    _received("ask_responsible", {State.ASSIGNED, State.IN_ATTENTION}, None,
              {Who.HOLDER, Who.COLLEAGUE, Who.HEAD}, starts=TaskKind.ASSIGN_RESPONSIBLE,
              notice="assign_responsible"),
    _received("assign_responsible", {State.ASSIGNED, State.IN_ATTENTION}, State.ASSIGNED, {Who.HEAD},
              ends=TaskKind.ASSIGN_RESPONSIBLE, starts=TaskKind.ATTEND, notice="assigned"),
    # The system's is the issued document that answers it, when it is sent.
    _received("answer", {State.REGISTERED, State.ASSIGNED, State.IN_ATTENTION}, State.ANSWERED,
              _ATTENDING | {Who.SYSTEM}, ends=TaskKind.ATTEND, notice="answer"),
    # A signer's answer leaves when it is signed.
    _received("answer_to_sign", {State.REGISTERED, State.ASSIGNED, State.IN_ATTENTION}, State.ANSWERED,
              {Who.SIGNER}, ends=TaskKind.ATTEND, starts=TaskKind.SIGN),
    _received("answer_and_wait", {State.REGISTERED, State.ASSIGNED, State.IN_ATTENTION}, State.IN_ATTENTION,
              _ATTENDING, notice="answer"),
    _received("sign", {State.ANSWERED}, State.SIGNED, {Who.SIGNER}, ends=TaskKind.SIGN, notice="answer"),
    _received("return_turno", {State.ASSIGNED, State.IN_ATTENTION}, State.REGISTERED, {Who.HOLDER, Who.HEAD},
              needs_reason=True, ends=TaskKind.ATTEND, notice="returned"),
    _received("copy", RECEIVED_OPEN | {State.CONCLUDED}, None, _STAFF, starts=TaskKind.REVIEW_COPY,
              notice="copied"),
    _received("mark_reviewed", RECEIVED_OPEN | {State.CONCLUDED}, None, _READERS, ends=TaskKind.REVIEW_COPY),
    _received("note", RECEIVED_OPEN | {State.CONCLUDED, State.CANCELLED}, None, _READERS),
    _received("conclude", {State.ASSIGNED, State.IN_ATTENTION, State.ANSWERED, State.SIGNED}, State.CONCLUDED,
              _ATTENDING, ends=TaskKind.ATTEND, notice="concluded"),
    _received("reopen", {State.CONCLUDED}, State.IN_ATTENTION, _ATTENDING, starts=TaskKind.ATTEND),
    _received("cancel", RECEIVED_OPEN, State.CANCELLED, _DESK, needs_reason=True, ends=TaskKind.ATTEND,
              notice="cancelled"),
    # It came twice, or is a request (`intake.counter.registering`): its thread goes on elsewhere.
    _received("merge", RECEIVED_OPEN, State.MERGED, {Who.OFICIALIA}, ends=TaskKind.ATTEND),
    _received("confirm_proposals", RECEIVED_OPEN, None, _STAFF),
    _received("correct", RECEIVED_OPEN, None, {Who.OFICIALIA}),
    _received("change_priority", RECEIVED_OPEN, None, _STAFF),
    _received("snooze", RECEIVED_OPEN, None, _ATTENDING),
    _received("wake", RECEIVED_OPEN, None, _ATTENDING),
    _received("follow_up", {State.REGISTERED, State.DIGITIZING, State.DISCHARGING, State.ASSIGNED,
              State.IN_ATTENTION}, None, {Who.REQUESTER, Who.SYSTEM}),
    _received("follow_up", {State.ANSWERED, State.SIGNED, State.CONCLUDED}, State.IN_ATTENTION,
              {Who.REQUESTER, Who.SYSTEM}, starts=TaskKind.ATTEND),
    # Issued documents (manual T).
    _issued("edit", {State.DRAFT}, None, {Who.AUTHOR}),
    _issued("submit", {State.DRAFT}, State.PENDING_APPROVAL, {Who.AUTHOR}, starts=TaskKind.APPROVE,
            notice="approval_asked"),
    _issued("approve", {State.DRAFT, State.PENDING_APPROVAL}, State.SENT, {Who.HEAD}, ends=TaskKind.APPROVE,
            notice="sent"),
    _issued("approve_for_signature", {State.DRAFT, State.PENDING_APPROVAL}, State.PENDING_SIGNATURE,
            {Who.HEAD}, ends=TaskKind.APPROVE, starts=TaskKind.SIGN, notice="signature_asked"),
    _issued("sign", {State.PENDING_SIGNATURE}, State.SENT, {Who.SIGNER}, ends=TaskKind.SIGN, notice="sent"),
    # One of several signers: the document waits for the others.
    _issued("sign_in_part", {State.PENDING_SIGNATURE}, None, {Who.SIGNER}),
    # Visto bueno: while one of those asked has not agreed, the head approves nothing (`issued.reviews`).
    _issued("ask_review", _UNDECIDED, None, {Who.AUTHOR, Who.HEAD}, starts=TaskKind.REVIEW,
            notice="review_asked"),
    _issued("agree", _UNDECIDED, None, {Who.CONSULTED}, ends=TaskKind.REVIEW),
    _issued("object", _UNDECIDED, None, {Who.CONSULTED}, needs_reason=True, ends=TaskKind.REVIEW,
            notice="review_objected"),
    _issued("override_reviews", _UNDECIDED, None, {Who.HEAD}, needs_reason=True, ends=TaskKind.REVIEW),
    _issued("return_draft", {State.PENDING_APPROVAL}, State.DRAFT, {Who.HEAD}, needs_reason=True,
            ends=TaskKind.APPROVE, notice="draft_returned"),
    _issued("return_draft", {State.PENDING_SIGNATURE}, State.DRAFT, {Who.HEAD, Who.SIGNER},
            needs_reason=True, ends=TaskKind.SIGN, notice="draft_returned"),
    _issued("discard", {State.DRAFT}, State.DISCARDED, {Who.AUTHOR}, needs_reason=True),
    _issued("discard", {State.PENDING_APPROVAL}, State.DISCARDED, {Who.HEAD}, needs_reason=True,
            ends=TaskKind.APPROVE, notice="discarded"),
    _issued("cancel", {State.SENT}, State.CANCELLED, {Who.HEAD, Who.HOLDER, Who.RECIPIENT},
            needs_reason=True, notice="document_cancelled"),
    _issued("reassign", {State.SENT}, None, {Who.RECIPIENT}, notice="document_reassigned"),
    _issued("note", ISSUED_OPEN | {State.SENT}, None, _READERS | {Who.AUTHOR}),
    _issued("follow_up", {State.SENT}, None, {Who.REQUESTER, Who.SYSTEM}),
)  # fmt: skip


class NotAllowed(Exception):
    """The table has no row for this action, state and actor. `action` and `state` say which."""

    def __init__(self, action: str, state: str) -> None:
        super().__init__(f"{action} is not allowed in state {state}")
        self.action, self.state = action, state


# These are done by reading or delivering, whatever becomes of the matter.
_OUTLASTING = frozenset({TaskKind.REVIEW_COPY, TaskKind.DELIVER, TaskKind.RETURN_ACUSE})
_ATTENTION = frozenset({TaskKind.ATTEND, TaskKind.ASSIGN_RESPONSIBLE})


def ended_tasks(row: Transition) -> frozenset[TaskKind]:
    """Every kind of task that *row* ends: nobody is left with a step that is none any more."""
    if row.target in FINAL:
        return frozenset(TaskKind) - _OUTLASTING | ({row.ends_task} if row.ends_task else frozenset())
    if row.ends_task in _ATTENTION:
        return _ATTENTION
    return frozenset({row.ends_task} if row.ends_task else ())


def process_of(case: Case) -> Process:
    """Which of the three flows *case* follows."""
    if case.kind == CaseKind.TICKET:
        return Process.TICKET
    assert isinstance(case, Oficio)
    return Process.RECEIVED if case.flow == Flow.RECEIVED else Process.ISSUED


_FIRST = {Process.TICKET: State.NEW, Process.RECEIVED: State.REGISTERED, Process.ISSUED: State.DRAFT}


def first_state(process: Process) -> State:
    """The state in which a case of *process* is born."""
    return _FIRST[process]


def relations(case: Case, account: Account, *, reads: bool = False) -> set[Who]:
    """How *account* stands to *case*; *reads*: it has a row in `case_access`."""
    found: set[Who] = set()
    if not account.is_active:
        return found
    if account.role == Role.OFICIALIA:
        found.add(Who.OFICIALIA)
    if account.role == Role.DIGITIZER:
        found.add(Who.DIGITIZER)
    if case.holder_id == account.id:
        found.add(Who.HOLDER)
    if case.dependencia is not None:
        if account.role == Role.HEAD and case.dependencia.path.startswith(account.dependencia.path):
            found.add(Who.HEAD)
        if account.role == Role.WORKER and case.dependencia_id == account.dependencia_id:
            found.add(Who.COLLEAGUE)
    if isinstance(case, Oficio) and case.author_id is not None and case.author_id == account.id:
        found.add(Who.AUTHOR)
    if reads:
        found.add(Who.READER)
    # Of an issued document only those sign who were asked to (`models.access`).
    is_issued = isinstance(case, Oficio) and case.flow == Flow.ISSUED
    if account.is_signer and not is_issued and (Who.HOLDER in found or Who.HEAD in found):
        found.add(Who.SIGNER)
    return found


def find_transition(case: Case, action: str, who: Iterable[Who]) -> Transition | None:
    """The row for *action* on *case* by somebody who is *who*; None when the table has none."""
    process, state, standing = process_of(case), State(case.state), set(who)
    for row in TRANSITIONS:
        if row.process == process and row.action == action and state in row.sources and row.who & standing:
            return row
    return None


def get_transition(case: Case, action: str, who: Iterable[Who]) -> Transition:
    """Like `find_transition`, but raises NotAllowed."""
    row = find_transition(case, action, who)
    if row is None:
        raise NotAllowed(action, case.state)
    return row


def allowed_actions(case: Case, who: Iterable[Who]) -> list[Transition]:
    """The rows that may be used now, in the order of the table: which buttons appear."""
    process, state, standing = process_of(case), State(case.state), set(who)
    return [
        row for row in TRANSITIONS if row.process == process and state in row.sources and row.who & standing
    ]


def enter(case: Case, state: State) -> None:
    """Put *case* in *state*; the only place that writes `Case.state`."""
    case.state = state
    # What is being written waits in the folders of its board, and for nobody to attend it.
    case.is_open = state not in FINAL | ISSUED_OPEN
    if not case.is_open or state == State.WAITING:
        case.is_overdue = False
