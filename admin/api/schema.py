"""What goes in and what comes out, as pydantic models: they check requests, and OpenAPI is made from them.

Answers about a case have the keys of `oficialia show --json` (`intake.running.reports`).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from admin.api.values import Asked, Count, Day, Instant, Line, Moment, Number, Sha256, Text, Title, Told
from models.case import CaseKind, Priority
from models.service_field import FieldKind
from models.workflow import State

Limit = Annotated[int, Field(ge=1, le=100)]
Cursor = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z_.-]{1,200}$")]
Siglas = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z_.-]{1,20}$")]
Slug = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z_-]{1,80}$")]
Url = Annotated[str, StringConstraints(pattern=r"^https?://[!-~]{1,1900}$")]
Address = Annotated[str, StringConstraints(max_length=320)]
Addresses = Annotated[list[Address], Field(max_length=50)]
# To what a service asks, by the words of the question; to one that wants a file, its SHA-256.
GivenAnswers = Annotated[dict[str, Text], Field(max_length=50)]
# Files that were sent before, by their SHA-256.
Uploads = Annotated[list[Sha256], Field(max_length=20)]
Subscribable = Literal[
    "case.opened", "case.assigned", "case.follow_up", "case.answered", "case.noted", "case.state_changed",
    "case.overdue", "case.rated",
]  # fmt: skip


# Asked.


class PageQuery(Asked):
    cursor: Cursor | None = None
    limit: Limit = 50


class CaseQuery(PageQuery):
    state: State | None = None
    kind: CaseKind | None = None
    dependencia: Siglas | None = None
    since: Instant | None = None
    words: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None


class NewCase(Asked):
    subject: Title
    text: Text = ""
    requester_name: Line = ""
    requester_address: Address
    service: Slug | None = None
    answers: GivenAnswers | None = None
    uploads: Uploads = []


class NewFollowUp(Asked):
    text: Text = ""
    uploads: Uploads = []


class NewNote(Asked):
    text: Text = ""
    uploads: Uploads = []


class NewFiles(Asked):
    """Nothing but the files themselves."""


class NewAnswer(Asked):
    text: Text = ""
    then: Literal["answer", "answer_and_wait", "answer_and_resolve"] = "answer"
    channel: Literal["email", "telegram"] | None = None
    to: Addresses | None = None
    cc: Addresses | None = None
    uploads: Uploads = []


class ActionBody(Asked):
    """What the form of an action asks; each action reads its own."""

    reason: Text | None = None
    instruction: Text | None = None
    dependencia: Siglas | None = None
    account: Number | None = None
    due_at: Instant | None = None
    until: Instant | None = None
    on: Day | None = None
    priority: Priority | None = None
    service: Slug | None = None
    quantity: Number | None = None
    folio: Annotated[str, StringConstraints(max_length=60)] | None = None
    message: Number | None = None
    text: Text | None = None
    cancel: bool | None = None


class NewWebhook(Asked):
    url: Url
    events: Annotated[list[Subscribable], Field(min_length=1, max_length=20)]


# Told.


class NamedDependencia(Told):
    siglas: str
    name: str


class NamedAccount(Told):
    name: str
    role: str
    dependencia: str


class Requester(Told):
    name: str
    addresses: list[str]


class CaseSummary(Told):
    folio: str
    kind: CaseKind
    subject: str
    state: State
    is_open: bool
    priority: Priority
    channel: str
    requester: Requester
    dependencia: NamedDependencia | None
    holder: NamedAccount | None
    created_at: Moment
    last_activity_at: Moment
    due_at: Moment | None
    is_overdue: bool


class CasePage(Told):
    items: list[CaseSummary]
    next: str | None


class Sender(Told):
    name: str
    address: str


class FileOfMessage(Told):
    filename: str
    content_type: str
    size: Count
    sha256: str
    inline: bool
    danger: str


class MessageOfCase(Told):
    id: int
    direction: Literal["in", "out", "note"]
    channel: str
    sender: Sender
    author: NamedAccount | None
    at: Moment
    subject: str
    text: str
    reply_text: str
    recipients: list[dict[str, Any]]
    match_reason: str
    robot: str
    attachments: list[FileOfMessage]


class FieldOfCase(Told):
    """What was answered to a question of the service, with its words as they were then."""

    label: str
    kind: FieldKind
    value: str


class TurnoOfCase(Told):
    kind: str
    state: str
    by: NamedAccount | None = Field(alias="from")
    to_dependencia: NamedDependencia | None
    to: NamedAccount | None
    instruction: str
    reason: str
    created_at: Moment
    due_at: Moment | None
    ended_at: Moment | None


class TaskOfCase(Told):
    kind: str
    state: str
    account: NamedAccount | None
    dependencia: NamedDependencia | None
    role: str | None
    instruction: str
    created_at: Moment
    due_at: Moment | None
    ended_at: Moment | None


class EventOfCase(Told):
    sequence: int
    at: Moment
    action: str
    account: NamedAccount | None
    actor: str
    data: dict[str, Any]
    hash: str


class WholeCase(CaseSummary):
    service: str | None
    routing_reason: str
    snoozed_until: Moment | None
    resolved_at: Moment | None
    closed_at: Moment | None
    merged_into: str | None
    messages: list[MessageOfCase]
    fields: list[FieldOfCase]
    turnos: list[TurnoOfCase]
    tasks: list[TaskOfCase]
    events: list[EventOfCase]


class Filed(Told):
    """A message that was written."""

    folio: str
    state: State
    message: int


class SentFile(Told):
    """A file that may be named by its SHA-256 for a while."""

    filename: str
    content_type: str
    size: Count
    sha256: str
    kept_until: Moment


class SentFiles(Told):
    items: list[SentFile]


class Action(Told):
    action: str
    target: State | None
    needs_reason: bool


class Actions(Told):
    items: list[Action]


class FieldOfService(Told):
    """What a service asks besides subject and text."""

    label: str
    help: str
    kind: FieldKind
    choices: list[str]
    is_required: bool


class Service(Told):
    slug: str
    name: str
    classification: str
    description: str
    requirements: str
    dependencia: NamedDependencia
    asks_location: bool
    fields: list[FieldOfService]


class ServicePage(Told):
    items: list[Service]
    next: str | None


class Dependencia(Told):
    siglas: str
    name: str
    kind: str
    parent: str | None


class DependenciaPage(Told):
    items: list[Dependencia]
    next: str | None


class Document(Told):
    folio: str
    document_type: str
    subject: str
    state: State
    number: int | None
    dependencia: NamedDependencia | None
    author: NamedAccount | None
    issuer: NamedAccount | None
    approved_at: Moment | None
    sent_at: Moment | None
    cancelled_at: Moment | None
    verification_code: str | None
    has_pdf: bool


class DocumentPage(Told):
    items: list[Document]
    next: str | None


class Webhook(Told):
    id: int
    url: str
    events: list[Subscribable]
    created_at: Moment
    last_delivered_at: Moment | None
    failing_since: Moment | None
    last_error: str
    disabled_at: Moment | None


class NewWebhookTold(Webhook):
    """With the secret, which is told this once."""

    secret: str


class Webhooks(Told):
    items: list[Webhook]


class Ping(Told):
    webhook: int
    message: str


class Token(Told):
    name: str
    scopes: list[str]
    expires_at: Moment


class Me(Told):
    person: str
    email: str | None
    role: str
    account: int
    dependencia: NamedDependencia
    token: Token
    requests_per_minute: int
